//! An account on several devices: one copy of its journal, one writer, readers by links.

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use shared::wire::{
    Problem, ProblemKind,
    accounts::{AccountSnapshot, Appended, Branches, JournalHead, JournalPage, Lease, Link, Links},
};
use tests::{
    account::Account,
    world::{Reply, Server, World},
};

use super::{process::Process, socket::Client};

mod branches;
mod crash;
mod matrix;
mod race;
mod readers;
mod rooms;
mod told;

/// Where a server is, and who asks it.
#[derive(Clone, Copy)]
enum At<'a> {
    World(&'a Server),
    Process(&'a Process),
}

impl At<'_> {
    fn request(self, method: Method, path: &str) -> RequestBuilder {
        match self {
            At::World(server) => server.request(method, path),
            At::Process(process) => process.request(method, path),
        }
    }
}

/// What an owner asks of a server.
struct Owner<'a> {
    at: At<'a>,
    account: &'a Account,
}

fn owner<'a>(world: &'a World, account: &'a Account) -> Owner<'a> {
    Owner { at: At::World(&world.server), account }
}

impl Owner<'_> {
    async fn ask(&self, method: Method, rest: &str, body: Option<&Value>) -> Reply {
        let path = format!("/api/v1/accounts/{}/{rest}", self.account.id);
        let request = self.at.request(method, &path).header("authorization", format!("Bearer {}", self.account.token));
        let request = match body {
            Some(body) => request.body(body.to_string()),
            None => request,
        };
        Reply::to(request).await.expect("the server answers")
    }

    async fn page(&self, after: u64) -> JournalPage {
        self.ask(Method::GET, &format!("journal?after={after}"), None).await.good()
    }

    /// The whole copy, page by page.
    async fn all(&self) -> Vec<String> {
        let mut lines = vec![];
        loop {
            let page = self.page(lines.len() as u64).await;
            lines.extend(page.lines);
            if page.head.is_none_or(|head| head.seq == lines.len() as u64) {
                return lines;
            }
        }
    }

    async fn append(&self, device: &str, after: Option<&JournalHead>, lines: &[String]) -> Reply {
        self.append_instead(device, after, None, lines).await
    }

    async fn append_instead(
        &self,
        device: &str,
        after: Option<&JournalHead>,
        instead_of: Option<&JournalHead>,
        lines: &[String],
    ) -> Reply {
        let mut body = json!({"device": device, "lines": lines});
        if let Some(after) = after {
            body["after"] = json!(after);
        }
        if let Some(instead_of) = instead_of {
            body["instead_of"] = json!(instead_of);
        }
        self.ask(Method::POST, "journal", Some(&body)).await
    }

    /// Hands in the account's lines from an index on.
    async fn hands_in(&self, device: &str, from: usize) -> JournalHead {
        let after = self.account.head_at(from);
        let reply = self.append(device, after.as_ref(), &self.account.lines()[from..]).await;
        reply.good::<Appended>().head
    }

    async fn take_lease(&self, device: &str) -> Reply {
        self.ask(Method::PUT, "lease", Some(&json!({"device": device, "name": format!("the {device}")}))).await
    }

    async fn give_lease(&self, device: &str) {
        let reply = self.ask(Method::DELETE, &format!("lease?device={device}"), None).await;
        assert_eq!(reply.status, StatusCode::NO_CONTENT, "{}", reply.body);
    }

    async fn snapshot(&self) -> AccountSnapshot {
        self.ask(Method::GET, "snapshot", None).await.good()
    }

    async fn branches(&self) -> Branches {
        self.ask(Method::GET, "branches", None).await.good()
    }

    async fn links(&self, number: u64, expires: Option<&str>) -> Link {
        let hash = hex(&self.account.secret.read_token(number).hash());
        let reply = self
            .ask(Method::POST, "links", Some(&json!({"token_hash": hash, "name": "Ada", "expires": expires})))
            .await;
        assert_eq!(reply.status, StatusCode::CREATED, "{}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }
}

async fn ask(
    server: &Server,
    method: Method,
    account: &str,
    rest: &str,
    token: Option<&str>,
    body: Option<&Value>,
) -> Reply {
    let mut request = server.request(method, &format!("/api/v1/accounts/{account}/{rest}"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    Reply::to(request).await.expect("the server answers")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The field of a problem, as what it is.
fn field<T: serde::de::DeserializeOwned>(problem: &Problem, name: &str) -> T {
    serde_json::from_value(problem.fields[name].clone()).unwrap()
}

/// A socket in an account's room, and the answer it got.
async fn enter(server: &Server, account: &Account, token: &str, place: Option<(&str, u64)>) -> (Client, Value) {
    let mut client = Client::open(server).await;
    let mut frame = json!({"v": 1, "type": "join", "room": account.id.room(), "token": token});
    if let Some((epoch, offset)) = place {
        frame["epoch"] = json!(epoch);
        frame["offset"] = json!(offset);
    }
    client.send(&frame).await;
    loop {
        let frame = client.any().await;
        if frame["type"] == "joined" || frame["type"] == "refused" {
            return (client, frame);
        }
    }
}

#[tokio::test]
async fn a_journal_is_handed_in_and_read_back_byte_for_byte() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    let none = owner(&world, &account).page(0).await;
    assert_eq!((none.head, none.lease, none.lines.len()), (None, None, 0));
    account.trades(30);
    let head = owner(&world, &account).hands_in("desk", 0).await;
    assert_eq!(head, account.head());
    account.trades(3);
    owner(&world, &account).hands_in("desk", 31).await;
    let page = owner(&world, &account).page(0).await;
    assert_eq!((page.head, page.lines.as_slice()), (Some(account.head()), account.lines()));
    let lease = page.lease.expect("whoever writes has the lease");
    assert_eq!(lease.device, "desk");
    let rest = owner(&world, &account).page(32).await;
    assert_eq!(rest.lines, account.lines()[32..]);
    assert_eq!(owner(&world, &account).page(99).await.lines.len(), 0);
}

#[tokio::test]
async fn what_is_there_already_is_taken_for_done_and_what_went_elsewhere_is_told_where() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    account.trades(9);
    let mine = owner(&world, &account);
    mine.hands_in("desk", 0).await;
    // All of it again, a part of it again, and a part of it with more.
    assert_eq!(mine.hands_in("desk", 0).await, account.head());
    assert_eq!(mine.append("desk", None, &account.lines()[..4]).await.good::<Appended>().head, account.head());
    let old = account.clone();
    account.trades(2);
    let mine = owner(&world, &account);
    assert_eq!(mine.hands_in("desk", 7).await, account.head());
    assert_eq!(mine.all().await, account.lines());
    // Another way from the same entry, and from an entry that is not there.
    let mut other = old.as_of(6, 2);
    other.trades(4);
    for (after, lines) in [(6, &other.lines()[6..]), (8, &other.lines()[8..]), (10, &other.lines()[8..9])] {
        let after = other.head_at(after);
        let (kind, problem) = mine.append("desk", after.as_ref(), lines).await.problem();
        assert_eq!((kind, field::<JournalHead>(&problem, "head")), (ProblemKind::JournalMoved, account.head()));
    }
    // Nothing of that was taken.
    assert_eq!(mine.all().await, account.lines());
}

#[tokio::test]
async fn a_line_that_is_wrong_is_named_and_nothing_is_taken() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    account.trades(5);
    let mine = owner(&world, &account);
    mine.hands_in("desk", 0).await;
    let before = account.clone();
    account.trades(5);
    let mine = owner(&world, &before);
    let good = account.lines()[6..].to_vec();
    let change = |at: usize, from: &str, to: &str| {
        let mut lines = good.clone();
        assert!(lines[at].contains(from), "{}", lines[at]);
        lines[at] = lines[at].replacen(from, to, 1);
        lines
    };
    let swapped = [&good[..1], &good[2..3], &good[1..2]].concat();
    let twice = [&good[..2], &good[1..2]].concat();
    for (lines, line) in [
        (change(0, "\"seq\":7", "\"seq\":8"), 7),
        (change(3, "\"prev\":\"", "\"prev\":\"0"), 10),
        (change(2, "{\"v\":1", "{ \"v\":1"), 9),
        (change(2, "\"v\":1", "\"v\":9"), 9),
        (change(4, "\"kind\":\"traded\"", "\"kind\":\"dreamt\""), 11),
        (vec!["{}".into()], 7),
        (vec![String::new()], 7),
        (swapped, 8),
        (twice, 9),
        (
            vec![
                good[0].clone(),
                shared::ledger::journal::seal(shared::ledger::Head {
                    seq: 7,
                    at: shared::time::Timestamp::EPOCH,
                    hash: [1; 32].into(),
                }),
            ],
            8,
        ),
    ] {
        let (kind, problem) = mine.append("desk", Some(&before.head()), &lines).await.problem();
        assert_eq!((kind, field::<u64>(&problem, "line")), (ProblemKind::JournalDamaged, line), "{problem:?}");
    }
    // What follows from the chain, and cannot have happened.
    let mut spender = before.clone();
    let line =
        spender.deposit().replace("\"deposited\"", "\"withdrawn\"").replace("\"usd\":\"1\"", "\"usd\":\"9000000000\"");
    let (kind, problem) = mine.append("desk", Some(&before.head()), &[line]).await.problem();
    assert_eq!(kind, ProblemKind::JournalDamaged);
    assert!(problem.detail.unwrap().contains("this cannot have happened"));
    assert_eq!(mine.all().await, before.lines());
    // The good lines still fit.
    assert_eq!(owner(&world, &account).hands_in("desk", 6).await, account.head());
    // A journal of another account, and one that does not begin.
    let stranger = Account::open(2, 1);
    let third = Account::open(3, 1);
    for lines in [stranger.lines(), &account.lines()[1..2]] {
        let reply = owner(&world, &third).append("desk", None, lines).await;
        let (kind, problem) = reply.problem();
        assert_eq!((kind, field::<u64>(&problem, "line")), (ProblemKind::JournalDamaged, 1), "{}", reply.body);
    }
    assert_eq!(owner(&world, &third).page(0).await.head, None);
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_with_what_would_be_right() {
    let world = World::start().await;
    let account = Account::open(1, 1);
    let mine = owner(&world, &account);
    let lines = account.lines();
    let zeros = "0".repeat(64);
    for (rest, body, said) in [
        ("journal", json!({"device": "", "lines": lines}), "`device` has 1 to 64"),
        ("journal", json!({"device": "x".repeat(65), "lines": lines}), "`device` has 1 to 64"),
        ("journal", json!({"device": "desk", "lines": []}), "1 to 4096 lines"),
        ("journal", json!({"device": "desk", "lines": vec![""; 4097]}), "1 to 4096 lines"),
        ("journal", json!({"device": "desk"}), "missing field `lines`"),
        ("journal", json!({"device": "d", "lines": lines, "after": {"seq": 1, "hash": "1"}}), "`after` is the number"),
        ("journal", json!({"device": "d", "lines": lines, "after": {"seq": 0, "hash": "1".repeat(64)}}), "`after` is"),
        ("journal", json!({"device": "d", "lines": lines, "instead_of": {"seq": 1, "hash": ""}}), "`instead_of` is"),
        ("links", json!({"token_hash": "0"}), "`token_hash` is 64 lower-case"),
        ("links", json!({"token_hash": zeros, "name": "a\nb"}), "`name` has at most 64"),
        ("links", json!({"token_hash": zeros, "expires": "2020-01-01T00:00:00Z"}), "over already"),
        ("branches", json!({"after": {"seq": 0, "hash": zeros}, "lines": lines}), "no copy"),
        ("branches", json!({"after": {"seq": 0, "hash": zeros}, "lines": []}), "1 to 4096 lines"),
    ] {
        let reply = mine.ask(Method::POST, rest, Some(&body)).await;
        let (kind, problem) = reply.problem();
        assert_eq!(kind, ProblemKind::BadRequest, "{body}");
        assert!(problem.detail.unwrap().contains(said), "{body}: {}", reply.body);
    }
    // The beginning may be named as well as left out.
    let beginning = JournalHead { seq: 0, hash: zeros };
    mine.append("desk", Some(&beginning), lines).await.good::<Appended>();
    for (method, rest, allow) in [
        (Method::PUT, "journal", "GET, HEAD, POST"),
        (Method::GET, "lease", "PUT, DELETE"),
        (Method::POST, "snapshot", "GET, HEAD"),
        (Method::GET, "links/00", "DELETE"),
    ] {
        let reply = mine.ask(method, rest, None).await;
        assert_eq!((reply.problem().0, reply.header("allow")), (ProblemKind::MethodNotAllowed, Some(allow)), "{rest}");
    }
    for (rest, said) in [("journal?after=-1", "`after`"), ("journal?since=1", "`since`")] {
        let (kind, problem) = mine.ask(Method::GET, rest, None).await.problem();
        assert!(kind == ProblemKind::BadRequest && problem.detail.unwrap().contains(said), "{rest}");
    }
}

#[tokio::test]
async fn an_account_and_the_server_have_their_measure_and_say_which() {
    let mut account = Account::open(1, 1);
    account.trades(20);
    let sum = |lines: &[String]| lines.iter().map(|line| line.len() as u64).sum::<u64>();
    let all = sum(account.lines());
    let world = World::with(|config, _| {
        config.accounts.account_bytes = all;
        config.accounts.bytes = all + 300;
    })
    .await;
    owner(&world, &account).hands_in("desk", 0).await;
    account.deposit();
    let reply = owner(&world, &account).append("desk", account.head_at(21).as_ref(), &account.lines()[21..]).await;
    let (kind, problem) = reply.problem();
    assert!(kind == ProblemKind::JournalFull && problem.detail.unwrap().contains("FOOLSCAP_ACCOUNT_MIB"));
    // What is there is there, and can be read; what is there already is still taken for done.
    let mine = owner(&world, &account);
    assert_eq!(mine.all().await, account.lines()[..21]);
    mine.append("desk", None, &account.lines()[..21]).await.good::<Appended>();
    // All accounts together: another one has no room any more.
    let other = Account::open(2, 1);
    assert!(sum(other.lines()) > 300);
    let (kind, problem) = owner(&world, &other).append("desk", None, other.lines()).await.problem();
    assert!(kind == ProblemKind::JournalFull && problem.detail.unwrap().contains("FOOLSCAP_ACCOUNTS_MIB"));
    // A body that is too large is not read.
    let long = json!({"device": "desk", "lines": ["x".repeat(1024 * 1024)]});
    let large = world
        .server
        .request(Method::POST, &format!("/api/v1/accounts/{}/journal", other.id))
        .header("authorization", format!("Bearer {}", other.token))
        .body(long.to_string());
    // The server need not read on to refuse: the client may meet a closed connection instead.
    if let Ok(reply) = Reply::to(large).await {
        assert_eq!(reply.problem().0, ProblemKind::BodyTooLarge);
    }
    let status: shared::wire::Status = world.read("/api/v1/status").await;
    assert_eq!((status.accounts.kept, status.accounts.bytes, status.accounts.writing), (1, all, 1));
    let metrics = backend::telemetry::start_metrics().expect("it is the only recorder").render();
    for line in ["foolscap_journal_appends_total{outcome=\"full\"}", "foolscap_accounts ", "foolscap_account_bytes "] {
        assert!(metrics.contains(line), "{line}");
    }
}

#[tokio::test]
async fn one_device_writes_until_it_gives_the_lease_back_or_is_not_heard_for_a_minute() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    let mine = owner(&world, &account);
    let first: Lease = mine.take_lease("desk").await.good();
    assert_eq!((first.name.as_str(), first.until.since(first.since)), ("the desk", 60_000));
    mine.append("desk", None, account.lines()).await.good::<Appended>();
    let (kind, problem) = mine.take_lease("phone").await.problem();
    assert_eq!((kind, field::<Lease>(&problem, "lease")), (ProblemKind::LeaseHeld, first.clone()));
    account.trades(1);
    let mine = owner(&world, &account);
    let reply = mine.append("phone", account.head_at(1).as_ref(), &account.lines()[1..]).await;
    let (kind, problem) = reply.problem();
    assert_eq!(kind, ProblemKind::LeaseHeld);
    assert_eq!(field::<Lease>(&problem, "lease").device, "desk");
    assert_eq!(Some(field::<JournalHead>(&problem, "head")), account.head_at(1));
    // What is there already is no writing.
    mine.append("phone", None, &account.lines()[..1]).await.good::<Appended>();
    // It is renewed by asking, and by writing.
    world.seconds_pass(59);
    let renewed: Lease = mine.take_lease("desk").await.good();
    assert_eq!((renewed.since, renewed.until.since(first.until)), (first.since, 59_000));
    world.seconds_pass(59);
    mine.hands_in("desk", 1).await;
    world.seconds_pass(59);
    assert_eq!(mine.take_lease("phone").await.problem().0, ProblemKind::LeaseHeld);
    world.seconds_pass(1);
    let taken: Lease = mine.take_lease("phone").await.good();
    assert_eq!((taken.device.as_str(), taken.since.since(first.since)), ("phone", 178_000));
    // Nobody gives back what is another's; what is given back is free.
    mine.give_lease("desk").await;
    assert_eq!(mine.take_lease("desk").await.problem().0, ProblemKind::LeaseHeld);
    mine.give_lease("phone").await;
    assert_eq!(mine.page(0).await.lease, None);
    mine.take_lease("desk").await.good::<Lease>();
    // A lease that has ended is nobody's.
    world.seconds_pass(60);
    assert_eq!(mine.page(0).await.lease, None);
}
