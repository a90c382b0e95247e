//! What holds new transactions back, for how long, and what lets them go on.

use alloy::primitives::U256;
use alloy::providers::ext::AnvilApi as _;
use backend::cli::breakers;
use backend::config::Secret;
use reqwest::StatusCode;
use serde_json::{Value, json};
use shared::transaction::Status;
use shared::wire::ProblemKind;
use shared::wire::transactions::{BreakerHistory, BreakerInfo, Breakers, TransactionInfo};
use tests::exchange::{CHAIN, whole};
use tests::fault_proxy::{Fault, FaultProxy};

use super::{Desk, TOKEN};

impl Desk {
    async fn breaker(&self, name: &str, user: Option<&str>) -> BreakerInfo {
        let all: Breakers = self.get("/api/v1/breakers").await.good();
        let mut found = all.breakers.into_iter();
        found.find(|breaker| breaker.name == name && breaker.user.as_deref() == user).expect("there is one")
    }

    /// What became of a breaker, in its order.
    async fn became(&self, name: &str) -> Vec<String> {
        let history: BreakerHistory = self.get("/api/v1/breakers/history").await.good();
        history.events.into_iter().filter(|event| event.name == name).map(|event| event.what).collect()
    }

    /// Asks for a swap that is turned away at the door: for how many seconds, and by which breaker.
    async fn turned_away(&self, swap: &Value) -> (u64, String) {
        let reply = self.post("/api/v1/transactions", None, swap).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.body);
        let (kind, problem) = reply.problem();
        assert_eq!(kind, ProblemKind::BreakerOpen);
        assert!(problem.fields.contains_key("next_try"), "{}", reply.body);
        let seconds = reply.header("retry-after").expect("it says when to come back").parse().unwrap();
        (seconds, problem.fields["breaker"].as_str().unwrap().to_owned())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_again_and_again_opens_a_breaker_that_outlives_a_restart_and_the_operator_can_close() {
    let mut desk = Desk::open().await;
    let [weth, _, second] = desk.tokens();
    let known = desk.post("/api/v1/transactions", Some("before"), &desk.usual()).await;
    let known: TransactionInfo = serde_json::from_str(&known.body).unwrap();
    desk.reaches(known.id, Status::Completed).await;
    // There is no pool of these two on V2.
    let swap = json!({
        "chain": CHAIN.id(), "sell": "native", "buy": second, "exact": {"sell": "1000"}, "via": [weth, weth],
        "venue": "uniswap_v2",
    });
    for _ in 0..3 {
        let id = desk.submit(&swap).await;
        desk.until(id, |info| info.is_final).await;
    }
    let subject = format!("{}:dex_failure", CHAIN.id());
    let alert = desk.alerted(&subject).await;
    assert_eq!((&alert["over"], &alert["alert"]["severity"]), (&json!(false), &json!("critical")));
    for _ in 0..2 {
        let open = desk.breaker("dex_failure", None).await;
        assert_eq!((open.state.as_str(), open.openings), ("open", 1));
        assert!(open.next_try.is_some() && open.wait_ms.is_some_and(|ms| ms <= 180_000));
        let (seconds, by) = desk.turned_away(&desk.usual()).await;
        assert!((1..=180).contains(&seconds) && by == "dex_failure", "{seconds} s by {by}");
        // What was taken up before is what it is, breaker or not.
        let again = desk.post("/api/v1/transactions", Some("before"), &desk.usual()).await;
        assert_eq!(again.status, StatusCode::ACCEPTED, "{}", again.body);
        desk.restart().await;
    }
    let (home, token) = (desk.world.server.url.parse().unwrap(), Secret::new(TOKEN));
    let chain = CHAIN.id().to_string();
    let listed = breakers::list(&home, &token).await.unwrap();
    assert!(listed.breakers.iter().any(|breaker| breakers::line(breaker).contains("dex_failure: open until")));
    let wrong = breakers::reset(&home, &token, &chain, "luck", None).await.unwrap_err().to_string();
    assert!(wrong.contains("there is no breaker `luck`"), "{wrong}");
    let closed = breakers::reset(&home, &token, &chain, "dex_failure", None).await.unwrap();
    assert!(closed.breakers.iter().all(|breaker| breaker.state == "closed"));
    assert_eq!(desk.alerted(&subject).await["over"], json!(true));
    assert_eq!(desk.became("dex_failure").await, ["opened", "reset"]);
    let history = breakers::history(&home, &token).await.unwrap();
    assert!(history.events[0].why.as_ref().unwrap().contains("no pool"), "{history:?}");
    let next = desk.submit(&desk.usual()).await;
    desk.reaches(next, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fails_in_a_row_is_held_back_and_others_are_not() {
    let mut desk = Desk::open().await;
    let [_, first, second] = desk.tokens();
    // A pool that promises what it does not have: the swap reverts when it is tried.
    let [_, a, b] = desk.exchange.tokens();
    let pair = desk.exchange.v2.pair(a, b).await;
    desk.exchange.v2.deal(b, pair, U256::ZERO).await;
    let of = |user: &str, mut swap: Value| {
        swap["user"] = json!(user);
        swap
    };
    let failing = json!({
        "chain": CHAIN.id(), "sell": "native", "buy": second, "exact": {"sell": "1000000"}, "via": [first],
        "venue": "uniswap_v2",
    });
    for n in 1..=5 {
        let id = desk.submit(&of("alice", failing.clone())).await;
        let failed = desk.reaches(id, Status::Failed).await;
        assert!(failed.reason.unwrap().contains("the call reverts"));
        assert_eq!(desk.breaker("transaction_failure", Some("alice")).await.openings, u64::from(n == 5));
        let id = desk.submit(&of("bob", desk.usual())).await;
        desk.reaches(id, Status::Completed).await;
    }
    let (seconds, by) = desk.turned_away(&of("alice", desk.usual())).await;
    assert!(seconds <= 300 && by == "transaction_failure");
    assert_eq!(desk.breaker("transaction_failure", None).await.state, "closed", "of all, every other was done");
    let id = desk.submit(&of("bob", desk.usual())).await;
    desk.reaches(id, Status::Completed).await;
    // Two probes in a row close it.
    desk.world.seconds_pass(301);
    for _ in 0..2 {
        assert_eq!(desk.breaker("transaction_failure", Some("alice")).await.state, "half_open");
        let id = desk.submit(&of("alice", desk.usual())).await;
        desk.reaches(id, Status::Completed).await;
    }
    assert_eq!(desk.became("transaction_failure").await, ["opened", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spike_of_the_base_fee_opens_the_gas_breaker_and_one_probe_closes_it() {
    let mut desk = Desk::open().await;
    let gwei = 1_000_000_000;
    let provider = desk.exchange.provider().clone();
    provider.anvil_set_next_block_base_fee_per_gas(20_000 * gwei).await.unwrap();
    desk.exchange.mine(1).await;
    let ids = [desk.submit(&desk.usual()).await, desk.submit(&desk.usual()).await];
    for id in ids {
        desk.until(id, |info| info.status == Status::GasOptimizing).await;
    }
    // They look again with each block. Three looks in a row without gas under the ceiling open it.
    let mut seen = 0;
    while desk.breaker("gas_price_spike", None).await.state != "open" {
        let failures = desk.breaker("gas_price_spike", None).await.failures;
        if failures > seen {
            seen = failures;
            desk.world.seconds_pass(13);
        }
        tokio::task::yield_now().await;
    }
    // Whoever looked a moment before it opened hears of it when it looks again.
    desk.world.seconds_pass(13);
    for id in ids {
        let waits = desk.until(id, |info| info.status == Status::Retrying).await;
        assert!(waits.reason.unwrap().contains("circuit breaker is open until"));
    }
    let (seconds, by) = desk.turned_away(&desk.usual()).await;
    assert!(seconds <= 60 && by == "gas_price_spike");
    // A probe that finds it as dear as before keeps it open.
    desk.world.seconds_pass(61);
    while desk.became("gas_price_spike").await.len() < 2 {
        tokio::task::yield_now().await;
    }
    provider.anvil_set_next_block_base_fee_per_gas(gwei).await.unwrap();
    desk.exchange.mine(1).await;
    desk.world.seconds_pass(61);
    for id in ids {
        desk.reaches(id, Status::Completed).await;
    }
    assert_eq!(desk.became("gas_price_spike").await, ["opened", "probe_failed", "closed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_every_node_down_for_five_minutes_nothing_is_lost_and_retries_rest_until_one_goes_well() {
    let mut proxy = None;
    let desk = Desk::through(async |node| {
        let between = FaultProxy::before(node).await;
        let url = between.url.clone();
        proxy = Some(between);
        vec![url]
    });
    let mut desk = desk.await;
    let proxy = proxy.expect("it was started");
    desk.exchange.hold_blocks().await;
    let out = desk.submit(&desk.usual()).await;
    desk.reaches(out, Status::Pending).await;
    proxy.break_next("*", Fault::LostCall, u64::MAX);
    let new = desk.submit(&desk.usual()).await;
    let waits = desk.until(new, |info| info.status == Status::Retrying).await;
    assert!(waits.reason.unwrap().contains("no node could be asked"));
    let chain = CHAIN.id().to_string();
    let down = desk.alerted(&chain).await;
    assert_eq!((&down["alert"]["kind"], &down["over"]), (&json!("nodes_unreachable"), &json!(false)));
    // What is tried again fails again: after five times no retry is begun for a while.
    while desk.breaker("retry_manager", None).await.state != "open" {
        tokio::task::yield_now().await;
    }
    let out_still = desk.info(out).await;
    assert_eq!((out_still.status, out_still.attempts.len()), (Status::Pending, 1));
    desk.world.seconds_pass(240);
    proxy.mend();
    desk.exchange.mine(1).await;
    // What is out already is none of a breaker's business.
    desk.reaches(out, Status::Completed).await;
    assert_eq!(desk.alerted(&chain).await["over"], json!(true));
    let held = desk.until(new, |info| {
        info.status == Status::Retrying && info.reason.as_ref().is_some_and(|why| why.contains("circuit breaker"))
    });
    held.await;
    let provider = desk.exchange.provider().clone();
    provider.anvil_set_auto_mine(true).await.unwrap();
    desk.world.seconds_pass(61);
    let done = desk.reaches(new, Status::Completed).await;
    assert_eq!(done.attempts.len(), 1);
    assert_eq!(desk.became("retry_manager").await, ["opened", "closed"]);
    assert!(desk.balance("native").await < whole(999));
}
