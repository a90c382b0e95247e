//! `GET /api/v1/prices`.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use shared::quote::Source;
use shared::wire::{Prices, Problem};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;

/// Prices in bulk, with their age and source, and the prices of the coins that pay for gas.
///
/// Prices are fresh for 60 seconds and stale until 240, unless configured otherwise: the thresholds
/// stand in the answer. A price that cannot be renewed is served with its age. USDC, USDT and DAI
/// are exactly one dollar, by their addresses. A token without a price stands under `missing` with
/// the reason. However many tokens and callers, it costs one call to the price source.
#[utoipa::path(
    get,
    path = "/api/v1/prices",
    tag = "Prices",
    params(
        ("chain" = Option<String>, Query, description = "A chain id, or `all`. Default: the default chain.", example = "1"),
        ("addresses" = Option<String>, Query, description = "Contract addresses on that chain, comma-separated; at most 500. Without them: its built-in tokens.", example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
        ("tokens" = Option<String>, Query, description = "Tokens of any chains as CHAIN:ADDRESS, comma-separated, in place of `chain` and `addresses`. CHAIN:ADDRESS@COIN names the CoinGecko coin of a token that is in no list.", example = "1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
    ),
    responses((status = 200, body = Prices), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub async fn prices(State(app): State<App>, RawQuery(raw): RawQuery) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain", "addresses", "tokens"])?;
    let selection = query.tokens(app.config.default_chain)?;
    let prices = app.prices.get(&selection.tokens, &selection.chains).await;
    let aging = prices.prices.iter().filter(|price| price.source != Source::Pinned);
    let oldest = aging.map(|price| prices.now.since(price.as_of) / 1000).max();
    let mut response = respond::live(&prices);
    if let Some(seconds) = oldest {
        response.headers_mut().insert(header::AGE, HeaderValue::from(seconds));
    }
    Ok(response)
}
