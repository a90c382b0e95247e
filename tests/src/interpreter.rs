//! What has Hardhat understand what is said to anvil: the same wishes under its own names. Everything else is passed
//! on as it is, batches too.

use axum::{Router, body::Bytes, extract::State, routing::post};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::http;

/// It ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Interpreter {
    pub(crate) url: String,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Node {
    url: String,
    client: reqwest::Client,
}

impl Interpreter {
    pub(crate) async fn before(url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let node = Node { url: url.to_owned(), client: http::client() };
        let router = Router::new().route("/", post(pass)).with_state(node);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            tokio::select! {
                _ = async { axum::serve(listener, router).await } => {}
                () = stopped => {}
            }
        });
        Self { url: own, _stop: stop.drop_guard() }
    }
}

async fn pass(State(node): State<Node>, body: Bytes) -> String {
    let mut asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(method) = asked["method"].as_str().map(str::to_owned) else { return node.ask(&asked).await.to_string() };
    if method == "eth_sendTransactionSync" {
        // Hardhat mines at once, before it answers; what anvil answers is the receipt.
        asked["method"] = json!("eth_sendTransaction");
        let sent = node.ask(&asked).await;
        let Some(hash) = sent["result"].as_str() else { return sent.to_string() };
        asked["method"] = json!("eth_getTransactionReceipt");
        asked["params"] = json!([hash]);
    } else if let Some(wish) = method.strip_prefix("anvil_") {
        let (family, wish) = if wish == "setAutomine" { ("evm", wish) } else { ("hardhat", wish) };
        asked["method"] = json!(format!("{family}_{wish}"));
        if let Some(params) = asked["params"].as_array_mut() {
            params.retain(|param| !param.is_null());
        }
        // Hardhat says that it is done; anvil says nothing.
        let mut done = node.ask(&asked).await;
        if done["result"] == json!(true) {
            done["result"] = Value::Null;
        }
        return done.to_string();
    }
    node.ask(&asked).await.to_string()
}

impl Node {
    async fn ask(&self, asked: &Value) -> Value {
        let answer = self.client.post(&self.url).json(asked).send().await.expect("the node answers");
        answer.json().await.expect("the node answers in JSON")
    }
}
