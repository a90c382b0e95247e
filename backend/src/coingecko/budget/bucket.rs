//! A bucket of calls: how it fills, how much it holds, and when the next one may be taken.

use shared::time::Timestamp;

use super::grant::{Grant, Purpose};

/// A minute.
pub(super) const MINUTE_MS: u64 = 60_000;

/// How a bucket fills, and how much it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// A call comes back every so many milliseconds: the pace when nothing is saved.
    pub every_ms: u64,
    /// Calls it holds when full; at least one.
    pub reserve: u64,
}

impl Rule {
    /// The share of `purpose` in `grant`.
    pub fn of(grant: Grant, purpose: Purpose) -> Rule {
        let share = u64::from(grant.calls) * purpose.share() / 100;
        Rule::within(share, purpose.reserve(share, grant.period_ms()), grant.period_ms())
    }

    /// So many calls in any minute, half of them at once.
    pub fn of_minute(calls: u32) -> Rule {
        let calls = u64::from(calls.max(1));
        Rule::within(calls, calls / 2, MINUTE_MS)
    }

    /// At most `calls` in any window of `period_ms`, at most `reserve` of them at once.
    fn within(calls: u64, reserve: u64, period_ms: u64) -> Rule {
        let reserve = reserve.max(1);
        Rule { every_ms: period_ms.div_ceil(calls - reserve + 1), reserve }
    }
}

/// Calls left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    pub(super) rule: Rule,
    /// When it will be full again.
    pub(super) full_at: Timestamp,
    /// Since others who take from it are out of sight.
    pub(super) apart: Option<Apart>,
}

/// When a bucket was to be full when all who take from it were last in sight, and when it will be with the calls
/// that were really made here since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Apart {
    pub(super) seen: Timestamp,
    pub(super) full_at: Timestamp,
}

impl Bucket {
    /// A full one.
    pub const fn new(rule: Rule) -> Bucket {
        Bucket { rule, full_at: Timestamp::EPOCH, apart: None }
    }

    /// How it fills.
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// Whole calls left at `now`.
    pub fn left(&self, now: Timestamp) -> u64 {
        self.rule.reserve - self.full_at.since(now).div_ceil(self.rule.every_ms).min(self.rule.reserve)
    }

    /// Milliseconds until there is a call, beside `kept_back` for others; zero when there is one.
    pub(super) fn wait_ms(&mut self, now: Timestamp, kept_back: u64) -> u64 {
        let Rule { every_ms, reserve } = self.rule;
        // A clock that was wrong, far ahead, must not silence us for longer than an empty bucket takes.
        self.full_at = self.full_at.min(now.plus_millis(millis(every_ms * reserve)));
        let latest = millis(every_ms * (reserve - 1 - kept_back));
        self.full_at.since(now.plus_millis(latest))
    }

    pub(super) fn spend(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now).plus_millis(millis(self.rule.every_ms));
    }
}

pub(super) fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
