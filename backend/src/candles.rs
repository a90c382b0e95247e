//! Candles: the past of a coin for a chart, kept as long as one grain makes no difference.

use std::sync::Arc;

use shared::quote::Source;
use shared::time::Timestamp;
use shared::token::TokenKey;
use shared::wire::{Candle, Candles as Answer, Range};

use crate::cache::Cache;
use crate::clock::SharedClock;
use crate::coingecko::budget::Purpose;
use crate::coingecko::{CoinGecko, OhlcRow, UpstreamError};
use shared::money::Price;

/// Coins and ranges that are kept.
const CAPACITY: usize = 1_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The candles.
#[derive(Debug)]
pub struct Candles {
    kept: Cache<(String, Range), Arc<[Candle]>, UpstreamError>,
    upstream: Arc<CoinGecko>,
}

/// How a range is drawn.
struct Recipe {
    /// Milliseconds from one candle to the next.
    grain_ms: u64,
    /// How long an answer is kept.
    life_ms: u64,
    /// Whether CoinGecko's own candles fit; otherwise points are gathered into ours.
    own: bool,
}

const fn recipe(range: Range) -> Recipe {
    match range {
        // Points every 5 minutes, three a candle.
        Range::Day => Recipe { grain_ms: 15 * MINUTE_MS, life_ms: 5 * MINUTE_MS, own: false },
        Range::Week | Range::Month => Recipe { grain_ms: 4 * HOUR_MS, life_ms: 30 * MINUTE_MS, own: true },
        // Their candles are of four days here; 24 hourly points make a better one a day.
        Range::Quarter => Recipe { grain_ms: DAY_MS, life_ms: 3 * HOUR_MS, own: false },
        Range::Year => Recipe { grain_ms: 4 * DAY_MS, life_ms: 12 * HOUR_MS, own: true },
    }
}

impl Candles {
    /// No candles yet.
    pub fn new(upstream: Arc<CoinGecko>, clock: SharedClock) -> Candles {
        Candles { kept: Cache::new(clock, CAPACITY), upstream }
    }

    /// The candles of the coin that prices a token.
    ///
    /// # Errors
    /// [`UpstreamError`] when there are none, not even old ones.
    pub async fn get(&self, key: TokenKey, coin: &str, range: Range) -> Result<Answer, UpstreamError> {
        let Recipe { grain_ms, life_ms, own } = recipe(range);
        let (upstream, id) = (self.upstream.clone(), coin.to_owned());
        let make = || async move {
            let days = range.days();
            Ok(if own {
                own_candles(&upstream.ohlc(&id, days).await?, grain_ms)
            } else {
                gather(&upstream.market_chart(Purpose::Candles, &id, days).await?, grain_ms)
            })
        };
        let kept = self.kept.get((coin.to_owned(), range), life_ms, make).await?;
        Ok(Answer {
            chain: key.chain,
            address: key.address,
            range,
            grain_s: u32::try_from(grain_ms / 1000).unwrap_or(u32::MAX),
            as_of: kept.as_of,
            source: Source::Coingecko,
            candles: kept.value.to_vec(),
        })
    }
}

/// CoinGecko names a candle by its end; ours are named by their beginning.
fn own_candles(rows: &[OhlcRow], grain_ms: u64) -> Arc<[Candle]> {
    let grain = i64::try_from(grain_ms).unwrap_or(i64::MAX);
    rows.iter()
        .map(|row| {
            let [open, high, low, close] = row.ohlc;
            // Bodies always lie within their wicks, whatever the upstream's rounding did.
            let high = high.max(open).max(close);
            let low = low.min(open).min(close);
            Candle { at: row.close_at.plus_millis(-grain), open, high, low, close }
        })
        .collect()
}

/// Gathers points into candles at whole multiples of the grain. Each opens where the last one closed.
fn gather(points: &[(Timestamp, Price)], grain_ms: u64) -> Arc<[Candle]> {
    let grain = i64::try_from(grain_ms).unwrap_or(i64::MAX);
    let mut candles: Vec<Candle> = Vec::new();
    for (at, price) in points {
        let begin = Timestamp::from_millis(at.millis() - at.millis().rem_euclid(grain));
        match candles.last_mut() {
            Some(candle) if candle.at == begin => {
                candle.high = candle.high.max(*price);
                candle.low = candle.low.min(*price);
                candle.close = *price;
            }
            last => {
                let open = last.map_or(*price, |candle| candle.close);
                let candle = Candle { at: begin, open, high: open.max(*price), low: open.min(*price), close: *price };
                candles.push(candle);
            }
        }
    }
    candles.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    #[test]
    fn points_become_candles_that_join() {
        let at = Timestamp::from_millis;
        let points = [(1, "10"), (400, "12"), (999, "11"), (1_000, "9"), (1_500, "8.5"), (3_000, "20")];
        let points: Vec<_> = points.map(|(ms, text)| (at(ms), price(text))).into();
        let candles = gather(&points, 1_000);
        let expected = [("10", "12", "10", "11"), ("11", "11", "8.5", "8.5"), ("8.5", "20", "8.5", "20")];
        let expected: Vec<Candle> = [0, 1_000, 3_000]
            .into_iter()
            .zip(expected)
            .map(|(ms, (open, high, low, close))| Candle {
                at: at(ms),
                open: price(open),
                high: price(high),
                low: price(low),
                close: price(close),
            })
            .collect();
        assert_eq!(*candles, *expected);
    }

    #[test]
    fn an_upstream_candle_is_named_by_its_beginning_and_its_body_lies_within() {
        let ohlc = ["10", "9", "10.5", "11"].map(price);
        let rows = [OhlcRow { close_at: Timestamp::from_millis(5_000), ohlc }];
        let [candle] = *own_candles(&rows, 1_000) else { panic!() };
        assert_eq!(candle.at.millis(), 4_000);
        assert_eq!((candle.high, candle.low), (price("11"), price("10")));
    }
}
