//! Figures as traders know them: `1,234,567.89`, `7.65432`, `<0.00001`, `$1.23M`, `0.0₄52`.

use rust_decimal::Decimal;
use shared::money::{Price, Quantity, Units, Usd};
use shared::trade::Ppm;

use super::marks::marks;
use super::typed::editable;

/// What stands where nothing is known.
pub const UNKNOWN: &str = "-";

/// The true minus sign: as wide as a plus, so columns stand.
const MINUS: &str = "\u{2212}";

/// Below this many leading zeros a small price is written out; from here on they are counted.
const COUNTED_ZEROS: usize = 4;

/// A decimal split into what it shows: sign, whole digits without separators, fraction digits.
struct Digits {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Digits {
    /// Takes the canonical text of any of the core's numbers.
    fn read(text: &str) -> Digits {
        let (negative, body) = match text.strip_prefix('-') {
            Some(body) => (true, body),
            None => (false, text),
        };
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        Digits { negative, whole: whole.to_owned(), fraction: fraction.to_owned() }
    }

    fn is_zero(&self) -> bool {
        self.whole.bytes().chain(self.fraction.bytes()).all(|digit| digit == b'0')
    }

    fn leading_zeros(&self) -> usize {
        self.fraction.bytes().take_while(|digit| *digit == b'0').count()
    }

    /// Rounds half away from zero to `places` and pads to them. Showing only: nothing is booked so.
    fn rounded(&self, places: usize) -> Digits {
        let kept: String = self.fraction.chars().chain(std::iter::repeat('0')).take(places).collect();
        let up = self.fraction.as_bytes().get(places).is_some_and(|digit| *digit >= b'5');
        let mut digits: Vec<u8> = self.whole.bytes().chain(kept.bytes()).collect();
        if up {
            let mut at = digits.len();
            loop {
                if at == 0 {
                    digits.insert(0, b'1');
                    break;
                }
                at -= 1;
                if digits[at] == b'9' {
                    digits[at] = b'0';
                } else {
                    digits[at] += 1;
                    break;
                }
            }
        }
        let text = String::from_utf8(digits).unwrap_or_default();
        let (whole, fraction) = text.split_at(text.len() - places);
        let out = Digits { negative: self.negative, whole: whole.to_owned(), fraction: fraction.to_owned() };
        // A figure that rounds to nothing carries no sign.
        Digits { negative: self.negative && !out.is_zero(), ..out }
    }

    /// Drops trailing zeros of the fraction, but keeps at least `least` places.
    fn trimmed(mut self, least: usize) -> Digits {
        while self.fraction.len() > least && self.fraction.ends_with('0') {
            self.fraction.pop();
        }
        self
    }

    fn unsigned(&self) -> String {
        let marks = marks();
        let mut out = marks.grouped(&self.whole);
        if !self.fraction.is_empty() {
            out.push(marks.point);
            out.push_str(&self.fraction);
        }
        out
    }

    fn minus(&self) -> &'static str {
        if self.negative { MINUS } else { "" }
    }
}

/// Dollars to the cent, `$1,234.56`. What is below half a cent, but not nothing, is `<$0.01`.
pub fn usd(amount: Usd) -> String {
    let digits = Digits::read(&amount.to_string());
    let cents = digits.rounded(2);
    if cents.is_zero() && !digits.is_zero() {
        return [digits.minus(), "<$", &editable("0.01")].concat();
    }
    format!("{}${}", cents.minus(), cents.unsigned())
}

/// Dollars to the cent with a plus or minus, for gains and losses.
pub fn signed_usd(amount: Usd) -> String {
    if amount.is_zero() || amount.is_negative() { usd(amount) } else { format!("+{}", usd(amount)) }
}

/// Dollars for costs and receipts: cents from a dollar on, four significant digits below it.
pub fn usd_fine(amount: Usd) -> String {
    let digits = Digits::read(&amount.to_string());
    if digits.whole != "0" || digits.is_zero() {
        return usd(amount);
    }
    format!("{}${}", digits.minus(), small(&digits, 4, 2))
}

