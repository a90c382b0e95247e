//! Several backends as one: what they share through Redis.
//!
//! One asks CoinGecko, all learn the prices: who watches what, what is known of coins, who is asking at the
//! moment, why nobody does, and what is left of the one grant that all spend. What
//! is kept fresh is answered without it. Whatever waits for it (an attempt to renew, a call's charge) waits no
//! longer than the patience; when it is gone that is told once, each backend goes on by itself with its share of
//! the grant, and the next question that is answered brings them together again.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, FromRedisValue, Pipeline, RedisError};
use serde::{Deserialize, Serialize};
use shared::money::{Price, Quantity, Usd};
use shared::time::Timestamp;
use shared::wire::{MissingReason, PaceReason, UpstreamState, UpstreamStatus};

use crate::clock::SharedClock;
use crate::coingecko::budget::{Limit, Term, Wait};
use crate::config::SecretUrl;
use crate::telemetry;

/// What all names begin with: the version of what is written there.
const PREFIX: &str = "foolscap:1";
/// After a failure it is left alone for so long.
const PAUSE: Duration = Duration::from_secs(1);
/// A backend that leaves to ask CoinGecko and never comes back is given up: its call is over by then.
const FLIGHT_MS: u64 = 15_000;
/// How often those who wait look whether the other is back.
const LOOK: Duration = Duration::from_millis(25);
/// What is known of a coin is kept so long after it was learnt.
const KEPT_S: u64 = 86_400;

/// Takes a call from buckets that are kept as the moment at which each will be full (see
/// [`crate::coingecko::budget`]): from all of them, or from none. Numbers of milliseconds are whole far beyond
/// our time; as text, because Lua would write them with an exponent.
const CHARGE: &str = r"
    local now = tonumber(ARGV[1])
    local answer, free = {1}, true
    local fulls = {}
    for at = 2, #ARGV, 6 do
        local name, every, reserve = ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
        local full = tonumber(redis.call('HGET', KEYS[1], name) or '0')
        local apart = tonumber(ARGV[at + 5])
        if apart > 0 then
            full = math.max(full, now) + apart
        end
        full = math.max(full, tonumber(ARGV[at + 4]))
        full = math.min(full, now + every * reserve)
        local wait = math.max(0, full - now - every * (reserve - 1 - tonumber(ARGV[at + 3])))
        free = free and wait == 0
        fulls[#fulls + 1] = {name, math.max(full, now) + every}
        answer[#answer + 1] = wait
    end
    if not free then
        answer[1] = 0
        return answer
    end
    for n, bucket in ipairs(fulls) do
        redis.call('HSET', KEYS[1], bucket[1], string.format('%.0f', bucket[2]))
        answer[n + 1] = bucket[2]
    end
    return answer
";

/// The way to the others.
pub struct Fleet {
    redis: ConnectionManager,
    /// Who we are, among them.
    id: String,
    clock: SharedClock,
    /// The longest that Redis is waited for.
    patience: Duration,
    health: Mutex<Health>,
    /// Backends that were there lately, this one included.
    backends: AtomicU64,
}

#[derive(Debug, Default)]
struct Health {
    last_success: Option<Timestamp>,
    last_failure: Option<(Timestamp, String)>,
    /// Since when, by the machine, it has not answered.
    gone: Option<Instant>,
}

/// Why there is no fleet.
#[derive(Debug, thiserror::Error)]
pub enum FleetError {
    /// The URL is none.
    #[error("Redis cannot be used: {0} (--redis or FOOLSCAP_REDIS names it, such as redis://127.0.0.1:6379)")]
    Redis(#[from] RedisError),
}

/// What is known of a coin, as backends tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// When CoinGecko last answered about it, in milliseconds.
    pub checked: i64,
    /// Why that answer held no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<MissingReason>,
    /// Its last good price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<KnownPrice>,
}

/// A good price, as backends tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPrice {
    /// US dollars for one coin.
    pub price: Price,
    /// When it was fetched, in milliseconds.
    pub as_of: i64,
    /// When CoinGecko says it last changed, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_at: Option<i64>,
    /// Change over 24 hours in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change_24h: Option<Quantity>,
    /// US dollars traded in 24 hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volume_24h: Option<Usd>,
}

/// Why nobody asks CoinGecko for a while, as backends tell each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Since when, in milliseconds.
    pub since: i64,
    /// Until when, in milliseconds.
    pub until: i64,
    /// Why.
    pub reason: PaceReason,
}

/// What a backend learns when it meets the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meeting {
    /// The coins that anybody watches, and since when, in milliseconds.
    pub watched: Vec<(String, i64)>,
    /// Why nobody asks CoinGecko now.
    pub pause: Option<Pause>,
}

