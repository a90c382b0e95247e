//! US dollars.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use alloy_primitives::U256;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::integer::{mul_div, pow10};
use super::quantity::Quantity;
use super::{MoneyError, Rounding, USD_SCALE, text};

/// US dollars, always at exactly [`USD_SCALE`] decimal places. May be negative.
///
/// The range is ±79,228,162,514,264,337 dollars (96 bits at 12 places).
#[derive(Clone, Copy)]
pub struct Usd(Decimal);

impl Usd {
    /// Nothing.
    pub const ZERO: Usd = Usd(Decimal::from_parts(0, 0, 0, false, USD_SCALE));

    /// The amount of `atoms` × 10⁻¹² dollars.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] outside the range of the type.
    pub fn from_atoms(atoms: i128) -> Result<Usd, MoneyError> {
        Decimal::try_from_i128_with_scale(atoms, USD_SCALE).map(Usd).map_err(|_| MoneyError::Overflow)
    }

    /// The amount in units of 10⁻¹² dollars.
    pub fn atoms(self) -> i128 {
        self.0.mantissa()
    }

    /// A whole number of dollars.
    pub const fn whole(dollars: i32) -> Usd {
        let atoms = (dollars as i128) * 1_000_000_000_000;
        let magnitude = atoms.unsigned_abs();
        Usd(Decimal::from_parts(
            magnitude as u32,
            (magnitude >> 32) as u32,
            (magnitude >> 64) as u32,
            dollars < 0,
            USD_SCALE,
        ))
    }

    /// Takes `value` exactly.
    ///
    /// # Errors
    /// [`MoneyError::PrecisionLoss`] beyond 12 places, [`MoneyError::Overflow`] beyond the range.
    pub fn exact(value: Decimal) -> Result<Usd, MoneyError> {
        let usd = Usd::rounded(value, Rounding::HalfEven)?;
        if usd.0 == value { Ok(usd) } else { Err(MoneyError::PrecisionLoss { places: USD_SCALE }) }
    }

    /// Takes `value` to 12 places, rounded as named.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond the range.
    pub fn rounded(value: Decimal, rounding: Rounding) -> Result<Usd, MoneyError> {
        let scale = value.scale();
        let mantissa = value.mantissa();
        let magnitude = U256::from(mantissa.unsigned_abs());
        let atoms = if scale <= USD_SCALE {
            mul_div(magnitude, pow10(USD_SCALE - scale)?, U256::ONE, rounding)?
        } else {
            mul_div(magnitude, U256::ONE, pow10(scale - USD_SCALE)?, rounding)?
        };
        Usd::from_magnitude(atoms, mantissa < 0)
    }

    /// From an unsigned number of 10⁻¹² dollars.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] beyond the range.
    pub fn from_magnitude(atoms: U256, negative: bool) -> Result<Usd, MoneyError> {
        let magnitude = i128::try_from(u128::try_from(atoms).map_err(|_| MoneyError::Overflow)?)
            .map_err(|_| MoneyError::Overflow)?;
        Usd::from_atoms(if negative { -magnitude } else { magnitude })
    }

    /// The amount as a decimal at scale 12.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// The magnitude in 10⁻¹² dollars, for integer arithmetic with base units.
    pub fn magnitude(self) -> U256 {
        U256::from(self.0.mantissa().unsigned_abs())
    }

    /// Whether the amount is exactly zero.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Whether the amount is below zero.
    pub fn is_negative(self) -> bool {
        self.atoms() < 0
    }

    /// Sum.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn plus(self, other: Usd) -> Result<Usd, MoneyError> {
        Usd::from_atoms(self.atoms() + other.atoms())
    }

    /// Difference.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn minus(self, other: Usd) -> Result<Usd, MoneyError> {
        Usd::from_atoms(self.atoms() - other.atoms())
    }

    /// The same amount with the other sign.
    pub fn negated(self) -> Usd {
        // Never `-0`: zero has one form.
        if self.is_zero() { self } else { Usd(-self.0) }
    }

    /// `self × numerator ÷ denominator`, rounded as named; the sign is kept.
    ///
    /// # Errors
    /// [`MoneyError::DivisionByZero`], [`MoneyError::Overflow`].
    pub fn portion(self, numerator: U256, denominator: U256, rounding: Rounding) -> Result<Usd, MoneyError> {
        Usd::from_magnitude(mul_div(self.magnitude(), numerator, denominator, rounding)?, self.is_negative())
    }
}

// All have one scale, so the integers compare as the amounts do, and zero has one form.
impl PartialEq for Usd {
    fn eq(&self, other: &Usd) -> bool {
        self.atoms() == other.atoms()
    }
}

impl Eq for Usd {}

impl Hash for Usd {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.atoms().hash(state);
    }
}

impl Ord for Usd {
    fn cmp(&self, other: &Usd) -> Ordering {
        self.atoms().cmp(&other.atoms())
    }
}

impl PartialOrd for Usd {
    fn partial_cmp(&self, other: &Usd) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Default for Usd {
    fn default() -> Self {
        Usd::ZERO
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        text::write(f, self.is_negative(), self.0.mantissa().unsigned_abs(), self.0.scale())
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        text::serialize_decimal(serializer, self.0)
    }
}

text::debug!(Usd);
text::deserialize!(Usd, "US dollars");

impl FromStr for Usd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quantity: Quantity = text.parse()?;
        let (negative, digits, scale) = quantity.parts();
        if scale > USD_SCALE {
            return Err(MoneyError::PrecisionLoss { places: USD_SCALE });
        }
        let atoms = digits.checked_mul(pow10(USD_SCALE - scale)?).ok_or(MoneyError::Overflow)?;
        Usd::from_magnitude(atoms, negative)
    }
}
