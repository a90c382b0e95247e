//! Token amounts in base units.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use serde::{Serialize, Serializer};

use super::integer::{is_zero, low_half, mul_div};
use super::quantity::Quantity;
use super::{MoneyError, Rounding, text};

/// A token amount in the token's own base units (wei for an 18-decimal token). Never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(pub U256);

impl Units {
    /// Nothing.
    pub const ZERO: Units = Units(U256::ZERO);

    /// Whether there is nothing.
    pub fn is_zero(self) -> bool {
        is_zero(&self.0)
    }

    /// Sum.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Units) -> Result<Units, MoneyError> {
        self.0.checked_add(other.0).map(Units).ok_or(MoneyError::Overflow)
    }

    /// Difference.
    ///
    /// # Errors
    /// [`MoneyError::Negative`] when `other` is more.
    pub fn minus(self, other: Units) -> Result<Units, MoneyError> {
        self.0.checked_sub(other.0).map(Units).ok_or(MoneyError::Negative)
    }

    /// `self × numerator ÷ denominator`, rounded as named.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`], [`MoneyError::Overflow`].
    pub fn portion(self, numerator: U256, denominator: U256, rounding: Rounding) -> Result<Units, MoneyError> {
        mul_div(self.0, numerator, denominator, rounding).map(Units)
    }

    /// The amount in whole tokens, exactly.
    pub fn quantity(self, decimals: u8) -> Quantity {
        Quantity::from_digits(self.0, decimals)
    }

    /// Reads whole tokens (`1.5`) into base units.
    ///
    /// # Errors
    /// [`MoneyError::PrecisionLoss`] when the text is finer than the token; [`MoneyError::Negative`];
    /// [`MoneyError::NotANumber`]; [`MoneyError::Overflow`].
    pub fn parse(text: &str, decimals: u8) -> Result<Units, MoneyError> {
        text.parse::<Quantity>()?.units(decimals)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u128::try_from(self.0) {
            Ok(small) => text::write(f, false, small, 0),
            Err(_) => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match low_half(self.0) {
            Some(small) => text::serialize(serializer, false, small, 0),
            None => serializer.collect_str(self),
        }
    }
}

text::debug!(Units);
text::deserialize!(Units, "base units");

impl FromStr for Units {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Units::parse(text, 0)
    }
}
