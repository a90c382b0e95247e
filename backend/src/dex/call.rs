//! A planned swap as the call that does it, and its quotes as the calls that ask for them.
//!
//! Behind the arguments stands the request's id: contracts pass over what they were not asked for, and the chain
//! can be asked whose a transaction is.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, Bytes, U256, address};
use shared::ids::TransactionId;
use shared::money::Units;
use shared::wire::transactions::{Asset, Exact, NewTransaction, Plan, Venue};

use super::abi::{ExactInputParams, ExactOutputParams, QuoterV2, Router02, SwapRouter02};

/// SwapRouter02's word for itself as the recipient (`Constants.ADDRESS_THIS`).
const ROUTER_ITSELF: Address = address!("0000000000000000000000000000000000000002");

/// A call that does a swap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwapCall {
    /// Native coin sent along, in wei.
    pub value: U256,
    /// The call.
    pub data: Bytes,
}

/// The call that does a planned swap for its sender, until `deadline` in seconds.
pub fn swap(asked: &NewTransaction, plan: &Plan, sender: Address, deadline: u64, id: TransactionId) -> SwapCall {
    let deadline = U256::from(deadline);
    // What is sent along is the most that may be sold; what is not used comes back.
    let most_sold = match asked.exact {
        Exact::Sell(sold) => sold.0,
        Exact::Buy(_) => plan.limit.0,
    };
    let value = if asked.sell == Asset::Native { most_sold } else { U256::ZERO };
    let mut data = match plan.venue {
        Venue::UniswapV2 => v2(asked, plan, sender, deadline),
        Venue::UniswapV3 => v3(asked, plan, sender, deadline),
    };
    data.extend_from_slice(id.as_bytes());
    SwapCall { value, data: data.into() }
}

fn v2(asked: &NewTransaction, plan: &Plan, to: Address, deadline: U256) -> Vec<u8> {
    let (path, limit) = (plan.path.clone(), plan.limit.0);
    let (from_native, to_native) = (asked.sell == Asset::Native, asked.buy == Asset::Native);
    match asked.exact {
        Exact::Sell(_) if from_native => {
            Router02::swapExactETHForTokensCall { amountOutMin: limit, path, to, deadline }.abi_encode()
        }
        Exact::Sell(Units(sold)) if to_native => {
            Router02::swapExactTokensForETHCall { amountIn: sold, amountOutMin: limit, path, to, deadline }.abi_encode()
        }
        Exact::Sell(Units(sold)) => {
            Router02::swapExactTokensForTokensCall { amountIn: sold, amountOutMin: limit, path, to, deadline }
                .abi_encode()
        }
        Exact::Buy(Units(bought)) if from_native => {
            Router02::swapETHForExactTokensCall { amountOut: bought, path, to, deadline }.abi_encode()
        }
        Exact::Buy(Units(bought)) if to_native => {
            Router02::swapTokensForExactETHCall { amountOut: bought, amountInMax: limit, path, to, deadline }
                .abi_encode()
        }
        Exact::Buy(Units(bought)) => {
            Router02::swapTokensForExactTokensCall { amountOut: bought, amountInMax: limit, path, to, deadline }
                .abi_encode()
        }
    }
}

fn v3(asked: &NewTransaction, plan: &Plan, to: Address, deadline: U256) -> Vec<u8> {
    let to_native = asked.buy == Asset::Native;
    let recipient = if to_native { ROUTER_ITSELF } else { to };
    let mut calls: Vec<Bytes> = vec![];
    match asked.exact {
        Exact::Sell(sold) => {
            let path = v3_path(&plan.path, &plan.fees);
            let params = ExactInputParams { path, recipient, amountIn: sold.0, amountOutMinimum: plan.limit.0 };
            calls.push(SwapRouter02::exactInputCall { params }.abi_encode().into());
        }
        Exact::Buy(bought) => {
            let path = v3_path_backwards(&plan.path, &plan.fees);
            let params = ExactOutputParams { path, recipient, amountOut: bought.0, amountInMaximum: plan.limit.0 };
            calls.push(SwapRouter02::exactOutputCall { params }.abi_encode().into());
        }
    }
    if to_native {
        let least = match asked.exact {
            Exact::Sell(_) => plan.limit.0,
            Exact::Buy(bought) => bought.0,
        };
        calls.push(SwapRouter02::unwrapWETH9Call { amountMinimum: least, recipient: to }.abi_encode().into());
    }
    if asked.sell == Asset::Native && matches!(asked.exact, Exact::Buy(_)) {
        calls.push(SwapRouter02::refundETHCall {}.abi_encode().into());
    }
    SwapRouter02::multicallCall { deadline, data: calls }.abi_encode()
}

/// Token, fee, token, fee, token: as V3 spells a path.
fn v3_path(tokens: &[Address], fees: &[u32]) -> Bytes {
    let mut path = Vec::with_capacity(tokens.len() * 23);
    for (at, token) in tokens.iter().enumerate() {
        path.extend_from_slice(token.as_slice());
        if let Some(fee) = fees.get(at) {
            path.extend_from_slice(&fee.to_be_bytes()[1..]);
        }
    }
    path.into()
}

/// For an exact output V3 wants the path from the end.
fn v3_path_backwards(tokens: &[Address], fees: &[u32]) -> Bytes {
    let tokens: Vec<Address> = tokens.iter().rev().copied().collect();
    let fees: Vec<u32> = fees.iter().rev().copied().collect();
    v3_path(&tokens, &fees)
}

/// The call that quotes a way on V2.
pub fn v2_quote(exact: Exact, path: &[Address]) -> Bytes {
    let path = path.to_vec();
    match exact {
        Exact::Sell(sold) => Router02::getAmountsOutCall { amountIn: sold.0, path }.abi_encode().into(),
        Exact::Buy(bought) => Router02::getAmountsInCall { amountOut: bought.0, path }.abi_encode().into(),
    }
}

/// What V2 quotes for the other side.
pub fn read_v2_quote(exact: Exact, answer: &[u8]) -> Option<U256> {
    match exact {
        Exact::Sell(_) => Router02::getAmountsOutCall::abi_decode_returns(answer).ok()?.last().copied(),
        Exact::Buy(_) => Router02::getAmountsInCall::abi_decode_returns(answer).ok()?.first().copied(),
    }
}

/// The call that quotes a way on V3.
pub fn v3_quote(exact: Exact, tokens: &[Address], fees: &[u32]) -> Bytes {
    match exact {
        Exact::Sell(sold) => {
            let path = v3_path(tokens, fees);
            QuoterV2::quoteExactInputCall { path, amountIn: sold.0 }.abi_encode().into()
        }
        Exact::Buy(bought) => {
            let path = v3_path_backwards(tokens, fees);
            QuoterV2::quoteExactOutputCall { path, amountOut: bought.0 }.abi_encode().into()
        }
    }
}

/// What V3 quotes for the other side, and the gas of it.
pub fn read_v3_quote(exact: Exact, answer: &[u8]) -> Option<(U256, U256)> {
    match exact {
        Exact::Sell(_) => {
            let quote = QuoterV2::quoteExactInputCall::abi_decode_returns(answer).ok()?;
            Some((quote.amountOut, quote.gasEstimate))
        }
        Exact::Buy(_) => {
            let quote = QuoterV2::quoteExactOutputCall::abi_decode_returns(answer).ok()?;
            Some((quote.amountIn, quote.gasEstimate))
        }
    }
}
