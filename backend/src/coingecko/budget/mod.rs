//! How many calls CoinGecko grants, and how they are spread so that they never run out.
//!
//! Two limits hold at once: so many calls in any minute, and so many good answers in any longer period. Each
//! is a bucket that fills at an even rate and saves what is not used, up to a reserve; the period's is one for
//! each kind of call, which has a share of it. While there are savings calls go out as fast as prices age; when
//! they are gone, at the rate the bucket fills. Rate and reserve are chosen so that **no window of the period,
//! wherever it begins, holds more calls than were granted**: a bucket of `reserve` calls, one of which comes back
//! every `every_ms`, lets through at most `reserve + ⌈period ÷ every_ms⌉ − 1` in any window of `period`. A month
//! is taken as its longest, so the calendar's months hold as well.
//!
//! A bucket is kept as one moment, the time at which it will be full again (the generic cell rate algorithm,
//! ITU-T I.371): nothing is counted, nothing drifts, and a restart needs those moments only.

mod bucket;
mod grant;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use shared::time::Timestamp;

use self::bucket::{Apart, millis};
pub use self::bucket::{Bucket, Rule};
pub use self::grant::{Grant, Purpose};

/// Calls of a minute that only prices may take, where the limit leaves some.
const FOR_PRICES: u64 = 2;

/// One of the buckets, by what it limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Limit {
    /// Every call in a minute.
    Minute,
    /// The calls of a purpose in a period.
    Of(Purpose),
}

impl Limit {
    /// The name it is kept under.
    pub const fn name(self) -> &'static str {
        match self {
            Limit::Minute => "minute",
            Limit::Of(purpose) => purpose.name(),
        }
    }

    /// The limit that is kept under a name.
    pub fn named(name: &str) -> Option<Limit> {
        let limits = [Limit::Minute].into_iter().chain(Purpose::ALL.map(Limit::Of));
        limits.into_iter().find(|limit| limit.name() == name)
    }
}

/// Why a call may not go out now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The limit a minute is reached.
    Minute {
        /// Milliseconds until a call is allowed.
        wait_ms: u64,
    },
    /// The grant for this purpose is used up for now.
    Period {
        /// Milliseconds until a call is allowed.
        wait_ms: u64,
    },
}

/// The calls left: in the minute, and for each purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    minute: Bucket,
    purposes: [Bucket; 4],
}

impl Budget {
    /// All of `grant`, its reserves full, and so many calls in any minute.
    pub fn new(grant: Grant, calls_per_minute: u32) -> Budget {
        Budget {
            minute: Bucket::new(Rule::of_minute(calls_per_minute)),
            purposes: Purpose::ALL.map(|purpose| Bucket::new(Rule::of(grant, purpose))),
        }
    }

    /// The same after a restart: with what [`Budget::kept`] told the run before. What that took last it may not
    /// have kept, so every bucket is charged a call more: a restart never gives any back.
    pub fn resumed(mut self, kept: &BTreeMap<Limit, Timestamp>) -> Budget {
        for (limit, full_at) in kept {
            let bucket = match limit {
                Limit::Minute => &mut self.minute,
                Limit::Of(purpose) => &mut self.purposes[*purpose as usize],
            };
            bucket.full_at = full_at.plus_millis(millis(bucket.rule.every_ms));
        }
        self
    }

    /// What a later run has to know: when each bucket that this purpose takes from will be full.
    pub fn kept(&self, purpose: Purpose) -> [(Limit, Timestamp); 2] {
        [(Limit::Minute, self.minute.full_at), (Limit::Of(purpose), self.of(purpose).full_at)]
    }

    /// Takes a call.
    ///
    /// # Errors
    /// [`Wait`], the longer of the two; then nothing is taken.
    pub fn take(&mut self, purpose: Purpose, now: Timestamp) -> Result<(), Wait> {
        let kept_back = self.kept_back(purpose);
        let bucket = &mut self.purposes[purpose as usize];
        match (self.minute.wait_ms(now, kept_back), bucket.wait_ms(now, 0)) {
            (0, 0) => {
                self.minute.spend(now);
                bucket.spend(now);
                Ok(())
            }
            (minute, period) if minute > period => Err(Wait::Minute { wait_ms: minute }),
            (_, wait_ms) => Err(Wait::Period { wait_ms }),
        }
    }