/// Dollars in at most four figures and a letter, `$1.23M`, for liquidity and volume.
pub fn compact_usd(amount: Usd) -> String {
    let digits = Digits::read(&amount.to_string());
    for (power, letter) in [(12, 'T'), (9, 'B'), (6, 'M'), (3, 'K')] {
        if digits.whole.len() > power {
            let (whole, rest) = digits.whole.split_at(digits.whole.len() - power);
            let scaled = Digits { negative: digits.negative, whole: whole.to_owned(), fraction: rest.to_owned() };
            let places = 3_usize.saturating_sub(whole.len());
            let scaled = scaled.rounded(places);
            return format!("{}${}{letter}", scaled.minus(), scaled.unsigned());
        }
    }
    usd(amount)
}

/// A price in dollars: cents from a thousand on, six significant digits from one, five below it,
/// and from four leading zeros on their number as a subscript: `$0.0₄52`.
pub fn price(price: Price) -> String {
    format!("${}", decimal(&Digits::read(&price.to_string())))
}

/// How much of one thing another is worth, with the digits of a price.
pub fn rate(rate: Decimal) -> String {
    decimal(&Digits::read(&rate.to_string()))
}

fn decimal(digits: &Digits) -> String {
    match digits.whole.len() {
        4.. => digits.rounded(2).unsigned(),
        _ if digits.whole == "0" => small(digits, 5, 2),
        whole => digits.rounded(6 - whole).trimmed(2).unsigned(),
    }
}

/// A fraction below one with `significant` digits and at least `least` places.
fn small(digits: &Digits, significant: usize, least: usize) -> String {
    if digits.is_zero() {
        return "0".to_owned();
    }
    let shown = digits.rounded(digits.leading_zeros() + significant).trimmed(least);
    let zeros = shown.leading_zeros();
    if shown.whole != "0" || zeros < COUNTED_ZEROS {
        return shown.unsigned();
    }
    let counted: String = zeros.to_string().chars().map(subscript).collect();
    format!("0{}0{counted}{}", marks().point, &shown.fraction[zeros..])
}

fn subscript(digit: char) -> char {
    // U+2080 is the subscript zero; the ten follow each other.
    char::from_u32(0x2080 + digit.to_digit(10).unwrap_or(0)).unwrap_or(digit)
}

/// Whole tokens: six significant digits of the fraction at most, `<0.00001` for less than that.
pub fn quantity(quantity: Quantity) -> String {
    let digits = Digits::read(&quantity.to_string());
    if digits.is_zero() {
        return "0".to_owned();
    }
    let places = match digits.whole.len() {
        1 if digits.whole == "0" => 6,
        whole => 7_usize.saturating_sub(whole).max(2),
    };
    if digits.whole == "0" && digits.leading_zeros() >= 5 {
        return [digits.minus(), "<", &editable("0.00001")].concat();
    }
    let shown = digits.rounded(places).trimmed(0);
    format!("{}{}", shown.minus(), shown.unsigned())
}

/// Whole tokens with every digit there is.
pub fn exact(quantity: Quantity) -> String {
    let digits = Digits::read(&quantity.to_string());
    [digits.minus(), &digits.unsigned()].concat()
}

/// Base units as whole tokens; see [`quantity`].
pub fn units(units: Units, decimals: u8) -> String {
    quantity(units.quantity(decimals))
}

/// A percentage with its sign and two places: `+1.25%`.
pub fn percent(value: Decimal) -> String {
    let digits = Digits::read(&value.to_string()).rounded(2);
    let sign = match (digits.is_zero(), digits.negative) {
        (true, _) => "",
        (false, true) => MINUS,
        (false, false) => "+",
    };
    format!("{sign}{}%", digits.unsigned())
}

/// Parts per million as a percentage without needless zeros: `0.5%`.
pub fn ppm(share: Ppm) -> String {
    ppm_parts(i64::from(share.parts()))
}

/// Like [`ppm`], for a share that may be negative or above one.
pub fn ppm_parts(parts: i64) -> String {
    let digits = Digits::read(&Decimal::new(parts, 4).to_string()).trimmed(0);
    format!("{}{}%", digits.minus(), digits.unsigned())
}

