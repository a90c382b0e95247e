//! `shared::market::v2` gives the same integers as the deployed Uniswap V2 and as Uniswap's own SDK.
//!
//! The judges are `UniswapV2Router02` on a real node (its pure functions, its quotes along routes, and
//! what really changes hands in swaps) and npm `@uniswap/v2-sdk`. `FOOLSCAP_CASES` sets the number of
//! cases, `FOOLSCAP_SEED` replays.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use alloy::{
    contract::Error as CallError,
    primitives::{Address, B256, U256, keccak256, map::HashMap},
    rpc::types::state::{AccountOverride, StateOverride},
};
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use shared::market::v2::{self, Hop, MAX_HOPS, PoolError, V2_FEE};
use tests::{
    node::{Anvil, contracts_dir},
    seed::{Replayable, cases},
    uniswap::{Uniswap, pair_creation_code},
};

/// Calls on their way to the node at once.
const AT_ONCE: usize = 16;
/// Far beyond any test's end.
const DEADLINE: U256 = U256::from_limbs([u32::MAX as u64, 0, 0, 0]);

/// What a judge says: an amount, or no.
fn verdict<T>(answer: Result<T, CallError>) -> Option<T> {
    match answer {
        Ok(amount) => Some(amount),
        Err(error) if error.as_revert_data().is_some() => None,
        // A division by zero in contracts of that age is an invalid instruction.
        Err(error) if error.to_string().contains("InvalidFEOpcode") => None,
        Err(error) => panic!("the node did not judge: {error}"),
    }
}

/// Reserves as a pair can hold them, and an amount that mostly, not always, makes sense for them.
fn pool(random: &mut Replayable) -> Hop {
    Hop { reserve_in: random.amount(112), reserve_out: random.amount(112), fee: V2_FEE }
}

fn amount_near(random: &mut Replayable, reserve: U256) -> U256 {
    match random.below(20) {
        0 => U256::ZERO,
        1 => reserve,
        2 => reserve + U256::ONE,
        3 => random.amount(128),
        _ => random.amount(reserve.bit_len() as u32),
    }
}

#[tokio::test]
async fn the_routers_pure_functions_agree_on_random_reserves_and_amounts() {
    let mut random = Replayable::from_env();
    let anvil = Anvil::start();
    let uniswap = Uniswap::deploy(&anvil, 0).await;
    let drawn: Vec<_> = (0..cases(1_000, 50_000))
        .map(|_| {
            let pool = pool(&mut random);
            (pool, amount_near(&mut random, pool.reserve_in), amount_near(&mut random, pool.reserve_out))
        })
        .collect();
    let judged = stream::iter(&drawn).map(async |(pool, amount_in, amount_out)| {
        let out = uniswap.router.getAmountOut(*amount_in, pool.reserve_in, pool.reserve_out);
        let needed = uniswap.router.getAmountIn(*amount_out, pool.reserve_in, pool.reserve_out);
        (verdict(out.call().await), verdict(needed.call().await))
    });
    let judged: Vec<_> = judged.buffered(AT_ONCE).collect().await;
    let mut agreed = [0; 4];
    for ((pool, amount_in, amount_out), (judged_out, judged_in)) in drawn.iter().zip(judged) {
        let out = v2::amount_out(*amount_in, pool.reserve_in, pool.reserve_out, pool.fee);
        let needed = v2::amount_in(*amount_out, pool.reserve_in, pool.reserve_out, pool.fee);
        assert_eq!(out.clone().ok(), judged_out, "{amount_in} into {pool:?}: {out:?}");
        assert_eq!(needed.clone().ok(), judged_in, "{amount_out} out of {pool:?}: {needed:?}");
        agreed[usize::from(out.is_err())] += 1;
        agreed[2 + usize::from(needed.is_err())] += 1;
    }
    let [outs, no_outs, ins, no_ins] = agreed;
    assert!(outs > 10 * no_outs && no_outs > 0 && ins > 2 * no_ins && no_ins > 0, "a poor draw: {agreed:?}");
}

