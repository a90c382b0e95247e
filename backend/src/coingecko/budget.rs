//! How many calls CoinGecko grants, and how they are spread so that they never run out.
//!
//! A grant is so many calls in any window of a period. Each kind of call has a share of it, and each
//! share is a bucket: it fills at an even rate, and what is not used while nobody watches is saved, up to
//! a reserve. While there are savings calls go out as fast as prices age; when they are gone, at the rate
//! the bucket fills. Rate and reserve are chosen so that **no window of the period, wherever it begins,
//! holds more calls than were granted**: reserve + period × rate = share.
//!
//! The bucket is kept as one moment, the time at which it will be full again (the generic cell rate
//! algorithm, ITU-T I.371): nothing is counted, nothing drifts, and a restart needs that moment only.

use shared::time::Timestamp;

/// A day.
const DAY_MS: u64 = 86_400_000;
/// What is saved at most, in hundredths of a share.
const RESERVE: u64 = 15;

/// What CoinGecko grants beside its limit a minute. Only good answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Calls in any period.
    pub calls: u32,
    /// The period, in days.
    pub days: u32,
}

impl Grant {
    /// CoinGecko's free plan: 10,000 calls in a month of 30 days.
    pub const DEMO: Grant = Grant { calls: 10_000, days: 30 };
    /// The seed's limit: fewer than 1,100 calls a day.
    pub const DAILY: Grant = Grant { calls: 1_099, days: 1 };
    /// CoinGecko's smallest paid plan: 500,000 calls in a month of 30 days.
    pub const PRO: Grant = Grant { calls: 500_000, days: 30 };

    /// The fewest calls that leave some for every purpose.
    pub const LEAST: u32 = 100;

    /// The grant by its name (`demo`, `daily`, `pro`), or by its figures: calls and days, such as `10000/30`.
    pub fn named(text: &str) -> Option<Grant> {
        match text {
            "demo" => Some(Grant::DEMO),
            "daily" => Some(Grant::DAILY),
            "pro" => Some(Grant::PRO),
            figures => {
                let (calls, days) = figures.split_once('/')?;
                let (calls, days) = (calls.parse().ok()?, days.parse().ok()?);
                (calls >= Grant::LEAST && (1..=366).contains(&days)).then_some(Grant { calls, days })
            }
        }
    }

    const fn period_ms(self) -> u64 {
        self.days as u64 * DAY_MS
    }
}

/// What a call is for. Prices come first: nearly all of the grant is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The prices of all watched coins, in one call.
    Prices,
    /// A coin's past.
    Candles,
    /// A token's pools and its volatility.
    Pools,
    /// Which coin an address is.
    Lookups,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 4] = [Purpose::Prices, Purpose::Candles, Purpose::Pools, Purpose::Lookups];

    /// Its share of the grant, in hundredths.
    const fn share(self) -> u64 {
        match self {
            Purpose::Prices => 80,
            Purpose::Candles => 10,
            Purpose::Pools => 6,
            Purpose::Lookups => 4,
        }
    }

    /// The name it is counted under.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Prices => "prices",
            Purpose::Candles => "candles",
            Purpose::Pools => "pools",
            Purpose::Lookups => "lookups",
        }
    }
}

/// The calls left, for each purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget([Bucket; 4]);

impl Budget {
    /// All of `grant`, its reserves full.
    pub fn new(grant: Grant) -> Budget {
        Budget(Purpose::ALL.map(|purpose| Bucket::new(grant, purpose, None)))
    }

    /// The bucket of one purpose.
    pub fn of(&mut self, purpose: Purpose) -> &mut Bucket {
        &mut self.0[purpose as usize]
    }
}

/// The calls left for one purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// A call comes back every so many milliseconds.
    every_ms: u64,
    /// Calls it holds when full.
    reserve: u64,
    /// When it will be full again.
    full_at: Timestamp,
}

impl Bucket {
    /// The share of `purpose` in `grant`. `full_at` is what an earlier run left, if there was one: a
    /// restart gives nothing back.
    pub fn new(grant: Grant, purpose: Purpose, full_at: Option<Timestamp>) -> Bucket {
        let share = (u64::from(grant.calls) * purpose.share() / 100).max(2);
        let reserve = (share * RESERVE / 100).max(1);
        let every_ms = grant.period_ms().div_ceil(share - reserve);
        Bucket { every_ms, reserve, full_at: full_at.unwrap_or(Timestamp::EPOCH) }
    }

    /// Takes a call.
    ///
    /// # Errors
    /// Milliseconds until there is one.
    pub fn take(&mut self, now: Timestamp) -> Result<(), u64> {
        let latest = millis(self.every_ms * (self.reserve - 1));
        // A clock that was wrong, far ahead, must not silence us for longer than an empty bucket takes.
        self.full_at = self.full_at.min(now.plus_millis(millis(self.every_ms * self.reserve)));
        let wait_ms = self.full_at.since(now.plus_millis(latest));
        if wait_ms > 0 {
            return Err(wait_ms);
        }
        self.full_at = self.full_at.max(now).plus_millis(millis(self.every_ms));
        Ok(())
    }

    /// Gives a call back that CoinGecko does not charge for.
    pub fn give_back(&mut self) {
        self.full_at = self.full_at.plus_millis(-millis(self.every_ms));
    }

    /// Whole calls left at `now`.
    pub fn left(&self, now: Timestamp) -> u64 {
        self.reserve - self.full_at.since(now).div_ceil(self.every_ms).min(self.reserve)
    }

