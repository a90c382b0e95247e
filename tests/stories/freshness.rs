//! Freshness: who waits and who does not, what is called fresh, stale and expired, and what caches are told.

use std::path::PathBuf;
use std::time::Duration;

use backend::{
    config::{self, Data, Metrics, Secret},
    outbound::Patience,
};
use futures_util::future::join_all;
use shared::{
    chain::Chain,
    quote::{Freshness, Source},
    token::{TokenKey, TokenTable},
    wire::{AlertKind, Markets, PaceReason, PriceInfo, PriceStats, Prices},
};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Endpoint, Fault, KEY},
    world::{BEGINNING, Reply, Server, World},
};

fn token(symbol: &str) -> TokenKey {
    TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).expect("it ships").key
}

fn path(symbols: &[&str]) -> String {
    let tokens: Vec<_> = symbols.iter().map(|symbol| token(symbol).to_string()).collect();
    format!("/api/v1/prices?tokens={}", tokens.join(","))
}

fn price_of<'a>(prices: &'a Prices, symbol: &str) -> &'a PriceInfo {
    let key = token(symbol);
    prices.prices.iter().find(|price| price.key() == key).unwrap_or_else(|| panic!("no price of {symbol}: {prices:?}"))
}

async fn stats(world: &World) -> PriceStats {
    world.read("/api/v1/prices/stats").await
}

/// Waits until so many requests wait for a price.
async fn waiting(world: &World, count: u64) {
    let wait = async { while stats(world).await.waiting < count {} };
    tokio::time::timeout(Duration::from_secs(120), wait).await.expect("they wait");
}

#[tokio::test]
async fn a_thousand_cold_requests_cost_one_call_and_a_thousand_stale_ones_one_renewal_and_no_waiting() {
    const CALLERS: usize = 1_000;
    // Nobody's patience ends on a busy machine.
    let world = World::with(|server, _| {
        server.limits.price_patience = Duration::from_secs(300);
        server.limits.request_timeout = Duration::from_secs(300);
        server.coingecko.patience = Patience::of(Duration::from_secs(300));
    })
    .await;
    let weth = path(&["WETH"]);
    world.upstream().fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 250 });
    let callers = join_all((0..CALLERS).map(|_| world.get(&weth)));
    let release = async {
        waiting(&world, CALLERS as u64).await;
        world.upstream().wait_for_calls(1).await;
        assert_eq!(world.upstream().calls().len(), 1);
        world.clock.advance(Duration::from_millis(250));
    };
    let (replies, ()) = tokio::join!(callers, release);
    let is = |reply: &Reply, freshness| price_of(&reply.good(), "WETH").freshness == freshness;
    assert!(replies.iter().all(|reply| is(reply, Freshness::Fresh)));
    assert_eq!(world.upstream().calls().len(), 1);

    // The renewal is held back until every caller has its answer: so nobody has waited for it.
    world.upstream().fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 250 });
    world.seconds_pass(60);
    world.upstream().wait_for_calls(2).await;
    let replies = join_all((0..CALLERS).map(|_| world.get(&weth))).await;
    assert!(replies.iter().all(|reply| is(reply, Freshness::Stale)));
    world.clock.advance(Duration::from_millis(250));
    world.renewed(&weth).await;
    assert_eq!(world.upstream().calls().len(), 2);

    let counted = stats(&world).await;
    assert_eq!((counted.misses, counted.waiting), (CALLERS as u64, 0));
    assert!(counted.stale_hits >= CALLERS as u64, "{counted:?}");
    assert_eq!((counted.calls, counted.bulk_calls, counted.failed_calls), (2, 2, 0));
    assert_eq!(counted.calls_saved, counted.misses + counted.stale_hits + counted.hits - 2);
    assert_eq!((counted.watched, counted.kept), (2, 2), "the token's coin, and the one that pays for gas");
}

