//! What an account is worth at given prices, and what it has earned.
//!
//! Unknown is never zero: where a held token has no price, everything that would need it is
//! absent, and the positions without a price are named.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use serde::Serialize;

use crate::money::{MoneyError, Price, Rounding, Units, Usd, mul_div};
use crate::token::TokenKey;

use super::account::Account;

/// An account at some prices. Sums are exact: the value of each position is rounded half to even
/// at 12 places once, and everything else adds up from there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Valuation {
    /// Every position of which something is held.
    pub positions: Vec<Valued>,
    /// US dollars in cash.
    pub cash: Usd,
    /// Cash and the value of all positions.
    pub equity: Option<Usd>,
    /// Deposits less withdrawals.
    pub net_deposits: Usd,
    /// Profit or loss realised, every cost in it.
    pub realised: Usd,
    /// Value of the positions less their cost.
    pub unrealised: Option<Usd>,
    /// Realised and unrealised together: what the account earned after all costs.
    pub profit: Option<Usd>,
    /// Everything trading cost so far: gas, LP fees, impact and slippage.
    pub costs: Usd,
    /// The profit with those costs added back: what it would have been without them, each taken at
    /// the mid price of its own time.
    pub profit_before_costs: Option<Usd>,
    /// Profit as a share of net deposits, in parts per million, half to even. Absent where nothing
    /// is deposited.
    pub return_ppm: Option<i64>,
}

/// A position at a price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Valued {
    /// Which token.
    pub token: TokenKey,
    /// Base units held.
    pub units: Units,
    /// What they cost.
    pub cost: Usd,
    /// Profit or loss realised in this token.
    pub realised: Usd,
    /// Average cost of one whole token. Absent where the token's decimals are unknown or it cost nothing.
    pub average: Option<Price>,
    /// The price, where there is one.
    pub price: Option<Price>,
    /// Value at that price.
    pub value: Option<Usd>,
    /// Value less cost.
    pub unrealised: Option<Usd>,
    /// Unrealised as a share of cost, in parts per million, half to even. Absent where it cost nothing.
    pub unrealised_ppm: Option<i64>,
}

impl Account {
    /// What the account is worth at these prices. A pinned stablecoin needs none.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where a sum does not fit.
    pub fn valuation(&self, prices: &BTreeMap<TokenKey, Price>) -> Result<Valuation, MoneyError> {
        self.valuation_by(|token| prices.get(&token).copied())
    }

    /// What the account is worth at the prices `price` knows. A pinned stablecoin is not asked for.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where a sum does not fit.
    pub fn valuation_by(&self, price: impl Fn(TokenKey) -> Option<Price>) -> Result<Valuation, MoneyError> {
        let mut positions = Vec::new();
        let mut worth = Some(Usd::ZERO);
        let mut cost = Usd::ZERO;
        for position in self.positions() {
            let token = self.token(position.token());
            let price = match token {
                Some(token) if token.pinned => Some(Price::ONE),
                Some(token) => price(token.key),
                None => None,
            };
            let value = match (token, price) {
                (Some(token), Some(price)) => {
                    Some(price.value(position.units(), token.decimals, Rounding::HalfEven)?)
                }
                (Some(_) | None, _) => None,
            };
            let unrealised = value.map(|value| value.minus(position.cost())).transpose()?;
            worth = worth.zip(value).map(|(worth, value)| worth.plus(value)).transpose()?;
            cost = cost.plus(position.cost())?;
            positions.push(Valued {
                token: position.token(),
                units: position.units(),
                cost: position.cost(),
                realised: position.realised(),
                average: token.and_then(|token| position.average_price(token.decimals)),
                price,
                value,
                unrealised,
                unrealised_ppm: unrealised.and_then(|gain| share_ppm(gain, position.cost())),
            });
        }
        let unrealised = worth.map(|worth| worth.minus(cost)).transpose()?;
        let profit = unrealised.map(|unrealised| self.realised().plus(unrealised)).transpose()?;
        let costs = self.totals().costs()?;
        Ok(Valuation {
            positions,
            cash: self.cash(),
            equity: worth.map(|worth| self.cash().plus(worth)).transpose()?,
            net_deposits: self.net_deposits(),
            realised: self.realised(),
            unrealised,
            profit,
            costs,
            profit_before_costs: profit.map(|profit| profit.plus(costs)).transpose()?,
            return_ppm: profit.and_then(|profit| share_ppm(profit, self.net_deposits())),
        })
    }
}

impl Valuation {
    /// The tokens held that have no price.
    pub fn unpriced(&self) -> impl Iterator<Item = TokenKey> {
        self.positions.iter().filter(|position| position.value.is_none()).map(|position| position.token)
    }
}

/// `part ÷ whole` in parts per million, half to even; `None` where `whole` is not above zero.
fn share_ppm(part: Usd, whole: Usd) -> Option<i64> {
    if whole <= Usd::ZERO {
        return None;
    }
    let share = mul_div(part.magnitude(), U256::from(1_000_000), whole.magnitude(), Rounding::HalfEven).ok()?;
    let share = i64::try_from(share).ok()?;
    Some(if part.is_negative() { -share } else { share })
}
