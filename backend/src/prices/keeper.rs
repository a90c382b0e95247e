//! The one task that asks CoinGecko for prices.
//!
//! It sleeps until the next watched coin needs a refresh, or until a caller nudges it, and then asks for
//! all watched coins together. While a call is under way callers note what they want on the board; the
//! next attempt covers it. So any number of callers and tokens cost one call at a time. After a failure
//! the keeper rests for as long as its client leaves CoinGecko alone, and callers get what there is.
//!
//! With others in a [`Fleet`] it first hears what they know and watch, and only one of all leaves to ask. When
//! the way to them is gone it asks by itself.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLockWriteGuard};
use std::time::Instant;

use shared::time::Timestamp;
use shared::wire::PaceReason;
use tokio_util::sync::CancellationToken;

use super::Common;
use super::board::{Board, Plan, Rest};
use crate::clock::SharedClock;
use crate::coingecko::{CoinGecko, CoinQuote, UpstreamError};
use crate::fleet::{Fleet, Pause};
use crate::store::Store;

/// Ids in one call, until CoinGecko says that it is too many.
const CHUNK: usize = 250;
/// Flights of others that are waited for in one attempt.
const MOST_FLIGHTS: usize = 4;
/// A call leaves so much before prices stop being fresh, at most, in milliseconds.
const LONGEST_LEAD_MS: u64 = 3_000;

/// The keeper, before it runs.
pub struct Keeper {
    pub(super) upstream: Arc<CoinGecko>,
    pub(super) common: Arc<Common>,
    pub(super) clock: SharedClock,
    pub(super) store: Store,
    pub(super) fleet: Option<Arc<Fleet>>,
    pub(super) watch_ms: u64,
}

struct Temper {
    chunk: usize,
    /// What the last flight took, twice: calls leave so much earlier, that nothing turns stale meanwhile.
    lead_ms: u64,
}

