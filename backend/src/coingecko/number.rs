//! Numbers as CoinGecko writes them, taken from their own text and never by way of a float.
//!
//! Prices are JSON numbers, some in exponent form, some with 18 digits; the on-chain part writes
//! strings; anything may be `null`.

use serde_json::value::RawValue;
use shared::money::{Price, Quantity, Rounding, Usd};
use shared::time::Timestamp;
use shared::wire::MissingReason;

/// The text of a number: its own digits, or those inside a string. Nothing for `null`.
fn text(raw: &RawValue) -> Option<&str> {
    let text = raw.get().trim();
    let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
    (text != "null").then_some(inner)
}

/// A price with all the digits it has, up to 28.
///
/// # Errors
/// Why there is none.
pub fn price(raw: Option<&RawValue>) -> Result<Price, MissingReason> {
    let text = raw.and_then(text).ok_or(MissingReason::NotQuoted)?;
    Price::parse_rounded(text).map_err(|_| MissingReason::NotANumber)
}

/// A percentage to four places.
pub fn percent(raw: Option<&RawValue>) -> Option<Quantity> {
    let exact = Quantity::parse_scientific(raw.and_then(text)?).ok()?;
    exact.to_decimal_rounded().ok()?.round_dp(4).to_string().parse().ok()
}

/// Dollars to 12 places, half to even; nothing for a negative amount.
pub fn usd(raw: Option<&RawValue>) -> Option<Usd> {
    let exact = Quantity::parse_scientific(raw.and_then(text)?).ok()?;
    let usd = Usd::rounded(exact.to_decimal_rounded().ok()?, Rounding::HalfEven).ok()?;
    (!usd.is_negative()).then_some(usd)
}

/// Seconds since 1970.
pub fn seconds(raw: Option<&RawValue>) -> Option<Timestamp> {
    raw.and_then(text)?.parse().ok().map(Timestamp::from_secs)
}

/// Milliseconds since 1970.
pub fn millis(raw: &RawValue) -> Option<Timestamp> {
    text(raw)?.parse().ok().map(Timestamp::from_millis)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.into()).unwrap()
    }

    #[test]
    fn a_price_keeps_every_digit_of_its_text() {
        for (text, expected) in [
            ("3127.41829365712", "3127.41829365712"),
            ("1e-18", "0.000000000000000001"),
            ("8.68271355291e-06", "0.00000868271355291"),
            ("2.5E3", "2500"),
            ("\"0.30\"", "0.3"),
            ("123456789.123456789123456789", "123456789.123456789123456789"),
            ("0.12345678901234567890123456789", "0.1234567890123456789012345679"),
        ] {
            assert_eq!(price(Some(&raw(text))).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn what_is_no_price_says_why() {
        for (text, expected) in [
            ("null", MissingReason::NotQuoted),
            ("0", MissingReason::NotANumber),
            ("-3", MissingReason::NotANumber),
            ("1e400", MissingReason::NotANumber),
            ("1e-400", MissingReason::NotANumber),
            ("\"soon\"", MissingReason::NotANumber),
            ("{}", MissingReason::NotANumber),
            ("true", MissingReason::NotANumber),
        ] {
            assert_eq!(price(Some(&raw(text))), Err(expected), "{text}");
        }
        assert_eq!(price(None), Err(MissingReason::NotQuoted));
    }

    #[test]
    fn other_figures_are_rounded_by_name_or_left_out() {
        assert_eq!(percent(Some(&raw("-1.23456789"))).unwrap().to_string(), "-1.2346");
        assert_eq!(percent(Some(&raw("1e-9"))).unwrap().to_string(), "0");
        assert_eq!(percent(Some(&raw("\"x\""))), None);
        assert_eq!(usd(Some(&raw("12.5e3"))).unwrap().to_string(), "12500");
        assert_eq!(usd(Some(&raw("-1"))), None);
        assert_eq!(seconds(Some(&raw("1700000000"))), Some(Timestamp::from_secs(1_700_000_000)));
        assert_eq!(seconds(Some(&raw("\"yesterday\""))), None);
    }
}
