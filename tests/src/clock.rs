//! The clock of the World: it runs like a wall clock, or it stands still until a test moves it.
//!
//! Everything that a test starts reads the same [`Clock`], so an hour passes for all of them in one
//! call and no test has to sleep through it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::sync::watch;

/// A shared clock, in milliseconds since the Unix epoch. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<watch::Sender<Hands>>);

#[derive(Clone, Copy, Debug)]
enum Hands {
    /// Follows the machine's clock, this far ahead of it.
    Running { ahead_ms: i64 },
    /// Stands still here.
    Stopped { at_ms: i64 },
}

impl Hands {
    fn now_ms(self) -> i64 {
        match self {
            Self::Running { ahead_ms } => machine_ms() + ahead_ms,
            Self::Stopped { at_ms } => at_ms,
        }
    }
}

impl Clock {
    /// The machine's clock.
    pub fn running() -> Self {
        Self(Arc::new(watch::Sender::new(Hands::Running { ahead_ms: 0 })))
    }

    /// A clock that stands still at a time.
    pub fn stopped_at(at_ms: i64) -> Self {
        Self(Arc::new(watch::Sender::new(Hands::Stopped { at_ms })))
    }

    /// The time now.
    pub fn now_ms(&self) -> i64 {
        self.0.borrow().now_ms()
    }

    /// Moves the clock forward; it goes on running or standing as before.
    pub fn advance(&self, by: Duration) {
        self.set(self.now_ms() + millis(by));
    }

    /// Sets the clock, forward or back; it goes on running or standing as before.
    pub fn set(&self, to_ms: i64) {
        self.0.send_modify(|hands| {
            *hands = match *hands {
                Hands::Running { .. } => Hands::Running { ahead_ms: to_ms - machine_ms() },
                Hands::Stopped { .. } => Hands::Stopped { at_ms: to_ms },
            }
        });
    }

    /// Stops the clock where it is.
    pub fn stop(&self) {
        self.0.send_modify(|hands| *hands = Hands::Stopped { at_ms: hands.now_ms() });
    }

    /// Lets the clock run on from where it is.
    pub fn run(&self) {
        self.0.send_modify(|hands| *hands = Hands::Running { ahead_ms: hands.now_ms() - machine_ms() });
    }

    /// Waits until the clock shows this time: at once when a test moves it there.
    pub async fn wait_until(&self, until_ms: i64) {
        let mut moves = self.0.subscribe();
        loop {
            let hands = *moves.borrow_and_update();
            let left_ms = until_ms - hands.now_ms();
            if left_ms <= 0 {
                return;
            }
            let moved = moves.changed();
            match hands {
                Hands::Stopped { .. } => drop(moved.await),
                Hands::Running { .. } => {
                    let left = Duration::from_millis(left_ms.unsigned_abs());
                    drop(tokio::time::timeout(left, moved).await);
                }
            }
        }
    }
}

fn machine_ms() -> i64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stopped_clock_moves_only_when_told() {
        let clock = Clock::stopped_at(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now_ms(), 61_000);
        clock.set(5);
        assert_eq!(clock.now_ms(), 5);
    }

    #[test]
    fn a_running_clock_keeps_the_distance_it_was_moved() {
        let clock = Clock::running();
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now_ms() >= machine_ms() + 3_599_000);
        clock.stop();
        let stopped = clock.now_ms();
        clock.run();
        assert!(clock.now_ms() >= stopped);
    }

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_moved_past_its_time_and_not_before() {
        let clock = Clock::stopped_at(0);
        let mut sleeper = std::pin::pin!(clock.wait_until(10_000));
        assert!(poll_once(sleeper.as_mut()).await.is_none());
        clock.advance(Duration::from_secs(9));
        assert!(poll_once(sleeper.as_mut()).await.is_none());
        clock.advance(Duration::from_secs(1));
        assert!(poll_once(sleeper.as_mut()).await.is_some());
    }

    async fn poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        std::future::poll_fn(|cx| {
            std::task::Poll::Ready(match future.as_mut().poll(cx) {
                std::task::Poll::Ready(output) => Some(output),
                std::task::Poll::Pending => None,
            })
        })
        .await
    }
}
