//! Many at once.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use shared::transaction::Status;
use shared::wire::ProblemKind;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::{CHAIN, whole};

use super::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_at_once_on_one_key_take_every_nonce_once_and_leave_none_out() {
    let mut desk = Desk::open().await;
    let swap = desk.usual();
    let ids = join_all((0..64).map(|_| desk.submit(&swap))).await;
    let mut nonces = BTreeSet::new();
    for id in ids {
        let done = desk.reaches(id, Status::Completed).await;
        let mined = done.attempts.iter().find(|attempt| attempt.outcome == "mined").unwrap();
        assert!(nonces.insert(mined.nonce), "nonce {} twice", mined.nonce);
    }
    assert_eq!(nonces, (0..64).collect(), "contiguous");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_times_the_same_key_is_one_transaction() {
    let mut desk = Desk::open().await;
    let swap = desk.usual();
    let replies = join_all((0..1_000).map(|_| desk.post("/api/v1/transactions", Some("one"), &swap))).await;
    let ids: BTreeSet<_> = replies
        .iter()
        .map(|reply| {
            assert_eq!(reply.status, StatusCode::ACCEPTED, "{}", reply.body);
            serde_json::from_str::<TransactionInfo>(&reply.body).unwrap().id
        })
        .collect();
    assert_eq!(ids.len(), 1);
    let id = *ids.first().unwrap();
    desk.reaches(id, Status::Completed).await;
    let [_, first, _] = desk.tokens();
    assert!(desk.balance(&first).await < whole(1_001), "it was bought once");
    // The same key for something else, and after the end.
    let mut other = swap.clone();
    other["exact"] = json!({"sell": "1"});
    let refused = desk.post("/api/v1/transactions", Some("one"), &other).await;
    assert_eq!(refused.problem().0, ProblemKind::Conflict);
    desk.restart().await;
    let again = desk.post("/api/v1/transactions", Some("one"), &swap).await;
    assert_eq!(serde_json::from_str::<TransactionInfo>(&again.body).unwrap().id, id, "for ever");
    assert_eq!(CHAIN.id(), 11_155_111);
}
