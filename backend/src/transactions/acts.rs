//! What is done outside: asked of nodes, and nothing else. Nothing here changes a record; what is found is told to
//! the owner, who decides.

use std::collections::BTreeSet;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use serde_json::{Value, json};
use shared::ids::TransactionId;
use shared::money::Units;
use shared::transaction::gas::{BLOCKS, FeeHistory, Strategy};
use shared::transaction::{
    Attempt, AttemptId, AttemptKind, Foreign, GasQuote, Mined, Prepared, Reply, Sighting, Trouble,
};
use shared::wire::transactions::{Exact, Fill, NewTransaction, PaperTwin, Plan, Purpose};

use crate::chain::node::read;
use crate::chain::reads::{self, Call, Head, Receipt, Sent};
use crate::chain::{Node, Nodes, RpcError, revert};
use crate::crash;
use crate::dex::{self, Readiness, Wanted, venues::Venues};

/// Blocks in which a foreign transaction is looked for: what nodes that are no archives remember.
const REACH: u64 = 120;
/// Calls of one batch.
const BATCH: usize = 100;

/// What was found.
#[derive(Debug)]
pub enum Found {
    /// Nothing: it is asked for again.
    Nothing,
    /// A call is ready, or why not.
    Readiness(TransactionId, Readiness),
    /// What gas costs, for those who asked.
    Priced(Vec<TransactionId>, Result<Prices, RpcError>),
    /// How the chain stands, and what became of nonces.
    Swept(Result<Sweep, RpcError>),
    /// What nodes said to transactions.
    Sent(Vec<(TransactionId, AttemptId, Reply)>),
    /// What a swap came to, and its twin on paper.
    Filled(TransactionId, Option<Fill>, Option<PaperTwin>),
    /// What the simulator filled a swap with that is on paper, or why not.
    Papered(TransactionId, AttemptId, Result<Fill, Trouble>),
}

/// What gas costs, and what the sender has.
#[derive(Debug)]
pub struct Prices {
    /// The last blocks.
    pub history: FeeHistory,
    /// The sender.
    pub account: Account,
}

/// How a sender stands.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// Its next nonce by the last block.
    pub latest: u64,
    /// Its next nonce with what is in the pool.
    pub pending: u64,
    /// Its native coin, in wei.
    pub balance: U256,
}

/// A nonce that is looked for.
#[derive(Debug, Clone)]
pub struct Target {
    /// Whose it is.
    pub id: TransactionId,
    /// Which.
    pub nonce: u64,
    /// What was signed for it, oldest first.
    pub attempts: Vec<Attempt>,
    /// What its payload calls.
    pub prepared: Prepared,
    /// How its gas is priced.
    pub strategy: Strategy,
}

/// How the chain stands.
#[derive(Debug)]
pub struct Sweep {
    /// Its last block.
    pub head: Head,
    /// The sender.
    pub account: Account,
    /// Its next nonce by the last final block.
    pub deep: u64,
    /// What became of the nonces that were looked for.
    pub sightings: Vec<(TransactionId, Sighting)>,
}

/// Prepares a swap or an approval.
pub async fn prepare(nodes: Arc<Nodes>, venues: Venues, purpose: Purpose, wanted: Prepare) -> Found {
    let id = wanted.id;
    let readiness = match purpose {
        Purpose::Swap(asked) => {
            let Prepare { id, sender, deadline, limit, margin_percent } = wanted;
            let wanted = Wanted { id, asked, sender, deadline, limit, margin_percent };
            nodes
                .ask(|node| {
                    let wanted = wanted.clone();
                    async move { dex::prepare(&node, &venues, &wanted).await }
                })
                .await
        }
        Purpose::Approval { token, spender, amount, .. } => {
            let approval = (token, spender, amount.0);
            let (sender, margin) = (wanted.sender, wanted.margin_percent);
            nodes.ask(|node| async move { dex::prepare_approval(&node, sender, approval, id, margin).await }).await
        }
        // What does nothing needs no asking.
        Purpose::Gap => Ok(Readiness::Ready(nothing(wanted.sender), None)),
    };
    Found::Readiness(id, readiness.unwrap_or_else(|error| Readiness::Not(unreachable(&error))))
}

