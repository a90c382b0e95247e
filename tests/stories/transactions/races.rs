//! Two at one nonce: whichever the chain takes is the verdict, and nobody's wish.

use alloy::providers::{Provider as _, ext::AnvilApi as _};
use reqwest::StatusCode;
use shared::ids::TransactionId;
use shared::market::draws::Draws;
use shared::transaction::{AttemptKind, Status};
use shared::wire::transactions::TransactionInfo;

use super::Desk;

impl Desk {
    /// Makes blocks until a request has ended.
    async fn mined_to_the_end(&self, id: TransactionId) -> TransactionInfo {
        loop {
            let info = self.info(id).await;
            if info.is_final {
                return info;
            }
            self.exchange.mine(1).await;
        }
    }

    /// The one attempt that the chain has a receipt of, by the chain's own word.
    async fn taken(&self, info: &TransactionInfo) -> usize {
        let mut taken = vec![];
        for (at, attempt) in info.attempts.iter().enumerate() {
            let receipt = self.exchange.provider().get_transaction_receipt(attempt.hash).await.unwrap();
            taken.extend(receipt.filter(|receipt| receipt.status()).map(|_| at));
        }
        assert_eq!(taken.len(), 1, "of all at one nonce one was taken: {info:?}");
        taken[0]
    }
}

/// `FOOLSCAP_CASES` sets how many (12 unless told, 500 at most).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_a_cancel_races_a_block_the_verdict_is_the_chains() {
    let races = tests::seed::cases(12, 500);
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let mut draws = Draws::new(races, *b"racing!!");
    let mut cancelled = 0;
    for _ in 0..races {
        let id = desk.submit(&desk.usual()).await;
        desk.reaches(id, Status::Pending).await;
        let head_start = draws.below(3_000);
        let block = async {
            // A race has no better start than a moment that nobody chose.
            for _ in 0..head_start {
                tokio::task::yield_now().await;
            }
            desk.exchange.mine(1).await;
        };
        let (asked, ()) = tokio::join!(desk.ask(id, "cancel"), block);
        assert!([StatusCode::ACCEPTED, StatusCode::CONFLICT].contains(&asked.status), "{}", asked.body);
        let over = desk.mined_to_the_end(id).await;
        let taken = &over.attempts[desk.taken(&over).await];
        let expected = match taken.kind {
            AttemptKind::Payload => Status::Completed,
            AttemptKind::Cancel => Status::Cancelled,
        };
        assert_eq!((over.status, taken.outcome.as_str()), (expected, "mined"), "{over:?}");
        cancelled += u64::from(expected == Status::Cancelled);
        desk.told.clear();
    }
    println!("{races} races, {cancelled} won by the cancel");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_replaced_and_is_mined_after_all_is_done_once() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let id = desk.submit(&desk.usual()).await;
    let pending = desk.reaches(id, Status::Pending).await;
    let provider = desk.exchange.provider().clone();
    let original = provider.get_raw_transaction_by_hash(pending.attempts[0].hash).await.unwrap().unwrap();
    desk.world.seconds_pass(601);
    let replaced = desk.until(id, |info| info.attempts.len() == 2 && info.attempts[1].outcome == "accepted").await;
    // Whoever makes the block never saw the replacement.
    loop {
        provider.anvil_drop_transaction(replaced.attempts[1].hash).await.unwrap();
        // The manager may have sent the dearer one again meanwhile; then the pool keeps that.
        if provider.send_raw_transaction(&original).await.is_ok() {
            break;
        }
    }
    desk.exchange.mine(1).await;
    let over = desk.mined_to_the_end(id).await;
    assert_eq!(over.status, Status::Completed);
    let taken = desk.taken(&over).await;
    let outcomes: Vec<_> = over.attempts.iter().map(|attempt| attempt.outcome.as_str()).collect();
    assert_eq!(outcomes[taken], "mined");
    assert!(outcomes.iter().enumerate().all(|(at, outcome)| at == taken || *outcome == "replaced"), "{outcomes:?}");
}
