//! Prices: fresh ones cost one call for everybody, old ones are served with their age.
//!
//! [`board`] is what is known; [`keeper`] the one task that asks CoinGecko. A price that cannot be
//! renewed is not an error: it is a value that says how old it is.

mod board;
mod keeper;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use shared::chain::Chain;
use shared::money::Usd;
use shared::quote::{Freshness, Quote, Thresholds};
use shared::time::Timestamp;
use shared::token::{Origin, Token, TokenError, TokenKey, TokenTable};
use shared::wire::{Missing, MissingReason, NativePrice, PriceInfo, Prices as Answer};
use tokio::sync::{mpsc, oneshot};

use self::board::Board;
pub use self::board::Priced;
use self::keeper::{Keeper, Wish};
use crate::cache::Cache;
use crate::clock::SharedClock;
use crate::coingecko::{CoinGecko, CoinList, UpstreamError};
use crate::tasks::Tasks;
use crate::telemetry::{UsingStaleCache, count_prices};

/// How long a caller waits for fresh prices before it takes what there is.
const PATIENCE: Duration = Duration::from_secs(4);
/// Wishes that wait for the keeper; more callers wait in line.
const WISHES: usize = 256;
/// How long the list of coins is kept, in milliseconds: a coin's address does not change.
const LIST_LIFE_MS: u64 = 48 * 3_600_000;
/// A token is warned about at most so often, in milliseconds.
const WARNED_MS: u64 = 60_000;

/// The prices.
#[derive(Debug)]
pub struct Prices {
    board: Arc<RwLock<Board>>,
    wishes: mpsc::Sender<Wish>,
    list: Cache<(), Arc<CoinList>, UpstreamError>,
    upstream: Arc<CoinGecko>,
    clock: SharedClock,
    thresholds: Thresholds,
    warned: Mutex<BTreeMap<TokenKey, Timestamp>>,
    demo: bool,
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
    /// Starts the keeper. With `demo`, nobody is asked and every price is missing.
    pub fn start(
        upstream: Arc<CoinGecko>,
        clock: SharedClock,
        thresholds: Thresholds,
        demo: bool,
        tasks: &Tasks,
    ) -> Prices {
        let board = Arc::new(RwLock::new(Board::new()));
        let (wishes, incoming) = mpsc::channel(WISHES);
        let keeper = Keeper {
            upstream: upstream.clone(),
            board: board.clone(),
            clock: clock.clone(),
            fresh_ms: thresholds.fresh_ms,
            wishes: incoming,
        };
        tasks.spawn(keeper.run(tasks.stop()));
        Prices {
            board,
            wishes,
            list: Cache::new(clock.clone(), 1),
            upstream,
            clock,
            thresholds,
            warned: Mutex::default(),
            demo,
        }
    }

    /// The prices of tokens, and of the coins that pay for gas on `chains`.
    pub async fn get(&self, asked: &BTreeSet<Asked>, chains: &BTreeSet<Chain>) -> Answer {
        let tokens = self.identify(asked).await;
        let natives = chains.iter().map(|chain| chain.facts().native_coin_id);
        let priced = tokens.iter().filter(|token| !token.pinned).filter_map(|token| token.coin_id.as_deref());
        let coins: BTreeSet<String> = priced.chain(natives).map(str::to_owned).collect();
        let had_fresh = self.freshen(coins).await;
        self.answer(&tokens, chains, &had_fresh)
    }

    /// What a coin traded in 24 hours, as far as is known now.
    pub fn volume_24h(&self, coin: &str) -> Option<(Usd, Timestamp)> {
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        let priced = board.coin(coin)?.last?;
        Some((priced.volume_24h?, priced.quote.as_of))
    }

