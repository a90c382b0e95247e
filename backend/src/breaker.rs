//! A circuit breaker that callers share: [`shared::breaker`] with a clock, a lock and a voice.
//!
//! The lock is held to ask for leave and to give it back, never while the call is under way. Leave that is
//! dropped, because its call was cancelled or panicked, gives its place back by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use shared::breaker::{Condition, Memory, Policy, Refused, Verdict};
use shared::breaker::{Opened, Permit};

use crate::clock::SharedClock;
use crate::telemetry::{self, CircuitBreakerOpened};

/// A breaker. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Breaker {
    state: Arc<Mutex<shared::breaker::Breaker>>,
    clock: SharedClock,
}

/// Leave for one call.
#[derive(Debug)]
pub struct Leave {
    breaker: Breaker,
    /// Taken when it is given back.
    permit: Option<Permit>,
}

impl Breaker {
    /// A closed one.
    pub fn new(policy: Policy, clock: SharedClock) -> Breaker {
        telemetry::note_breaker(policy.name, false);
        Breaker { state: Arc::new(Mutex::new(shared::breaker::Breaker::new(policy))), clock }
    }

    /// One that remembers what an earlier process knew.
    pub fn restore(policy: Policy, memory: Memory, clock: SharedClock) -> Breaker {
        telemetry::note_breaker(policy.name, memory.open_since.is_some());
        Breaker { state: Arc::new(Mutex::new(shared::breaker::Breaker::restore(policy, memory))), clock }
    }

    /// What it has to remember.
    pub fn memory(&self) -> Memory {
        self.lock().memory()
    }

    /// How it is.
    pub fn condition(&self) -> Condition {
        self.lock().condition(self.clock.now())
    }

    /// Asks for leave to call.
    ///
    /// # Errors
    /// [`Refused`] while it is open, and while another caller is the probe.
    pub fn admit(&self) -> Result<Leave, Refused> {
        let permit = self.lock().admit(self.clock.now())?;
        Ok(Leave { breaker: self.clone(), permit: Some(permit) })
    }

    fn settle(&self, permit: Permit, verdict: Verdict) {
        let now = self.clock.now();
        let (opened, condition, policy) = {
            let mut state = self.lock();
            (state.settle(permit, verdict, now), state.condition(now), *state.policy())
        };
        telemetry::note_breaker(policy.name, condition != Condition::Closed);
        match opened {
            Some(Opened { failures, again: false }) => {
                let timeout_seconds = policy.open_ms / 1000;
                CircuitBreakerOpened { breaker_name: policy.name, failure_count: failures, timeout_seconds }.log();
            }
            Some(Opened { again: true, .. }) => {
                tracing::warn!(event = "circuit_breaker_still_open", breaker_name = policy.name, "Its probe failed");
            }
            None => {}
        }
    }

    /// Nothing panics while it holds the lock; were it to, the state would still be whole.
    fn lock(&self) -> MutexGuard<'_, shared::breaker::Breaker> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// Gives it back, with how the call ended.
    pub fn settle(mut self, verdict: Verdict) {
        if let Some(permit) = self.permit.take() {
            self.breaker.settle(permit, verdict);
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(permit) = self.permit.take() {
            self.breaker.settle(permit, Verdict::Nothing);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;
    use crate::clock::moved::MovedClock;
    use crate::telemetry::tests::Captured;

    const POLICY: Policy = Policy { name: "test", failures: 2, open_ms: 60_000, successes: 1 };

    fn opened() -> (Breaker, Arc<MovedClock>) {
        let clock = MovedClock::at_secs(1_000);
        let breaker = Breaker::new(POLICY, clock.clone());
        for _ in 0..POLICY.failures {
            breaker.admit().unwrap().settle(Verdict::Ill);
        }
        (breaker, clock)
    }

    #[test]
    fn of_64_callers_at_once_exactly_one_is_the_probe() {
        for round in 0..50 {
            let (breaker, clock) = opened();
            clock.advance_secs(60);
            let (barrier, probes) = (Barrier::new(64), AtomicUsize::new(0));
            thread::scope(|scope| {
                let callers: Vec<_> = (0..64)
                    .map(|_| {
                        scope.spawn(|| {
                            barrier.wait();
                            let leave = breaker.admit().ok();
                            probes.fetch_add(usize::from(leave.is_some()), Ordering::Relaxed);
                            leave
                        })
                    })
                    .collect();
                // Whoever is the probe keeps its leave until all have asked.
                let leaves: Vec<_> = callers.into_iter().map(|caller| caller.join().unwrap()).collect();
                assert_eq!(probes.load(Ordering::Relaxed), 1, "round {round}");
                drop(leaves);
            });
            assert!(breaker.admit().is_ok(), "its place is free again");
        }
    }

    #[test]
    fn a_probe_that_is_cancelled_or_panics_frees_its_place() {
        let (breaker, clock) = opened();
        clock.advance_secs(60);
        let probe = breaker.admit().unwrap();
        assert_eq!(breaker.admit().err(), Some(Refused { wait_ms: 0 }));
        drop(probe);
        let inner = breaker.clone();
        let panicked = thread::spawn(move || {
            let _probe = inner.admit().unwrap();
            panic!("on purpose");
        });
        assert!(panicked.join().is_err());
        breaker.admit().unwrap().settle(Verdict::Well);
        assert_eq!(breaker.condition(), Condition::Closed);
    }

    #[test]
    fn its_opening_is_said_once_as_critical_and_a_failed_probe_as_a_warning() {
        let lines = Captured::during(|| {
            let (breaker, clock) = opened();
            clock.advance_secs(60);
            breaker.admit().unwrap().settle(Verdict::Ill);
        });
        let said: Vec<_> = lines.iter().map(|line| (line["event"].clone(), line["level"].clone())).collect();
        assert_eq!(
            said,
            [("circuit_breaker_opened".into(), "ERROR".into()), ("circuit_breaker_still_open".into(), "WARN".into())]
        );
        assert_eq!(lines[0]["severity"], "critical");
        assert_eq!((&lines[0]["failure_count"], &lines[0]["timeout_seconds"]), (&2.into(), &60.into()));
    }
}
