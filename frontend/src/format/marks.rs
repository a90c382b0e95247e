//! The marks between digits: where a country puts points, commas, spaces and apostrophes.
//!
//! They are learnt once, before anything is shown, from the browser or from the person's own choice, and
//! every figure and every field of the page follows them.

use std::cell::Cell;

/// What stands between the digits of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marks {
    /// Between whole and fraction.
    pub point: char,
    /// Between thousands.
    pub group: char,
    /// Digits of every group before the last, which always has three: two in India.
    pub early: usize,
}

impl Marks {
    /// `1,234,567.89`
    pub const POINT: Marks = Marks { point: '.', group: ',', early: 3 };
    /// `1.234.567,89`
    pub const COMMA: Marks = Marks { point: ',', group: '.', early: 3 };
    /// `1 234 567,89`, its space narrow and not to be broken at.
    pub const SPACE: Marks = Marks { point: ',', group: '\u{202f}', early: 3 };
    /// `1’234’567.89`
    pub const APOSTROPHE: Marks = Marks { point: '.', group: '\u{2019}', early: 3 };
    /// `12,34,567.89`
    pub const LAKH: Marks = Marks { point: '.', group: ',', early: 2 };

    /// Reads the marks off 12,345,678.5 as the browser writes it; what does not read is as in English.
    pub fn of_sample(sample: &str) -> Marks {
        let mut runs = sample.split(|letter: char| !letter.is_ascii_digit());
        let mut marks = sample.chars().filter(|letter| !letter.is_ascii_digit());
        let (first, last) = (marks.next(), marks.next_back());
        match (first, last, runs.next(), runs.next()) {
            (Some(group), Some(point), Some(_), Some(second)) if group != point => {
                Marks { point, group, early: if second.len() == 2 { 2 } else { 3 } }
            }
            _ => Marks::POINT,
        }
    }

    /// Whether a letter stands between thousands here. Nobody finds the narrow space on a keyboard.
    pub fn is_group(self, letter: char) -> bool {
        let alike = |kind: &[char]| kind.contains(&self.group) && kind.contains(&letter);
        letter == self.group || alike(&[' ', '\u{a0}', '\u{202f}']) || alike(&['\'', '\u{2019}'])
    }

    /// Puts the group marks into whole digits.
    pub fn grouped(self, digits: &str) -> String {
        let mut out = String::with_capacity(digits.len() * 3 / 2);
        for (at, digit) in digits.chars().enumerate() {
            let left = digits.len() - at;
            if at > 0 && left >= 3 && (left - 3).is_multiple_of(self.early) {
                out.push(self.group);
            }
            out.push(digit);
        }
        out
    }
}

thread_local! {
    static MARKS: Cell<Marks> = const { Cell::new(Marks::POINT) };
}

/// The marks in force.
pub fn marks() -> Marks {
    MARKS.get()
}

/// Puts marks in force. What is shown already stays as it is.
pub fn set_marks(marks: Marks) {
    MARKS.set(marks);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_off_what_a_browser_writes() {
        for (sample, marks) in [
            ("12,345,678.5", Marks::POINT),
            ("12.345.678,5", Marks::COMMA),
            ("12\u{202f}345\u{202f}678,5", Marks::SPACE),
            ("12\u{2019}345\u{2019}678.5", Marks::APOSTROPHE),
            ("1,23,45,678.5", Marks::LAKH),
            ("12345678.5", Marks::POINT),
            ("", Marks::POINT),
        ] {
            assert_eq!(Marks::of_sample(sample), marks, "{sample}");
        }
    }

    #[test]
    fn thousands_are_parted_as_each_country_does() {
        for (marks, shown) in [(Marks::POINT, "12,345,678"), (Marks::COMMA, "12.345.678"), (Marks::LAKH, "1,23,45,678")]
        {
            assert_eq!(marks.grouped("12345678"), shown);
        }
        assert_eq!((Marks::LAKH.grouped("123"), Marks::LAKH.grouped("1234")), ("123".into(), "1,234".into()));
    }
}
