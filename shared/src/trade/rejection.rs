//! Why a request is refused, and what its owner can do about it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Ppm;
use crate::chain::Chain;
use crate::money::{Quantity, Usd};
use crate::time::Timestamp;
use crate::token::TokenKey;

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
