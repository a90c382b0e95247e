//! Our own limit of calls in any minute: CoinGecko counts every answer, also the bad ones.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use shared::time::Timestamp;

const WINDOW_MS: u64 = 60_000;

/// Counts calls in a sliding minute.
#[derive(Debug)]
pub struct Pace {
    calls_per_minute: usize,
    calls: Mutex<VecDeque<Timestamp>>,
}

impl Pace {
    /// At most so many calls in any minute.
    pub fn new(calls_per_minute: u32) -> Pace {
        Pace { calls_per_minute: calls_per_minute as usize, calls: Mutex::default() }
    }

    /// Takes a call if one is left.
    ///
    /// # Errors
    /// Milliseconds until there is one.
    pub fn take(&self, now: Timestamp) -> Result<(), u64> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that stepped back would keep its calls for ever.
        calls.retain(|call| *call <= now && now.since(*call) < WINDOW_MS);
        match calls.front() {
            Some(first) if calls.len() >= self.calls_per_minute => Err(WINDOW_MS - now.since(*first)),
            _ => {
                calls.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_ever_holds_more_calls_than_allowed() {
        let pace = Pace::new(3);
        let at = Timestamp::from_millis;
        assert_eq!([0, 10_000, 20_000].map(|t| pace.take(at(t))), [Ok(()), Ok(()), Ok(())]);
        assert_eq!(pace.take(at(59_999)), Err(1));
        assert_eq!(pace.take(at(60_000)), Ok(()));
        assert_eq!(pace.take(at(60_001)), Err(9_999));
        assert_eq!(pace.take(at(5_000)), Ok(()), "a clock that stepped back is forgiven");
    }
}
