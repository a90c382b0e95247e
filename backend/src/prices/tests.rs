use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::net::TcpListener;

use shared::quote::Thresholds;
use shared::token::{Origin, TokenTable};
use shared::wire::PaceReason;

use super::*;
use crate::clock::Clock as _;
use crate::clock::moved::MovedClock;
use crate::coingecko::budget::Grant;
use crate::config::{Config, Data};
use crate::telemetry::tests::Captured;

/// An upstream that knows one price until it is told to fail, and takes so many ids at once.
#[derive(Clone, Default)]
struct Upstream {
    calls: Arc<AtomicUsize>,
    fails: Arc<std::sync::atomic::AtomicBool>,
    most_ids: Arc<AtomicUsize>,
    prices: Arc<Mutex<BTreeMap<String, String>>>,
    last_ids: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    fn price(&self, id: &str, price: &str) {
        self.prices.lock().unwrap().insert(id.to_owned(), price.to_owned());
    }

    fn last_ids(&self) -> Vec<String> {
        self.last_ids.lock().unwrap().clone()
    }

    fn answer(&self, query: &str) -> Response {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if self.fails.load(Ordering::SeqCst) {
            return axum::http::StatusCode::BAD_GATEWAY.into_response();
        }
        let pairs: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
        let most = self.most_ids.load(Ordering::SeqCst);
        if most > 0 && pairs["ids"].split(',').count() > most {
            let body = r#"{"timestamp":"x","error_code":10012,"status":{"error_message":"exceeds the allowed limit"}}"#;
            return (axum::http::StatusCode::BAD_REQUEST, body).into_response();
        }
        *self.last_ids.lock().unwrap() = pairs["ids"].split(',').map(str::to_owned).collect();
        let prices = self.prices.lock().unwrap();
        let rows = pairs["ids"].split(',').map(|id| {
            let price = prices.get(id).map_or("3000.000000000000000001", String::as_str);
            format!(r#""{id}":{{"usd":{price}}}"#)
        });
        format!("{{{}}}", rows.collect::<Vec<_>>().join(",")).into_response()
    }
}

struct Bench {
    prices: Prices,
    clock: Arc<MovedClock>,
    upstream: Upstream,
    client: Arc<CoinGecko>,
    store: Store,
    tasks: Tasks,
}

const SETTINGS: Settings = Settings {
    lives: Lives {
        thresholds: Thresholds { fresh_ms: 60_000, stale_ms: 240_000 },
        watch_ms: 600_000,
        unknown_ms: 300_000,
    },
    patience: Duration::from_secs(4),
    demo: false,
};

impl Bench {
    async fn start() -> Bench {
        Bench::granted(Grant::DEMO).await
    }

