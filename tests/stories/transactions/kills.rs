//! `kill -9`, again and again: what was asked for is done once, whenever the process ends.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use alloy::providers::Provider as _;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use shared::market::draws::Draws;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::{CHAIN, Exchange, whole};
use tests::wallet::Wallet;

use super::{Scratch, TOKEN, quick};

/// The server in a process of its own.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    fn start(orders: &Value) -> Process {
        let mut child = Command::new(env!("CARGO_BIN_EXE_live"))
            .arg(orders.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).expect("it says where it is");
        Process { child, url: url.trim().to_owned() }
    }
}

impl Drop for Process {
    /// SIGKILL: nothing of it runs any more.
    fn drop(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }
}

async fn ask(
    process: &Process,
    method: Method,
    path: &str,
    key: Option<&str>,
    body: &Value,
) -> Option<(StatusCode, String)> {
    let client = tests::http::client();
    let request = client.request(method, format!("{}{path}", process.url)).bearer_auth(TOKEN).body(body.to_string());
    let request = match key {
        Some(key) => request.header("idempotency-key", key),
        None => request,
    };
    let response = request.send().await.ok()?;
    Some((response.status(), response.text().await.ok()?))
}

/// `FOOLSCAP_CASES` sets how often it is killed (12 unless told).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_process_is_killed_every_request_is_done_once() {
    let kills = tests::seed::cases(12, 200);
    let (exchange, folder) = (Exchange::open().await, Scratch::new());
    let wallet = Wallet::make(&folder.0);
    exchange.endow(wallet.address, whole(1_000)).await;
    let venues = exchange.venues();
    let v3 = venues.v3.unwrap();
    let [_, first, _] = exchange.tokens();
    let orders = json!({
        "data": folder.0.join("data"), "keystore": wallet.keystore, "node": exchange.anvil.url, "token": TOKEN,
        "contracts": {"weth": venues.weth, "v2": venues.v2_router, "v3": v3.router, "quoter": v3.quoter},
        "tokens": exchange.tokens().map(|token| format!("{}:{token:#x}", CHAIN.id())), "policy": quick(),
    });
    let swap = json!({
        "chain": CHAIN.id(), "sell": "native", "buy": first.to_string(), "exact": {"sell": "1000000000000000"},
        "deadline_seconds": 3_600, "strategy": "speed",
    });
    let mut draws = Draws::new(kills, *b"kill -9!");
    let mut keys: Vec<String> = vec![];
    for kill in 0..kills {
        let process = Process::start(&orders);
        for n in 0..1 + draws.below(3) {
            keys.push(format!("{kill}-{n}"));
        }
        // Whoever got no answer asks again, with the same key: the last of before too.
        let from = keys.len().saturating_sub(6);
        let asked = keys[from..].iter().map(|key| {
            let (process, swap) = (&process, &swap);
            async move { ask(process, Method::POST, "/api/v1/transactions", Some(key), swap).await }
        });
        let ends = Duration::from_millis(draws.below(900));
        // It ends somewhere in this: before, while or after it keeps, signs, sends or looks.
        let _ = tokio::time::timeout(ends, async {
            futures_util::future::join_all(asked).await;
            std::future::pending::<()>().await
        })
        .await;
        drop(process);
    }
    let process = Process::start(&orders);
    let mut ids = vec![];
    for key in &keys {
        let (status, body) =
            ask(&process, Method::POST, "/api/v1/transactions", Some(key), &swap).await.expect("it answers");
        assert_eq!(status, StatusCode::ACCEPTED, "{body}");
        ids.push(serde_json::from_str::<TransactionInfo>(&body).unwrap().id);
    }
    let mut nonces = vec![];
    for id in &ids {
        let path = format!("/api/v1/transactions/{id}");
        let ended = async {
            loop {
                let (_, body) = ask(&process, Method::GET, &path, None, &Value::Null).await.expect("it answers");
                let info: TransactionInfo = serde_json::from_str(&body).unwrap();
                if info.is_final {
                    return info;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let info = tokio::time::timeout(Duration::from_secs(60), ended).await.expect("every request has an answer");
        assert_eq!(info.status, shared::transaction::Status::Completed, "{info:?}");
        nonces.push(info.attempts.iter().find(|attempt| attempt.outcome == "mined").unwrap().nonce);
    }
    // The chain itself is asked: each request once, and nothing else of this wallet but what filled gaps.
    let provider = exchange.provider();
    let (mut found, mut others) = (vec![], 0);
    for number in 0..=provider.get_block_number().await.unwrap() {
        let block: Value =
            provider.raw_request("eth_getBlockByNumber".into(), (format!("{number:#x}"), true)).await.unwrap();
        for sent in block["transactions"].as_array().unwrap() {
            if sent["from"].as_str() != Some(&format!("{:#x}", wallet.address)) {
                continue;
            }
            let input = sent["input"].as_str().unwrap();
            let whose = ids.iter().position(|id| input.ends_with(&id.to_string().replace('-', "")));
            match whose {
                Some(at) => found.push(at),
                None => others += 1,
            }
        }
    }
    found.sort_unstable();
    assert_eq!(found, (0..ids.len()).collect::<Vec<_>>(), "each once");
    assert_eq!(others, 0, "no gap was left to be filled");
    nonces.sort_unstable();
    assert_eq!(nonces, (0..ids.len() as u64).collect::<Vec<_>>(), "no nonce was left out");
    println!("{kills} kills, {} requests, each done once", ids.len());
}