impl Fleet {
    /// The way there; it is first gone when there is something to tell.
    ///
    /// # Errors
    /// [`FleetError`] for a URL that is none.
    pub fn new(url: &SecretUrl, patience: Duration, clock: SharedClock) -> Result<Fleet, FleetError> {
        let client = Client::open(url.reveal().as_str())?;
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(patience))
            .set_response_timeout(Some(patience))
            .set_max_delay(patience)
            .set_number_of_retries(1);
        let redis = ConnectionManager::new_lazy_with_config(client, config)?;
        // Two backends are told apart by where and when they began.
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_nanos();
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let id = format!("{}-{nanos}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        Ok(Fleet { redis, id, clock, patience, health: Mutex::default(), backends: AtomicU64::new(1) })
    }

    /// How Redis fares.
    pub fn status(&self) -> UpstreamStatus {
        let health = self.health();
        let state = match (&health.gone, health.last_success) {
            (Some(_), _) => UpstreamState::Failing,
            (None, Some(_)) => UpstreamState::Ok,
            (None, None) => UpstreamState::Unused,
        };
        UpstreamStatus {
            state,
            last_success: health.last_success,
            last_failure: health.last_failure.as_ref().map(|(at, _)| *at),
            failure: health.last_failure.as_ref().map(|(_, words)| words.clone()),
        }
    }

    /// Backends that were there lately, this one included.
    pub fn backends(&self) -> u64 {
        self.backends.load(Ordering::Relaxed)
    }

    /// Tells what is watched here, and hears what is watched anywhere; `None` when Redis is gone.
    pub async fn meet(&self, watched: &[(String, i64)], now: Timestamp, watch_ms: u64) -> Option<Meeting> {
        let (names, ids, paused) = (name("watched"), name("backends"), name("pause"));
        let oldest = now.plus_millis(-i64::try_from(watch_ms).unwrap_or(i64::MAX)).millis();
        let mut pipe = redis::pipe();
        if !watched.is_empty() {
            let command = pipe.cmd("ZADD").arg(&names).arg("GT");
            for (coin, at) in watched {
                command.arg(*at).arg(coin);
            }
            pipe.ignore();
        }
        pipe.cmd("ZREMRANGEBYSCORE").arg(&names).arg("-inf").arg(oldest).ignore();
        pipe.cmd("ZADD").arg(&ids).arg(now.millis()).arg(&self.id).ignore();
        pipe.cmd("ZREMRANGEBYSCORE").arg(&ids).arg("-inf").arg(oldest).ignore();
        pipe.cmd("ZCARD").arg(&ids);
        pipe.cmd("ZRANGE").arg(&names).arg(0).arg(-1).arg("WITHSCORES");
        pipe.cmd("GET").arg(&paused);
        let (backends, watched, pause): (u64, Vec<(String, f64)>, Option<String>) = self.ask(&pipe).await?;
        self.backends.store(backends.max(1), Ordering::Relaxed);
        let watched = watched.into_iter().map(|(coin, at)| (coin, at as i64)).collect();
        Some(Meeting { watched, pause: pause.and_then(|text| serde_json::from_str(&text).ok()) })
    }

    /// What the others know of coins; `None` when Redis is gone.
    pub async fn known(&self, coins: &[&str]) -> Option<BTreeMap<String, Known>> {
        if coins.is_empty() {
            return Some(BTreeMap::new());
        }
        let mut pipe = redis::pipe();
        let command = pipe.cmd("MGET");
        for coin in coins {
            command.arg(of_coin(coin));
        }
        let (found,): (Vec<Option<String>>,) = self.ask(&pipe).await?;
        let known =
            |(coin, text): (&&str, Option<String>)| Some(((*coin).to_owned(), serde_json::from_str(&text?).ok()?));
        Some(coins.iter().zip(found).filter_map(known).collect())
    }

    /// Tells what was learnt of coins.
    pub async fn tell(&self, known: &BTreeMap<String, Known>) {
        let mut pipe = redis::pipe();
        for (coin, known) in known {
            if let Ok(text) = serde_json::to_string(known) {
                pipe.cmd("SET").arg(of_coin(coin)).arg(text).arg("EX").arg(KEPT_S).ignore();
            }
        }
        pipe.cmd("DEL").arg(name("pause")).ignore();
        let _: Option<()> = self.ask(&pipe).await;
    }

    /// Tells why nobody is to ask CoinGecko for a while.
    pub async fn tell_pause(&self, pause: Pause) {
        let Ok(text) = serde_json::to_string(&pause) else { return };
        let mut pipe = redis::pipe();
        let left_ms = (pause.until - self.clock.now().millis()).max(1);
        pipe.cmd("SET").arg(name("pause")).arg(text).arg("PX").arg(left_ms).ignore();
        let _: Option<()> = self.ask(&pipe).await;
    }

