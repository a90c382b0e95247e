//! Somebody else's account, watched by a link: told by the server alone, and nothing can be changed.
//!
//! A snapshot says how it stands; from its place in the room on, messages say what changes. The link's token is
//! in the page's fragment, which no server sees, and goes to the server in headers and frames only. A link that
//! was revoked, has ended or never was is answered by the server alike, and told alike here.

use gloo_net::http::Method;
use leptos::prelude::*;
use leptos::task::spawn_local;
use serde_json::value::RawValue;
use shared::ids::{AccountId, ReadToken};
use shared::ledger::{Entry, MarketKind};
use shared::money::{Price, Rounding, Usd};
use shared::time::Timestamp;
use shared::token::TokenTable;
use shared::trade::Trade;
use shared::wire::accounts::AccountSnapshot;
use shared::wire::room::{
    JOINED, Joined, PRESENCE, PerformanceUpdate, PortfolioUpdate, PositionUpdated, Presence, REFUSED, SessionStatus,
    SessionUpdate, ThoughtLogCreated, TradeUpdate,
};

use super::devices::{self, Word, room};
use super::{Desk, push};
use crate::io::accounts::{self, Refused};
use crate::io::{clock, timer};

/// Trades and thoughts that are shown.
const MOST: usize = 50;
/// How often to ask where no socket tells.
const EVERY_MS: f64 = 15_000.0;
/// The first wait after a failure, and the longest.
const FIRST_RETRY_MS: f64 = 1_000.0;
const LAST_RETRY_MS: f64 = 30_000.0;

/// What is watched, as far as it is known.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// The server was not heard yet.
    Asking,
    /// The link opens nothing, or nothing any more.
    Closed,
    /// The account.
    Open(Box<Seen>),
}

/// The account as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// What it is and holds; its trades are below.
    pub told: AccountSnapshot,
    /// When and what it traded last, newest first.
    pub trades: Vec<(u64, Timestamp, Trade)>,
    /// What its bots thought, oldest first.
    pub thoughts: Vec<(Timestamp, ThoughtLogCreated)>,
}

/// What a link's reader watches. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct Watch {
    /// What is known of it.
    pub watched: RwSignal<Watched>,
    /// Since when nothing was heard, where that is so.
    pub late: RwSignal<Option<Timestamp>>,
    inner: StoredValue<Inner>,
}

#[derive(Clone, Default)]
struct Inner {
    link: Option<(AccountId, String)>,
    place: Option<(String, u64)>,
    /// Whether the room tells what happens.
    is_told: bool,
    is_asking: bool,
    failures: i32,
    heard: Option<Timestamp>,
    wait: u64,
}

/// Watches the account of the link in the page's address.
pub fn start(desk: Desk) -> Watch {
    let watch = Watch {
        watched: RwSignal::new(Watched::Asking),
        late: RwSignal::new(None),
        inner: StoredValue::new(Inner::default()),
    };
    provide_context(watch);
    let hash = window().location().hash().unwrap_or_default();
    let link = read(&hash);
    if link.is_none() {
        watch.watched.set(Watched::Closed);
    }
    watch.inner.update_value(|inner| inner.link = link);
    // Another link in the same tab is another page.
    let _ = window_event_listener_untyped("hashchange", |_| crate::io::build::reload());
    for event in ["visibilitychange", "online"] {
        let _ = window_event_listener_untyped(event, move |_| {
            if document().visibility_state() != web_sys::VisibilityState::Hidden {
                ask(desk, watch);
            }
        });
    }
    desk.watch.set_value(Some(watch));
    devices::listen_with(desk, hear);
    ask(desk, watch);
    watch
}

/// `#ACCOUNT.TOKEN`
fn read(hash: &str) -> Option<(AccountId, String)> {
    let (account, token) = hash.strip_prefix('#')?.split_once('.')?;
    token.parse::<ReadToken>().ok()?;
    Some((account.parse().ok()?, token.to_owned()))
}

fn hear(desk: Desk, word: Word<'_>) {
    let Some(watch) = desk.watch.get_value() else { return };
    match word {
        Word::Opened => watch.join(desk),
        Word::Said(text) => watch.heard(desk, text),
        Word::Closed => {
            watch.inner.update_value(|inner| inner.is_told = false);
            ask(desk, watch);
        }
        Word::Kept(_) | Word::Written => {}
    }
}

