//! What is told in the rooms and what of it arrives: counted for the operator, and for the metrics.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use shared::wire::room::Kind;
use shared::wire::{KindCount, LatencyCount};

use crate::telemetry;

/// The ends of what delivery times are sorted into, in microseconds.
const ENDS_US: [u64; 11] = [100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 100_000, 1_000_000, 10_000_000];

/// Counts since the server started.
#[derive(Debug)]
pub struct Tally {
    told: [AtomicU64; Kind::ALL.len()],
    delivered: [AtomicU64; Kind::ALL.len()],
    failures: AtomicU64,
    /// Deliveries, by how long they took; the last are those that took longer than all ends.
    latency: [AtomicU64; ENDS_US.len() + 1],
    meters: telemetry::Rooms,
}

impl Default for Tally {
    fn default() -> Tally {
        Tally::new()
    }
}

impl Tally {
    /// Nothing yet.
    pub fn new() -> Tally {
        Tally {
            told: Default::default(),
            delivered: Default::default(),
            failures: AtomicU64::new(0),
            latency: Default::default(),
            meters: telemetry::Rooms::new(),
        }
    }

    /// Counts a message that was handed in.
    pub fn count_told(&self, kind: Kind) {
        add(self.told.get(kind as usize));
        self.meters.told(kind);
    }

    /// Counts a message that was handed to one reader's connection, so long after it was told.
    pub fn count_delivery(&self, kind: Kind, took: Duration) {
        add(self.delivered.get(kind as usize));
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        add(self.latency.get(ENDS_US.partition_point(|end| *end < us)));
        self.meters.delivered(kind, took);
    }

    /// Counts a message that did not reach every server, or a reader that was too slow for what was told.
    pub fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.meters.failed();
    }

    /// What was counted: for each kind of message, failures, and delivery times.
    pub fn read(&self) -> (Vec<KindCount>, u64, Vec<LatencyCount>) {
        let kinds = Kind::ALL.into_iter().map(|kind| KindCount {
            kind,
            told: read(self.told.get(kind as usize)),
            delivered: read(self.delivered.get(kind as usize)),
        });
        let ends = ENDS_US.into_iter().map(Some).chain([None]);
        let latency = ends
            .zip(&self.latency)
            .map(|(up_to_us, count)| LatencyCount { up_to_us, count: count.load(Ordering::Relaxed) });
        (kinds.collect(), self.failures.load(Ordering::Relaxed), latency.collect())
    }
}

fn add(count: Option<&AtomicU64>) {
    if let Some(count) = count {
        count.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(count: Option<&AtomicU64>) -> u64 {
    count.map_or(0, |count| count.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_is_counted_by_its_kind_and_by_how_long_it_took() {
        let tally = Tally::new();
        tally.count_told(Kind::BulkUpdate);
        for us in [99, 100, 101, 20_000_000] {
            tally.count_delivery(Kind::BulkUpdate, Duration::from_micros(us));
        }
        let (kinds, failures, latency) = tally.read();
        let bulk = kinds.iter().find(|count| count.kind == Kind::BulkUpdate).unwrap();
        assert_eq!((bulk.told, bulk.delivered, failures), (1, 4, 0));
        assert_eq!(kinds.iter().map(|count| count.delivered).sum::<u64>(), 4);
        let counts: Vec<(Option<u64>, u64)> =
            latency.iter().filter(|times| times.count > 0).map(|times| (times.up_to_us, times.count)).collect();
        assert_eq!(counts, [(Some(100), 2), (Some(250), 1), (None, 1)]);
    }
}
