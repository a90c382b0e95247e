//! Prices: fresh ones cost one call for everybody, old ones are served with their age.
//!
//! [`board`] is what is known and who watches; [`keeper`] the one task that asks CoinGecko; [`coins`] which
//! coin a token is; [`depeg`] stablecoins that are off their peg; [`stats`] what it comes to. A price that
//! cannot be renewed is not an error: it is a value that says how old it is.
//!
//! While somebody watches a coin it is renewed as it reaches the end of its freshness. Whoever asks for it
//! later than that is answered at once with the stale price, and it is renewed behind. Only what has no
//! price, or an expired one, is waited for, and not for long.

mod board;
mod coins;
mod depeg;
mod keeper;
mod stats;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use shared::chain::Chain;
use shared::money::{Price, Usd};
use shared::quote::{Freshness, Quote};
use shared::time::Timestamp;
use shared::token::{Token, TokenError, TokenKey};
use shared::wire::{Missing, MissingReason, NativePrice, PriceInfo, PriceStats, Prices as Answer};
use tokio::sync::{Notify, watch};

use self::board::{Board, Need, Standing};
pub use self::board::{Lives, Priced};
use self::coins::Coins;
use self::keeper::Keeper;
use self::stats::Stats;
pub use self::stats::{Counts, Outcomes};
use crate::clock::SharedClock;
use crate::coingecko::CoinGecko;
use crate::fleet::Fleet;
use crate::store::Store;
use crate::tasks::Tasks;
use crate::telemetry::UsingStaleCache;

/// A token is warned about at most so often, in milliseconds.
const WARNED_MS: u64 = 60_000;
/// A renewal that takes so long after a price has turned stale is late, in milliseconds.
const LATE_MS: u64 = 10_000;

/// The prices.
#[derive(Debug)]
pub struct Prices {
    common: Arc<Common>,
    coins: Coins,
    store: Store,
    fleet: Option<Arc<Fleet>>,
    clock: SharedClock,
    settings: Settings,
    started_at: Timestamp,
    warned: Mutex<BTreeMap<TokenKey, Timestamp>>,
}

/// How prices are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// For how long what is known holds.
    pub lives: Lives,
    /// How long a caller waits for a price before it takes what there is.
    pub patience: Duration,
    /// Whether nobody is asked, and every price is missing.
    pub demo: bool,
}

/// What callers and the keeper share.
#[derive(Debug)]
struct Common {
    board: RwLock<Board>,
    /// Somebody wants something that is not fresh.
    nudge: Notify,
    /// Attempts to refresh that have ended.
    ended: watch::Sender<u64>,
    /// The board's version.
    changes: watch::Sender<u64>,
    stats: Stats,
}

/// A token somebody asks about: one of the table, or any other, with the coin it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Asked {
    /// Which token.
    pub key: TokenKey,
    /// The coin id the caller names. What ships is never overridden by it.
    pub coin_hint: Option<String>,
}

impl From<TokenKey> for Asked {
    fn from(key: TokenKey) -> Asked {
        Asked { key, coin_hint: None }
    }
}

impl Asked {
    /// A token, and the coin its owner says it is.
    ///
    /// # Errors
    /// [`TokenError::CoinId`] for a coin id that cannot be one.
    pub fn new(key: TokenKey, coin: Option<&str>) -> Result<Asked, TokenError> {
        // The core knows what a coin id looks like.
        let token = Token::user(key, "coin", 0, coin)?;
        Ok(Asked { key, coin_hint: token.coin_id })
    }
}

impl Prices {
    /// Begins with what the store has kept, and starts the keeper.
    pub async fn start(
        upstream: Arc<CoinGecko>,
        store: Store,
        fleet: Option<Arc<Fleet>>,
        clock: SharedClock,
        settings: Settings,
        tasks: &Tasks,
    ) -> Prices {
        let board = Board::new(settings.lives, store.prices().await);
        let common = Arc::new(Common {
            changes: watch::Sender::new(board.version()),
            board: RwLock::new(board),
            nudge: Notify::new(),
            ended: watch::Sender::new(0),
            stats: Stats::default(),
        });
        let keeper = Keeper {
            upstream: upstream.clone(),
            common: common.clone(),
            clock: clock.clone(),
            store: store.clone(),
            fleet: fleet.clone(),
            watch_ms: settings.lives.watch_ms,
        };
        tasks.spawn(keeper.run(tasks.stop()));
        let coins = Coins::start(upstream, store.clone(), clock.clone(), settings.demo, tasks).await;
        Prices { common, coins, store, fleet, started_at: clock.now(), clock, settings, warned: Mutex::default() }
    }

    /// The prices of tokens, and of the coins that pay for gas on `chains`.
    pub async fn get(&self, asked: &BTreeSet<Asked>, chains: &BTreeSet<Chain>) -> Answer {
        let tokens = self.coins.identify(asked).await;
        let before = self.watch(&tokens, chains);
        if before.need == Need::Waiting && !before.resting {
            self.wait(&tokens, chains, before.begun).await;
        }
        let (answer, outcomes) = self.answer(&tokens, chains, 0, before.version);
        self.common.stats.served(outcomes);
        answer
    }

