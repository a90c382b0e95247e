//! Which way is best: every way that is worth a look is quoted in one call, and gas is taken off.

use alloy_primitives::{Address, Bytes, U256};
use shared::money::{Rounding, Units};
use shared::wire::transactions::{Exact, NewTransaction, Plan, Venue};

use super::call;
use super::venues::Venues;

/// The fee tiers of V3 that pools are looked for in, in millionths.
const FEES: [u32; 4] = [100, 500, 3_000, 10_000];
/// Those that are tried for each step of a way of two.
const FEES_OF_TWO: [u32; 2] = [500, 3_000];
/// Gas of a V2 swap of one step, and of each further one: measured on a test chain, rounded up.
const V2_GAS: (u64, u64) = (110_000, 60_000);
/// Gas of a V3 swap beyond what its quoter counts.
const V3_OVERHEAD: u64 = 60_000;
/// Wei whose worth in the token is asked for, to weigh gas by.
pub const REFERENCE_WEI: u64 = 1_000_000_000_000_000;

/// A way to do a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// Where.
    pub venue: Venue,
    /// Through which tokens.
    pub path: Vec<Address>,
    /// On V3, by which tiers.
    pub fees: Vec<u32>,
}

impl Way {
    /// The contract that quotes it, and the call.
    pub fn question(&self, exact: Exact, venues: &Venues) -> Option<(Address, Bytes)> {
        match self.venue {
            Venue::UniswapV2 => Some((venues.v2_router?, call::v2_quote(exact, &self.path))),
            Venue::UniswapV3 => Some((venues.v3?.quoter, call::v3_quote(exact, &self.path, &self.fees))),
        }
    }

    /// What the other side is quoted at, and the gas it takes. Nothing where there is no such pool.
    pub fn answer(&self, exact: Exact, answer: &[u8]) -> Option<(U256, u64)> {
        match self.venue {
            Venue::UniswapV2 => {
                let further = self.path.len().saturating_sub(2) as u64;
                Some((call::read_v2_quote(exact, answer)?, V2_GAS.0 + V2_GAS.1 * further))
            }
            Venue::UniswapV3 => {
                let (amount, gas) = call::read_v3_quote(exact, answer)?;
                Some((amount, gas.saturating_to::<u64>().saturating_add(V3_OVERHEAD)))
            }
        }
    }

    /// The contract that does it.
    pub fn router(&self, venues: &Venues) -> Option<Address> {
        match self.venue {
            Venue::UniswapV2 => venues.v2_router,
            Venue::UniswapV3 => venues.v3.map(|v3| v3.router),
        }
    }
}

/// The ways from one token to another that are worth a look.
pub fn ways(asked: &NewTransaction, from: Address, to: Address, venues: &Venues) -> Vec<Way> {
    let paths: Vec<Vec<Address>> = if asked.via.is_empty() {
        let mut paths = vec![vec![from, to]];
        if from != venues.weth && to != venues.weth {
            paths.push(vec![from, venues.weth, to]);
        }
        paths
    } else {
        let through = asked.via.iter().copied();
        vec![std::iter::once(from).chain(through).chain([to]).collect()]
    };
    let mut ways = vec![];
    for path in paths {
        if venues.v2_router.is_some() && asked.venue != Some(Venue::UniswapV3) {
            ways.push(Way { venue: Venue::UniswapV2, path: path.clone(), fees: vec![] });
        }
        if venues.v3.is_some() && asked.venue != Some(Venue::UniswapV2) {
            for fees in tiers(path.len().saturating_sub(1)) {
                ways.push(Way { venue: Venue::UniswapV3, path: path.clone(), fees });
            }
        }
    }
    ways
}

/// The tiers to try for so many steps.
fn tiers(steps: usize) -> Vec<Vec<u32>> {
    let each: &[u32] = if steps <= 1 { &FEES } else { &FEES_OF_TWO };
    let mut all = vec![vec![]];
    for _ in 0..steps {
        all = all.iter().flat_map(|fees| each.iter().map(move |fee| [&fees[..], &[*fee]].concat())).collect();
    }
    all
}

