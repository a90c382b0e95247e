//! A gain or a loss: sign, triangle and colour together, `-` where it is unknown.

use leptos::prelude::*;

use super::text;
use crate::format::number::{UNKNOWN, Way};

/// A figure with its way. `figure` is its text, sign included; `None` where it is unknown.
#[component]
pub fn Signed(#[prop(into)] figure: Signal<Option<(Way, String)>>) -> impl IntoView {
    let class = text(move || match figure.read().as_ref() {
        Some((way, _)) => format!("num {}", way.class()),
        None => "num faint".to_owned(),
    });
    let triangle = text(move || figure.read().as_ref().map_or("", |(way, _)| way.triangle()).to_owned());
    let shown = text(move || figure.read().as_ref().map_or_else(|| UNKNOWN.to_owned(), |(_, shown)| shown.clone()));
    view! {
        <span class=class>
            <span class="triangle" aria-hidden="true">{triangle}</span>
            {shown}
        </span>
    }
}
