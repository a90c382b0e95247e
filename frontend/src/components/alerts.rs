//! What is wrong in the market: a strip while it is so, a list of what was.

use leptos::prelude::*;
use shared::wire::{AlertKind, Severity};

use crate::desk::{Desk, use_desk};
use crate::format::date_time;
use crate::router::A;

/// The alerts that stand and were not dismissed. A screen reader hears of each once when it begins and once
/// when it is over; the strip's own figures move without a word.
#[component]
pub fn AlertStrip() -> impl IntoView {
    let desk = use_desk();
    view! {
        <p class="unseen" role="status" data-testid="alert-said">{said(desk)}</p>
        {move || {
            let alerts = desk.alerts.read();
            let shown = || alerts.iter().filter(|noted| noted.is_shown());
            let is_critical = shown().any(|noted| noted.alert.severity == Severity::Critical);
            let words: Vec<_> = shown().map(|noted| noted.alert.message.clone()).collect();
            (!words.is_empty()).then(|| view! {
                <section class=if is_critical { "banner banner-loss" } else { "banner" } aria-label="Alerts" data-testid="banner-alert">
                    <p><strong>{words.join(" ")}</strong></p>
                    <A href="/prices" class="banner-more">"All alerts"</A>
                    <button type="button" class="button" data-testid="dismiss-alerts" on:click=move |_| desk.dismiss_alerts()>"Dismiss"</button>
                </section>
            }
            .into_any())
        }}
    }
}

/// What there is to say: which alerts began and which are over.
fn said(desk: Desk) -> Memo<String> {
    Memo::new(move |_| {
        desk.alerts.with(|alerts| {
            let Some(last) = alerts.iter().max_by_key(|noted| noted.over.unwrap_or(noted.alert.since)) else {
                return String::new();
            };
            let how = match (last.alert.kind, last.over) {
                (AlertKind::Depeg, Some(_)) => " is back at its peg.",
                (AlertKind::Depeg, None) => " is off its peg.",
                (AlertKind::Unknown, Some(_)) => ": an alert is over.",
                (AlertKind::Unknown, None) => ": there is an alert.",
            };
            [&last.alert.subject, how].concat()
        })
    })
}

/// Every alert of this visit, newest first.
pub fn alert_list(desk: Desk) -> AnyView {
    view! {
        {move || {
            let alerts = desk.alerts.read();
            if alerts.is_empty() {
                return view! { <p class="faint">"Nothing since this page was loaded."</p> }.into_any();
            }
            let line = |noted: &crate::desk::alerts::Noted| {
                let until = noted.over.map_or_else(|| ", and still is".to_owned(), |over| [" until ", &date_time(over)].concat());
                let words = ["From ", &date_time(noted.alert.since), &until].concat();
                view! { <li><p>{noted.alert.message.clone()}</p><p class="faint small">{words}</p></li> }.into_any()
            };
            view! { <ul class="rows" data-testid="alert-list">{alerts.iter().rev().map(line).collect_view()}</ul> }.into_any()
        }}
    }
    .into_any()
}