/// A daily volatility in parts per billion as a percentage, to a hundredth.
pub fn sigma(parts: u64) -> String {
    let text = Decimal::from_i128_with_scale(i128::from(parts), 7).to_string();
    let digits = Digits::read(&text).rounded(2).trimmed(0);
    [&digits.unsigned(), "%"].concat()
}

/// Wei per gas as gwei with four significant digits.
pub fn gwei(wei: u64) -> String {
    let digits = Digits::read(&Decimal::from_i128_with_scale(i128::from(wei), 9).to_string());
    let text = if digits.whole == "0" { small(&digits, 4, 0) } else { digits.rounded(3).trimmed(0).unsigned() };
    format!("{text} gwei")
}

/// Wei as whole coins with four significant digits, for fees that are not per gas.
pub fn coins(wei: u64) -> String {
    let digits = Digits::read(&Decimal::from_i128_with_scale(i128::from(wei), 18).to_string());
    if digits.whole == "0" { small(&digits, 4, 0) } else { digits.rounded(4).trimmed(0).unsigned() }
}

/// Whole numbers with separators.
pub fn whole(number: u64) -> String {
    Digits::read(&number.to_string()).unsigned()
}

/// Which way a figure points, for its sign, triangle and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Above zero.
    Up,
    /// Below zero.
    Down,
    /// Zero.
    Flat,
}

impl Way {
    /// The way of a dollar amount.
    pub fn of_usd(amount: Usd) -> Way {
        Way::of_sign(amount.atoms().signum() as i8)
    }

    /// The way of a decimal.
    pub fn of(value: Decimal) -> Way {
        Way::of_sign(if value.is_zero() {
            0
        } else if value.is_sign_negative() {
            -1
        } else {
            1
        })
    }

    const fn of_sign(sign: i8) -> Way {
        match sign {
            0 => Way::Flat,
            1.. => Way::Up,
            _ => Way::Down,
        }
    }

