//! Errors at the edge: the only place where one becomes a status code.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use shared::chain::UnknownChain;
use shared::token::TokenError;
use shared::wire::candles::UnknownRange;
use shared::wire::{Problem, ProblemKind};

use crate::accounts::AccountError;
use crate::coingecko::UpstreamError;
use crate::outbound::OutboundError;
use crate::rooms::RoomError;
use crate::transactions::LiveError;

/// Why a request is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// A query parameter that this path does not take.
    #[error("`{name}` is no parameter here; there are: {known}")]
    UnknownParameter {
        /// The parameter.
        name: String,
        /// Those there are.
        known: String,
    },
    /// A query parameter that stands there twice.
    #[error("`{0}` is there twice")]
    Repeated(String),
    /// A query parameter that has to be there.
    #[error("`{0}` is missing")]
    Required(&'static str),
    /// A query parameter that cannot be read.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable {
        /// The parameter.
        name: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A chain that is not known.
    #[error(transparent)]
    Chain(#[from] UnknownChain),
    /// A token or address that cannot be one.
    #[error(transparent)]
    Token(TokenError),
    /// A range that is none.
    #[error(transparent)]
    Range(#[from] UnknownRange),
    /// More tokens than one call may name.
    #[error("{given} tokens are more than the {most} that one call may name")]
    TooManyTokens {
        /// How many there were.
        given: usize,
        /// How many may be.
        most: usize,
    },
    /// A token without a coin, so without a past.
    #[error("no coin is known for token {0}")]
    NoCoin(String),
    /// Nothing at this path.
    #[error("there is nothing at {0}")]
    NotFound(String),
    /// Not with this method.
    #[error("{method} does not go with {path}")]
    Method {
        /// The method.
        method: String,
        /// The path.
        path: String,
        /// Those that do.
        allowed: &'static str,
    },
    /// What only the operator may do, and nobody is.
    #[error(
        "this is for the operator, and there is none: put a random token of 32 characters or more into a file, name the \
         file in FOOLSCAP_OPERATOR_TOKEN_FILE, and start the server again"
    )]
    NoOperator,
    /// What only the operator may do.
    #[error(
        "this is for the operator: send `authorization: Bearer TOKEN` with the token in the file that \
         FOOLSCAP_OPERATOR_TOKEN_FILE names"
    )]
    NotOperator,
    /// It took too long.
    #[error("the answer was not ready after {0} seconds")]
    Timeout(u64),
    /// The body is too large.
    #[error("a body of more than {0} bytes is not read")]
    BodyTooLarge(u64),
    /// The request names no host, or two.
    #[error("a request names exactly one host")]
    NoHost,
    /// The request names another host.
    #[error("this server does not answer for `{0}`; name it in FOOLSCAP_ALLOWED_HOSTS if it should")]
    WrongHost(String),
    /// A page of another site asks for a socket.
    #[error("a page of `{0}` may not open a socket here: only pages that this server served may")]
    WrongOrigin(String),
    /// A request for the socket that does not begin one.
    #[error("this path is a WebSocket: {0}")]
    NotASocket(String),
    /// No room for another socket.
    #[error("all {0} sockets are taken; ask over HTTP meanwhile, and come back in a moment")]
    TooManySockets(usize),
    /// No room for another socket of the same address.
    #[error("{0} sockets of your address are open; close one, or come back in a moment")]
    TooManyOfOne(usize),
    /// A room that does not open, or has no place.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// What is not done with an account.
    #[error(transparent)]
    Account(AccountError),
    /// A message for a room that cannot be told there.
    #[error("this message cannot be told: {0}")]
    Message(String),
    /// What was asked of the live side.
    #[error(transparent)]
    Live(#[from] LiveError),
    /// A breaker that is none.
    #[error(
        "there is no breaker `{0}`; there are: transaction_failure, gas_price_spike, dex_failure and retry_manager"
    )]
    NoBreaker(String),
    /// A handler panicked.
    #[error("the server made a mistake while it answered; the request's id stands in its log")]
    Panic,
    /// The price source failed.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Room(error) => ApiError::Room(error),
            error => ApiError::Account(error),
        }
    }
}

impl From<TokenError> for ApiError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Chain(chain) => ApiError::Chain(chain),
            error => ApiError::Token(error),
        }
    }
}

