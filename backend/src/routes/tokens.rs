//! `GET /api/v1/tokens`.

use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use shared::token::{Origin, TokenTable};
use shared::wire::{Problem, TokenInfo, Tokens};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;

/// The tokens that Foolscap knows, of one chain or of all.
///
/// `builtin` tokens have a price of their own; `list` tokens come from a public token list and are
/// priced by their address.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "Tokens",
    params(
        ("chain" = Option<String>, Query, description = "A chain id, or `all`. Default: the default chain.", example = "1"),
        ("origin" = Option<String>, Query, description = "Only `builtin` or only `list` tokens.", example = "builtin"),
    ),
    responses((status = 200, body = Tokens), (status = 400, body = Problem, content_type = "application/problem+json"))
)]
pub async fn tokens(State(app): State<App>, RawQuery(raw): RawQuery, headers: HeaderMap) -> Result<Response, ApiError> {
    let query = Query::read(raw.as_deref(), &["chain", "origin"])?;
    let chains = query.chains(app.config.default_chain)?;
    let origin = match query.get("origin") {
        None => None,
        Some("builtin") => Some(Origin::Builtin),
        Some("list") => Some(Origin::List),
        Some(other) => {
            let why = format!("`{}` is neither `builtin` nor `list`", other.chars().take(24).collect::<String>());
            return Err(ApiError::Unreadable { name: "origin", why });
        }
    };
    let chosen = TokenTable::builtin()
        .iter()
        .filter(|token| chains.contains(&token.key.chain))
        .filter(|token| origin.is_none_or(|origin| token.origin == origin));
    Ok(respond::tagged(&headers, &Tokens { tokens: chosen.map(TokenInfo::from).collect() }))
}