/// What the upstream does when a price has to be renewed.
enum Upstream {
    /// It answers, when it is let.
    Well(&'static str),
    /// It does not.
    Badly(Fault),
}

#[tokio::test]
async fn every_age_has_its_label_and_its_source_whatever_the_upstream_does() {
    const WAS: &str = "3126.90772184359";
    let upstreams = || {
        [
            Upstream::Well("3000.25"),
            Upstream::Well("1e-18"),
            Upstream::Badly(Fault::ThrottledJson { retry_after: Some(20) }),
            Upstream::Badly(Fault::ThrottledJson { retry_after: None }),
            Upstream::Badly(Fault::ThrottledText { retry_after: None }),
            Upstream::Badly(Fault::Throttled1015 { retry_after: None }),
            Upstream::Badly(Fault::KeyRefused { code: 10002 }),
            Upstream::Badly(Fault::Empty { status: 500 }),
            Upstream::Badly(Fault::Hang),
            Upstream::Badly(Fault::TruncatedJson),
            Upstream::Badly(Fault::Html { status: 503 }),
            Upstream::Badly(Fault::Html { status: 200 }),
            Upstream::Badly(Fault::NullPrice),
        ]
    };
    for age_ms in [0, 59_900, 60_000, 239_900, 240_000] {
        let label = match age_ms {
            0..60_000 => Freshness::Fresh,
            60_000..240_000 => Freshness::Stale,
            _ => Freshness::Expired,
        };
        for upstream in upstreams() {
            // Only a hang is waited out.
            let hangs = matches!(upstream, Upstream::Badly(Fault::Hang));
            let world = World::with(|server, _| {
                server.coingecko.patience = Patience::of(Duration::from_secs(if hangs { 2 } else { 60 }));
                server.limits.price_patience = Duration::from_secs(60);
            })
            .await;
            let weth = path(&["WETH"]);
            world.read::<Prices>(&weth).await;
            let check = |reply: &Reply, freshness, age_ms: i64, price: &str, what: &str| {
                let prices: Prices = reply.good();
                let told = price_of(&prices, "WETH");
                let expected = (freshness, Source::Coingecko, price.to_owned());
                assert_eq!((told.freshness, told.source, told.price.to_string()), expected, "{age_ms} ms, {what}");
                assert_eq!(prices.now.since(told.as_of), age_ms.unsigned_abs(), "{what}");
                assert_eq!(reply.header("age"), Some((age_ms / 1000).to_string().as_str()), "{what}");
            };
            match upstream {
                Upstream::Badly(fault) => {
                    world.upstream().fault(Endpoint::SimplePrice, fault.clone());
                    world.clock.set(BEGINNING.millis() + age_ms);
                    let what = format!("{fault:?}");
                    check(&world.get(&weth).await, label, age_ms, WAS, &what);
                    if age_ms >= 60_000 {
                        world.upstream().wait_for_calls(2).await;
                    }
                    check(&world.get(&weth).await, label, age_ms, WAS, &what);
                    assert_eq!(world.upstream().calls().len(), if age_ms < 60_000 { 1 } else { 2 }, "{what}");
                }
                Upstream::Well(served) => {
                    let price = if served == "1e-18" { "0.000000000000000001" } else { served };
                    world.upstream().set_price("weth", served).unwrap();
                    // The answer is held back, so that what is told meanwhile can be seen.
                    world.upstream().fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 1 });
                    world.clock.set(BEGINNING.millis() + age_ms);
                    match label {
                        Freshness::Fresh => check(&world.get(&weth).await, label, age_ms, WAS, served),
                        Freshness::Stale => {
                            world.upstream().wait_for_calls(2).await;
                            check(&world.get(&weth).await, label, age_ms, WAS, served);
                            world.clock.advance(Duration::from_millis(1));
                            world.renewed(&weth).await;
                            check(&world.get(&weth).await, Freshness::Fresh, 0, price, served);
                        }
                        Freshness::Expired => {
                            let release = async {
                                waiting(&world, 1).await;
                                world.upstream().wait_for_calls(2).await;
                                world.clock.advance(Duration::from_millis(1));
                            };
                            let (reply, ()) = tokio::join!(world.get(&weth), release);
                            check(&reply, Freshness::Fresh, 0, price, served);
                        }
                    }
                }
            }
        }
    }
}

