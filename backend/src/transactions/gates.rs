//! The circuit breakers of a chain: what holds new attempts back, and never what is out already.
//!
//! Failures in a row open them. What was to be signed asks for leave where it would be; when a breaker has been open
//! long enough, exactly one gets it, and how that one ends decides. Values count as failures, not only errors.

use std::collections::BTreeMap;

use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::time::Timestamp;
use shared::transaction::{Gate, Over, State, Transaction, Trouble};
use shared::wire::transactions::BreakerInfo;

use crate::breaker::{Breaker, Condition, Leave, Policy, Verdict};
use crate::clock::SharedClock;

const TRANSACTION: Policy = Policy { name: "transaction_failure", failures: 5, open_ms: 300_000, successes: 2 };
const GAS: Policy = Policy { name: "gas_price_spike", failures: 3, open_ms: 60_000, successes: 1 };
const DEX: Policy = Policy { name: "dex_failure", failures: 3, open_ms: 180_000, successes: 1 };

/// The breakers of a chain.
#[derive(Debug)]
pub struct Gates {
    clock: SharedClock,
    chain: Chain,
    transaction: Breaker,
    gas: Breaker,
    dex: Breaker,
    /// Leave of those that are on their way.
    leaves: BTreeMap<TransactionId, Leave>,
}

impl Gates {
    /// All closed.
    pub fn new(chain: Chain, clock: &SharedClock) -> Gates {
        let breaker = |policy| Breaker::new(policy, clock.clone());
        let (transaction, gas, dex) = (breaker(TRANSACTION), breaker(GAS), breaker(DEX));
        Gates { clock: clock.clone(), chain, transaction, gas, dex, leaves: BTreeMap::new() }
    }

    /// Whether an attempt may start. While another is the probe it waits for `probing_ms`.
    pub fn admit(&mut self, id: TransactionId, now: Timestamp, probing_ms: u64) -> Gate {
        if self.leaves.contains_key(&id) {
            return Gate::Open;
        }
        for breaker in [&self.gas, &self.dex] {
            if let Condition::Open { wait_ms } = breaker.condition() {
                return Gate::Closed { until: later(now, wait_ms) };
            }
        }
        match self.transaction.admit() {
            Ok(leave) => {
                self.leaves.insert(id, leave);
                Gate::Open
            }
            Err(refused) => {
                let wait_ms = if refused.wait_ms == 0 { probing_ms } else { refused.wait_ms };
                Gate::Closed { until: later(now, wait_ms) }
            }
        }
    }

    /// How one has ended, or that it begins anew.
    pub fn settle(&mut self, id: TransactionId, transaction: &Transaction) {
        let verdict = match &transaction.state {
            State::Over(Over::Completed(_) | Over::Confirmed(_)) => Verdict::Well,
            State::Over(Over::Failed(trouble, _)) => match trouble {
                Trouble::Reverted { .. }
                | Trouble::OutOfGas
                | Trouble::Unreachable { .. }
                | Trouble::GasAboveCeiling { .. } => Verdict::Ill,
                // What is the user's own says nothing of the chain.
                Trouble::InsufficientFunds { .. }
                | Trouble::Waiting { .. }
                | Trouble::Blocked { .. }
                | Trouble::RetriesUsedUp { .. }
                | Trouble::DeadlinePassed
                | Trouble::NonceTaken { .. }
                | Trouble::Refused { .. } => Verdict::Nothing,
            },
            State::Before(_) | State::Live(..) | State::Over(Over::Cancelled(_) | Over::Replaced(_)) => {
                Verdict::Nothing
            }
        };
        let is_over = transaction.status().is_final();
        match self.leaves.remove(&id) {
            Some(leave) => leave.settle(verdict),
            // It failed before it came to be signed.
            None if is_over && verdict == Verdict::Ill => {
                if let Ok(leave) = self.transaction.admit() {
                    leave.settle(verdict);
                }
            }
            None => {}
        }
    }

    /// It goes back to where it was.
    pub fn forget(&mut self, id: TransactionId) {
        self.leaves.remove(&id);
    }

    /// Whether gas was to be had under the ceiling.
    pub fn note_gas(&self, is_well: bool) {
        note(&self.gas, is_well);
    }

    /// Whether a venue could do a swap.
    pub fn note_dex(&self, is_well: bool) {
        note(&self.dex, is_well);
    }

    /// How they are.
    pub fn infos(&self, chain: Chain) -> Vec<BreakerInfo> {
        let info = |(breaker, policy): (&Breaker, Policy)| {
            let (state, wait_ms) = match breaker.condition() {
                Condition::Closed => ("closed", None),
                Condition::Open { wait_ms } => ("open", Some(wait_ms)),
                Condition::HalfOpen => ("half_open", None),
            };
            BreakerInfo { chain, name: policy.name.to_owned(), state: state.to_owned(), wait_ms }
        };
        [(&self.transaction, TRANSACTION), (&self.gas, GAS), (&self.dex, DEX)].into_iter().map(info).collect()
    }

    /// Closes the breaker of this name. Whether there is one.
    pub fn reset(&mut self, name: &str) -> bool {
        let fresh = |policy| Breaker::new(policy, self.clock.clone());
        if name == TRANSACTION.name {
            // Leave of the old one says nothing to the new one.
            self.transaction = fresh(TRANSACTION);
        } else if name == GAS.name {
            self.gas = fresh(GAS);
        } else if name == DEX.name {
            self.dex = fresh(DEX);
        } else {
            return false;
        }
        tracing::info!(
            event = "circuit_breaker_reset",
            breaker_name = name,
            chain = self.chain.id(),
            "Closed by the operator"
        );
        true
    }
}

/// A try that has ended already.
fn note(breaker: &Breaker, is_well: bool) {
    if let Ok(leave) = breaker.admit() {
        leave.settle(if is_well { Verdict::Well } else { Verdict::Ill });
    }
}

fn later(now: Timestamp, ms: u64) -> Timestamp {
    now.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}
