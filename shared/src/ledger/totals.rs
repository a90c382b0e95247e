//! Sums over an account's trades, and what trading cost.

use serde::Serialize;

use crate::money::{MoneyError, Usd};
use crate::trade::{Order, Trade};

/// Sums over an account's trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Totals {
    /// Trades that were filled.
    pub filled: u64,
    /// Trades that failed and paid their gas.
    pub failed: u64,
    /// Dollars at which filled trades were booked: the account's volume.
    pub volume: Usd,
    /// Gas of buys; it is in the cost of what they bought.
    pub gas_of_buys: Usd,
    /// Gas of sells; it came out of their proceeds.
    pub gas_of_sells: Usd,
    /// Gas of swaps; it came out of their proceeds.
    pub gas_of_swaps: Usd,
    /// Gas of trades that failed; it was realised at once.
    pub gas_of_failed: Usd,
    /// Fees to liquidity providers, at mid prices.
    pub lp_fees: Usd,
    /// Price impact, at mid prices.
    pub impact: Usd,
    /// Slippage, at mid prices. Negative when it helped.
    pub slippage: Usd,
}

impl Totals {
    /// Trades in all, filled and failed.
    pub const fn trades(&self) -> u64 {
        self.filled + self.failed
    }

    /// All gas.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn gas(&self) -> Result<Usd, MoneyError> {
        self.gas_of_buys.plus(self.gas_of_sells)?.plus(self.gas_of_swaps)?.plus(self.gas_of_failed)
    }

    /// Everything trading cost: gas, LP fees, impact and slippage.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn costs(&self) -> Result<Usd, MoneyError> {
        self.gas()?.plus(self.lp_fees)?.plus(self.impact)?.plus(self.slippage)
    }

    /// The sums with one more trade.
    pub(super) fn after(mut self, trade: &Trade) -> Result<Totals, MoneyError> {
        let gas = trade.gas.usd;
        if !trade.is_filled() {
            self.failed += 1;
            self.gas_of_failed = self.gas_of_failed.plus(gas)?;
            return Ok(self);
        }
        let part = match trade.order {
            Order::Buy { .. } => &mut self.gas_of_buys,
            Order::Sell { .. } => &mut self.gas_of_sells,
            Order::Swap { .. } => &mut self.gas_of_swaps,
        };
        *part = part.plus(gas)?;
        self.filled += 1;
        self.volume = self.volume.plus(trade.value)?;
        self.lp_fees = self.lp_fees.plus(trade.costs.lp_fee)?;
        self.impact = self.impact.plus(trade.costs.impact)?;
        self.slippage = self.slippage.plus(trade.costs.slippage)?;
        Ok(self)
    }
}
