//! What is known of coins' prices, however old, and which coins are watched.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

use shared::money::{Quantity, Usd};
use shared::quote::{Freshness, Quote, Source, Thresholds};
use shared::time::Timestamp;
use shared::wire::{MissingReason, Pace, PaceReason};

use super::depeg::Depegs;
use crate::coingecko::CoinQuote;
use crate::fleet::{Known, KnownPrice};

/// Coins that are remembered; then the longest unasked goes.
const MOST_COINS: usize = 2_000;

/// For how long what is known holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lives {
    /// When a price stops being fresh, and stale.
    pub thresholds: Thresholds,
    /// For how long, in milliseconds, a coin stays watched after somebody asked for it.
    pub watch_ms: u64,
    /// For how long, in milliseconds, a coin without any price is not asked for again.
    pub unknown_ms: u64,
}

/// Coins by CoinGecko's id.
#[derive(Debug)]
pub struct Board {
    lives: Lives,
    coins: BTreeMap<String, Coin>,
    version: u64,
    /// Attempts to refresh that have begun.
    begun: u64,
    rest: Option<Rest>,
    /// Which stablecoins are off their peg.
    pub depegs: Depegs,
}

/// What is known of a coin.
#[derive(Debug, Default)]
pub struct Coin {
    /// Its last good price.
    pub last: Option<Priced>,
    /// When CoinGecko last answered about it, and what was wrong if its answer held no price.
    pub checked: Option<(Timestamp, Option<MissingReason>)>,
    /// The board's version when this last changed.
    pub changed: u64,
    /// When it was last asked for; and when it was last asked for along with others, so that it comes when
    /// they do and never costs a call of its own. Milliseconds; atomic, so that asking blocks nobody.
    asked_at: AtomicI64,
    along_at: AtomicI64,
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

/// Why nobody is asked for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rest {
    /// Since when.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Why.
    pub reason: PaceReason,
}

/// What the next call asks for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The coins: those that need it first, then those that may come along.
    pub ids: Vec<String>,
    /// How many of them need it.
    pub due: usize,
}

/// How a coin that is asked for stood before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It was watched already.
    Watched,
    /// Nobody had asked for it for so long that it was not watched any more.
    Lapsed,
    /// The board has no place for it.
    Unknown,
}

/// What a caller finds for its coins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Everything is fresh.
    Nothing,
    /// Something is no longer fresh: good enough, while it is renewed.
    Renewal,
    /// Something has no price, or one too old to be of use: worth waiting for.
    Waiting,
}

impl Board {
    /// A board that knows what an earlier run has left.
    pub fn new(lives: Lives, warm: BTreeMap<String, Priced>) -> Board {
        let version = 1;
        let mut depegs = Depegs::default();
        let coins = warm.into_iter().map(|(id, priced)| {
            depegs.learn(&id, &priced.quote);
            let checked = Some((priced.quote.as_of, None));
            (id, Coin { last: Some(priced), checked, changed: version, ..Coin::default() })
        });
        Board { lives, coins: coins.collect(), version, begun: 0, rest: None, depegs }
    }

    /// What is known of a coin.
    pub fn coin(&self, id: &str) -> Option<&Coin> {
        self.coins.get(id)
    }

    /// Moves when something about a price changes. It begins with 1.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Attempts to refresh that have begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Why nobody is asked now, if that is so.
    pub fn resting(&self, now: Timestamp) -> Option<Rest> {
        self.rest.filter(|rest| (rest.since..rest.until).contains(&now))
    }

    /// Why prices are behind, where they are: for those who read them.
    pub fn pace(&self, now: Timestamp) -> Option<Pace> {
        let rest = self.resting(now)?;
        let every_s = rest.until.since(rest.since).div_ceil(1000);
        Some(Pace { reason: rest.reason, every_s, next_at: rest.until })
    }

    /// Notes that a coin is asked for, and says how it stood before.
    pub fn ask(&self, id: &str, now: Timestamp) -> Standing {
        let Some(coin) = self.coins.get(id) else { return Standing::Unknown };
        let before = coin.asked_at.swap(now.millis(), Ordering::Relaxed);
        if self.is_watched(before, now) { Standing::Watched } else { Standing::Lapsed }
    }

