//! The stand-in's market: what a coin costs at any time, and which pools hold it.
//!
//! The past is a seeded random walk, the same for the same seed; from the anchor (the time the
//! stand-in started) on, prices stand still at the figures in [`coins`](super::coins), unless the
//! market is set to move or a script says otherwise. Nothing is stored: a price is a function of
//! coin and time, so charts of any range agree with each other and with the price now.

use std::collections::BTreeMap;

use super::{
    coins::{self, Coin, Place},
    number::{float_text, parse_decimal},
};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// Upstream recomputes prices once a minute.
pub const REFRESH_MS: i64 = MINUTE_MS;

/// Prices by coin and time.
#[derive(Debug)]
pub struct Market {
    seed: u64,
    anchor_ms: i64,
    moving: bool,
    scripts: BTreeMap<String, Vec<Step>>,
    updated_at: BTreeMap<String, i64>,
    reserves: BTreeMap<String, Option<String>>,
}

#[derive(Debug)]
struct Step {
    from_ms: i64,
    /// The price's decimal text; `None` is upstream's `null`.
    price: Option<String>,
}

impl Market {
    /// A market that starts at a time. A moving one goes on walking after it.
    pub fn new(seed: u64, anchor_ms: i64, moving: bool) -> Self {
        Self {
            seed,
            anchor_ms,
            moving,
            scripts: BTreeMap::new(),
            updated_at: BTreeMap::new(),
            reserves: BTreeMap::new(),
        }
    }

    /// From that time on a coin has this price, until a later step.
    pub fn script(&mut self, id: &str, from_ms: i64, price: Option<String>) {
        let steps = self.scripts.entry(id.to_owned()).or_default();
        steps.retain(|step| step.from_ms != from_ms);
        steps.push(Step { from_ms, price });
        steps.sort_by_key(|step| step.from_ms);
    }

    /// Says a coin was last updated then (seconds), whatever the clock says.
    pub fn pin_updated_at(&mut self, id: &str, seconds: i64) {
        self.updated_at.insert(id.to_owned(), seconds);
    }

    /// Gives a pool this `reserve_in_usd`; `None` is upstream's `null`.
    pub fn set_reserve(&mut self, pool: &str, usd: Option<String>) {
        self.reserves.insert(pool.to_ascii_lowercase(), usd);
    }

    /// Forgets every script.
    pub fn clear(&mut self) {
        self.scripts.clear();
        self.updated_at.clear();
        self.reserves.clear();
    }

    /// The price's text at full precision, or `None` for `null`.
    pub fn price(&self, coin: &Coin, at_ms: i64) -> Option<String> {
        match self.step(coin.id, at_ms) {
            Some(step) => step.price.clone(),
            None if at_ms >= self.anchor_ms && !self.moving => Some(coin.usd.to_owned()),
            None => Some(float_text(self.walked(coin, at_ms))),
        }
    }

    /// The price as a float, for charts and sums.
    pub fn price_f64(&self, coin: &Coin, at_ms: i64) -> Option<f64> {
        self.price(coin, at_ms)?.parse().ok()
    }

    /// Change over 24 hours, in percent.
    pub fn change_24h(&self, coin: &Coin, at_ms: i64) -> Option<f64> {
        let now = self.price_f64(coin, at_ms)?;
        let before = self.price_f64(coin, at_ms - DAY_MS)?;
        (before != 0.0).then(|| (now / before - 1.0) * 100.0)
    }

    /// Price times supply, in USD.
    pub fn market_cap(&self, coin: &Coin, at_ms: i64) -> Option<f64> {
        Some(self.price_f64(coin, at_ms)? * coin.supply)
    }

    /// USD traded in the 24 hours before.
    pub fn volume_24h(&self, coin: &Coin, at_ms: i64) -> Option<f64> {
        self.price(coin, at_ms)?;
        Some(coin.volume_24h * (0.4 * self.noise(coin.id, "volume", at_ms, DAY_MS)).exp())
    }

    /// When the price was last updated, in seconds: the last full minute, or the step that set it.
    pub fn updated_at(&self, coin: &Coin, at_ms: i64) -> i64 {
        if let Some(pinned) = self.updated_at.get(coin.id) {
            return *pinned;
        }
        let refreshed_ms = at_ms - at_ms.rem_euclid(REFRESH_MS);
        let stepped_ms = self.step(coin.id, at_ms).map_or(i64::MIN, |step| step.from_ms);
        refreshed_ms.max(stepped_ms).div_euclid(1000)
    }

    fn step(&self, id: &str, at_ms: i64) -> Option<&Step> {
        self.scripts.get(id)?.iter().rev().find(|step| step.from_ms <= at_ms)
    }

    fn walked(&self, coin: &Coin, at_ms: i64) -> f64 {
        let usd: f64 = coin.usd.parse().unwrap_or_default();
        let moved = self.walk(coin.id, at_ms) - self.walk(coin.id, self.anchor_ms);
        usd * (coin.sigma_day * moved).exp()
    }

