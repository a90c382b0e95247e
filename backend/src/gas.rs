//! Gas: read from the chain's RPC where one is configured, else the chain's default table.
//!
//! The base fee is the next block's, by `eth_feeHistory`. The priority fee is the median over ten
//! blocks of what the 20th percentile of gas paid there: alloy's own estimator, so that paper trades
//! pay what our real ones will. OP-stack chains also tell the L1 data fee of a typical swap.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};
use shared::chain::Chain;
use shared::market::GasFacts;
use shared::time::Timestamp;
use shared::trade::GasSource;
use shared::wire::{GasInfo, RpcStatus, UpstreamState, UpstreamStatus};

use crate::cache::{Cache, Rest};
use crate::chain::{Chains, Node, RpcError};
use crate::clock::SharedClock;

/// How long fees are kept, in milliseconds: a block of Ethereum.
const LIFE_MS: u64 = 12_000;
/// Fees older than this are of no use any more; the default table, labelled, is more honest.
const USELESS_MS: u64 = 10 * 60_000;
/// The predeployed contract of OP-stack chains that knows the L1 fee.
const GAS_PRICE_ORACLE: &str = "0x420000000000000000000000000000000000000F";
/// The first four bytes of the hash of `getL1Fee(bytes)`.
const GET_L1_FEE: &str = "49948e0e";

impl Rest for RpcError {
    fn rest_ms(&self) -> Option<u64> {
        None
    }
}

/// Gas of every chain.
#[derive(Debug)]
pub struct Gas {
    chains: Chains,
    kept: Cache<Chain, GasFacts, RpcError>,
    clock: SharedClock,
    health: Arc<Mutex<BTreeMap<Chain, Health>>>,
}

#[derive(Debug, Default, Clone)]
struct Health {
    last_success: Option<Timestamp>,
    last_failure: Option<(Timestamp, String)>,
    failing: bool,
}

impl Gas {
    /// Gas by these nodes.
    pub fn new(chains: Chains, clock: SharedClock) -> Gas {
        Gas { chains, kept: Cache::new(clock.clone(), Chain::ALL.len()), clock, health: Arc::default() }
    }

    /// What gas costs on a chain. There is always an answer; its source says whose it is.
    pub async fn get(&self, chain: Chain) -> GasInfo {
        let facts = match self.chains.get(chain) {
            None => None,
            Some(nodes) => {
                let (nodes, clock, health) = (nodes.clone(), self.clock.clone(), self.health.clone());
                let make = || async move {
                    let ask = |node: Arc<Node>| {
                        let clock = clock.clone();
                        async move { read(&node, chain, &clock).await }
                    };
                    let result = nodes.ask(ask).await;
                    remember(&health, chain, clock.now(), result.as_ref().err());
                    result
                };
                self.kept.get(chain, LIFE_MS, make).await.ok().map(|kept| kept.value)
            }
        };
        let now = self.clock.now();
        let useful = facts.filter(|facts| now.since(facts.as_of) < USELESS_MS);
        GasInfo::new(chain, &useful.unwrap_or_else(|| GasFacts::assumed(chain, now)))
    }

    /// How the RPCs fare.
    pub fn status(&self) -> Vec<RpcStatus> {
        let health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        let status = |chain: Chain| {
            let Health { last_success, last_failure, failing } = health.get(&chain).cloned().unwrap_or_default();
            let asked = last_success.is_some() || last_failure.is_some();
            let state = match (self.chains.get(chain).is_some(), asked, failing) {
                (false, _, _) => UpstreamState::Off,
                (true, false, _) => UpstreamState::Unused,
                (true, true, false) => UpstreamState::Ok,
                (true, true, true) => UpstreamState::Failing,
            };
            let (failed_at, failure) = last_failure.unzip();
            RpcStatus { chain, rpc: UpstreamStatus { state, last_success, last_failure: failed_at, failure } }
        };
        Chain::ALL.into_iter().map(status).collect()
    }
}

fn remember(health: &Mutex<BTreeMap<Chain, Health>>, chain: Chain, now: Timestamp, error: Option<&RpcError>) {
    let mut health = health.lock().unwrap_or_else(PoisonError::into_inner);
    let health = health.entry(chain).or_default();
    match error {
        None => health.last_success = Some(now),
        Some(error) => {
            tracing::warn!(event = "upstream_failed", upstream = "rpc", chain = chain.id(), %error);
            health.last_failure = Some((now, error.to_string()));
        }
    }
    health.failing = error.is_some();
}

