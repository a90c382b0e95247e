//! The integer arithmetic under money: products and quotients of 256 bits, rounded by name.

use std::cmp::Ordering;

use alloy_primitives::{U256, U512};

use super::{MoneyError, Rounding};

/// `a × b ÷ divisor`, exact in between, rounded as named.
///
/// # Errors
/// [`MoneyError::DivisionByZero`]; [`MoneyError::Overflow`] when the quotient needs more than 256 bits.
pub fn mul_div(a: U256, b: U256, divisor: U256, rounding: Rounding) -> Result<U256, MoneyError> {
    if divisor.is_zero() {
        return Err(MoneyError::DivisionByZero);
    }
    // Nearly all money fits in 128 bits a factor, where the product needs no overflow check and the
    // division is several times cheaper.
    let (quotient, rest) = match (low_half(a), low_half(b)) {
        (Some(x), Some(y)) => match (product(x, y), low_half(divisor)) {
            ((0, low), Some(d)) => {
                let quotient = divide(low, d);
                (U256::from(quotient), U256::from(low - quotient * d))
            }
            ((high, low), _) => {
                let limbs = [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64];
                U256::from_limbs(limbs).div_rem(divisor)
            }
        },
        _ => {
            let wide: U512 = a.widening_mul(b);
            let (quotient, rest) = wide.div_rem(U512::from(divisor));
            if quotient.bit_len() > 256 {
                return Err(MoneyError::Overflow);
            }
            (quotient.to::<U256>(), rest.to::<U256>())
        }
    };
    let up = match rounding {
        Rounding::Down => false,
        Rounding::Up => !rest.is_zero(),
        // Compared with what is missing to the divisor, so that nothing can overflow.
        Rounding::HalfEven => match rest.cmp(&(divisor - rest)) {
            Ordering::Less => false,
            Ordering::Equal => quotient.bit(0),
            Ordering::Greater => true,
        },
    };
    if up { quotient.checked_add(U256::ONE).ok_or(MoneyError::Overflow) } else { Ok(quotient) }
}

/// `n ÷ d` rounded down, by the narrow division where both are narrow.
fn divide(n: u128, d: u128) -> u128 {
    match (u64::try_from(n), u64::try_from(d)) {
        (Ok(n), Ok(d)) => u128::from(n / d),
        _ => n / d,
    }
}

/// The value, where it fits in 128 bits.
pub(super) fn low_half(value: U256) -> Option<u128> {
    let [a, b, c, d] = *value.as_limbs();
    (c | d == 0).then_some(u128::from(a) | u128::from(b) << 64)
}

/// The 256-bit product, as its high and low halves.
fn product(x: u128, y: u128) -> (u128, u128) {
    let ((a, b), (c, d)) = ((x >> 64, x as u64 as u128), (y >> 64, y as u64 as u128));
    let low = b * d;
    // Neither sum can overflow: (2^64 - 1)^2 + 2 (2^64 - 1) is 2^128 - 1.
    let middle = a * d + (low >> 64);
    let cross = b * c + (middle as u64 as u128);
    (a * c + (middle >> 64) + (cross >> 64), cross << 64 | (low as u64 as u128))
}

/// `10^exponent`.
///
/// # Errors
/// [`MoneyError::Overflow`] from 10^78.
pub fn pow10(exponent: u32) -> Result<U256, MoneyError> {
    // A table for the powers that occur; 10^38 is the largest in 128 bits.
    const SMALL: [u128; 39] = {
        let mut table = [1u128; 39];
        let mut i = 1;
        while i < table.len() {
            table[i] = table[i - 1] * 10;
            i += 1;
        }
        table
    };
    match SMALL.get(exponent as usize) {
        Some(power) => Ok(U256::from(*power)),
        None => U256::from(10u8).checked_pow(U256::from(exponent)).ok_or(MoneyError::Overflow),
    }
}
