//! What was looked up and changes slowly.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use crate::cache::Kept;

/// Of each kind so many are kept; those that were looked up longest ago go.
const MOST: i64 = 2_000;

/// The kinds of things that are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lookup {
    /// CoinGecko's list of coins, whole, under no name.
    Coins,
    /// The coin of a contract, by token.
    Contracts,
    /// The deepest pool, by token.
    Pools,
    /// Daily volatility, by coin.
    Sigmas,
}

impl Lookup {
    const fn name(self) -> &'static str {
        match self {
            Lookup::Coins => "coins",
            Lookup::Contracts => "contracts",
            Lookup::Pools => "pools",
            Lookup::Sigmas => "sigmas",
        }
    }
}

/// What is to be kept: by kind and name, when it was looked up, and what was found.
pub(super) type Left = BTreeMap<(Lookup, String), (Timestamp, String)>;

/// What was found, as it is kept; nothing where it cannot be written down.
pub(super) fn spell(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

/// All of one kind by name; what cannot be read is not known.
pub(super) async fn read<T: DeserializeOwned>(
    pool: &SqlitePool,
    kind: Lookup,
) -> Result<Vec<(String, Kept<T>)>, sqlx::Error> {
    let rows: Vec<(String, i64, String)> = sqlx::query_as("SELECT name, as_of, body FROM lookups WHERE kind = $1")
        .bind(kind.name())
        .fetch_all(pool)
        .await?;
    let found = |(name, as_of, body): (String, i64, String)| {
        let value = serde_json::from_str(&body).ok()?;
        Some((name, Kept { value, as_of: Timestamp::from_millis(as_of) }))
    };
    Ok(rows.into_iter().filter_map(found).collect())
}

pub(super) async fn write(connection: &mut SqliteConnection, left: &Left) -> Result<(), sqlx::Error> {
    for ((kind, name), (as_of, body)) in left {
        sqlx::query(
            "INSERT INTO lookups (kind, name, as_of, body) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (kind, name) DO UPDATE SET as_of = excluded.as_of, body = excluded.body",
        )
        .bind(kind.name())
        .bind(name)
        .bind(as_of.millis())
        .bind(body)
        .execute(&mut *connection)
        .await?;
        sqlx::query(
            "DELETE FROM lookups WHERE kind = $1 AND name NOT IN \
             (SELECT name FROM lookups WHERE kind = $1 ORDER BY as_of DESC LIMIT $2)",
        )
        .bind(kind.name())
        .bind(MOST)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

pub(super) async fn forget(connection: &mut SqliteConnection, kind: Lookup) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM lookups WHERE kind = $1").bind(kind.name()).execute(connection).await.map(drop)
}