/// Asks how the account stands, unless that is being asked.
fn ask(desk: Desk, watch: Watch) {
    let link = watch.inner.try_update_value(|inner| {
        let link = inner.link.clone().filter(|_| !inner.is_asking)?;
        inner.is_asking = true;
        Some(link)
    });
    let Some((account, token)) = link.flatten() else { return };
    spawn_local(async move {
        let answer = accounts::ask::<AccountSnapshot>(Method::GET, account, "snapshot", &token, None).await;
        watch.inner.update_value(|inner| inner.is_asking = false);
        let wait = match answer {
            Ok(told) => {
                let market = told.market;
                watch.take(desk, told);
                // A market that has just been chosen lets go of a socket first.
                timer::sleep(0).await;
                if market == MarketKind::Demo {
                    push::open(desk, 0);
                }
                EVERY_MS
            }
            Err(Refused::Said(told)) if told.status == 404 => return watch.end(desk),
            Err(Refused::Absent) => return watch.end(desk),
            Err(_) => watch.miss(),
        };
        let mine = watch.inner.try_update_value(|inner| {
            inner.wait += 1;
            inner.wait
        });
        timer::sleep(wait as i32).await;
        let is_due = watch.inner.with_value(|inner| Some(inner.wait) == mine && !inner.is_told);
        if is_due {
            push::drop_if_silent(desk);
            ask(desk, watch);
        } else if watch.inner.with_value(|inner| Some(inner.wait) == mine) {
            guard(desk, watch).await;
        }
    });
}

/// While the room tells, only its silence is watched for.
async fn guard(desk: Desk, watch: Watch) {
    while watch.inner.with_value(|inner| inner.is_told) {
        timer::sleep(EVERY_MS as i32).await;
        if push::drop_if_silent(desk) {
            watch.inner.update_value(|inner| inner.is_told = false);
        }
    }
    ask(desk, watch);
}

impl Watch {
    /// The server was heard.
    fn note_heard(self) {
        self.inner.update_value(|inner| {
            inner.failures = 0;
            inner.heard = Some(clock::now());
        });
        if self.late.get_untracked().is_some() {
            self.late.set(None);
        }
    }

    /// The server was not heard: how long to wait.
    fn miss(self) -> f64 {
        let failures = self.inner.try_update_value(|inner| {
            inner.failures += 1;
            inner.failures
        });
        let since = self.inner.with_value(|inner| inner.heard).unwrap_or_else(clock::now);
        if self.late.get_untracked().is_none() {
            self.late.set(Some(since));
        }
        (FIRST_RETRY_MS * f64::from(1 << failures.unwrap_or(1).clamp(1, 6))).min(LAST_RETRY_MS)
    }

    /// The link opens nothing: nothing of the account stays on the page.
    fn end(self, desk: Desk) {
        self.watched.set(Watched::Closed);
        self.late.set(None);
        self.inner.update_value(|inner| *inner = Inner::default());
        desk.watching.set(None);
        push::hang_up(desk);
    }

    fn take(self, desk: Desk, mut told: AccountSnapshot) {
        self.note_heard();
        let trades: Vec<_> = told.trades.drain(..).filter_map(entry).collect();
        let market = told.market;
        desk.watched.update(|watched| watched.extend(told.positions.iter().map(|position| position.token)));
        let place = (told.room.epoch.clone(), told.room.offset);
        let thoughts = self.watched.with_untracked(|watched| match watched {
            Watched::Open(seen) => seen.thoughts.clone(),
            Watched::Asking | Watched::Closed => Vec::new(),
        });
        self.watched.set(Watched::Open(Box::new(Seen { told, trades, thoughts })));
        // What the room told meanwhile is in the snapshot: it goes on from there.
        self.inner.update_value(|inner| inner.place = Some(place));
        if desk.watching.get_untracked() != Some(market) {
            desk.watching.set(Some(market));
        }
        self.join(desk);
    }

    fn join(self, desk: Desk) {
        let (link, place) = self.inner.with_value(|inner| (inner.link.clone(), inner.place.clone()));
        // Without a place there is nothing to go on from yet.
        if let (Some((account, token)), Some(place)) = (link, place) {
            push::say(desk, &room::ask(account, &token, Some(&place)));
        }
    }

    fn heard(self, desk: Desk, text: &str) {
        let Some((account, _)) = self.inner.with_value(|inner| inner.link.clone()) else { return };
        let Some(frame) = room::Frame::of(text, account) else { return };
        match &*frame.kind {
            PRESENCE => {
                if let Some(Presence { readers }) = frame.read() {
                    desk.devices.readers.set(Some(readers));
                }
            }
            JOINED => {
                push::is_good(desk);
                self.note_heard();
                let joined = frame.read::<Joined>();
                desk.devices.readers.set(joined.as_ref().map(|joined| joined.readers));
                let is_whole = joined.is_some_and(|joined| joined.recovered);
                self.inner.update_value(|inner| inner.is_told = is_whole);
                if !is_whole {
                    // What was missed is gone: how it stands now comes as a whole.
                    self.inner.update_value(|inner| inner.place = None);
                    ask(desk, self);
                }
            }
            REFUSED => {
                self.inner.update_value(|inner| inner.is_told = false);
                ask(desk, self);
            }
            _ => {
                self.note_heard();
                let has_turned = self.watched.try_update(|watched| match watched {
                    Watched::Open(seen) => !seen.hear(&frame),
                    Watched::Asking | Watched::Closed => false,
                });
                if let Some(place) = frame.place() {
                    self.inner.update_value(|inner| inner.place = Some(place));
                }
                if has_turned == Some(true) {
                    ask(desk, self);
                }
            }
        }
    }
}

