//! Numbers as upstream writes them: raw JSON text, never by way of a binary float.
//!
//! CoinGecko answers prices as JSON numbers with up to 18 digits and small ones in exponent form.
//! A client that reads them as `f64` loses digits, so the stand-in keeps the decimal text and puts
//! it into the answer as it stands.

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// A JSON number by its text, or `null`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(pub Option<String>);

impl Number {
    /// A figure that is computed, not scripted: written as Ruby writes floats, as upstream does.
    pub fn computed(value: f64) -> Self {
        Self(value.is_finite().then(|| float_text(value)))
    }

    /// A whole number.
    pub fn whole(value: i64) -> Self {
        Self(Some(value.to_string()))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            None => serializer.serialize_none(),
            Some(text) => RawValue::from_string(text.clone()).map_err(serde::ser::Error::custom)?.serialize(serializer),
        }
    }
}

/// The `precision` parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Not asked for: two places from 1 up, six significant digits below.
    General,
    /// `full`: the text as it is.
    Full,
    /// `0` to `18` decimal places.
    Places(u32),
}

impl Precision {
    /// Reads the parameter; `None` if it is none of the allowed values.
    pub fn parse(text: Option<&str>) -> Option<Self> {
        match text {
            None | Some("") => Some(Self::General),
            Some("full") => Some(Self::Full),
            Some(places) => places.parse().ok().filter(|places| *places <= 18).map(Self::Places),
        }
    }

    /// A price's text at this precision. A text that no `Decimal` holds stays as it is.
    pub fn apply(self, text: &str) -> String {
        let Some(value) = parse_decimal(text) else {
            return text.to_owned();
        };
        let rounded = match self {
            Self::Full => return text.to_owned(),
            Self::Places(places) => half_up(value, places),
            Self::General if value.abs() >= Decimal::ONE => half_up(value, 2),
            Self::General => value.round_sf_with_strategy(6, RoundingStrategy::MidpointAwayFromZero).unwrap_or(value),
        };
        decimal_text(rounded)
    }
}

/// Reads plain and exponent form.
pub fn parse_decimal(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok()
}

/// Whether a text is a JSON number and so may be scripted as a price.
pub fn is_json_number(text: &str) -> bool {
    // Only a number starts so, and JSON allows blanks around it.
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '-') && text.trim() == text;
    number && serde_json::from_str::<&RawValue>(text).is_ok()
}

fn half_up(value: Decimal, places: u32) -> Decimal {
    value.round_dp_with_strategy(places, RoundingStrategy::MidpointAwayFromZero)
}

/// Plain down to 0.0001, exponent form below, as Ruby prints it.
fn decimal_text(value: Decimal) -> String {
    let plain = value.normalize().to_string();
    if value.is_zero() || value.abs() >= Decimal::new(1, 4) {
        return plain;
    }
    let (sign, fraction) = match plain.strip_prefix("-0.") {
        Some(fraction) => ("-", fraction),
        None => ("", plain.trim_start_matches("0.")),
    };
    let digits = fraction.trim_start_matches('0');
    let exponent = fraction.len() - digits.len() + 1;
    let (first, rest) = digits.split_at(1);
    format!("{sign}{first}.{}e-{exponent:02}", if rest.is_empty() { "0" } else { rest })
}

/// A float in the shortest text that reads back the same, exponent form where Ruby uses it.
pub fn float_text(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-4..1e16).contains(&size) {
        return value.to_string();
    }
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    format!("{mantissa}{point}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_with_its_own_text() {
        for text in ["1e-18", "3127.418293657123456789", "0.000000000000000001", "-1.50", "8.68e-06"] {
            assert_eq!(serde_json::to_string(&Number(Some(text.into()))).unwrap(), text);
        }
        assert_eq!(serde_json::to_string(&Number(None)).unwrap(), "null");
        assert!(serde_json::to_string(&Number(Some("12,5".into()))).is_err());
    }

    #[test]
    fn precision_rounds_as_asked() {
        for (precision, text, expected) in [
            (Precision::Full, "3127.41829365712", "3127.41829365712"),
            (Precision::Full, "1.50", "1.50"),
            (Precision::General, "3127.41829365712", "3127.42"),
            (Precision::General, "0.999953181924", "0.999953"),
            (Precision::General, "8.68271355291e-06", "8.68271e-06"),
            (Precision::Places(0), "3127.5", "3128"),
            (Precision::Places(8), "8.68271355291e-06", "8.68e-06"),
            (Precision::Places(2), "1e-18", "0"),
            (Precision::Places(18), "1e-18", "1.0e-18"),
        ] {
            assert_eq!(precision.apply(text), expected, "{precision:?} of {text}");
        }
        assert_eq!(Precision::parse(Some("19")), None);
        assert_eq!(Precision::parse(Some("18")), Some(Precision::Places(18)));
    }

    #[test]
    fn floats_print_as_ruby_prints_them() {
        for (value, expected) in
            [(0.0, "0"), (12.5, "12.5"), (8.68e-6, "8.68e-06"), (1e-18, "1.0e-18"), (1e16, "1.0e+16")]
        {
            assert_eq!(float_text(value), expected);
        }
    }

    #[test]
    fn only_json_numbers_can_be_prices() {
        for text in ["1", "-0.5", "1e-18", "1.0E+3"] {
            assert!(is_json_number(text), "{text}");
        }
        for text in ["", "null", "\"1\"", "1,5", "NaN", "0x10", ".5", "1 "] {
            assert!(!is_json_number(text), "{text}");
        }
    }
}
