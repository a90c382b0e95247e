//! A network that lies: whatever it does, a request is done once or not at all, and the chain says which.

use alloy::providers::Provider as _;
use serde_json::{Value, json};
use shared::transaction::Status;
use shared::wire::transactions::TransactionInfo;
use tests::exchange::whole;
use tests::fault_proxy::{Fault, FaultProxy};

use super::Desk;

impl Desk {
    /// How many transactions of the wallet are on the chain that carry this request's payload, by the id behind it.
    /// No word of the manager's is taken for it.
    async fn on_chain(&self, info: &TransactionInfo) -> usize {
        let id: String = info.id.to_string().replace('-', "");
        let provider = self.exchange.provider();
        let head = provider.get_block_number().await.unwrap();
        let mut found = 0;
        for number in 0..=head {
            let block: Value =
                provider.raw_request("eth_getBlockByNumber".into(), (format!("{number:#x}"), true)).await.unwrap();
            let sent = block["transactions"].as_array().cloned().unwrap_or_default();
            found +=
                sent.iter().filter(|sent| sent["input"].as_str().is_some_and(|input| input.ends_with(&id))).count();
        }
        found
    }

    async fn done_once(&mut self, id: shared::ids::TransactionId) {
        let done = self.reaches(id, Status::Completed).await;
        assert_eq!(self.on_chain(&done).await, 1, "{done:?}");
    }
}

/// A desk behind a proxy, and a second URL straight to the node where a story wants one.
async fn behind(second: bool) -> (Desk, FaultProxy) {
    behind_one(second, |_| {}).await
}

/// The same, where something goes wrong from the beginning.
async fn behind_one(second: bool, first: impl FnOnce(&FaultProxy)) -> (Desk, FaultProxy) {
    let mut proxy = None;
    let desk = Desk::through(async |node| {
        let between = FaultProxy::before(node).await;
        first(&between);
        let straight = second.then(|| node.to_owned());
        let urls = std::iter::once(between.url.clone()).chain(straight).collect();
        proxy = Some(between);
        urls
    });
    let desk = desk.await;
    (desk, proxy.expect("it was started"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_lost_after_acceptance_doubles_nothing() {
    let (mut desk, proxy) = behind(false).await;
    proxy.break_next("eth_sendRawTransaction", Fault::LostReply, 1);
    let id = desk.submit(&desk.usual()).await;
    desk.done_once(id).await;
    // And where the pool holds it and says so in every client's words.
    for words in ["already known", "transaction already imported", "Known transaction: 0x1", "AlreadyKnown"] {
        proxy.break_next("eth_sendRawTransaction", Fault::LostReply, 1);
        proxy.break_next("eth_sendRawTransaction", Fault::Refusal(-32603, words), 1);
        let id = desk.submit(&desk.usual()).await;
        desk.done_once(id).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts_that_do_not_show_make_it_unknown_and_nothing_is_signed_again() {
    let (mut desk, proxy) = behind(false).await;
    // Neither receipts nor blocks show it: the nonce is used up, and nobody knows by what.
    proxy.break_next("eth_getTransactionReceipt", Fault::Null, u64::MAX);
    proxy.break_next("eth_sendRawTransaction", Fault::LostReply, 1);
    let id = desk.submit(&desk.usual()).await;
    let stuck = desk.reaches(id, Status::Stuck).await;
    assert!(stuck.reason.unwrap().contains("not known by what"));
    desk.world.seconds_pass(30);
    let seen = proxy.calls("eth_getTransactionReceipt");
    while proxy.calls("eth_getTransactionReceipt") < seen + 5 {
        tokio::task::yield_now().await;
    }
    let still = desk.info(id).await;
    assert_eq!((still.status, still.attempts.len()), (Status::Stuck, 1), "no second signature");
    proxy.mend();
    desk.done_once(id).await;
    let next = desk.submit(&desk.usual()).await;
    desk.done_once(next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_throttles_fails_or_garbles_is_asked_again_or_another_is() {
    for (second, faults) in [
        (false, vec![Fault::Status(502), Fault::Truncated, Fault::LostCall]),
        (true, vec![Fault::Status(429), Fault::Status(503), Fault::Truncated, Fault::LostCall]),
    ] {
        let (mut desk, proxy) = behind(second).await;
        for fault in faults {
            proxy.break_next("*", fault.clone(), 2);
            let id = desk.submit(&desk.usual()).await;
            desk.done_once(id).await;
            proxy.mend();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_another_chain_or_one_that_is_gone_is_set_aside_for_the_next() {
    let stranger = |proxy: &FaultProxy| proxy.break_next("eth_chainId", Fault::Result(json!("0x1")), u64::MAX);
    let (mut desk, proxy) = behind_one(true, stranger).await;
    let id = desk.submit(&desk.usual()).await;
    desk.done_once(id).await;
    assert_eq!(proxy.calls("eth_sendRawTransaction"), 0, "nothing is handed to a stranger");
    drop(proxy);
    let id = desk.submit(&desk.usual()).await;
    desk.done_once(id).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_nonce_error_that_is_told_as_an_internal_one_moves_no_payload() {
    let (mut desk, proxy) = behind(false).await;
    proxy.break_next(
        "eth_sendRawTransaction",
        Fault::Refusal(-32603, "Nonce too low. Expected nonce to be 7 but got 0."),
        1,
    );
    let id = desk.submit(&desk.usual()).await;
    desk.done_once(id).await;
    let done = desk.info(id).await;
    assert_eq!(done.attempts.len(), 1, "the same bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_swap_takes_few_requests() {
    let (mut desk, proxy) = behind(false).await;
    let first = desk.submit(&desk.usual()).await;
    desk.done_once(first).await;
    let swap = desk.usual();
    let (before, sent) = (proxy.posts(), proxy.calls("eth_sendRawTransaction"));
    let id = desk.submit(&swap).await;
    desk.reaches(id, Status::Pending).await;
    println!("{} requests to Pending, sweeps while it was out included", proxy.posts() - before);
    assert_eq!(proxy.calls("eth_sendRawTransaction") - sent, 1);
    desk.done_once(id).await;
    assert!(desk.balance("native").await < whole(1_000));
}
