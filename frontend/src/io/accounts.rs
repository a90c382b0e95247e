//! What a device asks of the server about an account: its copy of the journal, who writes, links for readers.
//!
//! The token that opens the account travels in a header, never in an address.

use gloo_net::http::{Method, RequestBuilder};
use js_sys::{Function, Object, Reflect};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::ids::AccountId;
use shared::wire::accounts::{JournalHead, Lease};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::AbortSignal;

/// No question waits longer than this: a page of a journal may be on its way for a while.
const TIMEOUT_MS: u32 = 30_000;

/// Why the server did not do it.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refused {
    /// Nobody answered.
    #[error("the server cannot be reached")]
    Unreachable,
    /// This server keeps no accounts: it is older than they are, or no Foolscap at all.
    #[error("this server keeps no copies of accounts")]
    Absent,
    /// The server said why.
    #[error("{}", .0.words())]
    Said(Box<Told>),
}

/// What a refusal says: see [`shared::wire::Problem`].
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub struct Told {
    /// The HTTP status.
    #[serde(default)]
    pub status: u16,
    /// Which problem it is.
    #[serde(default, rename = "type")]
    reference: String,
    #[serde(default)]
    title: String,
    detail: Option<String>,
    /// The end of the copy, where it goes on elsewhere.
    pub head: Option<JournalHead>,
    /// Who writes, where somebody else does.
    pub lease: Option<Lease>,
    /// The line at fault.
    pub line: Option<u64>,
}

impl Told {
    fn words(&self) -> &str {
        self.detail.as_deref().unwrap_or(&self.title)
    }
}

impl Refused {
    /// The HTTP status of what the server said; 0 where it said nothing.
    pub fn status(&self) -> u16 {
        match self {
            Refused::Said(told) => told.status,
            Refused::Unreachable | Refused::Absent => 0,
        }
    }
}

/// Asks, and reads the answer.
///
/// # Errors
/// [`Refused`].
pub async fn ask<T: DeserializeOwned>(
    method: Method,
    account: AccountId,
    what: &str,
    token: &str,
    body: Option<String>,
) -> Result<T, Refused> {
    let text = say(method, account, what, token, body).await?;
    // An answer that does not read is none.
    serde_json::from_str(&text).map_err(|_| Refused::Unreachable)
}

/// Asks for something whose answer says nothing more than that it is done.
///
/// # Errors
/// [`Refused`].
pub async fn say(
    method: Method,
    account: AccountId,
    what: &str,
    token: &str,
    body: Option<String>,
) -> Result<String, Refused> {
    send(method, &path(account, what), token, None, body).await
}

/// Asks at a path, by a token. With a `key` the same request is done once, however often it is sent.
///
/// # Errors
/// [`Refused`].
pub async fn send(
    method: Method,
    path: &str,
    token: &str,
    key: Option<&str>,
    body: Option<String>,
) -> Result<String, Refused> {
    let signal = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let mut request = RequestBuilder::new(path)
        .method(method)
        .header("accept", "application/json")
        .header("authorization", &bearer(token))
        .cache(web_sys::RequestCache::NoStore)
        .abort_signal(Some(&signal));
    if let Some(key) = key {
        request = request.header("idempotency-key", key);
    }
    let request = match body {
        Some(body) => request.header("content-type", "application/json").body(body),
        None => request.build(),
    };
    let response = request.map_err(|_| Refused::Unreachable)?.send().await.map_err(|_| Refused::Unreachable)?;
    let kind = response.headers().get("content-type").unwrap_or_default();
    let status = response.status();
    let text = response.text().await.map_err(|_| Refused::Unreachable)?;
    if response.ok() {
        return Ok(text);
    }
    if !kind.starts_with("application/problem+json") {
        // A gateway that stands before a dead server answers in its own words.
        return Err(if matches!(status, 502..=504) { Refused::Unreachable } else { Refused::Absent });
    }
    let told: Told = serde_json::from_str(&text).unwrap_or_default();
    let is_absent = told.reference.ends_with("#problem-not-found") || status == 405;
    Err(if is_absent { Refused::Absent } else { Refused::Said(Box::new(Told { status, ..told })) })
}

/// Asks while the page goes away: nobody hears the answer.
pub fn say_at_last(method: &str, account: AccountId, what: &str, token: &str) {
    let ask = || -> Result<(), JsValue> {
        let (how, headers) = (Object::new(), Object::new());
        Reflect::set(&headers, &"authorization".into(), &bearer(token).into())?;
        Reflect::set(&how, &"method".into(), &method.into())?;
        Reflect::set(&how, &"keepalive".into(), &true.into())?;
        Reflect::set(&how, &"headers".into(), &headers)?;
        let window: JsValue = web_sys::window().into();
        let fetch: Function = Reflect::get(&window, &"fetch".into())?.dyn_into()?;
        fetch.call2(&window, &path(account, what).into(), &how)?;
        Ok(())
    };
    // A page that cannot even ask is gone already: the lease ends by itself.
    let _ = ask();
}

fn path(account: AccountId, what: &str) -> String {
    ["/api/v1/accounts/", &account.to_string(), "/", what].concat()
}

fn bearer(token: &str) -> String {
    ["Bearer ", token].concat()
}
