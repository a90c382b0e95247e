//! Problems: every error body under `/api`, in the form of RFC 9457.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An error body, `application/problem+json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Which problem it is: a reference to its paragraph in the API's documentation.
    #[serde(rename = "type", default = "about_blank")]
    #[cfg_attr(feature = "schema", schema(example = "/api/docs#problem-unknown-chain"))]
    pub reference: String,
    /// What kind of problem it is, the same words every time.
    #[serde(default)]
    pub title: String,
    /// The HTTP status code.
    #[serde(default)]
    pub status: u16,
    /// What went wrong this time, and what would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// The request it happened to, by the id that the server logged it under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// What else is known: each problem names its own fields.
    #[serde(flatten)]
    #[cfg_attr(feature = "schema", schema(value_type = Object, additional_properties))]
    pub fields: Map<String, Value>,
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

impl Problem {
    /// A problem of this kind, without further fields.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Problem {
        Problem {
            reference: format!("/api/docs#problem-{}", kind.slug()),
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: Some(detail.into()),
            instance: None,
            fields: Map::new(),
        }
    }

    /// With one more field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    /// Which kind it is, if this version knows it.
    pub fn kind(&self) -> Option<ProblemKind> {
        let slug = self.reference.rsplit_once("#problem-")?.1;
        ProblemKind::ALL.into_iter().find(|kind| kind.slug() == slug)
    }
}

/// The kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProblemKind {
    /// A query parameter is missing, twice there, or cannot be read.
    BadRequest,
    /// The chain id is not known.
    UnknownChain,
    /// The address cannot be one, or fails its checksum.
    BadAddress,
    /// The token is known to neither the server nor its upstream.
    UnknownToken,
    /// More tokens than one call may name.
    TooManyTokens,
    /// Nothing is signed: here, or at all.
    SigningOff,
    /// The token, the amount or the chain is not among those that are allowed.
    NotAllowed,
    /// No transaction has this id.
    UnknownTransaction,
    /// It is too late for that, or the key is that of another request.
    Conflict,
    /// It could not be kept, and so was not done.
    NotKept,
    /// A circuit breaker holds new transactions back: see `next_try`.
    BreakerOpen,
    /// There is nothing at this path.
    NotFound,
    /// The path exists, but not for this method.
    MethodNotAllowed,
    /// The server did not finish in time.
    Timeout,
    /// The body is larger than the server reads.
    BodyTooLarge,
    /// What only the operator may do was asked without the operator's token.
    NotOperator,
    /// What only the operator may do was asked of a server that has no operator.
    NoOperator,
    /// No room of that name opens to that token.
    NoRoom,
    /// As many rooms or readers as the server has room for.
    RoomsFull,
    /// The copy of the journal goes on elsewhere: see its `head`.
    JournalMoved,
    /// A line of a journal does not read, or does not follow: see `line`.
    JournalDamaged,
    /// There is no more room for this journal.
    JournalFull,
    /// Another device writes to this account: see `lease`.
    LeaseHeld,
    /// A page of another site asks for a socket.
    WrongOrigin,
    /// The request names a host that this server does not answer for.
    WrongHost,
    /// As many sockets are open as the server has room for.
    TooManySockets,
    /// An upstream asks to slow down.
    RateLimited,
    /// The server made a mistake.
    Internal,
    /// An upstream refused the server: its key or its request.
    UpstreamRefused,
    /// An upstream failed or cannot be reached.
    UpstreamUnavailable,
}

impl ProblemKind {
    /// Every kind, in the order of its status.
    pub const ALL: [ProblemKind; 30] = [
        ProblemKind::BadRequest,
        ProblemKind::UnknownChain,
        ProblemKind::BadAddress,
        ProblemKind::TooManyTokens,
        ProblemKind::NotOperator,
        ProblemKind::NoOperator,
        ProblemKind::WrongOrigin,
        ProblemKind::SigningOff,
        ProblemKind::NotAllowed,
        ProblemKind::NotFound,
        ProblemKind::UnknownToken,
        ProblemKind::NoRoom,
        ProblemKind::UnknownTransaction,
        ProblemKind::MethodNotAllowed,
        ProblemKind::JournalMoved,
        ProblemKind::Conflict,
        ProblemKind::BodyTooLarge,
        ProblemKind::WrongHost,
        ProblemKind::JournalDamaged,
        ProblemKind::LeaseHeld,
        ProblemKind::Internal,
        ProblemKind::UpstreamRefused,
        ProblemKind::RateLimited,
        ProblemKind::UpstreamUnavailable,
        ProblemKind::TooManySockets,
        ProblemKind::RoomsFull,
        ProblemKind::NotKept,
        ProblemKind::BreakerOpen,
        ProblemKind::Timeout,
        ProblemKind::JournalFull,
    ];

