//! Prices: one call for everybody, exact to the last digit, and served with their age when it fails.

use std::time::Duration;

use backend::{config::KeyKind, outbound::Patience};
use futures_util::future::join_all;
use shared::{
    chain::Chain,
    market::MarketKind,
    quote::{Freshness, Source},
    token::{Origin, Token, TokenKey, TokenTable},
    wire::{MissingReason, PriceInfo, Prices, Status, UpstreamState},
};
use tests::{
    coingecko::{CoinGecko, Config, Endpoint, Fault, Host, KEY, Limits, coins},
    world::{BEGINNING, World},
};

/// A token that nobody lists.
const NOBODYS: &str = "0x00000000000000000000000000000000000b0d1e";

fn token(chain: Chain, symbol: &str) -> &'static Token {
    TokenTable::builtin().by_symbol(chain, symbol).expect("it ships")
}

fn weth() -> TokenKey {
    token(Chain::Ethereum, "WETH").key
}

/// The tokens that ship with a price of their own.
fn builtin() -> Vec<TokenKey> {
    let tokens = TokenTable::builtin().iter().filter(|token| token.origin == Origin::Builtin);
    tokens.map(|token| token.key).collect()
}

fn path(tokens: &[TokenKey]) -> String {
    let tokens: Vec<_> = tokens.iter().map(ToString::to_string).collect();
    format!("/api/v1/prices?tokens={}", tokens.join(","))
}

fn price_of(prices: &Prices, key: TokenKey) -> &PriceInfo {
    prices.prices.iter().find(|price| price.key() == key).unwrap_or_else(|| panic!("no price of {key}: {prices:?}"))
}

fn missing(prices: &Prices, key: TokenKey) -> Option<MissingReason> {
    prices.missing.iter().find(|missing| missing.key() == key).map(|missing| missing.reason)
}

fn price_calls(world: &World) -> usize {
    world.upstream().calls_of(Endpoint::SimplePrice).len()
}

#[tokio::test]
async fn any_number_of_tokens_and_callers_costs_one_call() {
    let world = World::start().await;
    let keys = builtin();
    // Two of them ship without a coin: the list that tells it is learnt once.
    world.read::<Prices>(&path(&keys)).await;
    world.upstream().forget_calls();
    // The answer is held back until everybody has asked, each for another selection.
    world.upstream().fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 1 });
    world.seconds_pass(240);
    let selections = (0..60).map(|n| path(&keys[..=n % keys.len()])).chain(["/api/v1/prices?chain=all".to_owned()]);
    let paths: Vec<_> = selections.collect();
    let callers = join_all(paths.iter().map(|path| world.read::<Prices>(path)));
    let release = async {
        world.upstream().wait_for_calls(1).await;
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        world.clock.advance(Duration::from_millis(1));
    };
    let (answers, ()) = tokio::join!(callers, release);
    assert_eq!(world.upstream().calls().len(), 1, "one call, and no other kind of call");
    for answer in &answers {
        assert!(answer.missing.is_empty(), "{:?}", answer.missing);
        assert!(answer.prices.iter().all(|price| price.freshness == Freshness::Fresh));
    }
    let all = answers.last().unwrap();
    assert_eq!((all.prices.len(), all.natives.len()), (keys.len(), Chain::ALL.len()));

    let call = &world.upstream().calls()[0];
    assert!(call.headers.contains(&"x-cg-demo-api-key".to_owned()), "{:?}", call.headers);
    assert!(call.query.iter().all(|(name, _)| !name.contains("api_key")), "a key in a URL ends up in logs");
    assert_eq!(call.parameter("precision"), Some("full"));
    assert!(call.list("ids").contains(&"usd-coin"), "what the market pays for a pinned coin comes along");
}

#[tokio::test]
async fn a_price_is_fetched_again_when_it_is_no_longer_fresh_and_not_before() {
    let world = World::start().await;
    for (passed, calls) in [(0, 1), (59, 1), (1, 2), (0, 2), (30, 2), (30, 3)] {
        world.seconds_pass(passed);
        let prices = world.renewed(&path(&[weth()])).await;
        assert_eq!(price_calls(&world), calls, "{} s after the beginning", prices.now.since(BEGINNING) / 1000);
        assert_eq!(price_of(&prices, weth()).freshness, Freshness::Fresh);
    }
}

