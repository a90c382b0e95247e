//! What is asked of a node, in types. Unknown fields and kinds of transactions are passed over: an OP-stack chain
//! has some of its own.

use alloy_primitives::{Address, B256, Bytes, U64, U128, U256, address};
use serde::Deserialize;
use serde_json::{Value, json};
use shared::transaction::Reply;
use shared::transaction::gas::{FeeHistory, PERCENTILES};

use super::node::{Node, RpcError, read};
use super::{Nodes, wording};

/// The predeployed contract of OP-stack chains that knows the L1 fee.
pub const GAS_PRICE_ORACLE: Address = address!("420000000000000000000000000000000000000F");

/// The last block, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Its number.
    pub number: U64,
    /// Its hash.
    pub hash: B256,
    /// Its base fee, where the chain has one.
    #[serde(default)]
    pub base_fee_per_gas: Option<U128>,
    /// When it was made, in seconds.
    pub timestamp: U64,
}

impl Head {
    /// Its number.
    pub fn height(&self) -> u64 {
        self.number.to()
    }

    /// Its base fee in wei.
    pub fn base_fee(&self) -> u128 {
        self.base_fee_per_gas.map_or(0, |fee| fee.to())
    }
}

/// What became of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Its hash.
    pub transaction_hash: B256,
    /// Its block's number.
    pub block_number: U64,
    /// Its block's hash.
    pub block_hash: B256,
    /// 1 where it succeeded.
    pub status: U64,
    /// Gas it used.
    pub gas_used: U64,
    /// What it paid per gas.
    pub effective_gas_price: U128,
    /// What an OP-stack chain took for its data.
    #[serde(default)]
    pub l1_fee: Option<U256>,
    /// What it told.
    #[serde(default)]
    pub logs: Vec<Log>,
}

/// Something that a contract told.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Log {
    /// The contract.
    pub address: Address,
    /// What it is.
    pub topics: Vec<B256>,
    /// What it says.
    pub data: Bytes,
}

/// A transaction, in a block or in the pool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sent {
    /// Its hash.
    pub hash: B256,
    /// Who sent it.
    pub from: Address,
    /// The contract it calls.
    #[serde(default)]
    pub to: Option<Address>,
    /// Its nonce.
    pub nonce: U64,
    /// What it sends along.
    pub value: U256,
    /// Its call.
    pub input: Bytes,
}

#[derive(Deserialize)]
struct Block {
    transactions: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct History {
    base_fee_per_gas: Vec<U128>,
    #[serde(default)]
    gas_used_ratio: Vec<f64>,
    #[serde(default)]
    reward: Option<Vec<Vec<U128>>>,
}

/// A call to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Who calls.
    pub from: Address,
    /// The contract.
    pub to: Address,
    /// Native coin sent along, in wei.
    pub value: U256,
    /// The call.
    pub data: Bytes,
    /// The gas it may use; the node's own limit where there is none.
    pub gas: Option<u64>,
}

impl Call {
    /// As JSON-RPC has it.
    pub fn spelled(&self) -> Value {
        let mut call = json!({ "from": self.from, "to": self.to, "value": self.value, "data": self.data });
        if let (Some(gas), Some(fields)) = (self.gas, call.as_object_mut()) {
            fields.insert("gas".into(), json!(U64::from(gas)));
        }
        call
    }
}

/// A number of a block, as JSON-RPC has it.
pub fn block(number: u64) -> Value {
    json!(U64::from(number))
}

/// What is asked for the fees of the last blocks.
pub fn fee_history_call(blocks: usize) -> (&'static str, Value) {
    ("eth_feeHistory", json!([U64::from(blocks), "latest", PERCENTILES]))
}

/// Its answer.
///
/// # Errors
/// [`RpcError::Garbled`].
pub fn fee_history(answer: Value) -> Result<FeeHistory, RpcError> {
    let history: History = read(answer)?;
    let tips = history.reward.unwrap_or_default().into_iter();
    let tips = tips.map(|block| std::array::from_fn(|at| block.get(at).map_or(0, |tip| tip.to())));
    // A ratio is at most 1; what is not a number counts as 0.
    let ppm = |ratio: &f64| (ratio.clamp(0.0, 1.0) * 1e6) as u32;
    Ok(FeeHistory {
        base_fees: history.base_fee_per_gas.iter().map(|fee| fee.to()).collect(),
        fullness_ppm: history.gas_used_ratio.iter().map(ppm).collect(),
        tips: tips.collect(),
    })
}

