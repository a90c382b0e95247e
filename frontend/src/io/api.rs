//! The backend's HTTP API: questions with a deadline, answers as `shared::wire` has them.

use gloo_net::http::{Request, Response};
use js_sys::Promise;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use shared::token::TokenKey;
use shared::wire::{Gas, Greeting, Markets, Prices};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::AbortSignal;

use super::clock::{self, Asked};

/// No question waits longer than this.
const TIMEOUT_MS: u32 = 8_000;
/// Tokens asked for in one call: well below any limit on the length of an address.
const CHUNK: usize = 100;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// Nobody answered in time.
    #[error("the server cannot be reached")]
    Unreachable,
    /// Somebody answered, but not this API: a static host, or a proxy's page.
    #[error("there is no Foolscap server here")]
    NotAnApi,
    /// The server answered with a problem, in these words.
    #[error("{0}")]
    Problem(String),
    /// The answer does not read.
    #[error("the server's answer cannot be read: {0}")]
    Malformed(String),
}

// `frontend/begin/begin.js`, which greets the server before the app is there.
#[wasm_bindgen]
extern "C" {
    type Greeted;
    #[wasm_bindgen(js_namespace = foolscap, js_name = greeting)]
    fn greeted() -> Option<Greeted>;
    #[wasm_bindgen(method, getter)]
    fn asked(this: &Greeted) -> f64;
    #[wasm_bindgen(method, getter)]
    fn answer(this: &Greeted) -> Promise;
}

/// What the server is.
///
/// # Errors
/// [`ApiError`].
pub async fn greet() -> Result<Greeting, ApiError> {
    let (text, asked) = match greeted() {
        Some(early) => {
            let answer = JsFuture::from(early.answer()).await.map_err(|_| ApiError::Unreachable)?;
            let answer: web_sys::Response = answer.unchecked_into();
            (body(answer.into()).await?, clock::asked_at(early.asked()))
        }
        None => fetch("/api/v1/status").await?,
    };
    let greeting: Greeting = read(&text)?;
    clock::learn(greeting.now, asked);
    Ok(greeting)
}

/// An answer to a question that may take several calls, and the words it came in: what this device keeps
/// for a visit without a backend.
pub struct Answer<T> {
    /// What was answered, a part a call.
    pub parts: Vec<T>,
    /// The bodies as they came, a line each.
    pub words: String,
}

impl<T: DeserializeOwned> Answer<T> {
    /// Reads kept words again; what does not read is left out.
    pub fn recall(words: &str) -> Vec<T> {
        words.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    fn add(&mut self, text: &str) -> Result<(), ApiError> {
        self.parts.push(read(text)?);
        // JSON needs no line breaks: whatever stood between, a body is a line.
        self.words.extend(text.split(['\n', '\r']));
        self.words.push('\n');
        Ok(())
    }
}

/// What the server answers at `path`, for a page that shows its figures and decides nothing by them.
///
/// # Errors
/// [`ApiError`].
pub async fn figures(path: &str) -> Result<JsValue, ApiError> {
    let (text, _) = fetch(path).await?;
    js_sys::JSON::parse(&text).map_err(|_| ApiError::Malformed("it is no JSON".to_owned()))
}

/// Prices of `tokens`, and of the coins of their chains.
///
/// # Errors
/// [`ApiError`].
pub async fn prices(tokens: &[TokenKey]) -> Result<Answer<Prices>, ApiError> {
    let mut answer = Answer::<Prices> { parts: Vec::new(), words: String::new() };
    for chunk in tokens.chunks(CHUNK) {
        let (text, asked) = fetch(&format!("/api/v1/prices?tokens={}", list(chunk))).await?;
        answer.add(&text)?;
        if let Some(part) = answer.parts.last() {
            clock::learn(part.now, asked);
        }
    }
    Ok(answer)
}

/// How deep the markets of `tokens` are.
///
/// # Errors
/// [`ApiError`].
pub async fn markets(tokens: &[TokenKey]) -> Result<Answer<Markets>, ApiError> {
    let mut answer = Answer { parts: Vec::new(), words: String::new() };
    for chunk in tokens.chunks(CHUNK) {
        answer.add(&fetch(&format!("/api/v1/markets?tokens={}", list(chunk))).await?.0)?;
    }
    Ok(answer)
}

/// What gas costs on every chain.
///
/// # Errors
/// [`ApiError`].
pub async fn gas() -> Result<Answer<Gas>, ApiError> {
    let mut answer = Answer { parts: Vec::new(), words: String::new() };
    answer.add(&fetch("/api/v1/gas?chain=all").await?.0)?;
    Ok(answer)
}

fn list(tokens: &[TokenKey]) -> String {
    let names: Vec<String> = tokens.iter().map(TokenKey::to_string).collect();
    names.join(",")
}

/// The body of a good answer.
pub(super) async fn fetch(path: &str) -> Result<(String, Asked), ApiError> {
    let signal = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let asked = clock::ask();
    let response = Request::get(path)
        .header("accept", "application/json")
        // The server's clock stands in the answer: one out of the browser's cache would set ours back.
        .cache(web_sys::RequestCache::NoStore)
        .abort_signal(Some(&signal))
        .send()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    Ok((body(response).await?, asked))
}

/// The words of a good answer.
async fn body(response: Response) -> Result<String, ApiError> {
    let kind = response.headers().get("content-type").unwrap_or_default();
    if !kind.starts_with("application/json") && !kind.starts_with("application/problem+json") {
        // A gateway that stands before a dead server answers in its own words.
        return Err(if matches!(response.status(), 502..=504) { ApiError::Unreachable } else { ApiError::NotAnApi });
    }
    let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
    if response.ok() { Ok(text) } else { Err(ApiError::Problem(read::<Words>(&text)?.said())) }
}

/// What a person reads of a [`shared::wire::Problem`].
#[derive(Deserialize)]
struct Words {
    #[serde(default)]
    title: String,
    detail: Option<String>,
}

impl Words {
    fn said(self) -> String {
        self.detail.unwrap_or(self.title)
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::Malformed(error.to_string()))
}