    async fn granted(grant: Grant) -> Bench {
        let upstream = Upstream::default();
        let served = upstream.clone();
        let answer = move |RawQuery(query): RawQuery| std::future::ready(served.answer(&query.unwrap_or_default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/simple/price", get(answer));
        let tasks = Tasks::new();
        tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
        let mut config = Config::default();
        config.coingecko.base_url = format!("http://{address}").parse().unwrap();
        config.coingecko.grant = grant;
        let clock = MovedClock::at_secs(1_000_000);
        let client = Arc::new(CoinGecko::new(&config, clock.clone()).unwrap());
        let store = Store::open(&Data::Memory).await.unwrap();
        let prices = Prices::start(client.clone(), store.clone(), None, clock.clone(), SETTINGS, &tasks).await;
        Bench { prices, clock, upstream, client, store, tasks }
    }

    /// Time passes, and the keeper does what is due by then.
    async fn pass(&self, secs: i64) {
        let mut ended = self.prices.common.ended.subscribe();
        ended.borrow_and_update();
        self.clock.advance_secs(secs);
        let now = self.clock.now();
        let next = self.prices.common.board.read().unwrap().next_due(now, 0);
        if next.is_some_and(|at| at <= now) {
            ended.changed().await.unwrap();
        }
    }

    async fn weth(&self) -> Answer {
        self.prices.get(&[Asked::from(key("WETH"))].into(), &[Chain::Ethereum].into()).await
    }
}

fn key(symbol: &str) -> TokenKey {
    TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).unwrap().key
}

/// What ships with a coin of its own.
fn builtin() -> BTreeSet<Asked> {
    let tokens = TokenTable::builtin().iter();
    tokens
        .filter(|token| token.origin == Origin::Builtin && token.coin_id.is_some())
        .map(|token| Asked::from(token.key))
        .collect()
}

fn block_on(run: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run);
}

#[test]
fn an_old_price_is_served_with_its_age_and_said_once_a_minute() {
    let lines = Captured::during(|| {
        block_on(async {
            let bench = Bench::start().await;
            assert_eq!(bench.weth().await.prices[0].price.to_string(), "3000.000000000000000001");
            bench.upstream.fails.store(true, Ordering::SeqCst);
            for (secs, freshness) in [(75, Freshness::Stale), (30, Freshness::Stale), (135, Freshness::Expired)] {
                bench.pass(secs).await;
                let answer = bench.weth().await;
                assert_eq!(answer.prices[0].freshness, freshness);
                assert_eq!(answer.prices[0].as_of, Timestamp::from_secs(1_000_000));
                assert!(answer.missing.is_empty());
            }
        });
    });
    let stale = lines.iter().filter(|line| line["event"] == "using_stale_cache");
    let said: Vec<_> = stale.map(|line| (&line["level"], &line["token"], line["age_seconds"].as_u64())).collect();
    let (level, token) = ("WARN".into(), "WETH".into());
    assert_eq!(said, [(&level, &token, Some(75)), (&level, &token, Some(240))]);
}

#[test]
fn any_number_of_callers_and_tokens_cost_one_call() {
    block_on(async {
        let bench = Bench::start().await;
        let all = builtin();
        let callers = all.iter().cycle().take(200).map(|asked| {
            let asked = BTreeSet::from([asked.clone()]);
            async { bench.prices.get(&{ asked }, &Chain::ALL.into()).await }
        });
        let answers = join_all(callers).await;
        assert!(answers.iter().all(|answer| answer.prices.len() == 1 && answer.natives.len() == 4));
        assert_eq!(bench.upstream.calls(), 1);
    });
}

#[test]
fn what_the_upstream_takes_at_once_is_learnt_from_its_refusal() {
    block_on(async {
        let bench = Bench::start().await;
        bench.upstream.most_ids.store(6, Ordering::SeqCst);
        assert!(bench.prices.get(&builtin(), &[].into()).await.missing.is_empty());
        let first = bench.upstream.calls();
        bench.pass(60).await;
        let answer = bench.prices.get(&builtin(), &[].into()).await;
        assert!(answer.prices.iter().all(|price| price.freshness == Freshness::Fresh));
        let second = bench.upstream.calls() - first;
        assert!(second < first, "{first} calls, then {second}: no refusal the second time");
    });
}

#[test]
fn a_failing_upstream_is_left_alone_for_longer_and_longer() {
    block_on(async {
        let bench = Bench::start().await;
        bench.upstream.fails.store(true, Ordering::SeqCst);
        let mut calls = vec![];
        for _ in 0..30 {
            assert_eq!(bench.weth().await.missing[0].reason, MissingReason::Unavailable);
            calls.push(bench.upstream.calls());
            bench.pass(1).await;
        }
        // At 0 s; after 2.5 to 5 s more; after 5 to 10; and perhaps once more after 10 to 20.
        assert_eq!((calls[0], calls[2], calls[5]), (1, 1, 2), "{calls:?}");
        assert!(calls[16] >= 3 && (3..=4).contains(&calls[29]), "{calls:?}");
        bench.upstream.fails.store(false, Ordering::SeqCst);
        bench.pass(60).await;
        assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
    });
}

#[test]
fn when_the_savings_are_spent_prices_come_at_the_pace_of_the_grant_and_tell_their_age() {
    block_on(async {
        // 80 calls a day for prices: 12 saved, then one every 21 minutes.
        let bench = Bench::granted(Grant { calls: 100, days: 1 }).await;
        let (mut fresh, mut expired) = (0, 0);
        for _ in 0..180 {
            match bench.weth().await.prices[0].freshness {
                Freshness::Fresh => fresh += 1,
                Freshness::Stale => {}
                Freshness::Expired => expired += 1,
            }
            bench.pass(60).await;
        }
        // Three hours: the savings, and what came back meanwhile.
        assert_eq!((bench.upstream.calls(), fresh), (20, 20));
        assert!(expired > 100, "{expired}");
        // A failure is not charged: the next call is there at once.
        bench.upstream.fails.store(true, Ordering::SeqCst);
        bench.pass(3600).await;
        assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Expired);
        bench.upstream.fails.store(false, Ordering::SeqCst);
        for _ in 0..2 {
            bench.pass(60).await;
            assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
        }
    });
}

#[test]
fn the_demo_market_asks_nobody() {
    block_on(async {
        let bench = Bench::start().await;
        let settings = Settings { demo: true, ..SETTINGS };
        let (client, store) = (bench.client.clone(), bench.store.clone());
        let prices = Prices::start(client, store, None, bench.clock.clone(), settings, &bench.tasks).await;
        let weth = key("WETH");
        let answer = prices.get(&[Asked::from(weth)].into(), &[Chain::Ethereum].into()).await;
        assert_eq!((answer.missing[0].reason, bench.upstream.calls()), (MissingReason::Off, 0));
    });
}

#[test]
fn a_watched_price_is_renewed_as_it_reaches_its_age_and_one_that_nobody_watches_is_not() {
    block_on(async {
        let bench = Bench::start().await;
        bench.weth().await;
        // Asked once: watched for ten minutes.
        for minute in 1..=20 {
            bench.pass(60).await;
            assert_eq!(bench.upstream.calls(), 1 + minute.min(9), "after {minute} minutes");
        }
        let answer = bench.weth().await;
        assert_eq!((answer.prices[0].freshness, bench.upstream.calls()), (Freshness::Fresh, 11), "it was expired");
        assert_eq!(bench.upstream.last_ids(), ["ethereum", "weth"], "nothing else is fetched");
    });
}

