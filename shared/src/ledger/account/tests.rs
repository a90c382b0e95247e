//! How trades are booked, and what is refused.

use alloy_primitives::U256;

use super::*;
use crate::chain::Chain;
use crate::quote::Source;
use crate::trade::{
    AcceptPriceAge, Amount, Costs, Depth, Failure, GasPaid, GasSource, Leg, Order, Outcome, Ppm, Seed, Size,
};

fn usd(text: &str) -> Usd {
    text.parse().unwrap()
}

fn token(symbol: &str) -> TokenKey {
    TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).unwrap().key
}

fn units(quantity: &str, symbol: &str) -> Units {
    let token = TokenTable::builtin().get(token(symbol)).unwrap();
    Units::parse(quantity, token.decimals).unwrap()
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn account() -> Account {
    let opened = Opened {
        account: AccountId::from_bytes([1; 16]),
        market: MarketKind::Real,
        name: "Mine".into(),
        deposit: usd("10000"),
        settings: Settings::default(),
    };
    Account::open(&opened, at(0)).unwrap()
}

fn trade(n: u8, order: Order, paid: Amount, received: Amount, value: &str, gas: &str) -> Trade {
    let leg = Leg {
        price: Price::ONE,
        age_ms: 0,
        source: Source::Coingecko,
        depth: Depth::Assumed(usd("1000000")),
        fee: Ppm::from_bps(30),
        sigma: 0,
    };
    Trade {
        id: TradeId::new(at(n.into()), [n; 10]),
        order,
        tolerance: Ppm::ONE,
        accept_price_age: AcceptPriceAge::No,
        sim: 1,
        seed: Seed(0),
        outcome: Outcome::Filled,
        paid,
        quoted: received,
        minimum: Amount::Units(Units::ZERO),
        received,
        value: usd(value),
        costs: Costs { lp_fee: usd("3"), impact: usd("2"), slippage: usd("-1") },
        sold: order.sold().map(|_| leg),
        bought: order.bought().map(|_| leg),
        latency_ms: 0,
        gas: GasPaid {
            units: 1,
            base_fee: 1,
            priority_fee: 0,
            l1_fee: 0,
            native: Price::ONE,
            source: GasSource::Default,
            usd: usd(gas),
        },
        execution_us: 0,
    }
}

fn buy(n: u8, symbol: &str, paid: &str, quantity: &str, gas: &str) -> Trade {
    let order = Order::Buy { token: token(symbol), size: Size::All };
    trade(n, order, Amount::Usd(usd(paid)), Amount::Units(units(quantity, symbol)), paid, gas)
}

fn sell(n: u8, symbol: &str, quantity: &str, received: &str, gas: &str) -> Trade {
    let order = Order::Sell { token: token(symbol), size: Size::All };
    trade(n, order, Amount::Units(units(quantity, symbol)), Amount::Usd(usd(received)), received, gas)
}

fn swap(n: u8, (from, paid): (&str, &str), (to, received): (&str, &str), value: &str, gas: &str) -> Trade {
    let order = Order::Swap { from: token(from), to: token(to), size: Size::All };
    trade(n, order, Amount::Units(units(paid, from)), Amount::Units(units(received, to)), value, gas)
}

fn failed(trade: Trade) -> Trade {
    Trade { outcome: Outcome::Failed(Failure::Chance), value: Usd::ZERO, costs: Costs::default(), ..trade }
}

#[test]
fn every_trade_is_booked_as_the_conventions_say() {
    let mut account = account();
    for (step, cash, weth_cost, wbtc_cost, realised) in [
        // Gas of buying is cost.
        (buy(1, "WETH", "3000", "1", "10"), "6990", "3010", "0", "0"),
        (buy(2, "WETH", "3290", "1", "0.5"), "3699.5", "6300.5", "0", "0"),
        // Gas of selling comes out of the proceeds: 1600 - 4 - 1575.125.
        (sell(3, "WETH", "0.5", "1600", "4"), "5295.5", "4725.375", "0", "20.875"),
        // A swap is a sale at its value, and that value is the cost of what comes in:
        // 3200 - 5 - 3150.25 is realised.
        (swap(4, ("WETH", "1"), ("WBTC", "0.05"), "3200", "5"), "5290.5", "1575.125", "3200", "65.625"),
        // What fails costs its gas, at once.
        (failed(buy(5, "WETH", "100", "1", "7")), "5283.5", "1575.125", "3200", "58.625"),
    ] {
        account.apply_trade(&step, at(9)).unwrap();
        let cost = |symbol| account.position(token(symbol)).map_or(Usd::ZERO, Position::cost);
        assert_eq!((account.cash(), cost("WETH"), cost("WBTC")), (usd(cash), usd(weth_cost), usd(wbtc_cost)));
        assert_eq!(account.realised(), usd(realised));
    }
    assert_eq!(account.units(token("WETH")), units("0.5", "WETH"));
    let totals = account.totals();
    assert_eq!((totals.filled, totals.failed, totals.volume), (4, 1, usd("11090")));
    assert_eq!(totals.gas().unwrap(), usd("26.5"));
    assert_eq!((totals.lp_fees, totals.impact, totals.slippage), (usd("12"), usd("8"), usd("-4")));
    let prices = [("WETH", "3100"), ("WBTC", "65000")];
    let prices = prices.map(|(symbol, price)| (token(symbol), price.parse().unwrap()));
    let valuation = account.valuation(&prices.into()).unwrap();
    // 5283.5 + 1550 + 3250.
    assert_eq!(valuation.equity, Some(usd("10083.5")));
    assert_eq!((valuation.unrealised, valuation.profit), (Some(usd("24.875")), Some(usd("83.5"))));
    assert_eq!((valuation.costs, valuation.profit_before_costs), (usd("42.5"), Some(usd("126"))));
    assert_eq!(valuation.return_ppm, Some(8_350));
    assert_eq!(valuation.positions[0].average.map(|price| price.to_string()).as_deref(), Some("64000"));
}

#[test]
fn an_unknown_price_is_never_zero() {
    let mut account = account();
    account.apply_trade(&buy(1, "WETH", "3000", "1", "10"), at(1)).unwrap();
    account.apply_trade(&buy(2, "USDC", "100", "99", "1"), at(1)).unwrap();
    let valuation = account.valuation(&BTreeMap::new()).unwrap();
    assert_eq!((valuation.equity, valuation.unrealised, valuation.profit), (None, None, None));
    assert_eq!((valuation.profit_before_costs, valuation.return_ppm), (None, None));
    assert_eq!(valuation.unpriced().collect::<Vec<_>>(), [token("WETH")]);
    // What is known stands, and a pinned stablecoin is a dollar without being asked for.
    assert_eq!((valuation.cash, valuation.realised), (usd("6889"), Usd::ZERO));
    let usdc = valuation.positions.iter().find(|position| position.token == token("USDC")).unwrap();
    assert_eq!((usdc.value, usdc.unrealised, usdc.unrealised_ppm), (Some(usd("99")), Some(usd("-2")), Some(-19_802)));
}

#[test]
fn a_trade_that_cannot_be_is_refused_and_changes_nothing() {
    let mut account = account();
    account.apply_trade(&buy(1, "WETH", "3000", "1", "10"), at(1)).unwrap();
    let before = account.clone();
    let good = buy(2, "WETH", "100", "0.03", "1");
    let demo = Leg { source: Source::Demo, ..good.bought.unwrap() };
    let weth = token("WETH");
    let base = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap().key;
    let one = Amount::Units(Units(U256::ONE));
    for (trade, error) in [
        (
            buy(2, "WETH", "6990", "2", "0.000000000001"),
            LedgerError::CashShort { needed: usd("6990.000000000001"), available: usd("6990") },
        ),
        (
            failed(buy(2, "WETH", "1", "2", "6991")),
            LedgerError::CashShort { needed: usd("6991"), available: usd("6990") },
        ),
        (sell(2, "WETH", "1", "1", "6992"), LedgerError::CashShort { needed: usd("6991"), available: usd("6990") }),
        (
            sell(2, "WETH", "1.5", "1", "1"),
            LedgerError::PositionShort { token: weth, needed: units("1.5", "WETH"), available: units("1", "WETH") },
        ),
        (
            sell(2, "WBTC", "1", "1", "1"),
            LedgerError::PositionShort { token: token("WBTC"), needed: units("1", "WBTC"), available: Units::ZERO },
        ),
        (
            swap(2, ("WETH", "2"), ("WBTC", "1"), "1", "1"),
            LedgerError::PositionShort { token: weth, needed: units("2", "WETH"), available: units("1", "WETH") },
        ),
        (buy(1, "WETH", "100", "0.03", "1"), LedgerError::DuplicateTrade(TradeId::new(at(1), [1; 10]))),
        (Trade { bought: Some(demo), ..good.clone() }, LedgerError::MixedMarkets),
        (Trade { value: usd("99"), ..good.clone() }, LedgerError::Malformed("the value of a buy is what was paid")),
        (Trade { received: Amount::Units(Units::ZERO), ..good.clone() }, LedgerError::Malformed("a fill of no units")),
        (
            Trade { gas: GasPaid { usd: usd("-1"), ..good.gas }, ..good.clone() },
            LedgerError::Malformed("gas is negative"),
        ),
        (
            Trade { value: usd("1"), ..failed(good.clone()) },
            LedgerError::Malformed("a failed trade has no value and no cost but gas"),
        ),
        (
            Trade { paid: one, ..good.clone() },
            LedgerError::Malformed("an amount is in dollars where it should be in units, or the reverse"),
        ),
        (
            trade(2, Order::Buy { token: weth, size: Size::All }, Amount::Usd(usd("-1")), one, "-1", "0"),
            LedgerError::Malformed("the value is negative"),
        ),
        (
            trade(2, Order::Swap { from: weth, to: weth, size: Size::All }, one, one, "1", "0"),
            LedgerError::Malformed("a swap of a token into itself"),
        ),
        (
            trade(2, Order::Swap { from: weth, to: base, size: Size::All }, one, one, "1", "0"),
            LedgerError::Malformed("a swap between chains"),
        ),
        (buy(2, "WETH", "79228162514264337", "1", "1"), LedgerError::TooLarge),
    ] {
        assert_eq!(account.apply_trade(&trade, at(9)).unwrap_err(), error);
        assert_eq!(account, before, "{error}");
    }
    account.apply_trade(&good, at(9)).unwrap();
    assert!(account.has_traded(good.id));
}

#[test]
fn another_cost_method_recomputes_the_past_and_its_sum_stays() {
    let mut account = account();
    for trade in [
        buy(1, "WETH", "1000", "1", "0"),
        buy(2, "WETH", "3000", "1", "0"),
        buy(3, "WETH", "2000", "1", "0"),
        sell(4, "WETH", "1", "2500", "0"),
        failed(buy(5, "WETH", "1", "1", "10")),
    ] {
        account.apply_trade(&trade, at(5)).unwrap();
    }
    for (cost_method, realised, cost) in [
        (CostMethod::Fifo, "1490", "5000"),
        (CostMethod::Hifo, "-510", "3000"),
        (CostMethod::Lifo, "490", "4000"),
        (CostMethod::Average, "490", "4000"),
    ] {
        let settings = Settings { cost_method, ..Settings::default() };
        account.apply(&Event::SettingsChanged(settings), at(6)).unwrap();
        let position = account.position(token("WETH")).unwrap();
        assert_eq!((account.realised(), position.cost()), (usd(realised), usd(cost)), "{cost_method}");
    }
}

#[test]
fn a_footprint_is_left_by_fills_only_and_fades() {
    let mut account = account();
    let weth = token("WETH");
    account.apply_trade(&failed(buy(1, "WETH", "100", "1", "1")), at(60)).unwrap();
    assert!(account.position(weth).is_none());
    account.apply_trade(&buy(2, "WETH", "100", "2", "1"), at(60)).unwrap();
    account.apply_trade(&sell(3, "WETH", "1", "100", "1"), at(120)).unwrap();
    let mark = account.position(weth).unwrap().footprint().decayed(at(180));
    assert_eq!((mark.bought, mark.sold), (units("0.5", "WETH"), units("0.5", "WETH")));
}
