//! Several backends on one Redis: they make the calls of one, and go on by themselves when it is gone.

use std::time::Duration;

use backend::coingecko::budget::{Budget, Grant, Purpose};
use backend::config::{self, Metrics, Secret, SecretUrl};
use futures_util::future::join_all;
use shared::{
    chain::Chain,
    quote::Freshness,
    token::TokenTable,
    wire::{PriceStats, Prices, Status, UpstreamState},
};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Endpoint, Fault, KEY},
    redis::Redis,
    world::{BEGINNING, Server},
};

/// Two backends, one Redis, one price source, one clock.
struct Fleet {
    clock: Clock,
    upstream: CoinGecko,
    redis: Redis,
    backends: [Server; 2],
}

fn path(symbols: &[&str]) -> String {
    let key =
        |symbol: &&str| TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).expect("it ships").key.to_string();
    format!("/api/v1/prices?tokens={}", symbols.iter().map(key).collect::<Vec<_>>().join(","))
}

impl Fleet {
    async fn start() -> Fleet {
        Fleet::granted(Grant::DEMO).await
    }

    async fn granted(grant: Grant) -> Fleet {
        // A busy machine is not an absent one; a killed Redis is told at once.
        Fleet::with(grant, Duration::from_secs(60)).await
    }

    async fn with(grant: Grant, redis_patience: Duration) -> Fleet {
        let redis = Redis::start().await;
        let clock = Clock::stopped_at(BEGINNING.millis());
        let upstream = CoinGecko::start(coingecko::Config { clock: clock.clone(), ..Default::default() }).await;
        let mut settings = config::Config { metrics: Metrics::Off, ..Default::default() };
        settings.coingecko.key = Some(Secret::new(KEY));
        settings.coingecko.grant = grant;
        settings.limits.redis_patience = redis_patience;
        settings.limits.price_patience = Duration::from_secs(60);
        settings.coingecko.base_url = upstream.url.parse().unwrap();
        settings.redis = Some(SecretUrl::new(redis.url.parse().unwrap()));
        let backends =
            [Server::start(settings.clone(), clock.clone()).await, Server::start(settings, clock.clone()).await];
        Fleet { clock, upstream, redis, backends }
    }

    fn calls(&self) -> usize {
        self.upstream.control.calls_of(Endpoint::SimplePrice).len()
    }

    /// Every backend's prices, once they are fresh.
    async fn renewed(&self, path: &str) -> [Prices; 2] {
        let renewed = async |backend: &Server| {
            loop {
                let prices: Prices = backend.get(path).await.good();
                if prices.missing.is_empty() && prices.prices.iter().all(|price| price.freshness == Freshness::Fresh) {
                    return prices;
                }
            }
        };
        let [first, second] = &self.backends;
        let both = async { tokio::join!(renewed(first), renewed(second)).into() };
        tokio::time::timeout(Duration::from_secs(30), both).await.expect("prices are renewed")
    }

    async fn redis_states(&self) -> [UpstreamState; 2] {
        let state = async |backend: &Server| {
            let status: Status = backend.get("/api/v1/status").await.good();
            status.redis.expect("there is one").state
        };
        let [first, second] = &self.backends;
        tokio::join!(state(first), state(second)).into()
    }
}

#[tokio::test]
async fn two_backends_make_the_calls_of_one() {
    let fleet = Fleet::start().await;
    let weth = path(&["WETH"]);
    // Cold, all at once, on both.
    fleet.upstream.control.fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 1 });
    let callers = join_all((0..40).map(|n| fleet.backends[n % 2].get(&weth)));
    let release = async {
        let waiting = async |backend: &Server| backend.get("/api/v1/prices/stats").await.good::<PriceStats>().waiting;
        while waiting(&fleet.backends[0]).await + waiting(&fleet.backends[1]).await < 40 {}
        fleet.upstream.control.wait_for_calls(1).await;
        fleet.clock.advance(Duration::from_millis(1));
    };
    let (replies, ()) = tokio::join!(callers, release);
    for reply in &replies {
        let prices: Prices = reply.good();
        assert_eq!(prices.prices.iter().map(|price| price.freshness).collect::<Vec<_>>(), [Freshness::Fresh]);
    }
    assert_eq!(fleet.calls(), 1);

    // What only the second watches comes with the call of whoever makes it.
    fleet.backends[1].get(&path(&["LINK"])).await.good::<Prices>();
    let before = fleet.calls();
    for minute in 1..=30 {
        fleet.clock.advance(Duration::from_secs(60));
        let [first, second] = fleet.renewed(&weth).await;
        assert_eq!(first.prices[0].as_of, second.prices[0].as_of, "they tell the same");
        fleet.backends[1].get(&path(&["LINK"])).await.good::<Prices>();
        assert_eq!(fleet.calls(), before + minute, "in minute {minute}");
    }
    let last = fleet.upstream.control.calls().pop().unwrap();
    assert_eq!(last.list("ids").len(), 3, "{:?}", last.list("ids"));
    assert_eq!(fleet.redis_states().await, [UpstreamState::Ok; 2]);
}

