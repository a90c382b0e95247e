//! A cache by key, in which concurrent callers share one call.
//!
//! A value younger than its life is served at once. Otherwise the first caller makes it and the
//! others wait for the same result. When that fails, the old value is served with its age, and
//! nobody tries again for a while.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use shared::time::Timestamp;

use crate::clock::SharedClock;
use crate::tasks::Tasks;

/// How long a failure is remembered, in milliseconds, unless it says more.
const REST_MS: u64 = 10_000;

/// A failure may know how long to leave the other side alone.
pub trait Rest {
    /// Milliseconds to wait before another try, where the other side named them.
    fn rest_ms(&self) -> Option<u64>;
}

/// Values by key.
#[derive(Debug)]
pub struct Cache<K, V, E> {
    clock: SharedClock,
    capacity: usize,
    slots: Arc<Mutex<HashMap<K, Slot<V, E>>>>,
}

/// A value and when it was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<V> {
    /// The value.
    pub value: V,
    /// When it was fetched.
    pub as_of: Timestamp,
}

#[derive(Debug)]
struct Slot<V, E> {
    kept: Option<Kept<V>>,
    failure: Option<(E, Timestamp)>,
    flight: Option<Flight<V, E>>,
}

type Flight<V, E> = Shared<BoxFuture<'static, Result<Kept<V>, E>>>;

impl<V> Kept<V> {
    /// When it was fetched.
    pub fn as_of(&self) -> Timestamp {
        self.as_of
    }
}

impl<K, V, E> Cache<K, V, E>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
    E: Rest + Clone + Send + Sync + 'static,
{
    /// An empty cache for at most so many keys.
    pub fn new(clock: SharedClock, capacity: usize) -> Self {
        Cache { clock, capacity, slots: Arc::default() }
    }

    /// What is kept for `key`, however old.
    pub fn peek(&self, key: &K) -> Option<Kept<V>> {
        lock(&self.slots).get(key)?.kept.clone()
    }

    /// Forgets everything, failures too. Whoever waits still gets what comes.
    pub fn clear(&self) {
        lock(&self.slots).clear();
    }

    /// Puts in what an earlier run has left.
    pub fn fill(&self, key: K, kept: Kept<V>) {
        let mut slots = lock(&self.slots);
        if slots.len() < self.capacity {
            slots.insert(key, Slot { kept: Some(kept), failure: None, flight: None });
        }
    }

    /// The value for `key`, however old, at once; one older than `life_ms` is made anew behind, by a task
    /// of `tasks`. Only where there is none is it waited for, as in [`Cache::get`].
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub async fn soon<F>(&self, tasks: &Tasks, key: K, life_ms: u64, make: impl FnOnce() -> F) -> Result<Kept<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let Some(old) = self.peek(&key) else { return self.get(key, life_ms, make).await };
        let now = self.clock.now();
        if now.since(old.as_of) >= life_ms {
            let mut slots = lock(&self.slots);
            if let Some(slot) = slots.get_mut(&key)
                && slot.flight.is_none()
                && slot.failure.as_ref().is_none_or(|(_, until)| now >= *until)
            {
                let flight = self.launch(key, make());
                slot.flight = Some(flight.clone());
                let stop = tasks.stop();
                tasks.spawn(async move {
                    tokio::select! {
                        _ = flight => {}
                        () = stop.cancelled() => {}
                    }
                });
            }
        }
        Ok(old)
    }

    /// The value for `key`: kept if younger than `life_ms`, else made anew, else the old one.
    ///
    /// # Errors
    /// The failure to make it, where there is no old value.
    pub async fn get<F>(&self, key: K, life_ms: u64, make: impl FnOnce() -> F) -> Result<Kept<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let (flight, old) = {
            let mut slots = lock(&self.slots);
            let now = self.clock.now();
            if !slots.contains_key(&key) && slots.len() >= self.capacity {
                evict(&mut slots);
            }
            let slot = slots.entry(key.clone()).or_insert(Slot { kept: None, failure: None, flight: None });
            if let Some(kept) = &slot.kept
                && now.since(kept.as_of) < life_ms
            {
                return Ok(kept.clone());
            }
            if let Some((error, until)) = &slot.failure
                && now < *until
            {
                return slot.kept.clone().ok_or_else(|| error.clone());
            }
            let flight = match &slot.flight {
                Some(flight) => flight.clone(),
                None => {
                    let flight = self.launch(key, make());
                    slot.flight = Some(flight.clone());
                    flight
                }
            };
            (flight, slot.kept.clone())
        };
        match (flight.await, old) {
            (Ok(kept), _) => Ok(kept),
            (Err(_), Some(old)) => Ok(old),
            (Err(error), None) => Err(error),
        }
    }

    /// Whoever waits drives it; it settles the slot itself, whoever that was.
    fn launch<F>(&self, key: K, making: F) -> Flight<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let clock = self.clock.clone();
        let slots = self.slots.clone();
        async move {
            let made = making.await;
            let now = clock.now();
            let mut slots = lock(&slots);
            // Evicted meanwhile: the value is still good for those who wait.
            let slot = slots.get_mut(&key);
            match made {
                Ok(value) => {
                    let kept = Kept { value, as_of: now };
                    if let Some(slot) = slot {
                        *slot = Slot { kept: Some(kept.clone()), failure: None, flight: None };
                    }
                    Ok(kept)
                }
                Err(error) => {
                    if let Some(slot) = slot {
                        let rest_ms = error.rest_ms().unwrap_or(REST_MS).max(REST_MS);
                        let until = now.plus_millis(i64::try_from(rest_ms).unwrap_or(i64::MAX));
                        slot.failure = Some((error.clone(), until));
                        slot.flight = None;
                    }
                    Err(error)
                }
            }
        }
        .boxed()
        .shared()
    }
}

