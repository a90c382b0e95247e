//! An account on several devices: the server's copy of its journal, who may write to it, and links for readers.
//!
//! The copy grows by compare-and-append: whoever adds lines names the head it adds them to, and the lines carry
//! the chain. What the copy takes, the server tells in the account's room, so a device publishes its trades by
//! handing in its journal, and the journal itself is the queue while it is offline. One device at a time writes:
//! it holds the lease. Two journals that went different ways are two branches: the owner chooses one, and the
//! other is kept.

use serde::{Deserialize, Serialize};

use super::room::{PerformanceUpdate, Placed, PortfolioUpdate, PositionUpdated, SessionUpdate};
use crate::ids::AccountId;
use crate::ledger::Head;
use crate::market::MarketKind;
use crate::time::Timestamp;

/// The end of a journal, or a place in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JournalHead {
    /// The number of the last entry.
    pub seq: u64,
    /// Its hash: 64 lower-case hexadecimal digits.
    pub hash: String,
}

impl From<Head> for JournalHead {
    fn from(head: Head) -> JournalHead {
        JournalHead { seq: head.seq, hash: alloy_primitives::hex::encode(head.hash) }
    }
}

/// Who writes to an account's journal, and until when without another word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lease {
    /// The device, by an id of its own making: 1 to 64 characters.
    pub device: String,
    /// What its owner calls it: up to 64 characters.
    pub name: String,
    /// Since when it writes.
    pub since: Timestamp,
    /// When it ends, unless it is renewed.
    pub until: Timestamp,
}

/// A device wants to write: `PUT /api/v1/accounts/{account_id}/lease`. The one that holds the lease renews it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseAsked {
    /// The device.
    pub device: String,
    /// What its owner calls it.
    #[serde(default)]
    pub name: String,
}

/// A piece of the copy: `GET /api/v1/accounts/{account_id}/journal?after=SEQ`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JournalPage {
    /// The end of the copy; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<JournalHead>,
    /// Who writes now; absent where nobody does. Not told to readers by a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The lines after `after`, verbatim and in order, as many as fit an answer. Not told to readers by a link.
    #[serde(default)]
    pub lines: Vec<String>,
}

/// Lines for the copy: `POST /api/v1/accounts/{account_id}/journal`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Append {
    /// The device that writes; it has to hold the lease, or nobody may.
    pub device: String,
    /// The entry they come after, in the copy; absent for a new account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<JournalHead>,
    /// The owner's choice between two branches: the head whose entries after `after` make way for these. They
    /// are kept as a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<JournalHead>,
    /// The lines, verbatim, without their newlines.
    pub lines: Vec<String>,
}

/// What the copy has come to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Appended {
    /// Its end now.
    pub head: JournalHead,
}

/// Entries that were not chosen: `GET` and `POST /api/v1/accounts/{account_id}/branches`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Branch {
    /// The entry both branches have, and the last they have in common.
    pub after: JournalHead,
    /// Its lines, verbatim.
    pub lines: Vec<String>,
    /// When it was put aside, by the server's clock; not told by whoever hands one in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Timestamp>,
}

/// What the copy comes to: `GET /api/v1/accounts/{account_id}/snapshot`. For whoever follows, also while no
/// device of the owner's is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AccountSnapshot {
    /// The account.
    pub account: AccountId,
    /// What its owner called it when it was opened.
    pub name: String,
    /// Which market it trades in.
    pub market: MarketKind,
    /// The end of the copy.
    pub head: JournalHead,
    /// The time of its last entry.
    pub at: Timestamp,
    /// What it is worth, at the prices the server knows.
    pub portfolio: PortfolioUpdate,
    /// What it holds.
    pub positions: Vec<PositionUpdated>,
    /// How it did.
    pub performance: PerformanceUpdate,
    /// Which device writes to it, and since when; absent where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionUpdate>,
    /// The last lines of the journal with a trade in them, newest first, at most 50.
    pub trades: Vec<String>,
    /// The place in the room from which on news are to be read: what comes after it may be in here already, and
    /// nothing that is missing here came before it.
    pub room: Placed,
}

/// A link to read: `POST /api/v1/accounts/{account_id}/links`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewLink {
    /// The SHA-256 of the 32 bytes of the token that opens it, in 64 lower-case hexadecimal digits. The token
    /// itself is not told.
    pub token_hash: String,
    /// What its owner calls it: up to 64 characters.
    #[serde(default)]
    pub name: String,
    /// When it ends by itself; absent for never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// A link there is: `GET /api/v1/accounts/{account_id}/links`; `DELETE …/links/{token_hash}` revokes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Link {
    /// The hash of its token.
    pub token_hash: String,
    /// What its owner calls it.
    pub name: String,
    /// Since when it is there.
    pub since: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// The links of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Links {
    /// Oldest first; those that have ended are not there.
    pub links: Vec<Link>,
}

/// The branches of an account that were not chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Branches {
    /// Oldest first.
    pub branches: Vec<Branch>,
}