#[tokio::test]
async fn prices_arrive_to_the_last_digit() {
    let world = World::start().await;
    for (served, expected) in [
        ("3000.000000000000000001", "3000.000000000000000001"),
        ("1e-18", "0.000000000000000001"),
        ("8.68271355291e-06", "0.00000868271355291"),
        ("0.123456789012345678", "0.123456789012345678"),
        ("97421.8351947266", "97421.8351947266"),
        ("1.2345E+3", "1234.5"),
        ("9007199254740993", "9007199254740993"),
        ("2.50", "2.5"),
    ] {
        world.upstream().set_price("weth", served).unwrap();
        world.seconds_pass(60);
        let prices = world.renewed(&path(&[weth()])).await;
        assert_eq!(price_of(&prices, weth()).price.to_string(), expected, "{served}");
    }
}

#[tokio::test]
async fn what_is_told_of_a_price_says_whose_and_how_old_it_is() {
    let world = World::start().await;
    world.upstream().pin_updated_at("weth", 1_795_367_111).unwrap();
    let sepolia = token(Chain::BaseSepolia, "WETH").key;
    let prices: Prices = world.read(&path(&[sepolia])).await;
    let price = price_of(&prices, sepolia);
    assert_eq!((price.source, price.as_of, price.freshness), (Source::Coingecko, BEGINNING, Freshness::Fresh));
    assert_eq!(price.upstream_at.unwrap().millis(), 1_795_367_111_000, "the upstream's own time stands beside ours");
    assert_eq!(price.coin_id.as_deref(), Some("weth"), "a test token says which coin prices it");
    let native = &prices.natives[0];
    assert_eq!((native.chain, native.coin_id.as_str()), (Chain::BaseSepolia, "ethereum"));
    assert_eq!(native.price.to_string(), "3127.41829365712");
}

#[tokio::test]
async fn stablecoins_are_a_dollar_by_address_even_when_the_upstream_says_otherwise_or_nothing() {
    let world = World::start().await;
    world.upstream().set_price("usd-coin", "0.42").unwrap();
    let usdc = token(Chain::Ethereum, "USDC").key;
    let impostor: TokenKey = "1:0x00000000000000000000000000000000ba5eba11".parse().unwrap();
    let prices: Prices = world.read(&path(&[usdc, impostor])).await;
    let price = price_of(&prices, usdc);
    assert_eq!((price.price.to_string().as_str(), price.source), ("1", Source::Pinned));
    let symbol_is_not_enough = price_of(&prices, impostor);
    assert_eq!(symbol_is_not_enough.price.to_string(), "0.0000312904771");
    world.upstream().fault(Endpoint::Any, Fault::Disconnect);
    world.seconds_pass(3600);
    let prices: Prices = world.read(&path(&[usdc])).await;
    assert_eq!((price_of(&prices, usdc).freshness, price_of(&prices, usdc).as_of), (Freshness::Fresh, prices.now));
}

#[tokio::test]
async fn tokens_outside_the_built_in_ones_are_found_by_address_and_the_list_is_asked_for_once() {
    let world = World::with(|_, upstream| upstream.list_padding = 15_000).await;
    let keycat: TokenKey = "8453:0x9a26f5433671751c3276a065f57e5a02d2817973".parse().unwrap();
    let pepe: TokenKey = "1:0x6982508145454Ce325dDbE47a25d4ec3d2311933".parse().unwrap();
    let nobodys: TokenKey = format!("1:{NOBODYS}").parse().unwrap();
    let prices: Prices = world.read(&path(&[keycat, pepe, nobodys])).await;
    assert_eq!(price_of(&prices, keycat).price.to_string(), "0.00262514973816");
    assert_eq!(price_of(&prices, pepe).price.to_string(), "0.0000047110836295");
    assert_eq!(missing(&prices, nobodys), Some(MissingReason::NoCoin));
    for _ in 0..24 {
        world.seconds_pass(3600);
        world.read::<Prices>(&path(&[keycat, pepe, nobodys])).await;
    }
    assert_eq!(world.upstream().calls_of(Endpoint::CoinsList).len(), 1, "it is big and changes slowly");
}

