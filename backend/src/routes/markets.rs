//! `GET /api/v1/markets`.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::wire::{Markets, Problem};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;

/// How deep the markets of tokens are: liquidity, fee and exchange of the deepest pool, volume of
/// 24 hours, and daily volatility.
///
/// Of tokens that are named, up to four are looked up; of all others, what is known already is told.
/// What is unknown is absent, never zero.
#[utoipa::path(
    get,
    path = "/api/v1/markets",
    tag = "Prices",
    params(
        ("chain" = Option<String>, Query, description = "A chain id, or `all`. Default: the default chain.", example = "1"),
        ("addresses" = Option<String>, Query, description = "Contract addresses on that chain, comma-separated.", example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
        ("tokens" = Option<String>, Query, description = "Tokens of any chains as CHAIN:ADDRESS, comma-separated."),
    ),
    responses((status = 200, body = Markets), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub async fn markets(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain", "addresses", "tokens"])?;
    let selection = query.tokens(app.config.default_chain)?;
    let tokens = app.prices.identify(&selection.tokens).await;
    let markets = app.markets.get(&tokens, &app.prices, selection.by_name).await;
    Ok(respond::tagged(&headers, &Markets { markets }))
}
