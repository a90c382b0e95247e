//! `POST /api/v1/rooms/{account_id}/messages`, and `GET /api/v1/rooms` for the operator.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use shared::wire::room::{Kind, NewMessage, Placed};
use shared::wire::socket::MOST_BYTES;
use shared::wire::{Problem, RoomsView};

use super::accounts::owned;
use super::respond;
use crate::app::App;
use crate::error::ApiError;
use crate::operator;

/// Rooms that the operator sees.
const MOST_SHOWN: usize = 200;
/// The longest name a sender may give a message.
const LONGEST_ID: usize = 64;

/// Tells a message in the room of a paper account, to everybody who reads it: so a bot shows its thoughts.
///
/// It takes the account's owner token: `authorization: Bearer TOKEN`. A room that is not there and a token that
/// does not open it are answered alike. With an `id` a message that is handed in again is told once.
#[utoipa::path(
    post,
    path = "/api/v1/rooms/{account_id}/messages",
    tag = "Rooms",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    request_body = NewMessage<'static>,
    responses(
        (status = 201, body = Placed),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn tell(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, ApiError> {
    // Whoever may not enter learns nothing else.
    let account = owned(&app, &account, &headers)?;
    if body.len() > MOST_BYTES {
        return Err(ApiError::BodyTooLarge(MOST_BYTES as u64));
    }
    let refuse = |why: String| ApiError::Message(why);
    let message: NewMessage<'_> = serde_json::from_slice(&body).map_err(|error| refuse(error.to_string()))?;
    let kind: Kind =
        message.kind.parse().map_err(|error: shared::wire::room::UnknownKind| refuse(error.to_string()))?;
    if !kind.is_the_owners() {
        return Err(refuse(format!("`{kind}` is told by the server alone")));
    }
    kind.check(message.data.get()).map_err(|error| refuse(format!("data of `{kind}`: {error}")))?;
    if message.id.as_deref().is_some_and(|id| id.is_empty() || id.len() > LONGEST_ID) {
        return Err(refuse(format!("an id has 1 to {LONGEST_ID} characters")));
    }
    let placed = app.rooms.tell(account, kind, message.data, message.id.as_deref()).await?;
    Ok((StatusCode::CREATED, respond::live(&placed)).into_response())
}

/// The rooms one by one, those with most readers first, at most 200 of them; what was told and delivered, and how long
/// that took. For the operator: `authorization: Bearer TOKEN`, as in the file that `FOOLSCAP_OPERATOR_TOKEN_FILE`
/// names.
#[utoipa::path(
    get,
    path = "/api/v1/rooms",
    tag = "Rooms",
    responses(
        (status = 200, body = RoomsView),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn view(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    Ok(respond::live(&app.rooms.view(MOST_SHOWN)))
}