async fn read(rpc: &Node, chain: Chain, clock: &SharedClock) -> Result<GasFacts, RpcError> {
    let history: FeeHistory = rpc.call("eth_feeHistory", json!(["0xa", "latest", [20]])).await?;
    let (base_fee, priority_fee) = history.fees()?;
    let l1_fee = if chain.facts().is_op_stack { l1_fee(rpc, chain).await? } else { 0 };
    Ok(GasFacts { base_fee, priority_fee, l1_fee, source: GasSource::Rpc, as_of: clock.now() })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FeeHistory {
    base_fee_per_gas: Vec<String>,
    #[serde(default)]
    reward: Option<Vec<Vec<String>>>,
}

impl FeeHistory {
    /// Base fee of the next block, and the median tip, in wei per gas.
    fn fees(&self) -> Result<(u64, u64), RpcError> {
        let next = self.base_fee_per_gas.last().ok_or_else(|| RpcError::Garbled("no base fees".into()))?;
        let tips = self.reward.iter().flatten().filter_map(|block| block.first());
        let mut tips = tips.map(|tip| wei(tip)).collect::<Result<Vec<u64>, _>>()?;
        // Empty blocks report zero, which is nobody's tip.
        tips.retain(|tip| *tip > 0);
        tips.sort_unstable();
        let middle = tips.len() / 2;
        let median = match tips.as_slice() {
            [] => 0,
            tips if tips.len() % 2 == 1 => tips[middle],
            tips => tips[middle - 1] / 2 + tips[middle] / 2 + (tips[middle - 1] % 2 + tips[middle] % 2) / 2,
        };
        Ok((wei(next)?, median))
    }
}

async fn l1_fee(rpc: &Node, chain: Chain) -> Result<u64, RpcError> {
    let call = json!([{ "to": GAS_PRICE_ORACLE, "data": l1_fee_call(&typical_swap(chain.id())) }, "latest"]);
    let result: Value = rpc.call("eth_call", call).await?;
    let text = result.as_str().ok_or_else(|| RpcError::Garbled("eth_call returned no text".into()))?;
    wei(text)
}

/// A quantity in `0x…` form that fits 64 bits, leading zeros allowed.
fn wei(text: &str) -> Result<u64, RpcError> {
    let garbled = || RpcError::Garbled(format!("`{}` is no amount of wei", text.chars().take(80).collect::<String>()));
    let digits = text.strip_prefix("0x").ok_or_else(garbled)?.trim_start_matches('0');
    if digits.is_empty() && text.len() > 2 {
        return Ok(0);
    }
    u64::from_str_radix(digits, 16).map_err(|_| garbled())
}

/// The call data of `getL1Fee(bytes)`: the offset of the bytes, their length, and they themselves.
fn l1_fee_call(transaction: &[u8]) -> String {
    let padding = (32 - transaction.len() % 32) % 32;
    let bytes: String = transaction.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{GET_L1_FEE}{:064x}{:064x}{bytes}{}", 32, transaction.len(), "00".repeat(padding))
}

/// An unsigned EIP-1559 transaction of a typical swap: `exactInputSingle` of Uniswap's SwapRouter02.
/// Its bytes are what the L1 fee is for; the addresses stand for any, with digits as mixed as theirs.
fn typical_swap(chain_id: u64) -> Vec<u8> {
    let address = |seed: u8| -> [u8; 20] {
        std::array::from_fn(|i| seed.wrapping_mul(31).wrapping_add((i as u8).wrapping_mul(97)) ^ 0x5a)
    };
    let word = |bytes: &[u8]| [vec![0; 32 - bytes.len()], bytes.to_vec()].concat();
    let call = [
        vec![0x04, 0xe4, 0x5a, 0xaf], // exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))
        word(&address(1)),
        word(&address(2)),
        word(&500_u16.to_be_bytes()),
        word(&address(3)),
        word(&1_234_567_890_123_456_789_u64.to_be_bytes()),
        word(&3_851_234_567_u64.to_be_bytes()),
        word(&[]),
    ]
    .concat();
    let fields = [
        rlp_uint(chain_id),
        rlp_uint(147),          // nonce
        rlp_uint(1_000_000),    // tip
        rlp_uint(20_000_000),   // fee cap
        rlp_uint(150_000),      // gas
        rlp_bytes(&address(4)), // to
        rlp_uint(0),            // value
        rlp_bytes(&call),
        vec![0xc0], // no access list
    ]
    .concat();
    [vec![0x02], rlp_head(0xc0, fields.len()), fields].concat()
}

// RLP, as far as an unsigned transaction takes it (Ethereum Yellow Paper, appendix B).

fn rlp_uint(value: u64) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    rlp_bytes(&bytes[from..])
}

