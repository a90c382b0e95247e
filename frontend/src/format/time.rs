//! Times: relative for reading, exact for the title. Always UTC, and said so.

use shared::time::Timestamp;

/// How long ago in the largest unit that fits: `12 s`, `4 min`, `3 h`, `2 d`.
pub fn age(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// When something was, seen from `now`: `just now`, `4 min ago`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let millis = now.since(at);
    if millis < 5_000 { "just now".to_owned() } else { format!("{} ago", age(millis)) }
}

/// The exact moment, `2026-11-22 17:00:18 UTC`.
pub fn date_time(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{} {} UTC", &text[..10], &text[11..19])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_take_the_largest_unit_that_fits() {
        for (millis, shown) in [
            (0, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min"),
            (3_599_999, "59 min"),
            (3_600_000, "1 h"),
            (86_400_000, "1 d"),
            (864_000_000, "10 d"),
        ] {
            assert_eq!(age(millis), shown);
        }
    }

    #[test]
    fn moments_read_relative_and_exact() {
        let at: Timestamp = "2026-11-22T17:00:18.123Z".parse().unwrap();
        assert_eq!(date_time(at), "2026-11-22 17:00:18 UTC");
        assert_eq!(relative(at, at.plus_millis(4_999)), "just now");
        assert_eq!(relative(at, at.plus_millis(240_000)), "4 min ago");
        assert_eq!(relative(at, at.plus_millis(-5)), "just now");
    }
}
