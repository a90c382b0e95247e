//! What our gas strategies save against others', paired: the same requests at the same blocks, under the same rule of
//! inclusion.
//!
//! Base fees are recorded, or made by EIP-1559's own rule (an eighth a block, by how full it is) from a demand that
//! wanders: in calm, while it rises, and with spikes. **Tips are modelled**, in both: each block has a level that
//! wanders, and the tips at the percentiles are fixed multiples of it. A transaction is mined in the first block whose
//! base fee its cap covers and whose lowest tips (the third percentile) it offers at least.
//!
//! What is compared is wei per unit of gas that was paid. One that is not mined within [`DEADLINE`] blocks is a miss: it
//! pays what speed would then pay, and is counted. Confidence is by bootstrap over runs of blocks, because neighbours
//! are alike.

use shared::market::draws::Draws;
use shared::transaction::Fees;
use shared::transaction::gas::baselines::Baseline;
use shared::transaction::gas::{BLOCKS, FeeHistory, PERCENTILES, Strategy};

/// Blocks in which a request is to be mined: the same promise for all.
pub const DEADLINE: usize = 10;
/// Blocks that are drawn together.
const RUN: usize = 20;
const RESAMPLES: usize = 1_000;
const GWEI: f64 = 1e9;

/// Blocks of a chain.
#[derive(Debug, Clone)]
pub struct Blocks {
    /// What they are like.
    pub regime: &'static str,
    base_fees: Vec<u128>,
    tips: Vec<[u128; PERCENTILES.len()]>,
}

/// What somebody paid for one request.
#[derive(Debug, Clone, Copy)]
struct Paid {
    base: f64,
    tip: f64,
    /// Blocks from the request to the one it was mined in.
    waited: usize,
    missed: bool,
}

/// A strategy beside a baseline.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What the blocks were like.
    pub regime: &'static str,
    /// Ours.
    pub strategy: &'static str,
    /// Theirs.
    pub baseline: &'static str,
    /// Requests.
    pub requests: usize,
    /// What ours saved of theirs in the mean, in percent; negative where ours was dearer.
    pub saved: f64,
    /// 95 of 100 times it is between these.
    pub interval: (f64, f64),
    /// Of it, what the tip saved.
    pub by_tip: f64,
    /// Of it, what waiting for a cheaper block did.
    pub by_waiting: f64,
    /// Ours that were not mined in time, in percent.
    pub missed: f64,
    /// Blocks that ours took in the mean.
    pub waited: f64,
    /// Blocks that theirs took in the mean.
    pub baseline_waited: f64,
}

impl Blocks {
    /// The recorded base fees with modelled tips.
    pub fn recorded() -> Blocks {
        let text = include_str!("../data/ethereum_base_fees.csv");
        let fees = text.lines().skip(1).filter_map(|line| line.split(',').nth(2)?.parse::<f64>().ok());
        Blocks::with_tips("recorded", fees.map(|gwei| (gwei * GWEI).round() as u128).collect())
    }

    /// So many blocks of a regime: `calm`, `rising` or `spikes`.
    pub fn modelled(regime: &'static str, count: usize) -> Blocks {
        let mut draws = Draws::new(count as u64, *b"regimes!");
        let (mut base, mut noise) = (10.0 * GWEI, 0.0);
        let mut base_fees = Vec::with_capacity(count);
        for n in 0..count {
            noise = 0.7 * noise + 0.35 * draws.normal();
            let level = match regime {
                "rising" => 10.0 + 50.0 * n as f64 / count as f64,
                "spikes" if n % 400 >= 340 => 80.0,
                _ => 10.0,
            };
            base_fees.push(base as u128);
            // Blocks aim at half of what they can hold; who is priced out waits.
            let fullness = (0.5 * level * GWEI * f64::exp(noise) / base).clamp(0.0, 1.0);
            base *= 1.0 + (2.0 * fullness - 1.0) / 8.0;
        }
        Blocks::with_tips(regime, base_fees)
    }

