//! Single keys: `/` searches, `b` buys, `?` lists them all.
//!
//! What a key does stands where it is done: an element names its key in `aria-keyshortcuts`, which screen
//! readers say too, and the key presses that element, or focuses it where it is a field. No key is taken
//! while somebody types, while a sheet is open, or together with Control, Alt or Meta.

use leptos::ev::{self, KeyboardEvent};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, HtmlElement};

use super::common::Sheet;
use crate::io::preferences::{self, Preference};

/// The keys, in the words of the list.
const KEYS: [(&str, &str); 14] = [
    ("/", "Search the markets"),
    ("↑ ↓", "Move through the markets, once one has the focus"),
    ("b", "Buy"),
    ("s", "Sell"),
    ("w", "Swap"),
    ("x", "Turn the two sides of a swap round"),
    ("a", "The amount"),
    ("Enter", "Review the order; once more, confirm it"),
    ("Esc", "Back out of a review, leave a field, close a sheet"),
    ("t", "Trade"),
    ("p", "Portfolio"),
    ("h", "History"),
    (",", "Settings"),
    ("?", "This list"),
];

/// Whether single keys are taken. They can be turned off: some people speak to their computers, and every
/// word would be keys.
#[derive(Clone, Copy)]
pub struct SingleKeys(pub RwSignal<bool>);

/// The listener, and the list behind `?` with its button.
#[component]
pub fn KeyList() -> impl IntoView {
    let SingleKeys(are_on) = expect_context();
    let is_open = RwSignal::new(false);
    let listener = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        if are_on.get_untracked() && is_for_the_page(&event) && press(&event.key()) {
            event.prevent_default();
        }
    });
    on_cleanup(move || listener.remove());
    view! {
        <button type="button" class="button button-quiet button-icon keys-button" aria-label="Keys" title="Keys (?)" aria-keyshortcuts="?" data-testid="keys"
            on:click=move |_| is_open.set(true)>"?"</button>
        <Show when=move || is_open.get()>
            <Sheet title="Keys" on_close=move |()| is_open.set(false)>
                <dl class="figures" data-testid="key-list">
                    {KEYS.map(|(key, does)| view! { <div><dt>{does}</dt><dd><kbd>{key}</kbd></dd></div> }.into_any()).into_iter().collect_view()}
                </dl>
                <p class="faint small">"None of them is taken while you type. Single keys can be turned off in Settings."</p>
            </Sheet>
        </Show>
    }
}

/// Reads whether single keys are taken, and keeps the choice.
pub fn provide_keys() {
    let choice = RwSignal::new(preferences::get(Preference::Keys).is_none());
    provide_context(SingleKeys(choice));
    Effect::new(move |_| preferences::set(Preference::Keys, (!choice.get()).then_some("off")));
}

/// Takes the focus out of the field it is in, so that single keys go to the page.
pub fn leave_field() {
    if let Some(field) = document().active_element() {
        let _ = field.unchecked_into::<HtmlElement>().blur();
    }
}

fn is_for_the_page(event: &KeyboardEvent) -> bool {
    let is_typing = || {
        let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
        target.is_some_and(|element| {
            element.closest("input,textarea,select,[contenteditable]").is_ok_and(|found| found.is_some())
        })
    };
    let has_sheet = || document().query_selector("dialog[open]").is_ok_and(|found| found.is_some());
    !event.default_prevented()
        && !event.ctrl_key()
        && !event.alt_key()
        && !event.meta_key()
        && !event.repeat()
        && !is_typing()
        && !has_sheet()
}

/// Presses the element of a key, or focuses it where it is a field. Whether there was one.
fn press(key: &str) -> bool {
    // One letter or mark: nothing else is a key of ours, and nothing else could break out of the selector.
    if key.chars().count() != 1 || matches!(key, "\"" | "\\") {
        return false;
    }
    let selector = ["[aria-keyshortcuts=\"", key, "\"]"].concat();
    let Some(element) = document().query_selector(&selector).ok().flatten() else { return false };
    let element: HtmlElement = element.unchecked_into();
    if element.tag_name() == "INPUT" {
        let is_hidden = element.offset_width() == 0;
        if is_hidden && let Ok(Some(opener)) = document().query_selector("[data-testid=open-markets]") {
            opener.unchecked_into::<HtmlElement>().click();
        }
        request_animation_frame(move || {
            let _ = element.focus();
        });
    } else {
        element.click();
    }
    true
}