    /// Moves when prices have changed; what it holds is a version for [`Prices::changed_since`].
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.common.changes.subscribe()
    }

    /// Of `tokens` (see [`Prices::identify`]) and the coins of `chains`, the prices that have changed since a
    /// version, without waiting for anybody; and the version they are of. Since version 0 that is all of
    /// them. It keeps them watched: whoever wants them kept fresh calls this more often than the watch
    /// lasts, also while nothing changes. Alerts and pace are always told.
    pub fn changed_since(&self, tokens: &[Token], chains: &BTreeSet<Chain>, version: u64) -> (u64, Answer) {
        self.watch(tokens, chains);
        // Before the answer is made: what lands meanwhile is told twice rather than never.
        let now = self.version();
        (now, self.answer(tokens, chains, version, now).0)
    }

    /// The version of what is known now.
    pub fn version(&self) -> u64 {
        self.common.board.read().unwrap_or_else(PoisonError::into_inner).version()
    }

    /// Counts a request that was answered from what was answered before: all of it fresh.
    pub fn count_hits(&self, hits: u64) {
        self.common.stats.served(Outcomes { hits, ..Outcomes::default() });
    }

    /// What was served since the start, and what it cost.
    pub fn stats(&self) -> PriceStats {
        let now = self.clock.now();
        let (watched, kept) = {
            let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
            (board.watched(now), board.priced())
        };
        let Counts { requests, waiting, served, calls, bulk_calls, failed_calls, p50_ms, p99_ms } =
            self.common.stats.counts();
        PriceStats {
            now,
            since: self.started_at,
            requests,
            waiting,
            hits: served.hits,
            misses: served.misses,
            stale_hits: served.stale,
            expired: served.expired,
            hit_rate_ppm: (served.total() - served.misses) * 1_000_000 / served.total().max(1),
            calls,
            bulk_calls,
            failed_calls,
            calls_saved: served.total().saturating_sub(calls),
            latency_p50_ms: p50_ms,
            latency_p99_ms: p99_ms,
            watched: watched as u64,
            kept: kept as u64,
        }
    }

    /// Forgets every price and every coin that was looked up, here, in the store, and what other backends
    /// would tell; says how many prices there were. Who watches is not forgotten: their prices come anew.
    pub async fn clear(&self) -> usize {
        let (count, version, ids) = {
            let mut board = self.common.board.write().unwrap_or_else(PoisonError::into_inner);
            (board.clear(), board.version(), board.ids())
        };
        if let Some(fleet) = &self.fleet {
            fleet.forget(&ids).await;
        }
        self.coins.clear();
        self.store.forget_prices();
        self.common.changes.send_replace(version);
        self.common.nudge.notify_one();
        count
    }

    /// The price of a token as far as it is known now and not expired. Nobody is asked, and nothing is watched.
    pub fn known(&self, token: &Token) -> Option<Price> {
        let coin = token.coin_id.as_deref()?;
        let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
        let quote = board.coin(coin)?.last?.quote;
        let freshness = self.settings.lives.thresholds.judge(quote.age_ms(self.clock.now()));
        (freshness != Freshness::Expired).then_some(quote.price)
    }

    /// What a coin traded in 24 hours, as far as is known now.
    pub fn volume_24h(&self, coin: &str) -> Option<(Usd, Timestamp)> {
        let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
        let priced = board.coin(coin)?.last?;
        Some((priced.volume_24h?, priced.quote.as_of))
    }

    /// The tokens with their coins: from the table, by the caller's word, or by the list of coins.
    pub async fn identify(&self, asked: &BTreeSet<Asked>) -> Vec<Token> {
        self.coins.identify(asked).await
    }

    /// Notes who is watched, has the keeper renew what is not fresh, and says what was found.
    fn watch(&self, tokens: &[Token], chains: &BTreeSet<Chain>) -> Found {
        let now = self.clock.now();
        let along = tokens.iter().filter(|token| token.pinned).filter_map(|token| token.coin_id.as_deref());
        let (standing, found) = {
            let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
            let need = own_coins(tokens, chains).map(|id| board.need(id, now)).max().unwrap_or(Need::Nothing);
            let own = own_coins(tokens, chains).map(|id| board.ask(id, now));
            let along = along.clone().map(|id| board.ask_along(id, now));
            let standing = own.chain(along).max().unwrap_or(Standing::Watched);
            let resting = self.settings.demo || board.resting(now).is_some();
            (standing, Found { need, resting, begun: board.begun(), version: board.version() })
        };
        if self.settings.demo {
            return found;
        }
        if standing == Standing::Unknown {
            let mut board = self.common.board.write().unwrap_or_else(PoisonError::into_inner);
            board.admit(own_coins(tokens, chains), now);
            board.admit_along(along, now);
        }
        // Whoever is newly watched may be due before the keeper means to wake.
        if standing != Standing::Watched || (found.need != Need::Nothing && !found.resting) {
            self.common.nudge.notify_one();
        }
        found
    }

    /// Waits until nothing has to be waited for any more, or an attempt that began later has ended, or the
    /// patience is over.
    async fn wait(&self, tokens: &[Token], chains: &BTreeSet<Chain>, begun: u64) {
        let _counted = self.common.stats.waiting();
        let (mut changes, mut ended) = (self.changes(), self.common.ended.subscribe());
        let settled = async {
            loop {
                {
                    let now = self.clock.now();
                    let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
                    let mut needs = own_coins(tokens, chains).map(|id| board.need(id, now));
                    if needs.all(|need| need != Need::Waiting) || *ended.borrow_and_update() > begun {
                        return;
                    }
                }
                // The senders live as long as this does.
                tokio::select! {
                    _ = changes.changed() => {}
                    _ = ended.changed() => {}
                }
            }
        };
        if tokio::time::timeout(self.settings.patience, settled).await.is_err() {
            tracing::debug!("a caller took what there is rather than wait");
        }
    }

    fn answer(&self, tokens: &[Token], chains: &BTreeSet<Chain>, since: u64, before: u64) -> (Answer, Outcomes) {
        let now = self.clock.now();
        let thresholds = self.settings.lives.thresholds;
        let board = self.common.board.read().unwrap_or_else(PoisonError::into_inner);
        let mut outcomes = Outcomes::default();
        let mut answer = Answer {
            now,
            thresholds,
            prices: vec![],
            missing: vec![],
            natives: vec![],
            alerts: board.depegs.alerts(),
            pace: None,
        };
        for token in tokens {
            if token.pinned {
                if since == 0 {
                    answer.prices.push(PriceInfo::new(token, Quote::pinned(now), None, now, thresholds));
                }
                continue;
            }
            let coin = token.coin_id.as_deref().map(|id| board.coin(id));
            if since > 0 && coin.flatten().is_none_or(|coin| coin.changed <= since) {
                continue;
            }
            let reason = match coin {
                None => MissingReason::NoCoin,
                Some(None) => MissingReason::Unavailable,
                Some(Some(coin)) => match coin.last {
                    Some(Priced { quote, change_24h, .. }) => {
                        let info = PriceInfo::new(token, quote, change_24h, now, thresholds);
                        outcomes.note(info.freshness, coin.changed > before);
                        let age_ms = quote.age_ms(now);
                        let late = board.resting(now).is_some() || age_ms >= thresholds.fresh_ms + LATE_MS;
                        if info.freshness != Freshness::Fresh && late {
                            self.warn(token, quote, now);
                        }
                        answer.prices.push(info);
                        continue;
                    }
                    None => coin.checked.and_then(|(_, reason)| reason).unwrap_or(MissingReason::Unavailable),
                },
            };
            outcomes.misses += 1;
            let reason = if self.settings.demo { MissingReason::Off } else { reason };
            answer.missing.push(Missing { chain: token.key.chain, address: token.key.address, reason });
        }
        for chain in chains {
            if let Some(coin) = board.coin(chain.facts().native_coin_id)
                && (since == 0 || coin.changed > since)
                && let Some(Priced { quote, change_24h, .. }) = coin.last
            {
                answer.natives.push(NativePrice::new(*chain, quote, change_24h, now, thresholds));
            }
        }
        let is_behind = own_coins(tokens, chains).any(|id| board.need(id, now) != Need::Nothing);
        answer.pace = board.pace(now).filter(|_| is_behind);
        (answer, outcomes)
    }

    /// Says once in a while that an old price is served.
    fn warn(&self, token: &Token, quote: Quote, now: Timestamp) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.get(&token.key).is_some_and(|last| now.since(*last) < WARNED_MS) {
            return;
        }
        warned.retain(|_, last| now.since(*last) < WARNED_MS);
        warned.insert(token.key, now);
        let age_seconds = quote.age_ms(now) / 1000;
        UsingStaleCache { token: &token.symbol, age_seconds }.log();
    }
}

/// What a caller finds.
#[derive(Debug, Clone, Copy)]
struct Found {
    need: Need,
    resting: bool,
    begun: u64,
    version: u64,
}

/// The coins that tokens are priced by, and those that pay for gas on chains. A pin is priced by nobody.
fn own_coins<'a>(tokens: &'a [Token], chains: &'a BTreeSet<Chain>) -> impl Iterator<Item = &'a str> + Clone {
    let priced = tokens.iter().filter(|token| !token.pinned).filter_map(|token| token.coin_id.as_deref());
    priced.chain(chains.iter().map(|chain| chain.facts().native_coin_id))
}

impl Outcomes {
    fn note(&mut self, freshness: Freshness, is_new: bool) {
        match (freshness, is_new) {
            (Freshness::Fresh, false) => self.hits += 1,
            (Freshness::Fresh, true) => self.misses += 1,
            (Freshness::Stale, _) => self.stale += 1,
            (Freshness::Expired, _) => self.expired += 1,
        }
    }
}

#[cfg(test)]
mod tests;
