//! The past of the token in hand: candles on a canvas, the price now as the last of them, and a table of
//! the same figures behind it.
//!
//! The canvas is `<price-chart>`, whose script comes only when a chart is seen. Its place is kept from the
//! start, so nothing moves when it comes, and a past that cannot be had says so in that place.

use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use rust_decimal::prelude::ToPrimitive;
use shared::ledger::MarketKind;
use shared::money::Price;
use shared::quote::Source;
use shared::token::{Origin, TokenKey};
use shared::wire::{Candle, Range};
use web_sys::Element;

use super::common::{Segments, text};
use crate::desk::{Desk, View, use_desk};
use crate::format::marks::marks;
use crate::format::words::{self, sentence};
use crate::format::{self, date_time};
use crate::io::candles::{Candles, candles};
use crate::io::{chart, timer};

/// What is drawn.
type Wish = (TokenKey, Range, MarketKind);

/// What there is to draw.
#[derive(Clone)]
enum Past {
    /// It was asked for.
    Asking,
    /// It is here.
    Here(Wish, Arc<Candles>),
    /// It cannot be had: why.
    Missing(String),
}

/// How often the past is asked for again.
const AGAIN_MS: i64 = 900_000;
/// The tests find the ranges by these names.
const RANGES: [&str; 5] = ["range-1d", "range-7d", "range-30d", "range-90d", "range-1y"];

/// The chart of the token in hand.
#[component]
pub fn Chart() -> impl IntoView {
    let desk = use_desk();
    let range = RwSignal::new(0_usize);
    let past = RwSignal::new(Past::Asking);
    let is_seen = RwSignal::new(false);
    let is_scriptless = RwSignal::new(false);
    // Each press of "Try again" is another question.
    let tries = RwSignal::new(0_u32);
    let frame = NodeRef::<Div>::new();
    let element = StoredValue::new_local(None::<Element>);

    Effect::new(move |_| {
        let Some(frame) = frame.get() else { return };
        if let Ok(new) = document().create_element("price-chart") {
            let _ = frame.append_child(&new);
            element.set_value(Some(new));
        }
        chart::when_seen(&frame, move || {
            let _ = is_seen.try_set(true);
        });
    });
    let wish = Memo::new(move |_| Some((desk.selected.get(), Range::ALL[range.get()], desk.market_kind()?)));
    // A page that is left open, or was asleep, has no gap for longer than this.
    let quarter = Memo::new(move |_| desk.now.get().millis() / AGAIN_MS);
    Effect::new(move |_| {
        // A connection that comes back brings the past with it.
        let _ = (tries.get(), desk.is_offline(), quarter.get());
        if !is_seen.get() {
            return;
        }
        chart::load(move || {
            let _ = is_scriptless.try_set(true);
        });
        if let Some(wanted) = wish.get() {
            spawn_local(ask(desk, wanted, wish, past));
        }
    });
    Effect::new(move |_| draw(element, &past.read()));
    let price = Signal::derive(move || desk.cell(desk.selected.get()).price.get());
    Effect::new(move |_| {
        // After the bars, and only where they are this token's: a tick belongs to the last of them.
        let is_its_own = matches!(&*past.read(), Past::Here((key, ..), _) if *key == desk.selected.get());
        if let Some(price) = price.get().filter(|_| is_its_own) {
            tick(desk, element, price);
        }
    });
    let options: Vec<_> = Range::ALL
        .iter()
        .zip(RANGES)
        .enumerate()
        .map(|(at, (range, name))| (at, range.name().to_owned(), name))
        .collect();
    let note = move || match &*past.read() {
        Past::Asking => Some(("Looking up the past".to_owned(), false)),
        Past::Missing(why) => Some((why.clone(), true)),
        Past::Here(..) if is_scriptless.get() => {
            Some(("The chart could not be loaded. The table below holds its figures.".to_owned(), true))
        }
        Past::Here(..) => None,
    };
    view! {
        <section class="chart" aria-label="Price chart" data-testid="chart">
            <div class="chart-head">
                <Segments label="Range" options=options value=range on_choose=move |at| range.set(at) class="chips"/>
                <span class="faint small" data-testid="chart-caption">{text(move || caption(desk, &past.read()))}</span>
            </div>
            <div class="chart-frame">
                <div node_ref=frame class="chart-canvas" role="img" aria-label=text(move || summary(desk, &past.read())) data-testid="chart-canvas"
                    data-state=text(move || state(&past.read()).to_owned())></div>
                {move || note().map(|(words, has_failed)| view! {
                    <div class="chart-note" role="status" data-testid="chart-note">
                        <p>{words}</p>
                        {has_failed.then(|| view! {
                            <button type="button" class="button" data-testid="chart-again" on:click=move |_| { is_scriptless.set(false); tries.update(|tries| *tries += 1); }>"Try again"</button>
                        })}
                    </div>
                })}
            </div>
            <div class="chart-foot">
                <Table past=past/>
                // The library's licence asks for its name and its makers'.
                <a class="faint small" href="https://www.tradingview.com/lightweight-charts/" target="_blank" rel="noopener">"Lightweight Charts™ by TradingView"</a>
            </div>
        </section>
    }
}

