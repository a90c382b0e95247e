//! What a swap would be: the way that would be chosen, what it brings and costs, and what stands in its way. Nothing
//! is signed, and nothing follows from it.

use alloy_primitives::{Bytes, U256};
use serde_json::json;
use shared::money::Units;
use shared::time::Timestamp;
use shared::transaction::Trouble;
use shared::transaction::gas::BLOCKS;
use shared::wire::transactions::{Asset, Exact};
use shared::wire::wallet::SwapQuote;

use super::quote::{self, Way};
use super::venues::Venues;
use super::{Readiness, Wanted, ask, call, holdings, measure, returned, seconds, to_weigh_by};
use crate::chain::node::{Node, RpcError};
use crate::chain::reads::{self, Call};

/// The part of a swap whose price is taken for the price without it: one in so many.
const PROBE: u64 = 1_000;
/// Units of gas that an approval takes: an ERC-20's, with a first entry in its storage.
const APPROVAL_GAS: u64 = 50_000;
const MILLION: u64 = 1_000_000;

/// Quotes a swap, or says what is wrong with it.
///
/// # Errors
/// [`RpcError`], when the node could not be asked.
pub async fn quote(
    node: &Node,
    venues: &Venues,
    wanted: &Wanted,
    now: Timestamp,
) -> Result<Result<SwapQuote, String>, RpcError> {
    let asked = &wanted.asked;
    let token = |asset| match asset {
        Asset::Native => venues.weth,
        Asset::Token(address) => address,
    };
    let (from, to) = (token(asked.sell), token(asked.buy));
    if from == to {
        return Ok(Err("what is sold is what is bought: wrapping is no swap".to_owned()));
    }
    let ways = quote::ways(asked, from, to, venues);
    let means = ask(node, venues, wanted, &ways, to_weigh_by(asked, from, to)).await?;
    let best = quote::best(asked.exact, means.quoted.clone(), means.gas_price, means.per_reference);
    let Some((way, expected, way_gas)) = best else {
        return Ok(Err("no pool of a known venue swaps this; name a way with `via`".to_owned()));
    };
    let limit = quote::limit(asked.exact, expected, asked.max_slippage_bps);
    let (Some(router), Some(limit)) = (way.router(venues), limit) else {
        return Ok(Err("the amounts are beyond what can be counted".to_owned()));
    };
    let (history, impact_ppm) = beside(node, venues, asked.exact, &way, expected).await?;
    let plan = quote::plan(way, router, expected, limit);
    let sold = match asked.exact {
        Exact::Sell(sold) => sold.0,
        Exact::Buy(_) => limit.0,
    };
    let quoted = SwapQuote {
        as_of: now,
        impact_ppm,
        gas: way_gas,
        is_tried: false,
        approval_gas: None,
        offers: holdings::offers(&history),
        trouble: None,
        plan,
    };
    if means.balance < sold {
        let trouble = Trouble::InsufficientFunds { needed: Units(sold), has: Units(means.balance) };
        return Ok(Ok(SwapQuote { trouble: Some(trouble.to_string()), ..quoted }));
    }
    if asked.sell != Asset::Native && means.allowance(router) < sold {
        return Ok(Ok(SwapQuote { approval_gas: Some(APPROVAL_GAS), ..quoted }));
    }
    let swap = call::swap(asked, &quoted.plan, wanted.sender, seconds(wanted.deadline), wanted.id);
    let call = Call { from: wanted.sender, to: router, value: swap.value, data: swap.data, gas: None };
    Ok(Ok(match measure(node, call, 0).await? {
        Readiness::Ready(prepared, _) => SwapQuote { gas: prepared.gas_limit, is_tried: true, ..quoted },
        Readiness::Not(trouble) => SwapQuote { trouble: Some(trouble.to_string()), ..quoted },
        // A call is tried as it is; nothing is looked up for it.
        Readiness::Unapproved { .. } => quoted,
    }))
}

/// What the last blocks cost, and how much worse the swap is than a small part of it.
async fn beside(
    node: &Node,
    venues: &Venues,
    exact: Exact,
    way: &Way,
    expected: U256,
) -> Result<(shared::transaction::gas::FeeHistory, Option<u32>), RpcError> {
    let (whole, part) = match exact {
        Exact::Sell(Units(whole)) => (whole, Exact::Sell(Units(whole / U256::from(PROBE)))),
        Exact::Buy(Units(whole)) => (whole, Exact::Buy(Units(whole / U256::from(PROBE)))),
    };
    let mut questions = vec![reads::fee_history_call(BLOCKS)];
    if let Some((to, data)) = way.question(part, venues) {
        questions.push(("eth_call", json!([{ "to": to, "data": data }, "latest"])));
    }
    let mut answers = node.batch(&questions).await?.into_iter();
    let history = answers.next().unwrap_or_else(|| Err(RpcError::Garbled("an answer is missing".into())))?;
    let probed = answers.next().and_then(returned).and_then(|bytes: Bytes| way.answer(part, &bytes));
    let impact = probed.and_then(|(probed, _)| {
        let small = match part {
            Exact::Sell(units) | Exact::Buy(units) => units.0,
        };
        impact_ppm(exact, (whole, expected), (small, probed))
    });
    Ok((reads::fee_history(history)?, impact))
}

/// How much worse per unit the whole is than the part, in parts per million, rounded up. Nothing where the part is
/// too small to tell.
fn impact_ppm(exact: Exact, (whole, for_it): (U256, U256), (part, for_part): (U256, U256)) -> Option<u32> {
    if part.is_zero() || for_part.is_zero() || whole.is_zero() || for_it.is_zero() {
        return None;
    }
    // What the whole would be at the part's price.
    let fair = for_part.checked_mul(whole)? / part;
    let (worse, better) = match exact {
        Exact::Sell(_) => (for_it, fair),
        Exact::Buy(_) => (fair, for_it),
    };
    let lost = better.saturating_sub(worse).checked_mul(U256::from(MILLION))?;
    // Of what is paid or got at the part's price.
    Some(lost.div_ceil(fair).saturating_to::<u32>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn impact_is_what_the_whole_is_worse_than_a_small_part_of_it() {
        let units = |n: u64| U256::from(n);
        let (sell, buy) = (Exact::Sell(Units(units(1_000))), Exact::Buy(Units(units(1_000))));
        for (exact, for_it, for_part, ppm) in [
            (sell, 1_000, 1, Some(0)),
            (sell, 990, 1, Some(10_000)),
            (sell, 1_010, 1, Some(0)),
            (buy, 1_010, 1, Some(10_000)),
            (buy, 1_000, 1, Some(0)),
            (sell, 990, 0, None),
        ] {
            let found = impact_ppm(exact, (units(1_000), units(for_it)), (units(1), units(for_part)));
            assert_eq!(found, ppm, "{exact:?} {for_it} {for_part}");
        }
    }
}
