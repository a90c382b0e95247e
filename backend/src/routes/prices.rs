//! `GET /api/v1/prices`.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::quote::{Source, Thresholds};
use shared::time::Timestamp;
use shared::wire::{Missing, MissingReason, Prices, Problem};

use super::query::Query;
use super::respond::{self, Aging};
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
pub async fn prices(State(app): State<App>, RawQuery(raw): RawQuery, headers: HeaderMap) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain", "addresses", "tokens"])?;
    let selection = query.tokens(app.config.default_chain)?;
    let prices = app.prices.get(&selection.tokens, &selection.chains).await;
    let of_tokens = prices.prices.iter().filter(|price| price.source != Source::Pinned).map(|price| price.as_of);
    let oldest = of_tokens.chain(prices.natives.iter().map(|price| price.as_of)).min();
    Ok(match oldest {
        // What could not be had now may come in a moment.
        Some(as_of) if !prices.missing.iter().any(is_passing) => {
            let Thresholds { fresh_ms, stale_ms } = prices.thresholds;
            let age_s = prices.now.since(as_of) / 1000;
            let aging = Aging { age_s, fresh_s: fresh_ms / 1000, stale_s: stale_ms / 1000 };
            respond::aging(&headers, &prices, &essence(prices.clone()), aging)
        }
        _ => respond::live(&prices),
    })
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
