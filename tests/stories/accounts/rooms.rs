//! Whose room is whose: every kind of message, told and read by everybody there is.

use std::collections::BTreeSet;

use backend::config::Secret;
use shared::wire::room::Kind;

use super::*;

const OPERATOR: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";

/// What a message of a kind says.
fn data(kind: Kind) -> Value {
    let token = "1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
    match kind {
        Kind::TradeUpdate => json!({"seq": 1, "hash": "0x1", "trade": {}}),
        Kind::PortfolioUpdate => json!({"cash": "1", "deposits": "1", "realised": "0", "positions": 1}),
        Kind::PositionUpdated => json!({"token": token, "units": "1", "cost": "1", "realised": "0"}),
        Kind::BotStatusUpdate => json!({"bot": "b", "status": "running"}),
        Kind::ThoughtLogCreated => json!({"bot": "b", "decision": "hold", "reasoning": "r"}),
        Kind::PerformanceUpdate => json!({"sales": 1, "wins": 1, "realised": "1"}),
        Kind::AlertMessage => json!({"alert": {"kind": "stale_prices", "severity": "warning", "subject": "s",
            "message": "m", "since": "2026-01-01T00:00:00Z", "as_of": "2026-01-01T00:00:00Z"}}),
        Kind::SessionUpdate => json!({"device": "d", "status": "writing", "since": "2026-01-01T00:00:00Z"}),
        Kind::TransactionUpdate => json!({"id": "t"}),
        Kind::PriceUpdate => json!({}),
        Kind::BulkUpdate => json!({"messages": [{"type": "trade_update", "data": {}}]}),
    }
}

fn message(kind: Kind) -> Value {
    json!({"type": kind.name(), "data": data(kind)})
}

/// Everybody who may come, and what each has: two accounts with a link that holds, one that was revoked and one that
/// has ended; an operator; somebody with nothing.
struct People {
    world: World,
    mine: Account,
    other: Account,
    absent: Account,
    /// Each by what it is, with its token.
    strangers: Vec<(&'static str, String)>,
    reader: String,
}

impl People {
    async fn gather() -> People {
        let world = World::with(|settings, _| settings.operator = Some(Secret::new(OPERATOR))).await;
        let (mine, other, absent) = (Account::open(1, 1), Account::open(2, 1), Account::open(3, 1));
        for account in [&mine, &other] {
            let owner = owner(&world, account);
            owner.hands_in("desk", 0).await;
            owner.links(1, None).await;
            owner.links(2, None).await;
            let revoked = hex(&account.secret.read_token(2).hash());
            let reply = owner.ask(Method::DELETE, &format!("links/{revoked}"), None).await;
            assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
            owner.links(3, Some(&tests::world::BEGINNING.plus_millis(1_000).to_string())).await;
        }
        world.seconds_pass(2);
        let link = |account: &Account, number: u64| account.secret.read_token(number).reveal();
        let strangers = vec![
            ("the owner of another account", other.token.clone()),
            ("a reader of another account", link(&other, 1)),
            ("a reader whose link was revoked", link(&mine, 2)),
            ("a reader whose link has ended", link(&mine, 3)),
            ("a reader whose link was never made", link(&mine, 4)),
            ("a reader of another account, revoked", link(&other, 2)),
            ("the hash of a link", hex(&mine.secret.read_token(1).hash())),
            ("the operator", OPERATOR.to_owned()),
            ("the account's id", mine.id.to_string()),
            ("nobody", String::new()),
        ];
        let reader = link(&mine, 1);
        People { world, mine, other, absent, strangers, reader }
    }

