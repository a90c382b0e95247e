//! Who may call, and how often: keys, calls a minute, credits a month.

use std::collections::VecDeque;

use axum::{
    http::{HeaderMap, Uri},
    response::Response,
};
use serde::{Deserialize, Serialize};

use super::answer;

/// The header of a Demo key.
pub const DEMO_HEADER: &str = "x-cg-demo-api-key";
/// The header of a Pro key.
pub const PRO_HEADER: &str = "x-cg-pro-api-key";
const MINUTE_MS: i64 = 60_000;

/// Which of CoinGecko's two hosts the stand-in plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Host {
    /// `api.coingecko.com`: no key, or a Demo key.
    Public,
    /// `pro-api.coingecko.com`: a Pro key.
    Pro,
}

/// How a 429 looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Throttle {
    /// `{"status":{"error_code":429,…}}`
    Json,
    /// `Throttled`
    Text,
    /// `error code: 1015`
    Network,
}

/// The limits that a plan has. All of them are guesses at a service that changes them: set them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Calls in any 60 seconds, refused ones counted; `None` has no limit.
    pub calls_per_minute: Option<usize>,
    /// Answers of status 200 that are left; `None` has no limit.
    pub credits: Option<u64>,
    /// Ids in one `/simple/price`.
    pub max_ids: Option<usize>,
    /// Addresses in one `/simple/token_price`.
    pub max_addresses: Option<usize>,
    /// Addresses in one `/pools/multi`.
    pub max_pools: usize,
    /// Days of history; `None` has all of it.
    pub history_days: Option<u32>,
    /// How a 429 looks.
    pub throttle: Throttle,
    /// Whether a 429 says when to come back.
    pub retry_after: bool,
}

impl Default for Limits {
    /// The Demo plan, as far as it is known.
    fn default() -> Self {
        Self {
            calls_per_minute: Some(30),
            credits: Some(10_000),
            max_ids: None,
            max_addresses: Some(1),
            max_pools: 30,
            history_days: Some(365),
            throttle: Throttle::Json,
            retry_after: true,
        }
    }
}

/// Counts calls and looks at keys.
#[derive(Debug)]
pub struct Gate {
    host: Host,
    /// The keys it accepts now.
    pub keys: Vec<String>,
    /// The limits now.
    pub limits: Limits,
    recent_ms: VecDeque<i64>,
}

impl Gate {
    /// A gate of one host that knows these keys.
    pub fn new(host: Host, keys: Vec<String>, limits: Limits) -> Self {
        Self { host, keys, limits, recent_ms: VecDeque::new() }
    }

    /// Counts a call and answers it if it may not pass.
    pub fn check(&mut self, headers: &HeaderMap, uri: &Uri, at_ms: i64) -> Option<Response> {
        self.count(at_ms).or_else(|| self.check_key(headers, uri, at_ms)).or_else(|| self.check_credits())
    }

    /// An answer of status 200 went out.
    pub fn spend(&mut self) {
        if let Some(credits) = &mut self.limits.credits {
            *credits = credits.saturating_sub(1);
        }
    }

    fn count(&mut self, at_ms: i64) -> Option<Response> {
        self.recent_ms.retain(|call_ms| at_ms - call_ms < MINUTE_MS);
        self.recent_ms.push_back(at_ms);
        let limit = self.limits.calls_per_minute?;
        let over = self.recent_ms.len().checked_sub(limit).filter(|over| *over > 0)?;
        // Enough of the oldest calls have to leave the window for one more to fit.
        let free_ms = self.recent_ms.get(over).map_or(at_ms, |call_ms| call_ms + MINUTE_MS);
        let wait_s = (free_ms - at_ms).unsigned_abs().div_ceil(1000).max(1);
        Some(self.throttled(Some(wait_s)))
    }

    fn check_key(&self, headers: &HeaderMap, uri: &Uri, at_ms: i64) -> Option<Response> {
        let demo = key_of(headers, uri, DEMO_HEADER);
        let pro = key_of(headers, uri, PRO_HEADER);
        let code = match (self.host, demo, pro) {
            (Host::Public, _, Some(_)) => 10010,
            (Host::Pro, Some(_), _) => 10011,
            (Host::Public, None, None) => return None,
            (Host::Public, Some(key), None) | (Host::Pro, None, Some(key)) if self.keys.contains(&key) => return None,
            (Host::Public, Some(_), None) | (Host::Pro, None, _) => 10002,
        };
        Some(answer::key_refused(code, at_ms))
    }

    fn check_credits(&self) -> Option<Response> {
        (self.limits.credits == Some(0)).then(|| self.throttled(None))
    }

    fn throttled(&self, wait_s: Option<u64>) -> Response {
        let response = match self.limits.throttle {
            Throttle::Json => answer::throttled_json(),
            Throttle::Text => answer::throttled_text(),
            Throttle::Network => answer::throttled_1015(),
        };
        answer::with_retry_after(response, wait_s.filter(|_| self.limits.retry_after))
    }
}

/// Upstream takes a key from the query too (with underscores), so the stand-in does; the call log
/// shows it, because it must not happen.
pub fn key_of(headers: &HeaderMap, uri: &Uri, name: &str) -> Option<String> {
    if let Some(value) = headers.get(name) {
        return Some(String::from_utf8_lossy(value.as_bytes()).into_owned());
    }
    let parameter = format!("{}=", name.replace('-', "_"));
    let found = uri.query()?.split('&').find_map(|pair| pair.strip_prefix(&parameter))?;
    Some(found.to_owned())
}