fn rlp_bytes(bytes: &[u8]) -> Vec<u8> {
    match bytes {
        [byte] if *byte < 0x80 => vec![*byte],
        _ => [rlp_head(0x80, bytes.len()), bytes.to_vec()].concat(),
    }
}

fn rlp_head(kind: u8, length: usize) -> Vec<u8> {
    if length <= 55 {
        return vec![kind + length as u8];
    }
    let bytes = length.to_be_bytes();
    let from = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    [vec![kind + 55 + (bytes.len() - from) as u8], bytes[from..].to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(base: &[&str], tips: &[&str]) -> FeeHistory {
        FeeHistory {
            base_fee_per_gas: base.iter().map(|text| (*text).into()).collect(),
            reward: Some(tips.iter().map(|tip| vec![(*tip).into()]).collect()),
        }
    }

    #[test]
    fn the_base_fee_is_the_next_blocks_and_the_tip_the_median_that_anyone_paid() {
        assert_eq!(history(&["0x10", "0x20"], &["0x3", "0x0", "0x1", "0x9"]).fees(), Ok((32, 3)));
        assert_eq!(history(&["0x10"], &["0x3", "0x6"]).fees(), Ok((16, 4)));
        assert_eq!(history(&["0x0"], &[]).fees(), Ok((0, 0)));
        assert_eq!(history(&["0x1"], &["0xffffffffffffffff", "0xffffffffffffffff"]).fees(), Ok((1, u64::MAX)));
        assert!(history(&[], &[]).fees().is_err());
        assert!(history(&["0x1ffffffffffffffff"], &[]).fees().is_err());
    }

    #[test]
    fn wei_are_read_in_both_lengths_and_nothing_else_is() {
        let word = format!("0x{:064x}", 77);
        assert_eq!((wei(&word), wei("0x0"), wei("0x4d")), (Ok(77), Ok(0), Ok(77)));
        for text in ["", "0x", "4d", "0xg", "0x10000000000000000"] {
            assert!(wei(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_call_for_the_l1_fee_is_encoded_as_the_abi_says() {
        let data = l1_fee_call(&[0xab; 33]);
        assert_eq!(data.len(), 2 + 8 + 64 * 4);
        assert!(data.starts_with(&format!("0x49948e0e{:064x}{:064x}abab", 32, 33)));
        assert!(data.ends_with(&format!("ab{}", "00".repeat(31))));
    }

    #[test]
    fn the_selectors_are_the_hashes_of_their_signatures() {
        let selector = |signature: &str| alloy_primitives::keccak256(signature)[..4].to_vec();
        let shown = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(shown(selector("getL1Fee(bytes)")), GET_L1_FEE);
        let swap = selector("exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))");
        assert!(typical_swap(1).windows(4).any(|bytes| bytes == swap));
    }

    #[test]
    fn the_typical_swap_is_one_list_of_nine_fields() {
        // The examples of Ethereum's wiki on RLP.
        assert_eq!(rlp_bytes(b"dog"), [0x83, b'd', b'o', b'g']);
        assert_eq!((rlp_uint(0), rlp_uint(15), rlp_uint(1024)), (vec![0x80], vec![0x0f], vec![0x82, 0x04, 0x00]));
        assert_eq!(rlp_head(0xc0, 1024), [0xf9, 0x04, 0x00]);
        let swap = typical_swap(8453);
        assert_eq!(swap[..2], [0x02, 0xf9]);
        let length = usize::from(u16::from_be_bytes([swap[2], swap[3]]));
        assert_eq!(swap.len(), 4 + length);
        assert!((270..320).contains(&swap.len()), "{}", swap.len());
    }
}
