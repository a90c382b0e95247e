//! The words of a trade: what is asked, what came of it, and why it was refused.
//!
//! [`crate::simulator`] turns a [`TradeRequest`] into a [`Trade`] or a [`Rejection`];
//! [`crate::ledger`] keeps trades. A trade stores its outcome and everything the outcome was
//! computed from, so nobody ever has to simulate again to know what happened.

mod rejection;
mod text;

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::ids::TradeId;
use crate::money::{MoneyError, Price, Quantity, Rounding, Units, Usd};
use crate::quote::Source;
use crate::token::TokenKey;

pub use self::rejection::Rejection;

/// A share in parts per million: 5,000 is 0.5 %. At most 1,000,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(try_from = "u32", into = "u32")]
pub struct Ppm(u32);

impl Ppm {
    /// All of it.
    pub const ONE: Ppm = Ppm(1_000_000);

    /// From parts per million.
    pub const fn new(parts: u32) -> Option<Ppm> {
        if parts <= 1_000_000 { Some(Ppm(parts)) } else { None }
    }

    /// From hundredths of a percent; at most 10,000, more is taken as that.
    pub const fn from_bps(bps: u16) -> Ppm {
        Ppm(if bps > 10_000 { 1_000_000 } else { bps as u32 * 100 })
    }

    /// Parts per million.
    pub const fn parts(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Ppm {
    type Error = String;

    fn try_from(parts: u32) -> Result<Self, Self::Error> {
        Ppm::new(parts).ok_or_else(|| format!("{parts} is more than 1000000 parts per million"))
    }
}

impl From<Ppm> for u32 {
    fn from(share: Ppm) -> u32 {
        share.0
    }
}

/// How much to trade. Written `"$1000"`, `"0.5"` or `"all"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Dollars: spent by a buy; for a sale or swap, the mid value of what is sold.
    Usd(Usd),
    /// Whole tokens: received by a buy (the dollars follow from the pool), sold by a sale or swap.
    Token(Quantity),
    /// Everything: all cash (less gas) for a buy, the whole position otherwise.
    All,
}

/// What to trade for what. USD is the account's cash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "side", rename_all = "snake_case", deny_unknown_fields)]
pub enum Order {
    /// USD into a token.
    Buy {
        /// The token bought.
        token: TokenKey,
        /// How much.
        size: Size,
    },
    /// A token into USD.
    Sell {
        /// The token sold.
        token: TokenKey,
        /// How much.
        size: Size,
    },
    /// A token into another of the same chain.
    Swap {
        /// The token sold.
        from: TokenKey,
        /// The token bought.
        to: TokenKey,
        /// How much of `from`.
        size: Size,
    },
}

impl Order {
    /// The token that leaves the account, if one does.
    pub const fn sold(&self) -> Option<TokenKey> {
        match self {
            Order::Buy { .. } => None,
            Order::Sell { token, .. } => Some(*token),
            Order::Swap { from, .. } => Some(*from),
        }
    }

    /// The token that comes in, if one does.
    pub const fn bought(&self) -> Option<TokenKey> {
        match self {
            Order::Buy { token, .. } => Some(*token),
            Order::Sell { .. } => None,
            Order::Swap { to, .. } => Some(*to),
        }
    }

    /// The chain the trade happens on (that of the token sold, in a swap).
    pub const fn chain(&self) -> Chain {
        match self {
            Order::Buy { token, .. } | Order::Sell { token, .. } => token.chain,
            Order::Swap { from, .. } => from.chain,
        }
    }

    /// How much was asked for.
    pub const fn size(&self) -> Size {
        match self {
            Order::Buy { size, .. } | Order::Sell { size, .. } | Order::Swap { size, .. } => *size,
        }
    }
}

/// Consent to trade on a price that has expired, and how it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AcceptPriceAge {
    /// None: an expired price is refused.
    #[default]
    No,
    /// The person saw the age and accepted it for this trade.
    ByHand,
    /// The desk is offline and says so; cached prices are accepted.
    Offline,
}

impl AcceptPriceAge {
    fn is_no(&self) -> bool {
        *self == AcceptPriceAge::No
    }
}

/// A request to trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TradeRequest {
    /// The trade's name, made by the shell. A journal holds a name once.
    pub id: TradeId,
    /// What to trade.
    pub order: Order,
    /// How far below the quote the received amount may fall before the trade fails.
    pub tolerance: Ppm,
    /// Consent to an expired price.
    #[serde(default, skip_serializing_if = "AcceptPriceAge::is_no")]
    pub accept_price_age: AcceptPriceAge,
    /// The largest price impact that is accepted. Absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_impact: Option<Ppm>,
}

/// An amount of either kind. Written `"$436.33"` for dollars, `"147189740111234571"` for base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// US dollars.
    Usd(Usd),
    /// Base units of the token on that side of the order.
    Units(Units),
}

impl Amount {
    /// The dollars, or zero where it is a token amount.
    pub const fn usd(self) -> Usd {
        match self {
            Amount::Usd(usd) => usd,
            Amount::Units(_) => Usd::ZERO,
        }
    }

    /// The base units, or zero where it is dollars.
    pub const fn units(self) -> Units {
        match self {
            Amount::Usd(_) => Units::ZERO,
            Amount::Units(units) => units,
        }
    }

    /// The least received where this much was quoted: `quote × (1 − tolerance)`, rounded down in base
    /// units (of 10⁻¹² dollars, for dollars).
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn less(self, tolerance: Ppm) -> Result<Amount, MoneyError> {
        self.portion(U256::from(Ppm::ONE.parts() - tolerance.parts()), U256::from(Ppm::ONE.parts()))
    }

