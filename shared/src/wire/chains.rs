//! `GET /api/v1/chains`: the chains there are.

use serde::{Deserialize, Serialize};

use crate::chain::Chain;

/// Every chain, and which one a call means that names none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Chains {
    /// The chain id a call means when it names none.
    pub default_chain: Chain,
    /// The chains, by id.
    pub chains: Vec<ChainInfo>,
}

impl Chains {
    /// All chains Foolscap knows.
    pub fn all(default_chain: Chain) -> Chains {
        Chains { default_chain, chains: Chain::ALL.into_iter().map(ChainInfo::from).collect() }
    }
}

/// What is fixed about a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ChainInfo {
    /// The EIP-155 chain id.
    pub id: Chain,
    /// The name people read.
    pub name: String,
    /// Symbol of the coin that pays for gas.
    pub native_symbol: String,
    /// CoinGecko's id of that coin.
    pub native_coin_id: String,
    /// Whether tokens here are worth nothing in truth and borrow a mainnet price.
    pub is_test: bool,
    /// Whether transactions also pay an L1 data fee.
    pub is_op_stack: bool,
    /// Time between blocks in milliseconds.
    pub block_ms: u64,
}

impl From<Chain> for ChainInfo {
    fn from(chain: Chain) -> ChainInfo {
        let facts = chain.facts();
        ChainInfo {
            id: chain,
            name: facts.name.to_owned(),
            native_symbol: facts.native_symbol.to_owned(),
            native_coin_id: facts.native_coin_id.to_owned(),
            is_test: facts.is_test,
            is_op_stack: facts.is_op_stack,
            block_ms: facts.block_ms,
        }
    }
}
