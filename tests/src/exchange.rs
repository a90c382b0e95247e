//! A chain with an exchange on it: anvil that says it is Sepolia, Uniswap V2 and V3, and tokens with deep pools, all
//! at one for one.

use std::time::Duration;

use alloy::{
    network::Ethereum,
    primitives::{Address, B256, U256},
    providers::{Provider as _, RootProvider, ext::AnvilApi as _},
};
use backend::dex::venues::{V3, Venues};
use shared::chain::Chain;

use crate::{node::Anvil, uniswap::Uniswap, uniswap_v3::UniswapV3};

/// The chain that it says it is.
pub const CHAIN: Chain = Chain::Sepolia;

/// 10^18 base units.
pub fn whole(tokens: u64) -> U256 {
    U256::from(tokens) * U256::from(1_000_000_000_000_000_000_u64)
}

/// The exchange.
#[derive(Debug)]
pub struct Exchange {
    /// The node.
    pub anvil: Anvil,
    /// Uniswap V2, with WETH and two tokens.
    pub v2: Uniswap,
    /// Uniswap V3, with the same.
    pub v3: UniswapV3,
}

impl Exchange {
    /// Opens one.
    pub async fn open() -> Self {
        Self::on(Anvil::of(CHAIN)).await
    }

    /// Opens one on a node that has nothing on it yet.
    pub async fn on(anvil: Anvil) -> Self {
        let v2 = Uniswap::deploy(&anvil, 2).await;
        let v3 = UniswapV3::deploy(&v2).await;
        let exchange = Self { anvil, v2, v3 };
        let [weth, first, second] = exchange.tokens();
        let deep = whole(100_000);
        for [a, b] in [[weth, first], [first, second]] {
            exchange.v2.set_reserves((a, deep), (b, deep)).await;
        }
        exchange.v3.pool(&exchange.v2, [weth, first], 3_000, deep).await;
        exchange.v3.pool(&exchange.v2, [first, second], 500, deep).await;
        // What was dealt as WETH can be unwrapped.
        exchange.provider().anvil_set_balance(weth, whole(1_000_000)).await.expect("anvil sets balances");
        exchange
    }

    /// WETH and the two tokens.
    pub fn tokens(&self) -> [Address; 3] {
        [self.v2.tokens[0], self.v2.tokens[1], self.v2.tokens[2]]
    }

    /// The contracts, as the server is told of them.
    pub fn venues(&self) -> Venues {
        let v3 = V3 { router: self.v3.router, quoter: self.v3.quoter };
        Venues { weth: self.v2.weth, v2_router: Some(*self.v2.router.address()), v3: Some(v3) }
    }

    /// A client of the node.
    pub const fn provider(&self) -> &RootProvider<Ethereum> {
        &self.v2.provider
    }

    /// Gives somebody native coin and of each token.
    pub async fn endow(&self, wallet: Address, amount: U256) {
        self.provider().anvil_set_balance(wallet, amount).await.expect("anvil sets balances");
        for token in self.tokens() {
            self.v2.deal(token, wallet, amount).await;
        }
    }

    /// Blocks are made only when asked for, from now on.
    pub async fn hold_blocks(&self) {
        self.provider().anvil_set_auto_mine(false).await.expect("anvil stops making blocks");
    }

    /// Makes blocks.
    pub async fn mine(&self, blocks: u64) {
        self.provider().anvil_mine(Some(blocks), None).await.expect("anvil makes blocks");
    }

    /// Waits until the pool holds a transaction.
    ///
    /// # Panics
    /// When it does not in a while.
    pub async fn holds(&self, hash: B256) {
        let held = async {
            while self.provider().get_transaction_by_hash(hash).await.expect("the node answers").is_none() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), held).await.expect("the pool holds it");
    }

    /// Native coin of somebody.
    pub async fn native(&self, wallet: Address) -> U256 {
        self.provider().get_balance(wallet).await.expect("the node answers")
    }
}