    /// Leaves to ask CoinGecko, unless another is on the way: false. `None` when Redis is gone.
    pub async fn take_off(&self) -> Option<bool> {
        let mut pipe = redis::pipe();
        pipe.cmd("SET").arg(name("flight")).arg(&self.id).arg("NX").arg("PX").arg(FLIGHT_MS);
        let (done,): (Option<String>,) = self.ask(&pipe).await?;
        Some(done.is_some())
    }

    /// Is back.
    pub async fn land(&self) {
        // Only what is still ours: another may have left after we were given up.
        const MINE: &str =
            "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0";
        let mut pipe = redis::pipe();
        pipe.cmd("EVAL").arg(MINE).arg(1).arg(name("flight")).arg(&self.id).ignore();
        let _: Option<()> = self.ask(&pipe).await;
    }

    /// Waits until nobody is on the way to CoinGecko. `None` when Redis is gone.
    pub async fn landed(&self) -> Option<()> {
        let mut pipe = redis::pipe();
        pipe.cmd("EXISTS").arg(name("flight"));
        loop {
            let (away,): (bool,) = self.ask(&pipe).await?;
            if !away {
                return Some(());
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Charges a call to the grant that all spend, and says when its buckets will be full, or how long to wait.
    /// `None` when Redis is gone.
    ///
    /// What is known here counts where Redis knows less: one that has lost its memory gives nothing back.
    /// Calls that were made out of its sight are charged now.
    pub async fn charge(&self, terms: &[Term; 2], now: Timestamp) -> Option<Result<[Timestamp; 2], Wait>> {
        let mut pipe = redis::pipe();
        let command = pipe.cmd("EVAL").arg(CHARGE).arg(1).arg(name("budget")).arg(now.millis());
        for Term { limit, rule, kept_back, full_at, apart_ms } in terms {
            command.arg(limit.name()).arg(rule.every_ms).arg(rule.reserve).arg(*kept_back);
            command.arg(full_at.millis()).arg(*apart_ms);
        }
        let (answer,): (Vec<i64>,) = self.ask(&pipe).await?;
        Some(match answer[..] {
            [1, minute, period] => Ok([minute, period].map(Timestamp::from_millis)),
            [_, minute, period] if minute > period => Err(Wait::Minute { wait_ms: minute.unsigned_abs() }),
            [_, _, period] => Err(Wait::Period { wait_ms: period.unsigned_abs() }),
            // The script answers nothing else.
            _ => return None,
        })
    }

    /// Gives a call back that CoinGecko does not charge for.
    pub async fn give_back(&self, limit: Limit, every_ms: u64) {
        let mut pipe = redis::pipe();
        let less = -i64::try_from(every_ms).unwrap_or(i64::MAX);
        pipe.cmd("HINCRBY").arg(name("budget")).arg(limit.name()).arg(less).ignore();
        let _: Option<()> = self.ask(&pipe).await;
    }

    /// Has every price forgotten that the others know.
    pub async fn forget(&self, coins: &[String]) {
        let mut pipe = redis::pipe();
        for coin in coins {
            pipe.cmd("DEL").arg(of_coin(coin)).ignore();
        }
        let _: Option<()> = self.ask(&pipe).await;
    }

    /// Asks, and waits no longer than the patience; what comes of it is noted. Nothing while it is left alone after a failure.
    async fn ask<T: FromRedisValue>(&self, pipe: &Pipeline) -> Option<T> {
        if self.health().gone.is_some_and(|since| since.elapsed() < PAUSE) {
            return None;
        }
        let mut redis = self.redis.clone();
        let answer = match tokio::time::timeout(self.patience, pipe.query_async(&mut redis)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("it did not answer in time".to_owned()),
        };
        let now = self.clock.now();
        let mut health = self.health();
        let was_gone = health.gone.is_some();
        telemetry::note_redis(answer.is_ok());
        match answer {
            Ok(answer) => {
                if was_gone {
                    tracing::info!(event = "redis_back", "Redis is back: prices are shared again");
                }
                health.gone = None;
                health.last_success = Some(now);
                Some(answer)
            }
            Err(error) => {
                if !was_gone {
                    tracing::warn!(event = "redis_gone", %error, "Redis is gone: this backend goes on by itself");
                }
                health.gone = Some(Instant::now());
                health.last_failure = Some((now, error));
                None
            }
        }
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Fleet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fleet").field("id", &self.id).field("health", &self.health).finish_non_exhaustive()
    }
}

fn name(what: &str) -> String {
    format!("{PREFIX}:{what}")
}

fn of_coin(coin: &str) -> String {
    format!("{PREFIX}:price:{coin}")
}
