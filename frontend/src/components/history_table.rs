//! What happened, newest first. Each row opens its receipt.
//!
//! A long history is not on the page: only the rows that are on the screen are, and a few around them. All rows
//! have one height (`.history` in the styles), so where a row lies follows from its place; which entries there
//! are to show follows from the journal's outline; and the entries themselves are read when they come into
//! sight.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::html::Div;
use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::{Entry, Event, Kind, Wanted};
use shared::time::Timestamp;
use shared::token::TokenKey;
use shared::trade::Trade;

use super::common::{Segments, text};
use super::trade_words::{amount, title, token_on_chain};
use crate::desk::{Desk, entries, use_desk};
use crate::format::{self, number, relative};
use crate::io::viewport;

/// Rows kept above and below the screen, so that a glance ahead finds them there.
const MARGIN: usize = 12;
/// The rows on the page change by as many at once: a scroll of a few pixels changes nothing.
const STEP: usize = 4;
/// A row's height in pixels until one can be measured.
const ROW: f64 = 37.0;
/// Entries remembered at most; those out of sight are read again when they come back.
const REMEMBERED: usize = 1_000;
/// A day.
const DAY_MS: i64 = 86_400_000;

const BUYS: u8 = 1 << Kind::Buy as u8 | 1 << Kind::FailedBuy as u8;
const SALES: u8 = 1 << Kind::Sell as u8 | 1 << Kind::FailedSell as u8;
const SWAPS: u8 = 1 << Kind::Swap as u8 | 1 << Kind::FailedSwap as u8;
const FAILED: u8 = 1 << Kind::FailedBuy as u8 | 1 << Kind::FailedSell as u8 | 1 << Kind::FailedSwap as u8;
const TRADES: u8 = BUYS | SALES | SWAPS;
const ALL: u8 = TRADES | 1 << Kind::Other as u8;

/// What is wanted, as it is chosen.
#[derive(Clone, Copy)]
struct Filter {
    outcome: RwSignal<u8>,
    side: RwSignal<u8>,
    token: RwSignal<Option<TokenKey>>,
    /// The first moment of a day.
    day: RwSignal<Option<Timestamp>>,
}

impl Filter {
    fn new() -> Filter {
        Filter {
            outcome: RwSignal::new(TRADES),
            side: RwSignal::new(ALL),
            token: RwSignal::new(None),
            day: RwSignal::new(None),
        }
    }

    fn wanted(&self) -> Wanted {
        let day = self.day.get();
        Wanted {
            kinds: Some(self.outcome.get() & self.side.get()),
            token: self.token.get(),
            from: day,
            until: day.map(|day| day.plus_millis(DAY_MS)),
        }
    }
}

impl Filter {
    fn is_narrow(&self) -> bool {
        let wanted = untrack(|| self.wanted());
        wanted.kinds != Some(TRADES) && wanted.kinds != Some(ALL) || wanted.token.is_some() || wanted.from.is_some()
    }
}

/// An entry's number, and the entry once it was read; `Some(None)` where it cannot be.
type Line = (u32, Option<Option<Arc<Entry>>>);

/// The part of the list that is on the page.
#[derive(Clone, Copy)]
struct Sight {
    desk: Desk,
    /// The numbers of all entries to show, newest first.
    found: Memo<Vec<u32>>,
    list: NodeRef<Div>,
    /// First row on the page, first row after it, and the height of a row.
    part: RwSignal<(usize, usize, f64)>,
    lines: RwSignal<Vec<Line>>,
    known: StoredValue<BTreeMap<u32, Option<Arc<Entry>>>>,
    is_reading: StoredValue<bool>,
}

impl Sight {
    /// Finds out what is on the screen, and shows that.
    fn look(self) {
        // Nothing is on the screen before the list is in the page, or after it has left it.
        let Some(list) = self.list.try_get_untracked().flatten() else { return };
        let seen = viewport::seen(&list, "tr[data-seq]");
        let rows = self.found.with_untracked(Vec::len);
        let height = seen.row.unwrap_or(ROW);
        let on_screen = (seen.height / height) as usize + 1;
        let first = (seen.above / height).max(0.0) as usize;
        let from = (first.saturating_sub(MARGIN) / STEP * STEP).min(rows);
        let part = (from, (from + on_screen + 2 * MARGIN + STEP).min(rows), height);
        if self.part.get_untracked() != part {
            self.part.set(part);
            self.show();
        }
    }

