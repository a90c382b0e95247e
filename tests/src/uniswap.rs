//! The real Uniswap V2, deployed on a node of our own from the bytecode its authors published.
//!
//! From npm: `@uniswap/v2-core` (factory, pair, a test token) and `@uniswap/v2-periphery` (router,
//! WETH9). The router computes a pair's address from the hash of the pair's creation code, so it
//! finds pairs only if core and periphery fit together; a test holds it to that.

use std::fs;

use alloy::{
    network::{Ethereum, TransactionBuilder},
    primitives::{Address, B256, Bytes, U256, keccak256},
    providers::{Provider, RootProvider, ext::AnvilApi},
    rpc::types::{TransactionReceipt, TransactionRequest},
    sol_types::SolValue,
};

use crate::node::{Anvil, contracts_dir};

/// The contracts' interfaces, as far as tests call them.
#[allow(missing_docs, reason = "they are documented where they come from")]
pub mod abi {
    alloy::sol! {
        #[sol(rpc)]
        interface Token {
            function balanceOf(address owner) external view returns (uint256);
            function allowance(address owner, address spender) external view returns (uint256);
            function approve(address spender, uint256 value) external returns (bool);
        }

        #[sol(rpc)]
        interface Weth {
            function deposit() external payable;
            function balanceOf(address owner) external view returns (uint256);
            function transfer(address to, uint256 value) external returns (bool);
        }

        #[sol(rpc)]
        interface Factory {
            function createPair(address tokenA, address tokenB) external returns (address pair);
            function getPair(address tokenA, address tokenB) external view returns (address pair);
        }

        #[sol(rpc)]
        interface Pair {
            function getReserves() external view returns (uint112 reserve0, uint112 reserve1, uint32 blockTimestampLast);
            function sync() external;
        }

        #[sol(rpc)]
        interface Router {
            function getAmountOut(uint256 amountIn, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256 amountOut);
            function getAmountIn(uint256 amountOut, uint256 reserveIn, uint256 reserveOut) external pure returns (uint256 amountIn);
            function getAmountsOut(uint256 amountIn, address[] path) external view returns (uint256[] amounts);
            function getAmountsIn(uint256 amountOut, address[] path) external view returns (uint256[] amounts);
            function swapExactTokensForTokens(uint256 amountIn, uint256 amountOutMin, address[] path, address to, uint256 deadline) external returns (uint256[] amounts);
            function swapTokensForExactTokens(uint256 amountOut, uint256 amountInMax, address[] path, address to, uint256 deadline) external returns (uint256[] amounts);
            function swapExactETHForTokens(uint256 amountOutMin, address[] path, address to, uint256 deadline) external payable returns (uint256[] amounts);
        }
    }
}

/// What the tokens of [`Uniswap::deploy`] call themselves, as far as they have names of their own.
pub const SYMBOLS: [&str; 3] = ["WETH", "TOKENA", "TOKENB"];

/// What `npm` packages hold a contract's build.
#[derive(Clone, Copy, Debug)]
enum Package {
    Core,
    Periphery,
}

/// A deployed Uniswap V2 with tokens and a pair of every two of them.
#[derive(Debug)]
pub struct Uniswap {
    /// The node's client.
    pub provider: RootProvider<Ethereum>,
    /// The account that deployed everything and trades.
    pub trader: Address,
    /// `UniswapV2Factory`.
    pub factory: abi::Factory::FactoryInstance<RootProvider<Ethereum>>,
    /// `UniswapV2Router02`.
    pub router: abi::Router::RouterInstance<RootProvider<Ethereum>>,
    /// `WETH9`; the first of the tokens.
    pub weth: Address,
    /// Tokens with a pair for every two: WETH, then test tokens.
    pub tokens: Vec<Address>,
}

impl Uniswap {
    /// Deploys it with WETH and so many test tokens, approved for the router.
    pub async fn deploy(anvil: &Anvil, test_tokens: usize) -> Self {
        let provider = anvil.provider();
        let trader = provider.get_accounts().await.expect("anvil has accounts")[0];
        let make =
            async |package, name, arguments| create(&provider, trader, creation_code(package, name), arguments).await;
        let weth = make(Package::Periphery, "WETH9", Bytes::new()).await;
        let factory = make(Package::Core, "UniswapV2Factory", trader.abi_encode().into()).await;
        let arguments = (factory, weth).abi_encode_params().into();
        let router = make(Package::Periphery, "UniswapV2Router02", arguments).await;
        let mut tokens = vec![weth];
        for at in 1..=test_tokens {
            let code = test_token(SYMBOLS.get(at).copied());
            tokens.push(create(&provider, trader, code, U256::ZERO.abi_encode().into()).await);
        }
        let uniswap = Self {
            factory: abi::Factory::new(factory, provider.clone()),
            router: abi::Router::new(router, provider.clone()),
            provider,
            trader,
            weth,
            tokens,
        };
        uniswap.prepare().await;
        uniswap
    }

