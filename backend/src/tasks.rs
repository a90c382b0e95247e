//! The server's tasks: who started them, and how they end.
//!
//! Every task is started here, hears of the end by one token, and is waited for.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The running tasks.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Tasks {
        Tasks::default()
    }

    /// Cancelled when the server stops.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Starts a task. It must end soon after [`Tasks::stop`] is cancelled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Tells every task to end, and waits for them at most so long. True when all have ended.
    pub async fn end(self, patience: Duration) -> bool {
        self.stop.cancel();
        self.tracker.close();
        tokio::time::timeout(patience, self.tracker.wait()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn tasks_that_listen_are_waited_for_and_one_that_does_not_is_given_up() {
        let tasks = Tasks::new();
        let stop = tasks.stop();
        tasks.spawn(async move { stop.cancelled().await });
        assert!(tasks.end(Duration::from_secs(1)).await);

        let tasks = Tasks::new();
        tasks.spawn(std::future::pending());
        assert!(!tasks.end(Duration::from_secs(1)).await);
    }
}
