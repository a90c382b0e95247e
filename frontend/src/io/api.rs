//! The backend's HTTP API: questions with a deadline, answers as `shared::wire` has them.

use gloo_net::http::Request;
use serde::de::DeserializeOwned;
use shared::token::TokenKey;
use shared::wire::{Gas, Markets, Prices, Problem, Status};
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
    /// The server answered with a problem.
    #[error("{}", .0.detail.as_deref().unwrap_or(&.0.title))]
    Problem(Box<Problem>),
    /// The answer does not read.
    #[error("the server's answer cannot be read: {0}")]
    Malformed(String),
}

/// What the server is.
///
/// # Errors
/// [`ApiError`].
pub async fn status() -> Result<Status, ApiError> {
    let (status, asked): (Status, Asked) = get("/api/v1/status").await?;
    clock::learn(status.now, asked);
    Ok(status)
}

/// Prices of `tokens`, and of the coins of their chains.
///
/// # Errors
/// [`ApiError`].
pub async fn prices(tokens: &[TokenKey]) -> Result<Prices, ApiError> {
    let mut whole: Option<Prices> = None;
    for chunk in tokens.chunks(CHUNK) {
        let (part, asked): (Prices, Asked) = get(&format!("/api/v1/prices?tokens={}", list(chunk))).await?;
        clock::learn(part.now, asked);
        match &mut whole {
            None => whole = Some(part),
            Some(whole) => {
                whole.prices.extend(part.prices);
                whole.missing.extend(part.missing);
                whole.natives.extend(part.natives);
            }
        }
    }
    whole.ok_or_else(|| ApiError::Malformed("no token was asked for".to_owned()))
}

/// How deep the markets of `tokens` are.
///
/// # Errors
/// [`ApiError`].
pub async fn markets(tokens: &[TokenKey]) -> Result<Markets, ApiError> {
    let mut whole = Markets { markets: Vec::new() };
    for chunk in tokens.chunks(CHUNK) {
        let (part, _): (Markets, Asked) = get(&format!("/api/v1/markets?tokens={}", list(chunk))).await?;
        whole.markets.extend(part.markets);
    }
    Ok(whole)
}

/// What gas costs on every chain.
///
/// # Errors
/// [`ApiError`].
pub async fn gas() -> Result<Gas, ApiError> {
    Ok(get("/api/v1/gas?chain=all").await?.0)
}

fn list(tokens: &[TokenKey]) -> String {
    let names: Vec<String> = tokens.iter().map(TokenKey::to_string).collect();
    names.join(",")
}

async fn get<T: DeserializeOwned>(path: &str) -> Result<(T, Asked), ApiError> {
    let (text, asked) = fetch(path).await?;
    Ok((read(&text)?, asked))
}

/// The body of a good answer. Not generic: there is one of it, however many answers there are.
async fn fetch(path: &str) -> Result<(String, Asked), ApiError> {
    let signal = AbortSignal::timeout_with_u32(TIMEOUT_MS);
    let asked = clock::ask();
    let response = Request::get(path)
        .header("accept", "application/json")
        .abort_signal(Some(&signal))
        .send()
        .await
        .map_err(|_| ApiError::Unreachable)?;
    let kind = response.headers().get("content-type").unwrap_or_default();
    if !kind.starts_with("application/json") && !kind.starts_with("application/problem+json") {
        // A gateway that stands before a dead server answers in its own words.
        return Err(if matches!(response.status(), 502..=504) { ApiError::Unreachable } else { ApiError::NotAnApi });
    }
    let text = response.text().await.map_err(|_| ApiError::Unreachable)?;
    if response.ok() { Ok((text, asked)) } else { Err(ApiError::Problem(Box::new(read(&text)?))) }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ApiError> {
    serde_json::from_str(text).map_err(|error| ApiError::Malformed(error.to_string()))
}
