//! The demo market: seeded, correlated random walks, for trying the app with no network at all.
//!
//! Nothing here is a real price and everything priced by it says DEMO. A market is a pure function of
//! seed and time: log-prices are Brownian bridges, refined by halving between knots some nine days
//! apart, so any moment can be asked for without walking to it. Knots are drawn around a fixed base, so
//! prices wander but never run away.

use alloy_primitives::U256;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::market::draws::{BILLION, Draws};
use crate::market::{GasFacts, Market, MarketKind, PoolFacts};
use crate::money::{Price, Rounding, Units, Usd, mul_div};
use crate::quote::{Quote, Source, Thresholds};
use crate::time::Timestamp;
use crate::token::{Token, TokenKey, TokenTable};
use crate::trade::{GasSource, Ppm};

/// A coin of the demo market. Prices and depths are round figures made up for it.
struct DemoCoin {
    id: &'static str,
    /// Price in 10⁻⁸ dollars around which the walk goes.
    base: u64,
    /// Daily volatility of its own in parts per thousand, beside the market's.
    sigma: u16,
    /// How strongly it follows the market, in tenths.
    beta: u8,
    /// Liquidity of its deepest pool in thousands of dollars.
    liquidity: u32,
    /// Fee tier of that pool in parts per million.
    fee: u32,
}

/// Daily volatility of the factor all coins share.
const MARKET_SIGMA: f64 = 0.03;
/// Prices change every five seconds.
const STEP_MS: i64 = 5_000;
/// Steps between two knots: 2^17 of five seconds are seven and a half days.
const LEVELS: u32 = 17;

const COINS: [DemoCoin; 17] = [
    coin("weth", 300_000_000_000, 10, 10, 80_000, 500),
    coin("ethereum", 300_000_000_000, 10, 10, 80_000, 500),
    coin("wrapped-bitcoin", 9_000_000_000_000, 8, 8, 60_000, 500),
    coin("coinbase-wrapped-btc", 9_000_000_000_000, 8, 8, 20_000, 500),
    coin("coinbase-wrapped-staked-eth", 330_000_000_000, 10, 10, 9_000, 500),
    coin("chainlink", 1_500_000_000, 25, 11, 12_000, 3_000),
    coin("uniswap", 800_000_000, 25, 11, 9_000, 3_000),
    coin("aave", 20_000_000_000, 25, 11, 7_000, 3_000),
    coin("havven", 100_000_000, 35, 12, 1_500, 3_000),
    coin("aerodrome-finance", 100_000_000, 35, 12, 15_000, 3_000),
    coin("based-brett", 5_000_000, 55, 14, 3_000, 10_000),
    coin("degen-base", 500_000, 55, 14, 2_000, 10_000),
    coin("virtual-protocol", 120_000_000, 45, 13, 6_000, 3_000),
    coin("toshi", 50_000, 55, 14, 1_200, 10_000),
    coin("euro-coin", 110_000_000, 3, 0, 5_000, 500),
    coin("well", 3_000_000, 45, 13, 900, 3_000),
    coin("keycat", 200_000, 60, 15, 400, 10_000),
];

const fn coin(id: &'static str, base: u64, sigma: u16, beta: u8, liquidity: u32, fee: u32) -> DemoCoin {
    DemoCoin { id, base, sigma, beta, liquidity, fee }
}

/// One bar of a chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candle {
    /// When the bar opens.
    pub at: Timestamp,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
}

/// A demo market of some seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemoMarket {
    seed: u64,
}

impl DemoMarket {
    /// The market of `seed`. The same seed is the same market, always.
    pub const fn new(seed: u64) -> DemoMarket {
        DemoMarket { seed }
    }

    /// Everything the market knows at `at`: a price, a pool and gas for each built-in token.
    pub fn at(&self, at: Timestamp) -> Market {
        let mut market = Market { thresholds: Thresholds::default(), ..Market::empty(MarketKind::Demo) };
        for token in TokenTable::builtin().priced() {
            let Some(coin) = coin_of(token) else { continue };
            if !token.pinned
                && let Some(price) = self.coin_price(coin, at)
            {
                market
                    .quotes
                    .insert(token.key, Quote { price, as_of: step_start(at), source: Source::Demo, upstream_at: None });
                market.pools.insert(token.key, pool(coin, at));
            }
        }
        for chain in Chain::ALL {
            if let Some(price) = find(chain.facts().native_coin_id).and_then(|coin| self.coin_price(coin, at)) {
                market
                    .natives
                    .insert(chain, Quote { price, as_of: step_start(at), source: Source::Demo, upstream_at: None });
            }
            market.gas.insert(chain, self.gas(chain, at));
        }
        market
    }

