//! One node: JSON-RPC over the bounded client, at a pace, with a memory of how it fared.
//!
//! A call goes out once. Who else is asked when it fails is decided in [`super::Nodes`]; what is sent again is
//! decided by the core.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use alloy_primitives::Bytes;
use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;
use shared::breaker::Policy;
use shared::chain::Chain;
use shared::time::Timestamp;
use tokio::time::Instant;

use super::wording;
use crate::breaker::Breaker;
use crate::clock::SharedClock;
use crate::config::SecretUrl;
use crate::outbound::{Outbound, OutboundError, Patience, fault_in};
use crate::telemetry;

/// A block with a few hundred whole transactions fits.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// The longest one waits for a node's turn; after that another is asked.
const LONGEST_QUEUE: Duration = Duration::from_secs(1);
/// Who fails so often in a row is left alone for so long.
const BREAKER: Policy = Policy { name: "rpc", failures: 5, open_ms: 30_000, successes: 1 };

/// Why a node gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// It was not reached.
    #[error("the RPC failed: {0}")]
    Transport(#[from] OutboundError),
    /// It answered with an HTTP status of failure.
    #[error("the RPC answered with status {0}")]
    Status(u16),
    /// It asks to be left alone for a while.
    #[error("the RPC asks to wait {wait_ms} ms")]
    Throttled {
        /// For how long, in milliseconds.
        wait_ms: u64,
    },
    /// It refused the call.
    #[error("the RPC refused: {message} (code {code})")]
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
        /// What the call returned, where it reverted.
        data: Option<Bytes>,
    },
    /// Its answer is not what the method returns.
    #[error("the RPC's answer cannot be read: {0}")]
    Garbled(String),
    /// It serves another chain than it was configured for.
    #[error("the RPC serves chain {found} and not {expected}: its URL is wrong")]
    WrongChain {
        /// The chain it serves.
        found: u64,
        /// The chain it should.
        expected: u64,
    },
    /// It has not seen blocks that others have.
    #[error("the RPC is {behind} blocks behind the others")]
    Lags {
        /// So many.
        behind: u64,
    },
    /// No node is configured, or none may be asked now.
    #[error("no RPC of {0} can be asked now (FOOLSCAP_RPC_{id} names them)", id = .0.id())]
    NoNode(Chain),
}

impl RpcError {
    /// The refusal of a call that reverts, as against one that could not be made.
    pub fn is_revert(&self) -> bool {
        match self {
            // EIP-1474 has no code for it; geth and those that follow it use 3.
            RpcError::Refused { code, data, message } => {
                *code == 3 || data.is_some() || wording::says_reverted(message)
            }
            _ => false,
        }
    }

    /// Whether another node may do better: this one did not do its work.
    pub(crate) const fn is_the_nodes(&self) -> bool {
        match self {
            // "Limit exceeded", "method not found", "method not supported" and "resource unavailable" (EIP-1474).
            RpcError::Refused { code, .. } => matches!(*code, -32005 | -32601 | -32004 | -32002),
            _ => true,
        }
    }

    const fn outcome(&self) -> &'static str {
        match self {
            RpcError::Transport(OutboundError::Timeout) => "timeout",
            RpcError::Transport(_) | RpcError::NoNode(_) => "unreachable",
            RpcError::Status(_) => "failed",
            RpcError::Throttled { .. } => "throttled",
            RpcError::Refused { .. } => "refused",
            RpcError::Garbled(_) => "garbled",
            RpcError::WrongChain { .. } => "wrong_chain",
            RpcError::Lags { .. } => "lags",
        }
    }
}

/// A node of a chain.
#[derive(Debug)]
pub struct Node {
    pub(super) breaker: Breaker,
    http: Outbound,
    url: SecretUrl,
    clock: SharedClock,
    /// Between two calls.
    spacing: Duration,
    standing: Mutex<Standing>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// Whether it is known to serve its chain.
    pub(super) is_checked: bool,
    /// The last block it told of.
    pub(super) head: u64,
    /// Not to be asked before, where another can be.
    pub(super) aside_until: Option<Timestamp>,
    /// Its turn.
    next_call: Option<Instant>,
}

#[derive(Serialize)]
struct Call<'a> {
    jsonrpc: &'static str,
    id: usize,
    method: &'a str,
    params: &'a Value,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    id: Option<usize>,
    // `null` is a result too.
    #[serde(default, deserialize_with = "present")]
    result: Option<Value>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Value>,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Reply {
    fn read(self) -> Result<Value, RpcError> {
        match self {
            Reply { error: Some(error), .. } => Err(RpcError::Refused {
                code: error.code,
                message: error.message.chars().take(300).collect(),
                data: error.data.as_ref().and_then(returned),
            }),
            Reply { result: Some(result), .. } => Ok(result),
            Reply { result: None, error: None, .. } => Err(RpcError::Garbled("neither result nor error".into())),
        }
    }
}

/// What a reverted call returned: geth and anvil give it as it is, Hardhat inside an object.
fn returned(data: &Value) -> Option<Bytes> {
    match data {
        Value::String(text) => text.parse().ok(),
        Value::Object(fields) => fields.get("data").and_then(returned),
        _ => None,
    }
}

