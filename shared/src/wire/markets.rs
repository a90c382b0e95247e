//! `GET /api/v1/markets`: how deep the markets of tokens are.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::market::PoolFacts;
use crate::money::{Units, Usd};
use crate::quote::Source;
use crate::time::Timestamp;
use crate::token::TokenKey;
use crate::trade::Ppm;

/// What is known of the tokens' markets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Markets {
    /// One entry for each token of which anything is known.
    pub markets: Vec<MarketInfo>,
}

/// What is known of one token's market: its deepest pool, and the coin's volume and volatility.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MarketInfo {
    /// The token's chain.
    pub chain: Chain,
    /// The token's address.
    #[serde(with = "super::address")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"))]
    pub address: Address,
    /// US dollars in the pool, both sides together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub liquidity_usd: Option<Usd>,
    /// The pool's own reserve of the token in base units.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve_units: Option<Units>,
    /// The pool's fee in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_ppm: Option<Ppm>,
    /// The exchange the pool is on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(example = "uniswap_v3"))]
    pub dex: Option<String>,
    /// What the coin traded in 24 hours, in US dollars.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_24h_usd: Option<Usd>,
    /// Daily volatility: the standard deviation of daily logarithmic returns, in parts per billion.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(example = 41_000_000))]
    pub sigma_day_ppb: Option<u64>,
    /// When the oldest of these was fetched.
    pub as_of: Timestamp,
    /// Where they came from.
    pub source: Source,
}

impl MarketInfo {
    /// Which token this is the market of.
    pub const fn key(&self) -> TokenKey {
        TokenKey { chain: self.chain, address: self.address }
    }

    /// What is told of the market of a token.
    pub fn new(key: TokenKey, facts: PoolFacts) -> MarketInfo {
        MarketInfo {
            chain: key.chain,
            address: key.address,
            liquidity_usd: facts.liquidity,
            reserve_units: facts.reserve,
            fee_ppm: facts.fee,
            dex: facts.dex,
            volume_24h_usd: facts.volume_24h,
            sigma_day_ppb: facts.sigma_day,
            as_of: facts.as_of,
            source: facts.source,
        }
    }

    /// The market as the core knows it.
    pub fn facts(&self) -> PoolFacts {
        PoolFacts {
            reserve: self.reserve_units,
            liquidity: self.liquidity_usd,
            fee: self.fee_ppm,
            dex: self.dex.clone(),
            volume_24h: self.volume_24h_usd,
            sigma_day: self.sigma_day_ppb,
            as_of: self.as_of,
            source: self.source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_market_survives_the_journey_and_what_is_unknown_is_absent() {
        let key: TokenKey = "1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2".parse().unwrap();
        let mut facts = PoolFacts {
            reserve: None,
            liquidity: Some("125000000.5".parse().unwrap()),
            fee: Ppm::new(500),
            dex: Some("uniswap_v3".into()),
            volume_24h: None,
            sigma_day: Some(34_000_000),
            as_of: Timestamp::from_secs(7),
            source: Source::Coingecko,
        };
        let json = serde_json::to_string(&MarketInfo::new(key, facts.clone())).unwrap();
        assert!(!json.contains("reserve_units") && !json.contains("null"), "{json}");
        let back: MarketInfo = serde_json::from_str(&json).unwrap();
        assert_eq!((back.key(), back.facts()), (key, facts.clone()));
        facts.reserve = Some(Units::parse("1.5", 18).unwrap());
        assert_eq!(MarketInfo::new(key, facts.clone()).facts(), facts);
    }
}
