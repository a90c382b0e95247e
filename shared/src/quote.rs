//! A price with its age and source, and the rule for stablecoins.

use serde::{Deserialize, Serialize};

use crate::money::Price;
use crate::time::Timestamp;
use crate::token::Token;

/// Where a price came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// CoinGecko, through the backend.
    Coingecko,
    /// A stablecoin pinned at one dollar by its address.
    Pinned,
    /// The seeded demo market: no real price at all.
    Demo,
    /// What this device last knew, while it cannot ask.
    Cached,
}

/// How old a price is, in the terms a trade is decided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// Young enough to trade on.
    Fresh,
    /// Old enough to say so.
    Stale,
    /// Too old to trade on without consent.
    Expired,
}

/// The ages at which a price stops being fresh and stops being stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Thresholds {
    /// Fresh below this age, in milliseconds.
    pub fresh_ms: u64,
    /// Stale from there to below this age, in milliseconds; expired from here on.
    pub stale_ms: u64,
}

impl Default for Thresholds {
    /// 60 and 240 seconds, as the seed has them.
    fn default() -> Self {
        Thresholds { fresh_ms: 60_000, stale_ms: 240_000 }
    }
}

impl Thresholds {
    /// The freshness of an age in milliseconds.
    pub const fn judge(self, age_ms: u64) -> Freshness {
        if age_ms < self.fresh_ms {
            Freshness::Fresh
        } else if age_ms < self.stale_ms {
            Freshness::Stale
        } else {
            Freshness::Expired
        }
    }
}

/// A price and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Quote {
    /// US dollars for one whole token.
    pub price: Price,
    /// When we fetched it: age counts from here.
    pub as_of: Timestamp,
    /// Where it came from.
    pub source: Source,
    /// When the upstream says it last changed, for showing beside our own time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_at: Option<Timestamp>,
}

impl Quote {
    /// The quote of a pinned stablecoin: exactly one dollar, always fresh.
    pub const fn pinned(at: Timestamp) -> Quote {
        Quote { price: Price::ONE, as_of: at, source: Source::Pinned, upstream_at: None }
    }

    /// The quote a trade in `token` must use: the pin where the token is pinned by address,
    /// otherwise what the market says.
    pub fn for_token(token: &Token, market: Option<Quote>, at: Timestamp) -> Option<Quote> {
        if token.pinned { Some(Quote::pinned(at)) } else { market }
    }

    /// Age in milliseconds at `at`, counted from our own fetch.
    pub const fn age_ms(&self, at: Timestamp) -> u64 {
        at.since(self.as_of)
    }

    /// Freshness at `at`. A pin does not age.
    pub fn freshness(&self, at: Timestamp, thresholds: Thresholds) -> Freshness {
        match self.source {
            Source::Pinned => Freshness::Fresh,
            Source::Coingecko | Source::Demo | Source::Cached => thresholds.judge(self.age_ms(at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::token::TokenTable;

    #[test]
    fn freshness_turns_exactly_at_60_and_240_seconds() {
        let thresholds = Thresholds::default();
        let quote = Quote { price: Price::ONE, as_of: Timestamp::EPOCH, source: Source::Coingecko, upstream_at: None };
        for (age, expected) in [
            (0, Freshness::Fresh),
            (59_999, Freshness::Fresh),
            (60_000, Freshness::Stale),
            (239_999, Freshness::Stale),
            (240_000, Freshness::Expired),
        ] {
            assert_eq!(quote.freshness(Timestamp::from_millis(age), thresholds), expected, "{age}");
        }
        let pinned = Quote::pinned(Timestamp::EPOCH);
        assert_eq!(pinned.freshness(Timestamp::from_millis(1 << 40), thresholds), Freshness::Fresh);
    }

    #[test]
    fn a_pinned_token_is_one_dollar_whatever_the_market_says() {
        let at = Timestamp::from_millis(5);
        let market = Quote { price: "0.97".parse().unwrap(), as_of: at, source: Source::Coingecko, upstream_at: None };
        let table = TokenTable::builtin();
        let usdc = table.by_symbol(Chain::Ethereum, "USDC").unwrap();
        let weth = table.by_symbol(Chain::Ethereum, "WETH").unwrap();
        assert_eq!(Quote::for_token(usdc, Some(market), at), Some(Quote::pinned(at)));
        assert_eq!(Quote::for_token(weth, Some(market), at), Some(market));
        assert_eq!(Quote::for_token(weth, None, at), None);
    }
}