impl Seen {
    /// Takes a message. `false` where it says that all of it is to be fetched anew.
    fn hear(&mut self, frame: &room::Frame<'_>) -> bool {
        let at = frame.ts.unwrap_or_else(clock::now);
        match &*frame.kind {
            "portfolio_update" => {
                if let Some(portfolio) = frame.read::<PortfolioUpdate>() {
                    let is_same_branch = portfolio.choices == self.told.portfolio.choices;
                    self.told.portfolio = portfolio;
                    return is_same_branch;
                }
            }
            "performance_update" => {
                if let Some(performance) = frame.read::<PerformanceUpdate>() {
                    self.told.performance = performance;
                }
            }
            "position_updated" => {
                if let Some(position) = frame.read::<PositionUpdated>() {
                    let known = self.told.positions.iter().position(|known| known.token == position.token);
                    match (known, position.units.is_zero()) {
                        (Some(at), true) => drop(self.told.positions.remove(at)),
                        (Some(at), false) => self.told.positions[at] = position,
                        (None, false) => self.told.positions.push(position),
                        (None, true) => {}
                    }
                }
            }
            "trade_update" => {
                let is_new = |seq: u64| self.trades.first().is_none_or(|(last, ..)| seq > *last);
                if let Some(update) = frame.read::<TradeUpdate<'_>>()
                    && is_new(update.seq)
                    && let Some(trade) = trade(update.seq, at, update.trade)
                {
                    self.trades.insert(0, trade);
                    self.trades.truncate(MOST);
                }
            }
            "thought_log_created" => {
                if let Some(thought) = frame.read::<ThoughtLogCreated>() {
                    self.thoughts.push((at, thought));
                    let more = self.thoughts.len().saturating_sub(MOST);
                    self.thoughts.drain(..more);
                }
            }
            "session_update" => {
                self.told.session =
                    frame.read::<SessionUpdate>().filter(|session| session.status == SessionStatus::Writing);
            }
            _ => {}
        }
        true
    }

    /// What a position is worth at the price known here, or else as it was told.
    pub fn value(desk: Desk, position: &PositionUpdated) -> (Option<Price>, Option<Usd>) {
        let token = TokenTable::builtin().get(position.token);
        let price = desk.quote(position.token).map(|quote| quote.price).or(position.price);
        let value = token
            .zip(price)
            .and_then(|(token, price)| price.value(position.units, token.decimals, Rounding::HalfEven).ok());
        (price, value)
    }

    /// Cash and positions together at the prices known here; as it was told, where one is not known here.
    pub fn equity(&self, desk: Desk) -> Option<Usd> {
        let mut sum = Some(self.told.portfolio.cash);
        for position in &self.told.positions {
            sum = sum.zip(Seen::value(desk, position).1).and_then(|(sum, value)| sum.plus(value).ok());
        }
        sum.or(self.told.portfolio.equity)
    }

    /// What is held beyond what it cost, likewise.
    pub fn unrealised(&self, desk: Desk) -> Option<Usd> {
        let mut sum = Some(Usd::ZERO);
        for position in &self.told.positions {
            let gain = Seen::value(desk, position).1.and_then(|value| value.minus(position.cost).ok());
            sum = sum.zip(gain).and_then(|(sum, gain)| sum.plus(gain).ok());
        }
        sum.or(self.told.portfolio.unrealised)
    }
}

/// The trade of a journal line.
fn entry(line: String) -> Option<(u64, Timestamp, Trade)> {
    let entry = Entry::read(line).ok()?;
    let trade = entry.trade()?.clone();
    Some((entry.seq, entry.at, trade))
}

/// The trade of a message: it is the body of a journal line.
fn trade(seq: u64, at: Timestamp, body: &RawValue) -> Option<(u64, Timestamp, Trade)> {
    let head = [r#"{"v":1,"seq":"#, &seq.to_string(), r#","at":""#, &at.to_string(), r#"","kind":"traded","body":"#];
    entry([&head.concat(), body.get(), r#","prev":""#, &"0".repeat(64), "\"}"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_an_account_and_a_token() {
        let (account, token) = ("0123456789abcdef0123456789abcdef", "ab".repeat(32));
        assert_eq!(read(&format!("#{account}.{token}")), Some((account.parse().unwrap(), token.clone())));
        for wrong in [String::new(), "#".into(), format!("#{account}"), format!("#{account}.zz"), format!("#x.{token}")]
        {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
