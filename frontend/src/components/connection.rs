//! How prices reach this page: told as they change, asked for, or not at all.

use leptos::prelude::*;
use shared::ledger::MarketKind;

use super::common::text;
use crate::desk::{Line, Link, use_desk};
use crate::router::A;

/// The connection in a word and a dot, and the way to what is known of prices. The demo market needs none, and shows none.
#[component]
pub fn Connection() -> impl IntoView {
    let desk = use_desk();
    // Its name, what it is called, its dot's looks, and what it means.
    let state = Memo::new(move |_| {
        if desk.market_kind() != Some(MarketKind::Real) {
            return None;
        }
        Some(match desk.line.get() {
            _ if desk.link.with(Link::is_lost) => {
                ("offline", "offline", "expired", "The server cannot be reached. The page tries again by itself.")
            }
            Line::Live => ("live", "connected", "fresh", "The server tells prices the moment they change."),
            Line::Broken => (
                "reconnecting",
                "reconnecting",
                "stale",
                "The live connection broke. Until it is back, prices are asked for every 15 seconds.",
            ),
            Line::Asking => ("asking", "every 15 s", "stale", "Prices are asked for every 15 seconds."),
        })
    });
    let part = move |read: fn((&'static str, &'static str, &'static str, &'static str)) -> &'static str| {
        text(move || state.get().map_or("", read).to_owned())
    };
    view! {
        <Show when=move || state.read().is_some()>
            <span data-testid="connection" data-state=part(|state| state.0) title=part(|state| state.3)>
                <A href="/prices" class="connection small">
                    <span class="dot" data-age=part(|state| state.2)></span>
                    <span class="unseen">"Prices: "</span>
                    <span class="connection-words">{part(|state| state.1)}</span>
                </A>
            </span>
        </Show>
    }
}
