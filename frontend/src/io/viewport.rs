//! Which part of a long list is on the screen, and hearing of it when that changes.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::Element;

/// Where a list of rows of one height lies, in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// How much of it lies above the screen; negative where it begins further down.
    pub above: f64,
    /// The screen's height.
    pub height: f64,
    /// The height of a row, where one is there to be measured.
    pub row: Option<f64>,
}

/// Where `list` lies now; `row` selects one of its rows.
pub fn seen(list: &Element, row: &str) -> Seen {
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or_default();
    let row = list.query_selector(row).ok().flatten().map(|row| row.get_bounding_client_rect().height());
    Seen { above: -list.get_bounding_client_rect().top(), height, row: row.filter(|row| *row > 0.0) }
}

/// Calls `look` whenever something scrolled, be it the page or a part of it, or the window changed its size;
/// as long as the component lives.
pub fn on_change(look: impl Fn() + 'static) {
    let heard = Closure::<dyn Fn()>::new(look).into_js_value();
    let heard: js_sys::Function = heard.unchecked_into();
    for event in EVENTS {
        // A part of the page does not bubble its scrolling; on the way down everybody can hear it.
        let _ = window().add_event_listener_with_callback_and_bool(event, &heard, true);
    }
    let heard = StoredValue::new_local(heard);
    on_cleanup(move || {
        heard.with_value(|heard| {
            for event in EVENTS {
                let _ = window().remove_event_listener_with_callback_and_bool(event, heard, true);
            }
        });
    });
}

const EVENTS: [&str; 2] = ["scroll", "resize"];
