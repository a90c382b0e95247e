//! `GET /api/v1/gas`: what a unit of gas costs on each chain.

use serde::{Deserialize, Serialize};

use crate::chain::Chain;
use crate::market::GasFacts;
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
    pub as_of: Timestamp,
}

impl GasInfo {
    /// What is told of the gas of `chain`.
    pub const fn new(chain: Chain, facts: &GasFacts) -> GasInfo {
        GasInfo {
            chain,
            base_fee: facts.base_fee,
            priority_fee: facts.priority_fee,
            l1_fee: facts.l1_fee,
            source: facts.source,
            as_of: facts.as_of,
        }
    }

    /// The fees as the core knows them.
    pub const fn facts(&self) -> GasFacts {
        GasFacts {
            base_fee: self.base_fee,
            priority_fee: self.priority_fee,
            l1_fee: self.l1_fee,
            source: self.source,
            as_of: self.as_of,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_survive_the_journey_however_large() {
        let mut facts = GasFacts::assumed(Chain::Base, Timestamp::from_secs(7));
        facts.l1_fee = u64::MAX;
        let json = serde_json::to_string(&GasInfo::new(Chain::Base, &facts)).unwrap();
        assert!(json.contains(r#""l1_fee":"18446744073709551615""#), "{json}");
        assert_eq!(serde_json::from_str::<GasInfo>(&json).unwrap().facts(), facts);
    }
}