    /// A sum of smooth noises, each as strong as the square root of its period, so that it looks
    /// like a random walk from five minutes to months.
    fn walk(&self, id: &str, at_ms: i64) -> f64 {
        const PERIODS: [(&str, i64); 7] = [
            ("quarter", 90 * DAY_MS),
            ("month", 20 * DAY_MS),
            ("week", 5 * DAY_MS),
            ("day", DAY_MS),
            ("hours", 5 * 60 * MINUTE_MS),
            ("hour", 60 * MINUTE_MS),
            ("minutes", 5 * MINUTE_MS),
        ];
        PERIODS
            .iter()
            .map(|(name, period)| (*period as f64 / DAY_MS as f64).sqrt() * self.noise(id, name, at_ms, *period))
            .sum()
    }

    /// Smooth noise in (−1, 1): random at every multiple of the period, eased between.
    fn noise(&self, id: &str, name: &str, at_ms: i64, period_ms: i64) -> f64 {
        let knot = at_ms.div_euclid(period_ms);
        let along = at_ms.rem_euclid(period_ms) as f64 / period_ms as f64;
        let eased = along * along * (3.0 - 2.0 * along);
        let at_knot = |knot: i64| unit(hash(self.seed, &[id, name], knot));
        at_knot(knot) * (1.0 - eased) + at_knot(knot + 1) * eased
    }

    /// The pools of a platform, the deepest first.
    pub fn pools(&self, platform: &'static str, at_ms: i64) -> Vec<Pool> {
        let quotes: Vec<_> =
            ["weth", "usd-coin"].into_iter().filter_map(|id| Side::of(coins::by_id(id)?, platform)).collect();
        let mut pools: Vec<Pool> = coins::all()
            .iter()
            .filter_map(|coin| Side::of(coin, platform))
            .flat_map(|base| quotes.iter().map(move |quote| (base, *quote)))
            .filter(|(base, quote)| base.coin.id != quote.coin.id && base.coin.id != "usd-coin")
            .flat_map(|(base, quote)| Dex::all(platform).iter().map(move |dex| (base, quote, dex)))
            .map(|(base, quote, dex)| self.pool(platform, base, quote, dex, at_ms))
            .collect();
        pools.sort_by(|a, b| b.reserve_f64().total_cmp(&a.reserve_f64()).then_with(|| a.address.cmp(&b.address)));
        pools
    }

    fn pool(&self, platform: &'static str, base: Side, quote: Side, dex: &'static Dex, at_ms: i64) -> Pool {
        let address = pool_address(platform, base.coin.id, quote.coin.id, dex.id);
        let volume = self.volume_24h(base.coin, at_ms).unwrap_or_default() * 0.05 * dex.share;
        let reserve = match self.reserves.get(&address) {
            Some(scripted) => scripted.clone(),
            None => Some(format!("{:.4}", base.coin.volume_24h * 0.12 * dex.share)),
        };
        Pool {
            address,
            base,
            quote,
            dex,
            base_usd: self.price(base.coin, at_ms).map(|text| plain(&text)),
            quote_usd: self.price(quote.coin, at_ms).map(|text| plain(&text)),
            reserve_usd: reserve,
            volume_24h_usd: format!("{volume:.6}"),
        }
    }
}

/// A coin's token on one platform.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    /// The coin.
    pub coin: &'static Coin,
    /// Its contract there.
    pub place: &'static Place,
}

impl Side {
    fn of(coin: &'static Coin, platform: &str) -> Option<Self> {
        let place = coin.places.iter().find(|place| place.platform == platform)?;
        Some(Self { coin, place })
    }
}

/// An exchange as upstream names it.
#[derive(Debug)]
pub struct Dex {
    /// Id.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// The fee as it stands in a pool's name; V2 pools have none there.
    pub fee: &'static str,
    /// Share of a coin's depth, for stand-in figures.
    share: f64,
}

impl Dex {
    fn all(platform: &str) -> &'static [Self] {
        match platform {
            "ethereum" => &[
                Self { id: "uniswap_v3", name: "Uniswap V3", fee: " 0.3%", share: 0.6 },
                Self { id: "uniswap_v2", name: "Uniswap V2", fee: "", share: 0.25 },
            ],
            "base" => &[
                Self { id: "aerodrome-base", name: "Aerodrome (Base)", fee: "", share: 0.5 },
                Self { id: "uniswap-v3-base", name: "Uniswap V3 (Base)", fee: " 0.3%", share: 0.3 },
                Self { id: "uniswap-v2-base", name: "Uniswap V2 (Base)", fee: "", share: 0.1 },
            ],
            _ => &[],
        }
    }
}