    /// Shows the rows of this part, and has those read that are not known.
    fn show(self) {
        let Some((from, end, _)) = self.part.try_get_untracked() else { return };
        let lines = self.known.with_value(|known| {
            self.found.with_untracked(|found| {
                let part = found.get(from..end.min(found.len())).unwrap_or_default();
                part.iter().map(|seq| (*seq, known.get(seq).cloned())).collect::<Vec<Line>>()
            })
        });
        let is_lacking = lines.iter().any(|(_, entry)| entry.is_none());
        self.lines.set(lines);
        if is_lacking && !self.is_reading.get_value() {
            self.is_reading.set_value(true);
            spawn_local(self.read());
        }
    }

    /// Reads what is lacking, until nothing is: while it reads the person may scroll on.
    async fn read(self) {
        let account = |desk: Desk| desk.with_account_untracked(|account| account.id());
        loop {
            let lacking = self.lines.try_with_untracked(|lines| {
                lines.iter().filter(|(_, entry)| entry.is_none()).map(|(seq, _)| *seq).collect::<Vec<u32>>()
            });
            let Some(lacking) = lacking.filter(|lacking| !lacking.is_empty()) else { break };
            let whose = account(self.desk);
            let found = entries::read(self.desk, &lacking).await;
            let kept = self.known.try_update_value(|known| {
                // Another account may be in hand now, with other entries of the same numbers.
                if whose == account(self.desk) {
                    if known.len() > REMEMBERED {
                        known.clear();
                    }
                    known.extend(lacking.iter().map(|seq| (*seq, None)));
                    known.extend(found.into_iter().map(|entry| (entry.seq as u32, Some(entry))));
                }
            });
            // The list may be gone from the page by now.
            if kept.is_none() {
                return;
            }
            self.show();
        }
        let _ = self.is_reading.try_set_value(false);
    }
}

/// The history, with its filters.
#[component]
pub fn HistoryTable() -> impl IntoView {
    let desk = use_desk();
    let filter = Filter::new();
    let found = Memo::new(move |_| {
        let wanted = filter.wanted();
        desk.book.with(|book| book.as_ref().map(|book| book.outline().find(&wanted))).unwrap_or_default()
    });
    let sight = Sight {
        desk,
        found,
        list: NodeRef::new(),
        part: RwSignal::new((0, 0, ROW)),
        lines: RwSignal::new(Vec::new()),
        known: StoredValue::new(BTreeMap::new()),
        is_reading: StoredValue::new(false),
    };
    viewport::on_change(move || sight.look());
    let account = Memo::new(move |_| desk.with_account(|account| account.id()));
    Effect::new(move |before| {
        let whose = account.get();
        found.track();
        sight.list.track();
        if before != Some(whose) {
            sight.known.update_value(BTreeMap::clear);
        }
        sight.look();
        sight.show();
        // Once rows are there, one can be measured.
        request_animation_frame(move || sight.look());
        whose
    });
    let count = Memo::new(move |_| found.with(Vec::len));
    let is_empty = Memo::new(move |_| count.get() == 0);
    view! {
        <Filters filter=filter count=count/>
        {move || if is_empty.get() { nothing_found(filter).into_any() } else { rows(sight, count).into_any() }}
    }
}

fn nothing_found(filter: Filter) -> impl IntoView {
    let words = if filter.outcome.get_untracked() == FAILED {
        "No trade has failed."
    } else if filter.is_narrow() {
        "Nothing in your history is like that."
    } else {
        "Nothing has happened yet. Your trades will stand here, each with its receipt."
    };
    view! { <div class="empty" data-testid="no-history">{words}</div> }
}

