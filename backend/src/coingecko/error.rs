//! What CoinGecko says when it says no, in every shape it has been seen to say it.

use std::fmt;

use serde_json::Value;

use super::budget::Purpose;
use crate::breaker::Verdict;
use crate::cache::Rest;
use crate::outbound::{Answer, OutboundError};

/// Why CoinGecko gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpstreamError {
    /// It asks to slow down (429).
    Throttled {
        /// Seconds to wait, where it named them.
        retry_after: Option<u64>,
        /// Its words.
        message: String,
    },
    /// Our own limit of calls a minute is reached: it was not asked.
    Paced {
        /// Milliseconds until the next call is allowed.
        wait_ms: u64,
    },
    /// What CoinGecko grants for such calls is used up for now: it was not asked.
    Spent {
        /// What the call was for.
        purpose: Purpose,
        /// Milliseconds until the next call is allowed.
        wait_ms: u64,
    },
    /// It has just failed or asked to wait: it was not asked.
    Resting {
        /// Milliseconds until the next call is allowed.
        wait_ms: u64,
        /// After which failure.
        after: Box<UpstreamError>,
    },
    /// It has failed so often that it is left alone, or tried by one call at a time: it was not asked.
    BreakerOpen {
        /// Milliseconds until it makes sense to ask again.
        wait_ms: u64,
    },
    /// It refuses the key, or wants one (401, 403, codes 10002 to 10011).
    KeyRefused {
        /// Its own code, where it gave one.
        code: Option<u32>,
        /// Its words.
        message: String,
    },
    /// More ids or addresses than it takes in one call (code 10012).
    TooMany {
        /// How many it takes, where it said so.
        limit: Option<usize>,
        /// Its words.
        message: String,
    },
    /// It does not know the coin, token or path (404).
    NotFound {
        /// Its words.
        message: String,
    },
    /// It refuses the request for another reason.
    Refused {
        /// The HTTP status code.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It, or the network in front of it, failed (5xx).
    Failed {
        /// The HTTP status code.
        status: u16,
        /// Its words.
        message: String,
    },
    /// It answered well, with something that cannot be read.
    Garbled {
        /// What is wrong with it.
        detail: String,
    },
    /// It was not reached, or not in time, or said too much.
    Transport(OutboundError),
    /// It is not to be asked: the server serves the demo market.
    Off,
}

impl UpstreamError {
    /// The outcome under which metrics count it.
    pub const fn outcome(&self) -> &'static str {
        match self {
            UpstreamError::Throttled { .. } => "throttled",
            UpstreamError::Paced { .. } => "paced",
            UpstreamError::Spent { .. } => "spent",
            UpstreamError::Resting { .. } => "resting",
            UpstreamError::BreakerOpen { .. } => "breaker_open",
            UpstreamError::KeyRefused { .. } => "key_refused",
            UpstreamError::TooMany { .. } => "too_many",
            UpstreamError::NotFound { .. } => "not_found",
            UpstreamError::Refused { .. } => "refused",
            UpstreamError::Failed { .. } => "failed",
            UpstreamError::Garbled { .. } => "garbled",
            UpstreamError::Transport(OutboundError::Timeout) => "timeout",
            UpstreamError::Transport(OutboundError::TooLarge { .. }) => "too_large",
            UpstreamError::Transport(OutboundError::Unreachable(_)) => "unreachable",
            UpstreamError::Transport(OutboundError::Broken(_)) => "broken",
            UpstreamError::Off => "off",
        }
    }

    /// Milliseconds until a call is allowed, where this one was not: CoinGecko was not asked.
    pub const fn wait_ms(&self) -> Option<u64> {
        match self {
            UpstreamError::Paced { wait_ms }
            | UpstreamError::Spent { wait_ms, .. }
            | UpstreamError::Resting { wait_ms, .. }
            | UpstreamError::BreakerOpen { wait_ms } => Some(*wait_ms),
            _ => None,
        }
    }

    /// Whether CoinGecko was asked at all.
    pub const fn was_asked(&self) -> bool {
        self.wait_ms().is_none() && !matches!(self, UpstreamError::Off)
    }

    /// Whether it speaks about the upstream's health. That a coin is not known does not.
    pub const fn is_fault(&self) -> bool {
        self.was_asked() && !matches!(self, UpstreamError::NotFound { .. })
    }

    /// What it tells the circuit breaker. A limit that is reached, or a key that is refused, is no breakdown, and
    /// no sign that there is none.
    pub const fn verdict(&self) -> Verdict {
        match self {
            UpstreamError::NotFound { .. } | UpstreamError::TooMany { .. } => Verdict::Well,
            UpstreamError::Refused { .. }
            | UpstreamError::Failed { .. }
            | UpstreamError::Garbled { .. }
            | UpstreamError::Transport(_) => Verdict::Ill,
            UpstreamError::Throttled { .. }
            | UpstreamError::KeyRefused { .. }
            | UpstreamError::Paced { .. }
            | UpstreamError::Spent { .. }
            | UpstreamError::Resting { .. }
            | UpstreamError::BreakerOpen { .. }
            | UpstreamError::Off => Verdict::Nothing,
        }
    }

    /// Whether CoinGecko may charge for the call. It does for what it answered well, also when that did not reach
    /// us whole or in time.
    pub const fn is_charged(&self) -> bool {
        match self {
            UpstreamError::Garbled { .. } => true,
            UpstreamError::Transport(error) => !matches!(error, OutboundError::Unreachable(_)),
            _ => false,
        }
    }
}

