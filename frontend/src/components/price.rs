//! A price, its age and its change, live.

use std::time::Duration;

use leptos::prelude::*;
use shared::quote::{Freshness, Source};
use shared::token::TokenKey;

use super::common::{Signed, text};
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
        <span class=text(move || format!("num {}", tint.get())) data-testid="price">
            {text(move || price.get().map_or_else(|| format::number::UNKNOWN.to_owned(), format::price))}
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
            view.changes.get(&key).map(|change| (Way::of(change.round_dp(2)), format::percent(*change)))
        })
    });
    view! { <Signed figure=change/> }
}

/// A dot for a price's age: filled while fresh, half while stale, hollow when expired or unknown.
#[component]
pub fn AgeDot(#[prop(into)] token: Signal<TokenKey>) -> impl IntoView {
    let desk = use_desk();
    let freshness = Memo::new(move |_| desk.freshness(token.get()));
    let words = text(move || freshness.get().map_or("no price", words::freshness).to_owned());
    view! {
        <span
            class="dot"
            data-age=text(move || freshness.get().map_or("", words::freshness).to_owned())
            title=text(move || format!("Price: {}", words.get()))
        >
            <span class="unseen">{words}</span>
        </span>
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
        let class = match desk.freshness(token.get()) {
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
