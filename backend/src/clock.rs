//! The clock: the machine's, or one that a test moves.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::future::BoxFuture;
use shared::time::Timestamp;

/// Tells the time. Ages, cache lives and budgets are reckoned by it; only network time-outs are not.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;

    /// Done when the clock shows this time, or a later one.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// The longest that the machine is slept on: meanwhile somebody may have set its clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

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

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = Duration::from_millis(until.since(self.now()));
                if left.is_zero() {
                    return;
                }
                tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
            }
        })
    }
}

#[cfg(test)]
pub(crate) mod moved {
    use tokio::sync::watch;

    use super::*;

    /// A clock that stands still until it is moved.
    #[derive(Debug)]
    pub(crate) struct MovedClock(watch::Sender<Timestamp>);

    impl MovedClock {
        pub(crate) fn at_secs(secs: i64) -> Arc<MovedClock> {
            Arc::new(MovedClock(watch::Sender::new(Timestamp::from_secs(secs))))
        }

        pub(crate) fn advance_secs(&self, secs: i64) {
            self.0.send_modify(|now| *now = now.plus_millis(secs * 1000));
        }
    }

    impl Clock for MovedClock {
        fn now(&self) -> Timestamp {
            *self.0.borrow()
        }

        fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
            let mut moves = self.0.subscribe();
            Box::pin(async move { drop(moves.wait_for(|now| *now >= until).await) })
        }
    }
}
