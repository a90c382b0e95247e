//! `GET /api/v1/wallet` and `POST /api/v1/transactions/quote`: what the live side has, and what a swap would be.

use alloy_primitives::Address;
use serde::{Deserialize, Serialize};

use super::transactions::{Asset, Plan};
use crate::chain::Chain;
use crate::money::Units;
use crate::time::Timestamp;
use crate::transaction::Fees;

/// The wallet that signs, and what it has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Wallet {
    /// Whose key signs. Its room is `live_` and this.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub wallet: Address,
    /// The chains that are signed for.
    pub chains: Vec<WalletChain>,
}

/// What it has on a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WalletChain {
    /// The chain.
    pub chain: Chain,
    /// The last block; nothing where no node tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// What a unit of gas is offered for now, by strategy, then by whom ours is measured against.
    pub gas: Vec<Offer>,
    /// What is held, and what may be swapped, held or not. The native coin comes first.
    pub assets: Vec<Holding>,
    /// Why no node tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// What is held of an asset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Holding {
    /// The asset.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "native"))]
    pub asset: Asset,
    /// What it is called: by the built-in table, or else by itself.
    pub symbol: String,
    /// Digits of its base unit.
    pub decimals: u8,
    /// Base units held.
    pub units: Units,
}

/// What somebody would offer for gas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Offer {
    /// A strategy's name, or that of a baseline: `geth`, `alloy`, `metamask medium`.
    pub by: String,
    /// Whether it is a strategy of ours.
    pub is_ours: bool,
    /// The fees.
    pub fees: Fees,
    /// What a unit of gas would cost in the next block, in wei: its base fee and as much of the tip as fits.
    #[serde(with = "crate::transaction::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub pays: u128,
}

/// What a swap would be if it were asked for now. Nothing is signed, kept or reserved for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SwapQuote {
    /// When it was quoted.
    pub as_of: Timestamp,
    /// The way that is best after gas.
    pub plan: Plan,
    /// How much worse it is per unit than a thousandth of it would be by the same way, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impact_ppm: Option<u32>,
    /// Units of gas it takes: measured where it could be tried, else estimated from its way.
    pub gas: u64,
    /// Whether it could be tried.
    pub is_tried: bool,
    /// Units of gas that an approval takes before it, where one is needed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_gas: Option<u64>,
    /// What gas would be offered for, by strategy, then by whom ours is measured against.
    pub offers: Vec<Offer>,
    /// Why it would not be done as things are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}
