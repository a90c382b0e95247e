//! What is known of the market: the core's own [`Market`], and what only people want to know.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use shared::ledger::MarketKind;
use shared::market::Market;
use shared::market::demo::DemoMarket;
use shared::money::Price;
use shared::quote::{Freshness, Quote, Source};
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::wire::{Candle, Gas, Markets, MissingReason, Pace, Prices, Range};

use crate::io::candles::Candles;

/// The market every demo account trades in. One for all, so that figures can be compared.
const DEMO_SEED: u64 = 1;
/// A day.
const DAY_MS: i64 = 86_400_000;
/// Prices looked at for the high and the low of a demo candle.
const SAMPLES: u32 = 5;

/// The market, and its surroundings.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// What trades are decided by.
    pub market: Market,
    /// Change over 24 hours in percent, where known.
    pub changes: BTreeMap<TokenKey, Decimal>,
    /// Why a token has no price, where the backend said so.
    pub missing: BTreeMap<TokenKey, MissingReason>,
    /// Why prices are behind, where the backend said so.
    pub pace: Option<Pace>,
}

impl View {
    /// Nothing known yet.
    pub fn empty(kind: MarketKind) -> View {
        View { market: Market::empty(kind), changes: BTreeMap::new(), missing: BTreeMap::new(), pace: None }
    }

    /// The demo market at `at`.
    pub fn demo(at: Timestamp) -> View {
        let demo = DemoMarket::new(DEMO_SEED);
        let market = demo.at(at);
        let yesterday = at.plus_millis(-DAY_MS);
        let changes = market
            .quotes
            .iter()
            .filter_map(|(key, quote)| Some((*key, change(demo.price(*key, yesterday)?, quote.price)?)))
            .collect();
        View { market, changes, missing: BTreeMap::new(), pace: None }
    }

    /// The past of a token in the demo market, in candles as long as the backend's.
    pub fn demo_past(key: TokenKey, range: Range, until: Timestamp) -> Candles {
        const MINUTE_MS: u64 = 60_000;
        let (minutes, count) = match range {
            Range::Day => (15, 96),
            Range::Week => (240, 42),
            Range::Month => (240, 180),
            Range::Quarter => (1_440, 90),
            Range::Year => (5_760, 91),
        };
        let grain_ms = minutes * MINUTE_MS;
        let bars = DemoMarket::new(DEMO_SEED).candles(key, grain_ms, count, until, SAMPLES);
        Candles { grain_ms, as_of: until, candles: bars.into_iter().map(Candle::from).collect() }
    }

    /// Whether answers of the backend belong here. An answer may arrive when the account in hand has
    /// changed, and real prices never enter the demo market.
    fn is_real(&self) -> bool {
        self.market.kind == MarketKind::Real
    }

    /// Takes an answer's prices. What it does not mention stays as it was, and ages.
    pub fn take_prices(&mut self, prices: &Prices) {
        if !self.is_real() {
            return;
        }
        self.market.thresholds = prices.thresholds;
        self.pace = prices.pace;
        for info in &prices.prices {
            let key = info.key();
            self.market.quotes.insert(key, info.quote());
            self.missing.remove(&key);
            match info.change_24h.and_then(|percent| percent.to_decimal_rounded().ok()) {
                Some(percent) => self.changes.insert(key, percent),
                None => self.changes.remove(&key),
            };
        }
        for missing in &prices.missing {
            self.missing.insert(missing.key(), missing.reason);
        }
        for native in &prices.natives {
            self.market.natives.insert(native.chain, native.quote());
        }
    }

    /// Takes an answer's pools.
    pub fn take_pools(&mut self, markets: &Markets) {
        if !self.is_real() {
            return;
        }
        for info in &markets.markets {
            self.market.pools.insert(info.key(), info.facts());
        }
    }

    /// Takes an answer's gas.
    pub fn take_gas(&mut self, gas: &Gas) {
        if !self.is_real() {
            return;
        }
        for info in &gas.gas {
            self.market.gas.insert(info.chain, info.facts());
        }
    }

