//! `GET /api/v1/chains`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use shared::wire::Chains;

use super::respond;
use crate::app::App;

/// The chains there are, and which one a call means that names none.
#[utoipa::path(get, path = "/api/v1/chains", tag = "Tokens", responses((status = 200, body = Chains)))]
pub async fn chains(State(app): State<App>, headers: HeaderMap) -> Response {
    respond::tagged(&headers, &Chains::all(app.config.default_chain))
}
