//! What the copy takes is told in the room, in order, once; and a snapshot is the fold.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use shared::{
    ledger::Ledger,
    money::{Price, Usd},
    token::TokenKey,
    wire::{Prices, room::PortfolioUpdate},
};

use super::*;

const WETH: &str = "1:0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

/// The types of the next frames in the room, with their sequence number where they have one.
async fn told(client: &mut Client, count: usize) -> Vec<(String, Option<u64>)> {
    let mut told = vec![];
    while told.len() < count {
        let frame = client.any().await;
        if frame["room"].is_string() {
            told.push((frame["type"].as_str().unwrap().to_owned(), frame["data"]["seq"].as_u64()));
        }
    }
    told
}

#[tokio::test]
async fn each_trade_is_told_with_its_positions_then_the_worth_and_after_a_sale_how_it_went() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    let (mut client, _) = enter(&world.server, &account, &account.token, None).await;
    owner(&world, &account).hands_in("desk", 0).await;
    let frame = client.hear("session_update").await;
    assert_eq!((&frame["data"]["device"], &frame["data"]["status"]), (&json!("desk"), &json!("writing")));
    assert_eq!(told(&mut client, 1).await, [("portfolio_update".into(), Some(1))]);
    account.trade();
    account.deposit();
    owner(&world, &account).hands_in("desk", 1).await;
    let frame = client.hear("trade_update").await;
    let line: Value = serde_json::from_str(&account.lines()[1]).unwrap();
    assert_eq!((&frame["data"]["seq"], &frame["data"]["trade"]), (&json!(2), &line["body"]));
    let hash = format!("0x{}", account.head_at(2).unwrap().hash);
    assert_eq!(frame["data"]["hash"], json!(hash));
    let position = client.hear("position_updated").await;
    assert_eq!(position["data"]["token"].as_str().unwrap().to_lowercase(), WETH.to_lowercase());
    let portfolio: PortfolioUpdate =
        serde_json::from_value(client.hear("portfolio_update").await["data"].take()).unwrap();
    assert_eq!((portfolio.seq, portfolio.cash, portfolio.positions), (Some(3), account.state().cash(), 1));
    assert_eq!((portfolio.equity, portfolio.deposits), (None, Usd::whole(1_000_000_001)), "nobody knows a price");
    // Until it sells something.
    let mut sales = 0;
    while sales == 0 {
        account.trade();
        let length = account.lines().len();
        owner(&world, &account).hands_in("desk", length - 1).await;
        client.hear("portfolio_update").await;
        sales = usize::from(account.lines()[length - 1].contains("\"sell\""));
    }
    let performance = client.hear("performance_update").await;
    assert_eq!(performance["data"]["sales"], 1);
    assert_eq!(performance["data"]["realised"], json!(account.state().realised()));
    // A device that gives the lease back, and another that takes it.
    owner(&world, &account).give_lease("desk").await;
    owner(&world, &account).take_lease("phone").await;
    for (device, status) in [("desk", "ended"), ("the phone", "writing")] {
        let frame = client.hear("session_update").await;
        assert_eq!((&frame["data"]["device"], &frame["data"]["status"]), (&json!(device), &json!(status)));
    }
}

#[tokio::test]
async fn a_long_append_tells_where_it_ends_and_what_is_there_already_is_not_told_again() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    account.trades(300);
    let (mut client, _) = enter(&world.server, &account, &account.token, None).await;
    for _ in 0..3 {
        owner(&world, &account).hands_in("desk", 0).await;
    }
    account.trade();
    owner(&world, &account).hands_in("desk", 250).await;
    let told: Vec<_> = told(&mut client, 4).await.into_iter().filter(|(kind, _)| kind != "session_update").collect();
    let expected = [("portfolio_update", Some(301)), ("performance_update", None), ("trade_update", Some(302))];
    assert_eq!(told, expected.map(|(kind, seq)| (kind.to_owned(), seq)));
}