    /// The price of a token at `at`, if the demo market has it.
    pub fn price(&self, key: TokenKey, at: Timestamp) -> Option<Price> {
        let token = TokenTable::builtin().get(key)?;
        if token.pinned { Some(Price::ONE) } else { self.coin_price(coin_of(token)?, at) }
    }

    /// `count` bars of `grain_ms` that end with the one `until` falls in, oldest first. High and low are
    /// taken over `samples` prices a bar.
    pub fn candles(&self, key: TokenKey, grain_ms: u64, count: u32, until: Timestamp, samples: u32) -> Vec<Candle> {
        let grain = i64::try_from(grain_ms.max(1)).unwrap_or(i64::MAX);
        let samples = i64::from(samples.max(2));
        let last = until.millis() / grain * grain;
        (0..i64::from(count))
            .rev()
            .filter_map(|back| {
                let open_at = last - back * grain;
                let prices: Vec<Price> = (0..samples)
                    .map(|i| (open_at + grain * i / (samples - 1)).min(until.millis()))
                    .filter_map(|millis| self.price(key, Timestamp::from_millis(millis)))
                    .collect();
                Some(Candle {
                    at: Timestamp::from_millis(open_at),
                    open: *prices.first()?,
                    high: *prices.iter().max()?,
                    low: *prices.iter().min()?,
                    close: *prices.last()?,
                })
            })
            .collect()
    }

    /// Gas: the chain's default, wandering by a factor of its own.
    fn gas(&self, chain: Chain, at: Timestamp) -> GasFacts {
        let assumed = GasFacts::assumed(chain, at);
        let walk = self.walk(*b"gas\0\0\0\0\0", chain.id(), 0.25, at);
        let factor = (libm::exp(walk) * 1_000.0) as u64;
        let base_fee = (u128::from(assumed.base_fee) * u128::from(factor) / 1_000) as u64;
        GasFacts { base_fee, source: GasSource::Default, as_of: step_start(at), ..assumed }
    }

    fn coin_price(&self, coin: &DemoCoin, at: Timestamp) -> Option<Price> {
        let market = self.walk(*b"market\0\0", 0, MARKET_SIGMA, at);
        let own = self.walk(*b"coin\0\0\0\0", hash_id(coin.id), f64::from(coin.sigma) / 1_000.0, at);
        let log = market * f64::from(coin.beta) / 10.0 + own;
        let factor = (libm::exp(log) * BILLION as f64 + 0.5) as u64;
        // Eight places of the base and nine of the factor; six significant digits are kept.
        let digits = u128::from(coin.base) * u128::from(factor);
        let spare = digits.checked_ilog10()?.saturating_sub(5);
        let rounded = mul_div(U256::from(digits), U256::ONE, U256::from(10u128.pow(spare)), Rounding::HalfEven).ok()?;
        let mantissa = i128::try_from(u128::try_from(rounded).ok()? * 10u128.pow(spare)).ok()?;
        Price::new(Decimal::try_from_i128_with_scale(mantissa, 17).ok()?.normalize()).ok()
    }

    /// A walk with the given daily volatility: a bridge between two knots, halved down to one step.
    fn walk(&self, domain: [u8; 8], which: u64, sigma_day: f64, at: Timestamp) -> f64 {
        if sigma_day == 0.0 {
            return 0.0;
        }
        let step = at.millis() / STEP_MS;
        let span = 1i64 << LEVELS;
        let knot = step / span;
        let days = span as f64 * STEP_MS as f64 / 86_400_000.0;
        // Two independent knots differ by √2 of their deviation: chosen to be what the walk would do.
        let knot_deviation = sigma_day * libm::sqrt(days / 2.0);
        let mut left = self.normal(domain, which, LEVELS, knot) * knot_deviation;
        let mut right = self.normal(domain, which, LEVELS, knot + 1) * knot_deviation;
        let mut variance = sigma_day * sigma_day * days;
        let mut start = knot * span;
        for level in (0..LEVELS).rev() {
            // The middle of a bridge over variance v has variance v/4.
            let half = 1i64 << level;
            let middle =
                (left + right) / 2.0 + self.normal(domain, which, level, start + half) * libm::sqrt(variance / 4.0);
            variance /= 2.0;
            if step < start + half {
                right = middle;
            } else {
                left = middle;
                start += half;
            }
        }
        left
    }

    fn normal(&self, domain: [u8; 8], which: u64, level: u32, index: i64) -> f64 {
        // One stream a node: mixed into the seed by odd multipliers, then whitened by the cipher.
        let node = which
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(u64::from(level).wrapping_mul(0xd1b5_4a32_d192_ed03))
            .wrapping_add((index as u64).wrapping_mul(0x2545_f491_4f6c_dd1d));
        Draws::new(self.seed ^ node, domain).normal()
    }
}

