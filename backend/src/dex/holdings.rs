//! What a wallet has on a chain, in one call to one node.

use alloy::sol_types::SolCall;
use alloy_primitives::{Address, Bytes, U64, U256};
use serde_json::{Value, json};
use shared::chain::Chain;
use shared::money::Units;
use shared::token::{TokenKey, TokenTable};
use shared::transaction::Fees;
use shared::transaction::gas::baselines::Baseline;
use shared::transaction::gas::{BLOCKS, FeeHistory, Strategy};
use shared::wire::transactions::Asset;
use shared::wire::wallet::{Holding, Offer, WalletChain};

use super::abi::Token;
use crate::chain::node::{Node, RpcError, read as read_value};
use crate::chain::reads;

/// The longest symbol that is shown: tokens call themselves what they like.
const LONGEST_SYMBOL: usize = 16;
/// The decimals of the native coin.
const NATIVE_DECIMALS: u8 = 18;

/// Reads it. A token whose contract does not answer as tokens do is left out.
///
/// # Errors
/// [`RpcError`], when the node could not be asked.
pub async fn read(node: &Node, chain: Chain, wallet: Address, tokens: &[TokenKey]) -> Result<WalletChain, RpcError> {
    let mut questions = vec![
        ("eth_blockNumber", json!([])),
        reads::fee_history_call(BLOCKS),
        ("eth_getBalance", json!([wallet, "latest"])),
    ];
    let view = |to: Address, data: Vec<u8>| ("eth_call", json!([{ "to": to, "data": Bytes::from(data) }, "latest"]));
    for token in tokens {
        questions.push(view(token.address, Token::balanceOfCall { owner: wallet }.abi_encode()));
        if TokenTable::builtin().get(*token).is_none() {
            questions.push(view(token.address, Token::symbolCall {}.abi_encode()));
            questions.push(view(token.address, Token::decimalsCall {}.abi_encode()));
        }
    }
    let mut answers = node.batch(&questions).await?.into_iter();
    let mut next = || answers.next().unwrap_or_else(|| Err(RpcError::Garbled("an answer is missing".into())));
    let block: U64 = read_value(next()?)?;
    let history = reads::fee_history(next()?)?;
    let native: U256 = read_value(next()?)?;
    let symbol = chain.facts().native_symbol.to_owned();
    let mut assets = vec![Holding { asset: Asset::Native, symbol, decimals: NATIVE_DECIMALS, units: Units(native) }];
    for token in tokens {
        let balance = bytes(next()).and_then(|bytes| Token::balanceOfCall::abi_decode_returns(&bytes).ok());
        let named = match TokenTable::builtin().get(*token) {
            Some(known) => Some((known.symbol.clone(), known.decimals)),
            None => {
                let symbol = bytes(next()).and_then(|bytes| Token::symbolCall::abi_decode_returns(&bytes).ok());
                let decimals = bytes(next()).and_then(|bytes| Token::decimalsCall::abi_decode_returns(&bytes).ok());
                symbol.map(|symbol| shown(&symbol)).zip(decimals)
            }
        };
        if let (Some(units), Some((symbol, decimals))) = (balance, named) {
            assets.push(Holding { asset: Asset::Token(token.address), symbol, decimals, units: Units(units) });
        }
    }
    Ok(WalletChain { chain, block: Some(block.to()), gas: offers(&history), assets, trouble: None })
}

/// What everybody would offer for gas after these blocks: our strategies, then whom they are measured against.
pub fn offers(history: &FeeHistory) -> Vec<Offer> {
    let base_fee = history.base_fees.last().copied().unwrap_or_default();
    let offer = |by: &str, is_ours: bool, fees: Fees| {
        // What does not reach the base fee waits until it does.
        let pays = fees.effective(base_fee).unwrap_or(fees.max_fee);
        Offer { by: by.to_owned(), is_ours, fees, pays }
    };
    let ours = Strategy::ALL.into_iter().filter_map(|strategy| Some((strategy.name(), strategy.quote(history)?.fees)));
    let theirs = Baseline::ALL.into_iter().filter_map(|baseline| Some((baseline.name(), baseline.fees(history)?)));
    let ours = ours.map(|(by, fees)| offer(by, true, fees));
    ours.chain(theirs.map(|(by, fees)| offer(by, false, fees))).collect()
}

fn bytes(answer: Result<Value, RpcError>) -> Option<Bytes> {
    answer.ok().and_then(|value| read_value(value).ok())
}

/// A token's own symbol, as far as it is fit to be shown: no controls, no marks that turn text round.
fn shown(symbol: &str) -> String {
    symbol.chars().filter(|letter| letter.is_ascii_graphic()).take(LONGEST_SYMBOL).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_shown_by_what_would_mislead() {
        assert_eq!(shown("USDC"), "USDC");
        assert_eq!(shown("U\u{202e}S\nD C"), "USDC");
        assert_eq!(shown(&"A".repeat(99)).len(), LONGEST_SYMBOL);
    }

    #[test]
    fn what_a_unit_of_gas_costs_is_the_next_base_fee_and_as_much_of_the_tip_as_fits() {
        let history = FeeHistory { base_fees: vec![100, 100], fullness_ppm: vec![0], tips: vec![[10; 6]] };
        let offers = offers(&history);
        let names: Vec<&str> = offers.iter().map(|offer| &*offer.by).collect();
        assert_eq!(names[..2], ["cost_efficient", "balanced"]);
        assert_eq!(names[5..], ["geth", "alloy", "metamask medium"]);
        assert!(
            offers
                .iter()
                .all(|offer| offer.pays == 100_u128.saturating_add(offer.fees.priority_fee).min(offer.fees.max_fee))
        );
    }
}