impl Rest for UpstreamError {
    fn rest_ms(&self) -> Option<u64> {
        match self {
            UpstreamError::Throttled { retry_after, .. } => {
                Some(retry_after.map_or(30_000, |s| s.saturating_mul(1000)))
            }
            // A coin that is not known today may be listed tomorrow; a key is not changed by asking.
            UpstreamError::NotFound { .. } => Some(3_600_000),
            UpstreamError::KeyRefused { .. } => Some(60_000),
            error => error.wait_ms(),
        }
    }
}

impl fmt::Display for UpstreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpstreamError::Throttled { message, retry_after: Some(seconds) } => {
                write!(f, "CoinGecko asks to wait {seconds} s: {message}")
            }
            UpstreamError::Throttled { message, retry_after: None } => {
                write!(f, "CoinGecko asks to slow down: {message}")
            }
            UpstreamError::Paced { wait_ms } => {
                write!(
                    f,
                    "the limit of calls a minute is reached; the next one goes out in {} s",
                    wait_ms.div_ceil(1000)
                )
            }
            UpstreamError::Spent { purpose, wait_ms } => write!(
                f,
                "the calls granted for {} are used up for now; the next one goes out in {} s",
                purpose.name(),
                wait_ms.div_ceil(1000)
            ),
            UpstreamError::Resting { wait_ms, after } => {
                write!(f, "CoinGecko is left alone for another {} s, after this: {after}", wait_ms.div_ceil(1000))
            }
            UpstreamError::BreakerOpen { wait_ms } => write!(
                f,
                "CoinGecko has failed again and again and is left alone; it is tried again in {} s",
                wait_ms.div_ceil(1000)
            ),
            UpstreamError::KeyRefused { code: Some(code), message } => {
                write!(f, "CoinGecko refused the key (code {code}): {message}{}", key_remedy(*code))
            }
            UpstreamError::KeyRefused { code: None, message } => write!(f, "CoinGecko refused the key: {message}"),
            UpstreamError::TooMany { message, .. } => write!(f, "CoinGecko takes fewer at once: {message}"),
            UpstreamError::NotFound { message } => write!(f, "CoinGecko does not know it: {message}"),
            UpstreamError::Refused { status, message } => {
                write!(f, "CoinGecko refused the request (status {status}): {message}")
            }
            UpstreamError::Failed { status, message } => write!(f, "CoinGecko failed (status {status}): {message}"),
            UpstreamError::Garbled { detail } => write!(f, "CoinGecko's answer cannot be read: {detail}"),
            UpstreamError::Transport(error) => write!(f, "CoinGecko failed: {error}"),
            UpstreamError::Off => f.write_str("this server serves the demo market and asks no price source"),
        }
    }
}