fn step_start(at: Timestamp) -> Timestamp {
    Timestamp::from_millis(at.millis() / STEP_MS * STEP_MS)
}

fn coin_of(token: &Token) -> Option<&'static DemoCoin> {
    token.coin_id.as_deref().and_then(find).or_else(|| find(&token.symbol.to_ascii_lowercase()))
}

fn find(id: &str) -> Option<&'static DemoCoin> {
    COINS.iter().find(|coin| coin.id == id)
}

/// FNV-1a, to tell coins apart by their ids.
fn hash_id(id: &str) -> u64 {
    id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn pool(coin: &DemoCoin, at: Timestamp) -> PoolFacts {
    let liquidity = Usd::whole(i32::try_from(coin.liquidity).unwrap_or(i32::MAX));
    let thousand = Units(U256::from(1_000u32));
    let beta = u64::from(coin.beta) * 3;
    let own = u64::from(coin.sigma);
    let sigma = libm::sqrt((beta * beta + own * own) as f64);
    PoolFacts {
        reserve: None,
        liquidity: liquidity.portion(thousand.0, U256::ONE, Rounding::Down).ok(),
        fee: Ppm::new(coin.fee),
        dex: Some("Demo".into()),
        volume_24h: liquidity.portion(thousand.0, U256::from(4u8), Rounding::Down).ok(),
        sigma_day: Some((sigma * 1_000_000.0) as u64),
        as_of: step_start(at),
        source: Source::Demo,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Timestamp = Timestamp::from_secs(1_795_000_000);

    fn weth() -> TokenKey {
        TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").unwrap().key
    }

    #[test]
    fn a_seed_and_a_time_are_one_market() {
        assert_eq!(DemoMarket::new(1).at(AT), DemoMarket::new(1).at(AT));
        assert_ne!(DemoMarket::new(1).price(weth(), AT), DemoMarket::new(2).price(weth(), AT));
        assert_ne!(DemoMarket::new(1).price(weth(), AT), DemoMarket::new(1).price(weth(), AT.plus_millis(60_000)));
    }

    #[test]
    fn every_builtin_token_has_a_price_and_every_price_says_demo() {
        let market = DemoMarket::new(3).at(AT);
        for token in TokenTable::builtin().priced() {
            assert!(token.pinned || market.quotes.contains_key(&token.key), "{} on {}", token.symbol, token.key);
        }
        assert!(market.quotes.values().chain(market.natives.values()).all(|quote| quote.source == Source::Demo));
        assert_eq!(market.gas.len(), Chain::ALL.len());
    }

    #[test]
    fn volatility_is_sane_and_prices_never_run_away() {
        let market = DemoMarket::new(4);
        let logs: Vec<f64> = (0..365)
            .map(|day| {
                let price = market.price(weth(), AT.plus_millis(day * 86_400_000)).unwrap();
                libm::log(price.decimal().to_string().parse::<f64>().unwrap())
            })
            .collect();
        let returns: Vec<f64> = logs.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let sigma = libm::sqrt(returns.iter().map(|r| r * r).sum::<f64>() / returns.len() as f64);
        assert!((0.02..0.05).contains(&sigma), "{sigma}");
        assert!(logs.iter().all(|log| (log - libm::log(3_000.0)).abs() < 0.6));
    }

    #[test]
    fn coins_that_follow_the_market_move_together() {
        let market = DemoMarket::new(5);
        let link = TokenTable::builtin().by_symbol(Chain::Ethereum, "LINK").unwrap().key;
        let change = |key, day: i64| {
            let price = |d: i64| {
                market.price(key, AT.plus_millis(d * 86_400_000)).unwrap().decimal().to_string().parse::<f64>().unwrap()
            };
            libm::log(price(day + 1) / price(day))
        };
        let pairs: Vec<(f64, f64)> = (0..300).map(|day| (change(weth(), day), change(link, day))).collect();
        let (xx, yy, xy) = pairs.iter().fold((0.0, 0.0, 0.0), |(a, b, c), (x, y)| (a + x * x, b + y * y, c + x * y));
        let correlation = xy / libm::sqrt(xx * yy);
        assert!((0.5..0.95).contains(&correlation), "{correlation}");
    }

    #[test]
    fn candles_hold_their_open_and_close_and_follow_one_another() {
        let candles = DemoMarket::new(6).candles(weth(), 1_800_000, 48, AT, 8);
        assert_eq!(candles.len(), 48);
        for candle in &candles {
            assert!(candle.low <= candle.open && candle.open <= candle.high);
            assert!(candle.low <= candle.close && candle.close <= candle.high);
        }
        assert!(
            candles.windows(2).all(|pair| pair[1].at.since(pair[0].at) == 1_800_000 && pair[0].close == pair[1].open)
        );
        assert!(candles.last().unwrap().at <= AT);
    }
}
