//! Scripted faults: what the stand-in does instead of answering well.

use std::collections::{BTreeMap, VecDeque};

use axum::{body::Body, response::Response};
use serde::{Deserialize, Serialize};

use super::answer;

/// A call's kind, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `/ping`
    Ping,
    /// `/simple/price`
    SimplePrice,
    /// `/simple/token_price/{platform}`
    TokenPrice,
    /// `/coins/list`
    CoinsList,
    /// `/coins/markets`
    Markets,
    /// `/coins/{platform}/contract/{address}`
    Contract,
    /// `/coins/{id}/market_chart`
    MarketChart,
    /// `/coins/{id}/ohlc`
    Ohlc,
    /// `/onchain/networks/{network}/tokens/{address}/pools`
    TokenPools,
    /// `/onchain/networks/{network}/pools/multi/{addresses}`
    PoolsMulti,
    /// Any other path. As a fault's place: every endpoint.
    Any,
}

impl Endpoint {
    /// The kind of a path below the API's root.
    pub fn of(path: &str) -> Self {
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        match parts[..] {
            ["ping"] => Self::Ping,
            ["simple", "price"] => Self::SimplePrice,
            ["simple", "token_price", _] => Self::TokenPrice,
            ["coins", "list"] => Self::CoinsList,
            ["coins", "markets"] => Self::Markets,
            ["coins", _, "contract", _] => Self::Contract,
            ["coins", _, "market_chart"] => Self::MarketChart,
            ["coins", _, "ohlc"] => Self::Ohlc,
            ["onchain", "networks", _, "tokens", _, "pools"] => Self::TokenPools,
            ["onchain", "networks", _, "pools", "multi", _] => Self::PoolsMulti,
            _ => Self::Any,
        }
    }
}

/// What goes wrong. In JSON: `{"kind": "throttled_json", "retry_after": 7}` and so on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// 429, code 429 inside `status`.
    ThrottledJson {
        /// Seconds in the `retry-after` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 429, the word `Throttled`.
    ThrottledText {
        /// Seconds in the `retry-after` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 429 from the network in front, `error code: 1015`.
    Throttled1015 {
        /// Seconds in the `retry-after` header.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// 401 with a code: 10002, 10004, 10005, 10010, 10011.
    KeyRefused {
        /// The code.
        code: u32,
    },
    /// 400 with 10010 or 10011, code and message apart.
    WrongHost {
        /// The code.
        code: u32,
    },
    /// 400 with 10012: more ids or addresses than this.
    TooMany {
        /// The limit that the message names.
        limit: usize,
    },
    /// 401 with 10012 nested in `error.status`: history beyond the plan.
    BeyondTimeRange,
    /// 404 `coin not found`.
    CoinNotFound,
    /// A proxy's page.
    Html {
        /// Its status, 200 too.
        status: u16,
    },
    /// No body.
    Empty {
        /// Its status, 200 too.
        status: u16,
    },
    /// Any answer.
    Answer {
        /// Status.
        status: u16,
        /// Body, sent as JSON.
        body: String,
    },
    /// The good answer cut in half, complete as far as HTTP can tell.
    TruncatedJson,
    /// The good answer with `null` for every price.
    NullPrice,
    /// The good answer with this number's text for every price, `1e-18` for one.
    Price {
        /// JSON number text.
        text: String,
    },
    /// The good answer, this much later by the stand-in's clock.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// No answer, ever.
    Hang,
    /// The connection closes without an answer.
    Disconnect,
    /// The connection closes in the middle of the body.
    DisconnectMidBody,
}

/// A price that takes every price's place in one answer; `None` is `null`.
#[derive(Clone, Debug)]
pub struct EveryPrice(pub Option<String>);

/// Marks an answer whose connection closes instead.
#[derive(Clone, Debug)]
pub struct HangUp;

impl Fault {
    /// The answer, where the fault is one by itself.
    pub fn answer(&self, at_ms: i64) -> Option<Response> {
        Some(match self {
            Self::ThrottledJson { retry_after } => answer::with_retry_after(answer::throttled_json(), *retry_after),
            Self::ThrottledText { retry_after } => answer::with_retry_after(answer::throttled_text(), *retry_after),
            Self::Throttled1015 { retry_after } => answer::with_retry_after(answer::throttled_1015(), *retry_after),
            Self::KeyRefused { code } => answer::key_refused(*code, at_ms),
            Self::WrongHost { code } => answer::wrong_host(*code, at_ms),
            Self::TooMany { limit } => answer::too_many("coin ids", *limit, at_ms),
            Self::BeyondTimeRange => answer::beyond_time_range(at_ms),
            Self::CoinNotFound => answer::coin_not_found(),
            Self::Html { status } => answer::html(*status),
            Self::Empty { status } => answer::empty(*status),
            Self::Answer { status, body } => answer::text(*status, "application/json; charset=utf-8", body.clone()),
            Self::Disconnect => {
                let mut response = Response::new(Body::empty());
                response.extensions_mut().insert(HangUp);
                response
            }
            Self::TruncatedJson
            | Self::NullPrice
            | Self::Price { .. }
            | Self::Delay { .. }
            | Self::Hang
            | Self::DisconnectMidBody => return None,
        })
    }
}

/// The faults that wait for calls.
#[derive(Debug, Default)]
pub struct Faults {
    queued: BTreeMap<Endpoint, VecDeque<Fault>>,
    lasting: BTreeMap<Endpoint, Fault>,
}

impl Faults {
    /// Adds a fault for one call.
    pub fn queue(&mut self, endpoint: Endpoint, fault: Fault) {
        self.queued.entry(endpoint).or_default().push_back(fault);
    }

    /// Sets a fault for every call from now on.
    pub fn last(&mut self, endpoint: Endpoint, fault: Fault) {
        self.lasting.insert(endpoint, fault);
    }

    /// Takes back every fault.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// The fault for a call: queued before lasting, the endpoint's own before one for all.
    pub fn next(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let places = [endpoint, Endpoint::Any];
        let queued = places.iter().find_map(|place| self.queued.get_mut(place)?.pop_front());
        queued.or_else(|| places.iter().find_map(|place| self.lasting.get(place).cloned()))
    }
}
