//! The same swaps on paper: beside each real one, and in place of it.

use alloy::network::TransactionBuilder as _;
use alloy::primitives::{Address, U256};
use alloy::providers::Provider as _;
use serde_json::json;
use shared::transaction::Status;
use shared::wire::ProblemKind;
use shared::wire::transactions::{Asset, LivePortfolio, TransactionMetrics};
use tests::exchange::{CHAIN, whole};

use super::{Desk, enter};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_swap_has_its_paper_twin_and_the_portfolio_is_the_chains_to_the_base_unit() {
    let mut desk = Desk::open().await;
    let [weth, first, second] = desk.tokens();
    let started = whole(1_000);
    let swaps = [
        ("native", first.as_str(), "sell", "uniswap_v2"),
        (&first, "native", "buy", "uniswap_v2"),
        (&weth, &second, "sell", "uniswap_v2"),
        ("native", &first, "buy", "uniswap_v3"),
        (&first, &second, "sell", "uniswap_v3"),
    ];
    for (sell, buy, exact, venue) in swaps {
        let mut swap = json!({
            "chain": CHAIN.id(), "sell": sell, "buy": buy, "exact": {exact: whole(2).to_string()}, "venue": venue,
            "max_slippage_bps": 100,
        });
        if sell == weth {
            swap["via"] = json!([first]);
        }
        let id = desk.submit(&swap).await;
        let done = desk.reaches(id, Status::Completed).await;
        let (real, twin) = (done.fill.unwrap(), done.paper_twin.expect("it has a twin"));
        let block = done.attempts.iter().find_map(|attempt| attempt.block).unwrap();
        assert_eq!(twin.block, block - 1);
        if venue == "uniswap_v2" {
            // Nobody traded between: the simulator gives what the pools gave.
            assert_eq!((&twin.fill, twin.difference_ppm), (&real, 0), "{sell} → {buy}");
        } else {
            assert!(twin.difference_ppm.abs() <= 1, "{sell} → {buy}: {real:?}, on paper {:?}", twin.fill);
        }
    }
    let metrics: TransactionMetrics = desk.get("/api/v1/transactions/metrics").await.good();
    let spread = metrics.against_paper.expect("there are twins");
    assert_eq!((spread.count, spread.p50_ppm), (5, 0));

    let portfolio: LivePortfolio = desk.get("/api/v1/transactions/portfolio").await.good();
    for asset in &portfolio.assets {
        let name = match asset.asset {
            Asset::Native => "native".to_owned(),
            Asset::Token(token) => token.to_string(),
        };
        let expected = started + asset.bought.0 - asset.sold.0 - asset.fees.0;
        assert_eq!(desk.balance(&name).await, expected, "{name}");
        assert_eq!((asset.wallet, asset.chain), (desk.wallet.address, CHAIN));
    }
    assert_eq!(portfolio.assets.len(), 4, "native and three tokens");
    desk.restart().await;
    let again: LivePortfolio = desk.get("/api/v1/transactions/portfolio").await.good();
    assert_eq!(again, portfolio, "nothing is entered twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_trades_before_it_in_its_block_is_what_sets_it_apart_from_its_twin() {
    let mut desk = Desk::open().await;
    desk.exchange.hold_blocks().await;
    let mut swap = desk.usual();
    swap["venue"] = json!("uniswap_v2");
    let id = desk.submit(&swap).await;
    desk.reaches(id, Status::Pending).await;
    let [weth, token, _] = desk.exchange.tokens();
    let v2 = &desk.exchange.v2;
    let before = v2.router.swapExactETHForTokens(U256::ZERO, vec![weth, token], v2.trader, U256::from(u32::MAX));
    let fee = 900_000_000_000;
    let before = before
        .value(whole(100))
        .into_transaction_request()
        .with_from(v2.trader)
        .with_gas_limit(500_000)
        .with_max_fee_per_gas(fee)
        .with_max_priority_fee_per_gas(fee);
    let hash = *v2.provider.send_transaction(before).await.unwrap().tx_hash();
    desk.exchange.holds(hash).await;
    desk.exchange.mine(1).await;
    let done = desk.reaches(id, Status::Completed).await;
    let (real, twin) = (done.fill.unwrap(), done.paper_twin.unwrap());
    assert_eq!(real.sold, twin.fill.sold);
    // 100 of 100,000 on each side: the price is worse by about 0.2 %.
    assert!((-2_100..=-1_900).contains(&twin.difference_ppm), "{real:?}, on paper {twin:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_paper_it_goes_every_way_but_the_last_with_nobody_holding_the_key() {
    let nobody = Address::repeat_byte(0xcc);
    let mut desk = Desk::with(|live| live.watched = Some(nobody)).await;
    desk.room = enter(&desk.world.server, nobody).await;
    let head = desk.exchange.provider().get_block_number().await.unwrap();
    let [_, first, second] = desk.tokens();
    let mut swap = desk.usual();
    let refused = desk.post("/api/v1/transactions", None, &swap).await;
    assert_eq!(refused.problem().0, ProblemKind::SigningOff);
    swap["paper"] = json!(true);
    swap["venue"] = json!("uniswap_v2");
    let id = desk.submit(&swap).await;
    let done = desk.reaches(id, Status::Completed).await;
    let states: Vec<_> = done.history.iter().map(|step| step.status).collect();
    assert_eq!(states, [Status::Preparing, Status::GasOptimizing, Status::ReadyToSubmit, Status::Completed]);
    let (plan, fill) = (done.plan.unwrap(), done.fill.unwrap());
    assert_eq!((fill.sold.0, fill.bought), (whole(1), plan.expected), "as the router's own quote");
    assert!(done.attempts.is_empty() && done.fees_paid.is_zero());
    // Of a token that it does not hold, and by V3.
    let swap = json!({
        "chain": CHAIN.id(), "sell": first, "buy": second, "exact": {"buy": whole(3).to_string()}, "paper": true,
        "venue": "uniswap_v3",
    });
    let id = desk.submit(&swap).await;
    let done = desk.reaches(id, Status::Completed).await;
    assert_eq!(done.fill.unwrap().bought.0, whole(3));
    assert_eq!(desk.exchange.provider().get_block_number().await.unwrap(), head, "nothing was sent");
    let portfolio: LivePortfolio = desk.get("/api/v1/transactions/portfolio").await.good();
    let metrics: TransactionMetrics = desk.get("/api/v1/transactions/metrics").await.good();
    assert!(portfolio.assets.is_empty() && metrics.requests == 0, "paper is kept apart");
}
