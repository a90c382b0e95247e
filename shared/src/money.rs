//! Exact money: US dollars, prices, and token quantities in base units.
//!
//! Dollars and prices are decimals, token amounts are integers in the token's
//! own base units. No binary float comes near them. Every operation that could
//! overflow, divide by zero or lose digits returns an error or takes a
//! [`Rounding`] by name.
//!
//! JSON carries all of them as strings in one canonical form: no exponent, no
//! leading `+`, no trailing zeros, and zero is `"0"`.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use alloy_primitives::{U256, U512};
use rust_decimal::Decimal;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimal places of every dollar amount.
pub const USD_SCALE: u32 = 12;
/// Largest number of decimals a token may have: `10^77` is the largest power of ten in 256 bits.
pub const MAX_TOKEN_DECIMALS: u8 = 77;

/// Why a number could not be read or computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// The text is not a plain decimal number.
    #[error("`{0}` is not a decimal number (write it like 1234.56, without separators or exponent)")]
    NotANumber(String),
    /// The result does not fit.
    #[error("the number is too large")]
    Overflow,
    /// A division by zero.
    #[error("division by zero")]
    DivisionByZero,
    /// Digits would be lost where exactness was asked for.
    #[error("more than {places} decimal places")]
    PrecisionLoss {
        /// The number of decimal places that can be kept.
        places: u32,
    },
    /// A negative number where only zero or more makes sense.
    #[error("the number is negative")]
    Negative,
    /// Zero where only a positive number makes sense.
    #[error("the number is zero")]
    Zero,
}

/// What to do with digits that do not fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// To the nearest, ties to even: neutral, the rule of every posting.
    HalfEven,
    /// Towards zero: what somebody receives.
    Down,
    /// Away from zero: what somebody pays.
    Up,
}

/// US dollars, always at exactly [`USD_SCALE`] decimal places. May be negative.
///
/// The range is ±79,228,162,514,264,337 dollars (96 bits at 12 places).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Default for Usd {
    fn default() -> Self {
        Usd::ZERO
    }
}

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

/// A token amount in the token's own base units (wei for an 18-decimal token). Never negative.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(pub U256);

impl Units {
    /// Nothing.
    pub const ZERO: Units = Units(U256::ZERO);

    /// Whether there is nothing.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
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
        Quantity { negative: false, digits: self.0, scale: decimals }
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
fn low_half(value: U256) -> Option<u128> {
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

/// Writes an integer scaled by `10^-scale` in the canonical form.
fn write_scaled(f: &mut fmt::Formatter<'_>, negative: bool, magnitude: u128, scale: u32) -> fmt::Result {
    let mut buffer = [b'0'; 96];
    let text = scaled_text(&mut buffer, negative, magnitude, scale);
    f.write_str(text)
}

/// The canonical text of `magnitude × 10^-scale`, written into the end of `buffer`.
fn scaled_text(buffer: &mut [u8; 96], negative: bool, mut magnitude: u128, mut scale: u32) -> &str {
    if magnitude == 0 {
        return "0";
    }
    // Trim zeros, by steps that keep to 64 bits where they can.
    while scale > 0 {
        if let Ok(small) = u64::try_from(magnitude) {
            let mut small = small;
            while scale > 0 && small.is_multiple_of(10) {
                small /= 10;
                scale -= 1;
            }
            magnitude = u128::from(small);
            break;
        }
        if !magnitude.is_multiple_of(10) {
            break;
        }
        magnitude /= 10;
        scale -= 1;
    }
    let mut at = buffer.len();
    let mut written = 0;
    let mut put = |byte: u8| {
        at -= 1;
        buffer[at] = byte;
    };
    let mut digit = |byte: u8| {
        put(byte);
        written += 1;
        if written == scale {
            put(b'.');
        }
    };
    while magnitude > u128::from(u64::MAX) {
        digit(b'0' + (magnitude % 10) as u8);
        magnitude /= 10;
    }
    let mut small = magnitude as u64;
    while small > 0 {
        digit(b'0' + (small % 10) as u8);
        small /= 10;
    }
    while written < scale {
        put(b'0');
        written += 1;
        if written == scale {
            put(b'.');
        }
    }
    if scale > 0 && buffer[at] == b'.' {
        at -= 1;
        buffer[at] = b'0';
    }
    if negative {
        at -= 1;
        buffer[at] = b'-';
    }
    std::str::from_utf8(&buffer[at..]).unwrap_or("0")
}

fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.is_negative(), self.0.mantissa().unsigned_abs(), self.0.scale())
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, false, self.0.mantissa().unsigned_abs(), self.0.scale())
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u128::try_from(self.0) {
            Ok(small) => write_scaled(f, false, small, 0),
            Err(_) => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Ok(small) = u128::try_from(self.digits)
            && self.scale <= 80
        {
            return write_scaled(f, self.is_negative(), small, u32::from(self.scale));
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

/// Serialises the canonical text from a buffer on the stack: a journal writes a dozen of them a trade.
fn serialize_scaled<S: Serializer>(
    serializer: S,
    negative: bool,
    magnitude: u128,
    scale: u32,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(scaled_text(&mut [b'0'; 96], negative, magnitude, scale))
}

fn serialize_decimal<S: Serializer>(serializer: S, value: Decimal) -> Result<S::Ok, S::Error> {
    serialize_scaled(serializer, value.is_sign_negative(), value.mantissa().unsigned_abs(), value.scale())
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_decimal(serializer, self.0)
    }
}

impl Serialize for Price {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_decimal(serializer, self.0)
    }
}

