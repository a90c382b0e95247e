//! `GET /api/v1/gas`.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use futures_util::future::join_all;
use shared::wire::{Gas, Problem};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;

/// What a unit of gas costs on one chain or on all.
///
/// Read from the chain's RPC where one is configured (`rpc`), else from its default table
/// (`default`), which is an assumption and says so.
#[utoipa::path(
    get,
    path = "/api/v1/gas",
    tag = "Prices",
    params(("chain" = Option<String>, Query, description = "A chain id, or `all`. Default: the default chain.", example = "all")),
    responses((status = 200, body = Gas), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub async fn gas(State(app): State<App>, RawQuery(raw): RawQuery) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain"])?;
    let chains = query.chains(app.config.default_chain)?;
    let gas = join_all(chains.into_iter().map(|chain| app.gas.get(chain))).await;
    Ok(respond::live(&Gas { gas }))
}
