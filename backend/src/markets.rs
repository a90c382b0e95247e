//! Markets: how deep a token's deepest pool is, what its coin trades, and how much it moves.
//!
//! Pools and volatility cost a call a token, so they are fetched only for tokens that are asked for
//! by name, a few at a time, and kept for long, over restarts too. What is older than that is told all
//! the same, with its age, while it is renewed behind. Volume comes with the prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use shared::market::PoolFacts;
use shared::money::{Price, Usd};
use shared::quote::Source;
use shared::time::Timestamp;
use shared::token::{Token, TokenKey};
use shared::trade::Ppm;
use shared::wire::MarketInfo;

use crate::cache::{Cache, Kept};
use crate::clock::SharedClock;
use crate::coingecko::budget::Purpose;
use crate::coingecko::{CoinGecko, Pool, UpstreamError};
use crate::prices::Prices;
use crate::store::{Lookup, Store};
use crate::tasks::Tasks;

/// Tokens whose pools are looked up for one request. Of the others, what is kept is told.
pub const NAMED: usize = 4;
const CAPACITY: usize = 1_000;
const HOUR_MS: u64 = 3_600_000;
/// How long pools are kept: liquidity moves slowly.
const POOL_LIFE_MS: u64 = 6 * HOUR_MS;
/// How long a volatility is kept: it is of three months.
const SIGMA_LIFE_MS: u64 = 24 * HOUR_MS;
/// Days that a volatility is computed from.
const SIGMA_DAYS: u32 = 90;
/// Daily returns without which there is no volatility.
const LEAST_RETURNS: usize = 7;

/// The markets.
#[derive(Debug)]
pub struct Markets {
    pools: Cache<TokenKey, Option<Pool>, UpstreamError>,
    sigmas: Cache<String, Option<u64>, UpstreamError>,
    upstream: Arc<CoinGecko>,
    store: Store,
    clock: SharedClock,
    tasks: Tasks,
}

/// A pool as it is kept: liquidity, exchange, fee.
type KeptPool = Option<(Usd, Option<String>, Option<Ppm>)>;

impl Markets {
    /// Begins with what the store has kept.
    pub async fn start(upstream: Arc<CoinGecko>, store: Store, clock: SharedClock, tasks: &Tasks) -> Markets {
        let markets = Markets {
            pools: Cache::new(clock.clone(), CAPACITY),
            sigmas: Cache::new(clock.clone(), CAPACITY),
            upstream,
            store,
            clock,
            tasks: tasks.clone(),
        };
        for (name, Kept { value, as_of }) in markets.store.lookups::<KeptPool>(Lookup::Pools).await {
            if let Ok(key) = name.parse() {
                let value = value.map(|(liquidity, dex, fee)| Pool { liquidity, dex, fee });
                markets.pools.fill(key, Kept { value, as_of });
            }
        }
        for (coin, kept) in markets.store.lookups(Lookup::Sigmas).await {
            markets.sigmas.fill(coin, kept);
        }
        markets
    }

    /// What is known of tokens' markets. With `look_up`, the first [`NAMED`] are looked up.
    pub async fn get(&self, tokens: &[Token], prices: &Prices, look_up: bool) -> Vec<MarketInfo> {
        // A pin has no market of its own: it is the other side of the other token's pool.
        let unpinned = || tokens.iter().filter(|token| !token.pinned);
        if look_up {
            join_all(unpinned().take(NAMED).map(|token| self.look_up(token))).await;
        }
        unpinned().filter_map(|token| self.known(token, prices)).collect()
    }

    /// Fetches what is missing or old. That something cannot be had leaves it unknown.
    async fn look_up(&self, token: &Token) {
        let key = token.key;
        let pool = async {
            if key.chain.facts().network.is_some() {
                let (upstream, store, clock) = (self.upstream.clone(), self.store.clone(), self.clock.clone());
                let make = || async move {
                    let pool = upstream.token_pools(key).await.map(deepest)?;
                    let kept: KeptPool = pool.clone().map(|pool| (pool.liquidity, pool.dex, pool.fee));
                    store.keep_lookup(Lookup::Pools, &key.to_string(), &kept, clock.now());
                    Ok(pool)
                };
                let _ = self.pools.soon(&self.tasks, key, POOL_LIFE_MS, make).await;
            }
        };
        let sigma = async {
            if let Some(coin) = &token.coin_id {
                let (upstream, store, clock) = (self.upstream.clone(), self.store.clone(), self.clock.clone());
                let id = coin.clone();
                let make = || async move {
                    let points = upstream.market_chart(Purpose::Pools, &id, SIGMA_DAYS).await?;
                    let sigma = sigma_day(&points);
                    store.keep_lookup(Lookup::Sigmas, &id, &sigma, clock.now());
                    Ok(sigma)
                };
                let _ = self.sigmas.soon(&self.tasks, coin.clone(), SIGMA_LIFE_MS, make).await;
            }
        };
        tokio::join!(pool, sigma);
    }