impl ApiError {
    /// Which kind of problem it is.
    pub const fn kind(&self) -> ProblemKind {
        match self {
            ApiError::UnknownParameter { .. }
            | ApiError::Repeated(_)
            | ApiError::Required(_)
            | ApiError::Unreadable { .. }
            | ApiError::Range(_)
            | ApiError::NotASocket(_)
            | ApiError::Message(_)
            | ApiError::Room(RoomError::Unwritable(_))
            | ApiError::NoHost => ProblemKind::BadRequest,
            ApiError::Chain(_) => ProblemKind::UnknownChain,
            ApiError::Token(_) => ProblemKind::BadAddress,
            ApiError::TooManyTokens { .. } => ProblemKind::TooManyTokens,
            ApiError::NoCoin(_) => ProblemKind::UnknownToken,
            ApiError::NotFound(_) => ProblemKind::NotFound,
            ApiError::Method { .. } => ProblemKind::MethodNotAllowed,
            ApiError::NoOperator => ProblemKind::NoOperator,
            ApiError::NotOperator => ProblemKind::NotOperator,
            ApiError::Timeout(_) => ProblemKind::Timeout,
            ApiError::BodyTooLarge(_) => ProblemKind::BodyTooLarge,
            ApiError::WrongHost(_) => ProblemKind::WrongHost,
            ApiError::WrongOrigin(_) => ProblemKind::WrongOrigin,
            ApiError::TooManySockets(_) | ApiError::TooManyOfOne(_) => ProblemKind::TooManySockets,
            ApiError::Room(RoomError::NoEntry) => ProblemKind::NoRoom,
            ApiError::Room(RoomError::TooManyRooms | RoomError::TooManySeats | RoomError::Full(_)) => {
                ProblemKind::RoomsFull
            }
            ApiError::Account(error) => match error {
                AccountError::Moved { .. } => ProblemKind::JournalMoved,
                AccountError::Damaged { .. } => ProblemKind::JournalDamaged,
                AccountError::Held { .. } => ProblemKind::LeaseHeld,
                AccountError::Full(_)
                | AccountError::AllFull(_)
                | AccountError::BranchesFull
                | AccountError::DiskFull => ProblemKind::JournalFull,
                AccountError::TooManyLinks | AccountError::Malformed(_) => ProblemKind::BadRequest,
                AccountError::TooMany(_) => ProblemKind::RoomsFull,
                AccountError::Room(_) => ProblemKind::NoRoom,
                AccountError::Store(_) | AccountError::Mistake => ProblemKind::Internal,
                AccountError::Stopping => ProblemKind::Timeout,
            },
            ApiError::Live(error) => match error {
                LiveError::SigningOff | LiveError::NotHere { .. } => ProblemKind::SigningOff,
                LiveError::NotAllowed(_) | LiveError::OverLimit(_) => ProblemKind::NotAllowed,
                LiveError::Invalid(_) => ProblemKind::BadRequest,
                LiveError::KeyTaken(_) | LiveError::Refused(_) => ProblemKind::Conflict,
                LiveError::Unknown(_) => ProblemKind::UnknownTransaction,
                LiveError::Unreachable(_) => ProblemKind::UpstreamUnavailable,
                LiveError::NotKept(_) | LiveError::Busy => ProblemKind::NotKept,
                LiveError::Blocked { .. } => ProblemKind::BreakerOpen,
            },
            ApiError::NoBreaker(_) => ProblemKind::NotFound,
            ApiError::Panic => ProblemKind::Internal,
            ApiError::Upstream(error) => match error {
                UpstreamError::Throttled { .. } | UpstreamError::Paced { .. } | UpstreamError::Spent { .. } => {
                    ProblemKind::RateLimited
                }
                UpstreamError::Resting { .. } | UpstreamError::BreakerOpen { .. } => ProblemKind::UpstreamUnavailable,
                UpstreamError::KeyRefused { .. } | UpstreamError::TooMany { .. } | UpstreamError::Refused { .. } => {
                    ProblemKind::UpstreamRefused
                }
                UpstreamError::NotFound { .. } => ProblemKind::UnknownToken,
                UpstreamError::Failed { .. }
                | UpstreamError::Garbled { .. }
                | UpstreamError::Transport(
                    OutboundError::Timeout
                    | OutboundError::TooLarge { .. }
                    | OutboundError::Unreachable(_)
                    | OutboundError::Broken(_),
                )
                | UpstreamError::Off => ProblemKind::UpstreamUnavailable,
            },
        }
    }

    /// Seconds after which it makes sense to ask again.
    fn retry_after(&self) -> Option<u64> {
        match self {
            ApiError::Live(LiveError::NotKept(_) | LiveError::Busy) => Some(2),
            ApiError::Live(LiveError::Blocked { wait_ms, .. }) => Some(wait_ms.div_ceil(1_000).max(1)),
            ApiError::TooManySockets(_)
            | ApiError::TooManyOfOne(_)
            | ApiError::Room(RoomError::TooManyRooms | RoomError::Full(_)) => Some(30),
            ApiError::Upstream(UpstreamError::Throttled { retry_after, .. }) => Some(retry_after.unwrap_or(30)),
            ApiError::Upstream(error) => error.wait_ms().map(|wait_ms| wait_ms.div_ceil(1000)),
            _ => None,
        }
    }

