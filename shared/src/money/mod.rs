//! Exact money: US dollars, prices, and token quantities in base units.
//!
//! Dollars and prices are decimals, token amounts are integers in the token's
//! own base units. No binary float comes near them. Every operation that could
//! overflow, divide by zero or lose digits returns an error or takes a
//! [`Rounding`] by name.
//!
//! JSON carries all of them as strings in one canonical form: no exponent, no
//! leading `+`, no trailing zeros, and zero is `"0"`.

mod integer;
mod price;
mod quantity;
mod text;
mod units;
mod usd;

pub(crate) use integer::is_zero;
pub use integer::{mul_div, pow10};
pub use price::Price;
pub use quantity::Quantity;
pub use units::Units;
pub use usd::Usd;

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

#[cfg(test)]
mod tests {
    use alloy_primitives::{U256, U512};

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