    /// `numerator ÷ denominator` of it, rounded down.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`], [`MoneyError::Overflow`].
    pub fn portion(self, numerator: U256, denominator: U256) -> Result<Amount, MoneyError> {
        match self {
            Amount::Usd(usd) => usd.portion(numerator, denominator, Rounding::Down).map(Amount::Usd),
            Amount::Units(units) => units.portion(numerator, denominator, Rounding::Down).map(Amount::Units),
        }
    }
}

/// A seed for the draws of one trade, drawn by the shell when the user confirms. In JSON a string,
/// because 64 bits do not fit a JavaScript number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub u64);

impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Seed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Seed).map_err(|_| "a seed is a whole number below 2^64, as a string")
    }
}

/// How deep the market was taken to be, best knowledge first. It is named in every fill.
///
/// Written `"reserves 1000000"` (base units), `"liquidity $80000000"`, `"volume $500000"`,
/// `"assumed $1000000"` or `"pinned"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// A pool's own reserve of the token, in base units.
    Reserves(Units),
    /// A pool's liquidity in dollars, both sides together.
    Liquidity(Usd),
    /// The square-root law Y·σ·√(Q/V) with Y = 1, from the token's 24 h volume in dollars.
    Volume(Usd),
    /// Nothing known: this liquidity in dollars is assumed, and shown as assumed.
    Assumed(Usd),
    /// No pool of its own: a pinned stablecoin, the other side of the other token's pool.
    Pinned,
}

/// What was known of one token when it was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Leg {
    /// Mid price.
    pub price: Price,
    /// Age of the price in milliseconds when it was used.
    #[serde(rename = "age")]
    pub age_ms: u64,
    /// Where the price came from.
    pub source: Source,
    /// How deep the market was taken to be.
    pub depth: Depth,
    /// The pool's fee in parts per million.
    pub fee: Ppm,
    /// Daily volatility in parts per billion of the price.
    pub sigma: u64,
}

/// Where a gas figure came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum GasSource {
    /// The chain's own RPC.
    Rpc,
    /// The chain's row in the default table.
    Default,
}

/// What gas cost: `(units × (base_fee + priority_fee) + l1_fee) wei × native price`, rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GasPaid {
    /// Gas units used.
    pub units: u64,
    /// Base fee in wei per gas.
    #[serde(rename = "base")]
    pub base_fee: u64,
    /// Priority fee in wei per gas.
    #[serde(rename = "priority")]
    pub priority_fee: u64,
    /// L1 data fee in wei; zero, and not written, where the chain has none.
    #[serde(rename = "l1", default, skip_serializing_if = "is_zero")]
    pub l1_fee: u64,
    /// US dollars for one native coin.
    pub native: Price,
    /// Where the fees came from.
    pub source: GasSource,
    /// What it came to.
    pub usd: Usd,
}

/// What the exchange cost, apart from gas. Each is in dollars at mid prices; positive costs the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Costs {
    /// Fees to the pools' liquidity providers.
    #[serde(rename = "fee")]
    pub lp_fee: Usd,
    /// Price impact: the order's own push on the pools, the account's recent footprint included.
    pub impact: Usd,
    /// Slippage: movement between quote and execution. Negative when it helped.
    pub slippage: Usd,
}

/// Why a trade failed as it would have on chain: nothing exchanged, gas paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// The amount at execution fell below the minimum received.
    Slippage,
    /// The seeded draw against the account's failure rate.
    Chance,
}

/// Whether the exchange happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It did.
    Filled,
    /// It did not; gas was paid all the same.
    Failed(Failure),
}

/// One trade, as the journal keeps it: outcome, inputs, seed and the simulator's version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Trade {
    /// The trade's name.
    pub id: TradeId,
    /// What was asked.
    pub order: Order,
    /// Tolerance asked for.
    pub tolerance: Ppm,
    /// Consent to an expired price, if any was given.
    #[serde(default, skip_serializing_if = "AcceptPriceAge::is_no")]
    pub accept_price_age: AcceptPriceAge,
    /// The version of the simulator that filled it.
    pub sim: u16,
    /// The seed its draws came from.
    pub seed: Seed,
    /// Whether it was filled.
    pub outcome: Outcome,
    /// What the account gave (would have given, when failed), gas apart.
    pub paid: Amount,
    /// What the quote promised.
    pub quoted: Amount,
    /// The least that would have been accepted.
    pub minimum: Amount,
    /// What the account received; when failed, what execution offered and was refused.
    pub received: Amount,
    /// The dollars at which the exchange is booked: cash paid or received; for a swap the mid value
    /// of what came in.
    pub value: Usd,
    /// What it cost beside gas.
    pub costs: Costs,
    /// What was known of the token sold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sold: Option<Leg>,
    /// What was known of the token bought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bought: Option<Leg>,
    /// Time between quote and execution in milliseconds, over which slippage was drawn.
    #[serde(rename = "latency")]
    pub latency_ms: u32,
    /// What gas cost.
    pub gas: GasPaid,
    /// How long the desk took, in microseconds, as measured by the shell.
    #[serde(rename = "took_us")]
    pub execution_us: u32,
}

impl Trade {
    /// Whether the exchange happened.
    pub fn is_filled(&self) -> bool {
        self.outcome == Outcome::Filled
    }
}

fn is_zero(value: &u64) -> bool {
    *value == 0
}
