//! Who fills a trade: what is known of prices, pools and gas, and the mathematics of both.
//!
//! [`Market`] is the facts, gathered by a shell or by the [`demo`] market. [`v2`] is the exact
//! constant-product formula; [`depth`] turns what is known of a token into the pool a trade is
//! filled against; [`gas`] prices a swap; [`draws`] is the only source of chance.

pub mod demo;
pub mod depth;
pub mod draws;
pub mod gas;
pub mod v2;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::money::{Units, Usd};
use crate::quote::{Quote, Source, Thresholds};
use crate::time::Timestamp;
use crate::token::TokenKey;
use crate::trade::{GasSource, Ppm};

/// Which market an account trades in. The two never mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    /// Real prices.
    Real,
    /// The seeded demo market.
    Demo,
}

impl MarketKind {
    /// Whether prices from `source` may be used here. A pinned dollar is a dollar in both.
    pub const fn admits(self, source: Source) -> bool {
        match (self, source) {
            (_, Source::Pinned)
            | (MarketKind::Real, Source::Coingecko | Source::Cached)
            | (MarketKind::Demo, Source::Demo) => true,
            (MarketKind::Real, Source::Demo) | (MarketKind::Demo, Source::Coingecko | Source::Cached) => false,
        }
    }
}

/// What is known of the market at some moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Market {
    /// Real or demo.
    pub kind: MarketKind,
    /// Prices by token. Pinned stablecoins need none.
    #[serde(default)]
    pub quotes: BTreeMap<TokenKey, Quote>,
    /// Prices of the coins that pay for gas, by chain.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, Quote>))]
    pub natives: BTreeMap<Chain, Quote>,
    /// Pools by token.
    #[serde(default)]
    pub pools: BTreeMap<TokenKey, PoolFacts>,
    /// Gas by chain. A chain that is absent uses its default table.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = BTreeMap<String, GasFacts>))]
    pub gas: BTreeMap<Chain, GasFacts>,
    /// When prices stop being fresh, and stale.
    #[serde(default)]
    pub thresholds: Thresholds,
}

impl Market {
    /// A market of which nothing is known yet.
    pub fn empty(kind: MarketKind) -> Market {
        Market {
            kind,
            quotes: BTreeMap::new(),
            natives: BTreeMap::new(),
            pools: BTreeMap::new(),
            gas: BTreeMap::new(),
            thresholds: Thresholds::default(),
        }
    }
}

/// What is known of the deepest pool of a token. Every field may be unknown; the best known one
/// decides (see [`depth`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PoolFacts {
    /// The pool's reserve of the token, in base units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Units>,
    /// The pool's liquidity in dollars, both sides together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity: Option<Usd>,
    /// The pool's fee.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee: Option<Ppm>,
    /// The exchange the pool is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dex: Option<String>,
    /// Volume of the last 24 hours in dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_24h: Option<Usd>,
    /// Daily volatility in parts per billion of the price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sigma_day: Option<u64>,
    /// When this was learnt.
    pub as_of: Timestamp,
    /// Who says so.
    pub source: Source,
}

/// What is known of gas on a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GasFacts {
    /// Base fee in wei per gas.
    pub base_fee: u64,
    /// Priority fee in wei per gas.
    pub priority_fee: u64,
    /// L1 data fee of one swap in wei; zero where there is none.
    #[serde(default)]
    pub l1_fee: u64,
    /// Where the figures came from.
    pub source: GasSource,
    /// When they were learnt.
    pub as_of: Timestamp,
}

impl GasFacts {
    /// The chain's default table, labelled as such.
    pub const fn assumed(chain: Chain, at: Timestamp) -> GasFacts {
        let default = &chain.facts().default_gas;
        GasFacts {
            base_fee: default.base_fee,
            priority_fee: default.priority_fee,
            l1_fee: default.l1_fee,
            source: GasSource::Default,
            as_of: at,
        }
    }
}