    /// Its name in references.
    pub const fn slug(self) -> &'static str {
        match self {
            ProblemKind::BadRequest => "bad-request",
            ProblemKind::UnknownChain => "unknown-chain",
            ProblemKind::BadAddress => "bad-address",
            ProblemKind::UnknownToken => "unknown-token",
            ProblemKind::TooManyTokens => "too-many-tokens",
            ProblemKind::NotFound => "not-found",
            ProblemKind::MethodNotAllowed => "method-not-allowed",
            ProblemKind::Timeout => "timeout",
            ProblemKind::BodyTooLarge => "body-too-large",
            ProblemKind::NotOperator => "not-operator",
            ProblemKind::NoOperator => "no-operator",
            ProblemKind::SigningOff => "signing-off",
            ProblemKind::NotAllowed => "not-allowed",
            ProblemKind::UnknownTransaction => "unknown-transaction",
            ProblemKind::Conflict => "conflict",
            ProblemKind::NotKept => "not-kept",
            ProblemKind::BreakerOpen => "breaker-open",
            ProblemKind::NoRoom => "no-room",
            ProblemKind::RoomsFull => "rooms-full",
            ProblemKind::JournalMoved => "journal-moved",
            ProblemKind::JournalDamaged => "journal-damaged",
            ProblemKind::JournalFull => "journal-full",
            ProblemKind::LeaseHeld => "lease-held",
            ProblemKind::WrongOrigin => "wrong-origin",
            ProblemKind::WrongHost => "wrong-host",
            ProblemKind::TooManySockets => "too-many-sockets",
            ProblemKind::RateLimited => "rate-limited",
            ProblemKind::Internal => "internal",
            ProblemKind::UpstreamRefused => "upstream-refused",
            ProblemKind::UpstreamUnavailable => "upstream-unavailable",
        }
    }

    /// Its title, the same every time.
    pub const fn title(self) -> &'static str {
        match self {
            ProblemKind::BadRequest => "The request cannot be read",
            ProblemKind::UnknownChain => "The chain is not known",
            ProblemKind::BadAddress => "The address is not valid",
            ProblemKind::UnknownToken => "The token is not known",
            ProblemKind::TooManyTokens => "Too many tokens in one call",
            ProblemKind::NotFound => "There is nothing here",
            ProblemKind::MethodNotAllowed => "This method does not go with this path",
            ProblemKind::Timeout => "The server did not finish in time",
            ProblemKind::BodyTooLarge => "The body is too large",
            ProblemKind::NotOperator => "This is for the operator",
            ProblemKind::NoOperator => "This server has no operator",
            ProblemKind::SigningOff => "Nothing is signed here",
            ProblemKind::NotAllowed => "This is not allowed",
            ProblemKind::UnknownTransaction => "There is no such transaction",
            ProblemKind::Conflict => "This does not go with what has been done",
            ProblemKind::NotKept => "It could not be kept, and was not done",
            ProblemKind::BreakerOpen => "A circuit breaker is open",
            ProblemKind::NoRoom => "There is no such room for this token",
            ProblemKind::RoomsFull => "The rooms are full",
            ProblemKind::JournalMoved => "The copy of the journal goes on elsewhere",
            ProblemKind::JournalDamaged => "A line of the journal is wrong",
            ProblemKind::JournalFull => "There is no more room for this journal",
            ProblemKind::LeaseHeld => "Another device writes to this account",
            ProblemKind::WrongOrigin => "A page of another site may not listen here",
            ProblemKind::WrongHost => "This server does not answer for this host",
            ProblemKind::TooManySockets => "Too many sockets are open",
            ProblemKind::RateLimited => "The price source asks to slow down",
            ProblemKind::Internal => "The server made a mistake",
            ProblemKind::UpstreamRefused => "The price source refused the server",
            ProblemKind::UpstreamUnavailable => "The price source cannot be reached",
        }
    }

    /// Its HTTP status code.
    pub const fn status(self) -> u16 {
        match self {
            ProblemKind::BadRequest
            | ProblemKind::UnknownChain
            | ProblemKind::BadAddress
            | ProblemKind::TooManyTokens => 400,
            ProblemKind::NotOperator => 401,
            ProblemKind::NoOperator | ProblemKind::WrongOrigin | ProblemKind::SigningOff | ProblemKind::NotAllowed => {
                403
            }
            ProblemKind::NotFound
            | ProblemKind::UnknownToken
            | ProblemKind::NoRoom
            | ProblemKind::UnknownTransaction => 404,
            ProblemKind::MethodNotAllowed => 405,
            ProblemKind::JournalMoved | ProblemKind::Conflict => 409,
            ProblemKind::BodyTooLarge => 413,
            ProblemKind::WrongHost => 421,
            ProblemKind::JournalDamaged => 422,
            ProblemKind::LeaseHeld => 423,
            ProblemKind::Internal => 500,
            ProblemKind::UpstreamRefused => 502,
            ProblemKind::RateLimited
            | ProblemKind::UpstreamUnavailable
            | ProblemKind::TooManySockets
            | ProblemKind::RoomsFull
            | ProblemKind::NotKept
            | ProblemKind::BreakerOpen
            | ProblemKind::Timeout => 503,
            ProblemKind::JournalFull => 507,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_is_found_by_its_reference_and_has_its_own() {
        let mut slugs: Vec<_> = ProblemKind::ALL.into_iter().map(ProblemKind::slug).collect();
        for kind in ProblemKind::ALL {
            assert_eq!(Problem::new(kind, "x").kind(), Some(kind));
        }
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), ProblemKind::ALL.len());
        assert!(ProblemKind::ALL.is_sorted_by_key(|kind| kind.status()));
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_its_own_beside_them() {
        let problem = Problem::new(ProblemKind::UnknownChain, "chain `7` is not known").with("chain", "7");
        let json = serde_json::to_string(&problem).unwrap();
        assert_eq!(
            json,
            r#"{"type":"/api/docs#problem-unknown-chain","title":"The chain is not known","status":400,"detail":"chain `7` is not known","chain":"7"}"#
        );
        assert_eq!(serde_json::from_str::<Problem>(&json).unwrap(), problem);
        let bare: Problem = serde_json::from_str("{}").unwrap();
        assert_eq!((bare.reference.as_str(), bare.kind()), ("about:blank", None));
    }
}
