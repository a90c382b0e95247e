//! The past of a token, from `GET /api/v1/candles`.
//!
//! It is read by the browser's own JSON reader: no other answer is a long list of small things, and a
//! reader of our own for it would be carried by every first visit.

use js_sys::{Array, JSON, Reflect};
use shared::time::Timestamp;
use shared::token::TokenKey;
use shared::wire::{Candle, Range};
use wasm_bindgen::{JsCast, JsValue};

use super::api::{ApiError, fetch};

/// Candles as the backend answered them.
#[derive(Debug, Clone, PartialEq)]
pub struct Candles {
    /// Milliseconds from one candle to the next.
    pub grain_ms: u64,
    /// When they were fetched.
    pub as_of: Timestamp,
    /// The candles, oldest first.
    pub candles: Vec<Candle>,
}

/// The past of `token` over `range`. A token that is in no list is known by its `coin`.
///
/// # Errors
/// [`ApiError`].
pub async fn candles(token: TokenKey, coin: Option<&str>, range: Range) -> Result<Candles, ApiError> {
    let mut path = format!("/api/v1/candles?chain={}&address={}&range={range}", token.chain, token.checksummed());
    if let Some(coin) = coin {
        path.push_str("&coin=");
        path.push_str(coin);
    }
    let (text, _) = fetch(&path).await?;
    read(&text).ok_or_else(|| ApiError::Malformed("it holds no candles".to_owned()))
}

fn read(text: &str) -> Option<Candles> {
    let answer = JSON::parse(text).ok()?;
    let list: Array = field(&answer, "candles")?.dyn_into().ok()?;
    let candles: Option<Vec<Candle>> = list.iter().map(|entry| candle(&entry)).collect();
    Some(Candles {
        grain_ms: field(&answer, "grain_s")?.as_f64()? as u64 * 1_000,
        as_of: parsed(&answer, "as_of")?,
        candles: candles?,
    })
}

fn candle(entry: &JsValue) -> Option<Candle> {
    Some(Candle {
        at: parsed(entry, "at")?,
        open: parsed(entry, "open")?,
        high: parsed(entry, "high")?,
        low: parsed(entry, "low")?,
        close: parsed(entry, "close")?,
    })
}

fn field(of: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(of, &name.into()).ok()
}

fn parsed<T: std::str::FromStr>(of: &JsValue, name: &str) -> Option<T> {
    field(of, name)?.as_string()?.parse().ok()
}
