//! `GET /api/v1/status`: what the server is, and how well its sources serve it.

use serde::{Deserialize, Serialize};

use super::rooms::RoomsStatus;
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
    /// The Redis through which several servers share prices, where there is one. While it fails, this server
    /// goes on by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<UpstreamStatus>,
    /// The paper accounts of which this server keeps copies.
    #[serde(default)]
    pub accounts: AccountsStatus,
    /// The rooms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rooms: Option<RoomsStatus>,
}

/// How many copies of journals a server keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountsStatus {
    /// Copies.
    pub kept: u64,
    /// Bytes of their lines.
    pub bytes: u64,
    /// Devices that hold a lease.
    pub writing: u64,
    /// Links for readers.
    pub links: u64,
}

/// What an app reads of a [`Status`]. The rest is for people and monitors, and stays unread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Greeting {
    /// The server's version.
    pub version: String,
    /// The server's clock.
    pub now: Timestamp,
    /// Which market a desk opened here begins with.
    pub market: MarketKind,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_reads_its_part_of_a_status() {
        let unused =
            UpstreamStatus { state: UpstreamState::Unused, last_success: None, last_failure: None, failure: None };
        let status = Status {
            version: "1.2.3".into(),
            now: Timestamp::from_secs(7),
            started_at: Timestamp::EPOCH,
            market: MarketKind::Real,
            default_chain: Chain::Base,
            thresholds: Thresholds::default(),
            prices: unused.clone(),
            rpcs: vec![RpcStatus { chain: Chain::Base, rpc: unused }],
            redis: None,
            accounts: AccountsStatus::default(),
            rooms: None,
        };
        let greeting: Greeting = serde_json::from_str(&serde_json::to_string(&status).unwrap()).unwrap();
        let expected = Greeting { version: status.version, now: status.now, market: status.market };
        assert_eq!(greeting, expected);
    }
}
