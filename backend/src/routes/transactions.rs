//! `/api/v1/transactions` and `/api/v1/breakers`: swaps on real chains. All of it is the operator's.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::money::{Rounding, Usd};
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::transaction::Status;
use shared::wire::Problem;
use shared::wire::transactions::{
    Asset, BreakerHistory, Breakers, Exact, LivePortfolio, NewTransaction, Replacement, TransactionInfo,
    TransactionMetrics, Transactions,
};

use super::query::Query;
use super::respond;
use crate::app::App;
use crate::error::ApiError;
use crate::operator;
use crate::prices::Asked;
use crate::store::journal::Search;
use crate::transactions::record::Record;
use crate::transactions::{Live, LiveError, metrics as figures, portfolio};

/// Transactions of one answer.
const PAGE: u32 = 50;
const MOST_OF_A_PAGE: u32 = 200;
/// The longest idempotency key, in characters.
const LONGEST_KEY: usize = 128;

/// Takes a swap up, and answers before it is done: how it stands is at `GET /api/v1/transactions/{id}` and told in
/// the room `live_{wallet}`.
///
/// For the operator. With the header `Idempotency-Key` the same key is the same transaction, for ever; the same key
/// with another swap is refused.
#[utoipa::path(
    post,
    path = "/api/v1/transactions",
    tag = "Transactions",
    request_body = NewTransaction,
    params(("idempotency-key" = Option<String>, Header, description = "1 to 128 visible characters of your own.")),
    responses(
        (status = 202, body = TransactionInfo),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
        (status = 503, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn submit(State(app): State<App>, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    let asked: NewTransaction = read(&body)?;
    let key = idempotency_key(&headers)?;
    let value = if live.is_limited() && !asked.paper { value(&app, &asked).await } else { None };
    let record = live.submit(asked, key, value).await?;
    Ok((StatusCode::ACCEPTED, respond::live(&record.info())).into_response())
}

/// Transactions, the latest first. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/transactions",
    tag = "Transactions",
    params(
        ("chain" = Option<String>, Query, description = "Only those of this chain."),
        ("status" = Option<String>, Query, description = "Only those in this state.", example = "pending"),
        ("before" = Option<String>, Query, description = "Only those older than this one: `next` of the page before."),
        ("limit" = Option<String>, Query, description = "So many at most: 1 to 200, 50 unless told."),
    ),
    responses(
        (status = 200, body = Transactions),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list(State(app): State<App>, headers: HeaderMap, RawQuery(raw): RawQuery) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    let query = Query::read(raw.as_deref(), &["chain", "status", "before", "limit"])?;
    let unreadable = |name: &'static str, why: &str| ApiError::Unreadable { name, why: why.to_owned() };
    let chain = query.get("chain").map(str::parse::<Chain>).transpose()?;
    let status = query.get("status").map(|name| {
        let known = Status::ALL.into_iter().find(|status| status.name() == name);
        known.ok_or_else(|| unreadable("status", "it is none of the thirteen states"))
    });
    let before = query.get("before").map(|id| id.parse().map_err(|_| unreadable("before", "it is no id")));
    let limit = query.get("limit").map(|text| {
        let limit = text.parse().ok().filter(|limit| (1..=MOST_OF_A_PAGE).contains(limit));
        limit.ok_or_else(|| unreadable("limit", "it is a whole number from 1 to 200"))
    });
    let limit = limit.transpose()?.unwrap_or(PAGE);
    // One more, to know whether there is a next page.
    let search = Search { chain, status: status.transpose()?, before: before.transpose()?, limit: limit + 1 };
    let mut records: Vec<Record> = app.store.journal().search(&search).await.map_err(not_kept)?;
    let has_more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let next = records.last().filter(|_| has_more).map(Record::id);
    Ok(respond::live(&Transactions { transactions: records.iter().map(Record::info).collect(), next }))
}

/// A transaction, as it stands. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/transactions/{id}",
    tag = "Transactions",
    params(("id" = String, Path, description = "The transaction's id.")),
    responses(
        (status = 200, body = TransactionInfo),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn one(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    Ok(respond::live(&kept(&app, &id).await?.info()))
}

/// Has a transaction not happen: what is signed already is raced by one at the same nonce that does nothing. Which of
/// them is mined decides. For the operator.
#[utoipa::path(
    post,
    path = "/api/v1/transactions/{id}/cancel",
    tag = "Transactions",
    params(("id" = String, Path, description = "The transaction's id.")),
    responses(
        (status = 202, body = TransactionInfo),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn cancel(State(app): State<App>, headers: HeaderMap, Path(id): Path<String>) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    let known = kept(&app, &id).await?;
    let record = live.cancel(known.transaction.intent.chain, known.id()).await?;
    Ok((StatusCode::ACCEPTED, respond::live(&record.info())).into_response())
}

/// Has a transaction happen sooner: another one takes its place at the same nonce, for more. For the operator.
#[utoipa::path(
    post,
    path = "/api/v1/transactions/{id}/replace",
    tag = "Transactions",
    params(("id" = String, Path, description = "The transaction's id.")),
    request_body = Replacement,
    responses(
        (status = 202, body = TransactionInfo),
        (status = 400, body = Problem, content_type = "application/problem+json"),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
        (status = 409, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn replace(
    State(app): State<App>,
    headers: HeaderMap,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    let replacement: Replacement = if body.is_empty() { Replacement::default() } else { read(&body)? };
    let known = kept(&app, &id).await?;
    let record = live.replace(known.transaction.intent.chain, known.id(), replacement.gas_percent).await?;
    Ok((StatusCode::ACCEPTED, respond::live(&record.info())).into_response())
}

/// How transactions fared, counted from the journal. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/transactions/metrics",
    tag = "Transactions",
    responses(
        (status = 200, body = TransactionMetrics),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn metrics(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    let records: Vec<Record> = app.store.journal().since(Timestamp::EPOCH).await.map_err(not_kept)?;
    Ok(respond::live(&figures::count(&records)))
}

/// What the wallet's swaps have come to, by what the chain's logs say. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/transactions/portfolio",
    tag = "Transactions",
    responses(
        (status = 200, body = LivePortfolio),
        (status = 401, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn portfolio(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    operator::check(app.config.operator.as_ref(), &headers)?;
    let records: Vec<Record> = app.store.journal().since(Timestamp::EPOCH).await.map_err(not_kept)?;
    Ok(respond::live(&portfolio::of(&records)))
}

/// The circuit breakers that hold new transactions back. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/breakers",
    tag = "Transactions",
    responses(
        (status = 200, body = Breakers),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn breakers(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    Ok(respond::live(&Breakers { breakers: live.breakers().await }))
}

/// What became of the circuit breakers, oldest first. For the operator.
#[utoipa::path(
    get,
    path = "/api/v1/breakers/history",
    tag = "Transactions",
    responses(
        (status = 200, body = BreakerHistory),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn breaker_history(State(app): State<App>, headers: HeaderMap) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    let events = app.store.journal().breaker_events(live.wallet()).await.map_err(not_kept)?;
    Ok(respond::live(&BreakerHistory { events }))
}

/// Closes a circuit breaker. For the operator.
#[utoipa::path(
    post,
    path = "/api/v1/breakers/{chain}/{name}/reset",
    tag = "Transactions",
    params(
        ("chain" = String, Path, description = "The chain's id."),
        ("name" = String, Path, description = "`transaction_failure`, `gas_price_spike`, `dex_failure` or `retry_manager`."),
        ("user" = Option<String>, Query, description = "That of this user alone."),
    ),
    responses(
        (status = 200, body = Breakers),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 403, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn reset(
    State(app): State<App>,
    headers: HeaderMap,
    Path((chain, name)): Path<(String, String)>,
    RawQuery(raw): RawQuery,
) -> Result<Response, ApiError> {
    let live = live(&app, &headers)?;
    let query = Query::read(raw.as_deref(), &["user"])?;
    if !live.reset_breaker(chain.parse()?, &name, query.get("user").map(str::to_owned)).await? {
        return Err(ApiError::NoBreaker(name.chars().take(64).collect()));
    }
    Ok(respond::live(&Breakers { breakers: live.breakers().await }))
}

/// The live side, for the operator.
pub(super) fn live<'a>(app: &'a App, headers: &HeaderMap) -> Result<&'a Live, ApiError> {
    operator::check(app.config.operator.as_ref(), headers)?;
    app.live.as_ref().ok_or(ApiError::Live(LiveError::SigningOff))
}

async fn kept(app: &App, id: &str) -> Result<Record, ApiError> {
    let id: TransactionId = id.parse().map_err(|_| {
        ApiError::Live(LiveError::Invalid("an id is a UUID, such as 01939b7e-0c5c-7d3a-8f00-3a1c5e9d7b21".into()))
    })?;
    let found = app.store.journal().get(id).await.map_err(not_kept)?;
    found.ok_or(ApiError::Live(LiveError::Unknown(id)))
}

fn not_kept(error: crate::store::journal::JournalError) -> ApiError {
    ApiError::Live(LiveError::NotKept(error.to_string()))
}

pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(body).map_err(|error| ApiError::Live(LiveError::Invalid(error.to_string())))
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value
        .to_str()
        .ok()
        .filter(|text| (1..=LONGEST_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()));
    let wrong = || LiveError::Invalid("`idempotency-key` has 1 to 128 visible characters".into());
    Ok(Some(text.ok_or_else(wrong)?.to_owned()))
}

/// What the exact side is worth, rounded up: limits are not got round by a rounding. Nothing where it has no price
/// that is of any use.
async fn value(app: &App, asked: &NewTransaction) -> Option<Usd> {
    let (asset, units) = match asked.exact {
        Exact::Sell(units) => (asked.sell, units),
        Exact::Buy(units) => (asked.buy, units),
    };
    match asset {
        Asset::Native => {
            let answer = app.prices.get(&BTreeSet::new(), &BTreeSet::from([asked.chain])).await;
            let native = answer.natives.iter().find(|native| native.chain == asked.chain)?;
            native.price.value(units, 18, Rounding::Up).ok()
        }
        Asset::Token(address) => {
            let key = TokenKey { chain: asked.chain, address };
            let token = Asked::new(key, None).ok()?;
            let decimals = TokenTable::builtin().get(key)?.decimals;
            let answer = app.prices.get(&BTreeSet::from([token]), &BTreeSet::new()).await;
            let price = answer.prices.iter().find(|price| price.address == address)?;
            price.price.value(units, decimals, Rounding::Up).ok()
        }
    }
}