    /// The class that colours it.
    pub const fn class(self) -> &'static str {
        match self {
            Way::Up => "gain",
            Way::Down => "loss",
            Way::Flat => "faint",
        }
    }

    /// The triangle that stands beside the sign, so that colour is never alone.
    pub const fn triangle(self) -> &'static str {
        match self {
            Way::Up => "▲",
            Way::Down => "▼",
            Way::Flat => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn dollars_show_cents_and_never_hide_what_is_there() {
        for (amount, shown) in [
            ("0", "$0.00"),
            ("1234567.89", "$1,234,567.89"),
            ("1234567.895", "$1,234,567.90"),
            ("999.995", "$1,000.00"),
            ("-12.5", "\u{2212}$12.50"),
            ("0.004", "<$0.01"),
            ("-0.000000000001", "\u{2212}<$0.01"),
            ("0.005", "$0.01"),
        ] {
            assert_eq!(usd(dollars(amount)), shown, "{amount}");
        }
        assert_eq!(signed_usd(dollars("3")), "+$3.00");
        assert_eq!(signed_usd(dollars("0")), "$0.00");
        assert_eq!(signed_usd(dollars("-3")), "\u{2212}$3.00");
    }

    #[test]
    fn small_costs_keep_four_significant_digits() {
        for (amount, shown) in [
            ("12.3456", "$12.35"),
            ("0.3", "$0.30"),
            ("0.123456", "$0.1235"),
            ("0.000312345", "$0.0003123"),
            ("0.000012345", "$0.0\u{2084}1235"),
            ("-0.0042", "\u{2212}$0.0042"),
            ("0.99999", "$1.00"),
            ("0", "$0.00"),
        ] {
            assert_eq!(usd_fine(dollars(amount)), shown, "{amount}");
        }
    }

    #[test]
    fn large_dollars_take_a_letter() {
        for (amount, shown) in [
            ("999.5", "$999.50"),
            ("1230", "$1.23K"),
            ("999999", "$1,000K"),
            ("1234567", "$1.23M"),
            ("12345678", "$12.3M"),
            ("830000000", "$830M"),
            ("-2500000000", "\u{2212}$2.50B"),
        ] {
            assert_eq!(compact_usd(dollars(amount)), shown, "{amount}");
        }
    }

    #[test]
    fn prices_show_the_digits_that_matter() {
        for (text, shown) in [
            ("97123.456", "$97,123.46"),
            ("3141.5926", "$3,141.59"),
            ("1000", "$1,000.00"),
            ("123.456789", "$123.457"),
            ("7.654321", "$7.65432"),
            ("1", "$1.00"),
            ("0.5", "$0.50"),
            ("0.123456789", "$0.12346"),
            ("0.00052", "$0.00052"),
            ("0.000052", "$0.0\u{2084}52"),
            ("0.0000000000123456", "$0.0\u{2081}\u{2080}12346"),
            ("0.99999999", "$1.00"),
            ("0.000099999999", "$0.0001"),
        ] {
            assert_eq!(price(text.parse().unwrap()), shown, "{text}");
        }
    }

    #[test]
    fn quantities_say_when_there_is_less_than_they_can_show() {
        for (text, shown) in [
            ("0", "0"),
            ("1.5", "1.5"),
            ("0.421345678", "0.421346"),
            ("7.654321987", "7.654322"),
            ("1234567.891", "1,234,567.89"),
            ("123456789012345678901234567890.5", "123,456,789,012,345,678,901,234,567,890.5"),
            ("0.00001", "0.00001"),
            ("0.000009", "<0.00001"),
            ("0.000000000000000001", "<0.00001"),
        ] {
            assert_eq!(quantity(text.parse().unwrap()), shown, "{text}");
        }
        assert_eq!(units("1500000".parse().unwrap(), 6), "1.5");
    }

    #[test]
    fn figures_follow_the_marks_of_the_country() {
        use crate::format::marks::{Marks, set_marks};
        set_marks(Marks::COMMA);
        assert_eq!(usd(dollars("1234567.89")), "$1.234.567,89");
        assert_eq!(price("0.000052".parse().unwrap()), "$0,0\u{2084}52");
        assert_eq!(compact_usd(dollars("1234567")), "$1,23M");
        assert_eq!(exact("12345.678901234567890123".parse().unwrap()), "12.345,678901234567890123");
        assert_eq!(
            (usd(dollars("0.004")), quantity("0.000001".parse().unwrap())),
            ("<$0,01".into(), "<0,00001".into())
        );
        assert_eq!(percent("-1.5".parse().unwrap()), "\u{2212}1,50%");
        set_marks(Marks::LAKH);
        assert_eq!(usd(dollars("1234567.89")), "$12,34,567.89");
        // Tests share threads.
        set_marks(Marks::POINT);
    }

    #[test]
    fn shares_show_as_percentages() {
        for (parts, shown) in [(5_000, "0.5%"), (20_000, "2%"), (1_000_000, "100%"), (0, "0%"), (1, "0.0001%")] {
            assert_eq!(ppm(Ppm::new(parts).unwrap()), shown);
        }
        for (parts, shown) in [(40_000_000, "4%"), (31_622_776, "3.16%"), (10_000_000_000, "1,000%"), (0, "0%")] {
            assert_eq!(sigma(parts), shown);
        }
        assert_eq!(ppm_parts(-1_500), "\u{2212}0.15%");
        for (text, shown) in [("1.254", "+1.25%"), ("-0.3", "\u{2212}0.30%"), ("0.001", "0.00%"), ("-0.001", "0.00%")] {
            assert_eq!(percent(text.parse().unwrap()), shown);
        }
    }

    #[test]
    fn gas_prices_show_in_gwei() {
        for (wei, shown) in [
            (10_000_000_000, "10 gwei"),
            (1_234_567_890, "1.235 gwei"),
            (10_000_000, "0.01 gwei"),
            (0, "0 gwei"),
            (1_000, "0.0\u{2085}1 gwei"),
        ] {
            assert_eq!(gwei(wei), shown);
        }
        assert_eq!(coins(2_000_000_000_000), "0.0\u{2085}2");
        assert_eq!(coins(1_234_567_000_000_000), "0.001235");
        assert_eq!(whole(107_000), "107,000");
    }
}