impl Serialize for Units {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match low_half(self.0) {
            Some(small) => serialize_scaled(serializer, false, small, 0),
            None => serializer.collect_str(self),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

macro_rules! text_serde {
    ($type:ty, $what:literal) => {
        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }
        text_serde!(no_debug $type, $what);
    };
    (no_debug $type:ty, $what:literal) => {
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)
                    .map_err(|_| D::Error::custom(concat!("expected ", $what, " as a string")))?;
                text.parse().map_err(|error| D::Error::custom(format!(concat!($what, ": {}"), error)))
            }
        }
    };
}

text_serde!(Usd, "US dollars");
text_serde!(Price, "a price in US dollars");
text_serde!(Units, "base units");
text_serde!(no_debug Quantity, "a quantity");

impl FromStr for Usd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let quantity: Quantity = text.parse()?;
        let trimmed = quantity.trimmed();
        if u32::from(trimmed.scale) > USD_SCALE {
            return Err(MoneyError::PrecisionLoss { places: USD_SCALE });
        }
        let atoms =
            trimmed.digits.checked_mul(pow10(USD_SCALE - u32::from(trimmed.scale))?).ok_or(MoneyError::Overflow)?;
        Usd::from_magnitude(atoms, trimmed.negative)
    }
}

impl FromStr for Price {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Price::new(text.parse::<Quantity>()?.to_decimal()?)
    }
}