/// What there is to prepare.
#[derive(Debug, Clone)]
pub struct Prepare {
    /// Whose it is.
    pub id: TransactionId,
    /// Who pays.
    pub sender: Address,
    /// When it is not wanted any more.
    pub deadline: shared::time::Timestamp,
    /// The limit of an earlier quote.
    pub limit: Option<Units>,
    /// Gas to add to the estimate, in percent.
    pub margin_percent: u32,
}

/// The gas of a transfer, which is all that a transaction does that does nothing.
pub const GAS_OF_NOTHING: u64 = 21_000;

fn nothing(sender: Address) -> Prepared {
    Prepared { to: sender, value: Units::ZERO, data: Bytes::new(), gas_limit: GAS_OF_NOTHING }
}

/// A node's failure, as it stands in a request's way.
pub fn unreachable(error: &RpcError) -> Trouble {
    Trouble::Unreachable { detail: error.to_string() }
}

/// Asks what gas costs, once for all who want to know.
pub async fn price(nodes: Arc<Nodes>, sender: Address, ids: Vec<TransactionId>) -> Found {
    let prices = nodes
        .ask(|node| async move {
            let mut questions = vec![reads::fee_history_call(BLOCKS)];
            questions.extend(account_calls(sender, &json!("latest")));
            let mut answers = node.batch(&questions).await?.into_iter();
            let history = reads::fee_history(next(&mut answers)?)?;
            Ok(Prices { history, account: account(&mut answers)? })
        })
        .await;
    Found::Priced(ids, prices)
}

