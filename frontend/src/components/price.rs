//! A price, its age and its change, live.

use leptos::prelude::*;
use shared::quote::{Freshness, Source};
use shared::token::TokenKey;

use super::common::{Signed, text};
use crate::desk::use_desk;
use crate::format::{self, number::Way, words};

/// A token's price. A tick tints it for a moment.
#[component]
pub fn LivePrice(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    move || {
        let cell = desk.cell(token.get());
        let class = ["num ", cell.tint.get()].concat();
        let price = cell.price.get().map_or_else(|| format::number::UNKNOWN.to_owned(), format::price);
        view! { <span class=class data-testid="price">{price}</span> }
    }
}

/// A token's change over 24 hours.
#[component]
pub fn LiveChange(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let change = Signal::derive(move || {
        let change = desk.cell(token.get()).change.get();
        change.map(|change| (Way::of(change), format::percent(change)))
    });
    view! { <Signed figure=change/> }
}

/// A dot for a price's age: filled while fresh, half while stale, hollow when expired or unknown.
#[component]
pub fn AgeDot(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    move || {
        let freshness = desk.cell(token.get()).freshness.get();
        let age = freshness.map_or("", words::freshness);
        let words = freshness.map_or("no price", words::freshness);
        view! {
            <span class="dot" data-age=age title=["Price: ", words].concat()>
                <span class="unseen">{words}</span>
            </span>
        }
    }
}

/// A price's age and source in words: `12 s old, CoinGecko`.
#[component]
pub fn PriceAge(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let words = text(move || {
        let key = token.get();
        match desk.quote(key) {
            Some(quote) if quote.source == Source::Pinned => words::source(quote.source).to_owned(),
            Some(quote) => {
                format!("{} old, {}", format::age(quote.age_ms(desk.now.get())), words::source(quote.source))
            }
            None => desk.view.with(|view| {
                view.missing.get(&key).map_or_else(|| "no price".to_owned(), |reason| reason.message().to_owned())
            }),
        }
    });
    let title = text(move || match desk.quote(token.get()) {
        Some(quote) if quote.source != Source::Pinned => {
            let upstream = quote
                .upstream_at
                .map_or_else(String::new, |at| format!("; changed at the source {}", format::date_time(at)));
            format!("Fetched {}{upstream}", format::date_time(quote.as_of))
        }
        Some(_) | None => String::new(),
    });
    let class = text(move || {
        let class = match desk.cell(token.get()).freshness.get() {
            Some(Freshness::Stale) => "num warn",
            Some(Freshness::Expired) => "num bad",
            Some(Freshness::Fresh) | None => "num faint",
        };
        class.to_owned()
    });
    view! {
        <span class=class title=title data-testid="price-age">
            {words}
        </span>
    }
}
