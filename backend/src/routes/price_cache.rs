//! `DELETE /api/v1/prices/cache`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::wire::{Cleared, Problem};

use super::respond;
use crate::app::App;
use crate::error::ApiError;
use crate::operator;

/// Forgets every price, and which coins tokens are, in memory and in the store. For the operator:
/// `authorization: Bearer TOKEN`, as in the file that `FOOLSCAP_OPERATOR_TOKEN_FILE` names. What somebody
/// watches is fetched anew.
#[utoipa::path(
    delete,
    path = "/api/v1/prices/cache",
    tag = "Prices",
    responses(
        (status = 200, body = Cleared),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn clear_prices(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    let prices = app.prices.clear().await as u64;
    tracing::info!(event = "prices_cleared", prices, "Prices cleared by the operator");
    Ok(respond::live(&Cleared { prices }))
}