impl std::error::Error for UpstreamError {}

impl From<OutboundError> for UpstreamError {
    fn from(error: OutboundError) -> Self {
        UpstreamError::Transport(error)
    }
}

/// What to change, where the code tells.
const fn key_remedy(code: u32) -> &'static str {
    match code {
        10_002 => " (COIN_GECKO_API_KEY or COIN_GECKO_API_KEY_FILE gives the key)",
        10_010 => {
            " (this is a pro key: set COIN_GECKO_KEY_KIND=pro, and COIN_GECKO_BASE_URL, if it is set, to \
             https://pro-api.coingecko.com/api/v3)"
        }
        10_011 => {
            " (this is a demo key: set COIN_GECKO_KEY_KIND=demo, and COIN_GECKO_BASE_URL, if it is set, to \
             https://api.coingecko.com/api/v3)"
        }
        _ => "",
    }
}

/// Reads an answer whose status is one of failure. Code and message stand in different places in
/// different errors, and some are no JSON at all.
pub fn read_error(answer: &Answer) -> UpstreamError {
    let Refusal { code, message } = Refusal::find(&answer.body);
    let status = answer.status;
    match (status, code) {
        (429, _) | (_, Some(429)) => UpstreamError::Throttled { retry_after: answer.retry_after, message },
        (400, Some(10_012)) => UpstreamError::TooMany { limit: limit_in(&message), message },
        (_, Some(10_002 | 10_004 | 10_005 | 10_010 | 10_011)) => UpstreamError::KeyRefused { code, message },
        // A plan's time range is refused with 401 and the code of too many ids.
        (401, Some(10_012)) => UpstreamError::Refused { status, message },
        (401 | 403, _) => UpstreamError::KeyRefused { code, message },
        (404, _) => UpstreamError::NotFound { message },
        (500.., _) => UpstreamError::Failed { status, message },
        _ => UpstreamError::Refused { status, message },
    }
}

struct Refusal {
    code: Option<u32>,
    message: String,
}

impl Refusal {
    fn find(body: &[u8]) -> Refusal {
        let text = String::from_utf8_lossy(body);
        let Ok(json) = serde_json::from_str::<Value>(&text) else {
            return Refusal { code: code_1015(&text), message: first_words(&text) };
        };
        let at = |path: &str| json.pointer(path);
        let code = ["/status/error_code", "/error/status/error_code", "/error_code"]
            .into_iter()
            .find_map(|path| at(path)?.as_u64())
            .and_then(|code| u32::try_from(code).ok());
        let message = [
            "/status/error_message",
            "/error/status/error_message",
            "/error_message",
            "/error",
            "/errors/0/detail",
            "/errors/0/title",
            "/message",
        ]
        .into_iter()
        .find_map(|path| at(path)?.as_str())
        .map_or_else(|| first_words(&text), first_words);
        Refusal { code, message }
    }
}

/// `error code: 1015` is the network in front: too many requests, whatever the status says.
fn code_1015(text: &str) -> Option<u32> {
    text.trim().strip_prefix("error code:").filter(|code| code.trim() == "1015").map(|_| 429)
}

/// The first words of a body without its markup, for people.
fn first_words(text: &str) -> String {
    let mut words = String::new();
    let mut inside_tag = false;
    for c in text.trim().chars() {
        match c {
            '<' => inside_tag = true,
            '>' if inside_tag => {
                inside_tag = false;
                words.push(' ');
            }
            _ if inside_tag => {}
            c => words.push(if c.is_control() { ' ' } else { c }),
        }
    }
    let short: String = words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(160).collect();
    if short.is_empty() { "no explanation".into() } else { short }
}

