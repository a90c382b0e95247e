//! The integer arithmetic under money: products and quotients of 256 bits, rounded by name.

use std::cmp::Ordering;

use alloy_primitives::{U256, U512};

use super::{MoneyError, Rounding};

/// `a × b ÷ divisor`, exact in between, rounded as named.
///
/// # Errors
/// [`MoneyError::DivisionByZero`]; [`MoneyError::Overflow`] when the quotient needs more than 256 bits.
pub fn mul_div(a: U256, b: U256, divisor: U256, rounding: Rounding) -> Result<U256, MoneyError> {
    // Nearly all money fits in 128 bits a factor, where the product needs no overflow check and the
    // division is several times cheaper.
    let (quotient, rest) = match (low_half(a), low_half(b), low_half(divisor)) {
        (_, _, Some(0)) => return Err(MoneyError::DivisionByZero),
        (Some(x), Some(y), Some(d)) => match product(x, y) {
            (0, low) => {
                let quotient = divide(low, d);
                let rest = low - quotient * d;
                return if rounds_up(rounding, rest, || d - rest, quotient & 1 == 1) {
                    U256::from(quotient).checked_add(U256::ONE).ok_or(MoneyError::Overflow)
                } else {
                    Ok(U256::from(quotient))
                };
            }
            wide => joined(wide).div_rem(divisor),
        },
        (Some(x), Some(y), None) => joined(product(x, y)).div_rem(divisor),
        (None, _, _) | (_, None, _) => {
            let wide: U512 = a.widening_mul(b);
            let (quotient, rest) = wide.div_rem(U512::from(divisor));
            if quotient.bit_len() > 256 {
                return Err(MoneyError::Overflow);
            }
            (quotient.to::<U256>(), rest.to::<U256>())
        }
    };
    if rounds_up(rounding, rest, || divisor - rest, quotient.bit(0)) {
        quotient.checked_add(U256::ONE).ok_or(MoneyError::Overflow)
    } else {
        Ok(quotient)
    }
}

/// Whether a quotient with this `rest` goes up; `missing` is what the rest lacks to the divisor, so that
/// nothing has to be doubled, which could overflow.
fn rounds_up<T: Ord + Default>(rounding: Rounding, rest: T, missing: impl FnOnce() -> T, is_odd: bool) -> bool {
    match rounding {
        Rounding::Down => false,
        Rounding::Up => rest != T::default(),
        Rounding::HalfEven => match rest.cmp(&missing()) {
            Ordering::Less => false,
            Ordering::Equal => is_odd,
            Ordering::Greater => true,
        },
    }
}

fn joined((high, low): (u128, u128)) -> U256 {
    U256::from_limbs([low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64])
}

/// Whether the value is zero. Asked of numbers that were just made, limb by limb: comparing them as wider
/// words at once waits until all of them have reached the cache. Nearly always the first limb tells.
pub(crate) fn is_zero(value: &U256) -> bool {
    value.as_limbs()[0] == 0 && is_zero_above(value)
}

#[cold]
#[inline(never)]
fn is_zero_above(value: &U256) -> bool {
    value.is_zero()
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