    async fn prepare(&self) {
        for (n, token) in self.tokens.iter().enumerate() {
            let token_contract = abi::Token::new(*token, &self.provider);
            let approve = token_contract.approve(*self.router.address(), U256::MAX);
            self.send(approve.into_transaction_request()).await;
            for other in &self.tokens[..n] {
                self.send(self.factory.createPair(*token, *other).into_transaction_request()).await;
            }
        }
    }

    /// Sends a transaction from the trader and insists that it succeeds.
    pub async fn send(&self, request: TransactionRequest) {
        send(&self.provider, request.with_from(self.trader)).await;
    }

    /// The pair of two tokens.
    pub async fn pair(&self, a: Address, b: Address) -> Address {
        self.factory.getPair(a, b).call().await.expect("the factory answers")
    }

    /// Sets what an account holds of a token, WETH too, by writing the token's storage.
    pub async fn deal(&self, token: Address, owner: Address, amount: U256) {
        // `balanceOf` is the mapping in slot 3 of WETH9 and in slot 1 of the test token.
        let mapping = U256::from(if token == self.weth { 3 } else { 1 });
        let slot = keccak256((owner, mapping).abi_encode());
        self.provider.anvil_set_storage_at(token, slot.into(), B256::from(amount)).await.expect("anvil sets storage");
    }

    /// What an account holds of a token.
    pub async fn balance(&self, token: Address, owner: Address) -> U256 {
        abi::Token::new(token, &self.provider).balanceOf(owner).call().await.expect("the token answers")
    }

    /// Gives a pair these reserves of two tokens, through its own `sync`.
    pub async fn set_reserves(&self, a: (Address, U256), b: (Address, U256)) {
        let pair = self.pair(a.0, b.0).await;
        self.deal(a.0, pair, a.1).await;
        self.deal(b.0, pair, b.1).await;
        self.send(abi::Pair::new(pair, &self.provider).sync().into_transaction_request()).await;
    }

    /// A pair's reserves, in the order of the two tokens given.
    pub async fn reserves(&self, a: Address, b: Address) -> (U256, U256) {
        let pair = abi::Pair::new(self.pair(a, b).await, &self.provider);
        let reserves = pair.getReserves().call().await.expect("the pair answers");
        let (first, second) = (U256::from(reserves.reserve0), U256::from(reserves.reserve1));
        if a < b { (first, second) } else { (second, first) }
    }
}

/// The pair's creation code, whose hash the router has built in.
pub fn pair_creation_code() -> Bytes {
    creation_code(Package::Core, "UniswapV2Pair")
}

/// The test token's creation code, with another symbol. All are called as the pair is, which is in the code as so
/// many bytes; a name of as many takes their place.
fn test_token(symbol: Option<&str>) -> Bytes {
    const THEIRS: &[u8] = b"UNI-V2";
    let mut code = creation_code(Package::Core, "ERC20").to_vec();
    if let Some(symbol) = symbol.filter(|symbol| symbol.len() == THEIRS.len()) {
        let at = code.windows(THEIRS.len()).position(|bytes| bytes == THEIRS).expect("the test token has a symbol");
        code[at..at + THEIRS.len()].copy_from_slice(symbol.as_bytes());
    }
    code.into()
}

fn creation_code(package: Package, name: &str) -> Bytes {
    let package = match package {
        Package::Core => "v2-core",
        Package::Periphery => "v2-periphery",
    };
    built(&format!("{package}/build/{name}.json"))
}

/// The creation code of a build in a package of Uniswap's.
pub(crate) fn built(file: &str) -> Bytes {
    let path = contracts_dir().join("node_modules/@uniswap").join(file);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!("{}: {error}. Run `npm ci --ignore-scripts --prefix tests/contracts`.", path.display())
    });
    let build: serde_json::Value = serde_json::from_str(&text).expect("a build is JSON");
    let code = build["bytecode"].as_str().expect("a build has bytecode");
    code.parse().expect("bytecode is hexadecimal")
}

/// Deploys a contract.
pub(crate) async fn create(provider: &RootProvider<Ethereum>, from: Address, code: Bytes, arguments: Bytes) -> Address {
    let code = [code, arguments].concat();
    let request = TransactionRequest::default().with_from(from).with_deploy_code(code);
    send(provider, request).await.expect("a deployment makes an address")
}

/// Sends from an unlocked account; answers the created contract, if any.
async fn send(provider: &RootProvider<Ethereum>, request: TransactionRequest) -> Option<Address> {
    // Enough for any of these; anvil's own estimate would cost a second execution.
    let request = request.with_gas_limit(8_000_000);
    // Answers with the receipt: anvil mines at once, but not before it answers a plain send.
    let receipt: TransactionReceipt = provider
        .raw_request("eth_sendTransactionSync".into(), (request,))
        .await
        .expect("the node mines the transaction");
    assert!(receipt.status(), "transaction {} failed", receipt.transaction_hash);
    receipt.contract_address
}