impl Node {
    /// The last block.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn head(&self) -> Result<Head, RpcError> {
        self.call("eth_getBlockByNumber", json!(["latest", false])).await
    }

    /// What became of transactions: nothing where they are in no block this node knows.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn receipts(&self, hashes: &[B256]) -> Result<Vec<Option<Receipt>>, RpcError> {
        let calls: Vec<_> = hashes.iter().map(|hash| ("eth_getTransactionReceipt", json!([hash]))).collect();
        let answers = self.batch(&calls).await?;
        answers.into_iter().map(|answer| read(answer?)).collect()
    }

    /// Which of these transactions the node holds, in its pool or in a block.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn holds(&self, hashes: &[B256]) -> Result<Vec<bool>, RpcError> {
        let calls: Vec<_> = hashes.iter().map(|hash| ("eth_getTransactionByHash", json!([hash]))).collect();
        let answers = self.batch(&calls).await?;
        answers.into_iter().map(|answer| Ok(!answer?.is_null())).collect()
    }

    /// Tries a call at a block.
    ///
    /// # Errors
    /// [`RpcError`]; [`RpcError::is_revert`] where it reverts.
    pub async fn try_call(&self, call: &Call, at: Value) -> Result<Bytes, RpcError> {
        self.call("eth_call", json!([call.spelled(), at])).await
    }

    /// A sender's next nonce by a block.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn nonce(&self, sender: Address, at: Value) -> Result<u64, RpcError> {
        let nonce: U64 = self.call("eth_getTransactionCount", json!([sender, at])).await?;
        Ok(nonce.to())
    }

    /// The transaction of a sender with a nonce in a block up to `head`, and the block's number. Nothing where it is
    /// in none of the last `reach` blocks.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn find(
        &self,
        sender: Address,
        nonce: u64,
        head: u64,
        reach: u64,
    ) -> Result<Option<(u64, Sent)>, RpcError> {
        // The first block after which the sender's next nonce is beyond this one.
        let (mut low, mut high) = (head.saturating_sub(reach), head);
        if self.nonce(sender, block(low)).await? > nonce {
            return Ok(None);
        }
        while low + 1 < high {
            let middle = low + (high - low) / 2;
            if self.nonce(sender, block(middle)).await? > nonce {
                high = middle;
            } else {
                low = middle;
            }
        }
        let whole: Option<Block> = self.call("eth_getBlockByNumber", json!([block(high), true])).await?;
        let Some(whole) = whole else { return Ok(None) };
        // Those of kinds that do not read as one are nobody's of ours.
        let mut sent = whole.transactions.into_iter().filter_map(|sent| read::<Sent>(sent).ok());
        Ok(sent.find(|sent| sent.from == sender && sent.nonce.to::<u64>() == nonce).map(|sent| (high, sent)))
    }
}

impl Nodes {
    /// The last block, by a node that does not lag behind the others.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn head(&self) -> Result<Head, RpcError> {
        self.ask(|node| async move { self.head_of(&node).await }).await
    }

    /// The last block by this node, unless it lags behind the others.
    ///
    /// # Errors
    /// [`RpcError`].
    pub async fn head_of(&self, node: &Node) -> Result<Head, RpcError> {
        let head = node.head().await?;
        self.note_head(node, head.height())?;
        Ok(head)
    }

    /// Hands signed transactions to one node, in their order, and tells what it said to each. It is another node
    /// every `turn`; the next one is asked only where one could not be, because the core has to know what was said.
    pub async fn send_all(&self, raw: &[Bytes], turn: usize) -> Vec<Reply> {
        let calls: Vec<_> = raw.iter().map(|raw| ("eth_sendRawTransaction", json!([raw]))).collect();
        let calls = std::sync::Arc::new(calls);
        let sent = self.ask_from(turn, |node| {
            let calls = calls.clone();
            async move { node.batch(&calls).await }
        });
        match sent.await {
            Ok(answers) => answers.iter().map(|answer| wording::reply(answer.as_ref().map(drop))).collect(),
            Err(_) => raw.iter().map(|_| Reply::NoAnswer).collect(),
        }
    }
}
