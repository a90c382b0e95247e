//! CoinGecko, as far as Foolscap asks it: six calls, typed.
//!
//! A call goes out when three let it: [`rest`] (CoinGecko asked to wait, or has just failed), the circuit
//! breaker, and the [`budget`]; whichever does not says for how long. Its key comes from [`keys`] and goes into a
//! header only. Every refusal becomes an [`UpstreamError`]; every number is read from its own text by [`number`].

pub mod budget;
mod error;
pub mod keys;
mod number;
mod rest;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use reqwest::Url;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use shared::chain::Chain;
use shared::market::MarketKind;
use shared::money::{Price, Quantity, Usd};
use shared::time::Timestamp;
use shared::token::{TokenKey, parse_address};
use shared::trade::Ppm;
use shared::wire::{MissingReason, UpstreamState, UpstreamStatus};

use self::budget::{Budget, Limit, Purpose, Wait};
pub use self::error::UpstreamError;
use self::error::read_error;
use self::keys::Keys;
use self::rest::{Jitter, Rests};
use crate::breaker::{Breaker, Condition, Leave, Policy, Verdict};
use crate::clock::SharedClock;
use crate::config::{self, Config, KeyKind, Secret};
use crate::fleet::Fleet;
use crate::outbound::{Outbound, OutboundError, fault_in, secret_header};
use crate::store::Store;
use crate::telemetry;

/// Bytes of any answer but the list of coins.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
/// Bytes of the list of coins: some 20,000 of them with their addresses.
const LARGEST_LIST: usize = 48 * 1024 * 1024;
/// How often a key's file is looked at after its key was refused.
const LOOK_AGAIN_MS: u64 = 5_000;
/// Five failures in a row, of whatever kind of call: then a minute of nothing, and two good probes.
const BREAKER: Policy = Policy { name: "coingecko", failures: 5, open_ms: 60_000, successes: 2 };

/// The client. It remembers how it last fared.
#[derive(Debug)]
pub struct CoinGecko {
    http: Outbound,
    base: Url,
    off: bool,
    key_kind: KeyKind,
    keys: Keys,
    breaker: Breaker,
    clock: SharedClock,
    memory: Mutex<Memory>,
    /// Where the budget is kept for the next run; nowhere for a client that ends with its run.
    store: Option<Store>,
    /// The other backends that spend the same grant.
    fleet: Option<Arc<Fleet>>,
}

/// Who keeps the bucket that a call was charged to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Charged {
    /// There is one backend only.
    Alone,
    /// All backends together.
    Together,
    /// This one, out of sight of others: so many calls' worth.
    Apart(u64),
}

/// What it knows of the calls before.
#[derive(Debug)]
struct Memory {
    budget: Budget,
    rests: Rests,
    jitter: Jitter,
    last_success: Option<Timestamp>,
    last_failure: Option<(Timestamp, String)>,
    failing: bool,
}

/// A coin's line of `/simple/price`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinQuote {
    /// US dollars for one coin, or why there is no price.
    pub price: Result<Price, MissingReason>,
    /// When CoinGecko says it last changed.
    pub upstream_at: Option<Timestamp>,
    /// Change over 24 hours in percent.
    pub change_24h: Option<Quantity>,
    /// US dollars traded in 24 hours.
    pub volume_24h: Option<Usd>,
}

/// A row of `/coins/{id}/ohlc`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OhlcRow {
    /// When the interval ended.
    pub close_at: Timestamp,
    /// First, highest, lowest and last price.
    pub ohlc: [Price; 4],
}

/// A pool that holds a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// US dollars in it, both sides together.
    pub liquidity: Usd,
    /// The exchange's id.
    pub dex: Option<String>,
    /// Its fee, where its name or its exchange tells.
    pub fee: Option<Ppm>,
}

/// Which coin a contract is: the coins' ids by token.
pub type CoinList = BTreeMap<TokenKey, String>;

impl CoinGecko {
    /// The client that the settings describe. With the demo market it never asks.
    ///
    /// # Errors
    /// [`OutboundError`] when no HTTP client can be made.
    pub fn new(config: &Config, clock: SharedClock) -> Result<CoinGecko, OutboundError> {
        let config::CoinGecko { base_url, key, key_file, key_kind, calls_per_minute, grant, patience } =
            &config.coingecko;
        Ok(CoinGecko {
            http: Outbound::new(base_url, *patience)?,
            base: base_url.clone(),
            off: config.market == MarketKind::Demo,
            key_kind: *key_kind,
            keys: Keys::new(key.clone(), key_file.clone()),
            breaker: Breaker::new(BREAKER, clock.clone()),
            clock,
            memory: Mutex::new(Memory {
                budget: Budget::new(*grant, *calls_per_minute),
                rests: Rests::default(),
                jitter: Jitter::by_chance(),
                last_success: None,
                last_failure: None,
                failing: false,
            }),
            store: None,
            fleet: None,
        })
    }

