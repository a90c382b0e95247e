//! The price source when it is slow to please: its limits over restarts, keys that change, and long outages.

use std::{path::PathBuf, time::Duration};

use backend::{
    coingecko::{CoinGecko as Client, UpstreamError, budget::Grant},
    config::{Config, Data},
};
use futures_util::future::join_all;
use shared::{
    chain::Chain,
    quote::Freshness,
    token::{TokenKey, TokenTable},
    wire::{Prices, Status},
};
use tests::{
    canary,
    coingecko::{Control, Endpoint, Fault, KEY, fingerprint},
    world::{Server, World},
};

const PATH: &str = "/api/v1/prices?tokens=1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
const NEW_KEY: &str = "CG-another-stand-in";

/// A file or folder of a test's own, gone with it.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("foolscap-story-{name}-{}", std::process::id()));
        drop(std::fs::remove_dir_all(&path));
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    fn key_file(&self, key: &str) -> PathBuf {
        // As a careful person does: written beside, then moved into its place.
        let (beside, file) = (self.0.join("key.new"), self.0.join("key"));
        std::fs::write(&beside, key).expect("a file");
        std::fs::rename(&beside, &file).expect("its place");
        file
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A World whose server reads its key from a file.
async fn world_with_key_file(scratch: &Scratch) -> World {
    let file = scratch.key_file(KEY);
    World::with(|server, _| {
        server.coingecko.key = None;
        server.coingecko.key_file = Some(file);
    })
    .await
}

/// The fingerprints of the keys that calls carried, in order, each once.
fn keys_seen(upstream: &Control) -> Vec<u64> {
    let mut keys: Vec<_> = upstream.calls().iter().map(|call| call.key.expect("every call carries a key")).collect();
    keys.dedup();
    keys
}

async fn freshness(world: &World) -> Freshness {
    world.read::<Prices>(PATH).await.prices[0].freshness
}

#[tokio::test]
async fn a_restart_gives_no_call_back() {
    let scratch = Scratch::new("restart");
    // 80 calls a day for prices: 12 saved, then one every 21 minutes.
    let world = World::with(|server, _| {
        server.data = Data::Folder(scratch.0.clone());
        server.coingecko.grant = Grant { calls: 100, days: 1 };
    })
    .await;
    let World { clock, coingecko, mut server } = world;
    let calls = || coingecko.control.calls_of(Endpoint::SimplePrice).len();
    let settings = server.settings.clone();
    let hour = 60;
    for minute in 0..3 * hour {
        server.get(PATH).await.good::<Prices>();
        clock.advance(Duration::from_secs(60));
        if minute % 10 == 9 {
            server.stop().await.expect("it ends well");
            server = Server::start(settings.clone(), clock.clone()).await;
        }
    }
    // 12, and one each 21 minutes; every one of the 18 restarts is charged one more.
    assert!((3..=20).contains(&calls()), "{} calls in three hours with 18 restarts", calls());
}

#[tokio::test]
async fn a_key_is_rotated_under_load_without_a_failed_request_and_the_old_one_is_never_sent_again() {
    let scratch = Scratch::new("rotation");
    let world = world_with_key_file(&scratch).await;
    world.upstream().accept_keys([KEY, NEW_KEY]);
    for minute in 0..10 {
        if minute == 5 {
            scratch.key_file(NEW_KEY);
        }
        let replies = join_all((0..64).map(|_| world.get(PATH))).await;
        for reply in replies {
            assert_ne!(reply.good::<Prices>().prices[0].freshness, Freshness::Expired, "in minute {minute}");
        }
        // What turned stale was answered at once; its renewal is on its way.
        let renewed = async { while freshness(&world).await != Freshness::Fresh {} };
        tokio::time::timeout(Duration::from_secs(30), renewed).await.expect("it is renewed");
        world.seconds_pass(60);
    }
    assert_eq!(keys_seen(world.upstream()), [KEY, NEW_KEY].map(fingerprint));
    assert!(world.upstream().calls().iter().all(|call| call.status == Some(200)));
}

#[tokio::test]
async fn a_key_that_was_taken_out_of_use_first_is_replaced_as_soon_as_its_file_holds_another() {
    let scratch = Scratch::new("revoked");
    let world = world_with_key_file(&scratch).await;
    world.upstream().accept_keys([NEW_KEY]);
    assert!(world.read::<Prices>(PATH).await.prices.is_empty());
    let failure = world.read::<Status>("/api/v1/status").await.prices.failure.expect("it is told");
    assert!(failure.contains("10002") && failure.contains("COIN_GECKO_API_KEY"), "{failure}");
    // Asked again for the old key it would only say no again.
    world.seconds_pass(30);
    assert!(world.read::<Prices>(PATH).await.prices.is_empty());
    assert_eq!(world.upstream().calls().len(), 1);
    scratch.key_file(NEW_KEY);
    world.seconds_pass(5);
    assert_eq!(freshness(&world).await, Freshness::Fresh, "no minute's rest for a key that is gone");
}

#[tokio::test]
async fn a_key_that_is_replaced_while_its_call_is_under_way_costs_nobody_an_answer() {
    let scratch = Scratch::new("overtaken");
    let world = world_with_key_file(&scratch).await;
    world.upstream().accept_keys([NEW_KEY]);
    // It will be refused, but later.
    world.upstream().fault_once(Endpoint::SimplePrice, Fault::Delay { ms: 1_000 });
    let (fresh, ()) = tokio::join!(freshness(&world), async {
        world.upstream().wait_for_calls(1).await;
        scratch.key_file(NEW_KEY);
        world.seconds_pass(1);
    });
    assert_eq!(fresh, Freshness::Fresh);
    let statuses: Vec<_> = world.upstream().calls().iter().map(|call| call.status).collect();
    assert_eq!(statuses, [Some(401), Some(200)]);
}

#[tokio::test]
async fn a_long_outage_is_probed_about_once_a_minute_and_over_when_it_is_over() {
    let world = World::start().await;
    world.read::<Prices>(PATH).await;
    world.upstream().fault(Endpoint::Any, Fault::Disconnect);
    for _ in 0..3_600 {
        world.seconds_pass(1);
        world.read::<Prices>(PATH).await;
    }
    assert_eq!(freshness(&world).await, Freshness::Expired);
    let calls = world.upstream().calls_of(Endpoint::SimplePrice).len();
    assert!((50..=70).contains(&calls), "{calls} calls in an hour of asking every second");
    world.upstream().clear_faults();
    world.seconds_pass(61);
    assert_eq!(freshness(&world).await, Freshness::Fresh);
}

#[tokio::test]
async fn a_contract_tells_its_coin_and_one_that_is_none_is_not_found() {
    let world = World::start().await;
    let mut config = Config::default();
    config.coingecko.base_url = world.coingecko.url.parse().expect("a URL");
    let client = Client::new(&config, std::sync::Arc::new(world.clock.clone())).expect("a client");
    let link = TokenTable::builtin().by_symbol(Chain::Ethereum, "LINK").expect("it ships").key;
    assert_eq!(client.coin_at(link).await.as_deref(), Ok("chainlink"));
    let nobodys: TokenKey = "8453:0x00000000000000000000000000000000000b0d1e".parse().expect("a key");
    let on_a_test_chain = TokenKey { chain: Chain::Sepolia, ..link };
    for key in [nobodys, on_a_test_chain] {
        let error = client.coin_at(key).await.unwrap_err();
        assert!(matches!(error, UpstreamError::NotFound { .. }), "{error:?}");
    }
    assert_eq!(world.upstream().calls_of(Endpoint::Contract).len(), 2, "a test chain has no coins to ask for");
    // The list may lag behind.
    world.upstream().unlist("chainlink").expect("it is known");
    assert_eq!(client.coins_list().await.expect("a list").get(&link), None);
    world.seconds_pass(60);
    assert_eq!(client.coin_at(link).await.as_deref(), Ok("chainlink"));
}

#[tokio::test]
async fn a_key_is_sent_and_told_nowhere_else() {
    let world = World::start().await;
    world.read::<Prices>(PATH).await;
    assert_eq!(keys_seen(world.upstream()), [fingerprint(KEY)], "there is a canary in the cage");
    assert!(KEY.starts_with(canary::BEGINNING) && NEW_KEY.starts_with(canary::BEGINNING));
    // The server is told what it sent in every way that it can be.
    for fault in [
        Fault::KeyRefused { code: 10_002 },
        Fault::WrongHost { code: 10_010 },
        Fault::Html { status: 502 },
        Fault::Disconnect,
        Fault::TruncatedJson,
    ] {
        world.upstream().fault_once(Endpoint::SimplePrice, fault);
        world.seconds_pass(300);
        world.read::<Prices>(PATH).await;
        world.read::<Status>("/api/v1/status").await;
    }
    // Every World searches all of it; this one also looks at its settings, as a log would show them.
    let settings = format!("{:?}", world.server.settings);
    assert!(settings.contains("Secret") && !settings.contains(canary::BEGINNING), "{settings}");
    world.server.stop().await.expect("it ends well");
}
