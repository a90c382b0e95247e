//! The words of a trade: what is asked, what came of it, and why it was refused.
//!
//! [`crate::simulator`] turns a [`TradeRequest`] into a [`Trade`] or a [`Rejection`];
//! [`crate::ledger`] keeps trades. A trade stores its outcome and everything the outcome was
//! computed from, so nobody ever has to simulate again to know what happened.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::ids::TradeId;
use crate::money::{MoneyError, Price, Quantity, Rounding, Units, Usd};
use crate::quote::Source;
use crate::time::Timestamp;
use crate::token::TokenKey;

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

/// Why a request was refused. Nothing happened: no exchange, no gas, no entry in the journal.
///
/// Its `Display` says the cause; [`Rejection::remedy`] says what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Rejection {
    /// Cash does not cover the amount and its gas.
    #[error("this needs ${needed} ({gas_part}), and the account has ${available} in cash", gas_part = GasPart(.gas))]
    InsufficientFunds {
        /// Dollars needed, gas included.
        needed: Usd,
        /// Dollars in cash.
        available: Usd,
        /// The gas in `needed`.
        gas: Usd,
    },
    /// The account holds less of the token than it would give.
    #[error("{}", Held { needed: *.needed, available: *.available })]
    InsufficientPosition {
        /// Whole tokens needed.
        needed: Quantity,
        /// Whole tokens held.
        available: Quantity,
    },
    /// A sale or swap whose gas the cash cannot pay.
    #[error("gas of ${gas} is paid in cash, and the account has ${available}")]
    InsufficientGas {
        /// The gas in dollars.
        gas: Usd,
        /// Dollars in cash.
        available: Usd,
    },
    /// The token is in no table.
    #[error("token {token} is not known")]
    UnknownToken {
        /// The token.
        token: TokenKey,
    },
    /// There is no price for the token.
    #[error("there is no price for token {token}")]
    PriceMissing {
        /// The token.
        token: TokenKey,
    },
    /// There is no price for the chain's native coin, so gas cannot be priced.
    #[error("there is no price for the coin that pays gas on chain {chain}")]
    GasPriceMissing {
        /// The chain.
        chain: Chain,
    },
    /// The native coin's price is too old and no consent was given.
    #[error("the price of the coin that pays gas on chain {chain} is from {as_of}, {age_s} seconds old", age_s = .age_ms / 1000)]
    GasPriceExpired {
        /// The chain.
        chain: Chain,
        /// When the price was fetched.
        as_of: Timestamp,
        /// Its age in milliseconds.
        age_ms: u64,
    },
    /// The price is too old and no consent was given.
    #[error("the price of token {token} is from {as_of}, {age_s} seconds old", age_s = .age_ms / 1000)]
    PriceExpired {
        /// The token.
        token: TokenKey,
        /// When the price was fetched.
        as_of: Timestamp,
        /// Its age in milliseconds.
        age_ms: u64,
    },
    /// The amount is zero, or becomes zero in the token's base units.
    #[error("the amount is zero")]
    AmountZero,
    /// The amount is negative.
    #[error("the amount is negative")]
    AmountNegative,
    /// The amount has more decimal places than the token.
    #[error("the amount has more decimal places than the token's {decimals}")]
    AmountTooFine {
        /// The token's decimals.
        decimals: u8,
    },
    /// The trade is worth less than the account's smallest or more than its largest.
    #[error("a trade of ${value} is outside the account's limits of ${least} to ${most}")]
    OutsideLimits {
        /// The trade's value.
        value: Usd,
        /// The smallest allowed.
        least: Usd,
        /// The largest allowed.
        most: Usd,
    },
    /// The order moves the price further than the request accepts.
    #[error("this order moves the price by {impact}, and at most {most} is accepted", impact = Percent(*.impact), most = Percent(*.most))]
    ImpactTooHigh {
        /// The price impact.
        impact: Ppm,
        /// The largest accepted.
        most: Ppm,
    },
    /// The market is too thin for this amount.
    #[error("the market is too thin: this amount would take all its liquidity")]
    InsufficientLiquidity,
    /// A swap of a token into itself.
    #[error("both sides are the same token")]
    SameToken,
    /// A swap between chains.
    #[error("chain {from} and chain {to} have no pool in common")]
    CrossChain {
        /// The chain of the token sold.
        from: Chain,
        /// The chain of the token bought.
        to: Chain,
    },
    /// Real prices offered to a demo account, or demo prices to a real one.
    #[error("demo prices and real prices never mix in one account")]
    MixedMarkets,
    /// Something did not fit the numbers of the ledger.
    #[error("the amount is too large to account for")]
    TooLarge,
}