#[tokio::test]
async fn a_coin_that_the_list_lacks_is_found_by_its_contract_and_that_there_is_none_is_remembered() {
    let world = World::start().await;
    world.upstream().unlist("pepe").unwrap();
    let pepe: TokenKey = "1:0x6982508145454Ce325dDbE47a25d4ec3d2311933".parse().unwrap();
    let nobodys: TokenKey = format!("1:{NOBODYS}").parse().unwrap();
    for _ in 0..23 {
        let prices = world.renewed(&path(&[pepe, nobodys])).await;
        assert_eq!(price_of(&prices, pepe).coin_id.as_deref(), Some("pepe"));
        assert_eq!(missing(&prices, nobodys), Some(MissingReason::NoCoin));
        world.seconds_pass(3600);
    }
    assert_eq!(world.upstream().calls_of(Endpoint::Contract).len(), 2, "one for each, in a day");
    let many: Vec<TokenKey> = (1..=20).map(|n| format!("1:0x{n:040x}").parse().unwrap()).collect();
    world.read::<Prices>(&path(&many)).await;
    assert_eq!(world.upstream().calls_of(Endpoint::Contract).len(), 2 + 4, "a few at a time");
}

#[tokio::test]
async fn a_token_of_ones_own_is_priced_by_the_coin_one_names() {
    let world = World::start().await;
    let named: Prices = world.read(&format!("/api/v1/prices?tokens=84532:{NOBODYS}@chainlink")).await;
    let key: TokenKey = format!("84532:{NOBODYS}").parse().unwrap();
    assert_eq!(price_of(&named, key).price.to_string(), "14.2871960355817");
}

#[tokio::test]
async fn figures_that_can_be_no_price_are_told_as_such() {
    let world = World::start().await;
    for (served, reason) in
        [("0", MissingReason::NotANumber), ("-1", MissingReason::NotANumber), ("1e40", MissingReason::NotANumber)]
    {
        world.upstream().set_price("weth", served).unwrap();
        let prices: Prices = world.read(&path(&[weth()])).await;
        assert_eq!(missing(&prices, weth()), Some(reason), "{served}");
        // What has no price is asked for again after five minutes.
        world.seconds_pass(300);
    }
    world.upstream().unset_price("weth").unwrap();
    let prices: Prices = world.read(&path(&[weth()])).await;
    assert_eq!(missing(&prices, weth()), Some(MissingReason::NotQuoted));
    let chainlink = token(Chain::Ethereum, "LINK").key;
    let others: Prices = world.read(&path(&[chainlink])).await;
    assert_eq!(price_of(&others, chainlink).freshness, Freshness::Fresh, "one bad figure spoils no other");
}

