//! `GET /api/v1/candles`: the past of one token, for a chart.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::market::demo;
use crate::money::Price;
use crate::quote::Source;
use crate::time::Timestamp;
use crate::token::TokenKey;

/// How far back a chart goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Range {
    /// One day.
    #[serde(rename = "1D")]
    Day,
    /// Seven days.
    #[serde(rename = "7D")]
    Week,
    /// Thirty days.
    #[serde(rename = "30D")]
    Month,
    /// Ninety days.
    #[serde(rename = "90D")]
    Quarter,
    /// A year of 365 days.
    #[serde(rename = "1Y")]
    Year,
}

/// The text names no range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a range: expected 1D, 7D, 30D, 90D or 1Y")]
pub struct UnknownRange(String);

impl Range {
    /// Every range, shortest first.
    pub const ALL: [Range; 5] = [Range::Day, Range::Week, Range::Month, Range::Quarter, Range::Year];

    /// How many days it covers.
    pub const fn days(self) -> u32 {
        match self {
            Range::Day => 1,
            Range::Week => 7,
            Range::Month => 30,
            Range::Quarter => 90,
            Range::Year => 365,
        }
    }

    /// How it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Range::Day => "1D",
            Range::Week => "7D",
            Range::Month => "30D",
            Range::Quarter => "90D",
            Range::Year => "1Y",
        }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Range {
    type Err = UnknownRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Range::ALL
            .into_iter()
            .find(|range| range.name().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownRange(text.chars().take(24).collect()))
    }
}

/// The candles of one token over one range, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Candles {
    /// The token's chain.
    pub chain: Chain,
    /// The token's address.
    #[serde(with = "super::address")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"))]
    pub address: Address,
    /// How far back they go.
    pub range: Range,
    /// Seconds from one candle to the next.
    pub grain_s: u32,
    /// When they were fetched.
    pub as_of: Timestamp,
    /// Where they came from.
    pub source: Source,
    /// The candles, oldest first.
    pub candles: Vec<Candle>,
}

impl Candles {
    /// Which token these are the candles of.
    pub const fn key(&self) -> TokenKey {
        TokenKey { chain: self.chain, address: self.address }
    }
}

/// What the price did in one interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Candle {
    /// When the interval began.
    pub at: Timestamp,
    /// The first price.
    pub open: Price,
    /// The highest price.
    pub high: Price,
    /// The lowest price.
    pub low: Price,
    /// The last price.
    pub close: Price,
}

impl From<demo::Candle> for Candle {
    fn from(bar: demo::Candle) -> Candle {
        Candle { at: bar.at, open: bar.open, high: bar.high, low: bar.low, close: bar.close }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_reads_back_as_it_is_written_in_text_and_json() {
        for range in Range::ALL {
            assert_eq!(range.to_string().parse(), Ok(range));
            assert_eq!(serde_json::to_string(&range).unwrap(), format!("\"{range}\""));
        }
        assert_eq!("1y".parse(), Ok(Range::Year));
        assert_eq!("2D".parse::<Range>(), Err(UnknownRange("2D".into())));
    }
}
