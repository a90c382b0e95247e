//! What CoinGecko grants, and what it is for.

use super::bucket::MINUTE_MS;

/// A day.
pub(super) const DAY_MS: u64 = 86_400_000;
/// The longest month, in days.
const MONTH_DAYS: u32 = 31;
/// So long somebody is to be able to watch prices at full pace, a call a minute, whenever they come.
const SESSION_MS: u64 = 4 * 3_600_000;

/// What CoinGecko grants beside its limit a minute. Only good answers count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grant {
    /// Calls in any period.
    pub calls: u32,
    /// The period, in days.
    pub days: u32,
}

impl Grant {
    /// CoinGecko's free plan: 10,000 calls a month.
    pub const DEMO: Grant = Grant { calls: 10_000, days: MONTH_DAYS };
    /// The seed's limit: fewer than 1,100 calls a day.
    pub const DAILY: Grant = Grant { calls: 1_099, days: 1 };
    /// CoinGecko's smallest paid plan: 500,000 calls a month.
    pub const PRO: Grant = Grant { calls: 500_000, days: MONTH_DAYS };

    /// The fewest calls that leave some for every purpose.
    pub const LEAST: u32 = 100;

    /// The grant by its name (`demo`, `daily`, `pro`), or by its figures: calls and days, such as `10000/30`.
    pub fn named(text: &str) -> Option<Grant> {
        match text {
            "demo" => Some(Grant::DEMO),
            "daily" => Some(Grant::DAILY),
            "pro" => Some(Grant::PRO),
            figures => {
                let (calls, days) = figures.split_once('/')?;
                let (calls, days) = (calls.parse().ok()?, days.parse().ok()?);
                (calls >= Grant::LEAST && (1..=366).contains(&days)).then_some(Grant { calls, days })
            }
        }
    }

    pub(super) const fn period_ms(self) -> u64 {
        self.days as u64 * DAY_MS
    }
}

/// What a call is for. Prices come first: nearly all of the grant is theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The prices of all watched coins, in one call.
    Prices,
    /// A coin's past.
    Candles,
    /// A token's pools and its volatility.
    Pools,
    /// Which coin an address is.
    Lookups,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 4] = [Purpose::Prices, Purpose::Candles, Purpose::Pools, Purpose::Lookups];

    /// Its share of the grant, in hundredths.
    pub(super) const fn share(self) -> u64 {
        match self {
            Purpose::Prices => 80,
            Purpose::Candles => 10,
            Purpose::Pools => 6,
            Purpose::Lookups => 4,
        }
    }

    /// What of its share is saved at most. Prices are asked for minute by minute: they save what a session
    /// takes beyond what comes back meanwhile, and not much more, for what is saved is not spread. Everything
    /// else is asked for in a burst and then kept for long.
    pub(super) fn reserve(self, share: u64, period_ms: u64) -> u64 {
        let hundredths = |n: u64| share * n / 100;
        match self {
            Purpose::Prices => {
                let needed = (SESSION_MS / MINUTE_MS * period_ms).saturating_sub(share * SESSION_MS);
                needed.div_ceil(period_ms - SESSION_MS).clamp(hundredths(6), hundredths(15))
            }
            Purpose::Candles | Purpose::Pools | Purpose::Lookups => hundredths(25),
        }
    }

    /// The name it is counted and kept under.
    pub const fn name(self) -> &'static str {
        match self {
            Purpose::Prices => "prices",
            Purpose::Candles => "candles",
            Purpose::Pools => "pools",
            Purpose::Lookups => "lookups",
        }
    }
}
