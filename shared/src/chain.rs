//! The chains Foolscap trades on paper, one row each.
//!
//! A fifth chain is a variant of [`Chain`] and a row in its table: see CONTRIBUTING.md.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::time::Timestamp;

/// A chain Foolscap knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Chain {
    /// Ethereum mainnet, chain id 1.
    Ethereum,
    /// Base, chain id 8453, an OP-stack chain.
    Base,
    /// Sepolia, chain id 11155111, Ethereum's test chain.
    Sepolia,
    /// Base Sepolia, chain id 84532, Base's test chain.
    BaseSepolia,
}

/// What is fixed about a chain.
#[derive(Debug, Clone, Copy)]
pub struct ChainFacts {
    /// The EIP-155 chain id.
    pub id: u64,
    /// The name people read.
    pub name: &'static str,
    /// The symbol of the native coin that pays for gas.
    pub native_symbol: &'static str,
    /// CoinGecko's id of the coin that prices gas on this chain.
    pub native_coin_id: &'static str,
    /// CoinGecko's asset platform, where the chain has prices of its own.
    pub platform: Option<&'static str>,
    /// CoinGecko's on-chain network id, where the chain has pools of its own.
    pub network: Option<&'static str>,
    /// Whether tokens here are worth nothing in truth and borrow a mainnet price.
    pub is_test: bool,
    /// Whether transactions also pay an L1 data fee.
    pub is_op_stack: bool,
    /// Time between blocks in milliseconds.
    pub block_ms: u64,
    /// A block and its time from which paper block numbers are counted.
    pub anchor: (u64, Timestamp),
    /// Gas assumed where no RPC tells better.
    pub default_gas: DefaultGas,
}

/// Assumed gas prices in wei, for a chain without an RPC. Shown to the user as assumed.
#[derive(Debug, Clone, Copy)]
pub struct DefaultGas {
    /// Base fee in wei per gas.
    pub base_fee: u64,
    /// Priority fee in wei per gas.
    pub priority_fee: u64,
    /// L1 data fee of one swap in wei; zero where there is none.
    pub l1_fee: u64,
}

/// The chain id is not one Foolscap knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chain `{0}` is not known; known are 1 (Ethereum), 8453 (Base), 11155111 (Sepolia) and 84532 (Base Sepolia)")]
pub struct UnknownChain(pub String);

impl Chain {
    /// Every chain, in the order of its id.
    pub const ALL: [Chain; 4] = [Chain::Ethereum, Chain::Base, Chain::BaseSepolia, Chain::Sepolia];

    /// The chain an API call means when it names none, as the seed ships it.
    pub const DEFAULT: Chain = Chain::BaseSepolia;

    /// What is fixed about this chain.
    ///
    /// The base fee of Ethereum is the median of 340 recorded blocks (21527387 to 21527726, one
    /// hour of 2025-01-01), rounded; the other defaults are round figures of the same kind and are
    /// labelled as assumed wherever they are shown.
    pub const fn facts(self) -> &'static ChainFacts {
        match self {
            Chain::Ethereum => &ETHEREUM,
            Chain::Base => &BASE,
            Chain::Sepolia => &SEPOLIA,
            Chain::BaseSepolia => &BASE_SEPOLIA,
        }
    }

    /// The EIP-155 chain id.
    pub const fn id(self) -> u64 {
        self.facts().id
    }

    /// The name people read.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// The chain with this id.
    ///
    /// # Errors
    /// [`UnknownChain`], naming what was asked for.
    pub fn from_id(id: u64) -> Result<Chain, UnknownChain> {
        Chain::ALL.into_iter().find(|chain| chain.id() == id).ok_or_else(|| UnknownChain(id.to_string()))
    }

    /// The number a block of this chain would have at `at`, counted from the chain's anchor: for
    /// paper only, reproducible, and never claimed to be a real block.
    pub fn paper_block(self, at: Timestamp) -> u64 {
        let facts = self.facts();
        let (block, time) = facts.anchor;
        block + at.since(time) / facts.block_ms
    }
}

const GWEI: u64 = 1_000_000_000;

static ETHEREUM: ChainFacts = ChainFacts {
    id: 1,
    name: "Ethereum",
    native_symbol: "ETH",
    native_coin_id: "ethereum",
    platform: Some("ethereum"),
    network: Some("eth"),
    is_test: false,
    is_op_stack: false,
    block_ms: 12_000,
    anchor: (21_527_387, Timestamp::from_secs(1_735_707_423)),
    default_gas: DefaultGas { base_fee: 10 * GWEI, priority_fee: GWEI, l1_fee: 0 },
};

static BASE: ChainFacts = ChainFacts {
    id: 8453,
    name: "Base",
    native_symbol: "ETH",
    native_coin_id: "ethereum",
    platform: Some("base"),
    network: Some("base"),
    is_test: false,
    is_op_stack: true,
    block_ms: 2_000,
    anchor: (0, Timestamp::from_secs(1_686_789_347)),
    default_gas: DefaultGas { base_fee: GWEI / 100, priority_fee: GWEI / 1000, l1_fee: 2_000 * GWEI },
};

static SEPOLIA: ChainFacts = ChainFacts {
    id: 11_155_111,
    name: "Sepolia",
    native_symbol: "ETH",
    native_coin_id: "ethereum",
    platform: None,
    network: None,
    is_test: true,
    is_op_stack: false,
    block_ms: 12_000,
    anchor: (0, Timestamp::from_secs(1_633_267_481)),
    default_gas: DefaultGas { base_fee: 10 * GWEI, priority_fee: GWEI, l1_fee: 0 },
};

static BASE_SEPOLIA: ChainFacts = ChainFacts {
    id: 84_532,
    name: "Base Sepolia",
    native_symbol: "ETH",
    native_coin_id: "ethereum",
    platform: None,
    network: None,
    is_test: true,
    is_op_stack: true,
    block_ms: 2_000,
    anchor: (0, Timestamp::from_secs(1_695_768_288)),
    default_gas: DefaultGas { base_fee: GWEI / 100, priority_fee: GWEI / 1000, l1_fee: 2_000 * GWEI },
};

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.id())
    }
}

impl FromStr for Chain {
    type Err = UnknownChain;

    /// Reads a chain id in decimal.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownChain(text.chars().take(24).collect());
        Chain::from_id(text.parse().map_err(|_| unknown())?).map_err(|_| unknown())
    }
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.id())
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Chain::from_id(u64::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_chain_is_found_by_its_id_and_no_other() {
        for chain in Chain::ALL {
            assert_eq!(chain.to_string().parse::<Chain>(), Ok(chain));
        }
        assert_eq!(Chain::DEFAULT.id(), 84532);
        for text in ["137", "", "-1", "01x", "18446744073709551616"] {
            assert_eq!(text.parse::<Chain>(), Err(UnknownChain(text.into())));
        }
        assert!(Chain::ALL.is_sorted_by_key(|chain| chain.id()));
    }

    #[test]
    fn a_recorded_block_has_its_number_and_time_moves_it_on() {
        let (block, time) = Chain::Ethereum.facts().anchor;
        assert_eq!(Chain::Ethereum.paper_block(time), block);
        assert_eq!(Chain::Ethereum.paper_block(time.plus_millis(24_000)), block + 2);
        assert_eq!(Chain::Base.paper_block(Timestamp::EPOCH), 0);
    }
}
