//! A transaction on a real chain, from the request to its end: the decisions, without the I/O.
//!
//! [`step`] is all of it: a transaction and something that happened give the transaction after it and what is
//! to be done. The shell keeps the new transaction first and does the effects after; their results come back as
//! events. So whatever was sent was kept before, and a process that comes back finds everything it needs in
//! what it kept and says [`Event::Started`].
//!
//! The rules that hold, by the names the tests use:
//!
//! 1. `one_success`: of one request at most one transaction with its payload succeeds. After a failed one, the
//!    payload is signed again only when the failure is at depth.
//! 2. `nonce_belongs`: once an attempt may have left the process, its nonce belongs to the request until it is
//!    finally consumed. A missing receipt or "nonce too low" moves no payload.
//! 3. `kept_before_sent`: intent, nonce and signed bytes are kept before the first broadcast.
//! 4. `no_gap`: after a crash every nonce from the chain's to the next one has an owner ([`nonces::Lane`]).
//! 5. `always_an_answer`: a request reaches a final state, once faults stop.
//! 6. `final_by_evidence`: final is what is mined at depth: ours, or a foreign transaction that was seen there.
//!    Anything else is [`Status::Stuck`].
//! 7. `failures_wait_too`: a reverted receipt waits for depth as well, and a reorganisation takes it back.
//! 8. `replacements_pay`: a replacement offers at least a tenth more on both fees and never more than the
//!    ceiling; at the ceiling the identical bytes are sent again.
//! 9. `funds_are_there`: what may be spent is covered before it is signed (the shell's part).
//! 10. `same_key_same_request` (the shell's part).
//! 11. `cancel_by_evidence`: the verdict of a cancel comes from what was mined.
//! 12. `one_writer` (the shell's part: a fenced lease).
//! 13. `breakers_hold_only_new`: a closed [`Gate`] holds back new attempts, never sending again, replacing or
//!     cancelling.
//! 14. `metrics_reconcile`: figures are counted from the records.
//! 15. `no_key_told` (the shell's part): nothing here ever holds a key.

mod attempt;
mod event;
pub mod fees;
pub mod gas;
pub mod nonces;
mod policy;
mod status;
mod step;

use serde::{Deserialize, Serialize};

use alloy_primitives::Address;

pub use attempt::{Attempt, AttemptId, AttemptKind, Foreign, Mined, Order, Outcome, Prepared, Refusal, Trouble};
pub use event::{Alarm, Effect, Event, GasQuote, Gate, Input, Reply, Sighting, Signed, StuckReason};
pub use fees::Fees;
pub use policy::Policy;
pub use status::Status;
pub use step::{Refused, step};

use crate::chain::Chain;
use crate::ids::TransactionId;
use crate::time::Timestamp;

/// What was asked for. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Where.
    pub chain: Chain,
    /// Who pays and signs.
    pub sender: Address,
    /// After this it is not wanted any more. The call itself carries it too.
    pub deadline: Timestamp,
    /// The most it may offer, in wei per gas. The policy's ceiling holds as well.
    #[serde(with = "wei")]
    pub max_gas_price: u128,
    /// Where it is nobody's wish but a gap to be filled: the nonce that nobody owns. Then its call does nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fills: Option<u64>,
    /// Whether it goes every way but the last: nothing is signed, and the simulator fills it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paper: bool,
}

/// A request and everything that was done for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its name.
    pub id: TransactionId,
    /// What was asked for.
    pub intent: Intent,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// How it stands.
    pub state: State,
    /// Every transaction signed for it, oldest first.
    pub attempts: Vec<Attempt>,
    /// New payload transactions after the first.
    pub retries: u32,
    /// What stood in its way, and when, oldest first; the last [`MOST_TROUBLES`].
    pub troubles: Vec<(Timestamp, Trouble)>,
}

/// Troubles that are remembered.
pub const MOST_TROUBLES: usize = 32;

/// How a transaction stands. Only what is [`State::Live`] holds a nonce.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing that was signed can happen.
    Before(Before),
    /// Something that was signed can happen.
    Live(Spot, Phase),
    /// What had to happen has.
    Over(Over),
}

/// Before anything is signed at a nonce of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Before {
    /// [`Status::Preparing`].
    Preparing {
        /// Gas to add to the estimate, in percent.
        margin_percent: u32,
        /// Times in a row that no node could be asked.
        tries: u32,
    },
    /// [`Status::GasOptimizing`].
    GasOptimizing {
        /// The call.
        prepared: Prepared,
        /// Since when it waits for a price.
        since: Timestamp,
        /// As in [`Before::Preparing`].
        margin_percent: u32,
        /// As in [`Before::Preparing`].
        tries: u32,
    },
    /// [`Status::ReadyToSubmit`].
    ReadyToSubmit {
        /// The call.
        prepared: Prepared,
        /// What is to be signed.
        order: Order,
        /// As in [`Before::Preparing`].
        margin_percent: u32,
    },
    /// [`Status::Retrying`].
    Retrying {
        /// When it is tried again.
        until: Timestamp,
        /// As in [`Before::Preparing`].
        margin_percent: u32,
        /// As in [`Before::Preparing`].
        tries: u32,
    },
}

