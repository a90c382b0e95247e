//! Frames that nobody would send: whatever comes, the server stands, and nobody gets into a room.

use std::sync::{
    Once,
    atomic::{AtomicU32, Ordering},
};
use std::time::{Duration, Instant};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tests::{
    seed::{Replayable, Rng as _},
    world::World,
};
use tokio_tungstenite::tungstenite::Message;

use super::rooms::{account, thought};
use super::socket::Client;

/// Panics outside of stories: in the server, or in what it is made of.
static PANICKED: AtomicU32 = AtomicU32::new(0);
static PANICS: Once = Once::new();

/// Frames that are mutated. Their tokens open nothing.
fn seeds(room: &str, wrong: &str) -> Vec<String> {
    [
        json!({"v": 1, "type": "join", "room": room, "token": wrong}),
        json!({"v": 1, "type": "join", "room": room, "token": wrong, "epoch": "0", "offset": 0}),
        json!({"v": 1, "type": "leave", "room": room}),
        json!({"v": 1, "type": "watch", "tokens": ["1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"], "chains": [1]}),
        json!({"v": 1, "type": "joined", "room": room, "data": {"recovered": true, "readers": 1}}),
        json!({"v": 1, "type": "thought_log_created", "room": room, "data": {}}),
    ]
    .map(|frame| frame.to_string())
    .to_vec()
}

/// A frame with something wrong.
fn mutate(random: &mut Replayable, frame: &str) -> Message {
    let mut bytes = frame.as_bytes().to_vec();
    for _ in 0..random.below(6) {
        let at = random.below(bytes.len().max(1) as u32) as usize;
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] = random.next_u32() as u8,
            1 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            2 => bytes.truncate(at),
            3 => bytes.insert(at.min(bytes.len()), *random.pick(b"{}[]\",:\\\0\x80\xff1e")),
            4 => {
                let piece = bytes[at.min(bytes.len())..].to_vec();
                bytes.extend(piece);
            }
            _ => {
                let words: [&[u8]; 6] = [b"null", b"1e999", b"\"\\ud800\"", b"[[[[[[[[", b"-0", b"\"type\":\"join\","];
                let word = *random.pick(&words);
                bytes.splice(at.min(bytes.len())..at.min(bytes.len()), word.iter().copied());
            }
        }
    }
    match (String::from_utf8(bytes), random.below(20)) {
        (Ok(text), 1..) => Message::text(text),
        (Ok(text), 0) => Message::Ping(text.into_bytes().into_iter().take(120).collect()),
        (Err(error), _) => Message::binary(error.into_bytes()),
    }
}

/// `FOOLSCAP_FUZZ_SECONDS` sets for how long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_frame_ends_the_server_and_none_opens_a_room() {
    let seconds = std::env::var("FOOLSCAP_FUZZ_SECONDS").map_or(2, |text| text.parse().expect("a number of seconds"));
    PANICS.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            // A story that fails panics too, and is none of the server's.
            if !file.starts_with("tests/") {
                PANICKED.fetch_add(1, Ordering::Relaxed);
            }
            usual(panic);
        }));
    });
    let world = World::with(|settings, _| settings.limits.frames = u32::MAX).await;
    let mut random = Replayable::from_env();
    let (mine, other) = (account(1), account(2));
    let seeds = seeds(&mine.id.room(), &other.token);
    let begun = Instant::now();
    let (mut frames, mut ends) = (0_u64, 0_u64);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let mut client = Client::open(&world.server).await;
        let mut sent = 0;
        // As many as it takes, so that much comes to be read before the first that ends it.
        for _ in 0..1 + random.below(40) {
            let frame = random.pick(&seeds).clone();
            if client.0.send(mutate(&mut random, &frame)).await.is_err() {
                break;
            }
            sent += 1;
        }
        frames += sent;
        mine.tells(&world.server, thought(frames)).await;
        // All that comes until it is closed by either: no welcome, and nothing of the room.
        drop(client.0.close(None).await);
        while let Some(Ok(message)) = client.0.next().await {
            let Message::Text(text) = message else { continue };
            let heard: Value = serde_json::from_str(&text).unwrap();
            let kind = heard["type"].as_str().unwrap();
            assert!(["refused", "price_update", "alert_message", "heartbeat"].contains(&kind), "{heard}");
        }
        ends += 1;
    }
    assert_eq!(PANICKED.load(Ordering::Relaxed), 0, "a task of the server panicked");
    // It serves as before.
    let (mut inside, joined) = mine.enter(&world.server, None).await;
    assert_eq!(joined["data"]["readers"], 1, "nobody else is inside");
    mine.tells(&world.server, thought("after")).await;
    assert_eq!(inside.hear("thought_log_created").await["data"]["reasoning"], "after");
    println!("{frames} frames on {ends} sockets");
    assert!(frames > 0);
}