    /// Notes that a coin is to come along when others are fetched.
    pub fn ask_along(&self, id: &str, now: Timestamp) -> Standing {
        let Some(coin) = self.coins.get(id) else { return Standing::Unknown };
        coin.along_at.store(now.millis(), Ordering::Relaxed);
        Standing::Watched
    }

    /// Makes places for coins that are asked for; the longest unasked lose theirs.
    pub fn admit<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>, now: Timestamp) {
        for id in ids {
            self.coins.entry(id.to_owned()).or_default().asked_at = AtomicI64::new(now.millis());
        }
        self.evict();
    }

    /// Makes places for coins that are to come along.
    pub fn admit_along<'a>(&mut self, ids: impl IntoIterator<Item = &'a str>, now: Timestamp) {
        for id in ids {
            self.coins.entry(id.to_owned()).or_default().along_at = AtomicI64::new(now.millis());
        }
        self.evict();
    }

    fn evict(&mut self) {
        if self.coins.len() > MOST_COINS {
            let mut by_age: Vec<_> = self.coins.iter().map(|(id, coin)| (coin.last_asked(), id.clone())).collect();
            by_age.sort_unstable();
            for (_, id) in by_age.into_iter().take(self.coins.len() - MOST_COINS) {
                self.coins.remove(&id);
            }
        }
    }

    /// What somebody who asks for this coin finds.
    pub fn need(&self, id: &str, now: Timestamp) -> Need {
        let Some(coin) = self.coins.get(id) else { return Need::Waiting };
        match (coin.last, coin.checked) {
            (Some(priced), _) => match self.lives.thresholds.judge(priced.quote.age_ms(now)) {
                // What CoinGecko has left out since is not there to be had.
                _ if !self.is_due(coin, now, 0) => Need::Nothing,
                Freshness::Fresh => Need::Nothing,
                Freshness::Stale => Need::Renewal,
                Freshness::Expired => Need::Waiting,
            },
            (None, Some((at, _))) if now.since(at) < self.lives.unknown_ms => Need::Nothing,
            (None, _) => Need::Waiting,
        }
    }

    /// Begins an attempt to refresh, `lead_ms` before prices stop being fresh. Nothing while it rests.
    pub fn begin(&mut self, now: Timestamp, lead_ms: u64) -> Plan {
        self.begun += 1;
        self.plan(now, lead_ms)
    }

    /// All watched coins, those that need it first: they cost one call together, and so stay in step.
    /// Nothing while it rests.
    pub fn plan(&self, now: Timestamp, lead_ms: u64) -> Plan {
        if self.resting(now).is_some() {
            return Plan::default();
        }
        let mut due: Vec<(Timestamp, &String)> = Vec::new();
        let mut along: Vec<(Timestamp, &String)> = Vec::new();
        for (id, coin) in &self.coins {
            let checked_at = coin.checked.map_or(Timestamp::EPOCH, |(at, _)| at);
            let watched = self.is_watched(coin.asked_at.load(Ordering::Relaxed), now);
            if watched && self.is_due(coin, now, lead_ms) {
                due.push((checked_at, id));
            } else if coin.is_priced_or_new()
                && (watched || self.is_watched(coin.along_at.load(Ordering::Relaxed), now))
            {
                along.push((checked_at, id));
            }
        }
        due.sort_unstable();
        along.sort_unstable();
        let count = due.len();
        Plan { ids: due.into_iter().chain(along).map(|(_, id)| id.clone()).collect(), due: count }
    }

    /// When the next watched coin needs a refresh; `None` while nobody watches.
    pub fn next_due(&self, now: Timestamp, lead_ms: u64) -> Option<Timestamp> {
        let watched = self.coins.values().filter(|coin| self.is_watched(coin.asked_at.load(Ordering::Relaxed), now));
        let due_at = |coin: &Coin| match coin.checked {
            None => Timestamp::EPOCH,
            Some((at, _)) => at.plus_millis(millis(self.life_ms(coin).saturating_sub(lead_ms))),
        };
        let first = watched.map(due_at).min()?;
        Some(self.resting(now).map_or(first, |rest| first.max(rest.until)))
    }

    /// Coins that are watched now.
    pub fn watched(&self, now: Timestamp) -> usize {
        self.coins.values().filter(|coin| self.is_watched(coin.asked_at.load(Ordering::Relaxed), now)).count()
    }

    /// Coins with a price, however old.
    pub fn priced(&self) -> usize {
        self.coins.values().filter(|coin| coin.last.is_some()).count()
    }

    fn is_watched(&self, asked_at: i64, now: Timestamp) -> bool {
        asked_at > 0 && now.since(Timestamp::from_millis(asked_at)) < self.lives.watch_ms
    }

    fn is_due(&self, coin: &Coin, now: Timestamp, lead_ms: u64) -> bool {
        coin.checked.is_none_or(|(at, _)| now.since(at) >= self.life_ms(coin).saturating_sub(lead_ms))
    }

    fn life_ms(&self, coin: &Coin) -> u64 {
        if coin.last.is_some() { self.lives.thresholds.fresh_ms } else { self.lives.unknown_ms }
    }

    /// Takes an answer about `ids`, which came at `now`, and says which prices are new. A price that is
    /// missing now does not take the last good one away: that grows old, and says so.
    pub fn learn(
        &mut self,
        ids: &[&str],
        quotes: &BTreeMap<String, CoinQuote>,
        now: Timestamp,
    ) -> Vec<(String, Priced)> {
        self.rest = None;
        let version = self.version + 1;
        let mut new = Vec::new();
        for id in ids {
            let coin = self.coins.entry((*id).to_owned()).or_default();
            let told = quotes.get(*id).map(|told| (told, told.price));
            let reason = match told {
                None => Some(MissingReason::NotQuoted),
                Some((_, price)) => price.err(),
            };
            if let Some((told, Ok(price))) = told {
                let quote = Quote { price, as_of: now, source: Source::Coingecko, upstream_at: told.upstream_at };
                let priced = Priced { quote, change_24h: told.change_24h, volume_24h: told.volume_24h };
                coin.last = Some(priced);
                coin.changed = version;
                self.depegs.learn(id, &quote);
                new.push(((*id).to_owned(), priced));
            } else if coin.checked.is_none_or(|(_, before)| before != reason) {
                coin.changed = version;
            }
            coin.checked = Some((now, reason));
            if coin.changed == version {
                self.version = version;
            }
        }
        new
    }

    /// The coins that are watched now, and since when; those that come along begin with `~`.
    pub fn watched_coins(&self, now: Timestamp) -> Vec<(String, i64)> {
        let mut watched = Vec::new();
        for (id, coin) in &self.coins {
            let (asked_at, along_at) = (coin.asked_at.load(Ordering::Relaxed), coin.along_at.load(Ordering::Relaxed));
            if self.is_watched(asked_at, now) {
                watched.push((id.clone(), asked_at));
            }
            if self.is_watched(along_at, now) {
                watched.push((format!("~{id}"), along_at));
            }
        }
        watched
    }

    /// Takes what is watched elsewhere, as [`Board::watched_coins`] tells it.
    pub fn join(&mut self, watched: &[(String, i64)]) {
        for (name, at) in watched {
            match name.strip_prefix('~') {
                Some(id) => self.coins.entry(id.to_owned()).or_default().along_at.fetch_max(*at, Ordering::Relaxed),
                None => self.coins.entry(name.clone()).or_default().asked_at.fetch_max(*at, Ordering::Relaxed),
            };
        }
        self.evict();
    }

    /// Takes what another has learnt, where it is newer, and says which prices are.
    pub fn overhear(&mut self, known: &BTreeMap<String, Known>) -> Vec<(String, Priced)> {
        let version = self.version + 1;
        let mut new = Vec::new();
        for (id, known) in known {
            let coin = self.coins.entry(id.clone()).or_default();
            let checked = Timestamp::from_millis(known.checked);
            if coin.checked.is_some_and(|(at, _)| at >= checked) {
                continue;
            }
            coin.checked = Some((checked, known.reason));
            coin.changed = version;
            self.version = version;
            let Some(KnownPrice { price, as_of, upstream_at, change_24h, volume_24h }) = known.last else { continue };
            let quote = Quote {
                price,
                as_of: Timestamp::from_millis(as_of),
                source: Source::Coingecko,
                upstream_at: upstream_at.map(Timestamp::from_millis),
            };
            if coin.last.is_none_or(|last| last.quote.as_of < quote.as_of) {
                let priced = Priced { quote, change_24h, volume_24h };
                coin.last = Some(priced);
                self.depegs.learn(id, &quote);
                new.push((id.clone(), priced));
            }
        }
        if !new.is_empty() {
            self.rest = None;
        }
        new
    }

    /// Coins that are remembered.
    pub fn ids(&self) -> Vec<String> {
        self.coins.keys().cloned().collect()
    }

    /// What is known of coins, for others.
    pub fn known(&self, ids: &[&str]) -> BTreeMap<String, Known> {
        let known = |id: &&str| {
            let coin = self.coins.get(*id)?;
            let (checked, reason) = coin.checked?;
            let last = coin.last.map(|Priced { quote, change_24h, volume_24h }| KnownPrice {
                price: quote.price,
                as_of: quote.as_of.millis(),
                upstream_at: quote.upstream_at.map(Timestamp::millis),
                change_24h,
                volume_24h,
            });
            Some(((*id).to_owned(), Known { checked: checked.millis(), reason, last }))
        };
        ids.iter().filter_map(known).collect()
    }

    /// Notes that nobody is to be asked for a while.
    pub fn rest(&mut self, rest: Rest) {
        self.rest = Some(rest);
    }

    /// Forgets every price, not who watches; says how many there were.
    pub fn clear(&mut self) -> usize {
        let count = self.priced();
        self.version += 1;
        for coin in self.coins.values_mut() {
            (coin.last, coin.checked, coin.changed) = (None, None, self.version);
        }
        self.depegs = Depegs::default();
        count
    }
}

