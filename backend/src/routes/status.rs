//! `GET /api/v1/status`.

use axum::extract::State;
use axum::response::Response;
use shared::wire::Status;

use super::respond;
use crate::app::App;

/// What the server is, and how well its sources serve it.
#[utoipa::path(get, path = "/api/v1/status", tag = "Server", responses((status = 200, body = Status)))]
pub async fn status(State(app): State<App>) -> Response {
    respond::live(&app.status())
}