    /// Marks every price that came from the backend as what this device last knew: it cannot ask now.
    pub fn cut_off(&mut self) {
        self.pace = None;
        for quote in self.market.quotes.values_mut().chain(self.market.natives.values_mut()) {
            if quote.source == Source::Coingecko {
                quote.source = Source::Cached;
            }
        }
    }

    /// The quote a trade in this token would use now: a pin where the token is pinned.
    pub fn quote(&self, key: TokenKey) -> Option<Quote> {
        let known = self.market.quotes.get(&key).copied();
        match TokenTable::builtin().get(key) {
            Some(token) => Quote::for_token(token, known, Timestamp::EPOCH),
            None => known,
        }
    }

    /// How old a token's price is at `now`, in the terms a trade is decided by.
    pub fn freshness(&self, key: TokenKey, now: Timestamp) -> Option<Freshness> {
        Some(self.quote(key)?.freshness(now, self.market.thresholds))
    }

    /// The newest price that can age, if there is any.
    pub fn newest(&self) -> Option<&Quote> {
        self.market.quotes.values().filter(|quote| quote.source != Source::Pinned).max_by_key(|quote| quote.as_of)
    }
}

/// From `before` to `after` in percent.
fn change(before: Price, after: Price) -> Option<Decimal> {
    let ratio = after.decimal().checked_div(before.decimal())?;
    Some((ratio - Decimal::ONE) * Decimal::ONE_HUNDRED)
}

#[cfg(test)]
mod tests {
    use shared::chain::Chain;
    use shared::quote::Thresholds;
    use shared::wire::{NativePrice, PriceInfo};

    use super::*;

    #[test]
    fn the_demo_market_prices_what_is_built_in_and_says_it_is_demo() {
        let view = View::demo(Timestamp::from_secs(1_790_000_000));
        let weth = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap().key;
        assert_eq!(view.market.kind, MarketKind::Demo);
        assert!(view.market.quotes.values().all(|quote| quote.source == Source::Demo));
        assert!(view.market.quotes.contains_key(&weth) && view.changes.contains_key(&weth));
    }

    #[test]
    fn a_change_is_counted_from_the_day_before() {
        let price = |text: &str| text.parse().unwrap();
        assert_eq!(change(price("80"), price("100")), Some(Decimal::from(25)));
        assert_eq!(change(price("100"), price("80")), Some(Decimal::from(-20)));
    }

    #[test]
    fn prices_of_a_lost_backend_are_what_this_device_last_knew() {
        let mut view = View::empty(MarketKind::Real);
        let key = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap().key;
        let quote = Quote { price: Price::ONE, as_of: Timestamp::EPOCH, source: Source::Coingecko, upstream_at: None };
        view.market.quotes.insert(key, quote);
        view.cut_off();
        assert_eq!(view.market.quotes[&key], Quote { source: Source::Cached, ..quote });
    }

    #[test]
    fn an_answer_that_arrives_after_a_change_of_accounts_leaves_the_demo_market_alone() {
        let at = Timestamp::from_secs(1_790_000_000);
        let weth = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap();
        let quote = Quote { price: Price::ONE, as_of: at, source: Source::Coingecko, upstream_at: None };
        let thresholds = Thresholds::default();
        let prices = Prices {
            now: at,
            thresholds,
            prices: vec![PriceInfo::new(weth, quote, None, at, thresholds)],
            missing: Vec::new(),
            natives: vec![NativePrice::new(Chain::Base, quote, None, at, thresholds)],
            alerts: vec![],
            pace: None,
        };
        let mut demo = View::demo(at);
        demo.take_prices(&prices);
        assert_eq!(demo, View::demo(at));
        let mut real = View::empty(MarketKind::Real);
        real.take_prices(&prices);
        assert_eq!(real.market.quotes[&weth.key], quote);
    }
}
