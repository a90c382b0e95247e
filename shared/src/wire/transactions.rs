//! `/api/v1/transactions`: swaps on real chains, as they are asked for and as they stand.

use std::fmt;
use std::str::FromStr;

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::chain::Chain;
use crate::ids::TransactionId;
use crate::money::{Units, Usd};
use crate::time::Timestamp;
use crate::token::{TokenError, parse_address};
use crate::transaction::gas::Strategy;
use crate::transaction::{AttemptKind, Status};
use crate::wire::alerts::Severity;

/// What is swapped: the chain's native coin, or a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Asset {
    /// The native coin.
    Native,
    /// The token with this address.
    Token(Address),
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Asset::Native => f.write_str("native"),
            Asset::Token(address) => f.write_str(&address.to_checksum(None)),
        }
    }
}

impl FromStr for Asset {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Asset, TokenError> {
        if text == "native" { Ok(Asset::Native) } else { parse_address(text).map(Asset::Token) }
    }
}

impl Serialize for Asset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Asset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Asset, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Which side of a swap is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Exact {
    /// So many base units are sold, for what they bring.
    Sell(Units),
    /// So many base units are bought, for what they cost.
    Buy(Units),
}

/// Where a swap is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Venue {
    /// Uniswap V2, by Router02.
    UniswapV2,
    /// Uniswap V3, by SwapRouter02.
    UniswapV3,
}

/// A swap that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTransaction {
    /// The chain.
    pub chain: Chain,
    /// What is sold: `native`, or a token's address.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "native"))]
    pub sell: Asset,
    /// What is bought.
    #[cfg_attr(feature = "schema", schema(value_type = String, example = "0xfFf9976782d46CC05630D1f6eBAb18b2324d6B14"))]
    pub buy: Asset,
    /// Which side is exact, and how much that is.
    pub exact: Exact,
    /// How much worse than quoted it may be, in hundredths of a percent.
    #[serde(default = "usual_slippage")]
    pub max_slippage_bps: u16,
    /// After so many seconds it is not wanted any more.
    #[serde(default = "usual_deadline")]
    pub deadline_seconds: u32,
    /// How gas is priced.
    #[serde(default)]
    pub strategy: Strategy,
    /// The most it may offer, in wei per gas; the server's ceiling holds as well.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_wei")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub max_gas_price: Option<u128>,
    /// Where it has to be done; else where it is better after gas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Whether it is only on paper: it goes every way but the last, and the simulator fills it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paper: bool,
    /// On whose behalf, where a server acts for several: 1 to 64 visible characters. Failures in a row are counted for
    /// each, so that what one does wrong does not hold up the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Tokens it has to go through, in this order; else directly or through the wrapped native coin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub via: Vec<Address>,
}

impl NewTransaction {
    /// A swap with usual terms.
    pub const fn new(chain: Chain, sell: Asset, buy: Asset, exact: Exact) -> NewTransaction {
        NewTransaction {
            chain,
            sell,
            buy,
            exact,
            max_slippage_bps: usual_slippage(),
            deadline_seconds: usual_deadline(),
            strategy: Strategy::Balanced,
            max_gas_price: None,
            venue: None,
            paper: false,
            user: None,
            via: Vec::new(),
        }
    }
}

const fn usual_slippage() -> u16 {
    50
}

const fn usual_deadline() -> u32 {
    1_200
}

/// What a transaction is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Purpose {
    /// A swap somebody asked for.
    Swap(NewTransaction),
    /// It lets a router take the tokens that a swap sells.
    Approval {
        /// The token.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        token: Address,
        /// The router.
        #[cfg_attr(feature = "schema", schema(value_type = String))]
        spender: Address,
        /// Base units it may take.
        amount: Units,
        /// The swap.
        swap: TransactionId,
    },
    /// It fills a nonce that nobody owns.
    Gap,
}

/// How a swap is to be done, as it was quoted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Plan {
    /// Where.
    pub venue: Venue,
    /// The contract that is called.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub router: Address,
    /// The tokens it goes through, from the one sold to the one bought.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<String>))]
    pub path: Vec<Address>,
    /// On Uniswap V3: the fee tier of each step, in millionths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<u32>,
    /// What the other side was quoted at, in base units.
    pub expected: Units,
    /// The worst of it that is taken: the least bought, or the most sold.
    pub limit: Units,
}

/// What a swap came to, by what the chain's logs say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Fill {
    /// Base units sold.
    pub sold: Units,
    /// Base units bought.
    pub bought: Units,
}