    /// The same, with what the run before left of its budget in `store`, where this one keeps it too.
    pub async fn kept_in(mut self, store: Store) -> CoinGecko {
        let kept = store.budget().await;
        let memory = self.memory.get_mut().unwrap_or_else(PoisonError::into_inner);
        memory.budget = memory.budget.clone().resumed(&kept);
        self.store = Some(store);
        self
    }

    /// The same, as one of several that spend one grant.
    #[must_use]
    pub fn one_of(mut self, fleet: Option<Arc<Fleet>>) -> CoinGecko {
        self.fleet = fleet;
        self
    }

    /// How it fares.
    pub fn status(&self) -> UpstreamStatus {
        let health = self.memory();
        let asked = health.last_success.is_some() || health.last_failure.is_some();
        let state = match (self.off, asked, health.failing) {
            (true, _, _) => UpstreamState::Off,
            (false, false, _) => UpstreamState::Unused,
            (false, true, false) => UpstreamState::Ok,
            (false, true, true) => UpstreamState::Failing,
        };
        UpstreamStatus {
            state,
            last_success: health.last_success,
            last_failure: health.last_failure.as_ref().map(|(at, _)| *at),
            failure: health.last_failure.as_ref().map(|(_, words)| words.clone()),
        }
    }

    /// Prices of coins, in one call. Coins that CoinGecko does not know are left out.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn simple_price(&self, ids: &[&str]) -> Result<BTreeMap<String, CoinQuote>, UpstreamError> {
        #[derive(Deserialize)]
        struct Row {
            usd: Option<Box<RawValue>>,
            usd_24h_vol: Option<Box<RawValue>>,
            usd_24h_change: Option<Box<RawValue>>,
            last_updated_at: Option<Box<RawValue>>,
        }
        let ids = ids.join(",");
        let query = [
            ("ids", ids.as_str()),
            ("vs_currencies", "usd"),
            ("include_24hr_vol", "true"),
            ("include_24hr_change", "true"),
            ("include_last_updated_at", "true"),
            ("precision", "full"),
        ];
        let rows: BTreeMap<String, Box<RawValue>> =
            self.get(Purpose::Prices, "simple_price", "simple/price", &query, LARGEST_ANSWER).await?;
        let quotes = rows.into_iter().map(|(id, raw)| {
            // A row that cannot be read spoils itself, not the others.
            let quote = match serde_json::from_str::<Row>(raw.get()) {
                Ok(row) => CoinQuote {
                    price: number::price(row.usd.as_deref()),
                    upstream_at: number::seconds(row.last_updated_at.as_deref()),
                    change_24h: number::percent(row.usd_24h_change.as_deref()),
                    volume_24h: number::usd(row.usd_24h_vol.as_deref()),
                },
                Err(_) => CoinQuote {
                    price: Err(MissingReason::NotANumber),
                    upstream_at: None,
                    change_24h: None,
                    volume_24h: None,
                },
            };
            (id, quote)
        });
        Ok(quotes.collect())
    }

    /// Which coin each contract of our chains is: large, and slow to change.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn coins_list(&self) -> Result<CoinList, UpstreamError> {
        #[derive(Deserialize)]
        struct Coin {
            id: String,
            #[serde(default)]
            platforms: BTreeMap<String, Option<String>>,
        }
        let coins: Vec<Coin> = self
            .get(Purpose::Lookups, "coins_list", "coins/list", &[("include_platform", "true")], LARGEST_LIST)
            .await?;
        let mut list = CoinList::new();
        for chain in Chain::ALL {
            let Some(platform) = chain.facts().platform else {
                continue;
            };
            for coin in &coins {
                let text = coin.platforms.get(platform).and_then(Option::as_deref);
                // Upstream writes addresses in any case: lower-case is compared by its 20 bytes alone.
                if let Some(address) = text.and_then(|text| parse_address(&text.to_ascii_lowercase()).ok()) {
                    list.entry(TokenKey { chain, address }).or_insert_with(|| coin.id.clone());
                }
            }
        }
        Ok(list)
    }

    /// Prices of a coin over the last days, oldest first: every 5 minutes for 1 day, every hour up
    /// to 90. Points without a price are left out.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn market_chart(
        &self,
        purpose: Purpose,
        id: &str,
        days: u32,
    ) -> Result<Vec<(Timestamp, Price)>, UpstreamError> {
        #[derive(Deserialize)]
        struct Chart {
            prices: Vec<(Box<RawValue>, Box<RawValue>)>,
        }
        let days = days.to_string();
        let query = [("vs_currency", "usd"), ("days", days.as_str()), ("precision", "full")];
        let path = format!("coins/{id}/market_chart");
        let chart: Chart = self.get(purpose, "market_chart", &path, &query, LARGEST_ANSWER).await?;
        let point = |(at, price): &(Box<RawValue>, Box<RawValue>)| {
            Some((number::millis(at)?, number::price(Some(price)).ok()?))
        };
        let mut points: Vec<_> = chart.prices.iter().filter_map(point).collect();
        points.sort_by_key(|(at, _)| *at);
        Ok(points)
    }

    /// Candles of a coin over the last days, oldest first: 4 hours each up to 30 days, 4 days beyond.
    ///
    /// # Errors
    /// [`UpstreamError`].
    pub async fn ohlc(&self, id: &str, days: u32) -> Result<Vec<OhlcRow>, UpstreamError> {
        let days = days.to_string();
        let query = [("vs_currency", "usd"), ("days", days.as_str()), ("precision", "full")];
        let path = format!("coins/{id}/ohlc");
        let rows: Vec<[Box<RawValue>; 5]> = self.get(Purpose::Candles, "ohlc", &path, &query, LARGEST_ANSWER).await?;
        let row = |[at, open, high, low, close]: &[Box<RawValue>; 5]| {
            let price = |raw: &RawValue| number::price(Some(raw)).ok();
            Some(OhlcRow {
                close_at: number::millis(at)?,
                ohlc: [price(open)?, price(high)?, price(low)?, price(close)?],
            })
        };
        let mut rows: Vec<_> = rows.iter().filter_map(row).collect();
        rows.sort_by_key(|row| row.close_at);
        Ok(rows)
    }

    /// The pools that hold a token, on chains that have any.
    ///
    /// # Errors
    /// [`UpstreamError`]; [`UpstreamError::NotFound`] on a chain without pools.
    pub async fn token_pools(&self, key: TokenKey) -> Result<Vec<Pool>, UpstreamError> {
        #[derive(Deserialize)]
        struct Document {
            data: Vec<Entry>,
        }
        #[derive(Deserialize)]
        struct Entry {
            attributes: Attributes,
            #[serde(default)]
            relationships: Relationships,
        }
        #[derive(Deserialize)]
        struct Attributes {
            #[serde(default)]
            name: String,
            pool_fee_percentage: Option<Box<RawValue>>,
            reserve_in_usd: Option<Box<RawValue>>,
        }
        #[derive(Deserialize, Default)]
        struct Relationships {
            dex: Option<Related>,
        }
        #[derive(Deserialize)]
        struct Related {
            data: Option<Reference>,
        }
        #[derive(Deserialize)]
        struct Reference {
            id: String,
        }
        let Some(network) = key.chain.facts().network else {
            return Err(UpstreamError::NotFound { message: format!("{} has no pools there", key.chain.name()) });
        };
        let address = key.checksummed().to_ascii_lowercase();
        let path = format!("onchain/networks/{network}/tokens/{address}/pools");
        let document: Document =
            self.get(Purpose::Pools, "token_pools", &path, &[("include", "dex")], LARGEST_ANSWER).await?;
        let pool = |entry: Entry| {
            let dex = entry.relationships.dex.and_then(|related| related.data).map(|reference| reference.id);
            let told = number::percent(entry.attributes.pool_fee_percentage.as_deref());
            let fee = told.map(|percent| percent.to_string()).and_then(|percent| percent_to_ppm(&percent));
            Some(Pool {
                liquidity: number::usd(entry.attributes.reserve_in_usd.as_deref())?,
                fee: fee.or_else(|| fee_in_name(&entry.attributes.name)).or_else(|| fee_of_dex(dex.as_deref()?)),
                dex,
            })
        };
        Ok(document.data.into_iter().filter_map(pool).collect())
    }

    /// The coin of a contract, asked by its address: for what the list does not hold.
    ///
    /// # Errors
    /// [`UpstreamError`]; [`UpstreamError::NotFound`] where no coin is there, and on a chain without prices.
    pub async fn coin_at(&self, key: TokenKey) -> Result<String, UpstreamError> {
        #[derive(Deserialize)]
        struct Coin {
            id: String,
        }
        let Some(platform) = key.chain.facts().platform else {
            return Err(UpstreamError::NotFound { message: format!("{} has no coins there", key.chain.name()) });
        };
        let address = key.checksummed().to_ascii_lowercase();
        let path = format!("coins/{platform}/contract/{address}");
        let coin: Coin = self.get(Purpose::Lookups, "contract", &path, &[], LARGEST_ANSWER).await?;
        Ok(coin.id)
    }

    /// One call, once more with another key if its own was taken out of use meanwhile.
    async fn get<T: DeserializeOwned>(
        &self,
        purpose: Purpose,
        endpoint: &'static str,
        path: &str,
        query: &[(&str, &str)],
        limit: usize,
    ) -> Result<T, UpstreamError> {
        if self.off {
            return Err(UpstreamError::Off);
        }
        let (mut key, changed) = self.keys.now().await;
        if changed {
            self.memory().rests.forgive_key();
        }
        loop {
            let leave = self.enter(endpoint)?;
            let charged = self.charge(purpose).await?;
            let started = Instant::now();
            let result = self.get_once(path, query, key.as_ref(), limit).await.map_err(|error| match error {
                // These paths name no coin that could be unknown: nothing is where the API should be.
                UpstreamError::NotFound { message } if matches!(endpoint, "simple_price" | "coins_list") => {
                    UpstreamError::Refused { status: 404, message }
                }
                error => error,
            });
            let outcome = result.as_ref().map_or_else(UpstreamError::outcome, |_| "ok");
            telemetry::count_upstream("coingecko", endpoint, outcome, started.elapsed());
            let newer = match &result {
                Err(UpstreamError::KeyRefused { .. }) => Some(self.keys.now().await.0).filter(|newer| *newer != key),
                _ => None,
            };
            match newer {
                Some(newer) => {
                    leave.settle(Verdict::Nothing);
                    self.give_back(purpose, charged).await;
                    key = newer;
                }
                None => {
                    self.leave(endpoint, leave, result.as_ref().err());
                    if result.as_ref().is_err_and(|error| !error.is_charged()) {
                        self.give_back(purpose, charged).await;
                    }
                    return result;
                }
            }
        }
    }

    /// Leave for a call.
    fn enter(&self, endpoint: &'static str) -> Result<Leave, UpstreamError> {
        let now = self.clock.now();
        let memory = self.memory();
        if let Some((wait_ms, after)) = memory.rests.wait(endpoint, now) {
            let wait_ms = self.look_again_ms(wait_ms, after);
            return Err(UpstreamError::Resting { wait_ms, after: Box::new(after.clone()) });
        }
        self.breaker.admit().map_err(|refused| UpstreamError::BreakerOpen { wait_ms: refused.wait_ms.max(1_000) })
    }

    /// Charges a call: to the grant of all backends, or to this one's share of it while they are out of sight.
    async fn charge(&self, purpose: Purpose) -> Result<Charged, UpstreamError> {
        let now = self.clock.now();
        let refused = |wait| match wait {
            Wait::Minute { wait_ms } => UpstreamError::Paced { wait_ms },
            Wait::Period { wait_ms } => UpstreamError::Spent { purpose, wait_ms },
        };
        let together = match &self.fleet {
            Some(fleet) => {
                let terms = self.memory().budget.terms(purpose, now);
                fleet.charge(&terms, now).await
            }
            None => None,
        };
        let mut memory = self.memory();
        let charged = match together {
            Some(answer) => {
                memory.budget.follow(purpose, answer.map_err(refused)?);
                Charged::Together
            }
            None => match &self.fleet {
                Some(fleet) => {
                    let backends = fleet.backends();
                    memory.budget.take_share(purpose, now, backends).map_err(refused)?;
                    Charged::Apart(backends)
                }
                None => {
                    memory.budget.take(purpose, now).map_err(refused)?;
                    Charged::Alone
                }
            },
        };
        self.keep(&memory.budget, purpose);
        telemetry::note_calls_left(purpose.name(), memory.budget.of(purpose).left(now));
        Ok(charged)
    }

    /// Gives a call back that CoinGecko does not charge for, to whom it was charged.
    async fn give_back(&self, purpose: Purpose, charged: Charged) {
        {
            let mut memory = self.memory();
            match charged {
                Charged::Alone | Charged::Together => memory.budget.give_back(purpose),
                Charged::Apart(backends) => memory.budget.give_share_back(purpose, backends),
            }
            self.keep(&memory.budget, purpose);
        }
        if let (Charged::Together, Some(fleet)) = (charged, &self.fleet) {
            let every_ms = self.memory().budget.of(purpose).rule().every_ms;
            fleet.give_back(Limit::Of(purpose), every_ms).await;
        }
    }

    /// Milliseconds until another call for prices makes sense, after one that failed.
    pub fn rest_ms(&self) -> u64 {
        let rest_ms = match self.memory().rests.wait("simple_price", self.clock.now()) {
            Some((wait_ms, after)) => self.look_again_ms(wait_ms, after),
            None => 0,
        };
        match self.breaker.condition() {
            Condition::Open { wait_ms } => rest_ms.max(wait_ms),
            Condition::Closed | Condition::HalfOpen => rest_ms,
        }
    }

    /// A key that was refused may be another one soon, where it is in a file: that is looked at more often.
    fn look_again_ms(&self, wait_ms: u64, after: &UpstreamError) -> u64 {
        let changeable = self.keys.are_in_a_file() && matches!(after, UpstreamError::KeyRefused { .. });
        if changeable { wait_ms.min(LOOK_AGAIN_MS) } else { wait_ms }
    }

    fn keep(&self, budget: &Budget, purpose: Purpose) {
        if let Some(store) = &self.store {
            store.keep_budget(budget.kept(purpose));
        }
    }

    /// A call is over: what it says about the next one.
    fn leave(&self, endpoint: &'static str, leave: Leave, error: Option<&UpstreamError>) {
        leave.settle(error.map_or(Verdict::Well, UpstreamError::verdict));
        let now = self.clock.now();
        let mut memory = self.memory();
        let jitter = memory.jitter.draw();
        memory.rests.note(endpoint, error, now, jitter);
        match error {
            Some(error) if error.is_fault() => {
                tracing::warn!(event = "upstream_failed", upstream = "coingecko", endpoint, outcome = error.outcome(), %error);
                memory.last_failure = Some((now, error.to_string()));
                memory.failing = true;
            }
            _ => {
                memory.last_success = Some(now);
                memory.failing = false;
            }
        }
    }

    async fn get_once<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
        key: Option<&Secret>,
        limit: usize,
    ) -> Result<T, UpstreamError> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            // Segment by segment: an id can't climb out of its place.
            segments.pop_if_empty().extend(path.split('/'));
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let header = key.and_then(|key| secret_header(self.key_kind.header(), key.reveal()));
        let answer = self.http.get(url, header, limit).await?;
        if answer.status != 200 {
            return Err(read_error(&answer));
        }
        serde_json::from_slice(&answer.body).map_err(|error| {
            let what = match answer.body.iter().find(|byte| !byte.is_ascii_whitespace()) {
                None => "it is empty".to_owned(),
                Some(b'<') => "it is HTML".to_owned(),
                Some(_) => fault_in(&error),
            };
            UpstreamError::Garbled { detail: what }
        })
    }

    /// Nothing panics while it holds the lock; were it to, what is remembered would still be whole.
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The fee at the end of a pool's name, as in `WETH / USDC 0.05%`.
fn fee_in_name(name: &str) -> Option<Ppm> {
    percent_to_ppm(name.trim().strip_suffix('%')?.rsplit(' ').next()?)
}

/// The fee of exchanges that have but one.
fn fee_of_dex(dex: &str) -> Option<Ppm> {
    match dex {
        // The factory's fee of 0.3 % is part of the protocol.
        "uniswap_v2" | "uniswap-v2-base" | "sushiswap" => Ppm::new(3_000),
        _ => None,
    }
}

/// Percent as text into parts per million: 1 % is 10,000.
fn percent_to_ppm(percent: &str) -> Option<Ppm> {
    let parts = percent.parse::<Quantity>().ok()?.units(4).ok()?;
    Ppm::new(u32::try_from(parts.0).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pools_fee_is_read_from_its_name() {
        for (name, expected) in [
            ("WETH / USDC 0.05%", Some(500)),
            ("WETH / USDC 0.3%", Some(3_000)),
            ("A / B 1%", Some(10_000)),
            ("A / B 0.0001%", Some(1)),
            ("WETH / USDC", None),
            ("A / B 101%", None),
            ("50% / B", None),
            ("", None),
        ] {
            assert_eq!(fee_in_name(name).map(Ppm::parts), expected, "{name}");
        }
        assert_eq!(fee_of_dex("uniswap_v2").map(Ppm::parts), Some(3_000));
    }
}
