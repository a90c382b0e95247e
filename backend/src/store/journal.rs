//! The transaction manager's journal: what is written here is on the disk before it is done.
//!
//! A connection of its own with `synchronous = FULL`: a write that was answered survives a power cut. Whoever writes
//! for a lane holds its fence; a newer holder makes every later write of an older one fail, and what was not
//! written is never sent.

use std::str::FromStr as _;

use alloy_primitives::Address;
use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::time::Timestamp;
use shared::transaction::Status;
use sqlx::pool::PoolConnection;
use sqlx::{Row as _, Sqlite, SqliteConnection, SqlitePool};

use crate::crash;

/// The journal. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Journal {
    pub(super) pool: SqlitePool,
}

/// Why the journal could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The database refuses.
    #[error("the journal cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// Another process has taken the lane over.
    #[error("another Foolscap signs for this wallet now: this one does not any more")]
    Fenced,
    /// A record cannot be read or written.
    #[error("record {id} of the journal cannot be read: {why}")]
    Unreadable {
        /// Which.
        id: String,
        /// Why.
        why: String,
    },
}

/// Leave to write for one sender on one chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Where.
    pub chain: Chain,
    /// Whose nonces.
    pub sender: Address,
    /// Higher than any before.
    fence: i64,
}

/// A record to be written.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its name.
    pub id: TransactionId,
    /// How it stands.
    pub status: Status,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// The whole of it.
    pub body: String,
}

/// What is looked for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// On this chain.
    pub chain: Option<Chain>,
    /// In this state.
    pub status: Option<Status>,
    /// Accepted before this one: where the page before ended.
    pub before: Option<TransactionId>,
    /// So many at most.
    pub limit: u32,
}

impl Row {
    /// A record as it is written.
    ///
    /// # Errors
    /// [`JournalError::Unreadable`] where it cannot be spelled, which no record is known to bring about.
    pub fn new(
        id: TransactionId,
        status: Status,
        created_at: Timestamp,
        record: &impl Serialize,
    ) -> Result<Row, JournalError> {
        let unreadable =
            |error: serde_json::Error| JournalError::Unreadable { id: id.to_string(), why: error.to_string() };
        Ok(Row { id, status, created_at, body: serde_json::to_string(record).map_err(unreadable)? })
    }
}

pub(super) fn read<T: DeserializeOwned>((id, body): (String, String)) -> Result<T, JournalError> {
    serde_json::from_str(&body).map_err(|error| JournalError::Unreadable { id, why: error.to_string() })
}

impl Journal {
    pub(super) const fn new(pool: SqlitePool) -> Journal {
        Journal { pool }
    }

    /// Takes a lane over: from now on only this lease writes for it. Also the nonce after the last that was signed.
    ///
    /// # Errors
    /// [`JournalError::Database`].
    pub async fn take_lane(&self, chain: Chain, sender: Address) -> Result<(Lease, u64), JournalError> {
        let row = sqlx::query(
            "INSERT INTO lanes (chain, sender, fence, after_ours) VALUES ($1, $2, 1, 0) \
             ON CONFLICT (chain, sender) DO UPDATE SET fence = lanes.fence + 1 RETURNING fence, after_ours",
        )
        .bind(spell_chain(chain))
        .bind(sender.to_string())
        .fetch_one(&self.pool)
        .await?;
        let after_ours: i64 = row.try_get("after_ours")?;
        Ok((Lease { chain, sender, fence: row.try_get("fence")? }, u64::try_from(after_ours).unwrap_or(0)))
    }

    /// Writes records of a lane, all or none, and the nonce after the last that was signed. It is on the disk when
    /// this returns.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub async fn write(&self, lease: &Lease, rows: &[Row], after_ours: u64) -> Result<(), JournalError> {
        let mut transaction = begin(&self.pool).await?;
        let written = write(&mut transaction, lease, rows, after_ours).await;
        end(&mut transaction, written).await
    }

    /// Writes a new record, unless there is one with the same key: then that one is returned.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub async fn accept<T: DeserializeOwned>(
        &self,
        lease: &Lease,
        rows: &[(Row, Option<String>)],
    ) -> Result<Vec<Option<T>>, JournalError> {
        let mut transaction = begin(&self.pool).await?;
        let known = accept(&mut transaction, lease, rows).await;
        end(&mut transaction, known).await
    }

    /// The record with this id.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn get<T: DeserializeOwned>(&self, id: TransactionId) -> Result<Option<T>, JournalError> {
        let found: Option<(String, String)> = sqlx::query_as("SELECT id, body FROM transactions WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.pool)
            .await?;
        found.map(read).transpose()
    }

    /// The record that was accepted under this key of the asker's.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn by_key<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, JournalError> {
        let found: Option<(String, String)> =
            sqlx::query_as("SELECT id, body FROM transactions WHERE idempotency_key = $1")
                .bind(key)
                .fetch_optional(&self.pool)
                .await?;
        found.map(read).transpose()
    }

    /// Records, the latest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn search<T: DeserializeOwned>(&self, search: &Search) -> Result<Vec<T>, JournalError> {
        // An id begins with its time, so by id is by time.
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, body FROM transactions WHERE ($1 IS NULL OR chain = $1) AND ($2 IS NULL OR status = $2) \
             AND ($3 IS NULL OR id < $3) ORDER BY id DESC LIMIT $4",
        )
        .bind(search.chain.map(spell_chain))
        .bind(search.status.map(Status::name))
        .bind(search.before.map(|id| id.to_string()))
        .bind(i64::from(search.limit))
        .fetch_all(&self.pool)
        .await?;
        found.into_iter().map(read).collect()
    }

    /// The records of a lane that have not ended.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn open<T: DeserializeOwned>(&self, lease: &Lease) -> Result<Vec<T>, JournalError> {
        let found: Vec<(String, String)> = sqlx::query_as(
            "SELECT id, body FROM transactions WHERE chain = $1 AND sender = $2 AND is_open = 1 ORDER BY id",
        )
        .bind(spell_chain(lease.chain))
        .bind(lease.sender.to_string())
        .fetch_all(&self.pool)
        .await?;
        found.into_iter().map(read).collect()
    }

    /// The records accepted since a time, oldest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn since<T: DeserializeOwned>(&self, since: Timestamp) -> Result<Vec<T>, JournalError> {
        let found: Vec<(String, String)> =
            sqlx::query_as("SELECT id, body FROM transactions WHERE created_at >= $1 ORDER BY id")
                .bind(since.millis())
                .fetch_all(&self.pool)
                .await?;
        found.into_iter().map(read).collect()
    }

    /// Every lane there is.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn lanes(&self) -> Result<Vec<(Chain, Address)>, JournalError> {
        let found: Vec<(i64, String)> = sqlx::query_as("SELECT chain, sender FROM lanes").fetch_all(&self.pool).await?;
        let lane = |(chain, sender): (i64, String)| {
            Some((Chain::from_id(u64::try_from(chain).ok()?).ok()?, Address::from_str(&sender).ok()?))
        };
        Ok(found.into_iter().filter_map(lane).collect())
    }
}

