//! Swaps of every kind, to the base unit.

use alloy::primitives::U256;
use serde_json::json;
use shared::transaction::Status;
use shared::wire::transactions::{TransactionMetrics, Transactions, Venue};
use tests::exchange::{CHAIN, whole};

use super::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_swap_is_done_on_both_venues_and_booked_as_the_chain_has_it() {
    let mut desk = Desk::open().await;
    let [weth, first, second] = desk.tokens();
    let kinds = [
        ("native", first.as_str(), "sell"),
        ("native", &first, "buy"),
        (&first, "native", "sell"),
        (&first, "native", "buy"),
        (&first, &second, "sell"),
        (&first, &second, "buy"),
        // Through the first token.
        (&weth, &second, "sell"),
        ("native", &second, "buy"),
    ];
    let mut done = 0;
    for venue in ["uniswap_v2", "uniswap_v3"] {
        for (sell, buy, exact) in kinds {
            let mut swap = json!({
                "chain": CHAIN.id(), "sell": sell, "buy": buy, "exact": {exact: whole(2).to_string()},
                "venue": venue, "max_slippage_bps": 100,
            });
            if buy == second && sell != first {
                swap["via"] = json!([first]);
            }
            let before = [desk.balance(sell).await, desk.balance(buy).await];
            let id = desk.submit(&swap).await;
            let info = desk.reaches(id, Status::Completed).await;
            let after = [desk.balance(sell).await, desk.balance(buy).await];
            let (plan, fill) = (info.plan.clone().expect("it was planned"), info.fill.clone().expect("it was booked"));
            assert_eq!(plan.venue, if venue == "uniswap_v2" { Venue::UniswapV2 } else { Venue::UniswapV3 });
            // What was paid for the approval too, where it took one.
            let mut gas = info.fees_paid.0;
            for other in desk.told.values().filter_map(|told| told.last()) {
                if let shared::wire::transactions::Purpose::Approval { swap, .. } = &other.purpose
                    && *swap == id
                {
                    gas += other.fees_paid.0;
                }
            }
            let native = |asset: &str| if asset == "native" { gas } else { U256::ZERO };
            assert_eq!(before[0] - after[0], fill.sold.0 + native(sell), "{venue} {sell} → {buy} by {exact}: sold");
            assert_eq!(after[1] + native(buy) - before[1], fill.bought.0, "{venue} {sell} → {buy} by {exact}: bought");
            match exact {
                "sell" => assert!(fill.sold.0 == whole(2) && fill.bought >= plan.limit),
                _ => assert!(fill.bought.0 == whole(2) && fill.sold <= plan.limit),
            }
            let other = if exact == "sell" { fill.bought } else { fill.sold };
            assert_eq!(other, plan.expected, "nobody else trades here");
            done += 1;
        }
    }
    let metrics: TransactionMetrics = desk.get("/api/v1/transactions/metrics").await.good();
    assert_eq!((metrics.requests, metrics.completed, metrics.success_ppm), (done, done, Some(1_000_000)));
    let page: Transactions = desk.get("/api/v1/transactions?status=completed&limit=5").await.good();
    assert_eq!(page.transactions.len(), 5);
    let rest = format!("/api/v1/transactions?status=completed&limit=200&before={}", page.next.unwrap());
    let rest: Transactions = desk.get(&rest).await.good();
    assert!(rest.next.is_none() && rest.transactions.len() as u64 > done - 5, "approvals are there too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_venue_the_better_one_is_taken_and_approvals_are_exact() {
    let mut desk = Desk::open().await;
    let [_, first, second] = desk.tokens();
    // V3's tier of 0.05 % is cheaper here than V2's 0.3 %.
    let swap = json!({
        "chain": CHAIN.id(), "sell": first, "buy": second, "exact": {"sell": whole(3).to_string()},
    });
    let id = desk.submit(&swap).await;
    let info = desk.reaches(id, Status::Completed).await;
    let plan = info.plan.unwrap();
    assert_eq!((plan.venue, plan.fees), (Venue::UniswapV3, vec![500]));
    assert_eq!(plan.router, desk.exchange.v3.router);
    let token = tests::uniswap::abi::Token::new(first.parse().unwrap(), desk.exchange.provider());
    let left = token.allowance(desk.wallet.address, plan.router).call().await.unwrap();
    assert_eq!(left, U256::ZERO, "it was let take what it took");
}