    /// When it will be full again: what a later run has to know.
    pub const fn full_at(&self) -> Timestamp {
        self.full_at
    }

    /// A call comes back every so many milliseconds: the pace when nothing is saved.
    pub const fn every_ms(&self) -> u64 {
        self.every_ms
    }
}

fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// The calls of `days` days in which `watched` says when somebody watches; a call at most every 60 s.
    fn calls(grant: Grant, days: u64, watched: impl Fn(u64) -> bool) -> (Vec<Timestamp>, u64, u64) {
        let mut bucket = Bucket::new(grant, Purpose::Prices, None);
        let start = Timestamp::from_secs(1_790_000_000);
        let (mut calls, mut watched_ms, mut fresh_ms) = (Vec::new(), 0, 0);
        let mut last: Option<Timestamp> = None;
        for second in 0..days * 86_400 {
            let now = start.plus_millis(millis(second * 1000));
            if !watched(second) {
                continue;
            }
            if last.is_none_or(|last| now.since(last) >= 60_000) && bucket.take(now).is_ok() {
                calls.push(now);
                last = Some(now);
            }
            watched_ms += 1000;
            fresh_ms += if last.is_some_and(|last| now.since(last) <= 60_000) { 1000 } else { 0 };
        }
        (calls, watched_ms, fresh_ms)
    }

    fn most_in_any(window_ms: u64, calls: &[Timestamp]) -> usize {
        let mut inside = VecDeque::new();
        let mut most = 0;
        for call in calls {
            inside.push_back(*call);
            while inside.front().is_some_and(|first| call.since(*first) >= window_ms) {
                inside.pop_front();
            }
            most = most.max(inside.len());
        }
        most
    }

    #[test]
    fn no_window_of_a_period_holds_more_calls_than_were_granted() {
        for (grant, days) in [(Grant::DEMO, 75), (Grant::DAILY, 5), (Grant::PRO, 31)] {
            let round_the_clock = |_| true;
            // Two weeks of savings, then everything at once.
            let in_fits = |second: u64| second / 86_400 % 20 >= 14;
            for (calls, ..) in [calls(grant, days, round_the_clock), calls(grant, days, in_fits)] {
                let most = most_in_any(grant.period_ms(), &calls);
                let share = u64::from(grant.calls) * Purpose::Prices.share() / 100;
                assert!(most as u64 <= share, "{most} calls in a window of {grant:?}");
                assert!(most_in_any(60_000, &calls) <= 1);
            }
        }
        assert_eq!(Purpose::ALL.iter().map(|purpose| purpose.share()).sum::<u64>(), 100);
        assert!(Purpose::ALL.iter().enumerate().all(|(place, purpose)| *purpose as usize == place));
    }

    #[test]
    fn four_hours_a_day_are_fresh_on_the_free_plan_and_round_the_clock_is_evened_out() {
        let (four_hours, watched, fresh) = calls(Grant::DEMO, 30, |second| (8..12).contains(&(second / 3600 % 24)));
        assert!(fresh * 100 >= watched * 95, "{fresh} of {watched} ms");
        assert!(four_hours.len() > 7_000);
        let (always, ..) = calls(Grant::DEMO, 60, |_| true);
        let gaps: Vec<u64> = always.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        let late = &gaps[gaps.len() / 2..];
        let (least, most) = (late.iter().min().unwrap(), late.iter().max().unwrap());
        assert!(most - least <= 2_000, "between {least} and {most} ms");
    }

    #[test]
    fn a_grant_is_named_or_given_in_figures() {
        assert_eq!(Grant::named("demo"), Some(Grant::DEMO));
        assert_eq!(Grant::named("30000/31"), Some(Grant { calls: 30_000, days: 31 }));
        for text in ["", "free", "99/30", "1000", "1000/0", "1000/367", "-1/30", "1000/1/1"] {
            assert_eq!(Grant::named(text), None, "{text}");
        }
        // The least of grants leaves a call for everything.
        let now = Timestamp::from_secs(1_790_000_000);
        let mut budget = Budget::new(Grant { calls: Grant::LEAST, days: 366 });
        assert!(Purpose::ALL.iter().all(|purpose| budget.of(*purpose).take(now).is_ok()));
    }

    #[test]
    fn a_restart_gives_nothing_back_and_what_was_not_charged_comes_back() {
        let now = Timestamp::from_secs(1_790_000_000);
        let mut bucket = Bucket::new(Grant::DEMO, Purpose::Lookups, None);
        while bucket.take(now).is_ok() {}
        let mut again = Bucket::new(Grant::DEMO, Purpose::Lookups, Some(bucket.full_at()));
        assert_eq!((again.left(now), again.take(now)), (0, Err(again.every_ms())));
        again.give_back();
        assert_eq!((again.left(now), again.take(now)), (1, Ok(())));
        let next = now.plus_millis(millis(again.every_ms()));
        assert_eq!(again.take(next.plus_millis(-1)), Err(1));
        assert_eq!(again.take(next), Ok(()));
    }

    #[test]
    fn a_clock_that_was_far_ahead_silences_nobody_for_long() {
        let mut bucket = Bucket::new(Grant::DAILY, Purpose::Prices, Some(Timestamp::from_secs(9_000_000_000)));
        let now = Timestamp::from_secs(1_790_000_000);
        let wait = bucket.take(now).unwrap_err();
        assert_eq!(wait, bucket.every_ms());
        assert_eq!(bucket.take(now.plus_millis(millis(wait))), Ok(()));
    }
}
