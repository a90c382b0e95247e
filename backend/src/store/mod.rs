//! What outlives the process: one embedded SQLite in the data folder.
//!
//! [`folder`] is where it lies and who holds it; [`writer`] the one task that writes; [`prices`] and
//! [`budget`] and [`lookups`] a table each; [`copies`] what is no cache. Statements keep to what SQLite and PostgreSQL both understand; decimals and
//! 256-bit integers are text, times are milliseconds. What is kept here is also in memory, so writing
//! never holds anybody up: values are left for the writer, later ones take the place of earlier ones, and
//! a disk that fails is told of and waited for. Most of it is cache: in the write-ahead log with
//! `synchronous = NORMAL` a power cut costs the last moments and never the whole. What may not lose those
//! ([`copies`]; [`journal`], which is written before it is acted upon, with the memory of [`breakers`]) takes a connection of its own with `FULL`, and
//! waits for it.

pub mod breakers;
mod budget;
pub mod copies;
mod folder;
pub mod journal;
mod lookups;
mod prices;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::time::Timestamp;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr as _, SqlitePool};

use self::copies::Copies;
use self::folder::Folder;
use self::journal::Journal;
pub use self::lookups::Lookup;
use self::writer::Writer;
use crate::cache::Kept;
use crate::coingecko::budget::Limit;
use crate::config::Data;
use crate::prices::Priced;
use crate::tasks::Tasks;

/// The database in the data folder.
const FILE: &str = "foolscap.db";
/// How long another process (a backup, somebody who looks inside) may hold the database.
const BUSY: Duration = Duration::from_secs(5);

/// The tables as they grew, oldest first. What is here was applied somewhere and never changes.
const MIGRATIONS: [(&str, &str); 5] = [
    ("prices and budget", include_str!("migrations/0001_prices_and_budget.sql")),
    ("lookups", include_str!("migrations/0002_lookups.sql")),
    ("accounts", include_str!("migrations/0003_accounts.sql")),
    ("transactions", include_str!("migrations/0004_transactions.sql")),
    ("breakers", include_str!("migrations/0005_breakers.sql")),
];

/// The store. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
    /// Waits for the disk.
    durable: SqlitePool,
    writer: Arc<Writer>,
    tasks: Tasks,
    // Held as long as there is a clone.
    _folder: Option<Arc<Folder>>,
}

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The folder cannot be made or written.
    #[error("cannot keep data in {}: {error} (--data or FOOLSCAP_DATA names another folder; `memory` keeps nothing)", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Another process has it. Two would each spend all of the one budget.
    #[error("another Foolscap keeps its data in {}: end it, or give this one a folder of its own with --data or FOOLSCAP_DATA (`memory` keeps nothing)", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
    },
    /// A newer Foolscap has written there.
    #[error("{} was written by a newer Foolscap: run that one, or name another folder with --data or FOOLSCAP_DATA", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
    },
    /// It is there and cannot be opened.
    #[error("{} cannot be opened: {error} (move it away to begin anew, or name another folder with --data or FOOLSCAP_DATA)", path.display())]
    Broken {
        /// The database.
        path: PathBuf,
        /// Why.
        error: MigrateError,
    },
}

impl Store {
    /// Opens the store, brings its tables up to date, and starts the writer.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open(data: &Data) -> Result<Store, StoreError> {
        let (folder, path, options) = match data {
            Data::Memory => (None, PathBuf::from(":memory:"), SqliteConnectOptions::new().in_memory(true)),
            Data::Folder(path) => {
                let folder = Folder::take(path)?;
                let file = path.join(FILE);
                let options = SqliteConnectOptions::new()
                    .filename(&file)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Normal);
                (Some(Arc::new(folder)), file, options)
            }
        };
        let broken = |error| match error {
            MigrateError::VersionMissing(_) => StoreError::Newer { path: path.clone() },
            error => StoreError::Broken { path: path.clone(), error },
        };
        // SQLite writes one at a time, and a database in memory is its connection's own.
        let connect = async |options: SqliteConnectOptions| {
            let one = SqlitePoolOptions::new().max_connections(1).idle_timeout(None).max_lifetime(None);
            one.connect_with(options).await.map_err(|error| broken(error.into()))
        };
        let options = options.busy_timeout(BUSY).foreign_keys(true);
        let pool = connect(options.clone()).await?;
        migrator().run(&pool).await.map_err(broken)?;
        let durable = match data {
            Data::Memory => pool.clone(),
            Data::Folder(_) => connect(options.synchronous(SqliteSynchronous::Full)).await?,
        };
        let writer = Arc::new(Writer::new(pool.clone()));
        let tasks = Tasks::new();
        tasks.spawn(writer.clone().run(tasks.stop()));
        Ok(Store { pool, durable, writer, tasks, _folder: folder })
    }

    /// The journal of transactions, which is on the disk when it says so.
    pub fn journal(&self) -> Journal {
        Journal::new(self.durable.clone())
    }

    /// The last known prices by coin. None where they cannot be read: that is told, and prices begin anew.
    pub async fn prices(&self) -> BTreeMap<String, Priced> {
        told("prices", prices::read(&self.pool).await)
    }

    /// Leaves prices to be written.
    pub fn keep_prices(&self, prices: impl IntoIterator<Item = (String, Priced)>) {
        self.writer.leave(|batch| batch.prices.extend(prices));
    }

    /// What was looked up, by name.
    pub async fn lookups<T: DeserializeOwned>(&self, kind: Lookup) -> Vec<(String, Kept<T>)> {
        told("lookups", lookups::read(&self.pool, kind).await)
    }

    /// Leaves something to be written that was looked up.
    pub fn keep_lookup(&self, kind: Lookup, name: &str, value: &impl Serialize, as_of: Timestamp) {
        if let Some(body) = lookups::spell(value) {
            self.writer.leave(|batch| _ = batch.lookups.insert((kind, name.to_owned()), (as_of, body)));
        }
    }

    /// Has all prices removed, and which coins tokens are; those too that are still to be written.
    pub fn forget_prices(&self) {
        self.writer.leave(|batch| batch.forget_prices());
    }

    /// When the calls within each limit will all have come back, as far as an earlier run has told.
    pub async fn budget(&self) -> BTreeMap<Limit, Timestamp> {
        told("budget", budget::read(&self.pool).await)
    }

    /// Leaves it to be written when the calls within limits will all have come back.
    pub fn keep_budget(&self, kept: impl IntoIterator<Item = (Limit, Timestamp)>) {
        self.writer.leave(|batch| batch.budget.extend(kept));
    }

    /// The copies of journals.
    pub fn copies(&self) -> Copies {
        Copies(self.durable.clone())
    }

    /// Waits until what has been left was written, or at least tried.
    #[cfg(test)]
    pub(crate) async fn settled(&self) {
        self.writer.settled().await;
    }

    /// Writes what is left, and closes. True when that was done in time.
    pub async fn close(&self, patience: Duration) -> bool {
        let written = self.tasks.clone().end(patience).await;
        let closed = async {
            self.durable.close().await;
            self.pool.close().await;
        };
        written && tokio::time::timeout(patience, closed).await.is_ok()
    }
}

/// What was read, or nothing with a word about it: everything here can be had again.
fn told<T: Default>(what: &'static str, read: Result<T, sqlx::Error>) -> T {
    read.unwrap_or_else(|error| {
        tracing::warn!(event = "store_unreadable", what, %error, "What was kept cannot be read; it begins anew");
        T::default()
    })
}

fn migrator() -> Migrator {
    let migrations = (1..).zip(MIGRATIONS).map(|(version, (name, sql))| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests;
