//! Which coin a token is: by the table, by the caller's word, by CoinGecko's list of coins, or, for what the
//! list does not hold yet, by its contract. That nobody knows it is remembered too.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::join_all;
use shared::token::{Origin, Token, TokenKey, TokenTable};

use super::Asked;
use crate::cache::{Cache, Kept};
use crate::clock::SharedClock;
use crate::coingecko::{CoinGecko, CoinList, UpstreamError};
use crate::store::{Lookup, Store};
use crate::tasks::Tasks;

/// How long the list of coins is kept, in milliseconds: a coin's address does not change.
const LIST_LIFE_MS: u64 = 48 * 3_600_000;

/// How long it is kept which coin a contract is, or that it is none, in milliseconds.
const CONTRACT_LIFE_MS: u64 = 24 * 3_600_000;
/// Contracts that are looked up for one request: each costs a call.
const CONTRACTS: usize = 4;
/// Contracts that are remembered.
const MOST_CONTRACTS: usize = 1_000;

/// What is known about which token is which coin.
#[derive(Debug)]
pub struct Coins {
    list: Cache<(), Arc<CoinList>, UpstreamError>,
    contracts: Cache<TokenKey, Option<String>, UpstreamError>,
    upstream: Arc<CoinGecko>,
    store: Store,
    clock: SharedClock,
    tasks: Tasks,
    demo: bool,
}

impl Coins {
    /// Begins with what the store has kept.
    pub async fn start(upstream: Arc<CoinGecko>, store: Store, clock: SharedClock, demo: bool, tasks: &Tasks) -> Coins {
        let coins = Coins {
            list: Cache::new(clock.clone(), 1),
            contracts: Cache::new(clock.clone(), MOST_CONTRACTS),
            upstream,
            store,
            clock,
            tasks: tasks.clone(),
            demo,
        };
        for (_, Kept { value, as_of }) in coins.store.lookups::<CoinList>(Lookup::Coins).await {
            coins.list.fill((), Kept { value: Arc::new(value), as_of });
        }
        for (name, kept) in coins.store.lookups(Lookup::Contracts).await {
            if let Ok(key) = name.parse() {
                coins.contracts.fill(key, kept);
            }
        }
        coins
    }

    /// Forgets what was looked up.
    pub fn clear(&self) {
        self.list.clear();
        self.contracts.clear();
    }

    /// The tokens with their coins.
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
            let (upstream, store, clock) = (self.upstream.clone(), self.store.clone(), self.clock.clone());
            let make = || async move {
                let list = upstream.coins_list().await?;
                store.keep_lookup(Lookup::Coins, "", &list, clock.now());
                Ok(Arc::new(list))
            };
            if let Ok(list) = self.list.soon(&self.tasks, (), LIST_LIFE_MS, make).await {
                for token in tokens.iter_mut().filter(|token| unlisted(token)) {
                    token.coin_id = list.value.get(&token.key).cloned();
                }
                let rest = tokens.iter_mut().filter(|token| unlisted(token)).take(CONTRACTS);
                join_all(rest.map(async |token| token.coin_id = self.at(token.key).await)).await;
            }
        }
        tokens
    }

    /// The coin of a contract, as far as it can be known now.
    async fn at(&self, key: TokenKey) -> Option<String> {
        let (upstream, store, clock) = (self.upstream.clone(), self.store.clone(), self.clock.clone());
        let make = || async move {
            let coin = match upstream.coin_at(key).await {
                Ok(coin) => Some(coin),
                Err(UpstreamError::NotFound { .. }) => None,
                Err(error) => return Err(error),
            };
            store.keep_lookup(Lookup::Contracts, &key.to_string(), &coin, clock.now());
            Ok(coin)
        };
        self.contracts.soon(&self.tasks, key, CONTRACT_LIFE_MS, make).await.ok()?.value
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
