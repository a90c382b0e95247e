//! What a swap's gas costs in dollars.

use alloy_primitives::U256;

use crate::market::GasFacts;
use crate::money::{MoneyError, Price, Rounding, Units};
use crate::trade::GasPaid;

/// Gas units of a swap through one pool: `exactInputSingle` of Uniswap V3, as measured on a test chain.
pub const ONE_HOP_UNITS: u64 = 107_000;
/// Gas units of a swap through two pools, measured likewise.
pub const TWO_HOP_UNITS: u64 = 172_000;
/// Decimals of the coin that pays for gas, on every chain known.
const NATIVE_DECIMALS: u8 = 18;

/// The gas of a swap of `units`: `(units × (base + priority) + L1 fee) wei × native price`, rounded up.
///
/// # Errors
/// [`MoneyError::Overflow`] when dollars cannot hold it.
pub fn price(units: u64, facts: &GasFacts, native: Price) -> Result<GasPaid, MoneyError> {
    let per_gas = u128::from(facts.base_fee) + u128::from(facts.priority_fee);
    let wei = U256::from(per_gas) * U256::from(units) + U256::from(facts.l1_fee);
    Ok(GasPaid {
        units,
        base_fee: facts.base_fee,
        priority_fee: facts.priority_fee,
        l1_fee: facts.l1_fee,
        native,
        source: facts.source,
        usd: native.value(Units(wei), NATIVE_DECIMALS, Rounding::Up)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::Chain;
    use crate::time::Timestamp;

    #[test]
    fn gas_is_units_times_fees_times_price_and_never_rounded_down() {
        let facts = GasFacts {
            base_fee: 10_000_000_000,
            priority_fee: 1_000_000_000,
            ..GasFacts::assumed(Chain::Ethereum, Timestamp::EPOCH)
        };
        let paid = price(107_000, &facts, "3000".parse().unwrap()).unwrap();
        assert_eq!(paid.usd.to_string(), "3.531");
        let one_wei = GasFacts { base_fee: 0, priority_fee: 0, l1_fee: 1, ..facts };
        assert_eq!(price(1, &one_wei, "3000".parse().unwrap()).unwrap().usd.to_string(), "0.000000000001");
        let op = GasFacts::assumed(Chain::Base, Timestamp::EPOCH);
        assert!(op.l1_fee > 0);
    }

    #[test]
    fn fees_of_any_size_are_an_error_at_most() {
        let facts = GasFacts {
            base_fee: u64::MAX,
            priority_fee: u64::MAX,
            l1_fee: u64::MAX,
            ..GasFacts::assumed(Chain::Base, Timestamp::EPOCH)
        };
        assert_eq!(price(u64::MAX, &facts, "3000".parse().unwrap()), Err(MoneyError::Overflow));
    }
}
