//! Several servers on one Redis: what is told at one reaches the readers at all of them, in one order, and Redis
//! may come and go.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use backend::config::{self, Metrics, SecretUrl};
use serde_json::{Value, json};
use shared::wire::{Status, UpstreamState};
use tests::{
    clock::Clock,
    redis::Redis,
    world::{BEGINNING, Server},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::rooms::{REMEMBERED, account, cut_off_again_and_again, thought};
use super::socket::Client;

/// Two servers and the Redis between them.
struct Pair {
    redis: Redis,
    servers: [Server; 2],
}

impl Pair {
    async fn start(change: impl FnOnce(&mut config::Config)) -> Pair {
        let redis = Redis::start().await;
        let clock = Clock::stopped_at(BEGINNING.millis());
        let mut settings = config::Config { metrics: Metrics::Off, ..Default::default() };
        settings.redis = Some(SecretUrl::new(redis.url.parse().unwrap()));
        // A busy machine is not an absent one; a killed Redis is told at once.
        settings.limits.redis_patience = Duration::from_secs(60);
        change(&mut settings);
        let servers = [Server::start(settings.clone(), clock.clone()).await, Server::start(settings, clock).await];
        let pair = Pair { redis, servers };
        pair.is_available(true).await;
        pair
    }

    /// Waits until both say that it is so.
    async fn is_available(&self, wanted: bool) {
        let begun = Instant::now();
        for server in &self.servers {
            loop {
                let status: Status = server.get("/api/v1/status").await.good();
                let rooms = status.rooms.unwrap();
                if rooms.is_available == wanted {
                    let state = rooms.bus.unwrap().state;
                    assert_eq!(state, if wanted { UpstreamState::Ok } else { UpstreamState::Failing });
                    break;
                }
                assert!(begun.elapsed() < Duration::from_secs(60), "it stays as it was");
                // Redis is tried again at intervals of the machine's own time.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_told_at_one_server_reaches_the_readers_at_the_other_in_one_order() {
    let pair = Pair::start(|_| {}).await;
    let [one, other] = &pair.servers;
    let mine = account(1);
    let first = mine.tells(one, thought(1)).await;
    assert_eq!(first.offset, 1, "also where nobody is inside");
    let (mut here, joined) = mine.enter(one, None).await;
    let (mut there, same) = mine.enter(other, Some((&first.epoch, 0))).await;
    assert_eq!((&joined["epoch"], &joined["offset"]), (&json!(first.epoch), &json!(1)));
    assert_eq!((&same["epoch"], &same["data"]["recovered"]), (&json!(first.epoch), &json!(true)));
    assert_eq!(there.hear("thought_log_created").await["offset"], 1, "what was missed comes from the bus");
    for n in 2..=40 {
        let placed = mine.tells(if n % 2 == 0 { one } else { other }, thought(n)).await;
        assert_eq!((placed.epoch.as_str(), placed.offset), (first.epoch.as_str(), n));
    }
    for client in [&mut here, &mut there] {
        for n in 2..=40 {
            let frame = client.hear("thought_log_created").await;
            assert_eq!((&frame["offset"], &frame["data"]["reasoning"]), (&json!(n), &json!(n.to_string())));
        }
    }
    // Who moves from one to the other goes on where it was.
    drop(here);
    mine.tells(other, thought(41)).await;
    let (mut moved, joined) = mine.enter(other, Some((&first.epoch, 40))).await;
    assert_eq!(joined["data"]["recovered"], true);
    assert_eq!(moved.hear("thought_log_created").await["offset"], 41);
    // A name is one name everywhere.
    let named = json!({"type": "trade_update", "id": "t1", "data": {"seq": 1, "hash": "0x1", "trade": {}}});
    let placed = mine.tells(one, named.clone()).await;
    assert_eq!(mine.tells(other, named).await, placed);
    assert_eq!(moved.hear("trade_update").await["offset"], json!(placed.offset));
    let next = mine.tells(one, thought(43)).await;
    assert_eq!(next.offset, placed.offset + 1);
}

#[tokio::test]
async fn when_redis_is_gone_each_goes_on_under_its_own_epoch_and_when_it_is_back_all_are_told() {
    let mut pair = Pair::start(|_| {}).await;
    let mine = account(1);
    let [one, other] = &pair.servers;
    let (mut here, joined) = mine.enter(one, None).await;
    let (mut there, _) = mine.enter(other, None).await;
    let named = json!({"type": "trade_update", "id": "t1", "data": {"seq": 1, "hash": "0x1", "trade": {}}});
    pair.redis.kill();
    pair.is_available(false).await;
    let [one, other] = &pair.servers;
    let apart = mine.tells(one, named.clone()).await;
    assert_ne!(json!(apart.epoch), joined["epoch"]);
    let turned = here.hear("joined").await;
    assert_eq!((&turned["epoch"], &turned["offset"]), (&json!(apart.epoch), &json!(0)));
    assert_eq!(turned["data"]["recovered"], false);
    assert_eq!(here.hear("trade_update").await["offset"], json!(apart.offset));
    // Whoever comes now is served too.
    let (_, late) = mine.enter(one, Some((&apart.epoch, 0))).await;
    assert_eq!(late["data"]["recovered"], true);

    pair.redis.run().await;
    pair.is_available(true).await;
    let [one, other2] = &pair.servers;
    let back = here.hear("joined").await;
    assert_eq!(back["data"]["recovered"], false);
    // Both are in one epoch again, once each has asked for its own.
    let mut places = BTreeMap::new();
    for (n, server) in [one, other2].into_iter().enumerate() {
        loop {
            let placed = mine.tells(server, thought(n)).await;
            places.insert(n, placed.epoch.clone());
            let (_, joined) = mine.enter(server, None).await;
            if joined["epoch"] == json!(placed.epoch) {
                break;
            }
        }
    }
    assert_eq!(places[&0], places[&1]);
    while there.hear("thought_log_created").await["data"]["reasoning"] != "1" {}
    // What was told apart is known by its name.
    assert_eq!(mine.tells(other2, named).await, apart);
    let _ = other;
}

#[tokio::test]
async fn a_redis_that_hangs_holds_no_publisher_up_for_long() {
    let pair = Pair::start(|settings| settings.limits.redis_patience = Duration::from_millis(300)).await;
    let mine = account(1);
    let (mut here, _) = mine.enter(&pair.servers[0], None).await;
    pair.redis.freeze();
    let begun = Instant::now();
    mine.tells(&pair.servers[0], thought(1)).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(here.hear("thought_log_created").await["data"]["reasoning"], "1");
    let begun = Instant::now();
    mine.tells(&pair.servers[0], thought(2)).await;
    assert!(begun.elapsed() < Duration::from_millis(200), "the second does not even try: {:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_no_double_no_disorder_over_two_servers_however_often_readers_are_cut_off() {
    let pair = Pair::start(|settings| settings.rooms.messages = REMEMBERED as usize).await;
    let [one, other] = &pair.servers;
    cut_off_again_and_again(&[one, other]).await;
}

/// What a reader got: where each message stood, and how often it was told that something may be missing.
#[derive(Default)]
struct Got {
    places: BTreeMap<(String, u64), String>,
    times: HashMap<String, u32>,
    turns: u64,
}

/// Reads until everybody's last word was heard.
async fn read(mut client: Client, joined: Value, lasts: [&str; 2]) -> Got {
    let place = |frame: &Value| (frame["epoch"].as_str().unwrap().to_owned(), frame["offset"].as_u64().unwrap());
    let mut got = Got::default();
    let mut last = place(&joined);
    while lasts.iter().any(|last| !got.times.contains_key(*last)) {
        let frame = client.any().await;
        match frame["type"].as_str().unwrap() {
            "joined" => {
                assert_eq!(frame["data"]["recovered"], false);
                got.turns += 1;
                last = place(&frame);
            }
            "thought_log_created" => {
                let here = place(&frame);
                assert_eq!(here, (last.0.clone(), last.1 + 1), "no gap, no double, no disorder without a word of it");
                let text = frame["data"]["reasoning"].as_str().unwrap().to_owned();
                *got.times.entry(text.clone()).or_default() += 1;
                assert!(got.places.insert(here.clone(), text).is_none());
                last = here;
            }
            _ => {}
        }
    }
    got
}

/// Redis is killed and started again while both servers are told things without a pause. `FOOLSCAP_CASES` sets how
/// often, up to a hundred times; `cargo xtask soak` does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_again_and_again_and_nobody_misses_anything_without_being_told() {
    /// Messages at each server between two events.
    const BETWEEN: u64 = 60;
    let kills = tests::seed::cases(4, 100);
    let mut pair = Pair::start(|settings| {
        settings.rooms.messages = 1_000_000;
        settings.rooms.bytes = 1 << 30;
    })
    .await;
    let mine = account(1);
    let lasts = ["0-last", "1-last"];
    let mut readers = vec![];
    for at in [0, 1, 0, 1] {
        let (client, joined) = mine.enter(&pair.servers[at], None).await;
        readers.push((at, tokio::spawn(read(client, joined, lasts))));
    }
    let done = CancellationToken::new();
    let begun = Instant::now();
    let tellers: Vec<_> = [0, 1]
        .into_iter()
        .map(|at| {
            let (progress, watched) = watch::channel(0_u64);
            let (url, done) = (pair.servers[at].url.clone(), done.clone());
            let teller = tokio::spawn(async move {
                let mine = account(1);
                let client = tests::http::client();
                let url = format!("{url}/api/v1/rooms/{}/messages", mine.id);
                let tell = async |text: String| {
                    let body = thought(text).to_string();
                    let request =
                        client.post(&url).header("authorization", format!("Bearer {}", mine.token)).body(body);
                    let reply = request.send().await.unwrap();
                    assert_eq!(reply.status(), 201, "whatever becomes of Redis");
                };
                let mut pace = tokio::time::interval(Duration::from_millis(2));
                let mut told = 0;
                while !done.is_cancelled() {
                    pace.tick().await;
                    tell(format!("{at}-{told}")).await;
                    told += 1;
                    progress.send_replace(told);
                }
                // The last one reaches everybody: Redis is there, and stays.
                told
            });
            (teller, watched)
        })
        .collect();
    let mut tellers = tellers;
    let mut outage_told = 0;
    for _ in 0..kills {
        for (_, watched) in &mut tellers {
            let until = *watched.borrow() + BETWEEN;
            watched.wait_for(|told| *told >= until).await.unwrap();
        }
        pair.redis.kill();
        for (_, watched) in &mut tellers {
            let until = *watched.borrow() + BETWEEN / 2;
            watched.wait_for(|told| *told >= until).await.unwrap();
            outage_told += BETWEEN / 2;
        }
        pair.redis.run().await;
        pair.is_available(true).await;
    }
    for (_, watched) in &mut tellers {
        let until = *watched.borrow() + BETWEEN;
        watched.wait_for(|told| *told >= until).await.unwrap();
    }
    done.cancel();
    let mut told = vec![];
    for (teller, _) in tellers {
        told.push(teller.await.unwrap());
    }
    let seconds = begun.elapsed().as_secs_f64();
    // Once both are in one epoch again, what is told at one is read at both.
    for (at, server) in pair.servers.iter().enumerate() {
        loop {
            let placed = mine.tells(server, thought("in between")).await;
            let (_, one) = mine.enter(&pair.servers[0], None).await;
            let (_, other) = mine.enter(&pair.servers[1], None).await;
            if one["epoch"] == json!(placed.epoch) && other["epoch"] == json!(placed.epoch) {
                break;
            }
        }
        let _ = at;
    }
    for (at, server) in pair.servers.iter().enumerate() {
        mine.tells(server, thought(lasts[at])).await;
    }
    let mut places: BTreeMap<(String, u64), String> = BTreeMap::new();
    let (mut turns, mut frames) = (0, 0);
    for (at, reader) in readers {
        let mut got = reader.await.expect("everything is in order");
        got.times.remove("in between");
        for n in 0..told[at] {
            let times = got.times.get(&format!("{at}-{n}")).copied().unwrap_or(0);
            assert_eq!(times, 1, "{at}-{n} was told here, so it is read here, once");
        }
        assert!(got.times.values().all(|times| *times == 1), "nothing comes twice");
        for (place, text) in got.places {
            if let Some(other) = places.insert(place.clone(), text.clone()) {
                assert_eq!(other, text, "one order for all: {place:?}");
            }
            frames += 1;
        }
        turns += got.turns;
    }
    let all: u64 = told.iter().sum();
    println!(
        "{kills} kills, {all} told ({:.0} a second, at least {outage_told} without Redis), {frames} received in order, \
         {turns} times told that something may be missing",
        all as f64 / seconds
    );
    assert!(turns >= kills, "each was noticed");
}
