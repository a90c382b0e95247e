//! The simulator's rules: what is refused and why, what a fill is made of, and what chance may do.

use shared::chain::Chain;
use shared::ids::{AccountSecret, TradeId};
use shared::ledger::{Account, Event, Opened, Settings};
use shared::market::demo::DemoMarket;
use shared::market::{GasFacts, Market, MarketKind, PoolFacts, v2};
use shared::money::{Units, Usd};
use shared::quote::{Quote, Source};
use shared::simulator::{execute, preview};
use shared::time::Timestamp;
use shared::token::{TokenKey, TokenTable};
use shared::trade::{
    AcceptPriceAge, Amount, Depth, Failure, GasSource, Order, Outcome, Ppm, Rejection, Seed, Size, Trade, TradeRequest,
};

const AT: Timestamp = Timestamp::from_secs(1_795_000_000);

fn token(chain: Chain, symbol: &str) -> TokenKey {
    TokenTable::builtin().by_symbol(chain, symbol).expect("a built-in token").key
}

fn weth() -> TokenKey {
    token(Chain::Ethereum, "WETH")
}

fn link() -> TokenKey {
    token(Chain::Ethereum, "LINK")
}

fn usd(text: &str) -> Usd {
    text.parse().expect("dollars")
}

fn quote(price: &str) -> Quote {
    Quote { price: price.parse().expect("a price"), as_of: AT, source: Source::Coingecko, upstream_at: None }
}

fn market() -> Market {
    let pool = |liquidity: &str| PoolFacts {
        reserve: None,
        liquidity: Some(usd(liquidity)),
        fee: Some(Ppm::from_bps(30)),
        dex: None,
        volume_24h: None,
        sigma_day: Some(40_000_000),
        as_of: AT,
        source: Source::Coingecko,
    };
    Market {
        quotes: [(weth(), quote("2000")), (link(), quote("10")), (token(Chain::Base, "WETH"), quote("2000"))].into(),
        natives: Chain::ALL.into_iter().map(|chain| (chain, quote("2000"))).collect(),
        pools: [(weth(), pool("4000000")), (link(), pool("1000000"))].into(),
        gas: [(
            Chain::Ethereum,
            GasFacts { base_fee: 10_000_000_000, priority_fee: 0, l1_fee: 0, source: GasSource::Rpc, as_of: AT },
        )]
        .into(),
        ..Market::empty(MarketKind::Real)
    }
}

fn account_with(deposit: &str, settings: Settings, kind: MarketKind) -> Account {
    let opened = Opened {
        account: AccountSecret::new([1; 32]).owner_token().account_id(),
        market: kind,
        name: "Test".into(),
        deposit: usd(deposit),
        settings,
    };
    Account::open(&opened, AT).expect("an account")
}

fn sure() -> Settings {
    Settings { failure_rate: Ppm::default(), ..Settings::default() }
}

fn account() -> Account {
    account_with("10000", sure(), MarketKind::Real)
}

fn request(order: Order) -> TradeRequest {
    TradeRequest {
        id: TradeId::new(AT, [9; 10]),
        order,
        tolerance: Ppm::from_bps(50),
        accept_price_age: AcceptPriceAge::No,
        max_impact: None,
    }
}

fn buy(token: TokenKey, size: Size) -> TradeRequest {
    request(Order::Buy { token, size })
}

fn sell(token: TokenKey, size: Size) -> TradeRequest {
    request(Order::Sell { token, size })
}

fn whole(text: &str) -> Size {
    Size::Token(text.parse().expect("a quantity"))
}

/// An account that holds 2 WETH, bought for $4,000 without a pool's help.
fn holder(settings: Settings) -> Account {
    let mut account = account_with("10000", settings, MarketKind::Real);
    let mut trade = execute(&account, &buy(weth(), Size::Usd(usd("4000"))), &market(), AT, Seed(1)).expect("a trade");
    trade.outcome = Outcome::Filled;
    trade.received = Amount::Units(Units::parse("2", 18).expect("units"));
    trade.paid = Amount::Usd(usd("4000"));
    trade.value = usd("4000");
    trade.id = TradeId::new(AT, [0; 10]);
    account.apply(&Event::Traded(trade), AT).expect("a booking");
    account
}

