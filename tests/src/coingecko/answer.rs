//! Every error body that CoinGecko, or the network in front of it, has been seen to send.
//!
//! The shapes differ from error to error, and that is the point: a client has to find the code and
//! the message wherever they stand.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

/// An answer with a body of a given type.
pub fn text(status: u16, content_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A JSON answer.
pub fn json_body(status: u16, body: &Value) -> Response {
    text(status, "application/json; charset=utf-8", body.to_string())
}

/// 429 with the code inside `status`.
pub fn throttled_json() -> Response {
    json_body(
        429,
        &json!({"status": {
            "error_code": 429,
            "error_message": "You've exceeded the Rate Limit. Please visit https://www.coingecko.com/en/api/pricing to subscribe to our API plans for higher rate limits.",
        }}),
    )
}

/// 429 in one word.
pub fn throttled_text() -> Response {
    text(429, "text/plain; charset=utf-8", "Throttled")
}

/// 429 from the network in front of it.
pub fn throttled_1015() -> Response {
    text(429, "text/plain; charset=UTF-8", "error code: 1015")
}

/// Adds `retry-after`, in seconds.
pub fn with_retry_after(mut response: Response, seconds: Option<u64>) -> Response {
    if let Some(seconds) = seconds {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// 401: the key is missing, of the wrong kind, or not enough. Code 10002, 10004, 10005, 10010, 10011.
pub fn key_refused(code: u32, at_ms: i64) -> Response {
    json_body(
        401,
        &json!({"status": {
            "timestamp": timestamp(at_ms),
            "error_code": code,
            "error_message": key_message(code),
        }}),
    )
}

/// 400: a key at the other kind's host, as users report it: code and message apart.
pub fn wrong_host(code: u32, at_ms: i64) -> Response {
    split_error(code, key_message(code), at_ms)
}

/// 400: more ids or addresses than allowed. `what` is a plural.
pub fn too_many(what: &str, limit: usize, at_ms: i64) -> Response {
    let unit = what.rsplit(' ').next().unwrap_or(what);
    // Users have met both forms.
    let limit = if limit == 1 { format!("of 1 {}", singular(what)) } else { format!("({limit} {unit})") };
    let message = format!(
        "Number of {what} in the request exceeds the allowed limit {limit}. Please note that to ensure fair usage and prevent abuse, the allowed limit may be adjusted periodically. To enjoy higher allowed limit, please subscribe to a paid plan at https://www.coingecko.com/en/api/pricing"
    );
    split_error(10012, &message, at_ms)
}

fn singular(what: &str) -> &str {
    what.strip_suffix("es").filter(|rest| rest.ends_with('s')).or_else(|| what.strip_suffix('s')).unwrap_or(what)
}

/// 401: history that the plan does not reach. The status stands inside the error.
pub fn beyond_time_range(at_ms: i64) -> Response {
    json_body(
        401,
        &json!({"error": {"status": {
            "timestamp": timestamp(at_ms),
            "error_code": 10012,
            "error_message": "Your request exceeds the allowed time range. Public API users are limited to querying historical data within the past 365 days. Upgrade to a paid plan to enjoy full historical data access: https://www.coingecko.com/en/api/pricing. ",
        }}}),
    )
}

/// 404 for an id.
pub fn coin_not_found() -> Response {
    json_body(404, &json!({"error": "coin not found"}))
}

/// 404 of the on-chain part.
pub fn onchain_not_found() -> Response {
    json_body(404, &json!({"errors": [{"status": "404", "title": "Not Found"}]}))
}

/// 404 for a path that is none.
pub fn no_such_path() -> Response {
    json_body(404, &json!({"error": "Incorrect path. Please check https://www.coingecko.com/api/"}))
}

/// 422: a parameter is missing.
pub fn missing_parameter(name: &str) -> Response {
    json_body(422, &json!({"error": format!("Missing parameter {name}")}))
}

/// 422: a parameter has a value that it can't have.
pub fn invalid_parameter(name: &str) -> Response {
    json_body(422, &json!({"error": format!("Invalid value for parameter {name}")}))
}

/// A proxy's error page.
pub fn html(status: u16) -> Response {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error");
    text(
        status,
        "text/html; charset=UTF-8",
        format!(
            "<!DOCTYPE html>\n<html><head><title>{status} {reason}</title></head><body><center><h1>{status} {reason}</h1></center><hr><center>cloudflare</center></body></html>\n"
        ),
    )
}

/// Nothing at all.
pub fn empty(status: u16) -> Response {
    StatusCode::from_u16(status).unwrap_or(StatusCode::OK).into_response()
}

fn split_error(code: u32, message: &str, at_ms: i64) -> Response {
    json_body(
        400,
        &json!({
            "timestamp": timestamp(at_ms),
            "error_code": code,
            "status": {"error_message": message},
        }),
    )
}

fn key_message(code: u32) -> &'static str {
    match code {
        10002 => {
            "API Key Missing. Please make sure you're using the right authentication method. For Pro API, ensure you pass in x_cg_pro_api_key parameter with a Pro Key. For Demo API, ensure you pass in x_cg_demo_api_key parameter with a Demo Key."
        }
        10005 => {
            "This request is limited to PRO API subscribers. Please visit https://www.coingecko.com/en/api/pricing to upgrade."
        }
        10010 => {
            "If you are using Pro API key, please change your root URL from api.coingecko.com to pro-api.coingecko.com"
        }
        10011 => {
            "If you are using Demo API key, please change your root URL from pro-api.coingecko.com to api.coingecko.com"
        }
        _ => "Invalid API Key.",
    }
}

/// A time as upstream writes it: `2026-11-22T17:06:53.000+00:00`.
pub fn timestamp(at_ms: i64) -> String {
    let (days, ms) = (at_ms.div_euclid(86_400_000), at_ms.rem_euclid(86_400_000));
    let (year, month, day) = civil(days);
    let (hour, minute, second, milli) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}+00:00")
}

/// Days since 1970-01-01 as a date of the proleptic Gregorian calendar: 400 years are 146,097 days,
/// and a year that begins in March puts the leap day last.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * march_month + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_dates() {
        for (at_ms, expected) in [
            (0, "1970-01-01T00:00:00.000+00:00"),
            (951_782_400_123, "2000-02-29T00:00:00.123+00:00"),
            (1_795_367_213_000, "2026-11-22T17:06:53.000+00:00"),
            (-1, "1969-12-31T23:59:59.999+00:00"),
        ] {
            assert_eq!(timestamp(at_ms), expected);
        }
    }
}
