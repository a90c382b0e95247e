//! What a swap came to, by what the chain's logs say and nothing else.

use alloy::sol_types::SolEvent;
use alloy_primitives::{Address, B256, U256};
use shared::money::Units;
use shared::wire::transactions::{Asset, Fill, NewTransaction, Plan};

use super::abi::{Token, Weth};
use crate::chain::reads::Log;

/// What was sold and bought. Native coin never shows in logs: what its wrapped token was made from, or turned back
/// into, by the router is what went in or came out.
pub fn read(logs: &[Log], asked: &NewTransaction, plan: &Plan, weth: Address, sender: Address) -> Fill {
    let sold = match asked.sell {
        Asset::Native => by(logs, weth, Weth::Deposit::SIGNATURE_HASH, plan.router),
        Asset::Token(token) => transferred(logs, token, |from, to| from == sender && to != sender)
            .saturating_sub(transferred(logs, token, |from, to| to == sender && from != sender)),
    };
    let bought = match asked.buy {
        Asset::Native => by(logs, weth, Weth::Withdrawal::SIGNATURE_HASH, plan.router),
        Asset::Token(token) => transferred(logs, token, |from, to| to == sender && from != sender)
            .saturating_sub(transferred(logs, token, |from, to| from == sender && to != sender)),
    };
    Fill { sold: Units(sold), bought: Units(bought) }
}

/// The sum of a token's transfers that count.
fn transferred(logs: &[Log], token: Address, counts: impl Fn(Address, Address) -> bool) -> U256 {
    let amount = |log: &Log| match log.topics.as_slice() {
        [kind, from, to] if log.address == token && *kind == Token::Transfer::SIGNATURE_HASH => {
            counts(Address::from_word(*from), Address::from_word(*to)).then(|| amount_of(log))
        }
        _ => None,
    };
    logs.iter().filter_map(amount).fold(U256::ZERO, U256::saturating_add)
}

/// The sum of what a contract told under one name about one address.
fn by(logs: &[Log], contract: Address, kind: B256, who: Address) -> U256 {
    let amount = |log: &Log| match log.topics.as_slice() {
        [told, about] if log.address == contract && *told == kind && Address::from_word(*about) == who => {
            Some(amount_of(log))
        }
        _ => None,
    };
    logs.iter().filter_map(amount).fold(U256::ZERO, U256::saturating_add)
}

fn amount_of(log: &Log) -> U256 {
    log.data.get(..32).map_or(U256::ZERO, U256::from_be_slice)
}
