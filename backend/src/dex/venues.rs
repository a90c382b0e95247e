//! Where swaps are done: the contracts of a chain. They are an allow-list: nothing else is ever called.

use alloy_primitives::{Address, address};
use shared::chain::Chain;

/// The contracts of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Venues {
    /// The wrapped native coin.
    pub weth: Address,
    /// Uniswap V2's Router02, where there is one.
    pub v2_router: Option<Address>,
    /// Uniswap V3, where there is one.
    pub v3: Option<V3>,
}

/// The contracts of Uniswap V3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct V3 {
    /// SwapRouter02.
    pub router: Address,
    /// QuoterV2.
    pub quoter: Address,
}

impl Venues {
    /// Those that Uniswap deployed, as npm `@uniswap/sdk-core` 7.19.4 has them. It has no QuoterV2 of Ethereum, so
    /// there V3 takes a setting.
    pub const fn of(chain: Chain) -> Venues {
        match chain {
            Chain::Ethereum => Venues {
                weth: address!("C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"),
                v2_router: Some(address!("7a250d5630B4cF539739dF2C5dAcb4c659F2488D")),
                v3: None,
            },
            Chain::Base => Venues {
                weth: address!("4200000000000000000000000000000000000006"),
                v2_router: Some(address!("4752ba5dbc23f44d87826276bf6fd6b1c372ad24")),
                v3: Some(V3 {
                    router: address!("2626664c2603336E57B271c5C0b26F421741e481"),
                    quoter: address!("3d4e44Eb1374240CE5F1B871ab261CD16335B76a"),
                }),
            },
            Chain::BaseSepolia => Venues {
                weth: address!("4200000000000000000000000000000000000006"),
                v2_router: Some(address!("1689E7B1F10000AE47eBfE339a4f69dECd19F602")),
                v3: Some(V3 {
                    router: address!("94cC0AaC535CCDB3C01d6787D6413C739ae12bc4"),
                    quoter: address!("C5290058841028F1614F3A6F0F5816cAd0df5E27"),
                }),
            },
            Chain::Sepolia => Venues {
                weth: address!("fFf9976782d46CC05630D1f6eBAb18b2324d6B14"),
                v2_router: Some(address!("eE567Fe1712Faf6149d80dA1E6934E354124CfE3")),
                v3: Some(V3 {
                    router: address!("3bFA4769FB09eefC5a80d6E87c3B9C650f7Ae48E"),
                    quoter: address!("Ed1f6473345F45b75F8179591dd5bA1888cf2FB3"),
                }),
            },
        }
    }
}