impl Keeper {
    /// Keeps prices fresh until it is told to stop.
    pub async fn run(self, stop: CancellationToken) {
        let mut temper = Temper { chunk: CHUNK, lead_ms: 0 };
        loop {
            let next = {
                let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
                board.next_due(self.clock.now(), temper.lead_ms)
            };
            let due = async {
                match next {
                    Some(at) => self.clock.sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => {}
                () = self.common.nudge.notified() => {}
                () = stop.cancelled() => return,
            }
            let (begun, plan) = {
                let mut board = self.board();
                let plan = board.begin(self.clock.now(), temper.lead_ms);
                (board.begun(), plan)
            };
            tokio::select! {
                () = self.fulfil(plan, &mut temper) => {}
                () = stop.cancelled() => return,
            }
            self.common.ended.send_replace(begun);
        }
    }

    async fn fulfil(&self, plan: Plan, temper: &mut Temper) {
        if plan.due == 0 {
            return;
        }
        let together = match &self.fleet {
            Some(fleet) => self.fulfil_together(fleet, temper).await,
            None => None,
        };
        if together.is_none() {
            self.fetch(plan, temper).await;
        }
    }

    /// As one of several: `None` when the way to the others is gone before anybody was asked.
    async fn fulfil_together(&self, fleet: &Fleet, temper: &mut Temper) -> Option<()> {
        for _ in 0..MOST_FLIGHTS {
            if self.catch_up(fleet, temper).await?.due == 0 {
                return Some(());
            }
            if fleet.take_off().await? {
                // Another may have been back between our look and our leave.
                let plan = self.catch_up(fleet, temper).await.unwrap_or_default();
                if plan.due > 0 {
                    self.fetch(plan, temper).await;
                }
                fleet.land().await;
                return Some(());
            }
            fleet.landed().await?;
        }
        Some(())
    }

    /// Tells the others what is watched here, takes what they watch and know, and says what is left to do.
    async fn catch_up(&self, fleet: &Fleet, temper: &Temper) -> Option<Plan> {
        let now = self.clock.now();
        let watched = self.board().watched_coins(now);
        let meeting = fleet.meet(&watched, now, self.watch_ms).await?;
        let plan = {
            let mut board = self.board();
            board.join(&meeting.watched);
            board.plan(now, temper.lead_ms)
        };
        let ids: Vec<&str> = plan.ids.iter().map(String::as_str).collect();
        let known = fleet.known(&ids).await?;
        let (plan, version) = {
            let mut board = self.board();
            let before = board.version();
            let new = board.overhear(&known);
            self.store.keep_prices(new);
            if let Some(Pause { since, until, reason }) = meeting.pause {
                let [since, until] = [since, until].map(Timestamp::from_millis);
                board.rest(Rest { since, until, reason });
            }
            (board.plan(now, temper.lead_ms), Some(board.version()).filter(|version| *version != before))
        };
        if let Some(version) = version {
            self.common.changes.send_replace(version);
        }
        Some(plan)
    }

    /// Asks CoinGecko for what is planned; after a failure it rests.
    async fn fetch(&self, plan: Plan, temper: &mut Temper) {
        let since = self.clock.now();
        let Err(error) = self.refresh(&plan, temper).await else {
            return;
        };
        let now = self.clock.now();
        let rest_ms = error.wait_ms().unwrap_or_else(|| self.upstream.rest_ms()).max(1);
        let reason = reason(&error);
        let until = now.plus_millis(i64::try_from(rest_ms).unwrap_or(i64::MAX));
        self.board().rest(Rest { since, until, reason });
        if let Some(fleet) = &self.fleet {
            fleet.tell_pause(Pause { since: since.millis(), until: until.millis(), reason }).await;
        }
    }

    /// Calls until every coin that needs it was asked for. The last call takes along who fits.
    async fn refresh(&self, plan: &Plan, temper: &mut Temper) -> Result<(), UpstreamError> {
        let mut at = 0;
        while at < plan.due {
            let rest = &plan.ids[at..];
            let ids: Vec<&str> = rest.iter().take(temper.chunk).map(String::as_str).collect();
            let (left_at, started) = (self.clock.now(), Instant::now());
            let answer = self.upstream.simple_price(&ids).await;
            let took = started.elapsed();
            match answer {
                Ok(quotes) => {
                    let now = self.clock.now();
                    temper.lead_ms = (now.since(left_at) * 2).min(LONGEST_LEAD_MS);
                    self.learn(&ids, &quotes, now).await;
                    self.common.stats.called(ids.len(), true, took);
                    at += ids.len();
                }
                Err(error) => {
                    if error.was_asked() {
                        self.common.stats.called(ids.len(), false, took);
                    }
                    match error {
                        // What CoinGecko takes at once is learnt from its refusal.
                        UpstreamError::TooMany { limit, .. } if ids.len() > 1 => {
                            let half = ids.len() / 2;
                            temper.chunk = limit.filter(|limit| (1..ids.len()).contains(limit)).unwrap_or(half);
                        }
                        error => return Err(error),
                    }
                }
            }
        }
        Ok(())
    }

    async fn learn(&self, ids: &[&str], quotes: &BTreeMap<String, CoinQuote>, now: Timestamp) {
        let (new, known, version) = {
            let mut board = self.board();
            (board.learn(ids, quotes, now), board.known(ids), board.version())
        };
        self.store.keep_prices(new);
        self.common.changes.send_replace(version);
        if let Some(fleet) = &self.fleet {
            fleet.tell(&known).await;
        }
    }

    fn board(&self) -> RwLockWriteGuard<'_, Board> {
        self.common.board.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why prices come more slowly than they age.
fn reason(error: &UpstreamError) -> PaceReason {
    match error {
        UpstreamError::Spent { .. } => PaceReason::Budget,
        UpstreamError::Paced { .. } => PaceReason::Rate,
        UpstreamError::Throttled { .. } => PaceReason::Throttled,
        UpstreamError::Resting { after, .. } => reason(after),
        _ => PaceReason::Failing,
    }
}
