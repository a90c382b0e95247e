//! Uniswap V2's constant-product formula, exact to the base unit.
//!
//! Source: `UniswapV2Library.getAmountOut` and `getAmountIn` (npm `@uniswap/v2-periphery`). There the
//! fee is 997/1000; here it is a share in parts per million, so that pools of other fees are filled by
//! the same integers. For 3,000 ppm the two fractions are equal, and so are the floors. A test holds
//! both against the deployed router and npm `@uniswap/v2-sdk`.

use alloy_primitives::U256;
use alloy_primitives::ruint::Uint;
use serde::{Deserialize, Serialize};

use crate::money::{MoneyError, Rounding, is_zero, mul_div};
use crate::trade::Ppm;

/// Uniswap V2's fee: 0.3 %.
pub const V2_FEE: Ppm = Ppm::from_bps(30);

/// The most hops a quote may have: what the exact price impact has room for.
pub const MAX_HOPS: usize = 5;

/// Why a pool cannot fill an amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The amount is zero.
    #[error("the amount is zero")]
    ZeroAmount,
    /// A reserve is zero, or the amount out is not below the reserve.
    #[error("the pool's liquidity does not cover the amount")]
    InsufficientLiquidity,
    /// There is no hop, or there are more than [`MAX_HOPS`].
    #[error("a route has 1 to {MAX_HOPS} hops")]
    Route,
    /// The amount does not fit in 256 bits.
    #[error("the amount is too large for the pool's arithmetic")]
    Overflow,
}

impl From<MoneyError> for PoolError {
    fn from(error: MoneyError) -> Self {
        match error {
            MoneyError::DivisionByZero => PoolError::InsufficientLiquidity,
            _ => PoolError::Overflow,
        }
    }
}

/// One pool on a route, seen in the direction of the trade. Amounts are base units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hop {
    /// Reserve of the token that goes in.
    #[serde(with = "units_text")]
    pub reserve_in: U256,
    /// Reserve of the token that comes out.
    #[serde(with = "units_text")]
    pub reserve_out: U256,
    /// The pool's fee.
    pub fee: Ppm,
}

mod units_text {
    use alloy_primitives::U256;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::money::Units;