    /// What a call for this purpose takes from at `now`, for one who keeps the buckets for several backends.
    pub fn terms(&self, purpose: Purpose, now: Timestamp) -> [Term; 2] {
        let term = |limit, bucket: &Bucket, kept_back| {
            let apart_ms = bucket.apart.map_or(0, |apart| apart.full_at.since(apart.seen.max(now)));
            Term { limit, rule: bucket.rule, kept_back, full_at: bucket.full_at, apart_ms }
        };
        let kept_back = self.kept_back(purpose);
        [term(Limit::Minute, &self.minute, kept_back), term(Limit::Of(purpose), self.of(purpose), 0)]
    }

    /// Takes over when a call's buckets will be full, from one who keeps them for several backends.
    pub fn follow(&mut self, purpose: Purpose, full_at: [Timestamp; 2]) {
        for (bucket, full_at) in self.both(purpose).into_iter().zip(full_at) {
            (bucket.full_at, bucket.apart) = (full_at, None);
        }
    }

    /// Takes a call as one of several backends that have lost sight of each other: so many calls' worth, or
    /// nothing. Then all of them together take no more than is granted. When they see each other again, the
    /// calls that were really made are told: see [`Budget::terms`].
    ///
    /// # Errors
    /// As [`Budget::take`].
    pub fn take_share(&mut self, purpose: Purpose, now: Timestamp, backends: u64) -> Result<(), Wait> {
        let before = self.clone();
        for bucket in self.both(purpose) {
            let seen = bucket.full_at;
            let apart = bucket.apart.get_or_insert(Apart { seen, full_at: seen });
            apart.full_at = apart.full_at.max(now).plus_millis(millis(bucket.rule.every_ms));
        }
        for _ in 0..backends.max(1) {
            if let Err(wait) = self.take(purpose, now) {
                *self = before;
                return Err(wait);
            }
        }
        Ok(())
    }

    /// Gives a call back that was taken with [`Budget::take_share`].
    pub fn give_share_back(&mut self, purpose: Purpose, backends: u64) {
        for _ in 0..backends.max(1) {
            self.give_back(purpose);
        }
        let bucket = &mut self.purposes[purpose as usize];
        if let Some(apart) = &mut bucket.apart {
            apart.full_at = apart.full_at.plus_millis(-millis(bucket.rule.every_ms));
        }
    }

    fn both(&mut self, purpose: Purpose) -> [&mut Bucket; 2] {
        [&mut self.minute, &mut self.purposes[purpose as usize]]
    }

    /// Calls of a minute that are not for this purpose: prices come first, then what somebody looks at. Pools are
    /// asked about for many tokens at once and can wait.
    fn kept_back(&self, purpose: Purpose) -> u64 {
        match purpose {
            Purpose::Prices => 0,
            Purpose::Candles | Purpose::Lookups => FOR_PRICES.min(self.minute.rule.reserve / 4),
            Purpose::Pools => self.minute.rule.reserve / 2,
        }
    }

    /// Gives a call back that CoinGecko does not charge for. It was a call all the same: the minute keeps it.
    pub fn give_back(&mut self, purpose: Purpose) {
        let bucket = &mut self.purposes[purpose as usize];
        bucket.full_at = bucket.full_at.plus_millis(-millis(bucket.rule.every_ms));
    }

    /// The bucket of one purpose.
    pub const fn of(&self, purpose: Purpose) -> &Bucket {
        &self.purposes[purpose as usize]
    }
}

/// What a call takes from one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Which.
    pub limit: Limit,
    /// How it fills.
    pub rule: Rule,
    /// Calls in it that are for others.
    pub kept_back: u64,
    /// When it will be full, as far as is known here.
    pub full_at: Timestamp,
    /// By how much later that is, in milliseconds, for the calls that were made out of the others' sight.
    pub apart_ms: u64,
}
