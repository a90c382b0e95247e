//! The clock: the machine's, or one that a test moves.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use shared::time::Timestamp;

/// Tells the time. Ages, cache lives and budgets are reckoned by it; only network time-outs are not.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// A clock that is shared.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
pub(crate) mod moved {
    use std::sync::Mutex;

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Debug)]
    pub(crate) struct MovedClock(Mutex<Timestamp>);

    impl MovedClock {
        pub(crate) fn at_secs(secs: i64) -> Arc<MovedClock> {
            Arc::new(MovedClock(Mutex::new(Timestamp::from_secs(secs))))
        }

        pub(crate) fn advance_secs(&self, secs: i64) {
            let mut now = self.0.lock().unwrap();
            *now = now.plus_millis(secs * 1000);
        }
    }

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            *self.0.lock().unwrap()
        }
    }
}