    fn known(&self, token: &Token, prices: &Prices) -> Option<MarketInfo> {
        let pool = self.pools.peek(&token.key);
        let sigma = token.coin_id.as_ref().and_then(|coin| self.sigmas.peek(coin));
        let volume = token.coin_id.as_deref().and_then(|coin| prices.volume_24h(coin));
        let times = [pool.as_ref().map(Kept::as_of), sigma.as_ref().map(Kept::as_of), volume.map(|(_, at)| at)];
        // The age of the whole is that of its oldest part.
        let as_of = times.into_iter().flatten().min()?;
        let pool = pool.and_then(|kept| kept.value);
        let facts = PoolFacts {
            // CoinGecko tells what a pool is worth, not what it holds.
            reserve: None,
            liquidity: pool.as_ref().map(|pool| pool.liquidity),
            fee: pool.as_ref().and_then(|pool| pool.fee),
            dex: pool.and_then(|pool| pool.dex),
            volume_24h: volume.map(|(usd, _)| usd),
            sigma_day: sigma.and_then(|kept| kept.value),
            as_of,
            source: Source::Coingecko,
        };
        let knows = facts.liquidity.is_some() || facts.volume_24h.is_some() || facts.sigma_day.is_some();
        knows.then(|| MarketInfo::new(token.key, facts))
    }
}

/// The pool with the most in it.
fn deepest(pools: Vec<Pool>) -> Option<Pool> {
    pools.into_iter().filter(|pool| !pool.liquidity.is_zero()).max_by_key(|pool| pool.liquidity)
}

/// Daily volatility in parts per billion: the sample standard deviation of the logarithms of one
/// day's last price over that of the day before. Days are UTC; the present one is not over.
fn sigma_day(points: &[(Timestamp, Price)]) -> Option<u64> {
    const DAY_MS: i64 = 86_400_000;
    let mut closes: BTreeMap<i64, f64> = BTreeMap::new();
    for (at, price) in points {
        // A statistic, not money: the float ends in a whole number of parts per billion.
        let price: f64 = price.to_string().parse().ok()?;
        closes.insert(at.millis() / DAY_MS, price);
    }
    closes.pop_last();
    let days: Vec<(i64, f64)> = closes.into_iter().collect();
    let joined = days.windows(2).filter(|pair| pair[1].0 == pair[0].0 + 1);
    let returns: Vec<f64> = joined.map(|pair| (pair[1].1 / pair[0].1).ln()).collect();
    if returns.len() < LEAST_RETURNS {
        return None;
    }
    let count = returns.len() as f64;
    let mean = returns.iter().sum::<f64>() / count;
    let variance = returns.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let ppb = (variance.sqrt() * 1e9).round();
    (ppb.is_finite() && ppb >= 0.0).then_some(ppb as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(prices: &[f64]) -> Vec<(Timestamp, Price)> {
        let day = |n: usize| Timestamp::from_millis(n as i64 * 86_400_000 + 86_399_000);
        prices.iter().enumerate().map(|(n, price)| (day(n), format!("{price:.12}").parse().unwrap())).collect()
    }

    #[test]
    fn volatility_is_the_sample_deviation_of_daily_log_returns() {
        // Log returns of +1 % and −1 % in turn: ten returns of mean 0 deviate by 0.01 × √(10 ÷ 9).
        let mut prices = vec![100.0];
        for n in 0..10 {
            let step: f64 = if n % 2 == 0 { 0.01 } else { -0.01 };
            prices.push(prices[n] * step.exp());
        }
        prices.push(5_000.0); // Today, which does not count.
        let sigma = sigma_day(&points(&prices)).unwrap();
        assert!(sigma.abs_diff(10_540_926) <= 2, "{sigma}");
    }

    #[test]
    fn too_few_days_give_no_volatility() {
        assert_eq!(sigma_day(&points(&[1.0; 8])), None);
        assert_eq!(sigma_day(&points(&[1.0; 9])), Some(0));
        assert_eq!(sigma_day(&[]), None);
    }

    #[test]
    fn the_deepest_pool_counts_and_an_empty_one_does_not() {
        let pool = |usd: i32| Pool { liquidity: Usd::whole(usd), dex: None, fee: None };
        assert_eq!(deepest(vec![pool(5), pool(9), pool(7)]), Some(pool(9)));
        assert_eq!(deepest(vec![pool(0)]), None);
    }
}
