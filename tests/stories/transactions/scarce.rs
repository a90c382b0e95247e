//! What runs out: room on the disk, a place at the store.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use alloy::providers::Provider as _;
use reqwest::{Method, StatusCode};
use serde_json::json;
use shared::transaction::Status;
use shared::wire::ProblemKind;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::{CHAIN, Exchange, whole};
use tests::wallet::Wallet;
use tests::world::Reply;

use super::{Desk, Scratch, TOKEN, quick};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_on_the_same_store_is_told_so_and_signs_nothing() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let settings = desk.world.server.settings.clone();
    let second = backend::serve(listener, settings, backend::Ports::default(), std::future::pending()).await;
    let refused = second.expect_err("it does not serve").to_string();
    assert!(refused.contains("another Foolscap keeps its data in"), "{refused}");
    desk.exchange.mine(1).await;
    let done = desk.reaches(id, Status::Completed).await;
    assert_eq!((done.attempts.len(), done.attempts[0].hash), (1, pending.attempts[0].hash));
}

/// A file that may not grow is what a full disk is to whoever writes it: here the process may write no file beyond
/// its first bytes.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_full_disk_nothing_is_sent_that_is_not_kept_and_all_goes_on_when_there_is_room() {
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
    // The signal that comes with the refusal is ignored, and the refusal is what is left.
    let mut child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" \"$1\"", env!("CARGO_BIN_EXE_live"), &orders.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut url = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).expect("it says where it is");
    let url = url.trim().to_owned();
    let room = |bytes: &str| {
        let pid = child.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")]).status();
        assert!(set.expect("prlimit is there").success());
    };
    let swap = json!({
        "chain": CHAIN.id(), "sell": "native", "buy": first.to_string(), "exact": {"sell": "1000000000000000"},
        "deadline_seconds": 3_600, "strategy": "speed",
    });
    let client = tests::http::client();
    let submit = async || {
        let request = client.request(Method::POST, format!("{url}/api/v1/transactions"));
        Reply::to(request.bearer_auth(TOKEN).body(swap.to_string())).await.unwrap()
    };
    let info = async |id: shared::ids::TransactionId| -> TransactionInfo {
        let request = client.get(format!("{url}/api/v1/transactions/{id}")).bearer_auth(TOKEN);
        Reply::to(request).await.unwrap().good()
    };
    exchange.hold_blocks().await;
    let taken: TransactionInfo = serde_json::from_str(&submit().await.body).unwrap();
    while info(taken.id).await.status != Status::Pending {
        tokio::task::yield_now().await;
    }
    let provider = exchange.provider();
    let sent = provider.get_transaction_count(wallet.address).pending().await.unwrap();
    room("1");
    let refused = submit().await;
    assert_eq!((refused.status, refused.problem().0), (StatusCode::SERVICE_UNAVAILABLE, ProblemKind::NotKept));
    // What is out is mined, and that cannot be kept.
    exchange.mine(1).await;
    for _ in 0..3 {
        assert_eq!(submit().await.status, StatusCode::SERVICE_UNAVAILABLE);
    }
    assert!(!info(taken.id).await.is_final);
    assert_eq!(provider.get_transaction_count(wallet.address).pending().await.unwrap(), sent, "nothing was sent");
    room("unlimited");
    let ended = async {
        loop {
            let info = info(taken.id).await;
            if info.is_final {
                return info;
            }
            exchange.mine(1).await;
        }
    };
    let ended = tokio::time::timeout(std::time::Duration::from_secs(30), ended).await.expect("it goes on");
    assert_eq!((ended.status, ended.attempts.len()), (Status::Completed, 1));
    let next = submit().await;
    assert_eq!(next.status, StatusCode::ACCEPTED, "{}", next.body);
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}