#[test]
fn a_buy_is_the_pools_exact_integer_less_slippage_and_every_cost_is_named() {
    let request = buy(weth(), Size::Usd(usd("1000")));
    let trade = execute(&account(), &request, &market(), AT, Seed(7)).expect("a fill");
    let (dollars, tokens) = (usd("2000000").magnitude(), Units::parse("1000", 18).expect("units").0);
    let exact = v2::amount_out(usd("1000").magnitude(), dollars, tokens, Ppm::from_bps(30)).expect("an amount");
    assert_eq!(trade.quoted, Amount::Units(Units(exact)));
    assert_eq!(trade.outcome, Outcome::Filled);
    assert_eq!(trade.costs.lp_fee, usd("3"));
    // 107,000 gas at 10 gwei and $2,000.
    assert_eq!((trade.gas.usd, trade.gas.source), (usd("2.14"), GasSource::Rpc));
    // Paid = value of what came in + fee + impact + slippage, exactly.
    let leg = trade.bought.expect("a leg");
    let value = leg.price.value(trade.received.units(), 18, shared::money::Rounding::Down).expect("a value");
    let sum = [trade.costs.lp_fee, trade.costs.impact, trade.costs.slippage]
        .into_iter()
        .try_fold(value, Usd::plus)
        .expect("a sum");
    assert_eq!(sum, usd("1000"));
    assert_eq!(leg.depth, Depth::Liquidity(usd("4000000")));
}

#[test]
fn the_minimum_received_is_the_quote_less_the_tolerance_rounded_down() {
    let trade = execute(&account(), &buy(weth(), Size::Usd(usd("1000"))), &market(), AT, Seed(7)).expect("a fill");
    let quoted = trade.quoted.units().0;
    let expected = quoted * alloy_primitives::U256::from(995_000u32) / alloy_primitives::U256::from(1_000_000u32);
    assert_eq!(trade.minimum, Amount::Units(Units(expected)));
}

#[test]
fn a_preview_draws_nothing_and_its_band_holds_about_95_of_100_fills() {
    let account = account();
    let request = TradeRequest { tolerance: Ppm::ONE, ..buy(weth(), Size::Usd(usd("1000"))) };
    let shown = preview(&account, &request, &market(), AT).expect("a preview");
    assert_eq!(shown, preview(&account, &request, &market(), AT).expect("a preview"));
    let fills: Vec<Trade> =
        (0..2_000).map(|seed| execute(&account, &request, &market(), AT, Seed(seed)).expect("a fill")).collect();
    assert!(fills.iter().all(|trade| trade.quoted == shown.expected));
    let inside = |trade: &&Trade| (shown.low.units()..=shown.high.units()).contains(&trade.received.units());
    let share = fills.iter().filter(inside).count();
    assert!((1_880..=1_940).contains(&share), "{share} of 2000");
    let better = fills.iter().filter(|trade| trade.costs.slippage.is_negative()).count();
    assert!((900..=1_100).contains(&better), "slippage goes either way: {better} of 2000");
}

#[test]
fn beyond_the_tolerance_the_trade_fails_as_on_chain_gas_paid_and_nothing_exchanged() {
    let settings = Settings { sigma_day: Some(5_000_000_000), ..sure() };
    let account = account_with("10000", settings, MarketKind::Real);
    let request = TradeRequest { tolerance: Ppm::default(), ..buy(weth(), Size::Usd(usd("1000"))) };
    let failed: Vec<Trade> = (0..64)
        .map(|seed| execute(&account, &request, &market(), AT, Seed(seed)).expect("a trade"))
        .filter(|trade| trade.outcome == Outcome::Failed(Failure::Slippage))
        .collect();
    assert!(failed.len() > 16);
    for trade in failed {
        assert!(trade.received.units() < trade.minimum.units());
        assert_eq!((trade.value, trade.gas.usd), (Usd::ZERO, usd("2.14")));
        let mut after = account.clone();
        after.apply(&Event::Traded(trade), AT).expect("a booking");
        assert_eq!(after.cash(), usd("9997.86"));
        assert!(after.units(weth()).is_zero());
    }
}

