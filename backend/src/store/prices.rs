//! The last good price of each coin.

use std::collections::BTreeMap;

use shared::quote::{Quote, Source};
use shared::time::Timestamp;
use sqlx::{SqliteConnection, SqlitePool};

use crate::prices::Priced;

/// Coins that are kept; those whose price is oldest go.
const MOST: i64 = 2_000;

type Row = (String, String, i64, Option<i64>, Option<String>, Option<String>);

pub(super) async fn read(pool: &SqlitePool) -> Result<BTreeMap<String, Priced>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as("SELECT coin, price, as_of, upstream_at, change_24h, volume_24h FROM prices")
        .fetch_all(pool)
        .await?;
    Ok(rows.into_iter().filter_map(priced).collect())
}

/// A row that cannot be read is a price that is not known.
fn priced((coin, price, as_of, upstream_at, change_24h, volume_24h): Row) -> Option<(String, Priced)> {
    let quote = Quote {
        price: price.parse().ok()?,
        as_of: Timestamp::from_millis(as_of),
        // Nothing else is ever kept.
        source: Source::Coingecko,
        upstream_at: upstream_at.map(Timestamp::from_millis),
    };
    let change_24h = change_24h.and_then(|text| text.parse().ok());
    let volume_24h = volume_24h.and_then(|text| text.parse().ok());
    Some((coin, Priced { quote, change_24h, volume_24h }))
}

pub(super) async fn write(
    connection: &mut SqliteConnection,
    prices: &BTreeMap<String, Priced>,
) -> Result<(), sqlx::Error> {
    for (coin, Priced { quote, change_24h, volume_24h }) in prices {
        sqlx::query(
            "INSERT INTO prices (coin, price, as_of, upstream_at, change_24h, volume_24h) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (coin) DO UPDATE SET price = excluded.price, \
             as_of = excluded.as_of, upstream_at = excluded.upstream_at, change_24h = excluded.change_24h, \
             volume_24h = excluded.volume_24h",
        )
        .bind(coin)
        .bind(quote.price.to_string())
        .bind(quote.as_of.millis())
        .bind(quote.upstream_at.map(Timestamp::millis))
        .bind(change_24h.map(|change| change.to_string()))
        .bind(volume_24h.map(|volume| volume.to_string()))
        .execute(&mut *connection)
        .await?;
    }
    if !prices.is_empty() {
        sqlx::query("DELETE FROM prices WHERE coin NOT IN (SELECT coin FROM prices ORDER BY as_of DESC LIMIT $1)")
            .bind(MOST)
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(super) async fn forget(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM prices").execute(connection).await.map(drop)
}
