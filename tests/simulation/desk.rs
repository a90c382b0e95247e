//! A price service under a moved clock, and who asks it.
//!
//! Real are the client with its budget, the prices with their keeper and store, HTTP, and the stand-in's limits.
//! Simulated are time, which stands still while anything is being done, and the clients: groups of them share one
//! call of [`Prices::get`], the call their requests end in.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backend::{
    clock::Clock as BackendClock,
    coingecko::{CoinGecko as Client, budget::Grant},
    config::{Config, Data},
    prices::{Asked, Lives, Prices, Settings},
    store::Store,
    tasks::Tasks,
};
use futures_util::future::BoxFuture;
use shared::{chain::Chain, quote::Thresholds, time::Timestamp, token::TokenTable, wire::Prices as Answer};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Endpoint, Fault, Limits},
    world::BEGINNING,
};
use tokio::sync::Notify;

/// How long a call takes by the moved clock.
pub const FLIGHT: Duration = Duration::from_millis(300);
/// Until when a price is fresh, and stale, in milliseconds.
pub const THRESHOLDS: Thresholds = Thresholds { fresh_ms: 60_000, stale_ms: 240_000 };

/// The price service and its upstream.
pub struct Desk {
    pub clock: Watched,
    pub upstream: CoinGecko,
    pub prices: Prices,
    _tasks: Tasks,
}

/// The moved clock, which knows who sleeps by it: when somebody does, all there was to do is done.
#[derive(Clone, Debug)]
pub struct Watched {
    clock: Clock,
    sleepers: Arc<Sleepers>,
}

#[derive(Debug, Default)]
struct Sleepers {
    until: Mutex<BTreeMap<u64, Timestamp>>,
    changed: Notify,
}

/// One who sleeps.
struct Sleeper {
    all: Arc<Sleepers>,
    number: u64,
}

impl BackendClock for Watched {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_ms())
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let _sleeper = Sleeper::new(&self.sleepers, until);
            self.clock.wait_until(until.millis()).await;
        })
    }
}

impl Sleeper {
    fn new(all: &Arc<Sleepers>, until: Timestamp) -> Self {
        let number = {
            let mut sleeping = all.until.lock().unwrap_or_else(PoisonError::into_inner);
            let number = sleeping.last_key_value().map_or(0, |(number, _)| number + 1);
            sleeping.insert(number, until);
            number
        };
        all.changed.notify_one();
        Self { all: all.clone(), number }
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        self.all.until.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Watched {
    /// When the next sleeper wakes.
    fn next(&self) -> Option<Timestamp> {
        self.sleepers.until.lock().unwrap_or_else(PoisonError::into_inner).values().min().copied()
    }
}

impl Desk {
    /// A desk with a grant, whose upstream holds it to `limits`. With `flights`, calls take their time.
    pub async fn start(grant: Grant, calls_per_minute: u32, limits: Limits, flights: bool) -> Self {
        let clock = Clock::stopped_at(BEGINNING.millis());
        let upstream = CoinGecko::start(coingecko::Config {
            clock: clock.clone(),
            limits,
            moving: true,
            ..coingecko::Config::default()
        })
        .await;
        if flights {
            let ms = u64::try_from(FLIGHT.as_millis()).expect("it is short");
            upstream.control.fault(Endpoint::Any, Fault::Delay { ms });
            let (control, clock) = (upstream.control.clone(), clock.clone());
            tokio::spawn(async move {
                for calls in 1.. {
                    control.wait_for_calls(calls).await;
                    clock.advance(FLIGHT);
                }
            });
        }
        let clock = Watched { clock, sleepers: Arc::default() };
        let mut config = Config::default();
        config.coingecko.base_url = upstream.url.parse().expect("a URL");
        config.coingecko.grant = grant;
        config.coingecko.calls_per_minute = calls_per_minute;
        let shared: Arc<Watched> = Arc::new(clock.clone());
        let tasks = Tasks::new();
        let store = Store::open(&Data::Memory).await.expect("memory");
        let client = Client::new(&config, shared.clone()).expect("a client").kept_in(store.clone()).await;
        let settings = Settings {
            lives: Lives { thresholds: THRESHOLDS, watch_ms: 600_000, unknown_ms: 3_600_000 },
            // A busy machine must not make anybody impatient: the clock that counts stands still.
            patience: Duration::from_secs(600),
            demo: false,
        };
        let prices = Prices::start(Arc::new(client), store, None, shared, settings, &tasks).await;
        Self { clock, upstream, prices, _tasks: tasks }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Lets time pass until a moment, and whatever is due until then be done when it is due.
    pub async fn pass_until(&self, until: Timestamp) {
        self.settle().await;
        while let Some(next) = self.clock.next().filter(|next| *next <= until) {
            self.clock.clock.set(next.max(self.now()).millis());
            self.settle().await;
        }
        self.clock.clock.set(until.max(self.now()).millis());
        self.settle().await;
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.clock.next()
    }

    /// What somebody gets who asks now.
    pub async fn ask(&self, tokens: &BTreeSet<Asked>) -> Answer {
        let answer = self.prices.get(tokens, &[Chain::Ethereum].into()).await;
        self.settle().await;
        answer
    }

    /// Waits until the keeper sleeps again, or has nobody to keep prices for.
    async fn settle(&self) {
        loop {
            // Whoever was woken gets their turn.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            let asleep = self.clock.next().is_some_and(|next| next > self.now());
            if asleep || self.prices.stats().watched == 0 {
                return;
            }
            self.clock.sleepers.changed.notified().await;
        }
    }
}

/// Tokens with a price of their own, shared out among so many groups.
pub fn groups(tokens: usize, groups: usize) -> Vec<BTreeSet<Asked>> {
    let priced =
        TokenTable::builtin().iter().filter(|token| !token.pinned && token.key.chain.facts().platform.is_some());
    let keys: Vec<_> = priced.map(|token| Asked::from(token.key)).take(tokens).collect();
    assert_eq!(keys.len(), tokens);
    keys.chunks(tokens / groups).map(|chunk| chunk.iter().cloned().collect()).collect()
}
