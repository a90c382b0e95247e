//! The timer of a connection's request heads, set once instead of with every request.
//!
//! hyper begins to wait whenever a head may come, and drops the wait when it has come. Each would go into tokio's
//! wheel of timers and out again, under a lock, to go off never. So a connection keeps one timer: it stays when a
//! wait is dropped, and where it goes off before the time of the wait there is now, it is set anew.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

/// A connection's timer. Only one wait at a time is waited for.
#[derive(Debug, Clone, Default)]
pub struct HeadTimer(Arc<Mutex<Option<Pin<Box<time::Sleep>>>>>);

struct Wait {
    until: time::Instant,
    timer: HeadTimer,
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Wait { until: deadline.into(), timer: self.clone() })
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }
}

impl Sleep for Wait {}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut timer = self.timer.0.lock().unwrap_or_else(PoisonError::into_inner);
        let timer = timer.get_or_insert_with(|| Box::pin(time::sleep_until(self.until)));
        if timer.deadline() > self.until {
            timer.as_mut().reset(self.until);
        }
        while timer.as_mut().poll(context).is_ready() {
            if timer.deadline() >= self.until {
                return Poll::Ready(());
            }
            // Set for a head that has come long since.
            timer.as_mut().reset(self.until);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn each_wait_ends_at_its_own_time_whatever_became_of_those_before_it() {
        let timer = HeadTimer::default();
        let begun = time::Instant::now();
        for n in 0..5 {
            // A head that comes in time: the wait for it is dropped.
            assert!(timer.sleep(10 * SECOND).now_or_never().is_none(), "{n}");
            time::advance(3 * SECOND).await;
        }
        timer.sleep(10 * SECOND).await;
        assert_eq!(begun.elapsed().as_secs(), 25);
        timer.sleep(10 * SECOND).await;
        assert_eq!(begun.elapsed().as_secs(), 35);
        assert!(timer.sleep(10 * SECOND).now_or_never().is_none());
        timer.sleep(SECOND).await;
        assert_eq!(begun.elapsed().as_secs(), 36, "also where it is shorter than the one before");
    }
}
