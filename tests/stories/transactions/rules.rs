//! Who may have something signed, and what.

use reqwest::Method;
use serde_json::{Value, json};
use shared::wire::ProblemKind;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::whole;
use tests::world::{Reply, World};

use super::{Desk, TOKEN};
use crate::socket::Client;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_but_the_operator_gets_in_and_nothing_that_is_not_allowed_is_taken_up() {
    let desk = Desk::open().await;
    let id = "01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21";
    let paths = [
        (Method::POST, "/api/v1/transactions".to_owned()),
        (Method::GET, "/api/v1/transactions".to_owned()),
        (Method::GET, format!("/api/v1/transactions/{id}")),
        (Method::GET, "/api/v1/transactions/metrics".to_owned()),
        (Method::GET, "/api/v1/transactions/portfolio".to_owned()),
        (Method::POST, format!("/api/v1/transactions/{id}/cancel")),
        (Method::POST, format!("/api/v1/transactions/{id}/replace")),
        (Method::POST, "/api/v1/transactions/quote".to_owned()),
        (Method::GET, "/api/v1/wallet".to_owned()),
        (Method::GET, "/api/v1/breakers".to_owned()),
        (Method::GET, "/api/v1/breakers/history".to_owned()),
        (Method::POST, "/api/v1/breakers/1/dex_failure/reset".to_owned()),
    ];
    for (method, path) in paths {
        for token in [None, Some(TOKEN.replace('0', "1"))] {
            let request = desk.world.server.request(method.clone(), &path);
            let request = match &token {
                Some(token) => request.bearer_auth(token),
                None => request,
            };
            let reply = Reply::to(request.body(desk.usual().to_string())).await.unwrap();
            assert_eq!(reply.problem().0, ProblemKind::NotOperator, "{method} {path}");
        }
    }
    let room = format!("live_{}", desk.wallet.address);
    let mut client = Client::open(&desk.world.server).await;
    client.send(&json!({"v": 1, "type": "join", "room": room, "token": "x"})).await;
    client.hear("refused").await;

    let [_, first, _] = desk.tokens();
    let change = |name: &str, value: Value| {
        let mut swap = desk.usual();
        swap[name] = value;
        swap
    };
    let stranger = "0x00000000000000000000000000000000000000aa";
    for (swap, kind, said) in [
        (change("buy", json!(stranger)), ProblemKind::NotAllowed, "FOOLSCAP_LIVE_TOKENS"),
        (change("via", json!([stranger])), ProblemKind::NotAllowed, "FOOLSCAP_LIVE_TOKENS"),
        (change("chain", json!(1)), ProblemKind::SigningOff, "--allow-mainnet"),
        (change("chain", json!(84532)), ProblemKind::SigningOff, "FOOLSCAP_RPC_"),
        (change("exact", json!({"sell": "0"})), ProblemKind::BadRequest, "nothing"),
        (change("max_slippage_bps", json!(5001)), ProblemKind::BadRequest, "5000"),
        (change("deadline_seconds", json!(5)), ProblemKind::BadRequest, "from 30"),
        (change("sells", json!(first)), ProblemKind::BadRequest, "unknown field `sells`"),
        (change("user", json!("a b")), ProblemKind::BadRequest, "64 visible"),
    ] {
        let reply = desk.post("/api/v1/transactions", None, &swap).await;
        let (found, problem) = reply.problem();
        assert_eq!(found, kind, "{}", reply.body);
        assert!(problem.detail.unwrap().contains(said), "{}", reply.body);
    }
    let unknown = desk.get(&format!("/api/v1/transactions/{id}")).await;
    assert_eq!(unknown.problem().0, ProblemKind::UnknownTransaction);
    let key = "k".repeat(129);
    let reply = desk.post("/api/v1/transactions", Some(&key), &desk.usual()).await;
    assert!(reply.problem().1.detail.unwrap().contains("128"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_keystore_nothing_is_signed_and_the_answer_says_what_to_do() {
    let world = World::with(|server, _| server.operator = Some(backend::config::Secret::new(TOKEN))).await;
    let request = world.server.request(Method::POST, "/api/v1/transactions").bearer_auth(TOKEN).body("{}");
    let (kind, problem) = Reply::to(request).await.unwrap().problem();
    assert_eq!(kind, ProblemKind::SigningOff);
    assert!(problem.detail.unwrap().contains("FOOLSCAP_KEYSTORE"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_in_dollars_hold_and_what_has_no_price_is_not_taken_up_under_them() {
    let usd = |text: &str| Some(text.parse().unwrap());
    let desk = Desk::with(|live| {
        live.limits.transaction = usd("5000");
        live.limits.day = usd("7000");
    })
    .await;
    let [_, first, _] = desk.tokens();
    let sell = |wei: u64| {
        let mut swap = desk.usual();
        swap["exact"] = json!({"sell": wei.to_string()});
        swap
    };
    let refused = async |swap: &Value| {
        let reply = desk.post("/api/v1/transactions", None, swap).await;
        let (kind, problem) = reply.problem();
        assert_eq!(kind, ProblemKind::NotAllowed, "{}", reply.body);
        problem.detail.unwrap()
    };
    let mut unpriced = desk.usual();
    unpriced["exact"] = json!({"buy": whole(1).to_string()});
    assert!(refused(&unpriced).await.contains("is not known"));
    let dear = 10 * 1_000_000_000_000_000_000;
    assert!(refused(&sell(dear)).await.contains("FOOLSCAP_LIMIT_TRANSACTION_USD"));
    // A coin costs some thousands: of a hundred at once only as many pass as fit into the day.
    let swap = sell(500_000_000_000_000_000);
    let replies =
        futures_util::future::join_all((0..100).map(|_| desk.post("/api/v1/transactions", None, &swap))).await;
    let taken: Vec<TransactionInfo> = replies
        .iter()
        .filter(|reply| reply.status == reqwest::StatusCode::ACCEPTED)
        .map(|reply| serde_json::from_str(&reply.body).unwrap())
        .collect();
    let each = taken[0].value_usd.expect("it has a value").decimal();
    let fits = (rust_decimal::Decimal::from(7_000) / each).floor();
    assert_eq!(rust_decimal::Decimal::from(taken.len()), fits, "each is worth {each}");
    assert!(refused(&swap).await.contains("FOOLSCAP_LIMIT_DAY_USD") && first.len() == 42);
}
