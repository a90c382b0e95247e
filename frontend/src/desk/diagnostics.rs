//! What this session measured of itself: how long trades took to be on the disk, which writes failed and
//! why, how much room there is, how old the prices kept for offline are.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::time::Timestamp;

use super::{Desk, feed};
use crate::io::database::StoreError;
use crate::io::{clock, storage};

/// A write that did not happen.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedWrite {
    /// When, by the server's clock.
    pub at: Timestamp,
    /// What the store said.
    pub reason: StoreError,
}

/// The session's own measurements. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct Diagnostics {
    /// Microseconds from a confirmation to the entry on the disk, for each trade of this session, oldest first.
    pub durable_us: RwSignal<Vec<u32>>,
    /// Writes that failed in this session, oldest first.
    pub failed_writes: RwSignal<Vec<FailedWrite>>,
    /// Whether the browser promised not to clear this page's data; `None` before it was asked.
    pub persisted: RwSignal<Option<bool>>,
    /// How far this device's journal of the account in hand was verified in this session.
    pub verified: RwSignal<Option<Verified>>,
}

/// A whole journal was read again, line by line, and found good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// When that was done.
    pub at: Timestamp,
    /// Up to which entry.
    pub seq: u64,
}

/// What the device keeps of the backend's answers, for a visit without one.
#[derive(Debug, Clone, PartialEq)]
pub struct Cached {
    /// Which answers: `prices`, `pools` or `gas`.
    pub name: &'static str,
    /// How many bytes of them.
    pub bytes: usize,
    /// The time of the newest, by the server's clock; only prices say it.
    pub as_of: Option<Timestamp>,
}

impl Diagnostics {
    pub(super) fn new() -> Diagnostics {
        Diagnostics {
            durable_us: RwSignal::new(Vec::new()),
            failed_writes: RwSignal::new(Vec::new()),
            persisted: RwSignal::new(None),
            verified: RwSignal::new(None),
        }
    }

    /// Notes a trade that was confirmed at `started` (of [`clock::stopwatch`]) and is on the disk now.
    pub(super) fn durable(&self, started: f64) {
        let took = (clock::stopwatch() - started).clamp(0.0, f64::from(u32::MAX)) as u32;
        self.durable_us.update(|all| all.push(took));
    }

    /// Notes a write that failed.
    pub(super) fn failed(&self, reason: &StoreError) {
        self.failed_writes.update(|all| all.push(FailedWrite { at: clock::now(), reason: reason.clone() }));
    }

    /// Asks the browser, once a session, not to clear this page's data by itself. Not before something is
    /// worth keeping: some browsers ask the person.
    pub(super) fn ask_to_persist(&self) {
        if self.persisted.get_untracked().is_none() {
            let persisted = self.persisted;
            persisted.set(Some(false));
            spawn_local(async move { persisted.set(Some(storage::persist().await)) });
        }
    }

    /// What the device keeps of the backend's answers.
    pub async fn cached(&self, desk: Desk) -> Vec<Cached> {
        feed::kept(desk).await
    }

    /// How much room this page takes and may take; `None` where the browser does not say.
    pub async fn room(&self) -> Option<storage::Room> {
        storage::room().await
    }
}
