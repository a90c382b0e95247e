//! What can happen to a transaction, and what it asks for.

use alloy_primitives::{B256, Bytes};

use super::attempt::{AttemptId, Foreign, Mined, Order, Prepared, Refusal, Trouble};
use super::fees::Fees;
use crate::time::Timestamp;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The shell's clock.
    pub at: Timestamp,
    /// Chance for waits, in parts per billion, drawn by the shell.
    pub jitter: u64,
    /// Whether new attempts may start. What is out already is never held back.
    pub gate: Gate,
    /// What happened.
    pub event: Event,
}

/// What the circuit breakers say of new attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// They may start.
    Open,
    /// They wait.
    Closed {
        /// Until when, at least.
        until: Timestamp,
    },
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The request was accepted and is kept; or the process came back and this is what it kept.
    Started,
    /// The call is quoted, simulated and measured.
    Prepared(Prepared),
    /// It could not be.
    Unprepared(Trouble),
    /// What gas costs.
    GasPriced(GasQuote),
    /// That could not be learnt.
    GasUnknown(Trouble),
    /// An order is signed.
    Signed(Signed),
    /// It could not be.
    Unsigned {
        /// Which order.
        attempt: AttemptId,
        /// Why.
        trouble: Trouble,
    },
    /// The simulator has filled what is on paper.
    Papered {
        /// Which order.
        attempt: AttemptId,
    },
    /// What a node said to an attempt that was handed to it.
    Sent {
        /// Which attempt.
        attempt: AttemptId,
        /// What it said.
        reply: Reply,
    },
    /// What the chain was seen to be.
    Seen(Sighting),
    /// Time has passed.
    Woken,
    /// The amounts are in the portfolio.
    Booked,
    /// The user wants it not to happen.
    CancelAsked,
    /// The user wants it to be quicker.
    ReplaceAsked {
        /// What to offer, in percent of what it offers now.
        percent: u32,
    },
}

/// What gas costs now, and what the strategy makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GasQuote {
    /// The base fee of the next block, in wei.
    pub base_fee: u128,
    /// What the strategy would offer.
    pub fees: Fees,
    /// Whether the strategy would rather wait for a cheaper block.
    pub waiting_pays: bool,
}

/// A signed order. It may be sent only after the transaction that holds it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// The order, as it was given.
    pub order: Order,
    /// The nonce it was given.
    pub nonce: u64,
    /// Its hash.
    pub hash: B256,
    /// Its bytes.
    pub raw: Bytes,
}

/// What a node said to a transaction that was handed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// It holds it now.
    Accepted,
    /// It held it before.
    AlreadyKnown,
    /// Nothing that can be used: it may hold it or not.
    NoAnswer,
    /// It does not want it.
    Refused(Refusal),
}

/// What the chain was seen to be, by one node at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// The nonce that was looked for.
    pub nonce: u64,
    /// The number of the last block.
    pub head: u64,
    /// Its base fee, in wei.
    pub base_fee: u128,
    /// The sender's next nonce by that block. It was read before the receipts were.
    pub account_nonce: u64,
    /// The attempt of ours with that nonce that is in a block.
    pub mined: Option<Mined>,
    /// The transaction with that nonce that is in a block and not ours.
    pub foreign: Option<Foreign>,
    /// Whether the node's pool holds our last attempt, where it tells.
    pub pooled: Option<bool>,
    /// What the strategy would offer now, where it was asked.
    pub market: Option<Fees>,
}

/// Something to be done. It is done only after the transaction that asks for it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Quote, simulate, and estimate gas with so much on top.
    Prepare {
        /// What to add to the estimate, in percent.
        margin_percent: u32,
    },
    /// Ask what gas costs.
    PriceGas,
    /// Sign an order, at this nonce, where [`Lane::claim`](super::nonces::Lane::claim) allows it, or at the next.
    Sign {
        /// The order.
        order: Order,
        /// Its nonce, where there is one already.
        nonce: Option<u64>,
    },
    /// Have the simulator fill it, in place of a signature.
    Simulate {
        /// Which order.
        attempt: AttemptId,
    },
    /// A signature came too late: it was never sent and never will be. A nonce taken for it is free again.
    Discard {
        /// Which order.
        attempt: AttemptId,
    },
    /// Hand an attempt to a node: to another than last time, where there is one.
    Broadcast {
        /// Which attempt.
        attempt: AttemptId,
    },
    /// See what became of a nonce.
    Look {
        /// Which.
        nonce: u64,
    },
    /// Come back at this time, if nothing happens before. The last one asked for counts.
    WakeAt(Timestamp),
    /// Enter the amounts into the portfolio, once.
    Book,
    /// Tell the room.
    Publish,
    /// Tell somebody now.
    Alarm(Alarm),
}

/// What somebody should know now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alarm {
    /// It is stuck.
    Stuck(StuckReason),
    /// The most retries are used up; only waiting is left, and cancelling.
    OutOfRetries,
    /// A block that was final is gone.
    DeepReorg,
}

/// Why a transaction is stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StuckReason {
    /// It was not mined in time.
    TimedOut,
    /// The pool no longer holds it.
    Dropped,
    /// Its cap is below the base fee.
    FeeTooLow,
    /// Its nonce is used up on the chain, and not yet known by what.
    Unknown,
    /// The wallet cannot pay for it.
    Unfunded,
    /// No node takes its bytes.
    Unsendable,
}
