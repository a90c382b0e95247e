//! The real Uniswap V3 beside V2: factory, position manager, SwapRouter02 and QuoterV2, from the bytecode their
//! authors published (npm `@uniswap/v3-core`, `v3-periphery`, `swap-router-contracts`).

use alloy::{
    primitives::{
        Address, Bytes, U256,
        aliases::{I24, U24, U160},
    },
    sol_types::SolValue,
};

use crate::uniswap::{Uniswap, abi::Token, built, create};

/// The position manager's interface, as far as tests call it.
#[allow(missing_docs, reason = "they are documented where they come from")]
pub mod abi {
    alloy::sol! {
        struct MintParams {
            address token0;
            address token1;
            uint24 fee;
            int24 tickLower;
            int24 tickUpper;
            uint256 amount0Desired;
            uint256 amount1Desired;
            uint256 amount0Min;
            uint256 amount1Min;
            address recipient;
            uint256 deadline;
        }

        #[sol(rpc)]
        interface Positions {
            function createAndInitializePoolIfNecessary(address token0, address token1, uint24 fee, uint160 sqrtPriceX96) external payable returns (address pool);
            function mint(MintParams params) external payable returns (uint256 tokenId, uint128 liquidity, uint256 amount0, uint256 amount1);
        }
    }
}

/// The deployed contracts.
#[derive(Debug)]
pub struct UniswapV3 {
    /// `SwapRouter02`.
    pub router: Address,
    /// `QuoterV2`.
    pub quoter: Address,
    positions: Address,
}

impl UniswapV3 {
    /// Deploys it beside a V2 and with its tokens.
    pub async fn deploy(v2: &Uniswap) -> Self {
        let make = async |file: &str, arguments: Vec<u8>| {
            create(&v2.provider, v2.trader, built(file), Bytes::from(arguments)).await
        };
        let factory = make("v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json", vec![]).await;
        // It draws pictures of positions, which nobody looks at here.
        let descriptor = Address::ZERO;
        let positions = make(
            "v3-periphery/artifacts/contracts/NonfungiblePositionManager.sol/NonfungiblePositionManager.json",
            (factory, v2.weth, descriptor).abi_encode_params(),
        )
        .await;
        let router = make(
            "swap-router-contracts/artifacts/contracts/SwapRouter02.sol/SwapRouter02.json",
            (*v2.factory.address(), factory, positions, v2.weth).abi_encode_params(),
        )
        .await;
        let quoter = make(
            "swap-router-contracts/artifacts/contracts/lens/QuoterV2.sol/QuoterV2.json",
            (factory, v2.weth).abi_encode_params(),
        )
        .await;
        Self { router, quoter, positions }
    }

    /// Makes a pool of two tokens at one for one, with so much of each over the whole range.
    pub async fn pool(&self, v2: &Uniswap, tokens: [Address; 2], fee: u32, amount: U256) {
        let [token0, token1] = if tokens[0] < tokens[1] { tokens } else { [tokens[1], tokens[0]] };
        let positions = abi::Positions::new(self.positions, &v2.provider);
        let fee_tier = U24::from(fee);
        let one = U160::from(1) << 96;
        v2.send(positions.createAndInitializePoolIfNecessary(token0, token1, fee_tier, one).into_transaction_request())
            .await;
        for token in [token0, token1] {
            v2.deal(token, v2.trader, amount).await;
            let token = Token::new(token, &v2.provider);
            v2.send(token.approve(self.positions, U256::MAX).into_transaction_request()).await;
        }
        // The whole range, in steps of the tier's spacing.
        let spacing = match fee {
            100 => 1,
            500 => 10,
            3_000 => 60,
            _ => 200,
        };
        let edge = 887_272 / spacing * spacing;
        let params = abi::MintParams {
            token0,
            token1,
            fee: fee_tier,
            tickLower: I24::try_from(-edge).expect("a tick has 24 bits"),
            tickUpper: I24::try_from(edge).expect("a tick has 24 bits"),
            amount0Desired: amount,
            amount1Desired: amount,
            amount0Min: U256::ZERO,
            amount1Min: U256::ZERO,
            recipient: v2.trader,
            deadline: U256::MAX,
        };
        v2.send(positions.mint(params).into_transaction_request()).await;
    }
}