/// The same swap on paper, beside what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PaperTwin {
    /// What the simulator's pools give.
    pub fill: Fill,
    /// The block whose reserves they had.
    pub block: u64,
    /// How much better the real one was, in parts per million of the side that was not exact; negative where it was
    /// worse.
    pub difference_ppm: i64,
}

/// A transaction, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransactionInfo {
    /// Its name.
    pub id: TransactionId,
    /// The chain.
    pub chain: Chain,
    /// Who signs and pays.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub sender: Address,
    /// What it is for.
    pub purpose: Purpose,
    /// How it stands.
    pub status: Status,
    /// Whether that is how it ended.
    pub is_final: bool,
    /// Why it ended so, or what it waits for, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it is not wanted any more.
    pub deadline: Timestamp,
    /// What it was worth when it was asked for, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_usd: Option<Usd>,
    /// How it is done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// What it came to. On paper: what the simulator filled it with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    /// What the simulator would have filled it with, by the reserves before its block; on paper there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paper_twin: Option<PaperTwin>,
    /// New payload transactions after the first.
    pub retries: u32,
    /// Every state it was in, and since when, oldest first.
    pub history: Vec<Step>,
    /// Every transaction that was signed for it, oldest first.
    pub attempts: Vec<AttemptInfo>,
    /// What stood in its way, oldest first.
    pub troubles: Vec<TroubleInfo>,
    /// Wei it has paid for gas and data, all that was mined included.
    pub fees_paid: Units,
}

/// A state, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Step {
    /// The state.
    pub status: Status,
    /// Since when.
    pub at: Timestamp,
}

/// A signed transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AttemptInfo {
    /// What it does.
    pub kind: AttemptKind,
    /// Its nonce.
    pub nonce: u64,
    /// Its hash.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub hash: B256,
    /// `maxFeePerGas`, in wei.
    #[serde(with = "crate::transaction::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub max_fee: u128,
    /// `maxPriorityFeePerGas`, in wei.
    #[serde(with = "crate::transaction::wei")]
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub priority_fee: u128,
    /// The gas it may use.
    pub gas_limit: u64,
    /// When it was signed.
    pub signed_at: Timestamp,
    /// How often it was handed to a node.
    pub broadcasts: u32,
    /// What became of it, in a word: `signed`, `accepted`, `refused`, `mined` or `replaced`.
    pub outcome: String,
    /// Its block, where it was mined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub block: Option<u64>,
    /// Whether it succeeded, where it was mined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
    /// Gas it used, where it was mined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gas_used: Option<u64>,
}

/// What stood in the way, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TroubleInfo {
    /// When.
    pub at: Timestamp,
    /// What, in words.
    pub what: String,
}

/// Transactions, the latest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Transactions {
    /// They.
    pub transactions: Vec<TransactionInfo>,
    /// Where there are more: what to ask for with `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<TransactionId>,
}

/// How a transaction is to be made quicker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// What to offer, in percent of what it offers now: 150 unless told.
    #[serde(default = "usual_replacement")]
    pub gas_percent: u32,
}

const fn usual_replacement() -> u32 {
    150
}

impl Default for Replacement {
    fn default() -> Replacement {
        Replacement { gas_percent: usual_replacement() }
    }
}

/// How transactions fared, counted from the journal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TransactionMetrics {
    /// Requests, approvals and fillers of gaps left out.
    pub requests: u64,
    /// Those that have ended.
    pub ended: u64,
    /// Of these, those that were done.
    pub completed: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were cancelled.
    pub cancelled: u64,
    /// Those whose nonce a transaction took that was not Foolscap's.
    pub replaced: u64,
    /// Completed of completed and failed, in parts per million; nothing before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_ppm: Option<u64>,
    /// Requests for which a payload was signed more than once, of all, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ppm: Option<u64>,
    /// Requests that were stuck at some time.
    pub stuck: u64,
    /// Wei paid for gas and data, whatever came of it.
    pub fees_paid: Units,
    /// How much better or worse real fills were than their paper twins, in parts per million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_paper: Option<AgainstPaper>,
    /// Milliseconds from acceptance to completion that half of them took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_p50_ms: Option<u64>,
    /// Milliseconds from acceptance to completion that 95 % of them took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_p95_ms: Option<u64>,
}

/// How real fills compare with their paper twins, in parts per million of the side that was not exact. Negative is
/// worse than on paper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AgainstPaper {
    /// Fills that have a twin.
    pub count: u64,
    /// Their mean, rounded towards zero.
    pub mean_ppm: i64,
    /// A twentieth of them is at most this.
    pub p5_ppm: i64,
    /// Half of them are at most this.
    pub p50_ppm: i64,
    /// All but a twentieth are at most this.
    pub p95_ppm: i64,
}

