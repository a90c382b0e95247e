//! What is known of coins' prices, however old, and which coins are asked for.

use std::collections::{BTreeMap, BTreeSet};

use shared::chain::Chain;
use shared::money::{Quantity, Usd};
use shared::quote::{Quote, Source};
use shared::time::Timestamp;
use shared::token::TokenTable;
use shared::wire::MissingReason;

use crate::coingecko::CoinQuote;

/// Coins beyond the built-in ones that are remembered; then the longest unasked goes.
const MOST_COINS: usize = 2_000;
/// A coin nobody asked for so long is not refreshed any more.
const WATCHED_MS: u64 = 5 * 60_000;

/// Coins by CoinGecko's id.
#[derive(Debug)]
pub struct Board {
    coins: BTreeMap<String, Coin>,
    builtin: BTreeSet<&'static str>,
}

/// What is known of a coin.
#[derive(Debug, Clone, Default)]
pub struct Coin {
    /// Its last good price.
    pub last: Option<Priced>,
    /// When CoinGecko last answered about it, and what was wrong if its answer held no price.
    pub checked: Option<(Timestamp, Option<MissingReason>)>,
    asked_at: Timestamp,
}

/// A good price and what came with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priced {
    /// The price.
    pub quote: Quote,
    /// Change over 24 hours in percent.
    pub change_24h: Option<Quantity>,
    /// US dollars traded in 24 hours.
    pub volume_24h: Option<Usd>,
}

impl Board {
    /// A board that knows which coins ship with Foolscap: every refresh asks for them.
    pub fn new() -> Board {
        let tokens = TokenTable::builtin().iter().filter(|token| !token.pinned);
        let natives = Chain::ALL.into_iter().map(|chain| chain.facts().native_coin_id);
        let builtin = tokens.filter(|token| token.origin == shared::token::Origin::Builtin);
        Board {
            coins: BTreeMap::new(),
            builtin: builtin.filter_map(|token| token.coin_id.as_deref()).chain(natives).collect(),
        }
    }

    /// What is known of a coin.
    pub fn coin(&self, id: &str) -> Option<&Coin> {
        self.coins.get(id)
    }

    /// Notes that coins are asked for.
    pub fn ask<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>, now: Timestamp) {
        for id in ids {
            match self.coins.get_mut(id) {
                Some(coin) => coin.asked_at = now,
                None => {
                    self.coins.insert(id.to_owned(), Coin { asked_at: now, ..Coin::default() });
                }
            }
        }
        while self.coins.len() > MOST_COINS {
            let extra = self.coins.iter().filter(|(id, _)| !self.builtin.contains(id.as_str()));
            let Some(oldest) = extra.min_by_key(|(_, coin)| coin.asked_at).map(|(id, _)| id.clone()) else {
                break;
            };
            self.coins.remove(&oldest);
        }
    }

    /// Whether a coin was looked up less than `fresh_ms` ago.
    pub fn is_fresh(&self, id: &str, now: Timestamp, fresh_ms: u64) -> bool {
        let checked = self.coins.get(id).and_then(|coin| coin.checked);
        checked.is_some_and(|(at, _)| now.since(at) < fresh_ms)
    }

    /// The coins of the next call: those that ship, and those asked for lately. All of them each
    /// time: they cost one call together, and stay in step.
    pub fn watched(&self, now: Timestamp) -> BTreeSet<String> {
        let asked = self.coins.iter().filter(|(_, coin)| now.since(coin.asked_at) < WATCHED_MS);
        let builtin = self.builtin.iter().map(|id| (*id).to_owned());
        asked.map(|(id, _)| id.clone()).chain(builtin).collect()
    }

    /// Takes an answer about `ids`, which came at `now`. A price that is missing now does not take
    /// the last good one away: that grows old, and says so.
    pub fn learn(&mut self, ids: &[&str], quotes: &BTreeMap<String, CoinQuote>, now: Timestamp) {
        for id in ids {
            let coin = self.coins.entry((*id).to_owned()).or_default();
            let Some(told) = quotes.get(*id) else {
                coin.checked = Some((now, Some(MissingReason::NotQuoted)));
                continue;
            };
            coin.checked = Some((now, told.price.err()));
            if let Ok(price) = told.price {
                let quote = Quote { price, as_of: now, source: Source::Coingecko, upstream_at: told.upstream_at };
                coin.last = Some(Priced { quote, change_24h: told.change_24h, volume_24h: told.volume_24h });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quote(price: Result<&str, MissingReason>) -> CoinQuote {
        CoinQuote {
            price: price.map(|text| text.parse().unwrap()),
            upstream_at: None,
            change_24h: None,
            volume_24h: None,
        }
    }

    #[test]
    fn every_call_asks_for_what_ships_and_what_is_watched() {
        let mut board = Board::new();
        let at = Timestamp::from_secs;
        board.ask(["pepe"], at(0));
        let watched = board.watched(at(299));
        assert!(watched.contains("pepe") && watched.contains("ethereum") && watched.contains("chainlink"));
        assert!(!watched.contains("tether"), "pinned stablecoins need no price");
        assert!(!board.watched(at(300)).contains("pepe"));
    }

    #[test]
    fn a_price_that_goes_missing_leaves_the_last_one_to_grow_old() {
        let mut board = Board::new();
        let at = Timestamp::from_secs;
        let answer = |price| BTreeMap::from([("weth".to_owned(), quote(price))]);
        board.learn(&["weth", "gone"], &answer(Ok("3000")), at(0));
        board.learn(&["weth"], &answer(Err(MissingReason::NotQuoted)), at(60));
        let weth = board.coin("weth").unwrap();
        assert_eq!(weth.last.unwrap().quote.as_of, at(0));
        assert_eq!(weth.checked, Some((at(60), Some(MissingReason::NotQuoted))));
        let gone = board.coin("gone").unwrap();
        assert_eq!((gone.last, gone.checked), (None, Some((at(0), Some(MissingReason::NotQuoted)))));
        assert!(board.is_fresh("weth", at(119), 60_000) && !board.is_fresh("weth", at(120), 60_000));
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut board = Board::new();
        for n in 0..3_000 {
            board.ask([format!("coin-{n}").as_str()], Timestamp::from_secs(n));
        }
        assert_eq!(board.coins.len(), MOST_COINS);
        assert!(board.coin("coin-2999").is_some() && board.coin("coin-0").is_none());
    }
}
