//! How much may be asked for: dollars a transaction, and dollars in any 24 hours.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use shared::ids::TransactionId;
use shared::money::Usd;
use shared::time::Timestamp;

const DAY_MS: u64 = 24 * 3_600_000;

/// The limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    /// Of one transaction.
    pub transaction: Option<Usd>,
    /// Of all in any 24 hours.
    pub day: Option<Usd>,
}

/// What is asked for is above a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OverLimit {
    /// It alone is.
    #[error("it is worth ${value} and one transaction may be worth ${limit} (FOOLSCAP_LIMIT_TRANSACTION_USD)")]
    Transaction {
        /// What it is worth.
        value: Usd,
        /// What it may be.
        limit: Usd,
    },
    /// It is with what was asked for before.
    #[error("with it ${sum} would be asked for in 24 hours, and ${limit} may be (FOOLSCAP_LIMIT_DAY_USD)")]
    Day {
        /// What it would come to.
        sum: Usd,
        /// What it may.
        limit: Usd,
    },
    /// Nobody knows what it is worth.
    #[error("what it is worth in dollars is not known, and there is a limit: name a side that has a price exactly")]
    Unknown,
}

/// What was asked for lately. Whoever asks is checked and written down at once, so no two slip through together.
#[derive(Debug, Default)]
pub struct Spending {
    limits: Limits,
    asked: Mutex<BTreeMap<TransactionId, (Timestamp, Usd)>>,
}

impl Spending {
    /// Nothing was asked for yet.
    pub fn new(limits: Limits) -> Spending {
        Spending { limits, asked: Mutex::default() }
    }

    /// Whether there is a limit at all.
    pub const fn is_limited(&self) -> bool {
        self.limits.transaction.is_some() || self.limits.day.is_some()
    }

    /// Writes down what was asked for before.
    pub fn remember(&self, id: TransactionId, at: Timestamp, value: Option<Usd>) {
        if let Some(value) = value {
            self.lock().insert(id, (at, value));
        }
    }

    /// Asks.
    ///
    /// # Errors
    /// [`OverLimit`]; nothing is written down then.
    pub fn ask(&self, id: TransactionId, at: Timestamp, value: Option<Usd>) -> Result<(), OverLimit> {
        let Some(value) = value else {
            return if self.is_limited() { Err(OverLimit::Unknown) } else { Ok(()) };
        };
        if let Some(limit) = self.limits.transaction.filter(|limit| value > *limit) {
            return Err(OverLimit::Transaction { value, limit });
        }
        let mut asked = self.lock();
        asked.retain(|_, (asked_at, _)| at.since(*asked_at) < DAY_MS);
        let before = asked.values().try_fold(Usd::ZERO, |sum, (_, value)| sum.plus(*value));
        let sum = before.and_then(|before| before.plus(value)).map_err(|_| OverLimit::Unknown)?;
        if let Some(limit) = self.limits.day.filter(|limit| sum > *limit) {
            return Err(OverLimit::Day { sum, limit });
        }
        asked.insert(id, (at, value));
        Ok(())
    }

    /// It did not happen.
    pub fn release(&self, id: TransactionId) {
        self.lock().remove(&id);
    }

    /// Nothing panics while it holds the lock; were it to, the map would still be whole.
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<TransactionId, (Timestamp, Usd)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn a_transaction_and_a_day_have_their_limits_and_what_did_not_happen_does_not_count() {
        let limits = Limits { transaction: Some(usd("100")), day: Some(usd("150")) };
        let spending = Spending::new(limits);
        let [first, second, third] = [1, 2, 3].map(|n| TransactionId::from_bytes([n; 16]));
        let at = Timestamp::from_secs;
        assert!(matches!(spending.ask(first, at(0), Some(usd("100.01"))), Err(OverLimit::Transaction { .. })));
        assert_eq!(spending.ask(first, at(0), Some(usd("100"))), Ok(()));
        assert_eq!(
            spending.ask(second, at(1), Some(usd("50.01"))),
            Err(OverLimit::Day { sum: usd("150.01"), limit: usd("150") })
        );
        assert_eq!(spending.ask(second, at(1), Some(usd("50"))), Ok(()));
        spending.release(second);
        assert_eq!(spending.ask(third, at(2), Some(usd("50"))), Ok(()));
        assert_eq!(spending.ask(second, at(86_400), Some(usd("100"))), Ok(()), "the first is a day old");
        assert_eq!(spending.ask(first, at(86_400), None), Err(OverLimit::Unknown));
        assert_eq!(Spending::default().ask(first, at(0), None), Ok(()));
    }

    #[test]
    fn of_a_hundred_at_once_no_more_pass_than_may() {
        let spending = Spending::new(Limits { transaction: None, day: Some(usd("10")) });
        let passed = std::thread::scope(|scope| {
            let asks: Vec<_> = (0..100_u8)
                .map(|n| {
                    let spending = &spending;
                    scope.spawn(move || {
                        spending.ask(TransactionId::from_bytes([n; 16]), Timestamp::from_secs(0), Some(usd("1")))
                    })
                })
                .collect();
            asks.into_iter().map(|ask| ask.join().unwrap()).filter(Result::is_ok).count()
        });
        assert_eq!(passed, 10);
    }
}
