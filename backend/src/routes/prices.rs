//! `GET /api/v1/prices`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use shared::quote::Source;
use shared::time::Timestamp;
use shared::wire::{Missing, MissingReason, Prices, Problem};

use super::query::Query;
use super::rendered::Page;
use super::respond;
use crate::app::App;
use crate::error::ApiError;

/// Prices in bulk, with their age and source, and the prices of the coins that pay for gas.
///
/// Prices are fresh for 60 seconds and stale until 240, unless configured otherwise: the thresholds
/// stand in the answer. What is asked for is kept fresh for ten minutes; a stale price is answered at once
/// and renewed behind, one that cannot be renewed is served with its age. `pace` says why prices are behind,
/// where they are, and `alerts` what is wrong in the market. USDC, USDT and DAI are exactly one dollar, by
/// their addresses. A token without a price stands under `missing` with the reason. However many tokens and
/// callers, it costs one call to the price source. `Age` is that of the oldest price in the body, and the
/// answer may be cached as long as that is fresh; labels and `now` are those of the moment it was made.
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
pub async fn prices(State(app): State<App>, request: Request) -> Result<Response, ApiError> {
    // As they are: extractors would copy the question and all headers.
    let (Parts { uri, headers, .. }, _) = request.into_parts();
    let question = uri.query().unwrap_or_default();
    let now = app.clock.now();
    if let Some(page) = app.rendered.get(question, app.prices.version(), now) {
        app.prices.count_hits(page.hits);
        return Ok(give_out(&headers, &page, now));
    }
    // Apart from what is answered at once: what a task may come to hold is allocated when it begins.
    Box::pin(ask(app, uri, headers)).await
}

async fn ask(app: App, uri: Uri, headers: HeaderMap) -> Result<Response, ApiError> {
    let query = Query::read(uri.query(), &["chain", "addresses", "tokens"])?;
    let selection = query.tokens(app.config.default_chain)?;
    // Read before the prices are: what lands meanwhile makes the page old.
    let version = app.prices.version();
    let prices = app.prices.get(&selection.tokens, &selection.chains).await;
    let of_tokens = prices.prices.iter().filter(|price| price.source != Source::Pinned).map(|price| price.as_of);
    let oldest = of_tokens.chain(prices.natives.iter().map(|price| price.as_of)).min();
    Ok(match oldest {
        // What could not be had now may come in a moment.
        Some(oldest) if !prices.missing.iter().any(is_passing) => {
            let now = prices.now;
            let is_fresh = now.since(oldest) < prices.thresholds.fresh_ms && prices.pace.is_none();
            let is_whole = prices.missing.is_empty();
            let page = Page::write(&essence(prices), version, now, oldest).map_err(|_| ApiError::Panic)?;
            let page = Arc::new(page);
            if is_fresh && is_whole {
                app.rendered.keep(uri.query().unwrap_or_default(), page.clone());
            }
            give_out(&headers, &page, now)
        }
        _ => respond::live(&prices),
    })
}

fn give_out(headers: &HeaderMap, page: &Page, now: Timestamp) -> Response {
    respond::aging(headers, || page.body(now), &page.marks, page.age_s(now))
}

fn is_passing(missing: &Missing) -> bool {
    missing.reason == MissingReason::Unavailable
}

/// The answer without the moment it was made at: pins are always of that moment.
fn essence(mut prices: Prices) -> Prices {
    prices.now = Timestamp::EPOCH;
    for price in prices.prices.iter_mut().filter(|price| price.source == Source::Pinned) {
        price.as_of = Timestamp::EPOCH;
    }
    prices
}
