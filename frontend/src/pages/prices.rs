//! Where prices come from and what they cost: the server's own statistics, its source, its alerts.

use js_sys::Reflect;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::quote::Freshness;
use wasm_bindgen::JsValue;

use crate::components::alerts::alert_list;
use crate::components::common::Line;
use crate::desk::{Desk, use_desk};
use crate::format::words;
use crate::format::{age, date_time, number};
use crate::io::api;

/// A figure of the server: its name there, its name here, what it means, and how it is read.
type Row = (&'static str, &'static str, &'static str, fn(f64) -> String);

const ROWS: [Row; 14] = [
    ("requests", "Requests for prices", "Each may ask for hundreds of tokens.", count),
    ("hits", "Prices served fresh", "From memory, younger than the freshness shown in How figures are made.", count),
    ("stale_hits", "Prices served stale", "From memory at once, while they were being renewed.", count),
    ("expired", "Prices served expired", "They could not be renewed, and said so.", count),
    ("misses", "Prices waited for", "Not known before, or not to be had.", count),
    ("hit_rate_ppm", "Served without waiting", "Of all prices served.", share),
    ("calls", "Calls to CoinGecko for prices", "Good or not. They are what a plan limits.", count),
    ("bulk_calls", "Of them for many coins at once", "One call covers every watched token of all chains.", count),
    ("failed_calls", "Of them failed", "The last known prices stand in, with their age.", count),
    ("calls_saved", "Calls saved", "Against one call for each price of each request.", count),
    ("latency_p50_ms", "Half of the calls took at most", "Of the last thousand.", millis),
    ("latency_p99_ms", "99 of 100 took at most", "Of the last thousand.", millis),
    ("watched", "Coins watched now", "Somebody asked for them lately, so they are kept fresh. Nothing else is.", count),
    ("kept", "Coins with a price", "However old. They outlive a restart of the server.", count),
];

/// What the server said, or why it did not.
type Told = Option<Result<(JsValue, JsValue), String>>;

/// `/prices`
#[component]
pub fn Prices() -> impl IntoView {
    let desk = use_desk();
    let told: RwSignal<Told, LocalStorage> = RwSignal::new_local(None);
    ask(told);
    view! {
        <div class="page page-text" data-testid="prices-page">
            <div class="page-head">
                <h1>"Prices"</h1>
                <div class="actions">
                    <button type="button" class="button" data-testid="prices-again" on:click=move |_| ask(told)>"Look again"</button>
                </div>
            </div>
            <section><h2>"On this page"</h2>{move || here(desk)}</section>
            <section><h2>"Alerts"</h2>{alert_list(desk)}</section>
            <section>
                <h2>"At the server"</h2>
                {move || told.with(|answer| match answer {
                    None => view! { <p class="faint">"Asking the server…"</p> }.into_any(),
                    Some(Err(cause)) => view! {
                        <div class="empty" data-testid="prices-unknown">
                            <p>{["The server did not say: ", cause, ". Prices on this page keep their age and go on. Try again, or trade in the demo market, which needs no server."].concat()}</p>
                            <button type="button" class="button" on:click=move |_| ask(told)>"Try again"</button>
                        </div>
                    }.into_any(),
                    Some(Ok((stats, status))) => figures(stats, status),
                })}
            </section>
        </div>
    }
}

fn ask(told: RwSignal<Told, LocalStorage>) {
    spawn_local(async move {
        let answer = async {
            Ok::<_, api::ApiError>((api::figures("/api/v1/prices/stats").await?, api::figures("/api/v1/status").await?))
        };
        let answer = answer.await.map_err(|error| error.to_string());
        let _ = told.try_set(Some(answer));
    });
}

fn line(name: &'static str, help: &'static str, value: String) -> AnyView {
    view! { <Line name=name help=help>{value}</Line> }.into_any()
}

/// What this page knows by itself.
fn here(desk: Desk) -> AnyView {
    let now = desk.now.get();
    desk.view.with(|view| {
        let count = |wanted: Freshness| {
            let quotes = view.market.quotes.values();
            number::whole(quotes.filter(|quote| quote.freshness(now, view.market.thresholds) == wanted).count() as u64)
        };
        let newest = view.newest().map_or_else(
            || number::UNKNOWN.to_owned(),
            |quote| [&age(quote.age_ms(now)), " old, ", words::source(quote.source)].concat(),
        );
        let pace = view.pace.map(|pace| {
            let every =
                [". One try every ", &age(pace.every_s * 1000), "; the next at ", &date_time(pace.next_at), "."];
            let words = ["Prices are behind: ", pace.reason.message(), &every.concat()].concat();
            view! { <p class="warn" data-testid="prices-pace">{words}</p> }.into_any()
        });
        view! {
            <dl class="figures">
                {line("The newest price", "Age counts from when the server fetched it.", newest)}
                {line("Fresh prices", "Young enough to trade on.", count(Freshness::Fresh))}
                {line("Stale prices", "Still good to trade on, and marked.", count(Freshness::Stale))}
                {line("Expired prices", "Trading on one takes your consent.", count(Freshness::Expired))}
            </dl>
            {pace}
        }
        .into_any()
    })
}

fn figures(stats: &JsValue, status: &JsValue) -> AnyView {
    let text = |of: &JsValue, name: &str| Reflect::get(of, &name.into()).ok().and_then(|value| value.as_string());
    let moment = |of: &JsValue, name: &str| {
        let at = text(of, name).and_then(|text| text.parse().ok());
        at.map_or_else(|| number::UNKNOWN.to_owned(), date_time)
    };
    let source = Reflect::get(status, &"prices".into()).unwrap_or_default();
    let state = match text(&source, "state").as_deref() {
        Some("ok") => "answers",
        Some("failing") => "fails",
        Some("unused") => "not asked yet",
        Some("off") => "off: this server serves the demo market",
        _ => number::UNKNOWN,
    };
    let failure = text(&source, "failure").map(|words| {
        view! { <p class="faint small">{["The last failure, in the source's own words: ", &words].concat()}</p> }
            .into_any()
    });
    let row = |(name, label, help, read): &Row| {
        let value = Reflect::get(stats, &(*name).into()).ok().and_then(|value| value.as_f64());
        line(label, help, value.map_or_else(|| number::UNKNOWN.to_owned(), read))
    };
    view! {
        <dl class="figures" data-testid="price-stats">
            {line("CoinGecko", "The source of real prices.", state.to_owned())}
            {line("Last good answer", "In UTC.", moment(&source, "last_success"))}
            {line("Last failure", "In UTC.", moment(&source, "last_failure"))}
            {line("Counted since", "When the server started.", moment(stats, "since"))}
            {ROWS.iter().map(row).collect_view()}
        </dl>
        {failure}
    }
    .into_any()
}

fn count(value: f64) -> String {
    number::whole(value as u64)
}

fn millis(value: f64) -> String {
    number::whole(value as u64) + " ms"
}

/// Parts per million as a percentage to the hundredth, never rounded up to all of it.
fn share(value: f64) -> String {
    let hundredths = (value / 100.0).floor() as i64;
    rust_decimal::Decimal::new(hundredths, 2).to_string() + "%"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn almost_all_is_not_all() {
        assert_eq!(
            (share(999_999.0), share(1_000_000.0), share(0.0)),
            ("99.99%".into(), "100.00%".into(), "0.00%".into())
        );
    }
}