impl Node {
    /// The node at a URL, asked so often a second at most.
    ///
    /// # Errors
    /// [`RpcError::Transport`] when no client can be made.
    pub fn new(url: &SecretUrl, calls_per_second: u32, clock: SharedClock) -> Result<Node, RpcError> {
        let patience = Patience {
            connect: Duration::from_secs(3),
            silence: Duration::from_secs(4),
            whole: Duration::from_secs(6),
        };
        let http = Outbound::new(url.reveal(), patience)?;
        let spacing = Duration::from_secs(1) / calls_per_second.max(1);
        let breaker = Breaker::new(BREAKER, clock.clone());
        Ok(Node { breaker, http, url: url.clone(), clock, spacing, standing: Mutex::default() })
    }

    /// Its host, which is all of its URL that may be shown.
    pub fn host(&self) -> &str {
        self.url.reveal().host_str().unwrap_or_default()
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, RpcError> {
        let body = spell(&Call { jsonrpc: "2.0", id: 0, method, params: &params })?;
        let answer: Reply = self.post(method, 1, body).await?;
        read(answer.read()?)
    }

    /// Calls several methods at once: an answer to each, in their order.
    ///
    /// # Errors
    /// [`RpcError`], when there is no answer to all of them.
    pub async fn batch(&self, calls: &[(&'static str, Value)]) -> Result<Vec<Result<Value, RpcError>>, RpcError> {
        if calls.is_empty() {
            return Ok(vec![]);
        }
        let spelled: Vec<Call<'_>> = calls
            .iter()
            .enumerate()
            .map(|(id, (method, params))| Call { jsonrpc: "2.0", id, method, params })
            .collect();
        let body = spell(&spelled)?;
        let count = u32::try_from(calls.len()).unwrap_or(u32::MAX);
        let replies: Vec<Reply> = self.post("batch", count, body).await?;
        let mut answers: Vec<Option<Result<Value, RpcError>>> = calls.iter().map(|_| None).collect();
        for reply in replies {
            // In any order, says the specification.
            if let Some(place) = reply.id.and_then(|id| answers.get_mut(id)) {
                *place = Some(reply.read());
            }
        }
        let missing = || RpcError::Garbled("a batch was answered in part".into());
        answers.into_iter().map(|answer| answer.ok_or_else(missing)).collect()
    }

    async fn post<T: DeserializeOwned>(&self, method: &'static str, calls: u32, body: String) -> Result<T, RpcError> {
        self.wait_for_turn(calls).await?;
        let started = std::time::Instant::now();
        let result = self.post_once(body).await;
        let outcome = result.as_ref().map_or_else(RpcError::outcome, |_| "ok");
        telemetry::count_upstream("rpc", method, outcome, started.elapsed());
        if let Err(RpcError::Throttled { wait_ms }) = &result {
            self.set_aside(*wait_ms);
        }
        result
    }

    async fn post_once<T: DeserializeOwned>(&self, body: String) -> Result<T, RpcError> {
        let url: Url = self.url.reveal().clone();
        let answer = self.http.post_json(url, body, LARGEST_ANSWER).await?;
        if answer.status == 429 {
            return Err(RpcError::Throttled { wait_ms: answer.retry_after.unwrap_or(2).clamp(1, 60) * 1_000 });
        }
        // Some servers put JSON-RPC errors under a status of failure: look into the body first.
        match serde_json::from_slice::<T>(&answer.body) {
            Ok(reply) => Ok(reply),
            Err(_) if answer.status != 200 => Err(RpcError::Status(answer.status)),
            Err(error) => match serde_json::from_slice::<Reply>(&answer.body) {
                // One error for a whole batch.
                Ok(reply @ Reply { error: Some(_), .. }) => match reply.read() {
                    Err(refused) => Err(refused),
                    Ok(_) => Err(RpcError::Garbled(fault_in(&error))),
                },
                Ok(_) | Err(_) => Err(RpcError::Garbled(fault_in(&error))),
            },
        }
    }

    /// Keeps to the pace; whoever would wait for too long hears so at once.
    async fn wait_for_turn(&self, calls: u32) -> Result<(), RpcError> {
        let now = Instant::now();
        let at = {
            let mut standing = self.standing();
            // What was not used is not saved beyond a second's worth.
            let at = standing.next_call.map_or(now, |next| next.max(now.checked_sub(LONGEST_QUEUE).unwrap_or(now)));
            let wait = at.saturating_duration_since(now);
            if wait > LONGEST_QUEUE {
                let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
                return Err(RpcError::Throttled { wait_ms });
            }
            standing.next_call = Some(at + self.spacing * calls);
            at
        };
        tokio::time::sleep_until(at).await;
        Ok(())
    }

    /// Leaves it alone for so long, while there is another.
    pub(super) fn set_aside(&self, ms: u64) {
        let until = self.clock.now().plus_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        self.standing().aside_until = Some(until);
    }

    pub(super) fn is_aside(&self) -> bool {
        let now = self.clock.now();
        self.standing().aside_until.is_some_and(|until| now < until)
    }

    /// Nothing panics while it holds the lock; were it to, what is inside would still be whole.
    pub(super) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn spell(call: &impl Serialize) -> Result<String, RpcError> {
    serde_json::to_string(call).map_err(|error| RpcError::Garbled(fault_in(&error)))
}

/// A result as what the method returns.
///
/// # Errors
/// [`RpcError::Garbled`].
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, RpcError> {
    serde_json::from_value(value).map_err(|error| RpcError::Garbled(fault_in(&error)))
}