    /// The tokens with their coins: from the table, by the caller's word, or by the list of coins.
    pub async fn identify(&self, asked: &BTreeSet<Asked>) -> Vec<Token> {
        let table = TokenTable::builtin();
        let mut tokens: Vec<Token> = asked
            .iter()
            .map(|asked| {
                let mut token = table.get(asked.key).cloned().unwrap_or_else(|| nameless(asked.key));
                if token.coin_id.is_none() && !token.pinned {
                    token.coin_id.clone_from(&asked.coin_hint);
                }
                token
            })
            .collect();
        let unlisted = |token: &Token| token.coin_id.is_none() && token.key.chain.facts().platform.is_some();
        if !self.demo && tokens.iter().any(unlisted) {
            let upstream = self.upstream.clone();
            let make = || async move { upstream.coins_list().await.map(Arc::new) };
            if let Ok(list) = self.list.get((), LIST_LIFE_MS, make).await {
                for token in tokens.iter_mut().filter(|token| unlisted(token)) {
                    token.coin_id = list.value.get(&token.key).cloned();
                }
            }
        }
        tokens
    }

    /// Has the keeper renew what is not fresh, and says which coins were fresh before.
    async fn freshen(&self, coins: BTreeSet<String>) -> BTreeSet<String> {
        let now = self.clock.now();
        let (fresh, old): (BTreeSet<String>, BTreeSet<String>) = {
            let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
            coins.into_iter().partition(|id| board.is_fresh(id, now, self.thresholds.fresh_ms))
        };
        if self.demo {
            return fresh;
        }
        if old.is_empty() {
            // Even so, they are asked for: the next refresh keeps them.
            self.board.write().unwrap_or_else(PoisonError::into_inner).ask(fresh.iter().map(String::as_str), now);
            return fresh;
        }
        let (done, waiting) = oneshot::channel();
        let wish = Wish { coins: fresh.iter().chain(&old).cloned().collect(), done };
        let wished = async {
            if self.wishes.send(wish).await.is_ok() {
                // The keeper is gone only when the server ends: then there is what there is.
                let _ = waiting.await;
            }
        };
        if tokio::time::timeout(PATIENCE, wished).await.is_err() {
            tracing::debug!("a caller took old prices rather than wait");
        }
        fresh
    }