#[test]
fn the_failure_rate_is_what_it_says_from_never_to_always() {
    for (parts, least, most) in [(0, 0, 0), (20_000, 30, 90), (500_000, 1_400, 1_600), (1_000_000, 3_000, 3_000)] {
        let settings = Settings { failure_rate: Ppm::new(parts).expect("a share"), ..sure() };
        let account = account_with("10000", settings, MarketKind::Real);
        let request = TradeRequest { tolerance: Ppm::ONE, ..buy(weth(), Size::Usd(usd("10"))) };
        let failed = (0..3_000)
            .filter(|seed| {
                let trade = execute(&account, &request, &market(), AT, Seed(*seed)).expect("a trade");
                trade.outcome == Outcome::Failed(Failure::Chance)
            })
            .count();
        assert!((least..=most).contains(&failed), "{parts} ppm: {failed} of 3000");
    }
}

#[test]
fn the_same_inputs_are_the_same_bytes() {
    let run = || {
        serde_json::to_string(
            &execute(&account(), &buy(weth(), Size::Usd(usd("123.45"))), &market(), AT, Seed(42)).expect("a fill"),
        )
        .expect("JSON")
    };
    assert_eq!(run(), run());
    let back: Trade = serde_json::from_str(&run()).expect("a trade");
    assert_eq!(serde_json::to_string(&back).expect("JSON"), run());
}

#[test]
fn all_spends_all_cash_but_its_gas_and_sells_the_whole_position() {
    let trade = execute(&account(), &buy(weth(), Size::All), &market(), AT, Seed(3)).expect("a fill");
    assert_eq!(trade.paid, Amount::Usd(usd("9997.86")));
    let mut account = account();
    account.apply(&Event::Traded(trade), AT).expect("a booking");
    assert_eq!(account.cash(), Usd::ZERO);

    let holder = holder(sure());
    let sold = execute(&holder, &sell(weth(), Size::All), &market(), AT, Seed(3)).expect("a fill");
    assert_eq!(sold.paid, Amount::Units(holder.units(weth())));
}

#[test]
fn a_size_in_tokens_or_dollars_means_what_its_words_say() {
    let trade = execute(&account(), &buy(weth(), whole("0.5")), &market(), AT, Seed(3)).expect("a fill");
    assert!(trade.quoted.units() >= Units::parse("0.5", 18).expect("units"));
    let sold = execute(&holder(sure()), &sell(weth(), Size::Usd(usd("500"))), &market(), AT, Seed(3)).expect("a fill");
    assert_eq!(sold.paid, Amount::Units(Units::parse("0.25", 18).expect("units")));
}

#[test]
fn a_swap_goes_through_both_pools_unless_one_side_is_the_dollar() {
    let holder = holder(sure());
    let swap = |to| {
        execute(&holder, &request(Order::Swap { from: weth(), to, size: whole("1") }), &market(), AT, Seed(3))
            .expect("a fill")
    };
    let through = swap(link());
    assert_eq!(through.gas.units, 172_000);
    assert!(through.costs.lp_fee > usd("11.9"));
    let stable = swap(token(Chain::Ethereum, "USDC"));
    assert_eq!((stable.gas.units, stable.costs.lp_fee), (107_000, usd("6")));
    assert_eq!(stable.bought.expect("a leg").source, Source::Pinned);
}