impl Coin {
    fn last_asked(&self) -> i64 {
        self.asked_at.load(Ordering::Relaxed).max(self.along_at.load(Ordering::Relaxed))
    }

    /// A coin that CoinGecko has left out before is not worth a place in every call.
    fn is_priced_or_new(&self) -> bool {
        self.last.is_some() || self.checked.is_none()
    }
}

fn millis(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIVES: Lives = Lives {
        thresholds: Thresholds { fresh_ms: 60_000, stale_ms: 240_000 },
        watch_ms: 600_000,
        unknown_ms: 300_000,
    };

    /// Long after the beginning of time.
    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    fn quote(price: Result<&str, MissingReason>) -> CoinQuote {
        CoinQuote {
            price: price.map(|text| text.parse().unwrap()),
            upstream_at: None,
            change_24h: None,
            volume_24h: None,
        }
    }

    fn answer(pairs: &[(&str, Result<&str, MissingReason>)]) -> BTreeMap<String, CoinQuote> {
        pairs.iter().map(|(id, price)| ((*id).to_owned(), quote(*price))).collect()
    }

    fn asked(board: &mut Board, ids: &[&str], now: Timestamp) {
        board.admit(ids.iter().copied(), now);
        assert!(ids.iter().all(|id| board.ask(id, now) == Standing::Watched));
    }

    fn plan(board: &mut Board, now: Timestamp) -> (Vec<String>, usize) {
        let Plan { ids, due } = board.begin(now, 0);
        (ids, due)
    }

    #[test]
    fn only_what_is_watched_is_fetched_and_all_of_it_together() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        assert_eq!((board.next_due(at(0), 0), plan(&mut board, at(0))), (None, (vec![], 0)));
        asked(&mut board, &["weth", "pepe"], at(0));
        board.admit_along(["dai"], at(0));
        assert_eq!(board.ask_along("dai", at(0)), Standing::Watched);
        assert_eq!(plan(&mut board, at(0)), (vec!["pepe".into(), "weth".into(), "dai".into()], 2));
        board.learn(&["pepe", "weth"], &answer(&[("weth", Ok("3000")), ("pepe", Ok("1"))]), at(0));
        assert_eq!(board.next_due(at(1), 0), Some(at(60)));
        assert_eq!(board.next_due(at(1), 2_000), Some(at(58)), "a flight ahead");
        assert_eq!(plan(&mut board, at(59)).1, 0);
        asked(&mut board, &["weth"], at(100));
        assert_eq!(plan(&mut board, at(599)).1, 2);
        assert_eq!(plan(&mut board, at(600)), (vec!["weth".into()], 1), "nobody asked for the others in 10 minutes");
        assert_eq!((board.watched(at(700)), board.next_due(at(700), 0)), (0, None));
    }

    #[test]
    fn a_coin_without_a_price_is_asked_for_seldom_and_takes_no_place_in_other_calls() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        asked(&mut board, &["weth", "gone"], at(0));
        board.learn(&["weth", "gone"], &answer(&[("weth", Ok("3000"))]), at(0));
        assert_eq!(board.need("gone", at(299)), Need::Nothing);
        assert_eq!(plan(&mut board, at(60)), (vec!["weth".into()], 1));
        asked(&mut board, &["gone"], at(300));
        assert_eq!(board.need("gone", at(300)), Need::Waiting);
        assert_eq!(plan(&mut board, at(300)), (vec!["gone".into(), "weth".into()], 2));
    }

    #[test]
    fn what_is_needed_turns_with_a_prices_age() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        assert_eq!(board.need("weth", at(0)), Need::Waiting);
        asked(&mut board, &["weth"], at(0));
        board.learn(&["weth"], &answer(&[("weth", Ok("3000"))]), at(0));
        let needs = [59, 60, 239, 240].map(|secs| board.need("weth", at(secs)));
        assert_eq!(needs, [Need::Nothing, Need::Renewal, Need::Renewal, Need::Waiting]);
    }

    #[test]
    fn a_price_that_goes_missing_leaves_the_last_one_to_grow_old() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        board.learn(&["weth", "gone"], &answer(&[("weth", Ok("3000"))]), at(0));
        let before = board.version();
        board.learn(&["weth"], &answer(&[("weth", Err(MissingReason::NotANumber))]), at(60));
        let weth = board.coin("weth").unwrap();
        assert_eq!(weth.last.unwrap().quote.as_of, at(0));
        assert_eq!(weth.checked, Some((at(60), Some(MissingReason::NotANumber))));
        let gone = board.coin("gone").unwrap();
        assert_eq!((gone.last, gone.checked), (None, Some((at(0), Some(MissingReason::NotQuoted)))));
        assert_eq!((weth.changed, board.version()), (before + 1, before + 1));
        board.learn(&["gone"], &BTreeMap::new(), at(61));
        assert_eq!(board.version(), before + 1, "that it is still missing is nothing new");
    }

    #[test]
    fn what_an_earlier_run_left_is_as_old_as_it_is() {
        let priced = Priced {
            quote: Quote { price: "3000".parse().unwrap(), as_of: at(0), source: Source::Coingecko, upstream_at: None },
            change_24h: None,
            volume_24h: None,
        };
        let board = Board::new(LIVES, BTreeMap::from([("weth".to_owned(), priced)]));
        assert_eq!(
            [59, 60, 240].map(|secs| board.need("weth", at(secs))),
            [Need::Nothing, Need::Renewal, Need::Waiting]
        );
        assert_eq!(board.next_due(at(60), 0), None, "nobody has asked yet");
    }

    #[test]
    fn while_it_rests_nothing_is_fetched_and_it_says_why() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        asked(&mut board, &["weth"], at(0));
        board.rest(Rest { since: at(0), until: at(90), reason: PaceReason::Budget });
        assert_eq!((plan(&mut board, at(89)).1, board.next_due(at(1), 0)), (0, Some(at(90))));
        assert_eq!(board.pace(at(89)), Some(Pace { reason: PaceReason::Budget, every_s: 90, next_at: at(90) }));
        assert_eq!((plan(&mut board, at(90)).1, board.pace(at(90))), (1, None));
    }

    #[test]
    fn names_without_end_do_not_fill_the_memory() {
        let mut board = Board::new(LIVES, BTreeMap::new());
        for n in 0..3_000 {
            asked(&mut board, &[format!("coin-{n}").as_str()], Timestamp::from_secs(n + 1));
        }
        assert_eq!(board.coins.len(), MOST_COINS);
        assert!(board.coin("coin-2999").is_some() && board.coin("coin-0").is_none());
    }
}