impl FromStr for Units {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Units::parse(text, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn the_canonical_form_has_no_trailing_zeros_no_exponent_and_one_zero() {
        for (text, canonical) in [
            ("0", "0"),
            ("-0.000", "0"),
            ("10", "10"),
            ("10.50", "10.5"),
            ("-0.000000000001", "-0.000000000001"),
            ("79228162514264337.593543950335", "79228162514264337.593543950335"),
            ("0.1", "0.1"),
            ("-1234567.8900", "-1234567.89"),
        ] {
            assert_eq!(usd(text).to_string(), canonical, "{text}");
            assert_eq!(serde_json::to_string(&usd(text)).unwrap(), format!("\"{canonical}\""));
        }
    }

    #[test]
    fn what_is_not_a_plain_number_is_named() {
        for text in ["", "-", ".", "1.", ".5", "+1", "1e3", "1,000", " 1", "0x10", "NaN", "--1", "1.2.3", "٣"] {
            assert!(matches!(text.parse::<Usd>(), Err(MoneyError::NotANumber(_))), "{text}");
        }
        assert_eq!("0.0000000000001".parse::<Usd>(), Err(MoneyError::PrecisionLoss { places: 12 }));
        assert_eq!("79228162514264337.593543950336".parse::<Usd>(), Err(MoneyError::Overflow));
    }

    #[test]
    fn rounding_is_what_its_name_says() {
        let round =
            |n: u64, rounding| mul_div(U256::from(n), U256::ONE, U256::from(4u8), rounding).unwrap().to::<u64>();
        for (n, half_even, down, up) in
            [(4, 1, 1, 1), (5, 1, 1, 2), (6, 2, 1, 2), (7, 2, 1, 2), (8, 2, 2, 2), (10, 2, 2, 3)]
        {
            assert_eq!(
                (round(n, Rounding::HalfEven), round(n, Rounding::Down), round(n, Rounding::Up)),
                (half_even, down, up),
                "{n}/4"
            );
        }
        assert_eq!(mul_div(U256::ONE, U256::ONE, U256::ZERO, Rounding::Down), Err(MoneyError::DivisionByZero));
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::ONE, Rounding::Down), Err(MoneyError::Overflow));
        assert_eq!(mul_div(U256::MAX, U256::MAX, U256::MAX, Rounding::HalfEven), Ok(U256::MAX));
    }

    #[test]
    fn the_quick_ways_of_mul_div_agree_with_the_wide_one() {
        let mut x = 0x9e37_79b9_7f4a_7c15u64;
        let mut limb = || {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            // Every fourth limb is empty or full, where carries go wrong.
            match x & 7 {
                0 => 0,
                1 => u64::MAX,
                _ => x >> (x >> 58),
            }
        };
        for _ in 0..20_000 {
            let mut number =
                |limbs: usize| U256::from_limbs(std::array::from_fn(|i| if i < limbs { limb() } else { 0 }));
            let (a, b, d) = (number(2), number(2), number(2).max(U256::ONE));
            let wide: U512 = a.widening_mul(b);
            let (quotient, rest) = wide.div_rem(U512::from(d));
            assert_eq!(mul_div(a, b, d, Rounding::Down), Ok(quotient.to()), "{a} {b} {d}");
            let up = quotient + U512::from(u8::from(!rest.is_zero()));
            let expected = if up.bit_len() > 256 { Err(MoneyError::Overflow) } else { Ok(up.to()) };
            assert_eq!(mul_div(a, b, d, Rounding::Up), expected, "{a} {b} {d}");
            let twice = rest << 1;
            let half =
                quotient + U512::from(u8::from(twice > U512::from(d) || (twice == U512::from(d) && quotient.bit(0))));
            let expected = if half.bit_len() > 256 { Err(MoneyError::Overflow) } else { Ok(half.to()) };
            assert_eq!(mul_div(a, b, d, Rounding::HalfEven), expected, "{a} {b} {d}");
        }
    }

    #[test]
    fn prices_keep_every_digit_of_their_text() {
        for (text, canonical) in [
            ("1e-18", "0.000000000000000001"),
            ("2.5E3", "2500"),
            ("1.234567890123456789", "1.234567890123456789"),
            ("0.00000000000123456789e2", "0.000000000123456789"),
            ("3128.52", "3128.52"),
        ] {
            assert_eq!(Price::parse(text).unwrap().to_string(), canonical, "{text}");
        }
        assert_eq!(Price::parse("0"), Err(MoneyError::Zero));
        assert_eq!(Price::parse("-1"), Err(MoneyError::Negative));
        assert!(matches!(Price::parse("null"), Err(MoneyError::NotANumber(_))));
        assert!(matches!(Price::parse("1e"), Err(MoneyError::NotANumber(_))));
        assert_eq!(Price::parse("1e-40"), Err(MoneyError::PrecisionLoss { places: 28 }));
        assert_eq!(
            Price::parse_rounded("0.00000000000000000000000000015").unwrap().to_string(),
            "0.0000000000000000000000000002"
        );
        assert_eq!(Price::parse_rounded("1e-40"), Err(MoneyError::Zero));
    }

    #[test]
    fn value_and_units_hold_for_tokens_of_0_6_8_and_18_decimals() {
        let price: Price = "3128.52".parse().unwrap();
        for decimals in [0u8, 6, 8, 18] {
            let one = Units(pow10(u32::from(decimals)).unwrap());
            assert_eq!(price.value(one, decimals, Rounding::Down).unwrap(), usd("3128.52"), "{decimals}");
            assert_eq!(price.units(usd("3128.52"), decimals, Rounding::Down).unwrap(), one, "{decimals}");
        }
        let meme = Units::parse("123456789012345678901234.123456789012345678", 18).unwrap();
        assert_eq!(meme.to_string(), "123456789012345678901234123456789012345678");
        assert_eq!(meme.quantity(18).to_string(), "123456789012345678901234.123456789012345678");
        assert_eq!(
            "0.000000000001".parse::<Price>().unwrap().value(meme, 18, Rounding::Down).unwrap(),
            usd("123456789012.345678901234")
        );
    }

    #[test]
    fn a_quantity_finer_than_its_token_is_refused() {
        assert_eq!(Units::parse("0.0000001", 6), Err(MoneyError::PrecisionLoss { places: 6 }));
        assert_eq!(Units::parse("-1", 6), Err(MoneyError::Negative));
        assert_eq!(Units::parse("0.100000000", 1).unwrap(), Units(U256::ONE));
        assert_eq!(Units::parse(&"9".repeat(80), 0), Err(MoneyError::Overflow));
    }
}