    pub fn serialize<S: Serializer>(value: &U256, serializer: S) -> Result<S::Ok, S::Error> {
        Units(*value).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<U256, D::Error> {
        Units::deserialize(deserializer).map(|units| units.0)
    }
}

const SHARES: u32 = Ppm::ONE.parts();

/// What comes out for `amount_in`, rounded down.
///
/// `out = in·(1−f)·R_out ÷ (R_in + in·(1−f))`.
///
/// # Errors
/// [`PoolError`].
pub fn amount_out(amount_in: U256, reserve_in: U256, reserve_out: U256, fee: Ppm) -> Result<U256, PoolError> {
    if is_zero(&amount_in) {
        return Err(PoolError::ZeroAmount);
    }
    if is_zero(&reserve_in) || is_zero(&reserve_out) {
        return Err(PoolError::InsufficientLiquidity);
    }
    let kept = amount_in.checked_mul(U256::from(SHARES - fee.parts())).ok_or(PoolError::Overflow)?;
    let denominator = reserve_in
        .checked_mul(U256::from(SHARES))
        .and_then(|reserve| reserve.checked_add(kept))
        .ok_or(PoolError::Overflow)?;
    Ok(mul_div(kept, reserve_out, denominator, Rounding::Down)?)
}

/// What has to go in for `amount_out` to come out: the floor of the exact quotient, plus one, as the
/// router has it.
///
/// `in = R_in·out ÷ ((R_out − out)·(1−f)) + 1`.
///
/// # Errors
/// [`PoolError`].
pub fn amount_in(amount_out: U256, reserve_in: U256, reserve_out: U256, fee: Ppm) -> Result<U256, PoolError> {
    if is_zero(&amount_out) {
        return Err(PoolError::ZeroAmount);
    }
    if is_zero(&reserve_in) || amount_out >= reserve_out {
        return Err(PoolError::InsufficientLiquidity);
    }
    let scaled = reserve_in.checked_mul(U256::from(SHARES)).ok_or(PoolError::Overflow)?;
    let denominator =
        (reserve_out - amount_out).checked_mul(U256::from(SHARES - fee.parts())).ok_or(PoolError::Overflow)?;
    let quotient = mul_div(scaled, amount_out, denominator, Rounding::Down)?;
    quotient.checked_add(U256::ONE).ok_or(PoolError::Overflow)
}

/// The amounts along a route for an exact amount in: the first is `amount_in`, the last comes out.
///
/// # Errors
/// [`PoolError`].
pub fn amounts_out(amount_in: U256, hops: &[Hop]) -> Result<Vec<U256>, PoolError> {
    check_route(hops)?;
    let mut amounts = vec![amount_in];
    let mut amount = amount_in;
    for hop in hops {
        amount = amount_out(amount, hop.reserve_in, hop.reserve_out, hop.fee)?;
        amounts.push(amount);
    }
    Ok(amounts)
}

/// The amounts along a route for an exact amount out: the first has to go in, the last is `amount_out`.
///
/// # Errors
/// [`PoolError`].
pub fn amounts_in(amount_out: U256, hops: &[Hop]) -> Result<Vec<U256>, PoolError> {
    check_route(hops)?;
    let mut amounts = vec![amount_out];
    let mut amount = amount_out;
    for hop in hops.iter().rev() {
        amount = amount_in(amount, hop.reserve_in, hop.reserve_out, hop.fee)?;
        amounts.push(amount);
    }
    amounts.reverse();
    Ok(amounts)
}

/// Price impact in parts per billion of the mid price, fees apart, rounded up: how much less comes out
/// than if the pools' own prices held for the whole amount after fees.
///
/// `1 − out ÷ (in · Π (1−f_i)·R_out,i ÷ R_in,i)`, computed on exact integers.
///
/// # Errors
/// [`PoolError`].
pub fn impact_ppb(amount_in: U256, amount_out: U256, hops: &[Hop]) -> Result<u64, PoolError> {
    // 256 bits of amount, then 256 + 20 a hop, and 30 for the parts per billion.
    type Wide = Uint<2048, 32>;
    check_route(hops)?;
    let mut ideal = Wide::from(amount_in);
    let mut actual = Wide::from(amount_out);
    for hop in hops {
        ideal *= Wide::from(hop.reserve_out) * Wide::from(SHARES - hop.fee.parts());
        actual *= Wide::from(hop.reserve_in) * Wide::from(SHARES);
    }
    if ideal.is_zero() {
        return Err(PoolError::InsufficientLiquidity);
    }
    let lost = ideal.saturating_sub(actual) * Wide::from(1_000_000_000u64);
    let (quotient, rest) = lost.div_rem(ideal);
    Ok((quotient + Wide::from(u8::from(!rest.is_zero()))).to::<u64>())
}

fn check_route(hops: &[Hop]) -> Result<(), PoolError> {
    if (1..=MAX_HOPS).contains(&hops.len()) { Ok(()) } else { Err(PoolError::Route) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn n(value: u128) -> U256 {
        U256::from(value)
    }

    #[test]
    fn the_formula_gives_the_figures_worked_by_hand() {
        // 1000·997·5000 ÷ (10000·1000 + 1000·997) = 453.3; 10000·453·1000 ÷ (4547·997) + 1 = 1000.2
        assert_eq!(amount_out(n(1000), n(10_000), n(5_000), V2_FEE), Ok(n(453)));
        assert_eq!(amount_in(n(453), n(10_000), n(5_000), V2_FEE), Ok(n(1000)));
        // Without a fee: 1000·5000 ÷ 11000 = 454.5
        assert_eq!(amount_out(n(1000), n(10_000), n(5_000), Ppm::default()), Ok(n(454)));
    }

    #[test]
    fn what_a_pool_cannot_fill_is_named() {
        assert_eq!(amount_out(n(0), n(1), n(1), V2_FEE), Err(PoolError::ZeroAmount));
        assert_eq!(amount_out(n(1), n(0), n(1), V2_FEE), Err(PoolError::InsufficientLiquidity));
        assert_eq!(amount_in(n(5), n(9), n(5), V2_FEE), Err(PoolError::InsufficientLiquidity));
        assert_eq!(amount_in(n(1), n(9), n(5), Ppm::ONE), Err(PoolError::InsufficientLiquidity));
        assert_eq!(amount_out(U256::MAX, n(1), n(1), V2_FEE), Err(PoolError::Overflow));
        assert_eq!(amounts_out(n(1), &[]), Err(PoolError::Route));
    }

    #[test]
    fn going_in_what_amount_in_says_gets_at_least_the_amount_out() {
        let mut x = 88_172_645_463_325_252u64;
        let mut next = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            x
        };
        for _ in 0..2_000 {
            let hop = Hop {
                reserve_in: n(u128::from(next()) * 1_000 + 1_000),
                reserve_out: n(u128::from(next()) * 1_000 + 1_000),
                fee: Ppm::new((next() % 100_000) as u32).unwrap(),
            };
            let out = hop.reserve_out / n(u128::from(next() % 1_000 + 2));
            let amounts = amounts_in(out, &[hop, hop]);
            let Ok(amounts) = amounts else { continue };
            assert!(*amounts_out(amounts[0], &[hop, hop]).unwrap().last().unwrap() >= out);
        }
    }

    #[test]
    fn impact_leaves_the_fee_out_and_grows_with_the_amount() {
        let hop = Hop { reserve_in: n(1_000_000_000_000), reserve_out: n(1_000_000_000_000), fee: V2_FEE };
        let impact = |amount| {
            let out = amount_out(n(amount), hop.reserve_in, hop.reserve_out, hop.fee).unwrap();
            impact_ppb(n(amount), out, &[hop]).unwrap()
        };
        // in·0.997 ÷ (R + in·0.997): 1 % of the reserve is 0.00997 ÷ 1.00997 = 0.98715803 %.
        assert_eq!(impact(10_000_000_000), 9_871_581);
        assert!(impact(1_000_000) < 1_100);
        assert!(impact(20_000_000_000) > impact(10_000_000_000));
    }
}