    async fn tell(&self, account: &Account, token: &str, kind: Kind) -> Reply {
        let path = format!("/api/v1/rooms/{}/messages", account.id);
        let request = self.world.server.request(Method::POST, &path).header("authorization", format!("Bearer {token}"));
        Reply::to(request.body(message(kind).to_string())).await.expect("the server answers")
    }
}

#[tokio::test]
async fn only_its_owner_tells_in_a_room_and_only_what_is_the_owners() {
    let people = People::gather().await;
    let (mut inside, joined) = enter(&people.world.server, &people.mine, &people.mine.token, None).await;
    let mut offset = joined["offset"].as_u64().unwrap();
    let mut refusals = BTreeSet::new();
    let mut cases = 0;
    for kind in Kind::ALL {
        // A reader reads. And a room that is not there is as closed as one that is another's.
        let others = people.strangers.iter().map(|(who, token)| (*who, token)).chain([("a reader", &people.reader)]);
        for (who, token) in others {
            for account in [&people.mine, &people.absent] {
                let reply = people.tell(account, token, kind).await;
                assert_eq!(reply.problem().0, ProblemKind::NoRoom, "{who} tells a {kind}");
                refusals.insert(reply.body);
                cases += 1;
            }
        }
        let reply = people.tell(&people.mine, &people.mine.token, kind).await;
        if kind.is_the_owners() {
            assert_eq!(reply.status, StatusCode::CREATED, "{kind}: {}", reply.body);
            // The first that is heard after everybody tried is the owner's.
            let heard = inside.hear(kind.name()).await;
            offset += 1;
            assert_eq!((&heard["offset"], &heard["data"]), (&json!(offset), &data(kind)));
        } else {
            assert_eq!(reply.problem().0, ProblemKind::BadRequest, "{kind} is told by the server alone");
        }
    }
    assert_eq!((refusals.len(), cases), (1, 11 * 11 * 2), "{refusals:?}");
    let (_, joined) = enter(&people.world.server, &people.mine, &people.mine.token, None).await;
    assert_eq!(joined["offset"], offset, "nobody else has told anything");
}

#[tokio::test]
async fn only_its_owner_and_its_readers_hear_what_is_told_in_a_room() {
    let people = People::gather().await;
    let server = &people.world.server;
    let mut refusals = BTreeSet::new();
    let mut outside = Vec::new();
    for (who, token) in &people.strangers {
        for account in [&people.mine, &people.absent] {
            let (client, answer) = enter(server, account, token, None).await;
            assert_eq!(answer["type"], "refused", "{who}");
            refusals.insert(answer["data"].to_string());
            outside.push((*who, client));
        }
    }
    assert_eq!(refusals.len(), 1, "{refusals:?}");
    let (mut owners, _) = enter(server, &people.mine, &people.mine.token, None).await;
    let (mut readers, _) = enter(server, &people.mine, &people.reader, None).await;
    let (theirs, _) = enter(server, &people.other, &people.other.token, None).await;
    outside.push(("whoever is in another room", theirs));
    let told = Kind::ALL.into_iter().filter(|kind| kind.is_the_owners());
    for kind in told {
        assert_eq!(people.tell(&people.mine, &people.mine.token, kind).await.status, StatusCode::CREATED);
        for client in [&mut owners, &mut readers] {
            assert_eq!(client.hear(kind.name()).await["data"], data(kind));
        }
    }
    // A socket's words come in order: before the answer to what is said now, nothing came.
    for (who, mut client) in outside {
        let owner = &people.absent;
        client.send(&json!({"v": 1, "type": "join", "room": owner.id.room(), "token": owner.token})).await;
        loop {
            let frame = client.any().await;
            match frame["type"].as_str().unwrap() {
                "joined" => break,
                "presence" | "heartbeat" => assert_ne!(frame["room"], people.mine.id.room(), "{who}: {frame}"),
                _ => panic!("{who} heard {frame}"),
            }
        }
    }
}

#[tokio::test]
async fn nothing_is_told_by_saying_it_on_a_socket_and_a_wallets_room_is_the_operators() {
    let people = People::gather().await;
    let server = &people.world.server;
    let (mut owners, joined) = enter(server, &people.mine, &people.mine.token, None).await;
    let (mut readers, _) = enter(server, &people.mine, &people.reader, None).await;
    for kind in Kind::ALL {
        let mut frame = message(kind);
        frame["v"] = json!(1);
        frame["room"] = json!(people.mine.id.room());
        owners.send(&frame).await;
        readers.send(&frame).await;
    }
    let (_, again) = enter(server, &people.mine, &people.mine.token, None).await;
    assert_eq!(again["offset"], joined["offset"]);
    let live = "live_0x00000000000000000000000000000000000000aa";
    let everybody = people.strangers.iter().map(|(who, token)| (*who, token.as_str()));
    for (who, token) in everybody.chain([("an owner", &*people.mine.token), ("a reader", &*people.reader)]) {
        let mut client = Client::open(server).await;
        client.send(&json!({"v": 1, "type": "join", "room": live, "token": token})).await;
        let answer = client.any().await;
        assert_eq!(answer["type"], if token == OPERATOR { "joined" } else { "refused" }, "{who}: {answer}");
        // What is told there is told by the server.
        let request = server.request(Method::POST, &format!("/api/v1/rooms/{live}/messages"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let reply = Reply::to(request.body(message(Kind::TransactionUpdate).to_string())).await.unwrap();
        assert_eq!(reply.problem().0, ProblemKind::NoRoom, "{who}");
        // How all the rooms are is the operator's to see.
        let request = server.request(Method::GET, "/api/v1/rooms").header("authorization", format!("Bearer {token}"));
        let reply = Reply::to(request).await.unwrap();
        assert_eq!(reply.status.is_success(), token == OPERATOR, "{who}: {}", reply.body);
    }
}
