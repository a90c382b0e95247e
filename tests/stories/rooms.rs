//! Rooms: what is told in one reaches all who may read it, once, in order, also those who were gone for a while.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::{
    ids::{AccountId, AccountSecret},
    wire::{
        ProblemKind,
        room::{Kind, Placed},
        socket::Close,
    },
};
use tests::world::{Reply, Server, World};

use super::socket::Client;

/// An account, and the token that opens its room.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) token: String,
}

pub(crate) fn account(n: u8) -> Account {
    let token = AccountSecret::new([n; 32]).owner_token();
    Account { id: token.account_id(), token: token.reveal() }
}

impl Account {
    async fn tell(&self, server: &Server, message: &Value) -> Reply {
        tell(server, &self.id.to_string(), Some(&self.token), message).await
    }

    pub(crate) async fn tells(&self, server: &Server, message: Value) -> Placed {
        let reply = self.tell(server, &message).await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    pub(crate) async fn enter(&self, server: &Server, place: Option<(&str, u64)>) -> (Client, Value) {
        let mut client = Client::open(server).await;
        let joined = self.join(&mut client, place).await;
        (client, joined)
    }

    pub(crate) async fn join(&self, client: &mut Client, place: Option<(&str, u64)>) -> Value {
        let mut frame = json!({"v": 1, "type": "join", "room": self.id.room(), "token": self.token});
        if let Some((epoch, offset)) = place {
            frame["epoch"] = json!(epoch);
            frame["offset"] = json!(offset);
        }
        client.send(&frame).await;
        client.hear("joined").await
    }
}

async fn tell(server: &Server, account: &str, token: Option<&str>, message: &Value) -> Reply {
    let path = format!("/api/v1/rooms/{account}/messages");
    let request = server.request(Method::POST, &path).body(message.to_string());
    let request = match token {
        Some(token) => request.header("authorization", format!("Bearer {token}")),
        None => request,
    };
    Reply::to(request).await.expect("the server answers")
}

pub(crate) fn thought(n: impl ToString) -> Value {
    json!({"type": "thought_log_created", "data": {"bot": "b", "decision": "hold", "reasoning": n.to_string()}})
}

/// The offsets of the next messages.
async fn offsets(client: &mut Client, kind: &str, count: usize) -> Vec<u64> {
    let mut offsets = vec![];
    for _ in 0..count {
        offsets.push(client.hear(kind).await["offset"].as_u64().unwrap());
    }
    offsets
}

#[tokio::test]
async fn a_bots_thought_reaches_everybody_in_the_room_with_its_place() {
    let world = World::start().await;
    let mine = account(1);
    let (mut desk, joined) = mine.enter(&world.server, None).await;
    let (mut phone, other) = mine.enter(&world.server, None).await;
    assert_eq!((&joined["data"]["recovered"], &joined["offset"]), (&json!(false), &json!(0)));
    assert_eq!((joined["data"]["readers"].as_u64(), other["data"]["readers"].as_u64()), (Some(1), Some(2)));
    let placed = mine.tells(&world.server, thought(7)).await;
    assert_eq!(placed.offset, 1);
    for client in [&mut desk, &mut phone] {
        let frame = client.hear("thought_log_created").await;
        assert_eq!(frame["room"], json!(mine.id.room()));
        assert_eq!((&frame["epoch"], &frame["offset"]), (&json!(placed.epoch), &json!(1)));
        assert_eq!(frame["data"]["reasoning"], "7");
        assert!(frame["ts"].is_string());
    }
    // Another's room is another's.
    account(2).tells(&world.server, thought(8)).await;
    mine.tells(&world.server, thought(9)).await;
    assert_eq!(desk.hear("thought_log_created").await["data"]["reasoning"], "9");
}

#[tokio::test]
async fn who_comes_back_gets_what_was_missed_once_and_in_order_or_is_told_that_it_cannot() {
    let world = World::start().await;
    let mine = account(1);
    let (mut client, joined) = mine.enter(&world.server, None).await;
    let epoch = joined["epoch"].as_str().unwrap().to_owned();
    mine.tells(&world.server, thought(0)).await;
    assert_eq!(offsets(&mut client, "thought_log_created", 1).await, [1]);
    drop(client);
    for n in 0..100 {
        mine.tells(&world.server, thought(n)).await;
    }
    let (mut client, joined) = mine.enter(&world.server, Some((&epoch, 1))).await;
    assert_eq!(joined["data"]["recovered"], true);
    assert_eq!(offsets(&mut client, "thought_log_created", 100).await, (2..=101).collect::<Vec<_>>());
    // 256 messages are remembered, and no more.
    for n in 0..256 {
        mine.tells(&world.server, thought(n)).await;
    }
    for (place, recovered) in [((epoch.as_str(), 101), true), ((epoch.as_str(), 100), false), (("gone", 357), false)] {
        let (_, joined) = mine.enter(&world.server, Some(place)).await;
        assert_eq!(joined["data"]["recovered"], recovered, "{place:?}");
        assert_eq!(joined["offset"].as_u64(), Some(if recovered { place.1 } else { 357 }));
    }
    // Nor for longer than five minutes.
    world.seconds_pass(301);
    mine.tells(&world.server, thought(1)).await;
    let (_, joined) = mine.enter(&world.server, Some((&epoch, 300))).await;
    assert_eq!(joined["data"]["recovered"], false);
}

#[tokio::test]
async fn of_what_only_the_latest_counts_only_the_latest_is_told_to_who_comes_late() {
    let world = World::start().await;
    let mine = account(1);
    let first = mine.tells(&world.server, thought(0)).await;
    for cash in ["1", "2", "3"] {
        let data = json!({"cash": cash, "deposits": "10000", "realised": "0", "positions": 0});
        mine.tells(&world.server, json!({"type": "portfolio_update", "data": data})).await;
    }
    let (mut client, joined) = mine.enter(&world.server, Some((&first.epoch, first.offset))).await;
    assert_eq!(joined["data"]["recovered"], true);
    let frame = client.hear("portfolio_update").await;
    assert_eq!((&frame["offset"], &frame["data"]["cash"]), (&json!(4), &json!("3")));
}

#[tokio::test]
async fn a_message_handed_in_again_by_its_name_is_told_once() {
    let world = World::start().await;
    let mine = account(1);
    let (mut client, _) = mine.enter(&world.server, None).await;
    let named = json!({"type": "alert_message", "id": "once", "data": {"alert": {
        "kind": "depeg", "severity": "warning", "subject": "USDC", "message": "…",
        "since": "2026-01-01T00:00:00Z", "as_of": "2026-01-01T00:00:00Z",
    }}});
    assert_eq!(mine.tells(&world.server, named.clone()).await, mine.tells(&world.server, named).await);
    mine.tells(&world.server, thought(1)).await;
    client.hear("alert_message").await;
    let Value::String(next) = client.any().await["type"].take() else { panic!() };
    assert_eq!(next, "thought_log_created");
}

#[tokio::test]
async fn a_room_that_is_not_there_and_one_that_is_anothers_are_refused_alike() {
    let world = World::start().await;
    let (mine, other) = (account(1), account(2));
    mine.tells(&world.server, thought(0)).await;
    let theirs = mine.id.to_string();
    let absent = account(3).id.to_string();
    let malformed = "not-an-account".to_owned();
    let tokens = [None, Some(other.token.as_str()), Some("0"), Some(theirs.as_str())];
    let mut bodies = std::collections::BTreeSet::new();
    for account in [&theirs, &absent, &malformed] {
        for token in tokens {
            let reply = tell(&world.server, account, token, &thought(1)).await;
            assert_eq!(reply.problem().0, ProblemKind::NoRoom);
            bodies.insert(reply.body);
        }
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    let mut client = Client::open(&world.server).await;
    let mut refusals = std::collections::BTreeSet::new();
    for account in [&theirs, &absent, &malformed] {
        for token in [other.token.as_str(), "", "0"] {
            let room = format!("paper_trading_{account}");
            client.send(&json!({"v": 1, "type": "join", "room": room, "token": token})).await;
            let refused = client.hear("refused").await;
            assert_eq!(refused["room"], json!(room));
            refusals.insert(refused["data"].to_string());
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    // Whoever was refused hears nothing of what is told.
    mine.tells(&world.server, thought(2)).await;
    mine.join(&mut client, None).await;
    mine.tells(&world.server, thought(3)).await;
    assert_eq!(client.hear("thought_log_created").await["data"]["reasoning"], "3");
}

#[tokio::test]
async fn what_cannot_be_told_is_refused_with_what_would_be_right() {
    let world = World::start().await;
    let mine = account(1);
    for (message, said) in [
        (json!({"type": "thougth", "data": {}}), "`thougth` is no type of message; there are: trade_update"),
        (json!({"type": "price_update", "data": {}}), "told by the server alone"),
        (json!({"type": "transaction_update", "data": {}}), "told by the server alone"),
        (json!({"type": "thought_log_created", "data": {"bot": "b"}}), "missing field `decision`"),
        (json!({"type": "thought_log_created"}), "missing field `data`"),
        (json!([]), "invalid"),
        (
            json!({"type": "session_update", "id": "", "data": {"device": "d", "status": "ended", "since": "2026-01-01T00:00:00Z"}}),
            "an id has 1 to 64",
        ),
    ] {
        let reply = mine.tell(&world.server, &message).await;
        let (kind, problem) = reply.problem();
        assert_eq!(kind, ProblemKind::BadRequest, "{message}");
        assert!(problem.detail.unwrap().contains(said), "{message}: {}", reply.body);
    }
    let long =
        json!({"type": "thought_log_created", "data": {"bot": "b", "decision": "x", "reasoning": "x".repeat(17_000)}});
    assert_eq!(mine.tell(&world.server, &long).await.problem().0, ProblemKind::BodyTooLarge);
    let get = world.get(&format!("/api/v1/rooms/{}/messages", mine.id)).await;
    assert_eq!((get.problem().0, get.header("allow")), (ProblemKind::MethodNotAllowed, Some("POST")));
    let (_, joined) = mine.enter(&world.server, None).await;
    assert_eq!(joined["offset"], 0, "nothing of it was told");
}

#[tokio::test]
async fn who_is_inside_is_told_how_many_they_are_when_that_changes() {
    let world = World::start().await;
    let mine = account(1);
    let (mut first, _) = mine.enter(&world.server, None).await;
    let (mut second, joined) = mine.enter(&world.server, None).await;
    assert_eq!(joined["data"]["readers"], 2);
    let told = first.hear("presence").await;
    assert_eq!(
        (&told["room"], &told["data"], &told["offset"]),
        (&json!(mine.id.room()), &json!({"readers": 2}), &Value::Null)
    );
    second.send(&json!({"v": 1, "type": "leave", "room": mine.id.room()})).await;
    assert_eq!(first.hear("presence").await["data"]["readers"], 1);
}

#[tokio::test]
async fn a_room_has_so_many_seats_and_the_operator_sees_who_sits_where() {
    const TOKEN: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
    let world = World::with(|settings, _| {
        settings.limits.readers = 1;
        settings.operator = Some(backend::config::Secret::new(TOKEN));
    })
    .await;
    let mine = account(1);
    let (mut inside, _) = mine.enter(&world.server, None).await;
    let mut outside = Client::open(&world.server).await;
    outside.send(&json!({"v": 1, "type": "join", "room": mine.id.room(), "token": mine.token})).await;
    let refused = outside.hear("refused").await;
    assert!(refused["data"]["reason"].as_str().unwrap().contains("all 1 seats of this room are taken"), "{refused}");
    mine.tells(&world.server, thought(1)).await;
    inside.hear("thought_log_created").await;
    let view = async |token: &str| {
        Reply::to(world.server.request(Method::GET, "/api/v1/rooms").bearer_auth(token)).await.unwrap()
    };
    assert_eq!(view(&mine.token).await.problem().0, ProblemKind::NotOperator);
    // What was handed to the connection is counted a moment later.
    let view: shared::wire::RoomsView = loop {
        let seen: shared::wire::RoomsView = view(TOKEN).await.good();
        if seen.latency.iter().map(|times| times.count).sum::<u64>() > 0 {
            break seen;
        }
    };
    let room = &view.rooms[0];
    assert_eq!((room.room.as_str(), room.readers, room.offset), (mine.id.room().as_str(), 1, 1));
    assert_eq!((room.remembered, room.behind, room.on_bus), (1, 0, false));
    assert_eq!((view.status.is_available, view.status.readers, view.failures), (true, 1, 0));
    let thoughts = view.messages.iter().find(|count| count.kind == Kind::ThoughtLogCreated).unwrap();
    assert_eq!((thoughts.told, thoughts.delivered), (1, 1));
}

#[tokio::test]
async fn who_takes_nothing_is_closed_with_its_code_and_nobody_else_notices() {
    let world = World::with(|settings, _| settings.limits.grace = Duration::from_millis(500)).await;
    let mine = account(1);
    let narrow = tokio::net::TcpSocket::new_v4().unwrap();
    narrow.set_recv_buffer_size(4_096).unwrap();
    let stalled = narrow.connect(world.server.address).await.unwrap();
    let mut stalled = Client::over(stalled, &world.server).await;
    mine.join(&mut stalled, None).await;
    let (mut quick, _) = mine.enter(&world.server, None).await;
    let long = "x".repeat(12_000);
    let ends = || async {
        let status: shared::wire::Status = world.read("/api/v1/status").await;
        status.rooms.unwrap().readers
    };
    let mut told = 0;
    while ends().await == 2 {
        told += 1;
        mine.tells(&world.server, thought(format!("{told} {long}"))).await;
        let heard = quick.hear("thought_log_created").await;
        assert_eq!(heard["offset"], json!(told));
    }
    // What it did not take is lost to it; the code, at the end of what had been sent, says what to do.
    let code = loop {
        match futures_util::StreamExt::next(&mut stalled.0).await {
            Some(Ok(tokio_tungstenite::tungstenite::Message::Close(Some(frame)))) => break Some(u16::from(frame.code)),
            Some(Ok(_)) => {}
            // The connection may be gone before its last bytes could be sent.
            Some(Err(_)) | None => break None,
        }
    };
    assert!(code.is_none_or(|code| code == Close::Slow.code()), "{code:?}");
}

#[tokio::test]
async fn one_socket_reads_several_rooms_and_leaves_them() {
    let world = World::start().await;
    let mut client = Client::open(&world.server).await;
    for n in 1..=8 {
        account(n).join(&mut client, None).await;
    }
    let ninth = account(9);
    client.send(&json!({"v": 1, "type": "join", "room": ninth.id.room(), "token": ninth.token})).await;
    assert!(client.hear("refused").await["data"]["reason"].as_str().unwrap().contains("at most 8 rooms"));
    client.send(&json!({"v": 1, "type": "leave", "room": account(1).id.room()})).await;
    ninth.join(&mut client, None).await;
    account(1).tells(&world.server, thought(1)).await;
    ninth.tells(&world.server, thought(9)).await;
    assert_eq!(client.hear("thought_log_created").await["room"], json!(ninth.id.room()));
}

/// Readers that are cut off at random, again and again, while somebody tells without a pause. Each knows what it
/// had, and holds what it gets against it. `FOOLSCAP_CASES` sets how often they are cut off together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_gap_no_double_no_disorder_however_often_readers_are_cut_off() {
    // A room that remembers little, so that some come too late.
    let world = World::with(|config, _| config.rooms.messages = REMEMBERED as usize).await;
    cut_off_again_and_again(&[&world.server]).await;
}

/// What rooms remember where readers are cut off.
pub(crate) const REMEMBERED: u64 = 64;

/// Cuts readers off and has them come back, to any of these servers.
pub(crate) async fn cut_off_again_and_again(servers: &[&Server]) {
    const READERS: u64 = 20;
    let cuts = tests::seed::cases(400, 10_000);
    let done = tokio_util::sync::CancellationToken::new();
    let telling = async {
        let mine = account(1);
        let client = tests::http::client();
        let mut told = 0_u64;
        while !done.is_cancelled() {
            let server = servers[told as usize % servers.len()];
            let url = format!("{}/api/v1/rooms/{}/messages", server.url, mine.id);
            let body = thought(told + 1).to_string();
            let request = client.post(&url).header("authorization", format!("Bearer {}", mine.token)).body(body);
            let placed: Placed = request.send().await.unwrap().json().await.unwrap();
            told += 1;
            assert_eq!(placed.offset, told);
        }
        told
    };
    let reading = async {
        let readers = (0..READERS).map(|reader| come_and_go(servers, reader, cuts.div_ceil(READERS)));
        let seen = futures_util::future::join_all(readers).await;
        done.cancel();
        seen.into_iter().fold((0, 0), |sum, seen| (sum.0 + seen.0, sum.1 + seen.1))
    };
    let (told, (frames, given_up)) = tokio::join!(telling, reading);
    println!("{cuts} cuts, {told} told, {frames} received in order, {given_up} times told that it is too late");
    assert!(frames > cuts && given_up > 0);
}

/// One reader that is cut off so many times. How many messages it got, and how often it was told that it came too
/// late.
async fn come_and_go(servers: &[&Server], reader: u64, cuts: u64) -> (u64, u64) {
    let mine = account(1);
    let mut draws = shared::market::draws::Draws::new(reader, *b"cut off!");
    let mut place: Option<(String, u64)> = None;
    let mut seen = (0_u64, 0_u64);
    for _ in 0..cuts {
        let server = servers[draws.below(servers.len() as u64) as usize];
        let from = place.as_ref().map(|(epoch, offset)| (epoch.as_str(), *offset));
        let (mut client, joined) = mine.enter(server, from).await;
        let epoch = joined["epoch"].as_str().unwrap().to_owned();
        let mut last = joined["offset"].as_u64().unwrap();
        match (&place, joined["data"]["recovered"].as_bool().unwrap()) {
            (Some((before, had)), true) => assert_eq!((before, *had), (&epoch, last)),
            // Only what nobody could remember is given up.
            (Some((_, had)), false) => {
                assert!(last > had + REMEMBERED, "{had} was given up at {last}");
                seen.1 += 1;
            }
            (None, recovered) => assert!(!recovered),
        }
        for _ in 0..draws.below(60) {
            let frame = match client.frame_or_end().await {
                Ok(frame) if frame["type"] == "thought_log_created" => frame,
                Ok(frame) => {
                    assert_ne!(frame["type"], "joined", "the bus is there all the time");
                    continue;
                }
                Err(code) => {
                    // On a busy machine this reader had no turn for as long as the room remembers.
                    assert_eq!(code, Close::Slow.code());
                    break;
                }
            };
            let offset = frame["offset"].as_u64().unwrap();
            assert_eq!(offset, last + 1, "reader {reader}");
            assert_eq!(frame["data"]["reasoning"], json!(offset.to_string()));
            last = offset;
            seen.0 += 1;
        }
        place = Some((epoch, last));
        // The connection is cut, not closed.
        drop(client);
        if draws.below(20) == 0 {
            // Long enough that it may be too late.
            let (mut client, joined) = mine.enter(server, None).await;
            let far = joined["offset"].as_u64().unwrap() + draws.below(3 * REMEMBERED);
            while let Ok(frame) = client.frame_or_end().await {
                if frame["offset"].as_u64().is_some_and(|offset| offset >= far) {
                    break;
                }
            }
        }
    }
    seen
}
