//! What circuit breakers remember, and what became of them: on the disk, under the fence of their lane.

use serde::Serialize;
use serde::de::DeserializeOwned;

use sqlx::SqliteConnection;

use super::journal::{Journal, JournalError, Lease, begin, end, hold, read, spell_chain};

/// Events of a lane that are kept.
const MOST_EVENTS: i64 = 1_000;

/// What a breaker remembers, as it is kept.
#[derive(Debug, Clone)]
pub struct BreakerRow<'a, T> {
    /// Its name.
    pub name: &'a str,
    /// For whom it counts; empty for everybody.
    pub who: &'a str,
    /// What it remembers; nothing where it may be forgotten.
    pub memory: Option<T>,
}

fn spell(value: &impl Serialize) -> Result<String, JournalError> {
    serde_json::to_string(value)
        .map_err(|error| JournalError::Unreadable { id: "breakers".into(), why: error.to_string() })
}

async fn keep<T: Serialize, E: Serialize>(
    connection: &mut SqliteConnection,
    lease: &Lease,
    rows: &[BreakerRow<'_, T>],
    events: &[E],
) -> Result<(), JournalError> {
    hold(connection, lease, 0).await?;
    let (chain, sender) = (spell_chain(lease.chain), lease.sender.to_string());
    for row in rows {
        let statement = match &row.memory {
            None => sqlx::query("DELETE FROM breakers WHERE chain = $1 AND sender = $2 AND name = $3 AND who = $4"),
            Some(_) => sqlx::query(
                "INSERT INTO breakers (chain, sender, name, who, body) VALUES ($1, $2, $3, $4, $5) \
                     ON CONFLICT (chain, sender, name, who) DO UPDATE SET body = excluded.body",
            ),
        };
        let statement = statement.bind(chain).bind(&sender).bind(row.name).bind(row.who);
        let statement = match &row.memory {
            None => statement,
            Some(memory) => statement.bind(spell(memory)?),
        };
        statement.execute(&mut *connection).await?;
    }
    for event in events {
        sqlx::query(
            "INSERT INTO breaker_events (chain, sender, seq, body) SELECT $1, $2, \
                 (SELECT COALESCE(MAX(seq), 0) + 1 FROM breaker_events WHERE chain = $1 AND sender = $2), $3",
        )
        .bind(chain)
        .bind(&sender)
        .bind(spell(event)?)
        .execute(&mut *connection)
        .await?;
    }
    if !events.is_empty() {
        sqlx::query(
            "DELETE FROM breaker_events WHERE chain = $1 AND sender = $2 AND seq <= \
                 (SELECT MAX(seq) FROM breaker_events WHERE chain = $1 AND sender = $2) - $3",
        )
        .bind(chain)
        .bind(&sender)
        .bind(MOST_EVENTS)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

impl Journal {
    /// What the breakers of a lane remembered: name, for whom, and what.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn breakers<T: DeserializeOwned>(&self, lease: &Lease) -> Result<Vec<(String, String, T)>, JournalError> {
        let found: Vec<(String, String, String)> =
            sqlx::query_as("SELECT name, who, body FROM breakers WHERE chain = $1 AND sender = $2 ORDER BY name, who")
                .bind(spell_chain(lease.chain))
                .bind(lease.sender.to_string())
                .fetch_all(&self.pool)
                .await?;
        found.into_iter().map(|(name, who, body)| Ok((name.clone(), who, read((name, body))?))).collect()
    }

    /// Keeps what breakers remember and what became of them, all or none.
    ///
    /// # Errors
    /// [`JournalError`]; nothing was written then.
    pub async fn keep_breakers<T: Serialize, E: Serialize>(
        &self,
        lease: &Lease,
        rows: &[BreakerRow<'_, T>],
        events: &[E],
    ) -> Result<(), JournalError> {
        let mut transaction = begin(&self.pool).await?;
        let kept = keep(&mut transaction, lease, rows, events).await;
        end(&mut transaction, kept).await
    }

    /// What became of the breakers of a wallet, oldest first: the last events of each chain.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn breaker_events<T: DeserializeOwned>(
        &self,
        sender: alloy_primitives::Address,
    ) -> Result<Vec<T>, JournalError> {
        let found: Vec<String> =
            sqlx::query_scalar("SELECT body FROM breaker_events WHERE sender = $1 ORDER BY chain, seq")
                .bind(sender.to_string())
                .fetch_all(&self.pool)
                .await?;
        found.into_iter().map(|body| read(("a breaker's event".to_owned(), body))).collect()
    }
}
