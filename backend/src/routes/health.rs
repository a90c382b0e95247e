//! `GET /healthz`.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::respond;

/// That the server runs.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`: a server that does not run does not answer.
    status: &'static str,
}

/// Whether the server runs. It asks nobody else: a price source that fails is no reason to restart.
#[utoipa::path(get, path = "/healthz", tag = "Server", responses((status = 200, body = Health)))]
pub async fn health() -> Response {
    respond::live(&Health { status: "ok" })
}
