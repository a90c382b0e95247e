//! The one task that asks CoinGecko for prices.
//!
//! Callers leave a wish and wait. While a call is under way further wishes gather; when it is over,
//! those it fulfilled are answered and the rest make up the next call. So any number of callers and
//! tokens cost one call at a time. After a failure the keeper rests, and callers get what there is.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use shared::time::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::board::Board;
use crate::cache::Rest as _;
use crate::clock::SharedClock;
use crate::coingecko::{CoinGecko, UpstreamError};

/// Ids in one call, until CoinGecko says that it is too many.
const CHUNK: usize = 250;
/// Rest after the first failure, in milliseconds; it doubles from failure to failure.
const FIRST_REST_MS: u64 = 5_000;
/// The longest rest that is our own idea.
const LONGEST_REST_MS: u64 = 60_000;

/// A wish for prices that are fresh.
pub struct Wish {
    /// The coins.
    pub coins: BTreeSet<String>,
    /// Told when the keeper has done what it can.
    pub done: oneshot::Sender<()>,
}

/// The keeper, before it runs.
pub struct Keeper {
    pub(super) upstream: Arc<CoinGecko>,
    pub(super) board: Arc<RwLock<Board>>,
    pub(super) clock: SharedClock,
    pub(super) fresh_ms: u64,
    pub(super) wishes: mpsc::Receiver<Wish>,
}

struct Temper {
    chunk: usize,
    failures: u32,
    rest_until: Timestamp,
}

impl Keeper {
    /// Serves wishes until it is told to stop.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut temper = Temper { chunk: CHUNK, failures: 0, rest_until: Timestamp::EPOCH };
        loop {
            let first = tokio::select! {
                wish = self.wishes.recv() => wish,
                () = stop.cancelled() => return,
            };
            let Some(first) = first else { return };
            let mut wishes = vec![first];
            while let Ok(wish) = self.wishes.try_recv() {
                wishes.push(wish);
            }
            tokio::select! {
                () = self.fulfil(&wishes, &mut temper) => {}
                () = stop.cancelled() => return,
            }
            for wish in wishes {
                // Whoever left does not mind.
                let _ = wish.done.send(());
            }
        }
    }

    async fn fulfil(&self, wishes: &[Wish], temper: &mut Temper) {
        let now = self.clock.now();
        let wanted: Vec<String> = {
            let mut board = self.board.write().unwrap_or_else(PoisonError::into_inner);
            let coins = || wishes.iter().flat_map(|wish| &wish.coins).map(String::as_str);
            board.ask(coins(), now);
            if coins().all(|id| board.is_fresh(id, now, self.fresh_ms)) || now < temper.rest_until {
                return;
            }
            board.watched(now).into_iter().collect()
        };
        match self.refresh(&wanted, temper).await {
            Ok(()) => temper.failures = 0,
            // Not asked: nothing failed, and how long to wait is known.
            Err(UpstreamError::Spent { wait_ms, .. } | UpstreamError::Paced { wait_ms }) => {
                temper.rest_until = self.clock.now().plus_millis(i64::try_from(wait_ms).unwrap_or(i64::MAX));
            }
            Err(error) => {
                let doubled = FIRST_REST_MS << temper.failures.min(8);
                let rest_ms = error.rest_ms().unwrap_or(0).max(doubled.min(LONGEST_REST_MS));
                temper.failures += 1;
                temper.rest_until = self.clock.now().plus_millis(i64::try_from(rest_ms).unwrap_or(i64::MAX));
            }
        }
    }

    async fn refresh(&self, wanted: &[String], temper: &mut Temper) -> Result<(), UpstreamError> {
        let mut rest = wanted;
        while !rest.is_empty() {
            let ids: Vec<&str> = rest.iter().take(temper.chunk).map(String::as_str).collect();
            match self.upstream.simple_price(&ids).await {
                Ok(quotes) => {
                    let now = self.clock.now();
                    self.board.write().unwrap_or_else(PoisonError::into_inner).learn(&ids, &quotes, now);
                    rest = &rest[ids.len()..];
                }
                // What CoinGecko takes at once is learnt from its refusal.
                Err(UpstreamError::TooMany { limit, .. }) if ids.len() > 1 => {
                    let half = ids.len() / 2;
                    temper.chunk = limit.filter(|limit| (1..ids.len()).contains(limit)).unwrap_or(half);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