/// Begins to write. By hand: when the disk is full SQLite rolls back by itself, and sqlx, which counts transactions,
/// would take that one as open for ever and begin none after it.
pub(super) async fn begin(pool: &SqlitePool) -> Result<PoolConnection<Sqlite>, sqlx::Error> {
    let mut connection = pool.acquire().await?;
    if sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await.is_err() {
        // What an earlier one may have left.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
        sqlx::query("BEGIN IMMEDIATE").execute(&mut *connection).await?;
    }
    Ok(connection)
}

/// Ends it: on the disk where all went well, and otherwise as if it had not begun.
pub(super) async fn end<T>(
    connection: &mut SqliteConnection,
    result: Result<T, JournalError>,
) -> Result<T, JournalError> {
    let committed = match result {
        Ok(done) => sqlx::query("COMMIT").execute(&mut *connection).await.map(|_| done).map_err(JournalError::from),
        Err(error) => Err(error),
    };
    if committed.is_err() {
        // It may be over by itself already.
        let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
    }
    committed
}

async fn write(
    connection: &mut SqliteConnection,
    lease: &Lease,
    rows: &[Row],
    after_ours: u64,
) -> Result<(), JournalError> {
    hold(connection, lease, after_ours).await?;
    for row in rows {
        sqlx::query("UPDATE transactions SET status = $2, is_open = $3, body = $4 WHERE id = $1")
            .bind(row.id.to_string())
            .bind(row.status.name())
            .bind(i64::from(!row.status.is_final()))
            .bind(&row.body)
            .execute(&mut *connection)
            .await?;
    }
    crash::point("before", "commit");
    Ok(())
}

async fn accept<T: DeserializeOwned>(
    connection: &mut SqliteConnection,
    lease: &Lease,
    rows: &[(Row, Option<String>)],
) -> Result<Vec<Option<T>>, JournalError> {
    hold(connection, lease, 0).await?;
    let mut known = Vec::with_capacity(rows.len());
    for (row, key) in rows {
        let written = sqlx::query(
            "INSERT INTO transactions (id, chain, sender, idempotency_key, status, is_open, created_at, body) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (idempotency_key) DO NOTHING",
        )
        .bind(row.id.to_string())
        .bind(spell_chain(lease.chain))
        .bind(lease.sender.to_string())
        .bind(key)
        .bind(row.status.name())
        .bind(i64::from(!row.status.is_final()))
        .bind(row.created_at.millis())
        .bind(&row.body)
        .execute(&mut *connection)
        .await?;
        known.push(if written.rows_affected() == 1 {
            None
        } else {
            let earlier: (String, String) =
                sqlx::query_as("SELECT id, body FROM transactions WHERE idempotency_key = $1")
                    .bind(key)
                    .fetch_one(&mut *connection)
                    .await?;
            Some(read(earlier)?)
        });
    }
    Ok(known)
}

/// Makes sure that the lease is the newest, and raises the lane's nonce.
pub(super) async fn hold(
    connection: &mut SqliteConnection,
    lease: &Lease,
    after_ours: u64,
) -> Result<(), JournalError> {
    let held = sqlx::query(
        "UPDATE lanes SET after_ours = CASE WHEN after_ours < $4 THEN $4 ELSE after_ours END \
         WHERE chain = $1 AND sender = $2 AND fence = $3",
    )
    .bind(spell_chain(lease.chain))
    .bind(lease.sender.to_string())
    .bind(lease.fence)
    .bind(i64::try_from(after_ours).unwrap_or(i64::MAX))
    .execute(connection)
    .await?;
    if held.rows_affected() == 1 { Ok(()) } else { Err(JournalError::Fenced) }
}

pub(super) fn spell_chain(chain: Chain) -> i64 {
    i64::try_from(chain.id()).unwrap_or(i64::MAX)
}