    /// The body.
    pub fn problem(&self) -> Problem {
        let problem = Problem::new(self.kind(), self.to_string());
        let problem = match self {
            ApiError::UnknownParameter { name, .. } | ApiError::Repeated(name) => {
                problem.with("parameter", name.as_str())
            }
            ApiError::Required(name) | ApiError::Unreadable { name, .. } => problem.with("parameter", *name),
            ApiError::TooManyTokens { given, most } => problem.with("given", *given).with("most", *most),
            ApiError::Chain(UnknownChain(chain)) => problem.with("chain", chain.as_str()),
            ApiError::Account(AccountError::Moved { head }) => with(problem, "head", head.as_ref()),
            ApiError::Account(AccountError::Held { lease, head }) => {
                with(with(problem, "lease", Some(lease)), "head", head.as_ref())
            }
            ApiError::Account(AccountError::Damaged { line, .. }) => problem.with("line", *line),
            ApiError::Live(LiveError::Blocked { breaker, until, .. }) => {
                with(problem.with("breaker", *breaker), "next_try", Some(until))
            }
            _ => problem,
        };
        match self.retry_after() {
            Some(seconds) => problem.with("retry_after", seconds),
            None => problem,
        }
    }
}

/// With one more field, where there is something to say.
fn with(problem: Problem, name: &str, value: Option<&impl serde::Serialize>) -> Problem {
    match value.map(serde_json::to_value) {
        Some(Ok(value)) => problem.with(name, value),
        Some(Err(_)) | None => problem,
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let problem = self.problem();
        let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        match self {
            ApiError::Method { allowed, .. } => {
                headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
            }
            ApiError::NotOperator => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            _ => {}
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_its_status_and_says_what_is_wrong() {
        let upstream = |error| ApiError::Upstream(error);
        for (error, status, said) in [
            (ApiError::Required("address"), 400, "`address` is missing"),
            (ApiError::Chain(UnknownChain("7".into())), 400, "chain `7` is not known"),
            (ApiError::Token(TokenError::NotAnAddress("0x".into())), 400, "`0x` is not an address"),
            (ApiError::TooManyTokens { given: 600, most: 500 }, 400, "600 tokens are more than the 500"),
            (ApiError::NoHost, 400, "exactly one host"),
            (ApiError::NoCoin("1:0x".into()), 404, "no coin is known"),
            (ApiError::NotFound("/api/x".into()), 404, "nothing at /api/x"),
            (ApiError::NoOperator, 403, "FOOLSCAP_OPERATOR_TOKEN_FILE"),
            (ApiError::NotOperator, 401, "authorization: Bearer"),
            (
                ApiError::Method { method: "POST".into(), path: "/api".into(), allowed: "GET" },
                405,
                "POST does not go with /api",
            ),
            (ApiError::Timeout(30), 503, "after 30 seconds"),
            (ApiError::BodyTooLarge(9), 413, "more than 9 bytes"),
            (ApiError::WrongOrigin("https://evil".into()), 403, "only pages that this server served"),
            (ApiError::TooManySockets(9), 503, "all 9 sockets are taken"),
            (ApiError::TooManyOfOne(9), 503, "9 sockets of your address"),
            (ApiError::Room(RoomError::NoEntry), 404, "no such room, or this token"),
            (ApiError::Room(RoomError::Full(9)), 503, "seats of this room are taken"),
            (ApiError::Message("no `bot`".into()), 400, "no `bot`"),
            (ApiError::WrongHost("evil".into()), 421, "FOOLSCAP_ALLOWED_HOSTS"),
            (ApiError::Panic, 500, "made a mistake"),
            (upstream(UpstreamError::KeyRefused { code: Some(10_002), message: "m".into() }), 502, "code 10002"),
            (upstream(UpstreamError::NotFound { message: "coin not found".into() }), 404, "coin not found"),
            (upstream(UpstreamError::Throttled { retry_after: Some(7), message: "m".into() }), 503, "wait 7 s"),
            (upstream(UpstreamError::Transport(OutboundError::Timeout)), 503, "did not answer in time"),
        ] {
            let problem = error.problem();
            assert_eq!(problem.status, status, "{error:?}");
            assert!(problem.detail.unwrap().contains(said), "{error:?}");
            let response = error.into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers()[header::CONTENT_TYPE], "application/problem+json");
        }
    }

    #[test]
    fn who_is_asked_to_wait_hears_for_how_long() {
        let response = ApiError::Upstream(UpstreamError::Paced { wait_ms: 1_001 }).into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
    }
}
