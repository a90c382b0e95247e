//! The calls that are left, within each limit.

use std::collections::BTreeMap;

use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use crate::coingecko::budget::Limit;

pub(super) async fn read(pool: &SqlitePool) -> Result<BTreeMap<Limit, Timestamp>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT purpose, full_at FROM budget").fetch_all(pool).await?;
    // A limit of another version is nobody's here.
    Ok(rows.iter().filter_map(|(name, at)| Some((Limit::named(name)?, Timestamp::from_millis(*at)))).collect())
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    budget: &BTreeMap<Limit, Timestamp>,
) -> Result<(), sqlx::Error> {
    for (limit, full_at) in budget {
        sqlx::query(
            "INSERT INTO budget (purpose, full_at) VALUES ($1, $2) \
             ON CONFLICT (purpose) DO UPDATE SET full_at = excluded.full_at",
        )
        .bind(limit.name())
        .bind(full_at.millis())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
