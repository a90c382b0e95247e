//! What keeps the desk current: the clock, the demo market's steps, and questions to the backend.
//!
//! While the server tells prices by itself ([`push`]), they are not asked for. One run asks at a time. A kick (a new token, a tab that became visible, a network that came back)
//! starts a new run at once, and the old one ends when it next wakes.

use std::collections::BTreeSet;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ledger::MarketKind;
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::wire::{MissingReason, Prices};
use web_sys::VisibilityState;

use super::diagnostics::Cached;
use super::{Desk, Event, View, devices, push};
use crate::io::api::{self, Answer};
use crate::io::{clock, timer};

/// How often gas is asked for.
const GAS_EVERY_MS: u64 = 60_000;
/// How often pools are asked for.
const POOLS_EVERY_MS: u64 = 300_000;
/// How soon a token is asked for again that the backend is still finding out about.
const SOON_MS: i32 = 2_000;
/// How often it is asked for so soon.
const SOON_TIMES: u8 = 5;
/// The demo market's step.
const DEMO_STEP_MS: i64 = 5_000;
/// Under these names the device keeps what the backend said last.
const LAST_PRICES: &str = "prices";
const LAST_POOLS: &str = "pools";
const LAST_GAS: &str = "gas";

/// Sets the feed going, once.
pub fn start(desk: Desk) {
    let _ = set_interval_with_handle(move || tick(desk), Duration::from_secs(1));
    // Another account may trade in another market.
    let kind = Memo::new(move |_| desk.market_kind());
    Effect::new(move |_| {
        if let Some(kind) = kind.get() {
            change_market(desk, kind);
        }
    });
    for event in ["visibilitychange", "online", "focus"] {
        // The window hears what bubbles up from the document; listeners live as long as the page.
        let _ = window_event_listener_untyped(event, move |_| {
            if is_visible() {
                kick(desk);
            }
        });
    }
}

/// Asks now, instead of when the wait is over.
pub fn kick(desk: Desk) {
    let turn = desk.turn.get_value() + 1;
    desk.turn.set_value(turn);
    if untrack(|| desk.market_kind()) == Some(MarketKind::Real) {
        spawn_local(run(desk, turn));
    }
}

fn tick(desk: Desk) {
    let (before, now) = (desk.now.get_untracked(), clock::now());
    desk.apply(Event::Ticked(now));
    devices::begin_when_quiet(desk);
    let is_demo = desk.view.with_untracked(|view| view.market.kind == MarketKind::Demo);
    if is_demo && before.millis() / DEMO_STEP_MS != now.millis() / DEMO_STEP_MS && is_visible() {
        desk.apply(Event::DemoMoved(now));
    }
}

fn change_market(desk: Desk, kind: MarketKind) {
    match kind {
        MarketKind::Demo => {
            push::hang_up(desk);
            desk.apply(Event::DemoMoved(clock::now()));
        }
        MarketKind::Real => {
            desk.view.set(View::empty(MarketKind::Real));
            spawn_local(recall(desk));
        }
    }
    kick(desk);
}

/// When gas and pools were asked for last.
#[derive(Default)]
struct Asked {
    gas: Option<Timestamp>,
    pools: Option<Timestamp>,
}

async fn run(desk: Desk, turn: u64) {
    let mut asked = Asked::default();
    let mut soon_left = SOON_TIMES;
    while desk.turn.get_value() == turn {
        let mut is_partial = false;
        if is_visible() {
            let tokens = wanted(desk);
            let answer = if push::carries(desk, &tokens) { Ok(None) } else { api::prices(&tokens).await.map(Some) };
            match answer {
                Ok(prices) => {
                    if let Some(prices) = prices {
                        let missing = prices.parts.iter().flat_map(|part| &part.missing);
                        is_partial = missing.into_iter().any(|missing| missing.reason == MissingReason::Unavailable);
                        // Nobody waits for a run that was superseded, but its answer is as good as any.
                        prices.parts.into_iter().for_each(|part| desk.apply(Event::Priced(part)));
                        remember_prices(desk, &prices.words).await;
                        if desk.turn.get_value() == turn {
                            push::open(desk, tokens.len());
                        }
                    }
                    around(desk, &tokens, &mut asked).await;
                }
                Err(error) => desk.apply(Event::Failed(error)),
            }
        } else {
            push::hang_up(desk);
        }
        let wait = desk.link.with_untracked(super::Link::wait_ms);
        let wait = push::wait_ms(desk).map_or(wait, |retry| wait.min(retry.max(SOON_MS)));
        let is_soon = is_partial && soon_left > 0;
        soon_left = if is_soon { soon_left - 1 } else { soon_left };
        timer::sleep(if is_soon { wait.min(SOON_MS) } else { wait }).await;
    }
}

