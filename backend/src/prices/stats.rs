//! What was served and what it cost, counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::quantile::quantile;
use crate::telemetry::PriceCache;

/// Flights whose time is remembered.
const FLIGHTS: usize = 1_000;

/// The counts, since the start.
#[derive(Debug, Default)]
pub struct Stats {
    requests: AtomicU64,
    waiting: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
    stale: AtomicU64,
    expired: AtomicU64,
    calls: AtomicU64,
    bulk_calls: AtomicU64,
    failed_calls: AtomicU64,
    flights_ms: Mutex<VecDeque<u64>>,
    told: PriceCache,
}

/// Somebody who waits.
#[derive(Debug)]
pub struct Waiting<'a>(&'a AtomicU64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How the prices of one request were served. Pins are not counted: they cost nobody anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Fresh, from the cache.
    pub hits: u64,
    /// Waited for, or not to be had.
    pub misses: u64,
    /// Stale, from the cache.
    pub stale: u64,
    /// Expired, from the cache.
    pub expired: u64,
}

/// The counts at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests for prices.
    pub requests: u64,
    /// Those that wait for a price now.
    pub waiting: u64,
    /// How their prices were served.
    pub served: Outcomes,
    /// Calls to CoinGecko for prices, good or not.
    pub calls: u64,
    /// Those that asked for more than one coin.
    pub bulk_calls: u64,
    /// Those that failed.
    pub failed_calls: u64,
    /// Milliseconds that half of the last calls took at most.
    pub p50_ms: Option<u64>,
    /// Milliseconds that 99 of a hundred of the last calls took at most.
    pub p99_ms: Option<u64>,
}

impl Stats {
    /// Counts a request that was answered.
    pub fn served(&self, outcomes: Outcomes) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let Outcomes { hits, misses, stale, expired } = outcomes;
        let counts = [hits, misses, stale, expired];
        for (counter, count) in [&self.hits, &self.misses, &self.stale, &self.expired].into_iter().zip(counts) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
        self.told.served(counts);
    }

    /// Counts somebody who waits, until it is dropped.
    pub fn waiting(&self) -> Waiting<'_> {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(&self.waiting)
    }

    /// Counts a call that was made.
    pub fn called(&self, ids: usize, good: bool, took: Duration) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.bulk_calls.fetch_add(u64::from(ids > 1), Ordering::Relaxed);
        self.failed_calls.fetch_add(u64::from(!good), Ordering::Relaxed);
        let mut flights = self.flights_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if flights.len() == FLIGHTS {
            flights.pop_front();
        }
        flights.push_back(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut flights: Vec<u64> =
            self.flights_ms.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect();
        flights.sort_unstable();
        let served = Outcomes {
            hits: read(&self.hits),
            misses: read(&self.misses),
            stale: read(&self.stale),
            expired: read(&self.expired),
        };
        Counts {
            requests: read(&self.requests),
            waiting: read(&self.waiting),
            served,
            calls: read(&self.calls),
            bulk_calls: read(&self.bulk_calls),
            failed_calls: read(&self.failed_calls),
            p50_ms: quantile(&flights, 50),
            p99_ms: quantile(&flights, 99),
        }
    }
}

impl Outcomes {
    /// Prices that were served, or would have been.
    pub const fn total(self) -> u64 {
        self.hits + self.misses + self.stale + self.expired
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_served_and_called_is_counted() {
        let stats = Stats::default();
        stats.served(Outcomes { hits: 3, misses: 1, stale: 0, expired: 0 });
        stats.called(4, true, Duration::from_millis(80));
        stats.called(1, false, Duration::from_millis(20));
        let counts = stats.counts();
        assert_eq!((counts.requests, counts.served.total()), (1, 4));
        assert_eq!((counts.calls, counts.bulk_calls, counts.failed_calls), (2, 1, 1));
        assert_eq!((counts.p50_ms, counts.p99_ms), (Some(20), Some(80)));
    }
}
