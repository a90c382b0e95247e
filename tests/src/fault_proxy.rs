//! What stands between the manager and a node, and lies as networks and nodes do.
//!
//! It passes JSON-RPC on, call by call out of batches, and counts them. A story sets what goes wrong, with which
//! methods, and for how many calls.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::http;

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The node gets it, and the answer is lost with the connection.
    LostReply,
    /// The node does not get it, and the connection breaks.
    LostCall,
    /// The answer is `null`: a receipt that is not there.
    Null,
    /// The answer is this result, whatever the node says.
    Result(Value),
    /// The answer is this error, and the node does not get the call.
    Refusal(i64, &'static str),
    /// The HTTP status is this, without a body.
    Status(u16),
    /// The answer ends in the middle.
    Truncated,
    /// No answer comes before the caller has given up.
    Hang,
}

#[derive(Debug)]
struct Rule {
    method: &'static str,
    fault: Fault,
    left: u64,
}

#[derive(Debug, Default)]
struct Book {
    rules: Vec<Rule>,
    calls: BTreeMap<String, u64>,
    posts: u64,
}

/// A node's other face. It ends when it is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    /// Its URL.
    pub url: String,
    book: Arc<Mutex<Book>>,
    _stop: DropGuard,
}

#[derive(Clone)]
struct Passing {
    node: String,
    client: reqwest::Client,
    book: Arc<Mutex<Book>>,
}

impl FaultProxy {
    /// Starts one before a node.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn before(node: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a listener has an address"));
        let book = Arc::new(Mutex::new(Book::default()));
        let passing = Passing { node: node.to_owned(), client: http::client(), book: book.clone() };
        let router = Router::new().route("/", post(pass)).with_state(passing);
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            tokio::select! {
                _ = async { serving.await } => {}
                () = stopped => {}
            }
        });
        Self { url, book, _stop: stop.drop_guard() }
    }

    /// The next `count` calls of a method go wrong like this; `*` is any method.
    pub fn break_next(&self, method: &'static str, fault: Fault, count: u64) {
        lock(&self.book).rules.push(Rule { method, fault, left: count });
    }

    /// Everything goes well from now on.
    pub fn mend(&self) {
        lock(&self.book).rules.clear();
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> u64 {
        lock(&self.book).calls.get(method).copied().unwrap_or(0)
    }

    /// How many requests there were, each of which may hold many calls.
    pub fn posts(&self) -> u64 {
        lock(&self.book).posts
    }
}

fn lock(book: &Mutex<Book>) -> std::sync::MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn pass(State(passing): State<Passing>, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let calls: Vec<Value> = asked.as_array().cloned().unwrap_or_else(|| vec![asked.clone()]);
    lock(&passing.book).posts += 1;
    let mut answers = vec![];
    let mut is_lost = false;
    let mut is_truncated = false;
    for call in &calls {
        let method = call["method"].as_str().unwrap_or_default();
        let fault = {
            let mut book = lock(&passing.book);
            *book.calls.entry(method.to_owned()).or_default() += 1;
            let rule = book.rules.iter_mut().find(|rule| rule.left > 0 && [method, "*"].contains(&rule.method));
            rule.map(|rule| {
                rule.left -= 1;
                rule.fault.clone()
            })
        };
        let result = |result: Value| json!({"jsonrpc": "2.0", "id": call["id"], "result": result});
        answers.push(match fault {
            None => passing.ask(call).await,
            Some(Fault::LostReply) => {
                is_lost = true;
                passing.ask(call).await
            }
            Some(Fault::LostCall) => {
                is_lost = true;
                Value::Null
            }
            Some(Fault::Null) => result(Value::Null),
            Some(Fault::Result(value)) => result(value),
            Some(Fault::Refusal(code, message)) => {
                json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": code, "message": message}})
            }
            Some(Fault::Status(status)) => {
                return StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY).into_response();
            }
            Some(Fault::Truncated) => {
                is_truncated = true;
                passing.ask(call).await
            }
            Some(Fault::Hang) => {
                // Longer than anybody waits.
                tokio::time::sleep(Duration::from_secs(60)).await;
                Value::Null
            }
        });
    }
    let answer = if asked.is_array() { Value::Array(answers) } else { answers.pop().unwrap_or_default() };
    let text = answer.to_string();
    if is_lost {
        // A body that breaks off breaks the connection.
        let broken = futures_util::stream::once(async { Err::<Bytes, _>(std::io::Error::other("lost")) });
        return Body::from_stream(broken).into_response();
    }
    let text = if is_truncated { text[..text.len() / 2].to_owned() } else { text };
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

impl Passing {
    async fn ask(&self, call: &Value) -> Value {
        let response = self.client.post(&self.node).json(call).send().await;
        match response {
            Ok(response) => response.json().await.unwrap_or_default(),
            Err(error) => {
                json!({"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32000, "message": error.to_string()}})
            }
        }
    }
}