/// Finds the past that is wished for; what is no longer wished for when it comes is dropped.
async fn ask(desk: Desk, wish: Wish, current: Memo<Option<Wish>>, past: RwSignal<Past>) {
    let is_shown = past.try_with_untracked(|past| matches!(past, Past::Here(shown, _) if *shown == wish));
    match is_shown {
        Some(false) => past.set(Past::Asking),
        Some(true) => {}
        None => return,
    }
    let (key, range, kind) = wish;
    let found = match kind {
        MarketKind::Demo => {
            // The page is painted first: a year of candles is some thousand prices.
            timer::sleep(0).await;
            Ok(View::demo_past(key, range, desk.now.get_untracked()))
        }
        MarketKind::Real => {
            let token = desk.token(key).filter(|token| token.origin == Origin::User);
            candles(key, token.as_ref().and_then(|token| token.coin_id.as_deref()), range).await
        }
    };
    if current.try_get_untracked().flatten() != Some(wish) {
        return;
    }
    let found = match found {
        Ok(found) if found.candles.is_empty() => {
            Past::Missing("There is no past of this token in this range.".to_owned())
        }
        Ok(found) => Past::Here(wish, Arc::new(found)),
        // What is drawn already stays: it is older, and its caption says how old.
        Err(_) if is_shown == Some(true) => return,
        Err(error) => Past::Missing(format!("{}.", sentence(&error.to_string()))),
    };
    let _ = past.try_set(found);
}

/// Hands the candles to the element.
fn draw(element: StoredValue<Option<Element>, LocalStorage>, past: &Past) {
    let Some(element) = element.get_value() else { return };
    let (grain, bars) = match past {
        Past::Here(_, past) => (past.grain_ms, past.candles.iter().flat_map(numbers).collect()),
        Past::Asking | Past::Missing(_) => (60_000, Vec::new()),
    };
    let marks: String = [marks().point, marks().group].into_iter().collect();
    chart::set(&element, "marks", &marks.into());
    chart::set(&element, "grain", &(grain as f64).into());
    chart::set_numbers(&element, "bars", &bars);
}

/// The price now, as the end of the last candle.
fn tick(desk: Desk, element: StoredValue<Option<Element>, LocalStorage>, price: Price) {
    if let Some(element) = element.get_value() {
        let at = desk.now.get_untracked().millis() as f64;
        chart::set_numbers(&element, "tick", &[at, pixels(price)]);
    }
}

fn numbers(candle: &Candle) -> [f64; 5] {
    let [open, high, low, close] = [candle.open, candle.high, candle.low, candle.close].map(pixels);
    [candle.at.millis() as f64, open, high, low, close]
}

/// A price as a height on the canvas, and for nothing else.
fn pixels(price: Price) -> f64 {
    price.decimal().to_f64().unwrap_or(f64::NAN)
}

fn state(past: &Past) -> &'static str {
    match past {
        Past::Asking => "asking",
        Past::Here(..) => "here",
        Past::Missing(_) => "missing",
    }
}

/// What the candles are: `15 min candles, CoinGecko, 4 min old, UTC`.
fn caption(desk: Desk, past: &Past) -> String {
    let Past::Here((_, _, kind), past) = past else { return String::new() };
    let grain = format::age(past.grain_ms);
    let from = match kind {
        MarketKind::Demo => words::source(Source::Demo).to_owned(),
        MarketKind::Real => {
            format!("{}, {} old", words::source(Source::Coingecko), format::age(desk.now.get().since(past.as_of)))
        }
    };
    format!("{grain} candles, {from}, UTC")
}

/// The chart in a sentence, for those who hear it.
fn summary(desk: Desk, past: &Past) -> String {
    let Past::Here((key, range, _), past) = past else { return "Price chart, nothing drawn yet".to_owned() };
    let (Some(first), Some(last)) = (past.candles.first(), past.candles.last()) else { return String::new() };
    let low = past.candles.iter().map(|candle| candle.low).min().unwrap_or(first.low);
    let high = past.candles.iter().map(|candle| candle.high).max().unwrap_or(first.high);
    let [from, to, low, high] = [first.open, last.close, low, high].map(format::price);
    format!(
        "{} over {range}: from {from} to {to}, between {low} and {high}. The table below has every candle.",
        desk.naming(*key).0
    )
}

/// The same figures for those who don't see the canvas, or want them exactly. Rows are made when asked for.
#[component]
fn Table(past: RwSignal<Past>) -> impl IntoView {
    let is_open = RwSignal::new(false);
    let rows = move || {
        let past = past.read();
        let Past::Here(_, past) = &*past else { return Vec::new() };
        let row = |candle: &Candle| {
            let [open, high, low, close] = [candle.open, candle.high, candle.low, candle.close].map(format::price);
            view! {
                <tr data-testid="candle">
                    <th scope="row" class="num">{date_time(candle.at)}</th>
                    <td class="end num">{open}</td>
                    <td class="end num">{high}</td>
                    <td class="end num">{low}</td>
                    <td class="end num">{close}</td>
                </tr>
            }
        };
        past.candles.iter().rev().map(row).collect()
    };
    view! {
        <details class="chart-table" on:toggle=move |_| is_open.update(|open| *open = !*open)>
            <summary data-testid="chart-table">"Show as a table"</summary>
            <div class="table-scroll" tabindex="0" role="region" aria-label="Candles, newest first">
                <table class="table">
                    <caption class="unseen">"Candles, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Begins"</th>
                            <th scope="col" class="end">"Open"</th>
                            <th scope="col" class="end">"High"</th>
                            <th scope="col" class="end">"Low"</th>
                            <th scope="col" class="end">"Close"</th>
                        </tr>
                    </thead>
                    <tbody>{move || is_open.get().then(rows)}</tbody>
                </table>
            </div>
        </details>
    }
}