#[test]
fn splitting_an_order_keeps_its_impact_until_the_footprint_fades() {
    let settings = Settings { sigma_day: Some(0), ..sure() };
    let impact_of = |times: u32, gap_ms: i64| {
        let mut account = account_with("1000000", settings, MarketKind::Real);
        let mut total = Usd::ZERO;
        for i in 0..times {
            let at = AT.plus_millis(i64::from(i) * gap_ms);
            let mut request =
                buy(weth(), Size::Usd(Usd::from_atoms(usd("100000").atoms() / i128::from(times)).expect("dollars")));
            request.id = TradeId::new(at, [i as u8; 10]);
            request.accept_price_age = AcceptPriceAge::ByHand;
            let trade = execute(&account, &request, &market(), at, Seed(3)).expect("a fill");
            total = total.plus(trade.costs.impact).expect("a sum");
            account.apply(&Event::Traded(trade), at).expect("a booking");
        }
        total
    };
    let (whole, split, patient) = (impact_of(1, 0), impact_of(10, 0), impact_of(10, 3_600_000));
    // The pool keeps its fee, so the parts together cost at least as much as the whole.
    assert!(split >= whole, "{split} against {whole}");
    assert!(split.atoms() < whole.atoms() * 101 / 100, "{split} against {whole}");
    assert!(patient.atoms() * 5 < whole.atoms(), "{patient} against {whole}");
}

#[test]
fn a_sale_never_gains_from_the_price_the_account_itself_pushed_up() {
    let settings = Settings { sigma_day: Some(0), ..sure() };
    let mut account = account_with("1000000", settings, MarketKind::Real);
    let bought = execute(&account, &buy(weth(), Size::Usd(usd("100000"))), &market(), AT, Seed(3)).expect("a fill");
    account.apply(&Event::Traded(bought), AT).expect("a booking");
    let sold = execute(
        &account,
        &TradeRequest { id: TradeId::new(AT, [4; 10]), ..sell(weth(), Size::All) },
        &market(),
        AT,
        Seed(3),
    )
    .expect("a fill");
    // Two fees of 0.3 % and two impacts of about 4.7 %.
    assert!(sold.received.usd() < usd("91500"), "{}", sold.received.usd());
}

#[test]
fn stablecoins_are_one_dollar_by_address_whatever_the_market_says() {
    let mut market = market();
    let usdc = token(Chain::Ethereum, "USDC");
    market.quotes.insert(usdc, quote("0.5"));
    let trade = execute(&account(), &buy(usdc, Size::Usd(usd("100"))), &market, AT, Seed(3)).expect("a fill");
    // 0.01 % fee, no impact, no slippage.
    assert_eq!(trade.received, Amount::Units(Units::parse("99.99", 6).expect("units")));
    assert_eq!(trade.costs.slippage, Usd::ZERO);
}

#[test]
fn an_expired_price_needs_consent_and_the_trade_records_it() {
    let late = AT.plus_millis(240_000);
    let request = buy(weth(), Size::Usd(usd("10")));
    assert_eq!(
        execute(&account(), &request, &market(), late, Seed(1)),
        Err(Rejection::PriceExpired { token: weth(), as_of: AT, age_ms: 240_000 })
    );
    assert!(execute(&account(), &request, &market(), AT.plus_millis(239_999), Seed(1)).is_ok());
    for consent in [AcceptPriceAge::ByHand, AcceptPriceAge::Offline] {
        let trade =
            execute(&account(), &TradeRequest { accept_price_age: consent, ..request }, &market(), late, Seed(1))
                .expect("a fill");
        assert_eq!((trade.accept_price_age, trade.bought.expect("a leg").age_ms), (consent, 240_000));
    }
}

