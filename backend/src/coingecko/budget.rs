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

use std::collections::BTreeMap;

use shared::time::Timestamp;

/// A minute.
const MINUTE_MS: u64 = 60_000;
/// A day.
const DAY_MS: u64 = 86_400_000;
/// The longest month, in days.
const MONTH_DAYS: u32 = 31;
/// So long somebody is to be able to watch prices at full pace, a call a minute, whenever they come.
const SESSION_MS: u64 = 4 * 3_600_000;
/// Calls of a minute that only prices may take, where the limit leaves some.
const FOR_PRICES: u64 = 2;

/// What CoinGecko grants beside its limit a minute. Only good answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Calls in any period.
    pub calls: u32,
    /// The period, in days.
    pub days: u32,
}

impl Grant {
    /// CoinGecko's free plan: 10,000 calls a month.
    pub const DEMO: Grant = Grant { calls: 10_000, days: MONTH_DAYS };
    /// The seed's limit: fewer than 1,100 calls a day.
    pub const DAILY: Grant = Grant { calls: 1_099, days: 1 };
    /// CoinGecko's smallest paid plan: 500,000 calls a month.
    pub const PRO: Grant = Grant { calls: 500_000, days: MONTH_DAYS };

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

    /// What of its share is saved at most. Prices are asked for minute by minute: they save what a session
    /// takes beyond what comes back meanwhile, and not much more, for what is saved is not spread. Everything
    /// else is asked for in a burst and then kept for long.
    fn reserve(self, share: u64, period_ms: u64) -> u64 {
        let hundredths = |n: u64| share * n / 100;
        match self {
            Purpose::Prices => {
                let needed = (SESSION_MS / MINUTE_MS * period_ms).saturating_sub(share * SESSION_MS);
                needed.div_ceil(period_ms - SESSION_MS).clamp(hundredths(6), hundredths(15))
            }
            Purpose::Candles | Purpose::Pools | Purpose::Lookups => hundredths(25),
        }
    }

    /// The name it is counted and kept under.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Prices => "prices",
            Purpose::Candles => "candles",
            Purpose::Pools => "pools",
            Purpose::Lookups => "lookups",
        }
    }
}

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

/// Calls left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    rule: Rule,
    /// When it will be full again.
    full_at: Timestamp,
    /// Since others who take from it are out of sight.
    apart: Option<Apart>,
}

/// When a bucket was to be full when all who take from it were last in sight, and when it will be with the calls
/// that were really made here since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Apart {
    seen: Timestamp,
    full_at: Timestamp,
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
    fn wait_ms(&mut self, now: Timestamp, kept_back: u64) -> u64 {
        let Rule { every_ms, reserve } = self.rule;
        // A clock that was wrong, far ahead, must not silence us for longer than an empty bucket takes.
        self.full_at = self.full_at.min(now.plus_millis(millis(every_ms * reserve)));
        let latest = millis(every_ms * (reserve - 1 - kept_back));
        self.full_at.since(now.plus_millis(latest))
    }

    fn spend(&mut self, now: Timestamp) {
        self.full_at = self.full_at.max(now).plus_millis(millis(self.rule.every_ms));
    }
}

fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    const START: Timestamp = Timestamp::from_secs(1_790_000_000);

    /// The calls of `days` days in which `watched` says when somebody watches; a call at most every 60 s.
    fn calls(grant: Grant, days: u64, watched: impl Fn(u64) -> bool) -> (Vec<Timestamp>, u64, u64) {
        let mut budget = Budget::new(grant, 25);
        let (mut calls, mut watched_ms, mut fresh_ms) = (Vec::new(), 0, 0);
        let mut last: Option<Timestamp> = None;
        for second in 0..days * 86_400 {
            let now = START.plus_millis(millis(second * 1000));
            if !watched(second) {
                continue;
            }
            if last.is_none_or(|last| now.since(last) >= 60_000) && budget.take(Purpose::Prices, now).is_ok() {
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
        for (grant, days) in [(Grant::DEMO, 75), (Grant::DAILY, 5), (Grant::PRO, 33)] {
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
        assert!(Purpose::ALL.iter().all(|purpose| Limit::named(purpose.name()) == Some(Limit::Of(*purpose))));
    }

    #[test]
    fn four_hours_a_day_are_fresh_for_ever_and_round_the_clock_is_evened_out() {
        for (grant, days) in [(Grant::DEMO, 120), (Grant::DAILY, 10)] {
            let (_, watched, fresh) = calls(grant, days, |second| (8..12).contains(&(second / 3600 % 24)));
            assert!(fresh * 100 >= watched * 99, "{grant:?}: {fresh} of {watched} ms");
            let (always, ..) = calls(grant, days / 2, |_| true);
            let gaps: Vec<u64> = always.windows(2).map(|pair| pair[1].since(pair[0])).collect();
            let late = &gaps[gaps.len() / 2..];
            let (least, most) = (late.iter().min().unwrap(), late.iter().max().unwrap());
            assert!(most - least <= 2_000, "{grant:?}: between {least} and {most} ms");
        }
    }

    #[test]
    fn backends_that_have_lost_sight_of_each_other_take_no_more_than_one_together() {
        for backends in [1, 2, 5] {
            let count = |take: &dyn Fn(&mut Budget, Timestamp) -> bool| {
                let mut budget = Budget::new(Grant::DEMO, 25);
                let seconds = 0..86_400 * 3;
                seconds.filter(|second| take(&mut budget, START.plus_millis(second * 1000))).count() as u64
            };
            let each = count(&|budget, now| budget.take_share(Purpose::Candles, now, backends).is_ok());
            let one = count(&|budget, now| budget.take(Purpose::Candles, now).is_ok());
            assert!(each > 0 && each * backends <= one, "{backends} backends: {each} each, {one} in all");
        }
        let mut budget = Budget::new(Grant::DEMO, 25);
        budget.follow(Purpose::Pools, [START, START.plus_millis(7)]);
        assert_eq!(
            (budget.take_share(Purpose::Pools, START, 3), budget.take_share(Purpose::Pools, START, 3)),
            (Ok(()), Ok(()))
        );
        budget.give_share_back(Purpose::Pools, 3);
        let every_ms = [Limit::Minute, Limit::Of(Purpose::Pools)].map(|limit| match limit {
            Limit::Minute => budget.minute.rule.every_ms,
            Limit::Of(purpose) => budget.of(purpose).rule.every_ms,
        });
        let told = budget.terms(Purpose::Pools, START).map(|term| term.apart_ms);
        assert_eq!(told, [every_ms[0] * 2, every_ms[1]], "the calls that were really made, and one was given back");
        let later = START.plus_millis(millis(every_ms[0]));
        assert_eq!(budget.terms(Purpose::Pools, later)[0].apart_ms, every_ms[0], "some have come back meanwhile");
        budget.follow(Purpose::Pools, [START; 2]);
        assert_eq!(budget.terms(Purpose::Pools, START).map(|term| (term.full_at, term.apart_ms)), [(START, 0); 2]);
    }

    #[test]
    fn a_grant_is_named_or_given_in_figures() {
        assert_eq!(Grant::named("demo"), Some(Grant::DEMO));
        assert_eq!(Grant::named("30000/31"), Some(Grant { calls: 30_000, days: 31 }));
        for text in ["", "free", "99/30", "1000", "1000/0", "1000/367", "-1/30", "1000/1/1"] {
            assert_eq!(Grant::named(text), None, "{text}");
        }
        // The least of grants leaves a call for everything.
        let mut budget = Budget::new(Grant { calls: Grant::LEAST, days: 366 }, 30);
        assert!(Purpose::ALL.iter().all(|purpose| budget.take(*purpose, START).is_ok()));
    }

    #[test]
    fn a_restart_gives_nothing_back_and_what_was_not_charged_comes_back() {
        let grant = Grant { calls: 1_000, days: 30 };
        let mut budget = Budget::new(grant, 10_000);
        while budget.take(Purpose::Lookups, START).is_ok() {}
        let mut again = Budget::new(grant, 10_000).resumed(&budget.kept(Purpose::Lookups).into());
        let every_ms = again.of(Purpose::Lookups).rule().every_ms;
        assert_eq!(again.take(Purpose::Lookups, START), Err(Wait::Period { wait_ms: every_ms }));
        again.give_back(Purpose::Lookups);
        assert_eq!(again.take(Purpose::Lookups, START), Ok(()));
        let next = START.plus_millis(millis(every_ms));
        assert_eq!(again.take(Purpose::Lookups, next.plus_millis(-1)), Err(Wait::Period { wait_ms: 1 }));
        assert_eq!(again.take(Purpose::Lookups, next), Ok(()));
        assert_eq!(again.take(Purpose::Prices, next), Ok(()), "other purposes have calls of their own");
    }

    #[test]
    fn a_burst_of_other_calls_leaves_the_minute_some_for_prices() {
        let mut budget = Budget::new(Grant::PRO, 25);
        let mut took = 0;
        while budget.take(Purpose::Candles, START).is_ok() {
            took += 1;
        }
        assert_eq!(took, 10);
        assert!(matches!(budget.take(Purpose::Candles, START), Err(Wait::Minute { wait_ms: 1.. })));
        assert_eq!([(); 3].map(|()| budget.take(Purpose::Prices, START).is_ok()), [true, true, false]);
        let mut budget = Budget::new(Grant::PRO, 25);
        while budget.take(Purpose::Pools, START).is_ok() {}
        let took = std::iter::from_fn(|| budget.take(Purpose::Candles, START).ok()).count();
        assert_eq!(took, 4, "a chart is looked at, pools are not");
    }

    #[test]
    fn a_clock_that_was_far_ahead_silences_nobody_for_long() {
        let far = BTreeMap::from([(Limit::Of(Purpose::Prices), Timestamp::from_secs(9_000_000_000))]);
        let mut budget = Budget::new(Grant::DAILY, 25).resumed(&far);
        let every_ms = budget.of(Purpose::Prices).rule().every_ms;
        assert_eq!(budget.take(Purpose::Prices, START), Err(Wait::Period { wait_ms: every_ms }));
        assert_eq!(budget.take(Purpose::Prices, START.plus_millis(millis(every_ms))), Ok(()));
    }

    /// What people and machines do to a budget.
    #[derive(Debug, Clone)]
    enum Demand {
        /// Somebody wants so many calls at once.
        Burst { purpose: usize, calls: u32 },
        /// Somebody wants a call every so often, so many times.
        Steady { purpose: usize, every_ms: u64, calls: u32 },
        /// Time passes.
        Pause { ms: u64 },
        /// The last call was not charged.
        Uncharged,
        /// The server starts anew with what was kept.
        Restart,
    }

    fn demands() -> impl Strategy<Value = Vec<Demand>> {
        let burst = (0..4_usize, 1..400_u32).prop_map(|(purpose, calls)| Demand::Burst { purpose, calls });
        let steady = (0..4_usize, 500..400_000_u64, 1..400_u32).prop_map(|(purpose, every_ms, calls)| Demand::Steady {
            purpose,
            every_ms,
            calls,
        });
        let pause = prop_oneof![1..120_000_u64, 1..DAY_MS, 1..20 * DAY_MS].prop_map(|ms| Demand::Pause { ms });
        let demand =
            prop_oneof![3 => burst, 4 => steady, 3 => pause, 1 => Just(Demand::Uncharged), 1 => Just(Demand::Restart)];
        prop::collection::vec(demand, 1..60)
    }

    fn grants() -> impl Strategy<Value = Grant> {
        let own = (Grant::LEAST..20_000, 1..60_u32).prop_map(|(calls, days)| Grant { calls, days });
        prop_oneof![Just(Grant::DEMO), Just(Grant::DAILY), Just(Grant::PRO), own]
    }

    proptest! {
        #[test]
        fn whatever_is_demanded_no_minute_and_no_period_holds_more_than_was_granted(
            grant in grants(), per_minute in 1..60_u32, demands in demands()
        ) {
            let (mut budget, mut now) = (Budget::new(grant, per_minute), START);
            let mut kept = BTreeMap::new();
            // Every call; and those that were charged, by purpose.
            let (mut sent, mut charged): (Vec<Timestamp>, [Vec<Timestamp>; 4]) = Default::default();
            let mut last = None;
            for demand in demands {
                let (purpose, every_ms, calls) = match demand {
                    Demand::Burst { purpose, calls } => (purpose, 0, calls),
                    Demand::Steady { purpose, every_ms, calls } => (purpose, every_ms, calls),
                    Demand::Pause { ms } => {
                        now = now.plus_millis(millis(ms));
                        continue;
                    }
                    Demand::Uncharged => {
                        if let Some(purpose) = last.take() {
                            budget.give_back(purpose);
                            charged[purpose as usize].pop();
                        }
                        continue;
                    }
                    Demand::Restart => {
                        budget = Budget::new(grant, per_minute).resumed(&kept);
                        last = None;
                        continue;
                    }
                };
                let purpose = Purpose::ALL[purpose];
                for _ in 0..calls {
                    now = now.plus_millis(millis(every_ms));
                    match budget.take(purpose, now) {
                        Ok(()) => {
                            sent.push(now);
                            charged[purpose as usize].push(now);
                            last = Some(purpose);
                            kept.extend(budget.kept(purpose));
                        }
                        // What was said of waiting is true: not a moment sooner, and not a moment later.
                        Err(Wait::Minute { wait_ms } | Wait::Period { wait_ms }) => {
                            let early = now.plus_millis(millis(wait_ms) - 1);
                            prop_assert!(wait_ms > 0 && budget.clone().take(purpose, early).is_err());
                            prop_assert!(budget.clone().take(purpose, now.plus_millis(millis(wait_ms))).is_ok());
                        }
                    }
                }
            }
            prop_assert!(most_in_any(MINUTE_MS, &sent) <= per_minute as usize);
            for (calls, purpose) in charged.iter().zip(Purpose::ALL) {
                let share = u64::from(grant.calls) * purpose.share() / 100;
                prop_assert!(most_in_any(grant.period_ms(), calls) as u64 <= share, "{purpose:?}");
            }
            let mut all = charged.concat();
            all.sort_unstable();
            prop_assert!(most_in_any(grant.period_ms(), &all) <= grant.calls as usize);
        }
    }
}
