//! How patient, how eager and how generous: the settings a step decides by.

use serde::{Deserialize, Serialize};

use super::attempt::Trouble;
use crate::market::draws::BILLION;

/// The settings of one chain's transactions. The names and the defaults are the seed's, in milliseconds and wei
/// where it says seconds and gwei.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// New transactions signed for one request after its first; the same bytes sent again are none.
    pub max_retries: u32,
    /// The first wait before another try.
    pub initial_backoff_ms: u64,
    /// The longest wait before another try.
    pub max_backoff_ms: u64,
    /// By how much each wait is longer than the one before, in percent: 200 doubles it.
    pub backoff_multiplier_percent: u32,
    /// By how much an underpriced transaction is raised, in percent of what it offered, on top of it.
    pub gas_escalation_percent: u32,
    /// The most any transaction offers, in wei per gas.
    pub max_gas_price: u128,
    /// Whether anything is tried again, or replaced, without being asked to.
    pub auto_retry_enabled: bool,
    /// Whether what reverted is tried again.
    pub retry_on_revert: bool,
    /// Whether what ran out of gas is tried again with more.
    pub retry_on_out_of_gas: bool,
    /// Whether a node that could not be reached is asked again.
    pub retry_on_network_error: bool,
    /// Whether what lost its nonce to a foreign transaction is tried again at another.
    pub retry_on_nonce_error: bool,
    /// Without inclusion for so long, a transaction is stuck.
    pub stuck_after_ms: u64,
    /// A base fee above a transaction's own cap for so long makes it stuck.
    pub fee_patience_ms: u64,
    /// What a replacement of a stuck transaction offers, in percent of its predecessor.
    pub replacement_percent: u32,
    /// Blocks that make a block final, itself included; at least 1.
    pub depth: u64,
    /// Retries that fail in a row before none is begun for a while.
    pub circuit_breaker_threshold: u32,
    /// What is added to an estimate of gas, in percent.
    pub gas_margin_percent: u32,
    /// How often a transaction that is out is looked for when no new block prompts it.
    pub look_every_ms: u64,
    /// How long a strategy may wait for cheaper gas.
    pub gas_patience_ms: u64,
    /// How long before its deadline a transaction must be signed to be worth it.
    pub runway_ms: u64,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            max_retries: 3,
            initial_backoff_ms: 5_000,
            max_backoff_ms: 60_000,
            backoff_multiplier_percent: 200,
            gas_escalation_percent: 15,
            max_gas_price: 500_000_000_000,
            auto_retry_enabled: true,
            retry_on_revert: false,
            retry_on_out_of_gas: true,
            retry_on_network_error: true,
            retry_on_nonce_error: true,
            stuck_after_ms: 600_000,
            fee_patience_ms: 60_000,
            replacement_percent: 150,
            depth: 3,
            circuit_breaker_threshold: 5,
            gas_margin_percent: 20,
            look_every_ms: 30_000,
            gas_patience_ms: 60_000,
            runway_ms: 15_000,
        }
    }
}

impl Policy {
    /// The wait before try number `tries` (0 for the first), in milliseconds.
    ///
    /// It grows by the multiplier up to the longest wait, and is spread over a quarter by `jitter` (parts per
    /// billion, drawn by the shell) so that many do not come back at once: upwards below the longest wait,
    /// downwards at it.
    pub fn backoff_ms(&self, tries: u32, jitter: u64) -> u64 {
        let mut wait = self.initial_backoff_ms.min(self.max_backoff_ms);
        for _ in 0..tries {
            if wait >= self.max_backoff_ms {
                break;
            }
            wait = wait.saturating_mul(u64::from(self.backoff_multiplier_percent.max(100))) / 100;
        }
        let wait = wait.min(self.max_backoff_ms);
        let most = (wait + wait / 4).min(self.max_backoff_ms);
        let least = wait.min(most - most / 4).max(self.initial_backoff_ms.min(most));
        let span = u128::from(most - least) * u128::from(jitter.min(BILLION)) / u128::from(BILLION);
        least + u64::try_from(span).unwrap_or(0)
    }

    /// Whether what met this trouble is worth another try.
    pub fn retries(&self, trouble: &Trouble) -> bool {
        let by_kind = match trouble {
            // It stands in its own way: nothing is tried again that was not asked for.
            Trouble::Waiting { .. } => return true,
            Trouble::Unreachable { .. } | Trouble::Blocked { .. } => self.retry_on_network_error,
            Trouble::Reverted { .. } => self.retry_on_revert,
            Trouble::OutOfGas => self.retry_on_out_of_gas,
            Trouble::NonceTaken { .. } => self.retry_on_nonce_error,
            Trouble::InsufficientFunds { .. }
            | Trouble::GasAboveCeiling { .. }
            | Trouble::DeadlinePassed
            | Trouble::RetriesUsedUp { .. }
            | Trouble::Refused { .. } => false,
        };
        self.auto_retry_enabled && by_kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_five_seconds_to_a_minute_and_jitter_stays_inside() {
        let policy = Policy::default();
        for (tries, least, most) in
            [(0, 5_000, 6_250), (1, 9_375, 12_500), (2, 18_750, 25_000), (3, 37_500, 50_000), (4, 45_000, 60_000)]
        {
            let bounds = (policy.backoff_ms(tries, 0), policy.backoff_ms(tries, BILLION));
            assert!(bounds.0 >= least && bounds.1 == most, "try {tries}: {bounds:?}");
            assert!(bounds.0 < bounds.1);
        }
        assert_eq!(policy.backoff_ms(1_000_000, 0), 45_000);
        let odd = Policy { initial_backoff_ms: 90_000, backoff_multiplier_percent: 0, ..policy };
        assert!(odd.backoff_ms(7, BILLION) <= odd.max_backoff_ms);
    }
}
