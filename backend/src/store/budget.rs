//! The calls that are left, for each purpose.

use std::collections::BTreeMap;

use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use crate::coingecko::budget::Purpose;

pub(super) async fn read(pool: &SqlitePool) -> Result<BTreeMap<Purpose, Timestamp>, sqlx::Error> {
    let rows: Vec<(String, i64)> = sqlx::query_as("SELECT purpose, full_at FROM budget").fetch_all(pool).await?;
    // A purpose of another version is nobody's here.
    let named = |name: &str| Purpose::ALL.into_iter().find(|purpose| purpose.name() == name);
    Ok(rows.iter().filter_map(|(name, at)| Some((named(name)?, Timestamp::from_millis(*at)))).collect())
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    budget: &BTreeMap<Purpose, Timestamp>,
) -> Result<(), sqlx::Error> {
    for (purpose, full_at) in budget {
        sqlx::query(
            "INSERT INTO budget (purpose, full_at) VALUES ($1, $2) \
             ON CONFLICT (purpose) DO UPDATE SET full_at = excluded.full_at",
        )
        .bind(purpose.name())
        .bind(full_at.millis())
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
