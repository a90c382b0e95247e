//! A circuit breaker: who fails again and again is left alone for a while, and then tried by one.
//!
//! A pure state machine around somebody else's calls. The time comes in, a [`Permit`] goes out, and how the
//! call ended comes back as a value; no call is ever made in here, so whoever shares a breaker holds its lock
//! for two assignments and never while a call is under way.
//!
//! ```text
//!              so many failures in a row            open_ms have passed
//!   ┌────────┐ ─────────────────────────▶ ┌──────┐ ───────────────────▶ ┌───────────┐
//!   │ closed │                            │ open │                      │ half-open │ one probe at a time
//!   └────────┘ ◀───────────────┐          └──────┘ ◀─────────────────── └───────────┘
//!                              └──────── so many probes went well ───────────┘ a probe failed
//! ```

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// When a breaker opens, for how long, and when it trusts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// What it stands before, as logs and metrics name it.
    pub name: &'static str,
    /// Failures in a row that open it; at least one.
    pub failures: u32,
    /// Milliseconds it stays open.
    pub open_ms: u64,
    /// Probes in a row that must go well to close it; at least one.
    pub successes: u32,
}

/// A circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    policy: Policy,
    state: State,
    /// Counts the changes of state, so that what was let through before one says nothing after it.
    turn: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        since: Timestamp,
    },
    /// `since` is when it opened.
    HalfOpen {
        since: Timestamp,
        successes: u32,
        probing: bool,
    },
}

/// What a breaker remembers, to be kept where it outlives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// Failures in a row while it was closed.
    pub failures: u32,
    /// Since when it is open. One that was trying when the process ended is open, and may try again at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_since: Option<Timestamp>,
}

/// Leave for one call. It is given back with [`Breaker::settle`], whatever became of the call.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not settled keeps the place of a probe for ever"]
pub struct Permit {
    turn: u64,
}

/// How a call ended, as far as it says something about the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The other side did its work, even if the answer was a no.
    Well,
    /// The other side failed.
    Ill,
    /// It says nothing: the call was given up, or never made.
    Nothing,
}

/// No leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Milliseconds until it may be tried again; zero when a probe is under way and its end decides.
    pub wait_ms: u64,
}

/// A breaker went open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Failures in a row that did it.
    pub failures: u32,
    /// Whether it had just been tried again: the trouble is not new.
    pub again: bool,
}

/// How a breaker is, for those who look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Every call passes.
    Closed,
    /// No call passes.
    Open {
        /// Milliseconds until one may try.
        wait_ms: u64,
    },
    /// One call at a time passes, to try.
    HalfOpen,
}

impl Breaker {
    /// A closed one.
    pub const fn new(policy: Policy) -> Breaker {
        Breaker { policy, state: State::Closed { failures: 0 }, turn: 0 }
    }

    /// One that remembers.
    pub const fn restore(policy: Policy, memory: Memory) -> Breaker {
        let state = match memory {
            Memory { open_since: Some(since), .. } => State::Open { since },
            Memory { open_since: None, failures } => State::Closed { failures },
        };
        Breaker { policy, state, turn: 0 }
    }

    /// What it has to remember.
    pub const fn memory(&self) -> Memory {
        match self.state {
            State::Closed { failures } => Memory { failures, open_since: None },
            State::Open { since } | State::HalfOpen { since, .. } => Memory { failures: 0, open_since: Some(since) },
        }
    }

    /// What it was made with.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// How it is at `now`.
    pub fn condition(&self, now: Timestamp) -> Condition {
        match self.state {
            State::Closed { .. } => Condition::Closed,
            State::Open { since } => match self.left_ms(since, now) {
                0 => Condition::HalfOpen,
                wait_ms => Condition::Open { wait_ms },
            },
            State::HalfOpen { .. } => Condition::HalfOpen,
        }
    }

    /// Asks for leave to call.
    ///
    /// # Errors
    /// [`Refused`] while it is open, and while another is the probe.
    pub fn admit(&mut self, now: Timestamp) -> Result<Permit, Refused> {
        match &mut self.state {
            State::Closed { .. } => {}
            State::Open { since } => {
                // A clock that was set back must not keep it open for longer than it was to be.
                *since = (*since).min(now);
                let since = *since;
                match self.left_ms(since, now) {
                    0 => self.turn_to(State::HalfOpen { since, successes: 0, probing: true }),
                    wait_ms => return Err(Refused { wait_ms }),
                }
            }
            State::HalfOpen { probing: true, .. } => return Err(Refused { wait_ms: 0 }),
            State::HalfOpen { probing, .. } => *probing = true,
        }
        Ok(Permit { turn: self.turn })
    }

