//! What happened, newest first. Each row opens its receipt.

use std::sync::Arc;

use leptos::prelude::*;
use shared::ledger::{Entry, Event};
use shared::trade::Trade;

use super::common::{Segments, text};
use super::trade_words::{amount, title};
use crate::desk::{Desk, use_desk};
use crate::format::{self, number, relative};

/// Rows shown at once; the rest is a press away.
const PAGE: usize = 100;

/// Which entries are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Filter {
    Trades,
    Failed,
    All,
}

impl Filter {
    fn takes(self, entry: &Entry) -> bool {
        match self {
            Filter::Trades => entry.trade().is_some(),
            Filter::Failed => entry.trade().is_some_and(|trade| !trade.is_filled()),
            Filter::All => true,
        }
    }
}

/// The history, with its filter.
#[component]
pub fn HistoryTable() -> impl IntoView {
    let desk = use_desk();
    let filter = RwSignal::new(Filter::Trades);
    let shown = RwSignal::new(PAGE);
    let entries =
        move || desk.book.with(|book| book.as_ref().map(|book| Arc::clone(book.entries()))).unwrap_or_default();
    let rows = move || {
        let (filter, shown) = (filter.get(), shown.get());
        entries().iter().rev().filter(|entry| filter.takes(entry)).take(shown).cloned().collect::<Vec<_>>()
    };
    let count = Memo::new(move |_| {
        let filter = filter.get();
        entries().iter().filter(|entry| filter.takes(entry)).count()
    });
    let options = vec![
        (Filter::Trades, "Trades".to_owned(), "filter-trades"),
        (Filter::Failed, "Failed".to_owned(), "filter-failed"),
        (Filter::All, "Everything".to_owned(), "filter-all"),
    ];
    view! {
        <div class="table-tools">
            <Segments label="Show" options=options value=filter on_choose=move |next| { filter.set(next); shown.set(PAGE); } class="chips"/>
        </div>
        <Show
            when=move || count.get() != 0
            fallback=move || view! {
                <div class="empty" data-testid="no-history">
                    {text(move || match filter.get() {
                        Filter::Failed => "No trade has failed.".to_owned(),
                        Filter::Trades | Filter::All => "Nothing has happened yet. Your trades will stand here, each with its receipt.".to_owned(),
                    })}
                </div>
            }
        >
            <div class="table-box">
                <table class="table table-stack" data-testid="history">
                    <caption class="unseen">"History, newest first"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"When"</th>
                            <th scope="col">"What"</th>
                            <th scope="col" class="end">"Paid"</th>
                            <th scope="col" class="end">"Received"</th>
                            <th scope="col" class="end">"Gas"</th>
                            <th scope="col">"Outcome"</th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=rows key=|entry| entry.hash let(entry)>
                            <Row entry=entry/>
                        </For>
                    </tbody>
                </table>
            </div>
        </Show>
        <Show when=move || shown.get() < count.get()>
            <div class="section">
                <button type="button" class="button" on:click=move |_| shown.update(|shown| *shown += PAGE)>
                    {text(move || format!("Show older ({} more)", count.get().saturating_sub(shown.get())))}
                </button>
            </div>
        </Show>
    }
}

#[component]
fn Row(entry: Arc<Entry>) -> impl IntoView {
    let desk = use_desk();
    let (seq, at) = (entry.seq, entry.at);
    let shown = Shown::of(desk, &entry);
    let when = view! {
        <td class="faint num" data-label="When" title=format::date_time(at)>{text(move || relative(at, desk.now.get()))}</td>
    };
    view! {
        <tr data-testid="entry" data-seq=seq.to_string()>
            {when}
            <th scope="row" class="wide first">
                <button type="button" class="row-button" data-testid="open-receipt" on:click=move |_| desk.receipt.set(Some(seq))>
                    {shown.what}
                </button>
            </th>
            <td class="end num" data-label="Paid">{shown.paid}</td>
            <td class="end num" data-label="Received">{shown.received}</td>
            <td class="end num" data-label="Gas">{shown.gas}</td>
            <td data-label="Outcome" data-testid="outcome"><span class=shown.tone>{shown.outcome}</span></td>
        </tr>
    }
}

/// The cells of a row.
struct Shown {
    what: String,
    paid: String,
    received: String,
    gas: String,
    outcome: &'static str,
    tone: &'static str,
}

impl Shown {
    fn of(desk: Desk, entry: &Entry) -> Shown {
        let unknown = || number::UNKNOWN.to_owned();
        let plain = |what: String| Shown {
            what,
            paid: unknown(),
            received: unknown(),
            gas: unknown(),
            outcome: "Recorded",
            tone: "faint",
        };
        match &entry.event {
            Event::Traded(trade) => Shown::trade(desk, trade),
            Event::Opened(opened) => {
                Shown { received: format::usd(opened.deposit), ..plain("Account opened".to_owned()) }
            }
            Event::Deposited { usd } => Shown { received: format::usd(*usd), ..plain("Funds added".to_owned()) },
            Event::Withdrawn { usd } => Shown { paid: format::usd(*usd), ..plain("Funds taken out".to_owned()) },
            Event::SettingsChanged(_) => plain("Settings changed".to_owned()),
            Event::TokenAdded(token) => plain(format!("Token {} added", token.symbol)),
        }
    }

    fn trade(desk: Desk, trade: &Trade) -> Shown {
        let is_filled = trade.is_filled();
        let moved = |side, token| if is_filled { amount(desk, side, token) } else { number::UNKNOWN.to_owned() };
        Shown {
            what: title(desk, &trade.order),
            paid: moved(trade.paid, trade.order.sold()),
            received: moved(trade.received, trade.order.bought()),
            gas: format::usd_fine(trade.gas.usd),
            outcome: if is_filled { "✓ Filled" } else { "✕ Failed" },
            tone: if is_filled { "gain" } else { "loss" },
        }
    }
}
