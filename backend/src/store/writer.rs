//! The one task that writes.
//!
//! Callers leave values and go on. Everything left since the last time goes into one transaction. What
//! could not be written waits for the next one, unless a later value has taken its place; so what waits
//! is never more than the tables hold.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use shared::time::Timestamp;
use sqlx::SqlitePool;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::lookups::{self, Lookup};
use super::{budget, prices};
use crate::coingecko::budget::Limit;
use crate::prices::Priced;
use crate::telemetry;

/// Values to be written.
#[derive(Debug, Default)]
pub struct Batch {
    /// Whether the prices and coins that were kept before go first.
    forget: bool,
    pub(super) prices: BTreeMap<String, Priced>,
    pub(super) budget: BTreeMap<Limit, Timestamp>,
    pub(super) lookups: lookups::Left,
    count: u64,
}

impl Batch {
    /// Prices and coins, those too that wait here, are to go.
    pub(super) fn forget_prices(&mut self) {
        self.prices.clear();
        self.lookups.retain(|(kind, _), _| !FORGETTABLE.contains(kind));
        self.forget = true;
    }

    /// Takes what came later.
    fn overtake(&mut self, later: Batch) {
        if later.forget {
            self.forget_prices();
        }
        self.prices.extend(later.prices);
        self.budget.extend(later.budget);
        self.lookups.extend(later.lookups);
        self.count = later.count;
    }
}

/// What goes together with the prices.
const FORGETTABLE: [Lookup; 2] = [Lookup::Coins, Lookup::Contracts];

/// What is left to be written, and by whom.
#[derive(Debug)]
pub struct Writer {
    pool: SqlitePool,
    left: Mutex<Batch>,
    woken: Notify,
    /// How many times something was left, as of the last attempt to write it.
    tried: watch::Sender<u64>,
}

impl Writer {
    pub(super) fn new(pool: SqlitePool) -> Writer {
        Writer { pool, left: Mutex::default(), woken: Notify::new(), tried: watch::Sender::new(0) }
    }

    /// Leaves something to be written.
    pub(super) fn leave(&self, put: impl FnOnce(&mut Batch)) {
        {
            let mut left = self.left();
            put(&mut left);
            left.count += 1;
        }
        self.woken.notify_one();
    }

    /// Writes until it is told to stop; what was left until then is written too.
    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut failing = false;
        loop {
            let stopping = tokio::select! {
                () = self.woken.notified() => false,
                () = stop.cancelled() => true,
            };
            let batch = self.take();
            let count = batch.count;
            match self.write(&batch).await {
                Ok(()) => {
                    telemetry::count_store_write("ok");
                    if failing {
                        tracing::info!(event = "store_recovered", "Data can be written again");
                    }
                    failing = false;
                }
                Err(error) => {
                    telemetry::count_store_write("failed");
                    if !failing {
                        tracing::warn!(event = "store_failed", %error, "Data cannot be written; it is kept in memory");
                    }
                    failing = true;
                    self.put_back(batch);
                }
            }
            self.tried.send_replace(count);
            if stopping {
                return;
            }
        }
    }

    /// Waits until what has been left was written, or at least tried.
    #[cfg(test)]
    pub(super) async fn settled(&self) {
        let count = self.left().count;
        // The sender lives in `self`.
        let _ = self.tried.subscribe().wait_for(|tried| *tried >= count).await;
    }

    fn take(&self) -> Batch {
        let mut left = self.left();
        let count = left.count;
        std::mem::replace(&mut *left, Batch { count, ..Batch::default() })
    }

    async fn write(&self, batch: &Batch) -> Result<(), sqlx::Error> {
        let Batch { forget, prices, budget, lookups, count: _ } = batch;
        let mut transaction = self.pool.begin().await?;
        if *forget {
            prices::forget(&mut transaction).await?;
            for kind in FORGETTABLE {
                lookups::forget(&mut transaction, kind).await?;
            }
        }
        prices::write(&mut transaction, prices).await?;
        budget::write(&mut transaction, budget).await?;
        lookups::write(&mut transaction, lookups).await?;
        transaction.commit().await
    }

    /// Later values stand.
    fn put_back(&self, batch: Batch) {
        let mut left = self.left();
        let later = std::mem::replace(&mut *left, batch);
        left.overtake(later);
    }

    fn left(&self) -> MutexGuard<'_, Batch> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
