//! Whatever is demanded, no window holds more than was granted.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::bucket::MINUTE_MS;
use super::grant::DAY_MS;
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