impl Rejection {
    /// What the user can do about it, in the second person.
    pub fn remedy(&self) -> &'static str {
        match self {
            Rejection::InsufficientFunds { .. } => "Lower the amount, use Max, or add funds.",
            Rejection::InsufficientPosition { needed, .. } if needed.is_zero() => {
                "Buy some first, or pick a token you hold."
            }
            Rejection::InsufficientPosition { .. } => "Lower the amount, or use Max to sell all of it.",
            Rejection::InsufficientGas { .. } => "Add funds, or sell something on a chain with cheaper gas first.",
            Rejection::UnknownToken { .. } => "Add the token by its address, or pick one from the list.",
            Rejection::PriceMissing { .. } => "Wait for a price, give the token a coin id, or pick another token.",
            Rejection::GasPriceMissing { .. } => "Wait for a price of the chain's coin, or trade on another chain.",
            Rejection::PriceExpired { .. } | Rejection::GasPriceExpired { .. } => {
                "Wait for a fresh price, or accept this one's age for the trade."
            }
            Rejection::AmountZero => "Enter an amount above zero.",
            Rejection::AmountNegative => "Enter a positive amount; to go the other way, sell instead of buy.",
            Rejection::AmountTooFine { .. } => "Use fewer decimal places.",
            Rejection::OutsideLimits { .. } => "Change the amount, or the limits in Settings.",
            Rejection::ImpactTooHigh { .. } => "Lower the amount, split it over time, or accept a larger price impact.",
            Rejection::InsufficientLiquidity => "Lower the amount, or split it over time.",
            Rejection::SameToken => "Pick two different tokens.",
            Rejection::CrossChain { .. } => "Pick two tokens of one chain, or sell one and buy the other.",
            Rejection::MixedMarkets => "Open a demo account for the demo market.",
            Rejection::TooLarge => "Lower the amount.",
        }
    }
}

struct GasPart<'a>(&'a Usd);

impl fmt::Display for GasPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${} of it gas", self.0)
    }
}

/// What is missing of a position. "Needs 0" would say nothing to someone who asked for all of nothing.
struct Held {
    needed: Quantity,
    available: Quantity,
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.needed.is_zero() {
            f.write_str("the account holds none of the token")
        } else {
            write!(f, "this needs {} of the token, and the account holds {}", self.needed, self.available)
        }
    }
}

struct Percent(Ppm);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0.parts() / 10_000, self.0.parts() % 10_000);
        let digits = format!("{rest:04}");
        match digits.trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            rest => write!(f, "{whole}.{rest}%"),
        }
    }
}

// Text forms of the small sums above: short, because a journal holds a dozen of them a trade, and
// legible, because people read journals.

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Size::Usd(usd) => write!(f, "${usd}"),
            Size::Token(quantity) => quantity.fmt(f),
            Size::All => f.write_str("all"),
        }
    }
}

impl FromStr for Size {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('$') {
            Some(dollars) => dollars.parse().map(Size::Usd),
            None if text == "all" => Ok(Size::All),
            None => text.parse().map(Size::Token),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Amount::Usd(usd) => write!(f, "${usd}"),
            Amount::Units(units) => units.fmt(f),
        }
    }
}

impl FromStr for Amount {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('$') {
            Some(dollars) => dollars.parse().map(Amount::Usd),
            None => text.parse().map(Amount::Units),
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Depth::Reserves(units) => write!(f, "reserves {units}"),
            Depth::Liquidity(usd) => write!(f, "liquidity ${usd}"),
            Depth::Volume(usd) => write!(f, "volume ${usd}"),
            Depth::Assumed(usd) => write!(f, "assumed ${usd}"),
            Depth::Pinned => f.write_str("pinned"),
        }
    }
}

impl FromStr for Depth {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unreadable = || MoneyError::NotANumber(text.chars().take(48).collect());
        match text.split_once(' ') {
            Some(("reserves", units)) => units.parse().map(Depth::Reserves),
            Some((kind, rest)) => {
                let usd = rest.strip_prefix('$').ok_or_else(unreadable)?.parse()?;
                match kind {
                    "liquidity" => Ok(Depth::Liquidity(usd)),
                    "volume" => Ok(Depth::Volume(usd)),
                    "assumed" => Ok(Depth::Assumed(usd)),
                    _ => Err(unreadable()),
                }
            }
            None if text == "pinned" => Ok(Depth::Pinned),
            None => Err(unreadable()),
        }
    }
}

/// Text as JSON, both ways. Writing goes through a buffer on the stack.
macro_rules! text_serde {
    ($type:ty, $what:literal) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|error| serde::de::Error::custom(format!(concat!($what, ": {}"), error)))
            }
        }
    };
}

text_serde!(Size, "a size (such as \"$1000\", \"0.5\" or \"all\")");
text_serde!(Amount, "an amount");
text_serde!(Depth, "a depth");
text_serde!(Seed, "a seed");

fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_read_back_from_the_text_they_are_written_as() {
        for text in ["$1000", "$-0.5", "0.5", "-1", "all"] {
            assert_eq!(text.parse::<Size>().unwrap().to_string(), text);
        }
        for text in ["$0", "$436.33", "147189740111234571"] {
            assert_eq!(text.parse::<Amount>().unwrap().to_string(), text);
        }
        for text in ["reserves 1", "liquidity $80000000", "volume $0.1", "assumed $1000000", "pinned"] {
            assert_eq!(text.parse::<Depth>().unwrap().to_string(), text);
        }
        for text in ["", "$", "$ 1", "1 000", "reserves $1", "liquidity 1", "deep $1", "pinned $1"] {
            assert!(text.parse::<Depth>().is_err() && text.parse::<Amount>().is_err() && text.parse::<Size>().is_err());
        }
    }
}