#[tokio::test]
async fn the_routers_quotes_along_routes_agree_on_random_reserves() {
    let mut random = Replayable::from_env();
    let anvil = Anvil::start();
    let uniswap = Uniswap::deploy(&anvil, MAX_HOPS).await;
    let pairs = pairs(&uniswap).await;
    let drawn: Vec<_> = (0..cases(1_000, 50_000))
        .map(|_| {
            let route = route(&mut random, &uniswap.tokens);
            let hops: Vec<_> = route.windows(2).map(|_| pool(&mut random)).collect();
            let (first, last) = (hops[0], hops[hops.len() - 1]);
            let amounts = (amount_near(&mut random, first.reserve_in), amount_near(&mut random, last.reserve_out));
            (route, hops, amounts)
        })
        .collect();
    let judged = stream::iter(&drawn).map(async |(route, hops, (amount_in, amount_out))| {
        // The pairs' real code reads these reserves, for this call only.
        let reserves: StateOverride = route
            .windows(2)
            .zip(hops)
            .map(|(tokens, hop)| (pairs[&(tokens[0], tokens[1])], reserves_slot(tokens, hop)))
            .collect();
        let out = uniswap.router.getAmountsOut(*amount_in, route.clone()).state(reserves.clone());
        let needed = uniswap.router.getAmountsIn(*amount_out, route.clone()).state(reserves);
        (verdict(out.call().await), verdict(needed.call().await))
    });
    let judged: Vec<_> = judged.buffered(AT_ONCE).collect().await;
    let mut agreed = 0;
    for ((route, hops, (amount_in, amount_out)), (judged_out, judged_in)) in drawn.iter().zip(judged) {
        let out = v2::amounts_out(*amount_in, hops);
        let needed = v2::amounts_in(*amount_out, hops);
        assert_eq!(out.clone().ok(), judged_out, "{amount_in} along {hops:?}: {out:?}");
        agreed += usize::from(out.is_ok() && route.len() > 2);
        assert_eq!(needed.clone().ok(), judged_in, "{amount_out} along {hops:?}: {needed:?}");
    }
    assert!(agreed * 4 > drawn.len(), "a poor draw: only {agreed} routes of several hops could be walked");
}

#[tokio::test]
async fn executed_swaps_change_balances_by_the_predicted_amounts() {
    let mut random = Replayable::from_env();
    let anvil = Anvil::start();
    let uniswap = Uniswap::deploy(&anvil, 3).await;
    let trader = uniswap.trader;
    let wanted = cases(120, 2_000);
    let (mut swaps, mut several_hops) = (0, 0);
    while swaps < wanted {
        let route = route(&mut random, &uniswap.tokens);
        let (from, to) = (route[0], route[route.len() - 1]);
        let hops: Vec<_> = route.windows(2).map(|_| pool(&mut random)).collect();
        let exact_out = random.below(2) == 0;
        let predicted = match exact_out {
            false => v2::amounts_out(random.amount(hops[0].reserve_in.bit_len() as u32), &hops),
            true => v2::amounts_in(random.amount(hops[hops.len() - 1].reserve_out.bit_len() as u32), &hops),
        };
        let Ok(amounts) = predicted else { continue };
        let (amount_in, amount_out) = (amounts[0], amounts[amounts.len() - 1]);
        // A pair pays out something, and its balances stay within 112 bits.
        let fits =
            |(hop, amounts): (&Hop, &[U256])| !amounts[1].is_zero() && (hop.reserve_in + amounts[0]).bit_len() <= 112;
        if !hops.iter().zip(amounts.windows(2)).all(fits) {
            continue;
        }
        for (tokens, hop) in route.windows(2).zip(&hops) {
            uniswap.set_reserves((tokens[0], hop.reserve_in), (tokens[1], hop.reserve_out)).await;
        }
        let pays_ether = from == uniswap.weth && !exact_out && amount_in.bit_len() < 80;
        uniswap.deal(from, trader, if pays_ether { U256::ZERO } else { amount_in }).await;
        uniswap.deal(to, trader, U256::ZERO).await;
        let router = &uniswap.router;
        let request = match (pays_ether, exact_out) {
            (true, _) => router
                .swapExactETHForTokens(amount_out, route.clone(), trader, DEADLINE)
                .value(amount_in)
                .into_transaction_request(),
            (false, false) => router
                .swapExactTokensForTokens(amount_in, amount_out, route.clone(), trader, DEADLINE)
                .into_transaction_request(),
            (false, true) => router
                .swapTokensForExactTokens(amount_out, amount_in, route.clone(), trader, DEADLINE)
                .into_transaction_request(),
        };
        // One unit more than predicted is refused: see the limits, which are the predictions.
        uniswap.send(request).await;
        let case = format!("{amount_in} along {hops:?} for {amount_out}");
        assert_eq!(uniswap.balance(from, trader).await, U256::ZERO, "{case}");
        assert_eq!(uniswap.balance(to, trader).await, amount_out, "{case}");
        for ((tokens, hop), amounts) in route.windows(2).zip(&hops).zip(amounts.windows(2)) {
            let after = (hop.reserve_in + amounts[0], hop.reserve_out - amounts[1]);
            assert_eq!(uniswap.reserves(tokens[0], tokens[1]).await, after, "{case}");
        }
        swaps += 1;
        several_hops += u64::from(hops.len() > 1);
    }
    assert!(several_hops * 4 > swaps, "a poor draw: {several_hops} of {swaps} went through several pairs");
}