#[tokio::test]
async fn whatever_the_upstream_does_the_last_price_is_served_with_its_age_and_renewed_later() {
    let faults = [
        Fault::ThrottledJson { retry_after: Some(20) },
        Fault::ThrottledJson { retry_after: None },
        Fault::ThrottledText { retry_after: None },
        Fault::Throttled1015 { retry_after: None },
        Fault::KeyRefused { code: 10002 },
        Fault::KeyRefused { code: 10004 },
        Fault::KeyRefused { code: 10005 },
        Fault::WrongHost { code: 10010 },
        Fault::WrongHost { code: 10011 },
        Fault::BeyondTimeRange,
        Fault::CoinNotFound,
        Fault::Html { status: 503 },
        Fault::Html { status: 200 },
        Fault::Empty { status: 200 },
        Fault::Empty { status: 500 },
        Fault::Answer { status: 200, body: "[]".into() },
        Fault::Answer { status: 200, body: "{}".into() },
        Fault::TruncatedJson,
        Fault::NullPrice,
        Fault::Price { text: "\"about 3000\"".into() },
        Fault::Disconnect,
        Fault::DisconnectMidBody,
        Fault::Hang,
    ];
    for fault in faults {
        // Only a hang is waited out.
        let patience = if fault == Fault::Hang { Duration::from_secs(2) } else { Duration::from_secs(60) };
        let world = World::with(|server, _| {
            server.coingecko.patience = Patience::of(patience);
            server.limits.price_patience = Duration::from_secs(60);
        })
        .await;
        let before: Prices = world.read(&path(&[weth()])).await;
        world.upstream().fault_once(Endpoint::SimplePrice, fault.clone());
        world.seconds_pass(61);
        world.upstream().wait_for_calls(2).await;
        let reply = world.get(&path(&[weth()])).await;
        let during: Prices = reply.good();
        let (old, kept) = (price_of(&before, weth()), price_of(&during, weth()));
        let expected = PriceInfo { freshness: Freshness::Stale, ..old.clone() };
        assert_eq!(kept, &expected, "{fault:?}");
        assert_eq!(reply.header("age"), Some("61"), "{fault:?}");
        let renewed = async {
            loop {
                let after: Prices = world.read(&path(&[weth()])).await;
                if price_of(&after, weth()).freshness == Freshness::Fresh {
                    return;
                }
                world.seconds_pass(1);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), renewed).await.unwrap_or_else(|_| panic!("{fault:?}"));
        assert_eq!(price_calls(&world), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn a_price_grows_stale_and_expired_while_the_upstream_is_gone_and_fresh_when_it_is_back() {
    let World { clock, coingecko, server } = World::start().await;
    let ask = async || server.get(&path(&[weth()])).await;
    let first: Prices = ask().await.good();
    let (port, fetched) = (coingecko.port(), price_of(&first, weth()).as_of);
    drop(coingecko);
    for (age, freshness) in [
        (59, Freshness::Fresh),
        (60, Freshness::Stale),
        (239, Freshness::Stale),
        (240, Freshness::Expired),
        (86_400, Freshness::Expired),
    ] {
        clock.set(fetched.millis() + age * 1000);
        let reply = ask().await;
        let prices: Prices = reply.good();
        let price = price_of(&prices, weth());
        assert_eq!((price.freshness, price.as_of), (freshness, fetched), "after {age} s");
        assert_eq!(reply.header("age"), Some(age.to_string().as_str()));
    }
    let status: Status = server.get("/api/v1/status").await.good();
    assert_eq!(status.prices.state, UpstreamState::Failing);
    assert!(status.prices.failure.is_some());
    let _back = CoinGecko::bind(Config { port, clock: clock.clone(), ..Config::default() }).unwrap();
    clock.advance(Duration::from_secs(61));
    let prices: Prices = ask().await.good();
    assert_eq!(price_of(&prices, weth()).as_of, prices.now);
    let status: Status = server.get("/api/v1/status").await.good();
    assert_eq!((status.prices.state, status.prices.last_success), (UpstreamState::Ok, Some(status.now)));
}

#[tokio::test]
async fn without_any_price_yet_and_without_an_upstream_prices_are_missing_and_not_an_error() {
    let world = World::start().await;
    world.upstream().fault(Endpoint::Any, Fault::Disconnect);
    let prices: Prices = world.read(&path(&[weth()])).await;
    assert_eq!(missing(&prices, weth()), Some(MissingReason::Unavailable));
    assert!(prices.prices.is_empty() && prices.natives.is_empty());
}

#[tokio::test]
async fn an_address_where_no_api_is_is_told_as_a_failure() {
    let world = World::start().await;
    world.upstream().fault(Endpoint::Any, Fault::CoinNotFound);
    let prices: Prices = world.read(&path(&[weth()])).await;
    assert_eq!(missing(&prices, weth()), Some(MissingReason::Unavailable));
    let status: Status = world.read("/api/v1/status").await;
    assert_eq!(status.prices.state, UpstreamState::Failing, "{:?}", status.prices);
}

#[tokio::test]
async fn an_upstream_that_says_when_to_come_back_is_left_alone_until_then() {
    let world = World::start().await;
    world.upstream().fault_once(Endpoint::SimplePrice, Fault::ThrottledJson { retry_after: Some(90) });
    for second in 0..95 {
        let prices: Prices = world.read(&path(&[weth()])).await;
        let expected = if second < 90 { (1, true) } else { (2, false) };
        assert_eq!((price_calls(&world), prices.prices.is_empty()), expected, "after {second} s");
        world.seconds_pass(1);
    }
}

#[tokio::test]
async fn an_upstream_that_fails_is_asked_ever_more_seldom() {
    let world = World::start().await;
    world.upstream().fault(Endpoint::SimplePrice, Fault::Html { status: 502 });
    for _ in 0..600 {
        world.read::<Prices>(&path(&[weth()])).await;
        world.seconds_pass(1);
    }
    let calls = price_calls(&world);
    assert!((8..=15).contains(&calls), "{calls} calls in ten minutes of asking every second");
}

#[tokio::test]
async fn an_hour_of_a_busy_desk_stays_within_the_plans_calls_a_minute() {
    let world = World::start().await;
    let keys = builtin();
    for n in 0..720 {
        let from = n % keys.len();
        world.renewed(&path(&keys[from..keys.len().min(from + 5)])).await;
        world.seconds_pass(5);
    }
    let calls = world.upstream().calls();
    assert!(calls.iter().all(|call| call.status == Some(200)), "nobody was told to slow down");
    // One a minute; and one when each coin turns up for the first time, which renews the others too.
    let prices = price_calls(&world);
    // A renewal that is still under way when the clock moves on is five seconds younger: then they are fewer.
    assert!((55..=60 + keys.len()).contains(&prices), "{prices} calls for prices");
    assert_eq!(calls.len(), prices + 1, "and one for the list of coins");
}

#[tokio::test]
async fn how_many_ids_go_into_one_call_is_learnt_from_the_refusal() {
    let world = World::with(|_, upstream| {
        upstream.limits = Limits { max_ids: Some(10), ..Limits::default() };
    })
    .await;
    let all: Prices = world.read("/api/v1/prices?chain=all").await;
    assert!(all.missing.is_empty(), "{:?}", all.missing);
    let calls = world.upstream().calls();
    let answered: Vec<_> =
        calls.iter().filter(|call| call.status == Some(200)).flat_map(|call| call.list("ids")).collect();
    let distinct: std::collections::BTreeSet<_> = answered.iter().collect();
    assert_eq!(distinct.len(), answered.len(), "no id is asked for twice");
    world.upstream().forget_calls();
    world.seconds_pass(60);
    world.read::<Prices>("/api/v1/prices?chain=all").await;
    assert!(world.upstream().calls().iter().all(|call| call.status == Some(200)), "the lesson is remembered");
}

#[tokio::test]
async fn every_token_of_the_public_list_can_be_asked_for_at_once() {
    let world = World::start().await;
    let listed: Vec<_> = TokenTable::builtin().iter().map(|token| token.key).take(500).collect();
    let prices: Prices = world.read(&path(&listed)).await;
    assert_eq!(prices.prices.len(), listed.len(), "{:?}", prices.missing.first());
    let calls = world.upstream().calls();
    assert!(calls.len() <= 4, "the list of coins, and a call for every 250: {} calls", calls.len());
    assert!(coins::all().len() >= 500);
}

#[tokio::test]
async fn a_key_goes_to_its_own_host_in_its_own_header_and_a_wrong_one_is_told_without_being_shown() {
    let pro = World::with(|server, upstream| {
        upstream.host = Host::Pro;
        server.coingecko.key_kind = KeyKind::Pro;
    })
    .await;
    pro.read::<Prices>(&path(&[weth()])).await;
    let call = &pro.upstream().calls()[0];
    assert_eq!(call.status, Some(200));
    assert!(call.headers.contains(&"x-cg-pro-api-key".to_owned()), "{:?}", call.headers);

    let strayed = World::with(|_, upstream| upstream.host = Host::Pro).await;
    let prices: Prices = strayed.read(&path(&[weth()])).await;
    assert_eq!(missing(&prices, weth()), Some(MissingReason::Unavailable));
    let status: Status = strayed.read("/api/v1/status").await;
    let failure = status.prices.failure.expect("what went wrong is told");
    assert!(failure.contains("10011") && failure.contains("change your root URL"), "{failure}");
    assert!(!failure.contains(KEY), "{failure}");
}

#[tokio::test]
async fn in_the_demo_market_nobody_is_asked() {
    let world = World::with(|server, _| server.market = MarketKind::Demo).await;
    let prices: Prices = world.read("/api/v1/prices?chain=all").await;
    assert!(prices.prices.iter().all(|price| price.source == Source::Pinned), "only a pin needs nobody");
    assert!(prices.missing.iter().all(|missing| missing.reason == MissingReason::Off) && !prices.missing.is_empty());
    let status: Status = world.read("/api/v1/status").await;
    assert_eq!((status.market, status.prices.state), (MarketKind::Demo, UpstreamState::Off));
    assert_eq!(world.upstream().calls(), []);
}

#[tokio::test]
async fn nobody_waits_for_an_upstream_that_hangs_longer_than_a_few_seconds() {
    let world = World::with(|server, _| server.coingecko.patience = Patience::of(Duration::from_secs(60))).await;
    world.read::<Prices>(&path(&[weth()])).await;
    world.seconds_pass(61);
    world.upstream().fault(Endpoint::SimplePrice, Fault::Hang);
    // This patience is of the network, so no clock of ours shortens it.
    let answer = tokio::time::timeout(Duration::from_secs(8), world.read::<Prices>(&path(&[weth()]))).await;
    let prices = answer.expect("the old price comes in time");
    assert_eq!(price_of(&prices, weth()).freshness, Freshness::Stale);
}