/// Makes room: the oldest value that nobody waits for goes.
fn evict<K: Clone + Eq + Hash, V, E>(slots: &mut HashMap<K, Slot<V, E>>) {
    let idle = slots.iter().filter(|(_, slot)| slot.flight.is_none());
    let oldest = idle.min_by_key(|(_, slot)| slot.kept.as_ref().map(|kept| kept.as_of)).map(|(key, _)| key.clone());
    if let Some(key) = oldest {
        slots.remove(&key);
    }
}

/// Nothing here panics while it holds the lock; were it to, the slots would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::clock::moved::MovedClock;

    #[derive(Debug, Clone, PartialEq)]
    struct Failure(Option<u64>);

    impl Rest for Failure {
        fn rest_ms(&self) -> Option<u64> {
            self.0
        }
    }

    type Answer = Result<Kept<u32>, Failure>;

    struct Bench {
        clock: Arc<MovedClock>,
        cache: Cache<&'static str, u32, Failure>,
        calls: Arc<AtomicU32>,
    }

    impl Bench {
        fn new(capacity: usize) -> Bench {
            let clock = MovedClock::at_secs(1000);
            Bench { cache: Cache::new(clock.clone(), capacity), clock, calls: Arc::default() }
        }

        async fn get(&self, key: &'static str, result: Result<u32, Failure>) -> Answer {
            let calls = self.calls.clone();
            self.cache
                .get(key, 60_000, || async move {
                    calls.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    result
                })
                .await
        }

        fn calls(&self) -> u32 {
            self.calls.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn any_number_of_callers_cost_one_call_and_a_value_lives_its_life() {
        let bench = Bench::new(8);
        let all = (0..100).map(|n| bench.get("a", Ok(n)));
        let values = futures_util::future::join_all(all).await;
        assert!(values.iter().all(|value| value.as_ref().unwrap().value == 0));
        bench.clock.advance_secs(59);
        assert_eq!(bench.get("a", Ok(7)).await.unwrap().value, 0);
        assert_eq!(bench.calls(), 1);
        bench.clock.advance_secs(1);
        assert_eq!(bench.get("a", Ok(7)).await.unwrap().value, 7);
        assert_eq!(bench.calls(), 2);
    }

    #[tokio::test]
    async fn a_failure_serves_the_old_value_with_its_time_and_rests() {
        let bench = Bench::new(8);
        assert_eq!(bench.get("a", Err(Failure(None))).await, Err(Failure(None)));
        assert_eq!(bench.get("a", Ok(1)).await, Err(Failure(None)), "it rests");
        bench.clock.advance_secs(10);
        let first = bench.get("a", Ok(1)).await.unwrap();
        bench.clock.advance_secs(100);
        assert_eq!(bench.get("a", Err(Failure(Some(30_000)))).await, Ok(first));
        bench.clock.advance_secs(29);
        assert_eq!(bench.get("a", Ok(2)).await, Ok(first), "as long as it was asked to");
        bench.clock.advance_secs(1);
        assert_eq!(bench.get("a", Ok(2)).await.unwrap().value, 2);
        assert_eq!(bench.calls(), 4);
    }

    #[tokio::test]
    async fn a_full_cache_forgets_its_oldest() {
        let bench = Bench::new(2);
        for key in ["a", "b", "c"] {
            bench.get(key, Ok(1)).await.unwrap();
            bench.clock.advance_secs(1);
        }
        assert!(bench.cache.peek(&"a").is_none());
        assert!(bench.cache.peek(&"b").is_some() && bench.cache.peek(&"c").is_some());
    }

    #[tokio::test]
    async fn a_caller_who_leaves_does_not_strand_the_next() {
        let bench = Bench::new(2);
        let first = bench.get("a", Ok(1));
        assert!(first.now_or_never().is_none());
        assert_eq!(bench.get("a", Ok(2)).await.unwrap().value, 1);
        assert_eq!(bench.calls(), 1);
    }

    #[tokio::test]
    async fn an_old_value_is_had_at_once_and_made_anew_behind_once() {
        let bench = Bench::new(2);
        let tasks = Tasks::new();
        let soon = |value| {
            let calls = bench.calls.clone();
            bench.cache.soon(&tasks, "a", 60_000, move || async move {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                value
            })
        };
        assert_eq!(soon(Ok(1)).await.unwrap().value, 1, "where there is none it is waited for");
        bench.clock.advance_secs(60);
        for _ in 0..10 {
            assert_eq!(soon(Ok(2)).now_or_never().expect("at once").unwrap().value, 1);
        }
        while bench.cache.peek(&"a").unwrap().value == 1 {
            tokio::task::yield_now().await;
        }
        assert_eq!(bench.calls(), 2);
        bench.clock.advance_secs(60);
        assert_eq!(soon(Err(Failure(None))).await.unwrap().value, 2);
        while bench.calls() < 3 {
            tokio::task::yield_now().await;
        }
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(soon(Ok(3)).await.unwrap().value, 2, "after a failure it rests");
        assert_eq!(bench.calls(), 3);
        assert!(tasks.end(std::time::Duration::from_secs(5)).await);
    }
}
