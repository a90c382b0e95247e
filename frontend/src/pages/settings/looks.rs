//! How the page looks on this device, and which keys it takes.

use leptos::prelude::*;

use crate::components::common::Segments;
use crate::components::keys::SingleKeys;
use crate::components::looks::{COLOURS, Looks, NUMBERS};
use crate::components::theme::{Theme, ThemeChoice};
use crate::format::marks::marks;
use crate::later::later;

/// Names of the ways to write a number, for tests.
const NUMBER_NAMES: [&str; 6] =
    ["numbers-system", "numbers-point", "numbers-comma", "numbers-space", "numbers-apostrophe", "numbers-lakh"];
/// Names of the colours, for tests.
const COLOUR_NAMES: [&str; 3] = ["colours-green", "colours-red", "colours-blue"];
/// The themes, in the order of their segments.
const THEMES: [Theme; 3] = [Theme::System, Theme::Light, Theme::Dark];

/// The choices. Each holds at once; there is nothing to save.
#[component]
pub fn LooksForm() -> impl IntoView {
    let ThemeChoice(theme) = expect_context();
    let looks: Looks = expect_context();
    let SingleKeys(keys) = expect_context();
    let themes: Vec<_> = ["System", "Light", "Dark"]
        .into_iter()
        .zip(["theme-system", "theme-light", "theme-dark"])
        .enumerate()
        .map(|(at, (words, name))| (at, words.to_owned(), name))
        .collect();
    let numbers: Vec<_> = NUMBERS
        .iter()
        .zip(NUMBER_NAMES)
        .enumerate()
        .map(|(at, ((_, kind), name))| {
            let sample = kind.map_or_else(
                || "System".to_owned(),
                |marks| {
                    let mut sample = marks.grouped("1234567");
                    sample.push(marks.point);
                    sample.push('8');
                    sample
                },
            );
            (at, sample, name)
        })
        .collect();
    let colours: Vec<_> = COLOURS
        .iter()
        .zip(COLOUR_NAMES)
        .enumerate()
        .map(|(at, ((_, words), name))| (at, (*words).to_owned(), name))
        .collect();
    let theme_at = Signal::derive(move || THEMES.iter().position(|known| *known == theme.get()).unwrap_or(0));
    // Shown to whoever types an amount: both marks in one figure.
    let example = move || {
        looks.numbers.track();
        let marks = marks();
        let mut sample = marks.grouped("1234");
        sample.push(marks.point);
        sample + "56"
    };
    view! {
        <section aria-labelledby="looks">
            <h2 id="looks">"Looks"</h2>
            <div class="form">
                <div class="field">
                    <span class="field-label">"Theme"</span>
                    <Segments label="Theme" options=themes value=theme_at on_choose=move |at: usize| theme.set(THEMES[at])/>
                    <p class="field-hint">"System follows your device."</p>
                </div>
                <div class="field">
                    <span class="field-label">"Numbers"</span>
                    <Segments label="Numbers" options=numbers value=looks.numbers on_choose=move |at| looks.choose_numbers(at) class="chips"/>
                    <p class="field-hint">"How figures are written, and how you type them: " <span class="num" data-testid="numbers-example">{example}</span> "."</p>
                </div>
                <div class="field">
                    <span class="field-label">"Gain and loss"</span>
                    <Segments label="Gain and loss" options=colours value=looks.colours on_choose=move |at| looks.colours.set(at) class="chips"/>
                    <p class="field-hint">
                        "A sign and a triangle always stand beside the colour: "
                        <span class="gain num"><span class="triangle" aria-hidden="true">"▲"</span>"+1.25%"</span>
                        " "
                        <span class="loss num"><span class="triangle" aria-hidden="true">"▼"</span>"\u{2212}0.80%"</span>
                    </p>
                </div>
                <div class="field">
                    <label class="check">
                        <input type="checkbox" data-testid="single-keys" prop:checked=keys on:change=move |event| keys.set(event_target_checked(&event))/>
                        <span>"Single keys"</span>
                    </label>
                    <p class="field-hint">{later!("Keys such as / to search and b to buy, while you are not typing. ? lists them.")}</p>
                </div>
            </div>
        </section>
    }
}