/// The nonce of a transaction that may be mined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// The call.
    pub prepared: Prepared,
    /// As in [`Before::Preparing`].
    pub margin_percent: u32,
    /// The nonce. Every attempt with it counts.
    pub nonce: u64,
    /// What the nonce is wanted for.
    pub wish: Wish,
    /// When the last attempt at it was signed.
    pub since: Timestamp,
    /// A replacement that is to be signed.
    pub order: Option<Order>,
    /// Times in a row that no node took the last attempt.
    pub tries: u32,
    /// When the last attempt is handed to a node again.
    pub resend_at: Timestamp,
}

/// What a nonce is wanted for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// The payload.
    Payload,
    /// Nothing any more: it is to be consumed by a transaction that does nothing.
    Free(Why),
}

/// Why a nonce is not wanted for its payload any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The user cancelled.
    Asked,
    /// The deadline passed.
    Deadline,
    /// No node takes the payload's transaction, for this reason.
    Unsendable(String),
    /// It fills a gap.
    Gap,
}

/// How far a live transaction is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// [`Status::Submitted`].
    Submitted,
    /// [`Status::Pending`].
    Pending,
    /// [`Status::Confirming`], and in which block.
    Confirming(Mined),
    /// [`Status::Stuck`], and why.
    Stuck(StuckReason),
}

/// How it ended, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// [`Status::Confirmed`].
    Confirmed(Mined),
    /// [`Status::Completed`].
    Completed(Mined),
    /// [`Status::Completed`], on paper.
    Papered,
    /// [`Status::Failed`], why, and what was mined, where something was.
    Failed(Trouble, Option<Mined>),
    /// [`Status::Cancelled`], and by which transaction, where one was signed.
    Cancelled(Option<Mined>),
    /// [`Status::Replaced`], and by what.
    Replaced(Foreign),
}

impl Transaction {
    /// A request that was just accepted. It begins with [`Event::Started`].
    pub fn new(id: TransactionId, intent: Intent, at: Timestamp, policy: &Policy) -> Transaction {
        let margin_percent = policy.gas_margin_percent;
        Transaction {
            id,
            intent,
            created_at: at,
            updated_at: at,
            state: State::Before(Before::Preparing { margin_percent, tries: 0 }),
            attempts: vec![],
            retries: 0,
            troubles: vec![],
        }
    }

    /// How it stands, as everybody names it.
    pub const fn status(&self) -> Status {
        match &self.state {
            State::Before(Before::Preparing { .. }) => Status::Preparing,
            State::Before(Before::GasOptimizing { .. }) => Status::GasOptimizing,
            State::Before(Before::ReadyToSubmit { .. }) => Status::ReadyToSubmit,
            State::Before(Before::Retrying { .. }) => Status::Retrying,
            State::Live(_, Phase::Submitted) => Status::Submitted,
            State::Live(_, Phase::Pending) => Status::Pending,
            State::Live(_, Phase::Confirming(_)) => Status::Confirming,
            State::Live(_, Phase::Stuck(_)) => Status::Stuck,
            State::Over(Over::Confirmed(_)) => Status::Confirmed,
            State::Over(Over::Completed(_) | Over::Papered) => Status::Completed,
            State::Over(Over::Failed(..)) => Status::Failed,
            State::Over(Over::Cancelled(_)) => Status::Cancelled,
            State::Over(Over::Replaced(_)) => Status::Replaced,
        }
    }

    /// The attempts at a nonce, oldest first.
    pub fn attempts_at(&self, nonce: u64) -> impl DoubleEndedIterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.nonce == nonce)
    }

    /// An attempt by its id.
    pub fn attempt(&self, id: AttemptId) -> Option<&Attempt> {
        self.attempts.iter().find(|attempt| attempt.id == id)
    }

    /// The nonce it holds, if any.
    pub const fn nonce(&self) -> Option<u64> {
        match &self.state {
            State::Live(spot, _) => Some(spot.nonce),
            State::Before(_) | State::Over(_) => None,
        }
    }
}

/// An amount of wei as a string: 128 bits do not fit a JSON number.
pub(crate) mod wei {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(wei: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(wei)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u128, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("wei: a whole number below 2^128, as a string"))
    }
}