#[test]
fn a_stale_price_is_answered_at_once_and_renewed_once_behind() {
    block_on(async {
        let bench = Bench::start().await;
        bench.weth().await;
        bench.pass(599).await;
        bench.clock.advance_secs(40);
        // 40 s old and watched no more; 75 s old when it is asked for.
        bench.clock.advance_secs(35);
        let before = bench.upstream.calls();
        for _ in 0..100 {
            // Nobody else can run between a question and its answer.
            let answer = bench.weth().now_or_never().expect("without waiting");
            assert_eq!(answer.prices[0].freshness, Freshness::Stale);
        }
        let mut changes = bench.prices.changes();
        changes.changed().await.unwrap();
        assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
        assert_eq!(bench.upstream.calls(), before + 1);
    });
}

#[test]
fn what_has_changed_since_a_version_is_told_without_waiting_and_stays_watched() {
    block_on(async {
        let bench = Bench::start().await;
        let tokens =
            bench.prices.identify(&["WETH", "LINK", "USDC"].map(|symbol| Asked::from(key(symbol))).into()).await;
        let (chains, mut changes) = (BTreeSet::from([Chain::Ethereum]), bench.prices.changes());
        let (first, answer) = bench.prices.changed_since(&tokens, &chains, 0);
        assert_eq!(
            (answer.prices.len(), answer.missing.len(), answer.natives.len()),
            (1, 2, 0),
            "the pin needs nobody"
        );
        changes.changed().await.unwrap();
        let (second, answer) = bench.prices.changed_since(&tokens, &chains, first);
        assert_eq!((answer.prices.len(), answer.missing.len(), answer.natives.len()), (2, 0, 1));
        assert_eq!((second, bench.prices.version()), (*changes.borrow(), second));
        let (same, answer) = bench.prices.changed_since(&tokens, &chains, second);
        assert_eq!((same, answer.prices.len(), answer.natives.len()), (second, 0, 0));
        for _ in 0..20 {
            bench.pass(60).await;
            let answer = bench.prices.changed_since(&tokens, &chains, second).1;
            assert_eq!(answer.prices.len(), 2, "it is renewed as long as this is asked");
        }
        assert_eq!(bench.prices.changed_since(&tokens, &chains, 0).1.prices.len(), 3);
    });
}

#[test]
fn a_stablecoin_comes_along_and_an_alert_stands_while_it_is_off_its_peg() {
    block_on(async {
        let bench = Bench::start().await;
        let asked = BTreeSet::from(["WETH", "USDC"].map(|symbol| Asked::from(key(symbol))));
        bench.upstream.price("usd-coin", "0.97");
        let answer = bench.prices.get(&asked, &[].into()).await;
        assert_eq!(bench.upstream.last_ids(), ["weth", "usd-coin"]);
        let usdc = answer.prices.iter().find(|price| price.address == key("USDC").address).unwrap();
        assert_eq!(usdc.price.to_string(), "1");
        assert_eq!(answer.alerts.len(), 1);
        bench.upstream.price("usd-coin", "0.999");
        bench.pass(60).await;
        assert_eq!(bench.prices.get(&asked, &[].into()).await.alerts, []);
        let alone = bench.prices.get(&[Asked::from(key("DAI"))].into(), &[].into()).await;
        assert_eq!((alone.prices.len(), bench.upstream.calls()), (1, 2), "for a pin alone nobody is asked");
    });
}

#[test]
fn an_answer_says_why_prices_are_behind() {
    block_on(async {
        let bench = Bench::start().await;
        assert_eq!(bench.weth().await.pace, None);
        bench.upstream.fails.store(true, Ordering::SeqCst);
        bench.pass(60).await;
        let pace = bench.weth().await.pace.unwrap();
        assert!(pace.reason == PaceReason::Failing && (3..=5).contains(&pace.every_s), "{pace:?}");
        let rests_ms = pace.next_at.since(Timestamp::from_secs(1_000_060));
        assert!((2_500..=5_000).contains(&rests_ms), "{pace:?}");
        bench.upstream.fails.store(false, Ordering::SeqCst);
        bench.pass(5).await;
        assert_eq!(bench.weth().await.pace, None);
    });
}

#[test]
fn a_restart_begins_with_the_last_known_prices_as_old_as_they_are() {
    block_on(async {
        let bench = Bench::start().await;
        let first = bench.weth().await;
        bench.upstream.fails.store(true, Ordering::SeqCst);
        bench.store.settled().await;
        for (secs, freshness) in [(59, Freshness::Fresh), (2, Freshness::Stale), (300, Freshness::Expired)] {
            bench.clock.advance_secs(secs);
            let (client, store) = (bench.client.clone(), bench.store.clone());
            let prices = Prices::start(client, store, None, bench.clock.clone(), SETTINGS, &bench.tasks).await;
            let answer = prices.get(&[Asked::from(key("WETH"))].into(), &[Chain::Ethereum].into()).await;
            let expected = PriceInfo { freshness, ..first.prices[0].clone() };
            assert_eq!(answer.prices, [expected]);
            assert_eq!(answer.natives.len(), 1);
        }
    });
}
