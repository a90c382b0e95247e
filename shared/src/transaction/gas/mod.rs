//! What to offer for gas: our strategies, from what the last blocks cost.
//!
//! Lowering the cap saves nothing on a transaction that is mined: it pays base fee + min(tip, cap − base fee). So
//! what a strategy decides is the tip, and whether to wait for a cheaper block; the cap only has to last.
//! [`baselines`] is what others would offer, to be measured against.

pub mod baselines;

use serde::{Deserialize, Serialize};

use super::event::GasQuote;
use super::fees::Fees;

/// What `eth_feeHistory` tells of the last blocks, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeeHistory {
    /// Base fees in wei per gas; the last is that of the next block, so there is one more than blocks.
    pub base_fees: Vec<u128>,
    /// How full each block was, in parts per million.
    pub fullness_ppm: Vec<u32>,
    /// The tips of each block, in wei per gas, at [`PERCENTILES`] of the gas it used.
    pub tips: Vec<[u128; PERCENTILES.len()]>,
}

/// The percentiles of a block's gas whose tips are asked for.
pub const PERCENTILES: [u8; 6] = [3, 10, 20, 50, 60, 90];
/// Blocks that are asked for: the most that any strategy or baseline looks at.
pub const BLOCKS: usize = 20;

/// A tip at one of [`PERCENTILES`], by its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tip {
    P3 = 0,
    P10 = 1,
    P20 = 2,
    P60 = 4,
    P90 = 5,
}

/// How much somebody wants it, and how soon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// The least: it waits up to ten blocks for a cheap one, and tips what a tenth of the gas does.
    CostEfficient,
    /// The next blocks, at no more than they have to cost.
    #[default]
    Balanced,
    /// The next block.
    Speed,
    /// As balanced; handed to private nodes only, where there are some.
    MevProtected,
    /// The next block whatever it costs under the ceiling.
    Emergency,
}

/// What a strategy does, in figures.
#[derive(Debug, Clone, Copy)]
struct Plan {
    tip: Tip,
    /// The tip, in percent of the median over the blocks at that percentile.
    tip_percent: u128,
    /// The cap, in percent of the next base fee, before the tip.
    cap_percent: u128,
    /// Blocks that it may wait for a base fee in the lowest quarter of the last ones.
    patience: u64,
}

impl Strategy {
    /// Every strategy.
    pub const ALL: [Strategy; 5] =
        [Strategy::CostEfficient, Strategy::Balanced, Strategy::Speed, Strategy::MevProtected, Strategy::Emergency];

    /// Its name, as the API has it.
    pub const fn name(self) -> &'static str {
        match self {
            Strategy::CostEfficient => "cost_efficient",
            Strategy::Balanced => "balanced",
            Strategy::Speed => "speed",
            Strategy::MevProtected => "mev_protected",
            Strategy::Emergency => "emergency",
        }
    }

    const fn plan(self) -> Plan {
        match self {
            Strategy::CostEfficient => Plan { tip: Tip::P10, tip_percent: 100, cap_percent: 200, patience: 10 },
            Strategy::Balanced | Strategy::MevProtected => {
                Plan { tip: Tip::P20, tip_percent: 100, cap_percent: 200, patience: 1 }
            }
            Strategy::Speed => Plan { tip: Tip::P60, tip_percent: 110, cap_percent: 300, patience: 0 },
            Strategy::Emergency => Plan { tip: Tip::P90, tip_percent: 150, cap_percent: 400, patience: 0 },
        }
    }

    /// Blocks that it may wait for a cheap one.
    pub const fn patience(self) -> u64 {
        self.plan().patience
    }

    /// What it offers after these blocks, and whether it would rather wait. `None` where the history is empty.
    pub fn quote(self, history: &FeeHistory) -> Option<GasQuote> {
        let plan = self.plan();
        let base_fee = *history.base_fees.last()?;
        let tip = history.median(plan.tip).saturating_mul(plan.tip_percent).div_ceil(100);
        let max_fee = (base_fee.saturating_mul(plan.cap_percent) / 100).saturating_add(tip);
        let waiting_pays = plan.patience > 0 && history.is_dear(base_fee, plan.patience);
        // Pools want a tip that can be raised by a tenth.
        let priority_fee = tip.max(1);
        Some(GasQuote { base_fee, fees: Fees { max_fee: max_fee.max(priority_fee), priority_fee }, waiting_pays })
    }
}

