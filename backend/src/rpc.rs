//! A chain's JSON-RPC, as far as reading its gas takes: two methods over the bounded client.
//!
//! The full provider library comes with the transaction manager; for two reads it would more than
//! double what there is to build.

use std::time::Duration;

use reqwest::Url;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::SecretUrl;
use crate::outbound::{Outbound, OutboundError, Patience};
use crate::telemetry;

const LARGEST_ANSWER: usize = 256 * 1024;

/// A chain's RPC.
#[derive(Debug, Clone)]
pub struct Rpc {
    http: Outbound,
    url: SecretUrl,
}

/// Why an RPC call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RpcError {
    /// It was not reached.
    #[error("the RPC failed: {0}")]
    Transport(#[from] OutboundError),
    /// It answered with an HTTP status of failure.
    #[error("the RPC answered with status {0}")]
    Status(u16),
    /// It refused the call.
    #[error("the RPC refused: {message} (code {code})")]
    Refused {
        /// Its code.
        code: i64,
        /// Its words.
        message: String,
    },
    /// Its answer is not what the method returns.
    #[error("the RPC's answer cannot be read: {0}")]
    Garbled(String),
}

impl RpcError {
    const fn outcome(&self) -> &'static str {
        match self {
            RpcError::Transport(OutboundError::Timeout) => "timeout",
            RpcError::Transport(_) => "unreachable",
            RpcError::Status(_) => "failed",
            RpcError::Refused { .. } => "refused",
            RpcError::Garbled(_) => "garbled",
        }
    }
}

#[derive(Serialize)]
struct Call<'a> {
    jsonrpc: &'static str,
    id: u32,
    method: &'a str,
    params: Value,
}

#[derive(Deserialize)]
struct Reply {
    result: Option<Value>,
    error: Option<ReplyError>,
}

#[derive(Deserialize)]
struct ReplyError {
    code: i64,
    message: String,
}

impl Rpc {
    /// The RPC at a URL.
    ///
    /// # Errors
    /// [`RpcError::Transport`] when no client can be made.
    pub fn new(url: &SecretUrl) -> Result<Rpc, RpcError> {
        let patience = Patience {
            connect: Duration::from_secs(3),
            silence: Duration::from_secs(4),
            whole: Duration::from_secs(6),
        };
        let http = Outbound::new(url.reveal(), patience)?;
        Ok(Rpc { http, url: url.clone() })
    }

    /// Calls a method.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn call<T: DeserializeOwned>(&self, method: &'static str, params: Value) -> Result<T, RpcError> {
        let started = std::time::Instant::now();
        let result = self.call_once(method, params).await;
        let outcome = result.as_ref().map_or_else(RpcError::outcome, |_| "ok");
        telemetry::count_upstream("rpc", method, outcome, started.elapsed());
        result
    }

    async fn call_once<T: DeserializeOwned>(&self, method: &str, params: Value) -> Result<T, RpcError> {
        let garbled = |error: serde_json::Error| RpcError::Garbled(error.to_string());
        let call = Call { jsonrpc: "2.0", id: 1, method, params };
        let body = serde_json::to_string(&call).map_err(garbled)?;
        let url: Url = self.url.reveal().clone();
        let answer = self.http.post_json(url, body, LARGEST_ANSWER).await?;
        // Some servers put JSON-RPC errors under a status of failure: look into the body first.
        match serde_json::from_slice::<Reply>(&answer.body) {
            Ok(Reply { error: Some(error), .. }) => {
                Err(RpcError::Refused { code: error.code, message: error.message.chars().take(200).collect() })
            }
            Ok(Reply { result: Some(result), .. }) => serde_json::from_value(result).map_err(garbled),
            _ if answer.status != 200 => Err(RpcError::Status(answer.status)),
            Ok(Reply { result: None, error: None }) => Err(RpcError::Garbled("neither result nor error".into())),
            Err(error) => Err(garbled(error)),
        }
    }
}
