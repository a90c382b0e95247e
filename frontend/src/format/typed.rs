//! Numbers as people type them, in the marks of their country. Nothing is guessed: what could be meant
//! in two ways is not taken.

use shared::money::Usd;

use super::marks::{Marks, marks};
use super::words::sentence;

/// The digits are fine, but the points and commas between them are not where they belong here: `1,5`
/// where it should be `1.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write decimals after “{}” and thousands with {}, as in {}", .0.point, name(.0.group), example(*.0))]
pub struct Unclear(Marks);

fn name(group: char) -> String {
    if group.is_whitespace() { "a space".to_owned() } else { format!("“{group}”") }
}

fn example(marks: Marks) -> String {
    let mut text = marks.grouped("1234");
    text.push(marks.point);
    text.push_str("56");
    text
}

/// An example of an amount in the marks in force, for messages.
pub fn an_amount() -> String {
    example(marks())
}

/// What was typed, as the core's readers take it: no marks but a point. What is no number for other
/// reasons is left alone, so that the core names the fault.
///
/// # Errors
/// [`Unclear`] where the marks do not fit.
pub fn typed(text: &str) -> Result<String, Unclear> {
    read(text, marks())
}

/// Dollars as they were typed, or what is wrong with them in a sentence.
///
/// # Errors
/// The sentence.
pub fn dollars(text: &str) -> Result<Usd, String> {
    let digits = typed(text).map_err(|error| error.to_string());
    let usd = digits.and_then(|digits| digits.parse::<Usd>().map_err(|error| error.to_string()));
    usd.map_err(|words| sentence(&words) + ".")
}

/// A number in the core's own text as it stands in a field: with the point of the country.
pub fn editable(text: &str) -> String {
    let point = marks().point;
    if point == '.' { text.to_owned() } else { text.replace('.', point.encode_utf8(&mut [0; 4])) }
}

fn read(text: &str, marks: Marks) -> Result<String, Unclear> {
    let text = text.trim().trim_start_matches('$').trim_start();
    let (sign, body) = match text.strip_prefix(['-', '\u{2212}', '\u{2013}']) {
        Some(body) => ("-", body),
        None => ("", text),
    };
    let is_mark = |letter: char| letter == marks.point || marks.is_group(letter) || matches!(letter, '.' | ',');
    if !body.chars().all(|letter| letter.is_ascii_digit() || is_mark(letter)) {
        return Ok([sign, body].concat());
    }
    let (whole, fraction) = body.split_once(marks.point).unwrap_or((body, ""));
    if !fraction.bytes().all(|digit| digit.is_ascii_digit()) || !is_grouped(whole, marks) {
        return Err(Unclear(marks));
    }
    let mut digits: String = whole.chars().filter(char::is_ascii_digit).collect();
    if digits.is_empty() && !fraction.is_empty() {
        // `.5` is how hands type; the core wants both sides of the point.
        digits.push('0');
    }
    Ok(if fraction.is_empty() { [sign, &digits].concat() } else { [sign, &digits, ".", fraction].concat() })
}

/// Whether the digits before the point carry no marks, or all of them where they belong.
fn is_grouped(whole: &str, marks: Marks) -> bool {
    let mut groups: Vec<&str> = whole.split(|letter| marks.is_group(letter)).collect();
    let last = groups.pop().unwrap_or_default();
    let is_number = |group: &str| group.bytes().all(|digit| digit.is_ascii_digit());
    let Some((first, early)) = groups.split_first() else { return is_number(last) };
    // A grouped number that begins with zero is somebody else's decimal: `0,500`.
    is_number(first)
        && (1..=marks.early).contains(&first.len())
        && !first.starts_with('0')
        && early.iter().all(|group| group.len() == marks.early && is_number(group))
        && last.len() == 3
        && is_number(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_may_carry_the_marks_of_the_country() {
        for (marks, text, value) in [
            (Marks::POINT, "1,234.5", "1234.5"),
            (Marks::POINT, " $1000 ", "1000"),
            (Marks::POINT, "$ 1,234,567", "1234567"),
            (Marks::POINT, ".5", "0.5"),
            (Marks::POINT, "5.", "5"),
            (Marks::POINT, "-5", "-5"),
            (Marks::POINT, "\u{2212}5", "-5"),
            (Marks::POINT, "0.500", "0.500"),
            (Marks::POINT, ".", ""),
            (Marks::POINT, "", ""),
            (Marks::COMMA, "1.234,5", "1234.5"),
            (Marks::COMMA, "1,5", "1.5"),
            (Marks::COMMA, ",5", "0.5"),
            (Marks::SPACE, "1 234,5", "1234.5"),
            (Marks::SPACE, "1\u{a0}234,5", "1234.5"),
            (Marks::APOSTROPHE, "1'234.5", "1234.5"),
            (Marks::LAKH, "12,34,567.5", "1234567.5"),
            // Not for the marks to judge: the core says what is wrong.
            (Marks::POINT, "1e5", "1e5"),
            (Marks::POINT, "ten", "ten"),
        ] {
            assert_eq!(read(text, marks).as_deref(), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_could_be_meant_in_two_ways_is_refused_and_the_way_to_write_it_is_shown() {
        for (marks, text) in [
            (Marks::POINT, "1,5"),
            (Marks::POINT, "0,500"),
            (Marks::POINT, "1.234,5"),
            (Marks::POINT, "12,34"),
            (Marks::POINT, "1.2.3"),
            (Marks::COMMA, "1.5"),
            (Marks::COMMA, "0.500"),
            (Marks::COMMA, "1,234.5"),
            (Marks::COMMA, "1234.56"),
            (Marks::SPACE, "1.5"),
            (Marks::SPACE, "12 34"),
        ] {
            assert_eq!(read(text, marks), Err(Unclear(marks)), "{text}");
        }
        let told = [Marks::POINT, Marks::COMMA, Marks::SPACE].map(|marks| Unclear(marks).to_string());
        assert_eq!(told[0], "write decimals after “.” and thousands with “,”, as in 1,234.56");
        assert_eq!(told[1], "write decimals after “,” and thousands with “.”, as in 1.234,56");
        assert_eq!(told[2], "write decimals after “,” and thousands with a space, as in 1\u{202f}234,56");
    }
}
