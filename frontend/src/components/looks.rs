//! How figures look on this device: the marks between digits, and the colours of gain and loss.

use leptos::prelude::*;

use crate::format::marks::{Marks, set_marks};
use crate::io::preferences::{self, Preference};

/// Ways to write a number: its name in the preference, and its marks. The first is the browser's own.
pub const NUMBERS: [(&str, Option<Marks>); 6] = [
    ("system", None),
    ("point", Some(Marks::POINT)),
    ("comma", Some(Marks::COMMA)),
    ("space", Some(Marks::SPACE)),
    ("apostrophe", Some(Marks::APOSTROPHE)),
    ("lakh", Some(Marks::LAKH)),
];

/// Colours of gain and loss: their name in the preference and on the root, and what they are.
pub const COLOURS: [(&str, &str); 3] =
    [("green", "Green and red"), ("red", "Red and green"), ("blue", "Blue and orange")];

/// What was chosen, by its place in [`NUMBERS`] and [`COLOURS`].
#[derive(Clone, Copy)]
pub struct Looks {
    /// The marks between digits. A change is seen by what is drawn from then on.
    pub numbers: RwSignal<usize>,
    /// The colours of gain and loss.
    pub colours: RwSignal<usize>,
}

/// Reads the choices and keeps the page to them.
pub fn provide_looks() -> Looks {
    let numbers = preferences::get(Preference::Numbers);
    let colours = preferences::get(Preference::Colours);
    let looks = Looks {
        numbers: RwSignal::new(NUMBERS.iter().position(|(name, _)| Some(*name) == numbers.as_deref()).unwrap_or(0)),
        colours: RwSignal::new(COLOURS.iter().position(|(name, _)| Some(*name) == colours.as_deref()).unwrap_or(0)),
    };
    provide_context(looks);
    // At once, not in an effect: the first figures are drawn with them.
    set_marks(NUMBERS[looks.numbers.get_untracked()].1.unwrap_or_else(browsers));
    Effect::new(move |_| {
        let at = looks.colours.get();
        let name = (at > 0).then_some(COLOURS[at].0);
        preferences::set(Preference::Colours, name);
        if let Some(root) = document().document_element() {
            let _ = match name {
                Some(name) => root.set_attribute("data-colours", name),
                None => root.remove_attribute("data-colours"),
            };
        }
    });
    looks
}

impl Looks {
    /// Takes another way to write numbers, for everything that is drawn from now on.
    pub fn choose_numbers(self, at: usize) {
        let Some((name, marks)) = NUMBERS.get(at) else { return };
        preferences::set(Preference::Numbers, (at > 0).then_some(*name));
        set_marks(marks.unwrap_or_else(browsers));
        self.numbers.set(at);
    }
}

/// The marks of the browser's own country, with the digits this page has.
fn browsers() -> Marks {
    let mut tag = window().navigator().language().unwrap_or_default();
    // Known without asking: the browser's first look into its tables of countries takes longer than a fifth of
    // everything else that is done before the first picture.
    if matches!(tag.as_str(), "en-US" | "en-GB" | "en") {
        return Marks::of_sample("12,345,678.5");
    }
    if !tag.contains("-u-") {
        tag.push_str("-u-nu-latn");
    }
    let sample = js_sys::Number::from(12_345_678.5).to_locale_string(&tag);
    Marks::of_sample(&sample.as_string().unwrap_or_default())
}
