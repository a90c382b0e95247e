//! One signed transaction of a request, and what can become of it.

use alloy_primitives::{Address, B256, Bytes};
use serde::{Deserialize, Serialize};

use super::fees::Fees;
use crate::ids::TransactionId;
use crate::money::Units;
use crate::time::Timestamp;

/// Which attempt of a request: they are counted from 1 and never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub u32);

/// What a signed transaction does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum AttemptKind {
    /// It carries the request's payload.
    Payload,
    /// It sends nothing to its own sender, and so takes the nonce and nothing else.
    Cancel,
}

/// The call that was quoted, simulated and measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prepared {
    /// The contract that is called.
    pub to: Address,
    /// Native coin sent along, in wei.
    pub value: Units,
    /// The call. It carries the request's id, so that the chain can be asked whose it is.
    pub data: Bytes,
    /// The gas it may use: an estimate with its margin.
    pub gas_limit: u64,
}

/// What the owner of the nonces is asked to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Which attempt it will be.
    pub attempt: AttemptId,
    /// What it does.
    pub kind: AttemptKind,
    /// What it offers.
    pub fees: Fees,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub id: AttemptId,
    /// What it does.
    pub kind: AttemptKind,
    /// Its nonce.
    pub nonce: u64,
    /// What it offers.
    pub fees: Fees,
    /// The gas it may use.
    pub gas_limit: u64,
    /// Its hash.
    pub hash: B256,
    /// Its signed bytes, which may be sent any number of times and mean the same.
    pub raw: Bytes,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// How often it was handed to a node.
    pub broadcasts: u32,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Signed; no node has said anything about it.
    Signed,
    /// A node holds it, or held it.
    Accepted,
    /// A node refused it, which does not mean that all will.
    Refused(Refusal),
    /// It is the one that was mined, at depth.
    Mined(Mined),
    /// Another transaction took its nonce, at depth.
    Replaced,
}

/// A transaction of ours in a block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mined {
    /// Which attempt.
    pub attempt: AttemptId,
    /// The number of its block.
    pub block: u64,
    /// The hash of its block.
    pub block_hash: B256,
    /// Whether it succeeded.
    pub success: bool,
    /// Where it failed: whether for want of gas.
    pub out_of_gas: bool,
    /// Where it failed and said why: the reason, decoded.
    pub reason: Option<String>,
    /// Gas used.
    pub gas_used: u64,
    /// What was paid per gas, in wei.
    #[serde(with = "super::wei")]
    pub gas_price: u128,
    /// What an OP-stack chain took for its data, in wei.
    pub l1_fee: Units,
}

/// A transaction in a block that has our nonce and is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreign {
    /// Its hash.
    pub hash: B256,
    /// The number of its block.
    pub block: u64,
    /// Whether it calls what ours calls, with the same data and value: then it did what was asked for.
    pub same_payload: bool,
}

/// Why a node refused a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// It offers less than the pool takes, or not enough to replace what is there.
    Underpriced,
    /// Its nonce is used up on the chain.
    NonceTooLow,
    /// A nonce before it is missing.
    NonceTooHigh,
    /// The sender cannot pay for it.
    InsufficientFunds,
    /// No node would ever take these bytes.
    Invalid(String),
}

/// What stands in a request's way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Trouble {
    /// No node answered in a way that can be used.
    #[error("no node could be asked: {detail}")]
    Unreachable {
        /// What was wrong with the answers.
        detail: String,
    },
    /// Another transaction has to be mined first.
    #[error("it waits for transaction {id}")]
    Waiting {
        /// Which.
        id: TransactionId,
    },
    /// A circuit breaker is open.
    #[error("the circuit breaker is open until {until}")]
    Blocked {
        /// When it lets a try through.
        until: Timestamp,
    },
    /// The call fails, simulated or mined.
    #[error("the call reverts{}", reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default())]
    Reverted {
        /// The reason it gives, decoded.
        reason: Option<String>,
    },
    /// It was mined and ran out of gas.
    #[error("it ran out of gas")]
    OutOfGas,
    /// The sender cannot pay for it.
    #[error("the wallet cannot pay: it needs {needed} wei and has {has} (fill it and ask anew)")]
    InsufficientFunds {
        /// Wei it would take.
        needed: Units,
        /// Wei there are.
        has: Units,
    },
    /// Gas stayed above the ceiling until it was too late.
    #[error("gas stayed above the ceiling of {ceiling} wei")]
    GasAboveCeiling {
        /// Wei per gas.
        #[serde(with = "super::wei")]
        ceiling: u128,
    },
    /// The most new transactions are signed; what is out is all there will be.
    #[error("{retries} retries are used up")]
    RetriesUsedUp {
        /// How many.
        retries: u32,
    },
    /// Its deadline passed before it was mined.
    #[error("its deadline passed")]
    DeadlinePassed,
    /// A transaction that is not ours took its nonce.
    #[error("transaction {hash}, which is not Foolscap's, took its nonce")]
    NonceTaken {
        /// Its hash.
        hash: B256,
    },
    /// It is not allowed, or can never work.
    #[error("it was refused: {why}")]
    Refused {
        /// By what, and what would be right.
        why: String,
    },
}
