//! `GET /api/v1/prices/stats`.

use axum::extract::State;
use axum::response::Response;
use shared::wire::PriceStats;

use super::respond;
use crate::app::App;

/// How prices were served since the server started, and what that cost: hits, misses, calls to the price
/// source, calls saved, and how long calls took.
#[utoipa::path(get, path = "/api/v1/prices/stats", tag = "Prices", responses((status = 200, body = PriceStats)))]
pub async fn price_stats(State(app): State<App>) -> Response {
    respond::live(&app.prices.stats())
}
