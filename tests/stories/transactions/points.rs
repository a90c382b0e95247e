//! `kill -9` at every place where something is kept or sent: what was asked for is done once all the same.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use alloy::providers::Provider as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::transaction::Status;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::{CHAIN, Exchange, whole};
use tests::wallet::Wallet;

use super::{Scratch, TOKEN, quick};

/// Every place that a swap passes, by when it is and of what.
const POINTS: [(&str, &str); 28] = [
    ("before", "accepted"),
    ("kept", "accepted"),
    ("answered", "accepted"),
    ("before", "gas_optimizing"),
    ("kept", "gas_optimizing"),
    ("done", "gas_optimizing"),
    ("before", "ready_to_submit"),
    ("kept", "ready_to_submit"),
    ("done", "ready_to_submit"),
    ("signed", "attempt"),
    ("before", "commit"),
    ("before", "submitted"),
    ("kept", "submitted"),
    ("done", "submitted"),
    ("before", "broadcast"),
    ("done", "broadcast"),
    ("before", "pending"),
    ("kept", "pending"),
    ("done", "pending"),
    ("before", "confirming"),
    ("kept", "confirming"),
    ("done", "confirming"),
    ("before", "confirmed"),
    ("kept", "confirmed"),
    ("done", "confirmed"),
    ("before", "booked"),
    ("before", "completed"),
    ("kept", "completed"),
];

/// The server in a process of its own, which stops where it is told to and waits to be killed.
struct Process {
    child: Child,
    said: BufReader<ChildStdout>,
    url: String,
}

impl Process {
    fn start(orders: &Value, point: Option<(&str, &str)>) -> Process {
        let mut orders = orders.clone();
        orders["stop_at"] = json!(point.map(|(when, what)| format!("{when} {what}")));
        let mut child = Command::new(env!("CARGO_BIN_EXE_live"))
            .arg(orders.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut url = String::new();
        said.read_line(&mut url).expect("it says where it is");
        Process { child, said, url: url.trim().to_owned() }
    }

    /// Kills it once it has stopped at its place.
    fn die_there(mut self, place: &str) {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("it says where it stopped");
        assert_eq!(line.trim(), place);
    }

    async fn submit(&self, key: &str, swap: &Value) -> Option<TransactionInfo> {
        let request = tests::http::client()
            .request(Method::POST, format!("{}/api/v1/transactions", self.url))
            .bearer_auth(TOKEN)
            .header("idempotency-key", key)
            .body(swap.to_string());
        let response = request.send().await.ok()?;
        assert_eq!(response.status(), StatusCode::ACCEPTED);
        serde_json::from_str(&response.text().await.ok()?).ok()
    }

    async fn ends(&self, known: &TransactionInfo) -> TransactionInfo {
        loop {
            let url = format!("{}/api/v1/transactions/{}", self.url, known.id);
            let response = tests::http::client().get(url).bearer_auth(TOKEN).send().await.expect("it answers");
            let info: TransactionInfo = serde_json::from_str(&response.text().await.unwrap()).unwrap();
            if info.is_final {
                return info;
            }
            tokio::task::yield_now().await;
        }
    }
}

impl Drop for Process {
    /// SIGKILL: nothing of it runs any more.
    fn drop(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

/// `FOOLSCAP_CASES` sets how many places it is killed at: 7 of the 28 unless told, ten times each in a soak.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wherever_the_process_is_killed_what_was_asked_for_is_done_once() {
    let kills = tests::seed::cases(7, 10 * POINTS.len() as u64) as usize;
    let (exchange, folder) = (Exchange::open().await, Scratch::new());
    let wallet = Wallet::make(&folder.0);
    exchange.endow(wallet.address, whole(1_000)).await;
    let venues = exchange.venues();
    let v3 = venues.v3.unwrap();
    let [_, first, _] = exchange.tokens();
    let orders = json!({
        "data": folder.0.join("data"), "keystore": wallet.keystore, "node": exchange.anvil.url, "token": TOKEN,
        "contracts": {"weth": venues.weth, "v2": venues.v2_router, "v3": v3.router, "quoter": v3.quoter},
        "tokens": exchange.tokens().map(|token| format!("{}:{token:#x}", CHAIN.id())), "policy": quick(), "depth": 2,
    });
    let swap = json!({
        "chain": CHAIN.id(), "sell": "native", "buy": first.to_string(), "exact": {"sell": "1000000000000000"},
        "deadline_seconds": 3_600, "strategy": "speed",
    });
    // What is confirming has one more block to wait for: one comes each second.
    let provider = exchange.provider();
    let _: Value = provider.raw_request("evm_setIntervalMining".into(), (1,)).await.expect("anvil makes blocks");
    let mut ids = vec![];
    for kill in 0..kills {
        // A step that meets every place before any again, beginning anywhere.
        let (when, what) = POINTS[(kill * 11 + 3) % POINTS.len()];
        let (place, key) = (format!("{when} {what}"), format!("kill-{kill}"));
        let process = Process::start(&orders, Some((when, what)));
        let url = process.url.clone();
        let asking = tokio::spawn({
            let (key, swap) = (key.clone(), swap.clone());
            async move {
                let request = tests::http::client()
                    .request(Method::POST, format!("{url}/api/v1/transactions"))
                    .bearer_auth(TOKEN)
                    .header("idempotency-key", key)
                    .body(swap.to_string());
                drop(request.send().await);
            }
        });
        tokio::task::spawn_blocking({
            let place = place.clone();
            move || process.die_there(&place)
        })
        .await
        .expect("it stops at its place");
        asking.await.expect("the asker ends");
        let process = Process::start(&orders, None);
        // Whoever got no answer asks again, with the same key.
        let known = process.submit(&key, &swap).await.expect("it answers");
        let ended = tokio::time::timeout(Duration::from_secs(60), process.ends(&known)).await;
        let ended = ended.unwrap_or_else(|_| panic!("{place}: every request has an answer"));
        assert_eq!(ended.status, Status::Completed, "{place}: {ended:?}");
        ids.push((place, ended.id));
    }
    // The chain itself is asked, not the manager: each payload once, and every nonce by one of them.
    let mut found = vec![];
    let mut others = 0;
    for number in 0..=provider.get_block_number().await.unwrap() {
        let block: Value =
            provider.raw_request("eth_getBlockByNumber".into(), (format!("{number:#x}"), true)).await.unwrap();
        for sent in block["transactions"].as_array().unwrap() {
            if sent["from"].as_str() != Some(&format!("{:#x}", wallet.address)) {
                continue;
            }
            let input = sent["input"].as_str().unwrap();
            match ids.iter().position(|(_, id)| input.ends_with(&id.to_string().replace('-', ""))) {
                Some(at) => found.push(at),
                None => others += 1,
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..ids.len()).collect::<Vec<_>>(), "each once: {ids:?}");
    assert_eq!(others, 0, "nothing else was sent");
    println!("{kills} kills at {} places: each request done once", kills.min(POINTS.len()));
}