/// A pool of two tokens, with its figures as upstream's strings.
#[derive(Debug)]
pub struct Pool {
    /// Lower-case address, made up.
    pub address: String,
    /// The first token.
    pub base: Side,
    /// The second token.
    pub quote: Side,
    /// Where it trades.
    pub dex: &'static Dex,
    /// USD for one base token.
    pub base_usd: Option<String>,
    /// USD for one quote token.
    pub quote_usd: Option<String>,
    /// Both sides together, in USD.
    pub reserve_usd: Option<String>,
    /// USD traded in 24 hours.
    pub volume_24h_usd: String,
}

impl Pool {
    /// Whether a token is one of the pool's two.
    pub fn holds(&self, address: &str) -> bool {
        [self.base, self.quote].iter().any(|side| side.place.address.eq_ignore_ascii_case(address))
    }

    /// The pool's name: the tokens, and the fee where the exchange has tiers.
    pub fn name(&self) -> String {
        let [base, quote] = [self.base, self.quote].map(|side| side.coin.symbol.to_uppercase());
        format!("{base} / {quote}{}", self.dex.fee)
    }

    fn reserve_f64(&self) -> f64 {
        self.reserve_usd.as_deref().and_then(|text| text.parse().ok()).unwrap_or_default()
    }
}

/// The address the stand-in gives a pool: made up, the same on every run.
pub fn pool_address(platform: &str, base: &str, quote: &str, dex: &str) -> String {
    let words: Vec<String> = (0..3).map(|n| format!("{:016x}", hash(0, &[platform, base, quote, dex], n))).collect();
    format!("0x{}", &words.concat()[..40])
}

/// Strings of the on-chain part are never in exponent form.
fn plain(text: &str) -> String {
    parse_decimal(text).map_or_else(|| text.to_owned(), |value| value.to_string())
}

/// splitmix64 over FNV-1a: stable across platforms and releases.
pub(super) fn hash(seed: u64, names: &[&str], index: i64) -> u64 {
    let mut state = 0xcbf2_9ce4_8422_2325_u64 ^ seed;
    let bytes = names.iter().flat_map(|name| name.bytes().chain([0])).chain(index.to_le_bytes());
    for byte in bytes {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A hash as a float in [−1, 1).
pub(super) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    #[test]
    fn the_past_walks_the_same_way_for_the_same_seed_and_meets_the_present() {
        let weth = coins::by_id("weth").unwrap();
        let [one, same, other] = [(1, NOW), (1, NOW), (2, NOW)].map(|(seed, at)| Market::new(seed, at, false));
        let past = NOW - 3 * DAY_MS;
        assert_eq!(one.price(weth, past), same.price(weth, past));
        assert_ne!(one.price(weth, past), other.price(weth, past));
        assert_eq!(one.price(weth, NOW).as_deref(), Some(weth.usd));
        assert_eq!(one.price(weth, NOW + DAY_MS).as_deref(), Some(weth.usd));
        let just_before = one.price_f64(weth, NOW - 1).unwrap();
        assert!((just_before / 3126.90772184359 - 1.0).abs() < 1e-5, "{just_before}");
    }

    #[test]
    fn a_year_of_a_coin_stays_within_sight_of_its_price() {
        let market = Market::new(7, NOW, false);
        for coin in coins::all().iter().step_by(7) {
            let usd: f64 = coin.usd.parse().unwrap();
            for day in (0..365).step_by(3) {
                let price = market.price_f64(coin, NOW - day * DAY_MS).unwrap();
                let off = (price / usd).ln().abs() / coin.sigma_day;
                assert!(price > 0.0 && off < 60.0, "{} is {price} {day} days ago", coin.id);
            }
        }
    }

    #[test]
    fn a_script_holds_from_its_time_on_and_keeps_its_text() {
        let weth = coins::by_id("weth").unwrap();
        let mut market = Market::new(1, NOW, true);
        market.script("weth", NOW + 10, Some("3000.500".into()));
        market.script("weth", NOW + 20, None);
        assert_ne!(market.price(weth, NOW + 9).as_deref(), Some("3000.500"));
        assert_eq!(market.price(weth, NOW + 10).as_deref(), Some("3000.500"));
        assert_eq!(market.price(weth, NOW + 20), None);
        market.clear();
        assert!(market.price(weth, NOW + 20).is_some());
    }

    #[test]
    fn pools_are_sorted_by_depth_and_an_address_names_one() {
        let market = Market::new(1, NOW, false);
        for platform in ["ethereum", "base"] {
            let pools = market.pools(platform, NOW);
            assert!(pools.len() > 20);
            assert!(pools.is_sorted_by(|a, b| a.reserve_f64() >= b.reserve_f64()));
            let addresses: std::collections::BTreeSet<_> = pools.iter().map(|pool| &pool.address).collect();
            assert_eq!(addresses.len(), pools.len());
            assert!(pools.iter().all(|pool| pool.address.len() == 42));
        }
        assert!(market.pools("ethereum", NOW).iter().any(|pool| pool.name() == "WETH / USDC 0.3%"));
    }
}