/// Asks for what surrounds prices, where it is time.
async fn around(desk: Desk, tokens: &[TokenKey], asked: &mut Asked) {
    let now = clock::now();
    if is_due(asked.gas, now, GAS_EVERY_MS)
        && let Ok(gas) = api::gas().await
    {
        asked.gas = Some(now);
        gas.parts.into_iter().for_each(|part| desk.apply(Event::Fuelled(part)));
        remember(desk, LAST_GAS, &gas.words).await;
    }
    if is_due(asked.pools, now, POOLS_EVERY_MS)
        && let Ok(pools) = api::markets(tokens).await
    {
        asked.pools = Some(now);
        pools.parts.into_iter().for_each(|part| desk.apply(Event::Pooled(part)));
        remember(desk, LAST_POOLS, &pools.words).await;
    }
}

fn is_due(asked: Option<Timestamp>, now: Timestamp, every_ms: u64) -> bool {
    asked.is_none_or(|asked| now.since(asked) >= every_ms)
}

/// Everything with a price of its own, everything held, everything added, everything looked at.
pub(super) fn wanted(desk: Desk) -> Vec<TokenKey> {
    let builtin = TokenTable::builtin().priced().map(|token| token.key);
    let mut keys: BTreeSet<TokenKey> = builtin.collect();
    desk.watched.with_untracked(|watched| keys.extend(watched));
    desk.book.with_untracked(|book| {
        if let Some(book) = book {
            keys.extend(book.account().positions().map(|position| position.token()));
            keys.extend(book.account().added_tokens().map(|token| token.key));
        }
    });
    keys.into_iter().collect()
}

fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// Keeps what the backend said, for a visit without one. A store that refuses says so where it matters: at
/// a trade.
async fn remember(desk: Desk, name: &str, words: &str) {
    if let Some(journals) = desk.journals.get_value() {
        let _ = journals.cache(name, words).await;
    }
}

/// Keeps what the backend said of prices.
pub(super) async fn remember_prices(desk: Desk, words: &str) {
    remember(desk, LAST_PRICES, words).await;
}

/// Finds what the backend said on an earlier visit.
async fn recall(desk: Desk) {
    let Some(journals) = desk.journals.get_value() else { return };
    let mut words = Vec::new();
    for name in [LAST_PRICES, LAST_POOLS, LAST_GAS] {
        words.push(journals.cached(name).await.ok().flatten().unwrap_or_default());
    }
    desk.apply(Event::Remembered {
        prices: Answer::recall(&words[0]),
        pools: Answer::recall(&words[1]),
        gas: Answer::recall(&words[2]),
    });
}

/// What is kept of the backend's answers.
pub async fn kept(desk: Desk) -> Vec<Cached> {
    let Some(journals) = desk.journals.get_value() else { return Vec::new() };
    let mut all = Vec::new();
    for name in [LAST_PRICES, LAST_POOLS, LAST_GAS] {
        let Some(words) = journals.cached(name).await.ok().flatten() else { continue };
        let as_of = match name {
            LAST_PRICES => Answer::<Prices>::recall(&words).iter().map(|prices| prices.now).max(),
            _ => None,
        };
        all.push(Cached { name, bytes: words.len(), as_of });
    }
    all
}
