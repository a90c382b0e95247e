//! How the account's equity went, as a line and as a table.
//!
//! What is drawn are the points of [`shared::ledger::Curve`] and, last, what the account is worth now.
//! Pixels are the only place where money becomes a float.

use leptos::prelude::*;
use shared::ledger::Point;
use shared::money::Usd;

use super::common::{Segments, text};
use crate::desk::use_desk;
use crate::format::{self, date_time};

/// The drawing's own units; it is stretched to the room there is.
const WIDTH: f64 = 1000.0;
const HEIGHT: f64 = 300.0;

/// What the line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    AfterCosts,
    BeforeCosts,
}

impl Shown {
    /// A sum too large to be written is not drawn higher than the equity.
    fn of(self, point: &Point) -> Usd {
        match self {
            Shown::AfterCosts => point.equity,
            Shown::BeforeCosts => point.equity.plus(point.costs).unwrap_or(point.equity),
        }
    }
}

/// The line, what it means, and the table behind it.
#[component]
pub fn EquityCurve() -> impl IntoView {
    let desk = use_desk();
    let shown = RwSignal::new(Shown::AfterCosts);
    let past = Memo::new(move |_| desk.book.with(|book| book.as_ref().map(|book| book.curve().points().to_vec())));
    // The line's end moves with the prices; its past stands still.
    let points = Memo::new(move |_| {
        let mut points = past.get().unwrap_or_default();
        let now = desk.valuation.with(|worth| {
            let worth = worth.as_ref()?;
            let at = desk.now.get_untracked();
            Some(Point { at, equity: worth.equity?, net_deposits: worth.net_deposits, costs: worth.costs })
        });
        points.extend(now);
        points
    });
    let has_traded = Memo::new(move |_| {
        desk.with_account(|account| account.totals().filled + account.totals().failed > 0).unwrap_or(false)
    });
    let options = vec![
        (Shown::AfterCosts, "After costs".to_owned(), "curve-after"),
        (Shown::BeforeCosts, "Without costs".to_owned(), "curve-before"),
    ];
    view! {
        <section class="section" aria-labelledby="curve-title" data-testid="curve">
            <div class="section-head">
                <h2 id="curve-title">"Equity"</h2>
                <Segments label="Show equity" options=options value=shown on_choose=move |next| shown.set(next) class="chips"/>
            </div>
            {move || if has_traded.get() {
                points.with(|points| drawing(points, shown.get()))
            } else {
                view! { <p class="faint" data-testid="no-curve">"The line begins with your first trade."</p> }.into_any()
            }}
            <p class="faint small">
                "Each point is what the account was worth after an entry of its journal, at the last prices in it; the end of the line is now. The dashed line is what you put in."
            </p>
            {move || has_traded.get().then(|| behind(points))}
        </section>
    }
}

fn drawing(points: &[Point], shown: Shown) -> AnyView {
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return ().into_any() };
    let equity: Vec<f64> = points.iter().map(|point| pixels(shown.of(point))).collect();
    let put_in: Vec<f64> = points.iter().map(|point| pixels(point.net_deposits)).collect();
    let (low, high) =
        equity.iter().chain(&put_in).fold((f64::MAX, f64::MIN), |(low, high), at| (low.min(*at), high.max(*at)));
    // An account that never moved is a line in the middle.
    let span = if high > low { high - low } else { 1.0 };
    let begin = first.at.millis();
    let time = (last.at.millis() - begin).max(1) as f64;
    let x = |at: &Point| (at.at.millis() - begin) as f64 / time * WIDTH;
    let y = |at: f64| HEIGHT * (0.94 - 0.88 * if high > low { (at - low) / span } else { 0.5 });
    let line = |heights: &[f64], is_stepped: bool| {
        let mut path = String::new();
        let mut before = None;
        for (point, height) in points.iter().zip(heights) {
            let (x, y) = (x(point), y(*height));
            if let (Some(level), true) = (before, is_stepped) {
                step(&mut path, x, level);
            }
            step(&mut path, x, y);
            before = Some(y);
        }
        path
    };
    let words =
        format!("Equity from {} on {} to {} now", usd(shown.of(first)), date_time(first.at), usd(shown.of(last)));
    let (top, bottom) = (extreme(points, shown, Usd::max), extreme(points, shown, Usd::min));
    view! {
        <div class="curve">
            <div class="curve-scale num small faint" aria-hidden="true"><span>{top}</span><span>{bottom}</span></div>
            <svg class="curve-lines" viewBox="0 0 1000 300" preserveAspectRatio="none" role="img" aria-label=words>
                <path class="curve-base" d=line(&put_in, true) vector-effect="non-scaling-stroke"></path>
                <path class="curve-line" d=line(&equity, false) vector-effect="non-scaling-stroke"></path>
            </svg>
            <div class="curve-time small faint" aria-hidden="true"><span>{date_time(first.at)}</span><span>"now"</span></div>
        </div>
    }
    .into_any()
}

fn usd(amount: Usd) -> String {
    format::usd(amount)
}

fn extreme(points: &[Point], shown: Shown, pick: fn(Usd, Usd) -> Usd) -> String {
    points.iter().map(|point| shown.of(point)).reduce(pick).map(usd).unwrap_or_default()
}

/// An amount as a height, before it is scaled.
fn pixels(amount: Usd) -> f64 {
    amount.atoms() as f64
}

/// Goes to a place, in whole units: a thousandth of the width is finer than any screen shows.
fn step(path: &mut String, x: f64, y: f64) {
    path.push(if path.is_empty() { 'M' } else { 'L' });
    path.push_str(&(x.round() as i32).to_string());
    path.push(' ');
    path.push_str(&(y.round() as i32).to_string());
}

/// The same points as a table, made when it is opened.
fn behind(points: Memo<Vec<Point>>) -> AnyView {
    let is_open = RwSignal::new(false);
    let row = |point: &Point| {
        view! {
            <tr>
                <th scope="row">{date_time(point.at)}</th>
                <td class="end num">{usd(point.equity)}</td>
                <td class="end num">{usd(point.net_deposits)}</td>
                <td class="end num">{usd(point.costs)}</td>
            </tr>
        }
        .into_any()
    };
    let table = move || {
        is_open.get().then(|| {
            let rows = points.with(|points| points.iter().rev().map(row).collect_view());
            view! {
                <div class="table-box table-tall" tabindex="0" role="region" aria-label="Equity over time">
                    <table class="table" data-testid="curve-table">
                        <caption class="unseen">"Equity over time, newest first"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Time"</th>
                                <th scope="col" class="end">"Equity"</th>
                                <th scope="col" class="end">"Put in"</th>
                                <th scope="col" class="end">"Costs so far"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            }
            .into_any()
        })
    };
    view! {
        <p>
            <button type="button" class="link-button" data-testid="curve-open" aria-expanded=text(move || is_open.get().to_string())
                on:click=move |_| is_open.update(|open| *open = !*open)>"Show as a table"</button>
        </p>
        {table}
    }
    .into_any()
}
