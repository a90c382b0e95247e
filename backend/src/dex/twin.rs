//! The paper twin of a swap: what the simulator's pools give for it, by the reserves that a block left.
//!
//! It is [`shared::market::v2`] that fills it, to the base unit, as it fills every paper trade by reserves. A pool of
//! Uniswap V3 counts as one of the reserves that its liquidity makes at its price (whitepaper, section 6.2: x = L / √P,
//! y = L · √P), as if its range went on. Chance has no part in it: what live trades add to that is what is measured.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, Bytes, U256};
use serde_json::{Value, json};
use shared::market::v2::{self, Hop, V2_FEE};
use shared::money::{Rounding, Units, mul_div};
use shared::trade::Ppm;
use shared::wire::transactions::{Exact, Fill, PaperTwin, Plan, Venue};

use super::abi::{Factory, Pair, Pool, Routers};
use super::returned;
use crate::chain::node::{Node, RpcError};

/// What a swap comes to on paper, by the reserves at a block. Nothing where they cannot be known: a node that has
/// forgotten the block, or a pool that could not do it.
///
/// # Errors
/// [`RpcError`], when the node could not be asked.
pub async fn fill(node: &Node, exact: Exact, plan: &Plan, block: &Value) -> Result<Option<Fill>, RpcError> {
    let Some(hops) = hops(node, plan, block).await? else { return Ok(None) };
    let fill = match exact {
        Exact::Sell(sold) => {
            v2::amounts_out(sold.0, &hops).ok().and_then(|amounts| Some(Fill { sold, bought: Units(*amounts.last()?) }))
        }
        Exact::Buy(bought) => v2::amounts_in(bought.0, &hops)
            .ok()
            .and_then(|amounts| Some(Fill { sold: Units(*amounts.first()?), bought })),
    };
    Ok(fill)
}

/// A twin beside what became of its swap.
pub fn beside(exact: Exact, real: &Fill, paper: Fill, block: u64) -> PaperTwin {
    let (real, on_paper, is_cost) = match exact {
        Exact::Sell(_) => (real.bought.0, paper.bought.0, false),
        Exact::Buy(_) => (real.sold.0, paper.sold.0, true),
    };
    let (is_more, apart) = if real >= on_paper { (true, real - on_paper) } else { (false, on_paper - real) };
    let share = mul_div(apart, U256::from(1_000_000), on_paper.max(U256::ONE), Rounding::Down).unwrap_or(U256::MAX);
    let share = i64::try_from(share.saturating_to::<u64>()).unwrap_or(i64::MAX);
    PaperTwin { fill: paper, block, difference_ppm: if is_more == is_cost { -share } else { share } }
}

