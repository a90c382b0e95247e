//! Token quantities as people write them.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::integer::{mul_div, pow10};
use super::units::Units;
use super::{MAX_TOKEN_DECIMALS, MoneyError, Rounding, text};

/// A signed decimal of any size up to 256 bits of digits: a token quantity as people write it.
///
/// It exists because 28 digits do not hold every 18-decimal balance. It is for reading and
/// writing; amounts are kept as [`Units`].
#[derive(Debug, Clone, Copy)]
pub struct Quantity {
    negative: bool,
    digits: U256,
    scale: u8,
}

impl Quantity {
    /// Whether the quantity is zero.
    pub fn is_zero(self) -> bool {
        self.digits.is_zero()
    }

    /// Whether the quantity is below zero.
    pub fn is_negative(self) -> bool {
        self.negative && !self.digits.is_zero()
    }

    /// The quantity in base units, exactly.
    ///
    /// # Errors
    /// [`MoneyError::Negative`]; [`MoneyError::PrecisionLoss`] when it is finer than the token;
    /// [`MoneyError::Overflow`].
    pub fn units(self, decimals: u8) -> Result<Units, MoneyError> {
        if self.is_negative() {
            return Err(MoneyError::Negative);
        }
        let (from, to) = (u32::from(self.scale), u32::from(decimals));
        if to >= from {
            return self.digits.checked_mul(pow10(to - from)?).map(Units).ok_or(MoneyError::Overflow);
        }
        let divisor = pow10(from - to)?;
        let (units, rest) = self.digits.div_rem(divisor);
        if rest.is_zero() { Ok(Units(units)) } else { Err(MoneyError::PrecisionLoss { places: to }) }
    }

    /// The quantity as a decimal, exactly.
    ///
    /// # Errors
    /// [`MoneyError::PrecisionLoss`] or [`MoneyError::Overflow`] when 96 bits do not hold it.
    pub fn to_decimal(self) -> Result<Decimal, MoneyError> {
        let trimmed = self.trimmed();
        if u32::from(trimmed.scale) > Decimal::MAX_SCALE {
            return Err(MoneyError::PrecisionLoss { places: Decimal::MAX_SCALE });
        }
        let digits = i128::try_from(u128::try_from(trimmed.digits).unwrap_or(u128::MAX)).unwrap_or(i128::MAX);
        let signed = if trimmed.negative { -digits } else { digits };
        Decimal::try_from_i128_with_scale(signed, u32::from(trimmed.scale)).map_err(|_| {
            if trimmed.scale > 0 {
                MoneyError::PrecisionLoss { places: Decimal::MAX_SCALE }
            } else {
                MoneyError::Overflow
            }
        })
    }

    /// The nearest decimal with at most 28 places, half to even.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] when the whole part does not fit.
    pub fn to_decimal_rounded(self) -> Result<Decimal, MoneyError> {
        let mut candidate = self.trimmed();
        let max = U256::from(u128::MAX >> 32);
        let mut drop = u32::from(candidate.scale).saturating_sub(Decimal::MAX_SCALE);
        loop {
            if drop > u32::from(candidate.scale) {
                return Err(MoneyError::Overflow);
            }
            // One division from the full digits, so that nothing is rounded twice.
            let digits = mul_div(self.trimmed().digits, U256::ONE, pow10(drop)?, Rounding::HalfEven)?;
            if digits <= max {
                candidate.scale -= drop as u8;
                candidate.digits = digits;
                return candidate.to_decimal();
            }
            drop += 1;
        }
    }

    /// `digits × 10^-scale`.
    pub(super) const fn from_digits(digits: U256, scale: u8) -> Quantity {
        Quantity { negative: false, digits, scale }
    }

    /// Whether it is negative, its digits and their scale, without trailing zeros.
    pub(super) fn parts(self) -> (bool, U256, u32) {
        let trimmed = self.trimmed();
        (trimmed.negative, trimmed.digits, u32::from(trimmed.scale))
    }

