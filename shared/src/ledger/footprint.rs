//! The mark an account's own trades leave in a pool.
//!
//! A pool that was bought from is dearer for a while, until others trade it back. Without that
//! memory an order split in ten would have no impact. Nobody publishes how fast real pools
//! recover, so the half-life is an assumption, and named as one.

use serde::{Deserialize, Serialize};

use alloy_primitives::U256;

use crate::money::{Rounding, Units, mul_div};
use crate::time::Timestamp;

/// **Assumed**: half of what an account's trades did to a pool is undone after one minute.
pub const FOOTPRINT_HALF_LIFE_MS: u64 = 60_000;

/// After this many half-lives nothing is left, to the last base unit.
const FORGOTTEN_AFTER: u64 = 64;

/// What an account's recent trades took from and put into the pool of one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Footprint {
    /// Base units bought out of the pool and not yet traded back by others, as of `at`.
    pub bought: Units,
    /// Base units sold into the pool and not yet traded back by others, as of `at`.
    pub sold: Units,
    /// When the two were last brought up to date.
    pub at: Timestamp,
}

impl Footprint {
    /// What is left at `at`, of both. Halves every [`FOOTPRINT_HALF_LIFE_MS`], in a straight line
    /// within each half-life, rounded up: integers only, so every machine agrees.
    pub fn decayed(self, at: Timestamp) -> Footprint {
        let elapsed = at.since(self.at);
        if elapsed == 0 {
            return self;
        }
        Footprint { bought: left(self.bought, elapsed), sold: left(self.sold, elapsed), at }
    }

    /// What is left at `at` of what was bought.
    pub fn bought_at(&self, at: Timestamp) -> Units {
        left(self.bought, at.since(self.at))
    }

    /// What is left at `at` of what was sold.
    pub fn sold_at(&self, at: Timestamp) -> Units {
        left(self.sold, at.since(self.at))
    }

    /// The footprint after a fill at `at` that took `bought` out of the pool.
    pub(super) fn after_buying(self, bought: Units, at: Timestamp) -> Footprint {
        let now = self.decayed(at);
        Footprint { bought: Units(now.bought.0.saturating_add(bought.0)), ..now }
    }

    /// The footprint after a fill at `at` that put `sold` into the pool.
    pub(super) fn after_selling(self, sold: Units, at: Timestamp) -> Footprint {
        let now = self.decayed(at);
        Footprint { sold: Units(now.sold.0.saturating_add(sold.0)), ..now }
    }
}

fn left(units: Units, elapsed: u64) -> Units {
    let halvings = elapsed / FOOTPRINT_HALF_LIFE_MS;
    if elapsed == 0 || units.is_zero() {
        return units;
    }
    if halvings >= FORGOTTEN_AFTER {
        return Units::ZERO;
    }
    // units ÷ 2^halvings × (1 − within ÷ 2 half-lives), in one division.
    let within = elapsed % FOOTPRINT_HALF_LIFE_MS;
    let numerator = U256::from(2 * FOOTPRINT_HALF_LIFE_MS - within);
    let denominator = U256::from(u128::from(2 * FOOTPRINT_HALF_LIFE_MS) << halvings);
    // Never more than `units`, so it always fits.
    mul_div(units.0, numerator, denominator, Rounding::Up).map_or(units, Units)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bought_after(units: u64, elapsed: i64) -> u64 {
        let mark = Footprint { bought: Units(U256::from(units)), ..Footprint::default() };
        mark.decayed(Timestamp::from_millis(elapsed)).bought.0.to()
    }

    #[test]
    fn half_is_left_after_each_half_life_and_a_straight_line_lies_between() {
        for (units, elapsed, expected) in [
            (1_000_000, 0, 1_000_000),
            (1_000_000, 15_000, 875_000),
            (1_000_000, 30_000, 750_000),
            (1_000_000, 60_000, 500_000),
            (1_000_000, 90_000, 375_000),
            (1_000_000, 120_000, 250_000),
            (3, 60_000, 2),
            (1, 60_000, 1),
            (1, 63 * 60_000, 1),
            (1, 64 * 60_000, 0),
            (0, 5, 0),
        ] {
            assert_eq!(bought_after(units, elapsed), expected, "{units} after {elapsed} ms");
        }
    }

    #[test]
    fn decay_never_grows_and_never_overflows() {
        let mut before = Units(U256::MAX);
        for elapsed in (0..70 * 60_000).step_by(7_001) {
            let mark = Footprint { sold: Units(U256::MAX), ..Footprint::default() };
            let now = mark.decayed(Timestamp::from_millis(elapsed)).sold;
            assert!(now <= before, "{elapsed}");
            before = now;
        }
        assert_eq!(before, Units::ZERO);
    }

    #[test]
    fn trades_add_to_what_is_left() {
        let units = |n: u64| Units(U256::from(n));
        let mark = Footprint::default().after_buying(units(100), Timestamp::EPOCH);
        let later = Timestamp::from_millis(60_000);
        let mark = mark.after_selling(units(8), later).after_buying(units(1), later);
        assert_eq!(mark, Footprint { bought: units(51), sold: units(8), at: later });
        assert_eq!(mark.after_buying(Units(U256::MAX), later).bought, Units(U256::MAX));
    }
}
