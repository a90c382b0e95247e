//! What goes wrong on a chain, and what becomes of it.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    primitives::{TxKind, U256},
    providers::{Provider as _, ext::AnvilApi as _},
    signers::SignerSync as _,
};
use reqwest::StatusCode;
use serde_json::json;
use shared::ids::TransactionId;
use shared::transaction::{AttemptKind, Status};
use shared::wire::ProblemKind;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::{CHAIN, whole};

use super::Desk;

impl Desk {
    /// Mines the last attempt of a request once the pool holds it, which brings the request to a state.
    async fn mined_until(&mut self, id: TransactionId, status: Status) -> TransactionInfo {
        let last = self.info(id).await.attempts.pop().expect("something was signed").hash;
        self.exchange.holds(last).await;
        self.exchange.mine(1).await;
        self.reaches(id, status).await
    }

    fn nonce_of(info: &TransactionInfo) -> u64 {
        info.attempts.last().expect("something was signed").nonce
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_reverts_is_told_with_its_reason_before_and_after_it_is_signed() {
    let mut desk = Desk::open().await;
    let [_, first, second] = desk.tokens();
    let swap = json!({
        "chain": CHAIN.id(), "sell": first, "buy": second, "exact": {"sell": whole(1).to_string()},
        "venue": "uniswap_v2", "deadline_seconds": 3_600,
    });
    // An approval is there from the first.
    let id = desk.submit(&swap).await;
    desk.reaches(id, Status::Completed).await;
    let more = json!({
        "chain": CHAIN.id(), "sell": first, "buy": second, "exact": {"sell": whole(5_000).to_string()},
    });
    let id = desk.submit(&more).await;
    let failed = desk.reaches(id, Status::Failed).await;
    assert!(failed.reason.unwrap().contains("the wallet holds") && failed.attempts.is_empty());

    // Signed, and then the pool is emptied behind its back.
    desk.exchange.hold_blocks().await;
    let mut swap = desk.usual();
    swap["venue"] = json!("uniswap_v2");
    let id = desk.submit(&swap).await;
    desk.reaches(id, Status::Pending).await;
    let [weth, token, _] = desk.exchange.tokens();
    let pair = desk.exchange.v2.pair(weth, token).await;
    desk.exchange.v2.deal(token, pair, U256::ZERO).await;
    let failed = desk.mined_until(id, Status::Failed).await;
    assert_eq!(failed.attempts.last().unwrap().success, Some(false));
    assert!(!failed.fees_paid.0.is_zero(), "what it cost is told");
    let reason = failed.reason.unwrap();
    assert!(reason.contains("the call reverts: UniswapV2: TRANSFER_FAILED"), "{reason}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_stuck_is_replaced_for_more_and_the_replacement_is_mined() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    desk.reaches(id, Status::Pending).await;
    desk.world.seconds_pass(601);
    desk.reaches(id, Status::Stuck).await;
    let replaced = desk.until(id, |info| info.attempts.len() == 2 && info.status == Status::Pending).await;
    let [old, new] = [&replaced.attempts[0], &replaced.attempts[1]];
    assert_eq!(old.nonce, new.nonce);
    for (old, new) in [(old.max_fee, new.max_fee), (old.priority_fee, new.priority_fee)] {
        assert!(new * 100 >= old * 150, "{old} → {new}");
    }
    let done = desk.mined_until(id, Status::Completed).await;
    let outcomes: Vec<_> = done.attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
    assert_eq!(outcomes, ["replaced", "mined"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_can_make_it_quicker_and_is_told_when_that_makes_no_sense() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    desk.reaches(id, Status::Pending).await;
    assert_eq!(desk.ask(id, "replace").await.status, StatusCode::ACCEPTED);
    desk.until(id, |info| info.attempts.len() == 2).await;
    desk.mined_until(id, Status::Completed).await;
    let late = desk.ask(id, "replace").await;
    let (kind, problem) = late.problem();
    assert_eq!(
        (kind, problem.detail.as_deref()),
        (ProblemKind::Conflict, Some("the transaction is completed already"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_wins_is_cancelled_and_costs_only_gas() {
    let mut desk = Desk::open().await;
    let [_, first, _] = desk.tokens();
    let before = desk.balance(&first).await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    desk.reaches(id, Status::Pending).await;
    assert_eq!(desk.ask(id, "cancel").await.status, StatusCode::ACCEPTED);
    desk.until(id, |info| info.attempts.len() == 2 && info.attempts[1].outcome == "accepted").await;
    let over = desk.mined_until(id, Status::Cancelled).await;
    assert_eq!(over.attempts.last().unwrap().kind, AttemptKind::Cancel);
    assert_eq!(over.attempts.last().unwrap().outcome, "mined");
    assert_eq!(desk.balance(&first).await, before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_that_loses_is_completed_because_that_is_what_was_mined() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    let provider = desk.exchange.provider().clone();
    let payload = provider.get_raw_transaction_by_hash(pending.attempts[0].hash).await.unwrap().unwrap();
    assert_eq!(desk.ask(id, "cancel").await.status, StatusCode::ACCEPTED);
    let raced = desk.until(id, |info| info.attempts.len() == 2 && info.attempts[1].outcome == "accepted").await;
    // Whoever made the block had the other one.
    provider.anvil_drop_transaction(raced.attempts[1].hash).await.unwrap();
    // The manager may have sent it again meanwhile; then the payload has to wait for the next race.
    let _ = provider.send_raw_transaction(&payload).await;
    desk.exchange.mine(1).await;
    let over = desk.until(id, |info| info.is_final).await;
    let mined = over.attempts.iter().find(|attempt| attempt.outcome == "mined").unwrap();
    // The verdict is that of the chain, whichever it is.
    let expected = if mined.kind == AttemptKind::Payload { Status::Completed } else { Status::Cancelled };
    assert_eq!(over.status, expected);
    let receipt = provider.get_transaction_receipt(mined.hash).await.unwrap().unwrap();
    assert!(receipt.status());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_pool_drops_is_sent_again_as_it_was() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    let hash = pending.attempts[0].hash;
    desk.exchange.provider().anvil_drop_transaction(hash).await.unwrap();
    let stuck = desk.reaches(id, Status::Stuck).await;
    assert!(stuck.reason.unwrap().contains("no longer holds it"));
    desk.told.clear();
    desk.reaches(id, Status::Pending).await;
    let done = desk.mined_until(id, Status::Completed).await;
    assert_eq!((done.attempts.len(), done.attempts[0].hash), (1, hash), "the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_that_somebody_else_takes_costs_nothing_but_a_retry() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    let nonce = Desk::nonce_of(&pending);
    // The same key, elsewhere, for more.
    let fee = pending.attempts[0].max_fee * 2;
    let foreign = TxEip1559 {
        chain_id: CHAIN.id(),
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: fee,
        max_priority_fee_per_gas: fee,
        to: TxKind::Call(desk.exchange.v2.trader),
        value: U256::from(1),
        ..Default::default()
    };
    let signature = desk.wallet.key.sign_hash_sync(&foreign.signature_hash()).unwrap();
    let foreign = TxEnvelope::from(foreign.into_signed(signature)).encoded_2718();
    let provider = desk.exchange.provider().clone();
    let _ = provider.send_raw_transaction(&foreign).await.unwrap();
    desk.exchange.mine(1).await;
    let again = desk.until(id, |info| info.attempts.len() == 2 && info.status == Status::Pending).await;
    assert_eq!((again.attempts[0].outcome.as_str(), again.attempts[1].nonce), ("replaced", nonce + 1));
    assert!(again.troubles.iter().any(|trouble| trouble.what.contains("which is not Foolscap's, took its nonce")));
    desk.mined_until(id, Status::Completed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_taken_back_takes_its_transactions_back_and_they_are_sent_again() {
    let mut desk = Desk::with(|live| live.depth = Some(3)).await;
    let id = desk.submit(&desk.usual()).await;
    let confirming = desk.reaches(id, Status::Confirming).await;
    desk.exchange.hold_blocks().await;
    let options = alloy::rpc::types::anvil::ReorgOptions { depth: 1, tx_block_pairs: vec![] };
    desk.exchange.provider().anvil_reorg(options).await.unwrap();
    desk.told.clear();
    let pending = desk.reaches(id, Status::Pending).await;
    assert_eq!(pending.attempts[0].hash, confirming.attempts[0].hash);
    desk.mined_until(id, Status::Confirming).await;
    desk.exchange.mine(2).await;
    let done = desk.reaches(id, Status::Completed).await;
    assert_eq!(done.attempts.len(), 1, "the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_out_when_the_server_ends_is_carried_on_by_the_next() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    // Meanwhile the pool loses it.
    desk.exchange.provider().anvil_drop_transaction(pending.attempts[0].hash).await.unwrap();
    desk.restart().await;
    let done = desk.mined_until(id, Status::Completed).await;
    assert_eq!((done.attempts.len(), done.attempts[0].hash), (1, pending.attempts[0].hash), "the same bytes");
}
