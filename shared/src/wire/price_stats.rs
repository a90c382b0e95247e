//! `GET /api/v1/prices/stats`: how prices were served, and what that cost.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// How prices were served since the server started, and what that cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PriceStats {
    /// The server's clock.
    pub now: Timestamp,
    /// Since when it counts.
    pub since: Timestamp,
    /// Requests for prices.
    pub requests: u64,
    /// Those that wait for a price now.
    pub waiting: u64,
    /// Prices served fresh from the cache. Pins are not counted.
    pub hits: u64,
    /// Prices that were waited for, or could not be had.
    pub misses: u64,
    /// Prices served stale from the cache, while they were renewed.
    pub stale_hits: u64,
    /// Prices served expired: they could not be renewed.
    pub expired: u64,
    /// Prices served without waiting, of all, in parts per million.
    #[cfg_attr(feature = "schema", schema(example = 999_412))]
    pub hit_rate_ppm: u64,
    /// Calls to the price source for prices, good or not.
    pub calls: u64,
    /// Those that asked for more than one coin.
    pub bulk_calls: u64,
    /// Those that failed.
    pub failed_calls: u64,
    /// Calls that one call for each price and request would have cost, less those that were made.
    pub calls_saved: u64,
    /// Milliseconds that half of the last thousand calls took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p50_ms: Option<u64>,
    /// Milliseconds that 99 % of the last thousand calls took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency_p99_ms: Option<u64>,
    /// Coins that are watched now, and so kept fresh.
    pub watched: u64,
    /// Coins with a price, however old.
    pub kept: u64,
}

/// What `DELETE /api/v1/prices/cache` has forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Cleared {
    /// Prices that are gone; those that somebody watches come anew.
    pub prices: u64,
}