/// The number in `… allowed limit (50) …`.
fn limit_in(message: &str) -> Option<usize> {
    let inside = message.split_once('(')?.1.split_once(')')?.0;
    inside.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(status: u16, retry_after: Option<u64>, body: &str) -> UpstreamError {
        read_error(&Answer { status, retry_after, body: body.as_bytes().to_vec() })
    }

    #[test]
    fn every_shape_seen_becomes_its_error() {
        let limit = "Rate Limit";
        for (status, body, expected) in [
            (
                429,
                r#"{"status":{"error_code":429,"error_message":"Rate Limit"}}"#,
                UpstreamError::Throttled { retry_after: None, message: limit.into() },
            ),
            (429, "Throttled", UpstreamError::Throttled { retry_after: None, message: "Throttled".into() }),
            (
                429,
                "error code: 1015",
                UpstreamError::Throttled { retry_after: None, message: "error code: 1015".into() },
            ),
            (
                403,
                "error code: 1015",
                UpstreamError::Throttled { retry_after: None, message: "error code: 1015".into() },
            ),
            (
                401,
                r#"{"status":{"timestamp":"2026-11-22T00:00:00Z","error_code":10002,"error_message":"API Key Missing"}}"#,
                UpstreamError::KeyRefused { code: Some(10_002), message: "API Key Missing".into() },
            ),
            (
                400,
                r#"{"timestamp":"2026-11-22T00:00:00Z","error_code":10010,"status":{"error_message":"change your root URL"}}"#,
                UpstreamError::KeyRefused { code: Some(10_010), message: "change your root URL".into() },
            ),
            (
                400,
                r#"{"timestamp":"2026-11-22T00:00:00Z","error_code":10012,"status":{"error_message":"exceeds the allowed limit (50). Please"}}"#,
                UpstreamError::TooMany { limit: Some(50), message: "exceeds the allowed limit (50). Please".into() },
            ),
            (
                401,
                r#"{"error":{"status":{"timestamp":"x","error_code":10012,"error_message":"time range"}}}"#,
                UpstreamError::Refused { status: 401, message: "time range".into() },
            ),
            (404, r#"{"error":"coin not found"}"#, UpstreamError::NotFound { message: "coin not found".into() }),
            (
                404,
                r#"{"errors":[{"status":"404","title":"Not Found"}]}"#,
                UpstreamError::NotFound { message: "Not Found".into() },
            ),
            (
                422,
                r#"{"error":"Missing parameter ids"}"#,
                UpstreamError::Refused { status: 422, message: "Missing parameter ids".into() },
            ),
            (
                502,
                "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body></body></html>",
                UpstreamError::Failed { status: 502, message: "502 Bad Gateway".into() },
            ),
            (503, "", UpstreamError::Failed { status: 503, message: "no explanation".into() }),
            (500, r#"{"status":{"err"#, UpstreamError::Failed { status: 500, message: r#"{"status":{"err"#.into() }),
            (302, "", UpstreamError::Refused { status: 302, message: "no explanation".into() }),
        ] {
            assert_eq!(read(status, None, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn retry_after_is_kept_and_rested_for() {
        let error = read(429, Some(7), "Throttled");
        assert_eq!(error, UpstreamError::Throttled { retry_after: Some(7), message: "Throttled".into() });
        assert_eq!(error.rest_ms(), Some(7000));
        assert_eq!(error.to_string(), "CoinGecko asks to wait 7 s: Throttled");
    }

    #[test]
    fn a_key_at_the_wrong_host_is_told_what_to_change() {
        for (code, expected) in [(10_010, "COIN_GECKO_KEY_KIND=pro"), (10_011, "COIN_GECKO_KEY_KIND=demo")] {
            let error = UpstreamError::KeyRefused { code: Some(code), message: "change your root URL".into() };
            let said = error.to_string();
            assert!(said.contains("change your root URL") && said.contains(expected), "{said}");
        }
    }

    #[test]
    fn a_long_body_is_cut_for_people() {
        let UpstreamError::Failed { message, .. } = read(500, None, &"x ".repeat(10_000)) else { panic!() };
        assert_eq!(message.chars().count(), 160);
    }
}