fn rows(sight: Sight, count: Memo<usize>) -> impl IntoView {
    let gap = |rows: usize, row: f64| (rows as f64 * row).to_string() + "px";
    let above = move || {
        let (from, _, row) = sight.part.get();
        gap(from, row)
    };
    let below = move || {
        let (_, end, row) = sight.part.get();
        gap(count.get().saturating_sub(end), row)
    };
    view! {
        <div class="table-box" node_ref=sight.list>
            <table class="table table-stack history" data-testid="history" aria-rowcount=text(move || (count.get() + 1).to_string())>
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
                    <tr class="gap" aria-hidden="true"><td colspan="6" style:height=above></td></tr>
                    <For each=move || sight.lines.get() key=|(seq, entry)| (*seq, entry.is_some()) let((seq, entry))>
                        {row(sight.desk, seq, entry.flatten()).into_any()}
                    </For>
                    <tr class="gap" aria-hidden="true"><td colspan="6" style:height=below></td></tr>
                </tbody>
            </table>
        </div>
    }
}

/// What is shown, and how many entries that are.
#[component]
fn Filters(filter: Filter, count: Memo<usize>) -> impl IntoView {
    let desk = use_desk();
    let outcomes = vec![
        (TRADES, "Trades".to_owned(), "filter-trades"),
        (FAILED, "Failed".to_owned(), "filter-failed"),
        (ALL, "Everything".to_owned(), "filter-all"),
    ];
    let tokens = Memo::new(move |_| {
        desk.book.with(|book| book.as_ref().map(|book| book.outline().tokens().to_vec())).unwrap_or_default()
    });
    let options = move || {
        let option = |key: TokenKey| {
            let words = desk.token(key).map_or_else(|| key.checksummed(), |token| token_on_chain(&token));
            view! { <option value=key.to_string() prop:selected=move || filter.token.get() == Some(key)>{words}</option> }
        };
        tokens.get().into_iter().map(option).collect_view()
    };
    let sides = [(ALL, "Any side"), (BUYS, "Buys"), (SALES, "Sales"), (SWAPS, "Swaps")];
    let choose_side = move |event| filter.side.set(event_target_value(&event).parse().unwrap_or(ALL));
    let choose_token = move |event| filter.token.set(event_target_value(&event).parse().ok());
    let choose_day = move |event| {
        // The field gives a whole day or nothing.
        filter.day.set((event_target_value(&event) + "T00:00:00.000Z").parse().ok());
    };
    view! {
        <div class="table-tools history-tools">
            <Segments label="Show" options=outcomes value=filter.outcome on_choose=move |next| filter.outcome.set(next) class="chips"/>
            <select class="select" aria-label="Side" data-testid="filter-side" on:change=choose_side>
                {sides.map(|(side, words)| view! { <option value=side.to_string() prop:selected=move || filter.side.get() == side>{words}</option> }).into_iter().collect_view()}
            </select>
            <select class="select" aria-label="Token" data-testid="filter-token" on:change=choose_token>
                <option value="" prop:selected=move || filter.token.get().is_none()>"All tokens"</option>
                {options}
            </select>
            <input class="input" type="date" aria-label="Day (UTC)" title="Day (UTC)" data-testid="filter-day" on:change=choose_day/>
            <span class="faint small num" role="status" data-testid="history-count">{text(move || number::whole(count.get() as u64) + if count.get() == 1 { " entry" } else { " entries" })}</span>
        </div>
    }
}

fn row(desk: Desk, seq: u32, entry: Option<Arc<Entry>>) -> impl IntoView {
    let (shown, at) = match &entry {
        Some(entry) => (Shown::of(desk, entry), Some(entry.at)),
        None => (Shown::default(), None),
    };
    let when = text(move || at.map(|at| relative(at, desk.now.get())).unwrap_or_default());
    view! {
        <tr data-testid="entry" data-seq=seq.to_string()>
            <td class="faint num" data-label="When" title=at.map(format::date_time)>{when}</td>
            <th scope="row" class="wide first">
                <button type="button" class="row-button" data-testid="open-receipt" on:click=move |_| desk.receipt.set(Some(seq.into()))>
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
#[derive(Default)]
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