/// The best of the ways: what is bought less the gas, or what is sold with it. `per_reference` is what
/// [`REFERENCE_WEI`] are worth in the token of the other side; where that is not known, gas decides nothing.
pub fn best(
    exact: Exact,
    quoted: Vec<(Way, U256, u64)>,
    gas_price: u128,
    per_reference: U256,
) -> Option<(Way, U256, u64)> {
    let cost = |gas: u64| {
        let wei = U256::from(gas).saturating_mul(U256::from(gas_price));
        wei.saturating_mul(per_reference) / U256::from(REFERENCE_WEI)
    };
    let quoted = quoted.into_iter().filter(|(_, amount, _)| !amount.is_zero());
    match exact {
        // Of equals the first: the simpler one.
        Exact::Sell(_) => quoted.rev_max_by_key(|(_, bought, gas)| bought.saturating_sub(cost(*gas))),
        Exact::Buy(_) => quoted.min_by_key(|(_, sold, gas)| sold.saturating_add(cost(*gas))),
    }
}

trait FirstMax: Iterator + Sized {
    /// The first of the largest; `max_by_key` gives the last.
    fn rev_max_by_key<K: Ord>(self, key: impl Fn(&Self::Item) -> K) -> Option<Self::Item> {
        self.reduce(|best, next| if key(&next) > key(&best) { next } else { best })
    }
}

impl<I: Iterator> FirstMax for I {}

/// The worst of the other side that is taken: rounded so that it is never better for anybody than was asked for.
pub fn limit(exact: Exact, quoted: U256, max_slippage_bps: u16) -> Option<Units> {
    let (whole, slip) = (U256::from(10_000), U256::from(max_slippage_bps.min(10_000)));
    let quoted = Units(quoted);
    match exact {
        Exact::Sell(_) => quoted.portion(whole - slip, whole, Rounding::Up).ok(),
        Exact::Buy(_) => quoted.portion(whole + slip, whole, Rounding::Down).ok(),
    }
}

/// The plan of a way.
pub fn plan(way: Way, router: Address, expected: U256, limit: Units) -> Plan {
    Plan { venue: way.venue, router, path: way.path, fees: way.fees, expected: Units(expected), limit }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(venue: Venue) -> Way {
        Way { venue, path: vec![], fees: vec![] }
    }

    #[test]
    fn the_better_is_the_better_after_gas() {
        let (v2, v3) = (way(Venue::UniswapV2), way(Venue::UniswapV3));
        let quoted = |two: u64, three: u64| {
            vec![(v2.clone(), U256::from(two), 100_000), (v3.clone(), U256::from(three), 200_000)]
        };
        let exact = |units: u64| Units(U256::from(units));
        let gwei = 1_000_000_000;
        // A gwei is worth 10^-4 of a unit here: 100,000 gas at 1 gwei cost 10 units.
        let worth = U256::from(REFERENCE_WEI / gwei / 10_000);
        for (two, three, gas_price, venue) in [
            (1_000, 1_005, 0, Venue::UniswapV3),
            (1_000, 1_005, 1, Venue::UniswapV2),
            (1_000, 1_011, 1, Venue::UniswapV3),
            (1_000, 1_000, 0, Venue::UniswapV2),
        ] {
            let gas_price = gas_price * u128::from(gwei);
            let best = best(Exact::Sell(exact(1)), quoted(two, three), gas_price, worth).unwrap();
            assert_eq!(best.0.venue, venue, "{two} {three} {gas_price}");
        }
        let best = best(Exact::Buy(exact(1)), quoted(1_000, 995), u128::from(gwei), worth).unwrap();
        assert_eq!(best.0.venue, Venue::UniswapV2);
    }

    #[test]
    fn the_limit_is_what_was_quoted_and_the_tolerance() {
        let units = |n: u64| Units(U256::from(n));
        assert_eq!(limit(Exact::Sell(units(1)), U256::from(10_001), 50), Some(units(9_951)), "9950.995");
        assert_eq!(limit(Exact::Buy(units(1)), U256::from(10_001), 50), Some(units(10_051)), "10051.005");
        assert_eq!(limit(Exact::Sell(units(1)), U256::from(7), 10_000), Some(units(0)));
    }

    #[test]
    fn every_way_that_may_be_gone_is_looked_at() {
        let [a, b] = [1, 2].map(Address::repeat_byte);
        let venues = Venues::of(shared::chain::Chain::Sepolia);
        let text = r#"{"chain":11155111,"sell":"native","buy":"native","exact":{"sell":"1"}}"#;
        let mut asked: NewTransaction = serde_json::from_str(text).unwrap();
        assert_eq!(ways(&asked, a, b, &venues).len(), (1 + 4) + (1 + 4));
        assert_eq!(ways(&asked, a, venues.weth, &venues).len(), 1 + 4);
        asked.venue = Some(Venue::UniswapV2);
        asked.via = vec![Address::repeat_byte(3)];
        let only = ways(&asked, a, b, &venues);
        assert_eq!((only.len(), only[0].path.len()), (1, 3));
    }
}
