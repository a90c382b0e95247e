//! What nodes mean when they refuse a transaction: the one place where their words are read.
//!
//! JSON-RPC has no code for any of this: the same fact comes as −32000, −32003 or −32603, and in each client's own
//! words. So the words are looked for, here and nowhere else, as they stand in the clients' sources:
//! geth `core/txpool/errors.go` and `core/error.go` (Erigon and Reth keep them), Nethermind `AcceptTxResult.cs`,
//! Besu `TransactionInvalidReason.java`, anvil `eth/error.rs`, Hardhat (EDR) `mempool.rs` and `add_transaction.rs`.
//! Words that are not in this table mean nothing: then the transaction may be held or not, and is handed in again.

use shared::transaction::{Refusal, Reply};

use super::RpcError;

#[derive(Clone, Copy)]
enum Meaning {
    Known,
    Underpriced,
    NonceTooLow,
    NonceTooHigh,
    InsufficientFunds,
    Invalid,
}

use Meaning::{InsufficientFunds, Invalid, Known, NonceTooHigh, NonceTooLow, Underpriced};

/// Words, in lower case, and what they mean. The first that is found counts.
const WORDINGS: &[(&str, Meaning)] = &[
    // Held already: geth, Erigon, Reth; anvil; Hardhat and Besu; Nethermind.
    ("already known", Known),
    ("transaction already imported", Known),
    ("known transaction", Known),
    ("alreadyknown", Known),
    // The nonce is used up: geth, Erigon, Reth, anvil, Hardhat, Besu; Nethermind.
    ("nonce too low", NonceTooLow),
    ("oldnonce", NonceTooLow),
    // A nonce before it is missing: geth, Hardhat; Nethermind; Besu.
    ("nonce too high", NonceTooHigh),
    ("noncegap", NonceTooHigh),
    ("nonce too far in future", NonceTooHigh),
    ("nonce is too distant", NonceTooHigh),
    // Too little offered: geth, Erigon, Reth, anvil, Besu, Hardhat; Nethermind; geth below the base fee; Hardhat.
    ("underpriced", Underpriced),
    ("replacementnotallowed", Underpriced),
    ("feetoolow", Underpriced),
    ("max fee per gas less than block base fee", Underpriced),
    ("is too low for the next block", Underpriced),
    ("below configured minimum gas price", Underpriced),
    // Not enough money: geth, Erigon, Reth, anvil; Nethermind; Besu; Hardhat.
    ("insufficient funds", InsufficientFunds),
    ("insufficientfunds", InsufficientFunds),
    ("upfront cost exceeds account balance", InsufficientFunds),
    ("doesn't have enough funds", InsufficientFunds),
    // No node would take these bytes: geth, Reth, anvil; Nethermind; Hardhat.
    ("intrinsic gas too low", Invalid),
    ("exceeds block gas limit", Invalid),
    ("gaslimitexceeded", Invalid),
    ("transaction gas limit too high", Invalid),
    ("invalid sender", Invalid),
    ("oversized data", Invalid),
    ("max initcode size exceeded", Invalid),
    ("max priority fee per gas higher than max fee per gas", Invalid),
    ("transaction type not supported", Invalid),
    ("invalid chain id", Invalid),
];

/// Words of a call that reverts without giving data: geth before 1.9.15, Nethermind; anvil; Hardhat.
const REVERTS: &[&str] = &["execution reverted", "vm execution error", "reverted without a reason", "vm exception"];

/// Whether words say that a call reverted.
pub fn says_reverted(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    REVERTS.iter().any(|words| message.contains(words))
}

/// What a node said to a transaction that was handed to it.
pub fn reply(result: Result<(), &RpcError>) -> Reply {
    let message = match result {
        Ok(()) => return Reply::Accepted,
        Err(RpcError::Refused { message, .. }) => message,
        Err(_) => return Reply::NoAnswer,
    };
    let lower = message.to_ascii_lowercase();
    let meaning = WORDINGS.iter().find(|(words, _)| lower.contains(words)).map(|(_, meaning)| *meaning);
    match meaning {
        None => Reply::NoAnswer,
        Some(Known) => Reply::AlreadyKnown,
        Some(Underpriced) => Reply::Refused(Refusal::Underpriced),
        Some(NonceTooLow) => Reply::Refused(Refusal::NonceTooLow),
        Some(NonceTooHigh) => Reply::Refused(Refusal::NonceTooHigh),
        Some(InsufficientFunds) => Reply::Refused(Refusal::InsufficientFunds),
        Some(Invalid) => Reply::Refused(Refusal::Invalid(message.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_fact_is_understood_in_every_clients_words() {
        let refused =
            |code, message: &str| reply(Err(&RpcError::Refused { code, message: message.into(), data: None }));
        for (code, message) in [
            (-32000, "already known"),
            (-32003, "transaction already imported"),
            (-32603, "Known transaction: 0x5a3f"),
            (-32010, "AlreadyKnown"),
        ] {
            assert_eq!(refused(code, message), Reply::AlreadyKnown, "{message}");
        }
        for (code, message, refusal) in [
            (-32000, "nonce too low: next nonce 7, tx nonce 5", Refusal::NonceTooLow),
            (-32603, "Nonce too low. Expected nonce to be 7 but got 5.", Refusal::NonceTooLow),
            (-32003, "nonce too low", Refusal::NonceTooLow),
            (-32000, "replacement transaction underpriced", Refusal::Underpriced),
            (-32000, "transaction underpriced: tip needed 1, tip permitted 0", Refusal::Underpriced),
            (
                -32000,
                "max fee per gas less than block base fee: address 0x1, maxFeePerGas: 1, baseFee: 2",
                Refusal::Underpriced,
            ),
            (-32000, "insufficient funds for gas * price + value: have 1 want 2", Refusal::InsufficientFunds),
            (
                -32000,
                "Sender doesn't have enough funds to send tx. The max upfront cost is: 2 and the sender's balance is: 1.",
                Refusal::InsufficientFunds,
            ),
            (-32000, "Nonce too high. Expected nonce to be 1 but got 3.", Refusal::NonceTooHigh),
            (-32000, "intrinsic gas too low", Refusal::Invalid("intrinsic gas too low".into())),
        ] {
            assert_eq!(refused(code, message), Reply::Refused(refusal), "{message}");
        }
        for message in ["header not found", "txpool is full", "internal error", "timeout"] {
            assert_eq!(refused(-32000, message), Reply::NoAnswer, "{message}");
        }
        assert_eq!((reply(Ok(())), reply(Err(&RpcError::Status(502)))), (Reply::Accepted, Reply::NoAnswer));
    }
}
