//! `/api/v1/wallet` and `/api/v1/transactions/quote`: what the live side has, and what a swap would be. Nothing here
//! signs. For the operator.

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::wire::Problem;
use shared::wire::transactions::NewTransaction;
use shared::wire::wallet::{SwapQuote, Wallet};

use super::respond;
use super::transactions::{live, read};
use crate::app::App;
use crate::error::ApiError;

/// The wallet that signs: on which chains, what it holds there, and what gas would be offered for. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/wallet",
    tag = "Transactions",
    responses(
        (status = 200, body = Wallet),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn wallet(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    Ok(respond::live(&live(&app, &headers)?.holdings().await))
}

/// What a swap would be if it were submitted now: its way, its limit, its gas, and what others would offer for that.
/// Nothing is signed, kept or reserved. For the operator.
#[utoipa::path(
    post,
    path = "/api/v1/transactions/quote",
    tag = "Transactions",
    request_body = NewTransaction,
    responses(
        (status = 200, body = SwapQuote),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn quote(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    Ok(respond::live(&live.quote(read::<NewTransaction>(&body)?).await?))
}
