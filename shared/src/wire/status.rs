//! `GET /api/v1/status`: what the server is, and how well its sources serve it.

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::market::MarketKind;
use crate::quote::Thresholds;
use crate::time::Timestamp;

/// The server, at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Status {
    /// The server's version.
    pub version: String,
    /// The server's clock.
    pub now: Timestamp,
    /// When it started.
    pub started_at: Timestamp,
    /// Which market a desk opened here begins with. The demo market needs no server: the app runs it.
    pub market: MarketKind,
    /// The chain id a call means when it names none.
    pub default_chain: Chain,
    /// The ages at which a price stops being fresh, and stops being stale.
    pub thresholds: Thresholds,
    /// The price source.
    pub prices: UpstreamStatus,
    /// The chains' RPCs, for gas.
    pub rpcs: Vec<RpcStatus>,
}

/// How well a source serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UpstreamStatus {
    /// How it is.
    pub state: UpstreamState,
    /// When it last answered well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_success: Option<Timestamp>,
    /// When it last failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Timestamp>,
    /// What went wrong then, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

/// How a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum UpstreamState {
    /// Nobody has asked it yet.
    Unused,
    /// Its last answer was good.
    Ok,
    /// Its last answer was not.
    Failing,
    /// It is not to be asked: none is configured, or the market is the demo market.
    Off,
    /// A state of a newer server.
    #[serde(other)]
    Unknown,
}

/// How well one chain's RPC serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RpcStatus {
    /// The chain.
    pub chain: Chain,
    /// How it serves. `off` where none is configured: gas comes from the default table.
    #[serde(flatten)]
    pub rpc: UpstreamStatus,
}