impl FeeHistory {
    /// The median over the blocks of the tip at a percentile; blocks without tips tell nothing.
    fn median(&self, tip: Tip) -> u128 {
        let mut tips: Vec<u128> =
            self.tips.iter().rev().take(10).filter_map(|block| block.get(tip as usize).copied()).collect();
        tips.retain(|tip| *tip > 0);
        median(&mut tips)
    }

    /// Whether the next block is so dear that one of the next few is likely to be cheaper. Whoever can wait long
    /// waits for the lowest quarter of the last blocks; who can hardly wait, only while it is in the highest and falls
    /// already: while it still rises, the block after is dearer more often than not.
    fn is_dear(&self, base_fee: u128, patience: u64) -> bool {
        let falls = self.base_fees.iter().rev().nth(1).is_some_and(|before| base_fee < *before);
        if patience < 5 && !falls {
            return false;
        }
        let mut past: Vec<u128> = self.base_fees.iter().rev().skip(1).take(BLOCKS).copied().collect();
        past.sort_unstable();
        let quarter = past.len() / 4;
        let limit = if patience >= 5 { past.get(quarter) } else { past.get(past.len().saturating_sub(quarter + 1)) };
        past.len() >= 4 && limit.is_some_and(|limit| base_fee > *limit)
    }
}

/// The median; of an even number, the mean of the two in the middle rounded down. Zero of none.
fn median(values: &mut [u128]) -> u128 {
    values.sort_unstable();
    let middle = values.len() / 2;
    match (values.get(middle), values.len() % 2) {
        (Some(upper), 1) => *upper,
        (Some(upper), _) => values.get(middle.wrapping_sub(1)).map_or(*upper, |lower| lower + (upper - lower) / 2),
        (None, _) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GWEI: u128 = 1_000_000_000;

    fn history(base_fees: &[u128], tips: [u128; 6]) -> FeeHistory {
        let blocks = base_fees.len() - 1;
        FeeHistory { base_fees: base_fees.to_vec(), fullness_ppm: vec![500_000; blocks], tips: vec![tips; blocks] }
    }

    #[test]
    fn the_more_somebody_wants_it_the_more_is_offered() {
        let flat = history(&[10 * GWEI; 21], [1, 2, 3, 4, 5, 6].map(|n| n * GWEI));
        let quotes = [Strategy::CostEfficient, Strategy::Balanced, Strategy::Speed, Strategy::Emergency]
            .map(|strategy| strategy.quote(&flat).unwrap());
        assert!(quotes.windows(2).all(|pair| pair[0].fees.priority_fee < pair[1].fees.priority_fee));
        assert!(quotes.windows(2).all(|pair| pair[0].fees.max_fee < pair[1].fees.max_fee));
        assert!(quotes.iter().all(|quote| !quote.waiting_pays && quote.base_fee == 10 * GWEI));
        assert_eq!(quotes[1].fees, Fees { max_fee: 23 * GWEI, priority_fee: 3 * GWEI });
    }

    #[test]
    fn waiting_pays_when_the_next_block_is_dear_for_those_who_can_wait() {
        let rising: Vec<u128> = (0..21).map(|n| (10 + n) * GWEI).collect();
        let falling: Vec<u128> = rising.iter().rev().copied().collect();
        let middling = [&rising[..20], &[18 * GWEI]].concat();
        let past_its_peak = [&rising[..19], &[50 * GWEI, 45 * GWEI]].concat();
        for (base_fees, waits) in [
            (&rising, [true, false, false]),
            (&falling, [false, false, false]),
            (&middling, [true, false, false]),
            (&past_its_peak, [true, true, false]),
        ] {
            let strategies = [Strategy::CostEfficient, Strategy::Balanced, Strategy::Speed];
            let found = strategies.map(|strategy| strategy.quote(&history(base_fees, [1; 6])).unwrap().waiting_pays);
            assert_eq!(found, waits, "{base_fees:?}");
        }
    }

    #[test]
    fn an_empty_chain_has_a_price_that_can_be_raised_and_no_history_has_none() {
        let quote = Strategy::Balanced.quote(&history(&[0, 0], [0; 6])).unwrap();
        assert_eq!(quote.fees, Fees { max_fee: 1, priority_fee: 1 });
        assert_eq!(Strategy::Balanced.quote(&FeeHistory::default()), None);
    }

    #[test]
    fn a_median_is_the_middle() {
        assert_eq!([median(&mut []), median(&mut [3]), median(&mut [9, 1, 4]), median(&mut [2, 5])], [0, 3, 4, 3]);
        assert_eq!(median(&mut [u128::MAX, u128::MAX]), u128::MAX);
    }
}
