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
    config::{Config, Data, SecretUrl},
    fleet::Fleet,
    prices::{Asked, Lives, Prices, Settings},
    store::Store,
    tasks::Tasks,
};
use futures_util::future::BoxFuture;
use shared::{chain::Chain, quote::Thresholds, time::Timestamp, token::TokenTable, wire::Prices as Answer};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Endpoint, Fault, Limits},
    redis::Redis,
    world::BEGINNING,
};
use tokio::sync::Notify;

/// A busy machine must not make anybody impatient: the clock that counts stands still.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a call takes by the moved clock.
pub const FLIGHT: Duration = Duration::from_millis(300);
/// Until when a price is fresh, and stale, in milliseconds.
pub const THRESHOLDS: Thresholds = Thresholds { fresh_ms: 60_000, stale_ms: 240_000 };

/// The price service and its upstream: one backend, or several that share what they know through a real Redis.
pub struct Desk {
    clock: Clock,
    pub upstream: CoinGecko,
    pub backends: Vec<Backend>,
    /// What they share it through.
    pub redis: Option<Redis>,
    _tasks: Tasks,
}

/// One of those who ask the upstream.
pub struct Backend {
    clock: Watched,
    pub prices: Prices,
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
        Self::begin(grant, calls_per_minute, limits, flights).await.0
    }

    /// The same of several backends on one Redis.
    pub async fn of_several(backends: usize, grant: Grant, calls_per_minute: u32, limits: Limits) -> Self {
        let (mut desk, config) = Self::begin(grant, calls_per_minute, limits, true).await;
        desk.backends.clear();
        desk.redis = Some(Redis::start().await);
        for _ in 0..backends {
            desk.add(&config).await;
        }
        desk
    }

    async fn begin(grant: Grant, calls_per_minute: u32, limits: Limits, flights: bool) -> (Self, Config) {
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
        let mut config = Config::default();
        config.coingecko.base_url = upstream.url.parse().expect("a URL");
        config.coingecko.grant = grant;
        config.coingecko.calls_per_minute = calls_per_minute;
        let tasks = Tasks::new();
        let mut desk = Self { clock, upstream, backends: Vec::new(), redis: None, _tasks: tasks };
        desk.add(&config).await;
        (desk, config)
    }

    async fn add(&mut self, config: &Config) {
        let clock = Watched { clock: self.clock.clone(), sleepers: Arc::default() };
        let shared: Arc<Watched> = Arc::new(clock.clone());
        let fleet = self.redis.as_ref().map(|redis| {
            let url = SecretUrl::new(redis.url.parse().expect("a URL"));
            Arc::new(Fleet::new(&url, PATIENCE, shared.clone()).expect("a URL of Redis"))
        });
        let store = Store::open(&Data::Memory).await.expect("memory");
        let client = Client::new(config, shared.clone()).expect("a client").kept_in(store.clone()).await;
        let client = Arc::new(client.one_of(fleet.clone()));
        let lives = Lives { thresholds: THRESHOLDS, watch_ms: 600_000, unknown_ms: 3_600_000 };
        let settings = Settings { lives, patience: PATIENCE, demo: false };
        let prices = Prices::start(client, store, fleet, shared, settings, &self._tasks).await;
        self.backends.push(Backend { clock, prices });
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.clock.now_ms())
    }

    /// Lets time pass until a moment, and whatever is due until then be done when it is due.
    pub async fn pass_until(&self, until: Timestamp) {
        self.settle().await;
        while let Some(next) = self.next_due().filter(|next| *next <= until) {
            self.clock.set(next.max(self.now()).millis());
            self.settle().await;
        }
        self.clock.set(until.max(self.now()).millis());
        self.settle().await;
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.backends.iter().filter_map(|backend| backend.clock.next()).min()
    }

    /// What somebody gets who asks the first backend now.
    pub async fn ask(&self, tokens: &BTreeSet<Asked>) -> Answer {
        self.ask_of(0, tokens).await
    }

    /// What somebody gets who asks a backend now.
    pub async fn ask_of(&self, backend: usize, tokens: &BTreeSet<Asked>) -> Answer {
        let answer = self.backends[backend].prices.get(tokens, &[Chain::Ethereum].into()).await;
        self.settle().await;
        answer
    }

    /// Waits until every keeper sleeps again, or has nobody to keep prices for.
    async fn settle(&self) {
        loop {
            // Whoever was woken gets their turn.
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            // What one does may take time, and wake another.
            let Some(busy) = self.backends.iter().find(|backend| !backend.is_settled(self.now())) else { return };
            busy.clock.sleepers.changed.notified().await;
        }
    }
}

impl Backend {
    fn is_settled(&self, now: Timestamp) -> bool {
        self.clock.next().is_some_and(|next| next > now) || self.prices.stats().watched == 0
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