#[tokio::test]
async fn when_redis_is_killed_no_request_fails_and_when_it_is_back_they_are_one_again() {
    let mut fleet = Fleet::start().await;
    let weth = path(&["WETH"]);
    for _ in 0..3 {
        fleet.renewed(&weth).await;
        fleet.clock.advance(Duration::from_secs(60));
    }
    fleet.renewed(&weth).await;
    assert_eq!(fleet.calls(), 4);

    fleet.redis.kill();
    for minute in 1..=3 {
        fleet.clock.advance(Duration::from_secs(60));
        // Every answer is a good one; how old it is, it says.
        fleet.renewed(&weth).await;
        assert!(fleet.calls() <= 4 + 2 * minute, "each asks for itself, at its usual pace: {}", fleet.calls());
    }
    assert_eq!(fleet.redis_states().await, [UpstreamState::Failing; 2]);

    fleet.redis.run().await;
    let mut alone = 0;
    while fleet.redis_states().await != [UpstreamState::Ok; 2] {
        fleet.clock.advance(Duration::from_secs(60));
        fleet.renewed(&weth).await;
        alone += 1;
        assert!(alone < 1_000, "they come back by themselves");
        // Redis is left alone for a second of the machine's own time after it has failed.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let before = fleet.calls();
    for minute in 1..=10 {
        fleet.clock.advance(Duration::from_secs(60));
        let [first, second] = fleet.renewed(&weth).await;
        assert_eq!(first.prices[0].as_of, second.prices[0].as_of);
        assert_eq!(fleet.calls(), before + minute);
    }
}

#[tokio::test]
async fn a_pause_is_everybodys() {
    let fleet = Fleet::start().await;
    let weth = path(&["WETH"]);
    fleet.renewed(&weth).await;
    fleet.upstream.control.fault(Endpoint::SimplePrice, Fault::ThrottledJson { retry_after: Some(90) });
    fleet.clock.advance(Duration::from_secs(60));
    let behind = async |backend: &Server| {
        loop {
            let prices: Prices = backend.get(&weth).await.good();
            if let Some(pace) = prices.pace {
                return pace;
            }
        }
    };
    let [first, second] = &fleet.backends;
    let (one, other) = tokio::join!(behind(first), behind(second));
    assert_eq!(one, other, "both say why");
    assert_eq!(fleet.calls(), 2, "one has asked for both, and was told to wait");
}

#[tokio::test]
async fn a_redis_that_hangs_holds_up_no_request_for_long() {
    let fleet = Fleet::with(Grant::DEMO, Duration::from_millis(200)).await;
    fleet.renewed(&path(&["WETH"])).await;
    fleet.redis.freeze();
    // What nobody has yet is fetched all the same.
    let cold = fleet.renewed(&path(&["LINK"])).await;
    assert!(cold.iter().all(|prices| prices.prices.len() == 1));
    assert_eq!(fleet.redis_states().await, [UpstreamState::Failing; 2]);
}

#[tokio::test]
async fn together_or_out_of_sight_they_spend_one_grant() {
    const MINUTES: i64 = 240;
    let grant = Grant { calls: 100, days: 1 };
    let mut fleet = Fleet::granted(grant).await;
    let weth = path(&["WETH"]);
    // What one backend may spend in that time.
    let mut budget = Budget::new(grant, 25);
    let minutes = (0..MINUTES).map(|minute| BEGINNING.plus_millis(minute * 60_000));
    let one = minutes.filter(|now| budget.take(Purpose::Prices, *now).is_ok()).count();
    for minute in 0..MINUTES {
        if minute == MINUTES / 2 {
            fleet.redis.kill();
        }
        // Until each has fresh prices, or says that it may not ask for any.
        for backend in &fleet.backends {
            let settled = async {
                loop {
                    let prices: Prices = backend.get(&weth).await.good();
                    let fresh = prices.prices.iter().all(|price| price.freshness == Freshness::Fresh);
                    if prices.pace.is_some() || (fresh && prices.missing.is_empty()) {
                        return;
                    }
                }
            };
            tokio::time::timeout(Duration::from_secs(30), settled).await.expect("it is fresh, or says why not");
        }
        fleet.clock.advance(Duration::from_secs(60));
    }
    let calls = fleet.calls();
    assert!(one > 20 && (one * 3 / 4..=one + 2).contains(&calls), "{calls} calls of two backends, {one} of one");
}
