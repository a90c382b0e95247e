//! `GET /api/v1/prices`: prices in bulk, with what is known about each and what could not be had.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::alerts::Alert;
use crate::chain::Chain;
use crate::money::{Price, Quantity};
use crate::quote::{Freshness, Quote, Source, Thresholds};
use crate::time::Timestamp;
use crate::token::{Token, TokenKey};

/// Prices of the tokens asked for, and of the coins that pay for gas on their chains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Prices {
    /// The server's clock, from which an app learns how far its own is off.
    pub now: Timestamp,
    /// The ages at which a price stops being fresh, and stops being stale.
    pub thresholds: Thresholds,
    /// The prices, by chain and address.
    pub prices: Vec<PriceInfo>,
    /// The tokens without a price, and why.
    pub missing: Vec<Missing>,
    /// The prices of the chains' own coins.
    pub natives: Vec<NativePrice>,
    /// What is wrong in the market, as long as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<Alert>,
    /// Why prices are behind, where they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<Pace>,
}

/// Why prices come more seldom than they age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Pace {
    /// Why.
    pub reason: PaceReason,
    /// Seconds from one attempt to the next.
    pub every_s: u64,
    /// When the next attempt is.
    pub next_at: Timestamp,
}

/// Why prices come more seldom than they age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum PaceReason {
    /// The calls that the upstream grants are spread over their period, and what was saved is spent.
    Budget,
    /// The calls that are allowed in a minute are used up.
    Rate,
    /// The upstream asks to slow down.
    Throttled,
    /// The upstream fails, or cannot be reached.
    Failing,
    /// A reason of a newer server.
    #[serde(other)]
    Unknown,
}

impl PaceReason {
    /// The reason in words.
    pub const fn message(self) -> &'static str {
        match self {
            PaceReason::Budget => "CoinGecko's calls are spread over the month, and what was saved is spent",
            PaceReason::Rate => "the calls that CoinGecko allows in a minute are used up",
            PaceReason::Throttled => "CoinGecko asks to slow down",
            PaceReason::Failing => "CoinGecko fails or cannot be reached",
            PaceReason::Unknown => "prices come more seldom than usual",
        }
    }
}

/// The price of one token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PriceInfo {
    /// The token's chain.
    pub chain: Chain,
    /// The token's address.
    #[serde(with = "super::address")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"))]
    pub address: Address,
    /// US dollars for one whole token.
    pub price: Price,
    /// When it was fetched: age counts from here.
    pub as_of: Timestamp,
    /// Where it came from.
    pub source: Source,
    /// How old it was, in the terms a trade is decided by, when the answer was made.
    pub freshness: Freshness,
    /// When the upstream says it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_at: Option<Timestamp>,
    /// Change over the last 24 hours in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_24h: Option<Quantity>,
    /// The coin whose price this is; on a test chain the mainnet coin that the token stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coin_id: Option<String>,
}

impl PriceInfo {
    /// What is told of `token` at `now`.
    pub fn new(
        token: &Token,
        quote: Quote,
        change_24h: Option<Quantity>,
        now: Timestamp,
        thresholds: Thresholds,
    ) -> PriceInfo {
        PriceInfo {
            chain: token.key.chain,
            address: token.key.address,
            price: quote.price,
            as_of: quote.as_of,
            source: quote.source,
            freshness: quote.freshness(now, thresholds),
            upstream_at: quote.upstream_at,
            change_24h,
            coin_id: token.coin_id.clone(),
        }
    }

    /// Which token this is the price of.
    pub const fn key(&self) -> TokenKey {
        TokenKey { chain: self.chain, address: self.address }
    }

    /// The price as the core knows it.
    pub const fn quote(&self) -> Quote {
        Quote { price: self.price, as_of: self.as_of, source: self.source, upstream_at: self.upstream_at }
    }
}