    fn answer(&self, tokens: &[Token], chains: &BTreeSet<Chain>, had_fresh: &BTreeSet<String>) -> Answer {
        let now = self.clock.now();
        let board = self.board.read().unwrap_or_else(PoisonError::into_inner);
        let mut answer = Answer { now, thresholds: self.thresholds, prices: vec![], missing: vec![], natives: vec![] };
        let mut outcomes = Outcomes::default();
        for token in tokens {
            if token.pinned {
                answer.prices.push(PriceInfo::new(token, Quote::pinned(now), None, now, self.thresholds));
                continue;
            }
            let known = token.coin_id.as_deref().map(|id| (id, board.coin(id)));
            let reason = match known {
                None => MissingReason::NoCoin,
                Some((id, Some(coin))) => match coin.last {
                    Some(Priced { quote, change_24h, .. }) => {
                        let info = PriceInfo::new(token, quote, change_24h, now, self.thresholds);
                        outcomes.note(info.freshness, had_fresh.contains(id));
                        if info.freshness != Freshness::Fresh {
                            self.warn(token, quote, now);
                        }
                        answer.prices.push(info);
                        continue;
                    }
                    None => coin.checked.and_then(|(_, reason)| reason).unwrap_or(MissingReason::Unavailable),
                },
                Some((_, None)) => MissingReason::Unavailable,
            };
            outcomes.misses += 1;
            let reason = if self.demo { MissingReason::Off } else { reason };
            answer.missing.push(Missing { chain: token.key.chain, address: token.key.address, reason });
        }
        for chain in chains {
            if let Some(Priced { quote, change_24h, .. }) =
                board.coin(chain.facts().native_coin_id).and_then(|coin| coin.last)
            {
                answer.natives.push(NativePrice::new(*chain, quote, change_24h, now, self.thresholds));
            }
        }
        outcomes.count();
        answer
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

/// A token that is in no table: its price is known by its coin, and nothing else is.
fn nameless(key: TokenKey) -> Token {
    Token {
        key,
        symbol: key.checksummed(),
        name: key.checksummed(),
        decimals: 0,
        coin_id: None,
        origin: Origin::User,
        pinned: false,
    }
}

#[derive(Default)]
struct Outcomes {
    hits: u64,
    misses: u64,
    stale: u64,
    expired: u64,
}

impl Outcomes {
    fn note(&mut self, freshness: Freshness, was_fresh: bool) {
        match (freshness, was_fresh) {
            (Freshness::Fresh, true) => self.hits += 1,
            (Freshness::Fresh, false) => self.misses += 1,
            (Freshness::Stale, _) => self.stale += 1,
            (Freshness::Expired, _) => self.expired += 1,
        }
    }

    fn count(self) {
        count_prices("hit", self.hits);
        count_prices("miss", self.misses);
        count_prices("stale", self.stale);
        count_prices("expired", self.expired);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::extract::RawQuery;
    use axum::response::{IntoResponse, Response};
    use axum::routing::get;
    use futures_util::future::join_all;
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::moved::MovedClock;
    use crate::coingecko::budget::Grant;
    use crate::config::Config;
    use crate::telemetry::tests::Captured;

    /// An upstream that knows one price until it is told to fail, and takes so many ids at once.
    #[derive(Clone, Default)]
    struct Upstream {
        calls: Arc<AtomicUsize>,
        fails: Arc<std::sync::atomic::AtomicBool>,
        most_ids: Arc<AtomicUsize>,
    }

    impl Upstream {
        fn calls(&self) -> usize {
            self.calls.load(Ordering::SeqCst)
        }

        fn answer(&self, query: &str) -> Response {
            self.calls.fetch_add(1, Ordering::SeqCst);
            if self.fails.load(Ordering::SeqCst) {
                return axum::http::StatusCode::BAD_GATEWAY.into_response();
            }
            let pairs: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).collect();
            let most = self.most_ids.load(Ordering::SeqCst);
            if most > 0 && pairs["ids"].split(',').count() > most {
                let body =
                    r#"{"timestamp":"x","error_code":10012,"status":{"error_message":"exceeds the allowed limit"}}"#;
                return (axum::http::StatusCode::BAD_REQUEST, body).into_response();
            }
            let rows = pairs["ids"].split(',').map(|id| format!(r#""{id}":{{"usd":3000.000000000000000001}}"#));
            format!("{{{}}}", rows.collect::<Vec<_>>().join(",")).into_response()
        }
    }

    struct Bench {
        prices: Prices,
        clock: Arc<MovedClock>,
        upstream: Upstream,
        tasks: Tasks,
    }

    impl Bench {
        async fn start() -> Bench {
            Bench::granted(Grant::DEMO).await
        }

        async fn granted(grant: Grant) -> Bench {
            let upstream = Upstream::default();
            let served = upstream.clone();
            let answer = move |RawQuery(query): RawQuery| std::future::ready(served.answer(&query.unwrap_or_default()));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let router = Router::new().route("/simple/price", get(answer));
            let tasks = Tasks::new();
            tasks.spawn(async move { axum::serve(listener, router).await.unwrap() });
            let mut config = Config::default();
            config.coingecko.base_url = format!("http://{address}").parse().unwrap();
            config.coingecko.grant = grant;
            let clock = MovedClock::at_secs(1_000_000);
            let client = Arc::new(CoinGecko::new(&config, clock.clone()).unwrap());
            let prices = Prices::start(client, clock.clone(), config.thresholds, false, &tasks);
            Bench { prices, clock, upstream, tasks }
        }

        async fn weth(&self) -> Answer {
            let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap().key;
            self.prices.get(&[Asked::from(weth)].into(), &[Chain::Ethereum].into()).await
        }
    }

    fn block_on(run: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run);
    }

    #[test]
    fn an_old_price_is_served_with_its_age_and_said_once_a_minute() {
        let lines = Captured::during(|| {
            block_on(async {
                let bench = Bench::start().await;
                assert_eq!(bench.weth().await.prices[0].price.to_string(), "3000.000000000000000001");
                bench.upstream.fails.store(true, Ordering::SeqCst);
                for (secs, freshness) in [(75, Freshness::Stale), (30, Freshness::Stale), (135, Freshness::Expired)] {
                    bench.clock.advance_secs(secs);
                    let answer = bench.weth().await;
                    assert_eq!(answer.prices[0].freshness, freshness);
                    assert_eq!(answer.prices[0].as_of, Timestamp::from_secs(1_000_000));
                    assert!(answer.missing.is_empty());
                }
            });
        });
        let stale = lines.iter().filter(|line| line["event"] == "using_stale_cache");
        let said: Vec<_> = stale.map(|line| (&line["level"], &line["token"], line["age_seconds"].as_u64())).collect();
        let (level, token) = ("WARN".into(), "WETH".into());
        assert_eq!(said, [(&level, &token, Some(75)), (&level, &token, Some(240))]);
    }

    #[test]
    fn any_number_of_callers_and_tokens_cost_one_call() {
        block_on(async {
            let bench = Bench::start().await;
            let all: Vec<Asked> = TokenTable::builtin()
                .iter()
                .filter(|token| token.origin == Origin::Builtin && token.coin_id.is_some())
                .map(|token| Asked::from(token.key))
                .collect();
            let callers = all.iter().cycle().take(200).map(|asked| {
                let asked = BTreeSet::from([asked.clone()]);
                async { bench.prices.get(&{ asked }, &Chain::ALL.into()).await }
            });
            let answers = join_all(callers).await;
            assert!(answers.iter().all(|answer| answer.prices.len() == 1 && answer.natives.len() == 4));
            assert_eq!(bench.upstream.calls(), 1);
        });
    }

    #[test]
    fn what_the_upstream_takes_at_once_is_learnt_from_its_refusal() {
        block_on(async {
            let bench = Bench::start().await;
            bench.upstream.most_ids.store(6, Ordering::SeqCst);
            assert_eq!(bench.weth().await.prices.len(), 1);
            let first = bench.upstream.calls();
            bench.clock.advance_secs(60);
            assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
            let second = bench.upstream.calls() - first;
            assert!(second < first, "{first} calls, then {second}: no refusal the second time");
        });
    }

    #[test]
    fn a_failing_upstream_is_left_alone_for_longer_and_longer() {
        block_on(async {
            let bench = Bench::start().await;
            bench.upstream.fails.store(true, Ordering::SeqCst);
            let mut calls = vec![];
            for _ in 0..30 {
                assert_eq!(bench.weth().await.missing[0].reason, MissingReason::Unavailable);
                calls.push(bench.upstream.calls());
                bench.clock.advance_secs(1);
            }
            // At 0 s, then after 5 and 10 seconds more.
            assert_eq!((calls[0], calls[4], calls[5], calls[14], calls[15], calls[29]), (1, 1, 2, 2, 3, 3));
            bench.upstream.fails.store(false, Ordering::SeqCst);
            bench.clock.advance_secs(60);
            assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
        });
    }

    #[test]
    fn when_the_savings_are_spent_prices_come_at_the_pace_of_the_grant_and_tell_their_age() {
        block_on(async {
            // 80 calls a day for prices: 12 saved, then one every 21 minutes.
            let bench = Bench::granted(Grant { calls: 100, days: 1 }).await;
            let (mut fresh, mut expired) = (0, 0);
            for _ in 0..180 {
                match bench.weth().await.prices[0].freshness {
                    Freshness::Fresh => fresh += 1,
                    Freshness::Stale => {}
                    Freshness::Expired => expired += 1,
                }
                bench.clock.advance_secs(60);
            }
            // Three hours: the savings, and what came back meanwhile.
            assert_eq!((bench.upstream.calls(), fresh), (20, 20));
            assert!(expired > 100, "{expired}");
            // A failure is not charged: the next call is there at once.
            bench.clock.advance_secs(3600);
            bench.upstream.fails.store(true, Ordering::SeqCst);
            assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Expired);
            bench.upstream.fails.store(false, Ordering::SeqCst);
            for _ in 0..2 {
                bench.clock.advance_secs(60);
                assert_eq!(bench.weth().await.prices[0].freshness, Freshness::Fresh);
            }
        });
    }

    #[test]
    fn the_demo_market_asks_nobody() {
        block_on(async {
            let bench = Bench::start().await;
            let client = bench.prices.upstream.clone();
            let prices = Prices::start(client, bench.clock.clone(), Thresholds::default(), true, &bench.tasks);
            let weth = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap().key;
            let answer = prices.get(&[Asked::from(weth)].into(), &[Chain::Ethereum].into()).await;
            assert_eq!((answer.missing[0].reason, bench.upstream.calls()), (MissingReason::Off, 0));
        });
    }
}
