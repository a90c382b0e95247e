//! What a transaction offers for its gas, and by how much more its replacement must offer.
//!
//! EIP-1559: a transaction pays the base fee of its block and its priority fee, together at most its
//! maximum fee. Pools take a replacement only when both of its fees are a tenth higher (geth's
//! `legacypool`); rounded up, that passes every client known.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::money::Units;

/// The fees a transaction offers, in wei per gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fees {
    /// `maxFeePerGas`: the most it pays per gas, everything included.
    #[serde(with = "super::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub max_fee: u128,
    /// `maxPriorityFeePerGas`: the most of it that goes to whoever makes the block.
    #[serde(with = "super::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub priority_fee: u128,
}

/// The percentage of its predecessor's fees that a pool wants of a replacement.
pub const REPLACEMENT_PERCENT: u32 = 110;

/// What so much gas comes to at so many wei per gas, in wei.
pub fn cost(per_gas: u128, gas: u64) -> Units {
    Units(U256::from(per_gas).saturating_mul(U256::from(gas)))
}

impl Fees {
    /// What it pays per gas in a block with this base fee; `None` where the block does not take it.
    pub fn effective(self, base_fee: u128) -> Option<u128> {
        (base_fee <= self.max_fee).then(|| self.max_fee.min(base_fee.saturating_add(self.priority_fee)))
    }

    /// Both fees at `percent` of these, rounded up, and at least one wei more where `percent` is above 100.
    pub fn raised(self, percent: u32) -> Fees {
        let raise = |fee: u128| {
            let raised = fee.saturating_mul(u128::from(percent)).div_ceil(100);
            if percent > 100 { raised.max(fee.saturating_add(1)) } else { raised }
        };
        Fees { max_fee: raise(self.max_fee), priority_fee: raise(self.priority_fee) }
    }

    /// The higher of each.
    pub fn or_higher(self, other: Fees) -> Fees {
        Fees { max_fee: self.max_fee.max(other.max_fee), priority_fee: self.priority_fee.max(other.priority_fee) }
    }

    /// Neither fee above the ceiling.
    pub fn within(self, ceiling: u128) -> Fees {
        let max_fee = self.max_fee.min(ceiling);
        Fees { max_fee, priority_fee: self.priority_fee.min(max_fee) }
    }

    /// Whether a pool that holds a transaction with fees `old` takes one with these in its place.
    pub fn replaces(self, old: Fees) -> bool {
        let needed = old.raised(REPLACEMENT_PERCENT);
        let enough = self.max_fee >= needed.max_fee && self.priority_fee >= needed.priority_fee;
        // At the end of the numbers there is nothing more to offer.
        enough && self.max_fee > old.max_fee && self.priority_fee > old.priority_fee
    }

    /// The fees of what is to take the place of a transaction with fees `self`: `percent` of them or what the
    /// `market` asks, whichever is more, under the ceiling. `None` where the ceiling leaves no room: then the
    /// same bytes are sent again, and the price has to fall.
    pub fn replacement(self, percent: u32, market: Option<Fees>, ceiling: u128) -> Option<Fees> {
        let least = self.raised(percent.max(REPLACEMENT_PERCENT));
        let wanted = least.or_higher(market.unwrap_or(least)).within(ceiling);
        wanted.replaces(self).then_some(wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fees(max_fee: u128, priority_fee: u128) -> Fees {
        Fees { max_fee, priority_fee }
    }

    #[test]
    fn a_transaction_pays_base_and_tip_up_to_its_cap() {
        assert_eq!(fees(100, 10).effective(50), Some(60));
        assert_eq!(fees(100, 10).effective(95), Some(100));
        assert_eq!(fees(100, 10).effective(101), None);
    }

    #[test]
    fn a_replacement_is_a_tenth_higher_on_both_rounded_up() {
        // 11 × 1.1 = 12.1: geth would take 12, Hardhat wants 13.
        assert_eq!(fees(101, 11).raised(110), fees(112, 13));
        assert_eq!(fees(0, 0).raised(110), fees(1, 1), "strictly more");
        assert!(fees(112, 13).replaces(fees(101, 11)));
        assert!(!fees(112, 12).replaces(fees(101, 11)) && !fees(111, 13).replaces(fees(101, 11)));
    }

    #[test]
    fn a_replacement_follows_the_market_and_never_passes_the_ceiling() {
        let old = fees(100, 10);
        assert_eq!(old.replacement(150, None, 1_000), Some(fees(150, 15)));
        assert_eq!(old.replacement(150, Some(fees(400, 2)), 1_000), Some(fees(400, 15)));
        assert_eq!(old.replacement(150, Some(fees(4_000, 20)), 1_000), Some(fees(1_000, 20)));
        assert_eq!(old.replacement(150, None, 110), Some(fees(110, 15)));
        assert_eq!(old.replacement(150, None, 109), None, "no room under the ceiling");
        assert_eq!(old.replacement(1, None, 1_000), Some(fees(110, 11)), "never less than a pool takes");
        assert_eq!(fees(u128::MAX, 1).replacement(150, None, u128::MAX), None);
    }
}
