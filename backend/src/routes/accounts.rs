//! `/api/v1/accounts/{account_id}/…`: the copy of a journal, the lease, links for readers, branches, the snapshot.
//!
//! All of it is the owner's, by the owner's token; the snapshot is a reader's too. Whoever may not enter learns
//! nothing else: an account that is not there, a wrong token and a link that was revoked are answered alike.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use shared::ids::AccountId;
use shared::wire::Problem;
use shared::wire::accounts::{
    AccountSnapshot, Append, Appended, Branch, Branches, JournalPage, Lease, LeaseAsked, Link, Links, NewLink,
};

use super::query::Query;
use super::respond;
use crate::accounts::AccountError;
use crate::accounts::links::Entrance;
use crate::app::App;
use crate::error::ApiError;
use crate::guard;
use crate::rooms::RoomError;

/// What every path here begins with.
pub const PREFIX: &str = "/api/v1/accounts/";

/// The methods that go with a path of an account.
pub fn methods(path: &str) -> &'static str {
    let mut parts = path.strip_prefix(PREFIX).unwrap_or_default().split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("lease"), _) => "PUT, DELETE",
        (Some("links"), Some(_)) => "DELETE",
        (Some("snapshot"), _) => "GET, HEAD",
        _ => "GET, HEAD, POST",
    }
}

/// Reads the copy of an account's journal: lines after the entry with the number `after`, as many as fit an answer
/// of about 512 KiB, its end, and who writes.
///
/// It takes the owner's token: `authorization: Bearer TOKEN`. A copy that is not there has no `head`.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{account_id}/journal",
    tag = "Accounts",
    params(
        ("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits."),
        ("after" = Option<u64>, Query, description = "The number of the last entry you have; 0, and absent, for none."),
    ),
    responses(
        (status = 200, body = JournalPage),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn journal(
    State(app): State<App>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let query = Query::read(query.as_deref(), &["after"])?;
    let unreadable = |_| ApiError::Unreadable { name: "after", why: "it is the number of an entry".into() };
    let after = query.get("after").map(|text| text.parse().map_err(unreadable)).transpose()?.unwrap_or(0);
    Ok(respond::live(&app.accounts.page(account, after).await?))
}

/// Adds lines to the copy of an account's journal, after the entry that is named: all of them or none. What is there
/// already, byte for byte, is taken for done. The answer comes when they are on the disk.
///
/// It takes the owner's token, and the lease, which the device gets or renews by it where no other one has it.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{account_id}/journal",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    request_body = Append,
    responses(
        (status = 200, body = Appended),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 423, body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn append(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let append: Append = read(&app, body)?;
    let head = app.accounts.append(account, append).await?;
    Ok(respond::live(&Appended { head }))
}

/// Takes or renews the lease: this device writes to the account, and no other one does meanwhile.
///
/// It takes the owner's token.
#[utoipa::path(
    put,
    path = "/api/v1/accounts/{account_id}/lease",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    request_body = LeaseAsked,
    responses(
        (status = 200, body = Lease),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 423, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn take_lease(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let asked: LeaseAsked = read(&app, body)?;
    Ok(respond::live(&app.accounts.take_lease(account, asked).await?))
}

/// Gives the lease back. Where this device does not have it, nothing happens.
///
/// It takes the owner's token.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{account_id}/lease",
    tag = "Accounts",
    params(
        ("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits."),
        ("device" = String, Query, description = "The device."),
    ),
    responses(
        (status = 204),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn give_lease(
    State(app): State<App>,
    Path(account): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let query = Query::read(query.as_deref(), &["device"])?;
    app.accounts.give_lease(account, query.required("device")?.to_owned()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What the copy comes to: worth, positions, performance, the last trades, and the place in the room from which on
/// news are to be read.
///
/// It takes the owner's token, or that of a link for readers.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{account_id}/snapshot",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    responses(
        (status = 200, body = AccountSnapshot),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn snapshot(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let (account, _) = admitted(&app, &account, &headers)?;
    Ok(respond::live(&app.accounts.snapshot(account).await?))
}

/// The links for readers that there are.
///
/// It takes the owner's token.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{account_id}/links",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    responses(
        (status = 200, body = Links),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn links(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    Ok(respond::live(&Links { links: app.accounts.links(account) }))
}

/// Makes a link for readers, or gives the one with this hash another name and end. An account has at most 32.
///
/// It takes the owner's token.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{account_id}/links",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    request_body = NewLink,
    responses(
        (status = 201, body = Link),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn add_link(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let link: NewLink = read(&app, body)?;
    let link = app.accounts.add_link(account, link).await?;
    Ok((StatusCode::CREATED, respond::live(&link)).into_response())
}

/// Revokes a link; whoever reads by it is let out at once. Where there is none, nothing happens.
///
/// It takes the owner's token.
#[utoipa::path(
    delete,
    path = "/api/v1/accounts/{account_id}/links/{token_hash}",
    tag = "Accounts",
    params(
        ("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits."),
        ("token_hash" = String, Path, description = "The hash of the link's token."),
    ),
    responses(
        (status = 204),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn revoke_link(
    State(app): State<App>,
    Path((account, token_hash)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    app.accounts.revoke_link(account, &token_hash).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The branches of the journal that were not chosen, with their lines.
///
/// It takes the owner's token.
#[utoipa::path(
    get,
    path = "/api/v1/accounts/{account_id}/branches",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    responses(
        (status = 200, body = Branches),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn branches(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    Ok(respond::live(&Branches { branches: app.accounts.branches(account).await? }))
}

/// Keeps a branch that was not chosen; one that goes on where a kept one ends is added to it. What is kept already is
/// taken for done.
///
/// It takes the owner's token.
#[utoipa::path(
    post,
    path = "/api/v1/accounts/{account_id}/branches",
    tag = "Accounts",
    params(("account_id" = String, Path, description = "The paper account: 32 lower-case hexadecimal digits.")),
    request_body = Branch,
    responses(
        (status = 204),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 413, body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 507, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn keep_branch(
    State(app): State<App>,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let account = owned(&app, &account, &headers)?;
    let branch: Branch = read(&app, body)?;
    app.accounts.keep_branch(account, branch).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The account of this id, for its owner.
pub(super) fn owned(app: &App, account: &str, headers: &HeaderMap) -> Result<AccountId, RoomError> {
    match admitted(app, account, headers)? {
        (account, Entrance::Owner) => Ok(account),
        (_, Entrance::Reader(_)) => Err(RoomError::NoEntry),
    }
}

/// The account of this id, for whoever has a token that opens it.
fn admitted(app: &App, account: &str, headers: &HeaderMap) -> Result<(AccountId, Entrance), RoomError> {
    let account: AccountId = account.parse().map_err(|_| RoomError::NoEntry)?;
    let token = guard::bearer(headers).unwrap_or_default();
    let entrance = app.accounts.admit(token, account).ok_or(RoomError::NoEntry)?;
    Ok((account, entrance))
}

fn read<T: DeserializeOwned>(app: &App, body: Result<Bytes, BytesRejection>) -> Result<T, ApiError> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::BodyTooLarge(app.config.limits.journal_bytes),
        _ => AccountError::Malformed(rejection.body_text()).into(),
    })?;
    // Of a body without a length so much was let through as axum lets through.
    if body.len() as u64 > app.config.limits.journal_bytes {
        return Err(ApiError::BodyTooLarge(app.config.limits.journal_bytes));
    }
    serde_json::from_slice(&body).map_err(|error| AccountError::Malformed(error.to_string()).into())
}
