//! Time as a value: milliseconds since 1970, written in RFC 3339.
//!
//! The core never reads a clock. Shells pass the time in.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, in milliseconds since 1970-01-01T00:00:00Z, in the years 1970 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The text is not a moment this type can hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a UTC time (write it like 2026-01-31T12:00:00.000Z, in the years 1970 to 9999)")]
pub struct TimeError(String);

const DAY_MS: i64 = 86_400_000;
/// 9999-12-31T23:59:59.999Z.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// The first moment.
    pub const EPOCH: Timestamp = Timestamp(0);

    /// From milliseconds since 1970, clamped into the years 1970 to 9999.
    pub const fn from_millis(millis: i64) -> Timestamp {
        Timestamp(if millis < 0 {
            0
        } else if millis > LAST_MS {
            LAST_MS
        } else {
            millis
        })
    }

    /// From seconds since 1970.
    pub const fn from_secs(secs: i64) -> Timestamp {
        Timestamp::from_millis(secs.saturating_mul(1000))
    }

    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Milliseconds from `earlier` to `self`; zero when `earlier` is later (clocks may step back).
    pub const fn since(self, earlier: Timestamp) -> u64 {
        if self.0 > earlier.0 { (self.0 - earlier.0) as u64 } else { 0 }
    }

    /// The moment `millis` later (or earlier, when negative).
    pub const fn plus_millis(self, millis: i64) -> Timestamp {
        Timestamp::from_millis(self.0.saturating_add(millis))
    }

    /// RFC 3339 with milliseconds, in UTC: 24 characters of ASCII.
    pub(crate) fn text(self) -> [u8; 24] {
        let (year, month, day) = civil(self.0 / DAY_MS);
        // Both are small: 32 bits divide several times as fast as 64.
        let (year, in_day) = (year as u32, (self.0 % DAY_MS) as u32);
        let (in_minutes, in_seconds) = (in_day / 60_000, in_day / 1000);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        for (at, value) in [
            (0, year / 100),
            (2, year % 100),
            (5, month as u32),
            (8, day as u32),
            (11, in_minutes / 60),
            (14, in_minutes % 60),
            (17, in_seconds % 60),
            (20, in_day % 1000 / 10),
        ] {
            text[at] += (value / 10) as u8;
            text[at + 1] += (value % 10) as u8;
        }
        text[22] += (in_day % 10) as u8;
        text
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timestamp({self})")
    }
}

impl FromStr for Timestamp {
    type Err = TimeError;

    /// Reads `YYYY-MM-DDThh:mm:ss[.fraction]Z`; digits past the millisecond are dropped.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| TimeError(text.chars().take(48).collect()))
    }
}

fn parse(text: &str) -> Option<Timestamp> {
    let body = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    if !body.is_ascii() || body.len() < 19 {
        return None;
    }
    let number = |from: usize, to: usize| -> Option<i64> {
        let digits = &body[from..to];
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
    };
    let bytes = body.as_bytes();
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|(at, byte)| bytes[*at] != *byte) {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    let millis = match &body[19..] {
        "" => 0,
        fraction => {
            let digits = fraction.strip_prefix('.')?;
            if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            format!("{digits:0<3}")[..3].parse().ok()?
        }
    };
    let days = days_from_civil(year, month, day);
    let real_date = civil(days) == (year, month, day);
    if year < 1970 || !real_date || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(Timestamp(days * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + millis))
}

// The proleptic Gregorian calendar in 400-year eras of 146,097 days, years beginning in March
// so that the leap day comes last (the well-known construction; see the tests for the proof).

fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_thousand_years_survives_the_round_trip() {
        let mut previous = (1969, 12, 31);
        for days in 0..=LAST_MS / DAY_MS {
            let (year, month, day) = civil(days);
            let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let length = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
            let (y, m, d) = previous;
            let last = m == 12 && d == 31;
            let expected = if last {
                (y + 1, 1, 1)
            } else if d == if m == 12 { 31 } else { length[m as usize - 1] } {
                (y, m + 1, 1)
            } else {
                (y, m, d + 1)
            };
            assert_eq!((year, month, day), expected);
            assert_eq!(days_from_civil(year, month, day), days);
            previous = (year, month, day);
        }
    }

    #[test]
    fn times_read_back_as_they_were_written() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "2026-11-22T17:00:18.123Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        }
        assert_eq!("2026-11-22T17:00:18Z".parse::<Timestamp>().unwrap().to_string(), "2026-11-22T17:00:18.000Z");
        assert_eq!("2026-11-22T17:00:18.5+00:00".parse::<Timestamp>().unwrap().to_string(), "2026-11-22T17:00:18.500Z");
        assert_eq!("2025-01-01T04:57:03Z".parse::<Timestamp>().unwrap().millis(), 1_735_707_423_000);
    }

    #[test]
    fn what_is_no_utc_time_is_refused() {
        for text in [
            "",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01 00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:00",
            "1969-12-31T23:59:59Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+01:00",
            "2026-01-0١T00:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
