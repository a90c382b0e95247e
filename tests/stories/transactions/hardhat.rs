//! The same on Hardhat, whose pool is as strict as those of real networks: what takes another's place offers a tenth
//! more on both fees, rounded up, and what is underpriced is kept.

use alloy::{
    consensus::{SignableTransaction as _, TxEip1559, TxEnvelope},
    eips::eip2718::Encodable2718 as _,
    primitives::TxKind,
    providers::Provider as _,
    signers::SignerSync as _,
};
use reqwest::StatusCode;
use serde_json::json;
use shared::transaction::{AttemptKind, Status};
use shared::wire::transactions::LivePortfolio;
use tests::exchange::{CHAIN, whole};

use super::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn swaps_replacements_and_cancels_pass_a_strict_pool() {
    let mut desk = Desk::on_hardhat().await;
    let [weth, first, second] = desk.tokens();
    for (sell, buy, exact, venue) in [
        ("native", first.as_str(), "sell", "uniswap_v2"),
        (&first, "native", "buy", "uniswap_v2"),
        ("native", &first, "buy", "uniswap_v3"),
        (&first, &second, "sell", "uniswap_v3"),
    ] {
        let swap = json!({
            "chain": CHAIN.id(), "sell": sell, "buy": buy, "exact": {exact: whole(2).to_string()}, "venue": venue,
            "max_slippage_bps": 100,
        });
        let id = desk.submit(&swap).await;
        let done = desk.reaches(id, Status::Completed).await;
        assert!(done.paper_twin.unwrap().difference_ppm.abs() <= 1, "{sell} → {buy}");
    }
    let mut swap = desk.usual();
    swap["sell"] = json!(second);
    swap["buy"] = json!(weth);
    swap["via"] = json!([second]);
    let reverts = desk.submit(&swap).await;
    let failed = desk.until(reverts, |info| info.is_final).await;
    assert!(failed.reason.is_some() && failed.attempts.is_empty());

    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    desk.reaches(id, Status::Pending).await;
    // The least that a pool takes, again and again: each passes by exactly a tenth.
    for attempts in 2..=4 {
        let body = json!({"gas_percent": 110});
        let asked = desk.post(&format!("/api/v1/transactions/{id}/replace"), None, &body).await;
        assert_eq!(asked.status, StatusCode::ACCEPTED, "{}", asked.body);
        let replaced = |info: &shared::wire::transactions::TransactionInfo| {
            info.attempts.len() == attempts && info.attempts[attempts - 1].outcome == "accepted"
        };
        desk.until(id, replaced).await;
    }
    let done = desk.mined_until(id, Status::Completed).await;
    let outcomes: Vec<_> = done.attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
    assert_eq!(outcomes, ["replaced", "replaced", "replaced", "mined"]);

    let id = desk.submit(&desk.usual()).await;
    desk.reaches(id, Status::Pending).await;
    assert_eq!(desk.ask(id, "cancel").await.status, StatusCode::ACCEPTED);
    desk.until(id, |info| info.attempts.len() == 2 && info.attempts[1].outcome == "accepted").await;
    let over = desk.mined_until(id, Status::Cancelled).await;
    assert_eq!(over.attempts[1].kind, AttemptKind::Cancel);

    let portfolio: LivePortfolio = desk.get("/api/v1/transactions/portfolio").await.good();
    for asset in &portfolio.assets {
        let name = asset.asset.to_string();
        assert_eq!(desk.balance(&name).await, whole(1_000) + asset.bought.0 - asset.sold.0 - asset.fees.0, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_pool_finds_underpriced_is_escalated_until_it_takes_the_place() {
    let mut desk = Desk::on_hardhat().await;
    desk.exchange.hold_blocks().await;
    // Somebody with the same key holds the next nonce for a little more than our first offer, behind our back: the
    // pool's count is the last block's as long as the server asks for it.
    let probe = desk.submit(&desk.usual()).await;
    let offered = desk.reaches(probe, Status::Pending).await.attempts[0].clone();
    let foreign = TxEip1559 {
        chain_id: CHAIN.id(),
        nonce: offered.nonce,
        gas_limit: 21_000,
        max_fee_per_gas: offered.max_fee * 12 / 10,
        max_priority_fee_per_gas: offered.priority_fee * 12 / 10 + 1,
        to: TxKind::Call(desk.exchange.v2.trader),
        ..Default::default()
    };
    let signature = desk.wallet.key.sign_hash_sync(&foreign.signature_hash()).unwrap();
    let bytes = TxEnvelope::from(foreign.into_signed(signature)).encoded_2718();
    let _ = desk.exchange.provider().send_raw_transaction(&bytes).await.unwrap();
    // Ours is out of the pool by that; sent again it is underpriced, and offers more until it is taken.
    let escalated =
        desk.until(probe, |info| info.attempts.len() >= 2 && info.attempts.last().unwrap().outcome == "accepted");
    let escalated = escalated.await;
    for pair in escalated.attempts.windows(2) {
        assert!(pair[1].max_fee * 100 >= pair[0].max_fee * 115, "{pair:?}");
        assert!(pair[1].priority_fee * 100 >= pair[0].priority_fee * 115, "{pair:?}");
    }
    let done = desk.mined_until(probe, Status::Completed).await;
    assert_eq!(done.attempts.last().unwrap().outcome, "mined");
}
