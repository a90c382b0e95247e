//! A gain or a loss: sign, triangle and colour together, `-` where it is unknown.

use leptos::prelude::*;

use crate::format::number::{UNKNOWN, Way};

/// A figure with its way. `figure` is its text, sign included; `None` where it is unknown.
#[component]
pub fn Signed(#[prop(into)] figure: Signal<Option<(Way, String)>>) -> impl IntoView {
    // One reader a figure: what one tick changes is drawn at one go.
    move || {
        let (class, triangle, shown) = match figure.get() {
            Some((way, shown)) => (["num ", way.class()].concat(), way.triangle(), shown),
            None => ("num faint".to_owned(), "", UNKNOWN.to_owned()),
        };
        view! {
            <span class=class>
                <span class="triangle" aria-hidden="true">{triangle}</span>
                {shown}
            </span>
        }
    }
}