    fn with_tips(regime: &'static str, base_fees: Vec<u128>) -> Blocks {
        /// Gwei at each percentile where the level is 1.
        const TIPS: [f64; PERCENTILES.len()] = [0.05, 0.4, 1.0, 1.5, 2.0, 4.0];
        let mut draws = Draws::new(base_fees.len() as u64, *b"the tips");
        let mut noise = 0.0;
        let tips = base_fees.iter().map(|_| {
            noise = 0.6 * noise + 0.3 * draws.normal();
            TIPS.map(|tip| (tip * f64::exp(noise) * GWEI) as u128)
        });
        let tips = tips.collect();
        Blocks { regime, base_fees, tips }
    }

    fn count(&self) -> usize {
        self.base_fees.len()
    }

    /// What `eth_feeHistory` tells after block `last`; the next base fee is known.
    fn history(&self, last: usize) -> FeeHistory {
        let from = (last + 1).saturating_sub(BLOCKS);
        FeeHistory {
            base_fees: self.base_fees.get(from..=last + 1).unwrap_or_default().to_vec(),
            fullness_ppm: vec![],
            tips: self.tips.get(from..=last).unwrap_or_default().to_vec(),
        }
    }

    /// The first block after `last`, up to `end`, that takes these fees, and what is paid there.
    fn mine(&self, fees: Fees, last: usize, end: usize) -> Option<(usize, f64, f64)> {
        (last + 1..=end).find_map(|at| {
            let (base, lowest) = (*self.base_fees.get(at)?, self.tips.get(at)?[0]);
            let tip = fees.effective(base)?.checked_sub(base)?;
            (tip >= lowest).then_some((at, base as f64, tip as f64))
        })
    }

    /// What is paid for a request after block `asked`, signed after block `signed`.
    fn pay(&self, fees: Fees, asked: usize, signed: usize) -> Paid {
        let end = asked + DEADLINE;
        if let Some((at, base, tip)) = self.mine(fees, signed, end) {
            return Paid { base, tip, waited: at - asked, missed: false };
        }
        let late = Strategy::Speed.quote(&self.history(end)).map(|quote| quote.fees);
        let (base, tip) = late.map_or((f64::NAN, f64::NAN), |fees| {
            let base = self.base_fees.get(end + 1).copied().unwrap_or_default();
            (base as f64, fees.priority_fee as f64)
        });
        Paid { base, tip, waited: DEADLINE + 1, missed: true }
    }

    fn ours(&self, strategy: Strategy, asked: usize) -> Option<Paid> {
        let patience = usize::try_from(strategy.patience()).unwrap_or(0);
        // One block is left to be mined in.
        let last = asked + patience.min(DEADLINE - 1);
        let mut at = asked;
        loop {
            let quote = strategy.quote(&self.history(at))?;
            if !quote.waiting_pays || at >= last {
                return Some(self.pay(quote.fees, asked, at));
            }
            at += 1;
        }
    }

    fn theirs(&self, baseline: Baseline, asked: usize) -> Option<Paid> {
        Some(self.pay(baseline.fees(&self.history(asked))?, asked, asked))
    }

    /// Every strategy beside every baseline.
    pub fn compare(&self) -> Vec<Row> {
        let asked: Vec<usize> = (BLOCKS..self.count().saturating_sub(DEADLINE + 2)).collect();
        let mut rows = vec![];
        for strategy in Strategy::ALL {
            let ours: Vec<Paid> = asked.iter().filter_map(|at| self.ours(strategy, *at)).collect();
            for baseline in Baseline::ALL {
                let theirs: Vec<Paid> = asked.iter().filter_map(|at| self.theirs(baseline, *at)).collect();
                rows.push(self.row(strategy, baseline, &ours, &theirs));
            }
        }
        rows
    }