#[tokio::test]
async fn a_snapshot_is_the_fold_at_the_prices_the_server_knows() {
    let world = World::start().await;
    let mut account = Account::open(1, 1);
    account.trades(80);
    owner(&world, &account).hands_in("desk", 0).await;
    let mine = owner(&world, &account);
    let blind = mine.snapshot().await;
    assert_eq!(
        (blind.portfolio.equity, blind.portfolio.unrealised, blind.performance.return_percent),
        (None, None, None)
    );
    let known: Prices = world.read(&format!("/api/v1/prices?tokens={WETH}")).await;
    let price: Price = known.prices[0].price;
    let shown = mine.snapshot().await;
    let state = account.state();
    let worth = state.valuation(&BTreeMap::from([(WETH.parse::<TokenKey>().unwrap(), price)])).unwrap();
    assert!(worth.equity.is_some());
    assert_eq!((shown.portfolio.equity, shown.portfolio.unrealised), (worth.equity, worth.unrealised));
    assert_eq!((shown.portfolio.cash, shown.portfolio.realised), (state.cash(), state.realised()));
    assert_eq!((shown.account, shown.market, shown.at), (account.id, state.market(), state.at()));
    let position = state.positions().next().unwrap();
    let told = &shown.positions[0];
    assert_eq!((shown.positions.len(), told.token, told.units), (1, position.token(), position.units()));
    assert_eq!((told.cost, told.realised, told.price), (position.cost(), position.realised(), Some(price)));
    // Sales and wins as whoever replays the journal counts them.
    let mut ledger: Option<Ledger> = None;
    let (mut sales, mut wins) = (0, 0);
    for line in account.lines() {
        let Some(ledger) = &mut ledger else {
            ledger = Some(Ledger::begin(line.as_bytes()).unwrap().0);
            continue;
        };
        let before = ledger.account().realised();
        let entry = ledger.accept(line.as_bytes()).unwrap();
        if entry.trade().is_some_and(|trade| trade.is_filled() && trade.order.sold().is_some()) {
            sales += 1;
            wins += u64::from(ledger.account().realised() > before);
        }
    }
    assert_eq!((shown.performance.sales, shown.performance.wins), (sales, wins));
    assert!(sales > 10 && wins > 0 && wins < sales);
    let percent = worth.return_ppm.map(|ppm| format!("{}", rust_decimal::Decimal::new(ppm, 4).normalize()));
    assert_eq!(shown.performance.return_percent.map(|percent| percent.to_string()), percent);
    assert!(shown.performance.max_drawdown_percent.is_some());
    let trades: Vec<_> = account.lines()[31..].iter().rev().cloned().collect();
    assert_eq!(shown.trades, trades);
    // An expired price is none.
    world.upstream().fault(tests::coingecko::Endpoint::Any, tests::coingecko::Fault::Hang);
    world.seconds_pass(241);
    assert_eq!(mine.snapshot().await.portfolio.equity, None);
}

/// A device writes without a pause while a reader is cut off again and again. What it missed and cannot have any
/// more is in the snapshot.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_cut_off_has_each_trade_once_and_in_order_or_a_snapshot_that_is_right() {
    let appends = tests::seed::cases(1_000, 10_000);
    // A room that remembers little, so that some come too late.
    let world = Arc::new(World::with(|config, _| config.rooms.messages = 24).await);
    let account = Account::open(1, 1);
    owner(&world, &account).hands_in("desk", 0).await;
    // What there was in cash after each entry.
    let cash = Arc::new(Mutex::new(BTreeMap::from([(1, account.state().cash())])));
    let writer = {
        let (world, mut account, cash) = (world.clone(), account.clone(), cash.clone());
        tokio::spawn(async move {
            for _ in 0..appends {
                account.trade();
                let seq = account.lines().len();
                cash.lock().unwrap().insert(seq as u64, account.state().cash());
                owner(&world, &account).hands_in("desk", seq - 1).await;
            }
            account
        })
    };
    let mut draws = tests::seed::Replayable::from_env();
    let (mut cuts, mut snapshots) = (0_u32, 0_u32);
    let mut last = 0;
    let mut place: Option<(String, u64)> = None;
    let end = appends + 1;
    while last < end {
        let from = place.as_ref().map(|(epoch, offset)| (epoch.as_str(), *offset));
        let (mut client, joined) = enter(&world.server, &account, &account.token, from).await;
        cuts += 1;
        if joined["data"]["recovered"] == false {
            let shown = owner(&world, &account).snapshot().await;
            snapshots += 1;
            assert!(shown.head.seq >= last);
            assert_eq!(shown.portfolio.cash, cash.lock().unwrap()[&shown.head.seq], "at {}", shown.head.seq);
            last = shown.head.seq;
            place = Some((shown.room.epoch, shown.room.offset));
            // From the place that the snapshot names: what comes after it may be in it already.
            continue;
        }
        for _ in 0..draws.below(120) {
            if last == end {
                break;
            }
            let Ok(frame) = client.frame_or_end().await else { break };
            let Some(offset) = frame["offset"].as_u64() else { continue };
            place = Some((frame["epoch"].as_str().unwrap().to_owned(), offset));
            if frame["type"] == "trade_update" {
                let seq = frame["data"]["seq"].as_u64().unwrap();
                assert!(seq <= last + 1, "{seq} came after {last}");
                last = last.max(seq);
            }
        }
        for _ in 0..draws.below(400) {
            tokio::task::yield_now().await;
        }
    }
    let account = writer.await.unwrap();
    println!("{appends} appends, {cuts} joins, {snapshots} of them by a snapshot");
    assert_eq!(owner(&world, &account).snapshot().await.head, account.head());
}