#[tokio::test]
async fn the_published_pair_is_the_one_the_router_looks_for() {
    let anvil = Anvil::start();
    let uniswap = Uniswap::deploy(&anvil, 1).await;
    let (a, b) = (uniswap.tokens[0].min(uniswap.tokens[1]), uniswap.tokens[0].max(uniswap.tokens[1]));
    let salt = keccak256([a.into_array(), b.into_array()].concat());
    let expected = uniswap.factory.address().create2(salt, keccak256(pair_creation_code()));
    assert_eq!(uniswap.pair(a, b).await, expected);
    // The hash written in `UniswapV2Library.pairFor`.
    let written = "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";
    assert_eq!(keccak256(pair_creation_code()).to_string(), written);
}

/// A walk along tokens that visits none twice.
fn route(random: &mut Replayable, tokens: &[Address]) -> Vec<Address> {
    let mut left = tokens.to_vec();
    let hops = 1 + random.below(left.len() as u32 - 1);
    (0..=hops).map(|_| left.swap_remove(random.below(left.len() as u32) as usize)).collect()
}

async fn pairs(uniswap: &Uniswap) -> HashMap<(Address, Address), Address> {
    let mut pairs = HashMap::default();
    for a in &uniswap.tokens {
        for b in uniswap.tokens.iter().filter(|b| *b != a) {
            pairs.insert((*a, *b), uniswap.pair(*a, *b).await);
        }
    }
    pairs
}

/// A pair keeps its reserves in slot 8: 112 bits for the token with the lower address, 112 for the other.
fn reserves_slot(tokens: &[Address], hop: &Hop) -> AccountOverride {
    let (low, high) =
        if tokens[0] < tokens[1] { (hop.reserve_in, hop.reserve_out) } else { (hop.reserve_out, hop.reserve_in) };
    AccountOverride::default().with_state_diff([(B256::from(U256::from(8)), B256::from(low | (high << 112)))])
}

/// One case of the SDK: pools along a route, an amount, and what it made of them.
#[derive(Debug, Deserialize)]
struct Vector {
    exact_out: bool,
    amount: U256,
    /// Reserves of the token that goes in and of the one that comes out, a pair a hop.
    hops: Vec<(U256, U256)>,
    /// The amounts along the route, or the name of the SDK's error.
    #[serde(default)]
    amounts: Option<Vec<U256>>,
    #[serde(default)]
    error: Option<String>,
}

#[test]
fn the_sdk_agrees_on_random_pools_routes_and_amounts() {
    let random = Replayable::from_env();
    let wanted = cases(10_000, 1_000_000);
    let mut sdk = Command::new("node")
        .arg(contracts_dir().join("v2_sdk_vectors.mjs"))
        .args(["--seed", &random.seed().to_string(), "--count", &wanted.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("node runs");
    let lines = BufReader::new(sdk.stdout.take().expect("stdout is piped")).lines();
    let (mut seen, mut amounts_seen) = (0, 0);
    for line in lines {
        let line = line.expect("the SDK writes text");
        let vector: Vector = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let hops: Vec<_> = vector
            .hops
            .iter()
            .map(|(reserve_in, reserve_out)| Hop { reserve_in: *reserve_in, reserve_out: *reserve_out, fee: V2_FEE })
            .collect();
        let ours = match vector.exact_out {
            false => v2::amounts_out(vector.amount, &hops),
            true => v2::amounts_in(vector.amount, &hops),
        };
        match (&vector.amounts, vector.error.as_deref(), &ours) {
            (Some(theirs), None, Ok(ours)) => assert_eq!(ours, theirs, "{line}"),
            (None, Some("InsufficientReservesError"), Err(PoolError::InsufficientLiquidity)) => {}
            // The SDK refuses a pool that pays out nothing; the router, and we, answer zero.
            (None, Some("InsufficientInputAmountError"), Err(PoolError::ZeroAmount)) => {}
            (None, Some("InsufficientInputAmountError"), Ok(ours)) if ours.ends_with(&[U256::ZERO]) => {}
            // It takes a wish for nothing as one for something; the router, and we, refuse it.
            (_, _, Err(PoolError::ZeroAmount)) if vector.exact_out && vector.amount.is_zero() => {}
            _ => panic!("ours: {ours:?}, theirs: {line}"),
        }
        seen += 1;
        amounts_seen += u64::from(ours.is_ok());
    }
    let status = sdk.wait().expect("node ends");
    assert!(status.success(), "the SDK's script failed: run `npm ci --ignore-scripts --prefix tests/contracts`");
    assert_eq!(seen, wanted);
    assert!(amounts_seen * 2 > wanted, "a poor draw: {amounts_seen} of {wanted} gave amounts");
}