#[test]
fn an_order_that_moves_the_price_further_than_is_accepted_is_refused_and_the_limit_itself_is_not() {
    let rich = account_with("1000000", sure(), MarketKind::Real);
    let free = buy(weth(), Size::Usd(usd("200000")));
    let impact = preview(&rich, &free, &market(), AT).expect("a preview").impact;
    assert!(impact > Ppm::from_bps(500), "{impact:?}");
    let limited = |parts| TradeRequest { max_impact: Ppm::new(parts), ..free };
    let at_limit = execute(&rich, &limited(impact.parts()), &market(), AT, Seed(1)).expect("a fill");
    assert_eq!(at_limit, execute(&rich, &free, &market(), AT, Seed(1)).expect("a fill"));
    let most = Ppm::new(impact.parts() - 1).expect("a share");
    let refused = Err(Rejection::ImpactTooHigh { impact, most });
    assert_eq!(execute(&rich, &limited(most.parts()), &market(), AT, Seed(1)), refused);
}

/// Every rejection the simulator can give, each by the shortest way there, each with a message that
/// names the figures and a remedy.
#[test]
fn every_rejection_is_typed_says_its_cause_and_has_a_remedy() {
    let stranger: TokenKey = "1:0x00000000000000000000000000000000000000aa".parse().expect("a key");
    let unpriced = token(Chain::Ethereum, "AAVE");
    let mut expired_gas = market();
    expired_gas.natives.insert(Chain::Ethereum, Quote { as_of: AT.plus_millis(-300_000), ..quote("2000") });
    let mut no_gas_price = market();
    no_gas_price.natives.clear();
    let mut costly = market();
    costly.gas.insert(Chain::Ethereum, GasFacts { base_fee: 100_000_000_000_000, ..market().gas[&Chain::Ethereum] });
    let limited = account_with(
        "10000",
        Settings { smallest_trade: usd("5"), largest_trade: usd("50"), ..sure() },
        MarketKind::Real,
    );
    let rich = account_with(
        "70000000000000000",
        Settings { largest_trade: usd("70000000000000000"), ..sure() },
        MarketKind::Real,
    );
    let (a, m) = (account(), market());
    let swap = |from, to| request(Order::Swap { from, to, size: Size::All });
    let table: Vec<(&Account, TradeRequest, &Market, Rejection, &str)> = vec![
        (
            &a,
            buy(weth(), Size::Usd(usd("9999"))),
            &m,
            Rejection::InsufficientFunds { needed: usd("10001.14"), available: usd("10000"), gas: usd("2.14") },
            "this needs $10001.14 ($2.14 of it gas), and the account has $10000 in cash",
        ),
        (
            &a,
            sell(weth(), whole("1")),
            &m,
            Rejection::InsufficientPosition {
                needed: "1".parse().expect("a quantity"),
                available: "0".parse().expect("a quantity"),
            },
            "this needs 1 of the token, and the account holds 0",
        ),
        (
            &a,
            sell(weth(), Size::All),
            &m,
            Rejection::InsufficientPosition {
                needed: "0".parse().expect("a quantity"),
                available: "0".parse().expect("a quantity"),
            },
            "the account holds none of the token",
        ),
        (
            &a,
            buy(stranger, Size::Usd(usd("1"))),
            &m,
            Rejection::UnknownToken { token: stranger },
            "token 1:0x00000000000000000000000000000000000000aa is not known",
        ),
        (
            &a,
            buy(unpriced, Size::Usd(usd("1"))),
            &m,
            Rejection::PriceMissing { token: unpriced },
            "there is no price for token",
        ),
        (
            &a,
            buy(weth(), Size::Usd(usd("1"))),
            &no_gas_price,
            Rejection::GasPriceMissing { chain: Chain::Ethereum },
            "there is no price for the coin that pays gas on chain 1",
        ),
        (
            &a,
            buy(weth(), Size::Usd(usd("1"))),
            &expired_gas,
            Rejection::GasPriceExpired { chain: Chain::Ethereum, as_of: AT.plus_millis(-300_000), age_ms: 300_000 },
            "300 seconds old",
        ),
        (
            &rich,
            TradeRequest { max_impact: Ppm::new(99_999), ..buy(weth(), Size::Usd(usd("500000"))) },
            &m,
            Rejection::ImpactTooHigh {
                impact: Ppm::new(198_922).expect("a share"),
                most: Ppm::new(99_999).expect("a share"),
            },
            "moves the price by 19.8922%, and at most 9.9999% is accepted",
        ),
        (&a, buy(weth(), Size::Usd(Usd::ZERO)), &m, Rejection::AmountZero, "the amount is zero"),
        (&a, buy(weth(), whole("0.0")), &m, Rejection::AmountZero, "the amount is zero"),
        (&a, buy(weth(), Size::Usd(usd("-1"))), &m, Rejection::AmountNegative, "the amount is negative"),
        (&a, sell(weth(), whole("-0.1")), &m, Rejection::AmountNegative, "the amount is negative"),
        (
            &a,
            buy(weth(), whole("0.0000000000000000001")),
            &m,
            Rejection::AmountTooFine { decimals: 18 },
            "the amount has more decimal places than the token's 18",
        ),
        (
            &limited,
            buy(weth(), Size::Usd(usd("4.99"))),
            &m,
            Rejection::OutsideLimits { value: usd("4.99"), least: usd("5"), most: usd("50") },
            "a trade of $4.99 is outside the account's limits of $5 to $50",
        ),
        (
            &limited,
            buy(weth(), Size::Usd(usd("51"))),
            &m,
            Rejection::OutsideLimits { value: usd("51"), least: usd("5"), most: usd("50") },
            "limits of $5 to $50",
        ),
        (&a, buy(weth(), whole("1000")), &m, Rejection::InsufficientLiquidity, "the market is too thin"),
        (&a, swap(weth(), weth()), &m, Rejection::SameToken, "both sides are the same token"),
        (
            &a,
            swap(weth(), token(Chain::Base, "WETH")),
            &m,
            Rejection::CrossChain { from: Chain::Ethereum, to: Chain::Base },
            "chain 1 and chain 8453 have no pool in common",
        ),
        (&rich, buy(weth(), whole("999.9999999999999999")), &m, Rejection::TooLarge, "too large to account for"),
    ];
    for (account, request, market, expected, message) in table {
        let rejection = execute(account, &request, market, AT, Seed(1)).expect_err(message);
        assert_eq!(rejection, expected, "{message}");
        assert_eq!(
            preview(account, &request, market, AT),
            Err(rejection.clone()),
            "preview and execution refuse alike"
        );
        assert!(rejection.to_string().contains(message), "{rejection}");
        assert!(rejection.remedy().ends_with('.') && rejection.remedy().len() > 15);
        let json = serde_json::to_string(&rejection).expect("JSON");
        assert_eq!(serde_json::from_str::<Rejection>(&json).expect("a rejection"), rejection);
    }

    let holder = holder(sure());
    let gas = usd("21400");
    assert_eq!(
        execute(&holder, &sell(weth(), Size::All), &costly, AT, Seed(1)),
        Err(Rejection::InsufficientGas { gas, available: holder.cash() })
    );
    assert!(!Rejection::InsufficientGas { gas, available: holder.cash() }.remedy().is_empty());
}

#[test]
fn demo_and_real_never_mix() {
    let demo = DemoMarket::new(1).at(AT);
    let mut disguised = demo.clone();
    disguised.kind = MarketKind::Real;
    let real = account();
    let demo_account = account_with("10000", sure(), MarketKind::Demo);
    let request = buy(weth(), Size::Usd(usd("100")));
    assert_eq!(execute(&real, &request, &demo, AT, Seed(1)), Err(Rejection::MixedMarkets));
    assert_eq!(execute(&real, &request, &disguised, AT, Seed(1)), Err(Rejection::MixedMarkets));
    assert_eq!(execute(&demo_account, &request, &market(), AT, Seed(1)), Err(Rejection::MixedMarkets));
    let trade = execute(&demo_account, &request, &demo, AT, Seed(1)).expect("a fill");
    assert_eq!(trade.bought.expect("a leg").source, Source::Demo);
}