#[tokio::test]
async fn what_nobody_watches_is_not_fetched_and_what_somebody_does_never_turns_stale() {
    let world = World::start().await;
    let weth = path(&["WETH"]);
    world.read::<Prices>(&weth).await;
    let calls = async |count: u64| {
        let landed = async { while stats(&world).await.calls < count {} };
        tokio::time::timeout(Duration::from_secs(20), landed).await.expect("it is fetched");
    };
    // Looked at every 15 seconds for ten minutes, then left alone for an hour.
    for quarter in 1..=40 {
        world.seconds_pass(15);
        calls(1 + quarter / 4).await;
        let prices: Prices = world.read(&weth).await;
        assert_eq!(price_of(&prices, "WETH").freshness, Freshness::Fresh);
    }
    assert_eq!(world.upstream().calls().len(), 11);
    for minute in 1..=60 {
        world.seconds_pass(60);
        calls(11 + minute.min(9)).await;
    }
    let idle = world.upstream().calls();
    assert_eq!(idle.len(), 20, "ten minutes' watch, then nothing");
    assert!(idle.iter().all(|call| call.list("ids") == ["ethereum", "weth"]), "built in is not watched");
}

#[tokio::test]
async fn caches_are_told_what_is_true_of_the_body() {
    let world = World::start().await;
    let both = path(&["WETH", "USDC"]);
    let first = world.get(&both).await;
    let control = "max-age=60, stale-while-revalidate=180, stale-if-error=180";
    assert_eq!((first.header("age"), first.header("cache-control")), (Some("0"), Some(control)));
    let etag = first.header("etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let ask = async || {
        let request = world.server.request(reqwest::Method::GET, &both).header("if-none-match", &etag);
        Reply::to(request).await.unwrap()
    };
    world.seconds_pass(41);
    let known = ask().await;
    assert_eq!((known.status.as_u16(), known.body.as_str()), (304, ""), "nothing but the moment has changed");
    assert_eq!((known.header("age"), known.header("etag")), (Some("41"), Some(etag.as_str())));
    assert_eq!(known.header("cache-control"), Some(control));
    world.upstream().fault(Endpoint::SimplePrice, Fault::Disconnect);
    world.seconds_pass(20);
    let stale = ask().await;
    assert_eq!((stale.status.as_u16(), stale.header("age")), (200, Some("61")), "a label has changed");
    let later = path(&["WETH", "LINK"]);
    let mixed = world.get(&later).await;
    assert_eq!(mixed.header("cache-control"), Some("no-store"), "what is missing may come in a moment: {}", mixed.body);
}

#[tokio::test]
async fn an_answer_says_why_prices_are_behind_and_what_is_wrong_in_the_market() {
    let world = World::start().await;
    let both = path(&["WETH", "USDC"]);
    world.upstream().set_price("usd-coin", "0.9731").unwrap();
    let prices: Prices = world.read(&both).await;
    assert_eq!(price_of(&prices, "USDC").price.to_string(), "1");
    let [alert] = &prices.alerts[..] else { panic!("{:?}", prices.alerts) };
    assert_eq!((alert.kind, alert.subject.as_str(), alert.since), (AlertKind::Depeg, "USDC", BEGINNING));
    assert!(alert.message.contains("$0.9731, 2.69 % below"), "{}", alert.message);
    assert_eq!(prices.pace, None);

    world.upstream().fault_once(Endpoint::SimplePrice, Fault::ThrottledJson { retry_after: Some(90) });
    world.upstream().set_price("usd-coin", "0.9932").unwrap();
    world.seconds_pass(60);
    let behind = async {
        loop {
            let prices: Prices = world.read(&both).await;
            if let Some(pace) = prices.pace {
                return (prices, pace);
            }
        }
    };
    let (prices, pace) = tokio::time::timeout(Duration::from_secs(20), behind).await.expect("it says why");
    assert_eq!(price_of(&prices, "WETH").freshness, Freshness::Stale);
    assert_eq!((pace.reason, pace.next_at), (PaceReason::Throttled, prices.now.plus_millis(90_000)));
    assert_eq!(prices.alerts.len(), 1);
    world.seconds_pass(90);
    let prices = world.renewed(&both).await;
    assert_eq!((prices.pace, prices.alerts), (None, vec![]));
}

