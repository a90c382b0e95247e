//! What others would offer: the baselines that savings are measured against. The baseline decides the answer, so
//! each has its name and its source.

use super::{FeeHistory, Tip, median};
use crate::transaction::fees::Fees;

const GWEI: u128 = 1_000_000_000;

/// Somebody else's way to price gas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Baseline {
    /// geth's `eth_maxPriorityFeePerGas` (`eth/gasprice/gasprice.go`): the 60th percentile of the lowest tips of the
    /// last 20 blocks, at most 500 gwei; cap 2 × base fee + tip (`internal/ethapi/transaction_args.go`). The three
    /// lowest tips of a block are taken as the tip at the 3rd percentile of its gas.
    Geth,
    /// alloy's default (`alloy-provider/src/utils.rs`): the median of the 20th percentile over 10 blocks, 2 × base.
    Alloy,
    /// MetaMask's "market" (`gas-fee-controller`, medium): the median of the 20th percentile × 0.97, at least 1.5
    /// gwei; cap 1.2 × base fee + tip.
    MetaMaskMedium,
}

impl Baseline {
    /// Every baseline.
    pub const ALL: [Baseline; 3] = [Baseline::Geth, Baseline::Alloy, Baseline::MetaMaskMedium];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Baseline::Geth => "geth",
            Baseline::Alloy => "alloy",
            Baseline::MetaMaskMedium => "metamask medium",
        }
    }

    /// What it offers after these blocks. `None` where the history is empty.
    pub fn fees(self, history: &FeeHistory) -> Option<Fees> {
        let base_fee = *history.base_fees.last()?;
        let (tip, cap) = match self {
            Baseline::Geth => {
                let mut tips: Vec<u128> =
                    history.tips.iter().filter_map(|block| block.get(Tip::P3 as usize).copied()).collect();
                tips.sort_unstable();
                let at = tips.len().saturating_sub(1) * 60 / 100;
                (tips.get(at).copied().unwrap_or(0).min(500 * GWEI), base_fee.saturating_mul(2))
            }
            Baseline::Alloy => {
                let tips = history.tips.iter().rev().take(10).filter_map(|block| block.get(Tip::P20 as usize).copied());
                let mut tips: Vec<u128> = tips.filter(|tip| *tip > 0).collect();
                (median(&mut tips).max(1), base_fee.saturating_mul(2))
            }
            Baseline::MetaMaskMedium => {
                let tips = history.tips.iter().rev().take(5).filter_map(|block| block.get(Tip::P20 as usize).copied());
                let mut tips: Vec<u128> = tips.collect();
                let tip = median(&mut tips).saturating_mul(97) / 100;
                (tip.max(3 * GWEI / 2), base_fee.saturating_mul(12) / 10)
            }
        };
        Some(Fees { max_fee: cap.saturating_add(tip), priority_fee: tip })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_offers_what_its_source_says() {
        let tips = (1..=20).map(|n| [n, 0, 10 * n, 0, 0, 0].map(|tip| tip * GWEI / 10)).collect();
        let history = FeeHistory { base_fees: vec![100 * GWEI; 21], fullness_ppm: vec![500_000; 20], tips };
        let fees = |tip: u128, cap: u128| Some(Fees { max_fee: cap + tip, priority_fee: tip });
        // The 12th of 20 lowest tips; the median of 11…20; of 16…20, times 0.97.
        assert_eq!(Baseline::Geth.fees(&history), fees(12 * GWEI / 10, 200 * GWEI));
        assert_eq!(Baseline::Alloy.fees(&history), fees(155 * GWEI / 10, 200 * GWEI));
        assert_eq!(Baseline::MetaMaskMedium.fees(&history), fees(1_746 * GWEI / 100, 120 * GWEI));
        let quiet = FeeHistory { base_fees: vec![GWEI; 2], fullness_ppm: vec![0], tips: vec![[0; 6]] };
        assert_eq!(Baseline::MetaMaskMedium.fees(&quiet).unwrap().priority_fee, 3 * GWEI / 2, "its floor");
        assert_eq!(Baseline::Alloy.fees(&quiet).unwrap().priority_fee, 1);
    }
}
