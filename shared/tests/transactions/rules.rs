//! The rules, by their names in `shared::transaction`, held by somebody who sees the chain itself.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::TransactionId;
use shared::transaction::{Attempt, AttemptKind, Input, Over, State, Status, Transaction};

use super::chain::Chain;

type Kept = BTreeMap<TransactionId, Transaction>;

/// What holds of every step.
pub fn of_a_step(
    before: &Transaction,
    after: &Transaction,
    input: &Input,
    ceiling: u128,
    chain: &Chain,
    kept: &Kept,
) -> Result<(), String> {
    let (from, to) = (before.status(), after.status());
    if from != to && !from.may_become(to) {
        return Err(format!("every step is in the table: {from:?} -> {to:?} by {:?}", input.event));
    }
    if after.retries > 3 {
        return Err(format!("retries: {}", after.retries));
    }
    for new in after.attempts.iter().skip(before.attempts.len()) {
        of_an_attempt(after, new, ceiling, chain, kept)?;
    }
    if !from.is_final() && to.is_final() {
        final_by_evidence(after, chain)?;
    }
    Ok(())
}

fn of_an_attempt(tx: &Transaction, new: &Attempt, ceiling: u128, chain: &Chain, kept: &Kept) -> Result<(), String> {
    if new.fees.max_fee > ceiling || new.fees.priority_fee > new.fees.max_fee {
        return Err(format!("replacements_pay: {:?} is above the ceiling", new.fees));
    }
    for old in tx.attempts.iter().filter(|old| old.id < new.id) {
        if old.nonce == new.nonce && !new.fees.replaces(old.fees) {
            return Err(format!("replacements_pay: {:?} does not replace {:?}", new.fees, old.fees));
        }
        if old.nonce != new.nonce {
            if chain.deep_nonce() <= old.nonce {
                return Err(format!("nonce_belongs: {} left nonce {} before it was final", tx.id, old.nonce));
            }
            if payload_succeeded(chain, tx, old.nonce) {
                return Err(format!("one_success: {} is signed again after its success", tx.id));
            }
        }
    }
    let others = kept.values().filter(|other| other.id != tx.id);
    if let Some(other) = others.flat_map(|other| &other.attempts).find(|other| other.nonce == new.nonce) {
        return Err(format!("no nonce is used for two requests: {} was signed as {}", new.nonce, other.hash));
    }
    Ok(())
}

/// Whether the payload of a request succeeded at a nonce, by our hand or another's.
fn payload_succeeded(chain: &Chain, tx: &Transaction, nonce: u64) -> bool {
    chain.at_nonce(nonce, chain.head()).is_some_and(|(_, _, included)| {
        let ours =
            included.sent.as_ref().is_some_and(|sent| sent.request == tx.id && sent.kind == AttemptKind::Payload);
        included.success && (ours || included.payload_of == Some(tx.id))
    })
}

fn nonces(tx: &Transaction) -> BTreeSet<u64> {
    tx.attempts.iter().map(|attempt| attempt.nonce).collect()
}

/// A final state is one that the chain bears out, at depth.
fn final_by_evidence(tx: &Transaction, chain: &Chain) -> Result<(), String> {
    if let Some(nonce) = nonces(tx).into_iter().find(|nonce| chain.deep_nonce() <= *nonce) {
        return Err(format!("final_by_evidence: {:?} while nonce {nonce} is not final", tx.status()));
    }
    truth(tx, chain)
}

/// What a final record says is what the chain says.
fn truth(tx: &Transaction, chain: &Chain) -> Result<(), String> {
    let successes = nonces(tx).into_iter().filter(|nonce| payload_succeeded(chain, tx, *nonce)).count();
    if successes > 1 {
        return Err(format!("one_success: {} succeeded {successes} times", tx.id));
    }
    let by_another = nonces(tx).into_iter().any(|nonce| {
        chain.at_nonce(nonce, chain.head()).is_some_and(|(_, _, included)| included.payload_of == Some(tx.id))
    });
    let told = match &tx.state {
        State::Over(Over::Completed(mined) | Over::Confirmed(mined)) => {
            let block = &chain.blocks[mined.block as usize];
            let hash = tx.attempt(mined.attempt).map(|attempt| attempt.hash);
            block.hash == mined.block_hash
                && successes == 1
                && !by_another
                && block.included.iter().any(|included| Some(included.hash) == hash && included.success)
        }
        State::Over(Over::Failed(_, mined)) => {
            successes == 0
                && mined.as_ref().is_none_or(|mined| chain.blocks[mined.block as usize].hash == mined.block_hash)
        }
        State::Over(Over::Cancelled(mined)) => {
            // The verdict of a cancel comes from what was mined.
            let by_cancel = mined.as_ref().is_none_or(|mined| {
                tx.attempt(mined.attempt).is_some_and(|attempt| attempt.kind == AttemptKind::Cancel)
            });
            successes == 0
                && by_cancel
                && (mined.is_some() || tx.attempts.iter().all(|old| chain.deep_nonce() > old.nonce))
        }
        State::Over(Over::Papered) => return Err("nothing here is on paper".into()),
        State::Over(Over::Replaced(foreign)) => {
            (successes == 1) == foreign.same_payload && by_another == foreign.same_payload
        }
        State::Before(_) | State::Live(..) => return Err(format!("open: {:?}", tx.status())),
    };
    if told { Ok(()) } else { Err(format!("final_by_evidence: {:?} is not what the chain says: {tx:#?}", tx.status())) }
}

/// What holds when everything has its answer.
pub fn at_the_end(chain: &Chain, kept: &Kept, booked: &BTreeSet<TransactionId>) -> Result<(), String> {
    for tx in kept.values() {
        truth(tx, chain)?;
        if booked.contains(&tx.id) != (tx.status() == Status::Completed) {
            return Err(format!("metrics_reconcile: {} is {:?}, booked or not", tx.id, tx.status()));
        }
    }
    let signed = kept.values().flat_map(nonces).max().map_or(0, |nonce| nonce + 1);
    if chain.next_nonce() < signed {
        return Err(format!("no_gap: the chain is at {}, signed up to {signed}", chain.next_nonce()));
    }
    Ok(())
}