#[tokio::test]
async fn a_restart_begins_with_the_last_known_prices_as_old_as_they_are() {
    let scratch = Scratch::new("restart");
    let clock = Clock::stopped_at(BEGINNING.millis());
    let upstream = CoinGecko::start(coingecko::Config { clock: clock.clone(), ..Default::default() }).await;
    let mut settings =
        config::Config { metrics: Metrics::Off, data: Data::Folder(scratch.0.clone()), ..Default::default() };
    settings.coingecko.key = Some(Secret::new(KEY));
    settings.coingecko.base_url = upstream.url.parse().unwrap();
    let weth = path(&["WETH"]);
    let first = Server::start(settings.clone(), clock.clone()).await;
    let before: Prices = first.get(&weth).await.good();
    first.stop().await.unwrap();
    upstream.control.fault(Endpoint::Any, Fault::Disconnect);
    for (age_s, freshness) in [(30, Freshness::Fresh), (61, Freshness::Stale), (3600, Freshness::Expired)] {
        clock.set(BEGINNING.millis() + age_s * 1000);
        let again = Server::start(settings.clone(), clock.clone()).await;
        let reply = again.get(&weth).await;
        let prices: Prices = reply.good();
        assert_eq!(prices.prices, [PriceInfo { freshness, ..price_of(&before, "WETH").clone() }]);
        assert_eq!(reply.header("age"), Some(age_s.to_string().as_str()));
        again.stop().await.unwrap();
    }
}

#[tokio::test]
async fn markets_and_coins_outlive_a_restart_and_old_markets_are_told_at_once_and_renewed_behind() {
    let scratch = Scratch::new("markets");
    let clock = Clock::stopped_at(BEGINNING.millis());
    let upstream = CoinGecko::start(coingecko::Config { clock: clock.clone(), ..Default::default() }).await;
    let mut settings =
        config::Config { metrics: Metrics::Off, data: Data::Folder(scratch.0.clone()), ..Default::default() };
    settings.coingecko.key = Some(Secret::new(KEY));
    settings.coingecko.base_url = upstream.url.parse().unwrap();
    // Pepe ships without a coin: which it is, is looked up.
    let query = "tokens=1:0x6982508145454Ce325dDbE47a25d4ec3d2311933";
    let (prices, markets) = (format!("/api/v1/prices?{query}"), format!("/api/v1/markets?{query}"));
    let first = Server::start(settings.clone(), clock.clone()).await;
    first.get(&prices).await.good::<Prices>();
    let before: Markets = first.get(&markets).await.good();
    assert!(before.markets[0].liquidity_usd.is_some() && before.markets[0].sigma_day_ppb.is_some(), "{before:?}");
    first.stop().await.unwrap();

    upstream.control.forget_calls();
    clock.advance(Duration::from_secs(7 * 3600));
    upstream.control.fault_once(Endpoint::TokenPools, Fault::Delay { ms: 1 });
    let again = Server::start(settings, clock.clone()).await;
    let told: Markets = again.get(&markets).await.good();
    assert_eq!(told.markets[0].facts(), before.markets[0].facts(), "at once, while the renewal is held back");
    upstream.control.wait_for_calls(1).await;
    clock.advance(Duration::from_millis(1));
    again.get(&prices).await.good::<Prices>();
    let kinds: Vec<_> = upstream.control.calls().iter().map(|call| call.endpoint).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == Endpoint::TokenPools).count(), 1);
    assert!(!kinds.contains(&Endpoint::CoinsList) && !kinds.contains(&Endpoint::MarketChart), "{kinds:?}");
    again.stop().await.unwrap();
}

/// A folder that goes when the test does.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Scratch {
        let path = std::env::temp_dir().join(format!("foolscap-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