    fn trimmed(self) -> Quantity {
        let ten = U256::from(10u8);
        let mut out = self;
        while out.scale > 0 {
            let (quotient, rest) = out.digits.div_rem(ten);
            if !rest.is_zero() {
                break;
            }
            out.digits = quotient;
            out.scale -= 1;
        }
        if out.digits.is_zero() {
            out.negative = false;
        }
        out
    }

    /// Reads a plain or exponent form (`1e-18`, `2.5E3`), exactly.
    ///
    /// # Errors
    /// [`MoneyError::NotANumber`], [`MoneyError::Overflow`], [`MoneyError::PrecisionLoss`].
    pub fn parse_scientific(text: &str) -> Result<Quantity, MoneyError> {
        let not_a_number = || MoneyError::NotANumber(shown(text));
        let Some(at) = text.find(['e', 'E']) else {
            return text.parse();
        };
        let mantissa: Quantity = text[..at].parse()?;
        let exponent_text = &text[at + 1..];
        let digits = exponent_text.strip_prefix(['+', '-']).unwrap_or(exponent_text);
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(not_a_number());
        }
        if mantissa.is_zero() {
            return Ok(mantissa);
        }
        let exponent: i64 = exponent_text.parse().map_err(|_| MoneyError::Overflow)?;
        let trimmed = mantissa.trimmed();
        let scale = i64::from(trimmed.scale).checked_sub(exponent).ok_or(MoneyError::Overflow)?;
        if scale < 0 {
            let factor = pow10(u32::try_from(-scale).map_err(|_| MoneyError::Overflow)?)?;
            let digits = trimmed.digits.checked_mul(factor).ok_or(MoneyError::Overflow)?;
            return Ok(Quantity { digits, scale: 0, ..trimmed });
        }
        let scale = u8::try_from(scale)
            .ok()
            .filter(|scale| *scale <= MAX_TOKEN_DECIMALS)
            .ok_or(MoneyError::PrecisionLoss { places: u32::from(MAX_TOKEN_DECIMALS) })?;
        Ok(Quantity { scale, ..trimmed })
    }
}

impl FromStr for Quantity {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let not_a_number = || MoneyError::NotANumber(shown(text));
        let (negative, body) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let has_point = body.len() != whole.len();
        if whole.is_empty() || (has_point && fraction.is_empty()) {
            return Err(not_a_number());
        }
        if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
            return Err(not_a_number());
        }
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > usize::from(MAX_TOKEN_DECIMALS) {
            return Err(MoneyError::PrecisionLoss { places: u32::from(MAX_TOKEN_DECIMALS) });
        }
        let mut digits = U256::ZERO;
        let ten = U256::from(10u8);
        for byte in whole.bytes().chain(fraction.bytes()) {
            digits = digits
                .checked_mul(ten)
                .and_then(|d| d.checked_add(U256::from(byte - b'0')))
                .ok_or(MoneyError::Overflow)?;
        }
        Ok(Quantity { negative: negative && !digits.is_zero(), digits, scale: fraction.len() as u8 })
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        let (a, b) = (self.trimmed(), other.trimmed());
        (a.negative, a.digits, a.scale) == (b.negative, b.digits, b.scale)
    }
}

impl Eq for Quantity {}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(small) = u128::try_from(self.digits)
            && self.scale <= 80
        {
            return text::write(f, self.is_negative(), small, u32::from(self.scale));
        }
        let trimmed = self.trimmed();
        let digits = trimmed.digits.to_string();
        let scale = usize::from(trimmed.scale);
        if trimmed.negative {
            f.write_str("-")?;
        }
        if scale == 0 {
            return f.write_str(&digits);
        }
        let padded = format!("{digits:0>width$}", width = scale + 1);
        let (whole, fraction) = padded.split_at(padded.len() - scale);
        write!(f, "{whole}.{fraction}")
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

text::deserialize!(Quantity, "a quantity");

fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}