    fn row(&self, strategy: Strategy, baseline: Baseline, ours: &[Paid], theirs: &[Paid]) -> Row {
        let mean = |paid: &[Paid], what: fn(&Paid) -> f64| paid.iter().map(what).sum::<f64>() / paid.len() as f64;
        let whole = mean(theirs, |paid| paid.base + paid.tip);
        let percent = |what: fn(&Paid) -> f64| 100.0 * (mean(theirs, what) - mean(ours, what)) / whole;
        let share = |ours: &[Paid], theirs: &[Paid]| {
            let all = |paid: &[Paid]| paid.iter().map(|paid| paid.base + paid.tip).sum::<f64>();
            100.0 * (1.0 - all(ours) / all(theirs))
        };
        Row {
            regime: self.regime,
            strategy: strategy.name(),
            baseline: baseline.name(),
            requests: ours.len(),
            saved: share(ours, theirs),
            interval: interval(ours, theirs, share),
            by_tip: percent(|paid| paid.tip),
            by_waiting: percent(|paid| paid.base),
            missed: 100.0 * mean(ours, |paid| f64::from(u8::from(paid.missed))),
            waited: mean(ours, |paid| paid.waited as f64),
            baseline_waited: mean(theirs, |paid| paid.waited as f64),
        }
    }
}

/// Between what the saving is 95 of 100 times, when runs of requests are drawn anew.
fn interval(ours: &[Paid], theirs: &[Paid], share: impl Fn(&[Paid], &[Paid]) -> f64) -> (f64, f64) {
    let mut draws = Draws::new(ours.len() as u64, *b"resample");
    let runs = ours.len().div_ceil(RUN).max(1);
    let mut found: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut one, mut other) = (vec![], vec![]);
            for _ in 0..runs {
                let from = draws.below((ours.len().saturating_sub(RUN) + 1) as u64) as usize;
                let to = (from + RUN).min(ours.len());
                one.extend_from_slice(&ours[from..to]);
                other.extend_from_slice(&theirs[from..to]);
            }
            share(&one, &other)
        })
        .collect();
    found.sort_by(f64::total_cmp);
    (found[RESAMPLES / 40], found[RESAMPLES - 1 - RESAMPLES / 40])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_flat_blocks_a_strategy_saves_the_difference_of_the_tips_and_nothing_by_waiting() {
        let count = 100;
        let tips = vec![[1, 2, 4, 5, 6, 10].map(|gwei| gwei * 1_000_000_000); count];
        let flat = Blocks { regime: "flat", base_fees: vec![100_000_000_000; count], tips };
        let rows = flat.compare();
        let row = |strategy: &str, baseline: &str| {
            rows.iter().find(|row| row.strategy == strategy && row.baseline == baseline).unwrap().clone()
        };
        let cheap = row("cost_efficient", "alloy");
        assert!((cheap.saved - 100.0 * 2.0 / 104.0).abs() < 1e-9, "{cheap:?}");
        assert!((cheap.saved - cheap.by_tip).abs() < 1e-9 && cheap.by_waiting == 0.0 && cheap.missed == 0.0);
        assert_eq!((cheap.waited, cheap.interval.0, cheap.interval.1), (1.0, cheap.saved, cheap.saved));
        assert_eq!(row("balanced", "alloy").saved, 0.0, "the same offer");
        assert!(row("emergency", "alloy").saved < 0.0, "negatives are kept");
    }

    #[test]
    fn what_offers_less_than_a_block_takes_is_a_miss() {
        let count = 60;
        let mut tips = vec![[1, 1, 1, 1, 1, 1].map(|gwei| gwei * 1_000_000_000); count];
        tips[30..].fill([50, 50, 50, 50, 50, 50].map(|gwei| gwei * 1_000_000_000));
        let blocks = Blocks { regime: "wall", base_fees: vec![100_000_000_000; count], tips };
        let paid = blocks.theirs(Baseline::Alloy, 29).unwrap();
        assert!(paid.missed && paid.waited == DEADLINE + 1);
    }

    #[test]
    fn the_recorded_blocks_are_all_there() {
        assert_eq!(Blocks::recorded().count(), 340);
        assert_eq!(Blocks::modelled("calm", 500).count(), 500);
    }
}
