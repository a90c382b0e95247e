//! What there is to be seen without anything being done: the wallet, and what a swap would be.

use futures_util::future::join_all;
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::token::{Origin, TokenKey, TokenTable};
use shared::wire::transactions::NewTransaction;
use shared::wire::wallet::{SwapQuote, Wallet, WalletChain};

use super::{Live, LiveError};
use crate::dex::{Wanted, holdings, preview};

impl Live {
    /// The wallet, and what it holds on each chain that is signed for.
    pub async fn holdings(&self) -> Wallet {
        let chains = join_all(self.lanes.keys().map(|chain| self.on(*chain))).await;
        Wallet { wallet: self.wallet, chains }
    }

    async fn on(&self, chain: Chain) -> WalletChain {
        let unknown =
            |trouble: String| WalletChain { chain, block: None, gas: vec![], assets: vec![], trouble: Some(trouble) };
        let Some(nodes) = self.chains.get(chain) else { return unknown("it has no RPC".into()) };
        let tokens = self.tokens(chain);
        let (wallet, tokens) = (self.wallet, &tokens);
        let seen = nodes.ask(|node| async move { holdings::read(&node, chain, wallet, tokens).await }).await;
        seen.unwrap_or_else(|error| unknown(error.to_string()))
    }

    /// The tokens of a chain that may be swapped, as far as they are worth a line: the long list is not.
    fn tokens(&self, chain: Chain) -> Vec<TokenKey> {
        let weth = TokenKey { chain, address: self.settings.venues(chain).weth };
        let allowed = self.settings.tokens.iter().copied().filter(|token| token.chain == chain);
        let builtin = TokenTable::builtin().iter().filter(|token| token.origin == Origin::Builtin);
        let builtin = builtin.map(|token| token.key).filter(|token| token.chain == chain);
        let mut tokens = vec![weth];
        for token in allowed.chain(builtin) {
            if !tokens.contains(&token) {
                tokens.push(token);
            }
        }
        tokens
    }

    /// What a swap would be.
    ///
    /// # Errors
    /// [`LiveError`]: what is wrong with it, or that no node tells.
    pub async fn quote(&self, asked: NewTransaction) -> Result<SwapQuote, LiveError> {
        self.lane(asked.chain)?;
        self.check(&asked)?;
        let chain = asked.chain;
        let unreachable = |error: crate::chain::RpcError| LiveError::Unreachable(error.to_string());
        let nodes = self.chains.get(chain).ok_or_else(|| LiveError::Unreachable("it has no RPC".into()))?;
        let (venues, now) = (self.settings.venues(chain), self.clock.now());
        let wanted = Wanted {
            // Nobody's: a call that is only tried.
            id: TransactionId::from_bytes([0; 16]),
            sender: self.wallet,
            deadline: now.plus_millis(i64::from(asked.deadline_seconds) * 1_000),
            limit: None,
            margin_percent: 0,
            asked,
        };
        let (venues, wanted) = (&venues, &wanted);
        let quoted = nodes.ask(|node| async move { preview::quote(&node, venues, wanted, now).await }).await;
        quoted.map_err(unreachable)?.map_err(LiveError::Invalid)
    }
}
