//! `GET /api/v1/candles`.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::token::{TokenKey, parse_address};
use shared::wire::{Candles, Problem, Range};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;
use crate::prices::Asked;

/// The past of one token, for a chart.
///
/// A test-chain token shows the past of the mainnet coin that it stands for.
#[utoipa::path(
    get,
    path = "/api/v1/candles",
    tag = "Prices",
    params(
        ("chain" = Option<u64>, Query, description = "The token's chain. Default: the default chain.", example = 1),
        ("address" = String, Query, description = "The token's address.", example = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
        ("range" = Option<Range>, Query, description = "How far back. Default: 1D."),
        ("coin" = Option<String>, Query, description = "The CoinGecko coin of a token that is in no list."),
    ),
    responses(
        (status = 200, body = Candles),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json", description = "No coin is known for the token."),
        (status = 503, body = Problem, content_type = "application/problem+json", description = "The price source cannot be reached."),
    )
)]
pub async fn candles(
    State(app): State<App>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain", "address", "range", "coin"])?;
    let key =
        TokenKey { chain: query.chain(app.config.default_chain)?, address: parse_address(query.required("address")?)? };
    let range = query.get("range").map(str::parse).transpose()?.unwrap_or(Range::Day);
    let asked = Asked::new(key, query.get("coin"))?;
    let token = app.prices.identify(&[asked].into()).await.pop();
    let coin = token.and_then(|token| token.coin_id).ok_or_else(|| ApiError::NoCoin(key.to_string()))?;
    Ok(respond::tagged(&headers, &app.candles.get(key, &coin, range).await?))
}