/// The pools of a plan, in the direction of the trade.
async fn hops(node: &Node, plan: &Plan, block: &Value) -> Result<Option<Vec<Hop>>, RpcError> {
    let view = |to: Address, data: Vec<u8>| ("eth_call", json!([{ "to": to, "data": Bytes::from(data) }, block]));
    let factory = view(plan.router, Routers::factoryCall {}.abi_encode());
    let Some(factory) = node.batch(&[factory]).await?.pop().and_then(address) else {
        return Ok(None);
    };
    let steps: Vec<(Address, Address)> =
        plan.path.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.get(1)?))).collect();
    let which: Vec<_> = steps
        .iter()
        .enumerate()
        .map(|(at, (from, to))| match plan.venue {
            Venue::UniswapV2 => view(factory, Factory::getPairCall { a: *from, b: *to }.abi_encode()),
            Venue::UniswapV3 => {
                let fee = alloy_primitives::aliases::U24::from(plan.fees.get(at).copied().unwrap_or(0));
                view(factory, Factory::getPoolCall { a: *from, b: *to, fee }.abi_encode())
            }
        })
        .collect();
    let pools: Option<Vec<Address>> = node.batch(&which).await?.into_iter().map(address).collect();
    let Some(pools) = pools else { return Ok(None) };
    let questions: Vec<_> = pools
        .iter()
        .flat_map(|pool| match plan.venue {
            Venue::UniswapV2 => vec![view(*pool, Pair::getReservesCall {}.abi_encode())],
            Venue::UniswapV3 => {
                vec![view(*pool, Pool::slot0Call {}.abi_encode()), view(*pool, Pool::liquidityCall {}.abi_encode())]
            }
        })
        .collect();
    let mut answers = node.batch(&questions).await?.into_iter();
    let mut hops = vec![];
    for (at, (from, to)) in steps.into_iter().enumerate() {
        let first = answers.next().and_then(returned);
        let reserves = match plan.venue {
            Venue::UniswapV2 => first.and_then(|bytes| Some((word(&bytes, 0)?, word(&bytes, 1)?))),
            Venue::UniswapV3 => {
                let second = answers.next().and_then(returned);
                let root = first.and_then(|bytes| word(&bytes, 0));
                let liquidity = second.and_then(|bytes| word(&bytes, 0));
                root.zip(liquidity).and_then(|(root, liquidity)| virtual_reserves(root, liquidity))
            }
        };
        let Some((of_lower, of_higher)) = reserves else { return Ok(None) };
        let (reserve_in, reserve_out) = if from < to { (of_lower, of_higher) } else { (of_higher, of_lower) };
        let fee = match plan.venue {
            Venue::UniswapV2 => Some(V2_FEE),
            Venue::UniswapV3 => plan.fees.get(at).copied().and_then(Ppm::new),
        };
        let Some(fee) = fee else { return Ok(None) };
        hops.push(Hop { reserve_in, reserve_out, fee });
    }
    Ok(Some(hops))
}

/// The reserves that liquidity makes at a price, whose root is given in 2⁻⁹⁶.
fn virtual_reserves(root: U256, liquidity: U256) -> Option<(U256, U256)> {
    let one = U256::ONE << 96;
    let lower = mul_div(liquidity, one, root, Rounding::Down).ok()?;
    let higher = mul_div(liquidity, root, one, Rounding::Down).ok()?;
    Some((lower, higher))
}

fn word(bytes: &Bytes, at: usize) -> Option<U256> {
    bytes.get(at * 32..at * 32 + 32).map(U256::from_be_slice)
}

fn address(answer: Result<Value, RpcError>) -> Option<Address> {
    let bytes = returned(answer)?;
    let found = Address::from_slice(bytes.get(12..32)?);
    (found != Address::ZERO).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(sold: u64, bought: u64) -> Fill {
        Fill { sold: Units(U256::from(sold)), bought: Units(U256::from(bought)) }
    }

    #[test]
    fn better_is_more_bought_or_less_sold() {
        let sell = Exact::Sell(Units(U256::from(100_u64)));
        let buy = Exact::Buy(Units(U256::from(100_u64)));
        for (exact, real, paper, ppm) in [
            (sell, fill(100, 1_010), fill(100, 1_000), 10_000),
            (sell, fill(100, 990), fill(100, 1_000), -10_000),
            (buy, fill(1_010, 100), fill(1_000, 100), -10_000),
            (buy, fill(990, 100), fill(1_000, 100), 10_000),
            (sell, fill(100, 1_000), fill(100, 1_000), 0),
        ] {
            assert_eq!(beside(exact, &real, paper, 7).difference_ppm, ppm);
        }
    }

    #[test]
    fn liquidity_at_a_price_of_four_has_four_times_as_much_of_the_one() {
        let reserves = virtual_reserves(U256::from(2_u64) << 96, U256::from(1_000_u64)).unwrap();
        assert_eq!(reserves, (U256::from(500_u64), U256::from(2_000_u64)));
        assert_eq!(virtual_reserves(U256::ZERO, U256::from(1_u64)), None);
    }
}
