//! A price, its age and its change, live.

use std::time::Duration;

use leptos::prelude::*;
use shared::quote::{Freshness, Source};
use shared::token::TokenKey;

use super::common::Signed;
use crate::desk::{View, use_desk};
use crate::format::{self, number::Way, words};

/// A token's price. A tick tints it for a moment.
#[component]
pub fn LivePrice(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let price = Memo::new(move |_| desk.quote(token.get()).map(|quote| quote.price));
    let tint = RwSignal::new("");
    Effect::new(move |before: Option<(TokenKey, Option<_>)>| {
        let (key, now) = (token.get(), price.get());
        if let Some((old_key, Some(old))) = before
            && old_key == key
            && let Some(new) = now
            && new != old
        {
            tint.set(if new > old { "tick-up" } else { "tick-down" });
            set_timeout(
                move || {
                    let _ = tint.try_set("");
                },
                Duration::from_millis(450),
            );
        }
        (key, now)
    });
    view! {
        <span class=move || format!("num {}", tint.get()) data-testid="price">
            {move || price.get().map_or_else(|| format::number::UNKNOWN.to_owned(), format::price)}
        </span>
    }
}

/// A token's change over 24 hours.
#[component]
pub fn LiveChange(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let change = Memo::new(move |_| {
        let key = token.get();
        desk.view.with(|view: &View| {
            view.changes.get(&key).map(|change| (Way::of(change.0.round_dp(2)), format::percent(change.0)))
        })
    });
    view! { <Signed figure=change/> }
}

/// A dot for a price's age: filled while fresh, half while stale, hollow when expired or unknown.
#[component]
pub fn AgeDot(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let freshness = Memo::new(move |_| desk.freshness(token.get()));
    let words = move || freshness.get().map_or("no price", words::freshness);
    view! {
        <span
            class="dot"
            data-age=move || freshness.get().map(words::freshness)
            title=move || format!("Price: {}", words())
        >
            <span class="unseen">{words}</span>
        </span>
    }
}

/// A price's age and source in words: `12 s old, CoinGecko`.
#[component]
pub fn PriceAge(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let text = move || {
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
    };
    let title = move || match desk.quote(token.get()) {
        Some(quote) if quote.source != Source::Pinned => {
            let upstream = quote
                .upstream_at
                .map_or_else(String::new, |at| format!("; changed at the source {}", format::date_time(at)));
            format!("Fetched {}{upstream}", format::date_time(quote.as_of))
        }
        Some(_) | None => String::new(),
    };
    let class = move || match desk.freshness(token.get()) {
        Some(Freshness::Stale) => "num warn",
        Some(Freshness::Expired) => "num loss",
        Some(Freshness::Fresh) | None => "num faint",
    };
    view! {
        <span class=class title=title data-testid="price-age">
            {text}
        </span>
    }
}
