//! Prices in US dollars.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::U256;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::integer::{mul_div, pow10};
use super::quantity::Quantity;
use super::units::Units;
use super::usd::Usd;
use super::{MoneyError, Rounding, USD_SCALE, text};

/// US dollars for one whole token: positive, with all its digits up to 28.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(Decimal);

impl Price {
    /// One dollar exactly, the price of a pinned stablecoin.
    pub const ONE: Price = Price(Decimal::ONE);

    /// A positive price.
    ///
    /// # Errors
    /// [`MoneyError::Zero`], [`MoneyError::Negative`].
    pub fn new(value: Decimal) -> Result<Price, MoneyError> {
        if value.is_zero() {
            Err(MoneyError::Zero)
        } else if value.is_sign_negative() {
            Err(MoneyError::Negative)
        } else {
            Ok(Price(value))
        }
    }

    /// Reads a JSON number's own text, exponent forms included, without passing through a float.
    ///
    /// # Errors
    /// [`MoneyError::PrecisionLoss`] when the text holds more digits than a decimal can; the
    /// others as they say.
    pub fn parse(text: &str) -> Result<Price, MoneyError> {
        let quantity = Quantity::parse_scientific(text)?;
        Price::new(quantity.to_decimal()?)
    }

    /// Like [`Price::parse`], but digits past the 28th are rounded half to even.
    ///
    /// # Errors
    /// As [`Price::parse`], without `PrecisionLoss`; [`MoneyError::Zero`] when nothing is left.
    pub fn parse_rounded(text: &str) -> Result<Price, MoneyError> {
        let quantity = Quantity::parse_scientific(text)?;
        Price::new(quantity.to_decimal_rounded()?)
    }

    /// The price as a decimal.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The value of `units` base units of a token with `decimals` decimals.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] where dollars cannot hold it.
    pub fn value(self, units: Units, decimals: u8, rounding: Rounding) -> Result<Usd, MoneyError> {
        // units × mantissa × 10^12 ÷ 10^(decimals + scale)
        let mantissa = U256::from(self.0.mantissa().unsigned_abs());
        let down = u32::from(decimals) + self.0.scale();
        let atoms = if down >= USD_SCALE {
            mul_div(units.0, mantissa, pow10(down - USD_SCALE)?, rounding)?
        } else {
            let raised = mantissa.checked_mul(pow10(USD_SCALE - down)?).ok_or(MoneyError::Overflow)?;
            mul_div(units.0, raised, U256::ONE, rounding)?
        };
        Usd::from_magnitude(atoms, false)
    }

    /// The base units of a token with `decimals` decimals that `usd` is worth.
    ///
    /// # Errors
    /// [`MoneyError::Negative`] for a negative amount, [`MoneyError::Overflow`].
    pub fn units(self, usd: Usd, decimals: u8, rounding: Rounding) -> Result<Units, MoneyError> {
        if usd.is_negative() {
            return Err(MoneyError::Negative);
        }
        // atoms × 10^(decimals + scale) ÷ (mantissa × 10^12)
        let mantissa = U256::from(self.0.mantissa().unsigned_abs());
        let up = u32::from(decimals) + self.0.scale();
        let units = if up >= USD_SCALE {
            mul_div(usd.magnitude(), pow10(up - USD_SCALE)?, mantissa, rounding)?
        } else {
            let divisor = mantissa.checked_mul(pow10(USD_SCALE - up)?).ok_or(MoneyError::Overflow)?;
            mul_div(usd.magnitude(), U256::ONE, divisor, rounding)?
        };
        Ok(Units(units))
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, false, self.0.mantissa().unsigned_abs(), self.0.scale())
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize_decimal(serializer, self.0)
    }
}

text::debug!(Price);
text::deserialize!(Price, "a price in US dollars");

impl FromStr for Price {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Price::new(text.parse::<Quantity>()?.to_decimal()?)
    }
}