fn account_calls(sender: Address, at: &Value) -> [(&'static str, Value); 3] {
    [
        ("eth_getTransactionCount", json!([sender, at])),
        ("eth_getTransactionCount", json!([sender, "pending"])),
        ("eth_getBalance", json!([sender, at])),
    ]
}

type Answers = std::vec::IntoIter<Result<Value, RpcError>>;

fn next(answers: &mut Answers) -> Result<Value, RpcError> {
    answers.next().unwrap_or_else(|| Err(RpcError::Garbled("an answer is missing".into())))
}

fn account(answers: &mut Answers) -> Result<Account, RpcError> {
    let latest: U64 = read(next(answers)?)?;
    let pending: U64 = read(next(answers)?)?;
    Ok(Account { latest: latest.to(), pending: pending.to(), balance: read(next(answers)?)? })
}

/// What a strategy offers by the last blocks.
pub fn quote(strategy: Strategy, history: &FeeHistory) -> Result<GasQuote, Trouble> {
    let unknown = || Trouble::Unreachable { detail: "the chain has no base fee".into() };
    strategy.quote(history).ok_or_else(unknown)
}

/// Hands signed transactions to one node, in their order.
pub async fn broadcast(nodes: Arc<Nodes>, turn: usize, batch: Vec<(TransactionId, AttemptId, Bytes)>) -> Found {
    let raw: Vec<Bytes> = batch.iter().map(|(_, _, raw)| raw.clone()).collect();
    crash::point("before", "broadcast");
    let replies = nodes.send_all(&raw, turn).await;
    crash::point("done", "broadcast");
    let sent = batch.into_iter().zip(replies).map(|((id, attempt, _), reply)| (id, attempt, reply));
    Found::Sent(sent.collect())
}

/// Sees how the chain stands. Of the targets, those `asked` for are looked at in any case, the others only when the
/// block is another than `last`.
pub async fn sweep(
    nodes: Arc<Nodes>,
    sender: Address,
    depth: u64,
    targets: Vec<Target>,
    asked: BTreeSet<TransactionId>,
    last: Option<B256>,
) -> Found {
    let (targets, asked) = (Arc::new(targets), Arc::new(asked));
    let swept = nodes
        .ask(|node| {
            let (nodes, targets, asked) = (nodes.clone(), targets.clone(), asked.clone());
            async move { sweep_by(&nodes, &node, sender, depth, &targets, &asked, last).await }
        })
        .await;
    Found::Swept(swept)
}

async fn sweep_by(
    nodes: &Nodes,
    node: &Node,
    sender: Address,
    depth: u64,
    targets: &[Target],
    asked: &BTreeSet<TransactionId>,
    last: Option<B256>,
) -> Result<Sweep, RpcError> {
    let head = nodes.head_of(node).await?;
    let height = head.height();
    let is_new = last != Some(head.hash);
    // The nonce is read before the receipts are: a nonce that is used up by then has its receipt, if it is ours.
    let mut questions = vec![reads::fee_history_call(BLOCKS)];
    questions.extend(account_calls(sender, &reads::block(height)));
    let deep_block = height.saturating_sub(depth.saturating_sub(1));
    questions.push(("eth_getTransactionCount", json!([sender, reads::block(deep_block)])));
    let mut answers = node.batch(&questions).await?.into_iter();
    let history = reads::fee_history(next(&mut answers)?)?;
    let account = account(&mut answers)?;
    // A node that has forgotten that block only costs memory here.
    let deep: u64 = next(&mut answers).and_then(read::<U64>).map_or(0, |nonce| nonce.to());

    let looked: Vec<&Target> = targets.iter().filter(|target| is_new || asked.contains(&target.id)).collect();
    let used_up = |target: &&Target| target.nonce < account.latest;
    let consumed: Vec<&Target> = looked.iter().copied().filter(used_up).collect();
    let waiting: Vec<&Target> = looked.iter().copied().filter(|target| !used_up(target)).collect();
    let hashes: Vec<B256> = consumed.iter().flat_map(|target| target.attempts.iter().map(|sent| sent.hash)).collect();
    let mut receipts: Vec<Receipt> = vec![];
    for some in hashes.chunks(BATCH) {
        receipts.extend(node.receipts(some).await?.into_iter().flatten());
    }
    // Only those that were asked for by name: of every one at every block would be many questions.
    let lasts: Vec<(TransactionId, B256)> = waiting
        .iter()
        .filter(|target| asked.contains(&target.id))
        .filter_map(|target| Some((target.id, target.attempts.last()?.hash)))
        .collect();
    let mut held = std::collections::BTreeMap::new();
    for some in lasts.chunks(BATCH) {
        let hashes: Vec<B256> = some.iter().map(|(_, hash)| *hash).collect();
        held.extend(some.iter().map(|(id, _)| *id).zip(node.holds(&hashes).await?));
    }
    let mut sightings = vec![];
    for target in looked {
        let market = target.strategy.quote(&history).map(|quote| quote.fees);
        let mut sighting = Sighting {
            nonce: target.nonce,
            head: height,
            base_fee: history.base_fees.last().copied().unwrap_or_else(|| head.base_fee()),
            account_nonce: account.latest,
            mined: None,
            foreign: None,
            pooled: held.get(&target.id).copied(),
            market,
        };
        let ours = target.attempts.iter().find_map(|attempt| {
            let receipt = receipts.iter().find(|receipt| receipt.transaction_hash == attempt.hash)?;
            Some((attempt, receipt))
        });
        match ours {
            Some((attempt, receipt)) => {
                sighting.head = height.max(receipt.block_number.to());
                sighting.mined = Some(mined(node, sender, target, attempt, receipt).await);
            }
            None if target.nonce < account.latest => {
                // A node that cannot tell makes it unknown, which it is.
                let found = node.find(sender, target.nonce, height, REACH).await.ok().flatten();
                sighting.foreign = found.and_then(|(block, sent)| foreign(target, block, &sent));
            }
            None => {}
        }
        sightings.push((target.id, sighting));
    }
    Ok(Sweep { head, account, deep, sightings })
}

/// A transaction with our nonce that is not ours.
fn foreign(target: &Target, block: u64, sent: &Sent) -> Option<Foreign> {
    // Ours, of which this node has no receipt yet.
    let ours = target.attempts.iter().any(|attempt| attempt.hash == sent.hash);
    let Prepared { to, value, data, .. } = &target.prepared;
    let same_payload = sent.to == Some(*to) && sent.value == value.0 && sent.input == *data;
    (!ours).then_some(Foreign { hash: sent.hash, block, same_payload })
}

async fn mined(node: &Node, sender: Address, target: &Target, attempt: &Attempt, receipt: &Receipt) -> Mined {
    let success = receipt.status.to::<u64>() == 1;
    let (out_of_gas, reason) = match attempt.kind {
        AttemptKind::Payload if !success => why_it_failed(node, sender, &target.prepared, attempt, receipt).await,
        AttemptKind::Payload | AttemptKind::Cancel => (false, None),
    };
    Mined {
        attempt: attempt.id,
        block: receipt.block_number.to(),
        block_hash: receipt.block_hash,
        success,
        out_of_gas,
        reason,
        gas_used: receipt.gas_used.to(),
        gas_price: receipt.effective_gas_price.to(),
        l1_fee: Units(receipt.l1_fee.unwrap_or_default()),
    }
}

/// Receipts do not say why. The call is tried again where it was, with twice the gas: what then succeeds had run
/// out of it; what reverts says why. One that left a twentieth of its gas had not run out: an inner call gets all
/// but a 64th (EIP-150).
async fn why_it_failed(
    node: &Node,
    sender: Address,
    prepared: &Prepared,
    attempt: &Attempt,
    receipt: &Receipt,
) -> (bool, Option<String>) {
    let Prepared { to, value, data, .. } = prepared.clone();
    let gas = attempt.gas_limit.saturating_mul(2);
    let call = Call { from: sender, to, value: value.0, data, gas: Some(gas) };
    let used_most = receipt.gas_used.to::<u64>() >= attempt.gas_limit / 20 * 19;
    let before = receipt.block_number.to::<u64>().saturating_sub(1);
    match node.try_call(&call, reads::block(before)).await {
        Ok(_) => (used_most, None),
        Err(error) => (false, revert::reason_of(&error).flatten()),
    }
}

/// Reads from the chain what a swap came to.
pub async fn fill(
    nodes: Arc<Nodes>,
    venues: Venues,
    sender: Address,
    id: TransactionId,
    hash: B256,
    swap: Option<(NewTransaction, Plan)>,
) -> Found {
    let Some((asked, plan)) = swap else { return Found::Filled(id, None, None) };
    let receipt = nodes.ask(|node| async move { node.receipts(&[hash]).await }).await;
    let Ok(Some(receipt)) = receipt.map(|receipts| receipts.into_iter().flatten().next()) else {
        // It is asked for again, when the record wakes.
        return Found::Nothing;
    };
    crash::point("before", "booked");
    let real = dex::fill::read(&receipt.logs, &asked, &plan, venues.weth, sender);
    // What the swap met is what the block before left: its reserves are the twin's.
    let before = receipt.block_number.to::<u64>().saturating_sub(1);
    let (exact, plan) = (asked.exact, Arc::new(plan));
    let on_paper = nodes.ask(|node| {
        let plan = plan.clone();
        async move { dex::twin::fill(&node, exact, &plan, &reads::block(before)).await }
    });
    // The amounts are booked whether there is a twin or not.
    let twin = on_paper.await.ok().flatten().map(|paper| dex::twin::beside(exact, &real, paper, before));
    Found::Filled(id, Some(real), twin)
}

/// Fills a swap on paper, by the reserves of the last block.
pub async fn paper(
    nodes: Arc<Nodes>,
    id: TransactionId,
    attempt: AttemptId,
    asked: NewTransaction,
    plan: Plan,
) -> Found {
    let (exact, limit, plan) = (asked.exact, plan.limit, Arc::new(plan));
    let filled = nodes.ask(|node| {
        let plan = plan.clone();
        async move { dex::twin::fill(&node, exact, &plan, &json!("latest")).await }
    });
    let result = match filled.await {
        Err(error) => Err(unreachable(&error)),
        Ok(None) => Err(Trouble::Refused { why: "the reserves of its pools cannot be read".into() }),
        Ok(Some(fill)) => {
            let is_worse = match exact {
                Exact::Sell(_) => fill.bought < limit,
                Exact::Buy(_) => fill.sold > limit,
            };
            // As the router would.
            let reason = || Some("the price has moved beyond the limit".to_owned());
            if is_worse { Err(Trouble::Reverted { reason: reason() }) } else { Ok(fill) }
        }
    };
    Found::Papered(id, attempt, result)
}