/// What a wallet's swaps have come to, by the logs of the chain: each is entered once, when it is final. Paper is
/// not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LivePortfolio {
    /// Each asset on each chain.
    pub assets: Vec<LiveAsset>,
}

/// An asset of the live portfolio.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LiveAsset {
    /// The chain.
    pub chain: Chain,
    /// The wallet.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub wallet: Address,
    /// `native`, or a token's address.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub asset: Asset,
    /// Base units bought by swaps.
    pub bought: Units,
    /// Base units sold by swaps.
    pub sold: Units,
    /// Of the native coin: wei paid for gas and data, whatever came of it; approvals and cancels included.
    pub fees: Units,
    /// Swaps that moved it.
    pub swaps: u64,
}

/// A circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BreakerInfo {
    /// The chain.
    pub chain: Chain,
    /// What it stands before: `transaction_failure`, `gas_price_spike`, `dex_failure` or `retry_manager`.
    pub name: String,
    /// For whom it counts, where that is one user alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `closed`, `open` or `half_open`.
    pub state: String,
    /// While it is open: milliseconds until one may try.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_ms: Option<u64>,
    /// While it is open: when that will be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try: Option<Timestamp>,
    /// Failures in a row.
    #[serde(default)]
    pub failures: u32,
    /// How often it has opened.
    #[serde(default)]
    pub openings: u64,
}

/// The circuit breakers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Breakers {
    /// They.
    pub breakers: Vec<BreakerInfo>,
}

/// Something that became of a circuit breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BreakerEvent {
    /// When.
    pub at: Timestamp,
    /// The chain.
    pub chain: Chain,
    /// Its name.
    pub name: String,
    /// For whom it counts, where that is one user alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// `opened`, `probe_failed`, `closed`, or `reset` by the operator.
    pub what: String,
    /// The failure that brought it about, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// What became of the circuit breakers, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct BreakerHistory {
    /// The last of it.
    pub events: Vec<BreakerEvent>,
}

/// A warning in a wallet's room, or its end: told as `alert_message`, in the form that every alert has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LiveAlertMessage {
    /// The warning.
    pub alert: LiveAlert,
    /// Whether it is over.
    #[serde(default)]
    pub over: bool,
}

/// Something that is wrong on the live side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LiveAlert {
    /// What kind of thing.
    pub kind: LiveAlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a breaker's name, a transaction's id, a chain's id, a figure's name.
    pub subject: String,
    /// All of it, in words.
    pub message: String,
    /// When it began.
    pub since: Timestamp,
    /// When this was last seen to be so.
    pub as_of: Timestamp,
}

/// What kind of thing is wrong on the live side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LiveAlertKind {
    /// A circuit breaker has opened.
    CircuitBreaker,
    /// A transaction is stuck, or something else about it wants a person.
    StuckTransaction,
    /// No node of a chain answers.
    NodesUnreachable,
    /// The share of requests that are done, or that take more than one try, is off its target.
    TargetMissed,
}

mod optional_wei {
    use serde::{Deserialize, Deserializer, Serializer};

    #[derive(Deserialize)]
    struct Wei(#[serde(with = "crate::transaction::wei")] u128);

    pub(super) fn serialize<S: Serializer>(wei: &Option<u128>, serializer: S) -> Result<S::Ok, S::Error> {
        match wei {
            Some(wei) => serializer.collect_str(wei),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u128>, D::Error> {
        Ok(Option::<Wei>::deserialize(deserializer)?.map(|Wei(wei)| wei))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_is_asked_for_in_few_words_and_the_rest_is_usual() {
        let text = r#"{"chain":11155111,"sell":"native","buy":"0xfFf9976782d46CC05630D1f6eBAb18b2324d6B14","exact":{"sell":"1000"}}"#;
        let swap: NewTransaction = serde_json::from_str(text).unwrap();
        assert_eq!((swap.sell, swap.max_slippage_bps, swap.strategy), (Asset::Native, 50, Strategy::Balanced));
        assert_eq!(swap.exact, Exact::Sell(Units(alloy_primitives::U256::from(1_000))));
        let spelled = serde_json::to_string(&NewTransaction { max_gas_price: Some(7), ..swap.clone() }).unwrap();
        assert!(spelled.contains(r#""max_gas_price":"7""#), "{spelled}");
        let back: NewTransaction = serde_json::from_str(&spelled).unwrap();
        assert_eq!(back.max_gas_price, Some(7));
        let wrong = text.replace("exact", "exactly");
        assert!(serde_json::from_str::<NewTransaction>(&wrong).is_err());
    }
}