/// The price of a chain's own coin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NativePrice {
    /// The chain whose gas it pays.
    pub chain: Chain,
    /// CoinGecko's id of the coin.
    pub coin_id: String,
    /// US dollars for one coin.
    pub price: Price,
    /// When it was fetched.
    pub as_of: Timestamp,
    /// Where it came from.
    pub source: Source,
    /// How old it was when the answer was made.
    pub freshness: Freshness,
    /// When the upstream says it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_at: Option<Timestamp>,
    /// Change over the last 24 hours in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_24h: Option<Quantity>,
}

impl NativePrice {
    /// What is told of the coin of `chain` at `now`.
    pub fn new(
        chain: Chain,
        quote: Quote,
        change_24h: Option<Quantity>,
        now: Timestamp,
        thresholds: Thresholds,
    ) -> NativePrice {
        NativePrice {
            chain,
            coin_id: chain.facts().native_coin_id.to_owned(),
            price: quote.price,
            as_of: quote.as_of,
            source: quote.source,
            freshness: quote.freshness(now, thresholds),
            upstream_at: quote.upstream_at,
            change_24h,
        }
    }

    /// The price as the core knows it.
    pub const fn quote(&self) -> Quote {
        Quote { price: self.price, as_of: self.as_of, source: self.source, upstream_at: self.upstream_at }
    }
}

/// A token that was asked for and has no price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Missing {
    /// The token's chain.
    pub chain: Chain,
    /// The token's address.
    #[serde(with = "super::address")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"))]
    pub address: Address,
    /// Why.
    pub reason: MissingReason,
}

impl Missing {
    /// Which token this is.
    pub const fn key(&self) -> TokenKey {
        TokenKey { chain: self.chain, address: self.address }
    }
}

/// Why a token has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MissingReason {
    /// The upstream knows no coin for this address.
    NoCoin,
    /// The upstream left the coin out of its answer, or gave `null`.
    NotQuoted,
    /// The upstream's number cannot be a price: zero, negative, too large, or not a number.
    NotANumber,
    /// The upstream has not answered yet, or failed.
    Unavailable,
    /// The server serves the demo market and asks no price source.
    Off,
    /// A reason of a newer server.
    #[serde(other)]
    Unknown,
}

impl MissingReason {
    /// The reason in words.
    pub const fn message(self) -> &'static str {
        match self {
            MissingReason::NoCoin => "CoinGecko lists no coin for this address",
            MissingReason::NotQuoted => "CoinGecko has no price for this coin at present",
            MissingReason::NotANumber => "CoinGecko's figure for this coin cannot be a price",
            MissingReason::Unavailable => "CoinGecko could not be reached",
            MissingReason::Off => "this server serves the demo market and asks no price source",
            MissingReason::Unknown => "the server has no price for this token",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::TokenTable;

    #[test]
    fn a_quote_survives_the_journey_to_the_last_digit() {
        let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap();
        let quote = Quote {
            price: "3000.000000000000000001".parse().unwrap(),
            as_of: Timestamp::from_secs(1_700_000_000),
            source: Source::Coingecko,
            upstream_at: Some(Timestamp::from_secs(1_699_999_990)),
        };
        let now = quote.as_of.plus_millis(61_000);
        let info = PriceInfo::new(weth, quote, Some("-1.5".parse().unwrap()), now, Thresholds::default());
        assert_eq!(info.freshness, Freshness::Stale);
        let json = serde_json::to_string(&info).unwrap();
        assert_eq!(
            json,
            r#"{"chain":1,"address":"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2","price":"3000.000000000000000001","as_of":"2023-11-14T22:13:20.000Z","source":"coingecko","freshness":"stale","upstream_at":"2023-11-14T22:13:10.000Z","change_24h":"-1.5","coin_id":"weth"}"#
        );
        let back: PriceInfo = serde_json::from_str(&json).unwrap();
        assert_eq!((back.key(), back.quote()), (weth.key, quote));
    }

    #[test]
    fn a_reason_of_a_newer_server_is_read_as_unknown() {
        assert_eq!(serde_json::from_str::<MissingReason>("\"eclipse\"").unwrap(), MissingReason::Unknown);
    }
}
