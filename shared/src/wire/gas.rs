//! `GET /api/v1/gas`: what a unit of gas costs on each chain.

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::time::Timestamp;
use crate::trade::GasSource;

/// Gas prices, by chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Gas {
    /// One entry a chain.
    pub gas: Vec<GasInfo>,
}

/// What gas costs on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GasInfo {
    /// The chain.
    #[cfg_attr(feature = "schema", schema(value_type = u64, example = 8453))]
    pub chain: Chain,
    /// Base fee in wei per gas.
    #[serde(with = "super::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "10000000000"))]
    pub base_fee: u64,
    /// Priority fee in wei per gas.
    #[serde(with = "super::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "1000000000"))]
    pub priority_fee: u64,
    /// L1 data fee of one swap in wei; zero where the chain has none.
    #[serde(with = "super::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "2000000000000"))]
    pub l1_fee: u64,
    /// Where the fees came from.
    pub source: GasSource,
    /// When they were read; for the default table, when the answer was made.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
    pub as_of: Timestamp,
}