    /// Takes leave back, with how the call ended at `now`. Tells when that opened the breaker.
    pub fn settle(&mut self, permit: Permit, verdict: Verdict, now: Timestamp) -> Option<Opened> {
        if permit.turn != self.turn {
            // Let through under another state: a call that hung since before the breaker opened must not
            // decide for the probe.
            return None;
        }
        match (&mut self.state, verdict) {
            (State::Closed { failures }, Verdict::Well) => *failures = 0,
            (State::Closed { failures }, Verdict::Ill) => {
                *failures += 1;
                let failures = *failures;
                if failures >= self.policy.failures {
                    self.turn_to(State::Open { since: now });
                    return Some(Opened { failures, again: false });
                }
            }
            (State::HalfOpen { successes, probing, .. }, Verdict::Well) => {
                *probing = false;
                *successes += 1;
                if *successes >= self.policy.successes {
                    self.turn_to(State::Closed { failures: 0 });
                }
            }
            (State::HalfOpen { .. }, Verdict::Ill) => {
                self.turn_to(State::Open { since: now });
                return Some(Opened { failures: 1, again: true });
            }
            (State::HalfOpen { probing, .. }, Verdict::Nothing) => *probing = false,
            // Nobody is let through an open one, so no permit is of its turn.
            (State::Closed { .. }, Verdict::Nothing) | (State::Open { .. }, _) => {}
        }
        None
    }

    fn turn_to(&mut self, state: State) {
        self.state = state;
        self.turn += 1;
    }

    fn left_ms(&self, since: Timestamp, now: Timestamp) -> u64 {
        self.policy.open_ms.saturating_sub(now.since(since))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const POLICY: Policy = Policy { name: "test", failures: 3, open_ms: 1_000, successes: 2 };

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + ms)
    }

    /// A breaker that has just opened.
    fn opened() -> Breaker {
        let mut breaker = Breaker::new(POLICY);
        for n in 1..=3 {
            let permit = breaker.admit(at(0)).unwrap();
            let opened = breaker.settle(permit, Verdict::Ill, at(0));
            assert_eq!(opened, (n == 3).then_some(Opened { failures: 3, again: false }));
        }
        breaker
    }

    #[test]
    fn so_many_failures_in_a_row_open_it_and_a_success_between_begins_the_count_anew() {
        let mut breaker = Breaker::new(POLICY);
        for verdict in [Verdict::Ill, Verdict::Ill, Verdict::Well, Verdict::Ill, Verdict::Nothing, Verdict::Ill] {
            let permit = breaker.admit(at(0)).unwrap();
            assert_eq!(breaker.settle(permit, verdict, at(0)), None);
        }
        assert_eq!(breaker.condition(at(0)), Condition::Closed);
        let permit = breaker.admit(at(0)).unwrap();
        assert!(breaker.settle(permit, Verdict::Ill, at(0)).is_some());
        assert_eq!(breaker.condition(at(0)), Condition::Open { wait_ms: 1_000 });
    }

    #[test]
    fn while_it_is_open_nobody_passes_and_everybody_is_told_how_long() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(1)), Err(Refused { wait_ms: 999 }));
        assert_eq!(breaker.admit(at(999)), Err(Refused { wait_ms: 1 }));
        assert!(breaker.admit(at(1_000)).is_ok());
    }

    #[test]
    fn one_probe_at_a_time_decides() {
        let mut breaker = opened();
        let probe = breaker.admit(at(1_000)).unwrap();
        assert_eq!(breaker.admit(at(1_000)), Err(Refused { wait_ms: 0 }));
        assert_eq!(breaker.settle(probe, Verdict::Well, at(1_100)), None);
        assert_eq!(breaker.condition(at(1_100)), Condition::HalfOpen, "two must go well");
        let second = breaker.admit(at(1_100)).unwrap();
        assert_eq!(breaker.settle(second, Verdict::Well, at(1_100)), None);
        assert_eq!(breaker.condition(at(1_100)), Condition::Closed);

        let mut breaker = opened();
        let probe = breaker.admit(at(1_000)).unwrap();
        assert_eq!(breaker.settle(probe, Verdict::Ill, at(1_500)), Some(Opened { failures: 1, again: true }));
        assert_eq!(breaker.admit(at(2_499)), Err(Refused { wait_ms: 1 }));
    }

    #[test]
    fn a_probe_that_was_given_up_frees_its_place() {
        let mut breaker = opened();
        let probe = breaker.admit(at(1_000)).unwrap();
        assert_eq!(breaker.settle(probe, Verdict::Nothing, at(1_000)), None);
        assert!(breaker.admit(at(1_000)).is_ok());
    }

    #[test]
    fn what_it_remembers_makes_it_again_and_a_probe_that_was_lost_is_tried_anew() {
        let mut breaker = Breaker::new(POLICY);
        for _ in 0..2 {
            let permit = breaker.admit(at(0)).unwrap();
            breaker.settle(permit, Verdict::Ill, at(0));
        }
        let mut again = Breaker::restore(POLICY, breaker.memory());
        let permit = again.admit(at(5)).unwrap();
        assert!(again.settle(permit, Verdict::Ill, at(5)).is_some(), "the third in a row");
        let mut again = Breaker::restore(POLICY, again.memory());
        assert_eq!(again.admit(at(6)), Err(Refused { wait_ms: 999 }));
        let _probe = again.admit(at(1_005)).unwrap();
        let mut again = Breaker::restore(POLICY, again.memory());
        assert!(again.admit(at(1_005)).is_ok());
    }

    #[test]
    fn what_was_let_through_before_says_nothing_after() {
        let mut breaker = Breaker::new(POLICY);
        let [slow, slower] = [(); 2].map(|()| breaker.admit(at(0)).unwrap());
        for _ in 0..3 {
            let permit = breaker.admit(at(0)).unwrap();
            breaker.settle(permit, Verdict::Ill, at(0));
        }
        let probe = breaker.admit(at(1_000)).unwrap();
        assert_eq!(breaker.settle(slow, Verdict::Ill, at(1_000)), None);
        assert_eq!(breaker.settle(slower, Verdict::Well, at(1_000)), None);
        assert_eq!(breaker.admit(at(1_000)), Err(Refused { wait_ms: 0 }), "the probe is still under way");
        breaker.settle(probe, Verdict::Well, at(1_000));
        assert_eq!(breaker.condition(at(1_000)), Condition::HalfOpen);
    }

    #[test]
    fn a_clock_set_back_keeps_it_open_no_longer_than_it_was_to_be() {
        let mut breaker = opened();
        assert_eq!(breaker.admit(at(-500_000)), Err(Refused { wait_ms: 1_000 }));
        assert!(breaker.admit(at(-499_000)).is_ok());
    }

    /// What may happen to a breaker.
    #[derive(Debug, Clone)]
    enum Step {
        Admit,
        Settle { which: prop::sample::Index, verdict: Verdict },
        Pass { ms: i64 },
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let verdict = prop_oneof![Just(Verdict::Well), Just(Verdict::Ill), Just(Verdict::Ill), Just(Verdict::Nothing)];
        let settle =
            (any::<prop::sample::Index>(), verdict).prop_map(|(which, verdict)| Step::Settle { which, verdict });
        let step = prop_oneof![4 => Just(Step::Admit), 5 => settle, 2 => (0_i64..700).prop_map(|ms| Step::Pass { ms })];
        prop::collection::vec(step, 0..200)
    }

    /// The same rules told another way: by what was said since the breaker last changed, kept as a list.
    #[derive(Default)]
    struct Model {
        /// Open since, or else what was said since it closed or half-opened.
        open_since: Option<i64>,
        half_open: bool,
        said: Vec<Verdict>,
        /// Permits that count: their places in the list of those that are out.
        current: Vec<usize>,
    }

    impl Model {
        fn admits(&mut self, now: i64) -> bool {
            if self.open_since.is_some_and(|since| now - since >= 1_000) {
                *self = Model { half_open: true, ..Model::default() };
            }
            self.open_since.is_none() && (!self.half_open || self.current.is_empty())
        }

        fn hears(&mut self, verdict: Verdict, now: i64) {
            if verdict != Verdict::Nothing {
                self.said.push(verdict);
            }
            let run = |wanted| self.said.iter().rev().take_while(|said| **said == wanted).count();
            let opens = run(Verdict::Ill) >= if self.half_open { 1 } else { 3 };
            let closes = self.half_open && run(Verdict::Well) >= 2;
            if opens {
                *self = Model { open_since: Some(now), ..Model::default() };
            } else if closes {
                *self = Model::default();
            }
        }
    }

    proptest! {
        #[test]
        fn whatever_happens_it_does_as_its_model(steps in steps()) {
            let (mut breaker, mut model) = (Breaker::new(POLICY), Model::default());
            let (mut now, mut out, mut number) = (0, Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Pass { ms } => now += ms,
                    Step::Admit => {
                        let expected = model.admits(now);
                        let given = breaker.admit(at(now));
                        prop_assert_eq!(given.is_ok(), expected);
                        if let Ok(permit) = given {
                            out.push((number, permit));
                            model.current.push(number);
                            number += 1;
                        }
                    }
                    Step::Settle { which, verdict } if !out.is_empty() => {
                        let (number, permit) = out.swap_remove(which.index(out.len()));
                        let was_open = model.open_since;
                        let counts = model.current.iter().position(|current| *current == number);
                        if let Some(place) = counts {
                            model.current.swap_remove(place);
                            model.hears(verdict, now);
                        }
                        let opened = breaker.settle(permit, verdict, at(now));
                        prop_assert_eq!(opened.is_some(), model.open_since != was_open);
                    }
                    Step::Settle { .. } => {}
                }
                let expected = match (model.open_since, model.half_open) {
                    (Some(since), _) if now - since < 1_000 => {
                        Condition::Open { wait_ms: (1_000 - (now - since)).unsigned_abs() }
                    }
                    (Some(_), _) | (None, true) => Condition::HalfOpen,
                    (None, false) => Condition::Closed,
                };
                prop_assert_eq!(breaker.condition(at(now)), expected);
            }
        }
    }
}
