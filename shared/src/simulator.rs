//! The simulator: a request, an account and a market in; a fill, a failed trade or a rejection out.
//!
//! [`execute`] follows the eight steps of a trade in order. The first four are here: what the request
//! needs is validated against the account's balance, prices are taken from the market, gas is priced,
//! slippage is drawn. The next three, updating cash, updating the position and recording the trade, are
//! one atomic [`crate::ledger::Ledger::append`] of the returned [`Trade`], which is also the eighth: the
//! result with its figures. The balance is checked twice, because what a trade needs includes its gas,
//! which is known only after step three.
//!
//! [`preview`] goes the same way but draws nothing: it answers what to expect and within which band.
//! A seed is drawn by the shell when the user confirms, so a preview cannot reveal an outcome.

use alloy_primitives::U256;
use serde::{Deserialize, Serialize};

use crate::ledger::{Account, Position};
use crate::market::depth::{self, Exchange, Pool};
use crate::market::draws::{BILLION, Draws, Spread};
use crate::market::v2::PoolError;
use crate::market::{GasFacts, Market, MarketKind, gas};
use crate::money::{MoneyError, Quantity, Rounding, Units, Usd};
use crate::quote::{Freshness, Quote, Source};
use crate::time::Timestamp;
use crate::token::{Token, TokenKey};
use crate::trade::{
    AcceptPriceAge, Amount, Costs, Failure, GasPaid, Leg, Order, Outcome, Ppm, Rejection, Seed, Size, Trade,
    TradeRequest,
};

/// The version of the simulator, stored in every trade. It changes when the same inputs would give
/// another outcome.
pub const VERSION: u16 = 1;

/// Fills `request` for `account` in `market` at `at`, with the draws of `seed`.
///
/// The returned trade has `execution_us` zero: the shell measures it and fills it in.
///
/// # Errors
/// A [`Rejection`]: nothing happened and nothing is owed.
pub fn execute(
    account: &Account,
    request: &TradeRequest,
    market: &Market,
    at: Timestamp,
    seed: Seed,
) -> Result<Trade, Rejection> {
    let plan = plan(account, request, market, at)?;
    let mut draws = Draws::new(seed.0, *b"trade   ");
    // Always both draws, in this order: a seed means the same slippage whatever the failure rate.
    let chance = draws.below(u64::from(Ppm::ONE.parts()));
    let received = scaled(plan.quoted, draws.factor(plan.spread))?;
    let outcome = if chance < u64::from(account.settings().failure_rate.parts()) {
        Outcome::Failed(Failure::Chance)
    } else if is_below(received, plan.minimum) || is_nothing(received) {
        Outcome::Failed(Failure::Slippage)
    } else {
        Outcome::Filled
    };
    let (value, costs) = match outcome {
        Outcome::Filled => {
            // In the same rounding as the quote's value, so that the parts add up to what was paid.
            let worth = plan.worth(received)?;
            let slippage = plan.value.minus(worth).map_err(too_large)?;
            (plan.booked(worth), Costs { slippage, ..plan.costs })
        }
        // Nothing was exchanged, so nothing but gas was paid.
        Outcome::Failed(_) => (Usd::ZERO, Costs::default()),
    };
    Ok(Trade {
        id: request.id,
        order: request.order,
        tolerance: request.tolerance,
        accept_price_age: request.accept_price_age,
        sim: VERSION,
        seed,
        outcome,
        paid: plan.paid,
        quoted: plan.quoted,
        minimum: plan.minimum,
        received,
        value,
        costs,
        sold: plan.sold.map(|side| side.leg),
        bought: plan.bought.map(|side| side.leg),
        latency_ms: plan.latency_ms,
        gas: plan.gas,
        execution_us: 0,
    })
}

/// What to expect of a request, before any chance: the ticket's preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Preview {
    /// What the account gives, gas apart.
    pub paid: Amount,
    /// What it may expect to receive: the quote.
    pub expected: Amount,
    /// The low end of the band of slippage (two standard deviations).
    pub low: Amount,
    /// The high end.
    pub high: Amount,
    /// The least it accepts: the quote less the tolerance, rounded down in base units.
    pub minimum: Amount,
    /// The dollars at which the expected exchange would be booked.
    pub value: Usd,
    /// Mid value of what the account gives.
    pub mid_value: Usd,
    /// Fees and impact in dollars. Slippage is zero in expectation and stands as the band.
    pub costs: Costs,
    /// Price impact as a share of the mid value.
    pub impact: Ppm,
    /// What is known of the token sold.
    pub sold: Option<Leg>,
    /// What is known of the token bought.
    pub bought: Option<Leg>,
    /// Gas.
    pub gas: GasPaid,
    /// Cash needed, gas included (a sale needs its gas only).
    pub cash_needed: Usd,
    /// Time between quote and execution over which slippage is drawn, in milliseconds.
    pub latency_ms: u32,
    /// The chance that the trade fails at random, gas paid all the same.
    pub failure_rate: Ppm,
}

/// What `request` would do for `account` in `market` at `at`. Draws nothing.
///
/// # Errors
/// The [`Rejection`] that [`execute`] would give.
pub fn preview(
    account: &Account,
    request: &TradeRequest,
    market: &Market,
    at: Timestamp,
) -> Result<Preview, Rejection> {
    let plan = plan(account, request, market, at)?;
    Ok(Preview {
        paid: plan.paid,
        expected: plan.quoted,
        low: scaled(plan.quoted, plan.spread.low())?,
        high: scaled(plan.quoted, plan.spread.high())?,
        minimum: plan.minimum,
        value: plan.booked(plan.value),
        mid_value: plan.mid_value()?,
        costs: plan.costs,
        impact: plan.impact()?,
        sold: plan.sold.map(|side| side.leg),
        bought: plan.bought.map(|side| side.leg),
        gas: plan.gas,
        cash_needed: plan.paid.usd().plus(plan.gas.usd).map_err(too_large)?,
        latency_ms: plan.latency_ms,
        failure_rate: account.settings().failure_rate,
    })
}

/// What preview and execution share: everything up to the draws.
struct Plan<'a> {
    paid: Amount,
    quoted: Amount,
    minimum: Amount,
    /// Mid value of what the quote gives, in dollars.
    value: Usd,
    costs: Costs,
    sold: Option<Side<'a>>,
    bought: Option<Side<'a>>,
    gas: GasPaid,
    latency_ms: u32,
    /// How far the amount received may move until execution.
    spread: Spread,
}

impl Plan<'_> {
    /// Mid value of what the account gives, in dollars.
    fn mid_value(&self) -> Result<Usd, Rejection> {
        self.value.plus(self.costs.lp_fee).and_then(|sum| sum.plus(self.costs.impact)).map_err(too_large)
    }

    /// Price impact as a share of the mid value.
    fn impact(&self) -> Result<Ppm, Rejection> {
        Ok(share(self.costs.impact, self.mid_value()?))
    }

    /// An amount received, at the mid price of the quote.
    fn worth(&self, amount: Amount) -> Result<Usd, Rejection> {
        match (amount, &self.bought) {
            (Amount::Units(units), Some(side)) => side.value(units, Rounding::Down),
            (Amount::Usd(usd), _) => Ok(usd),
            (Amount::Units(_), None) => Err(Rejection::TooLarge),
        }
    }

    /// The dollars at which the exchange is booked: cash where cash moves, in a swap the mid value of
    /// what comes in.
    fn booked(&self, worth: Usd) -> Usd {
        match self.paid {
            Amount::Usd(cash) => cash,
            Amount::Units(_) => worth,
        }
    }
}

/// One token of a trade.
#[derive(Clone, Copy)]
struct Side<'a> {
    token: &'a Token,
    leg: Leg,
    /// What the account's recent trades in this direction moved.
    footprint: Units,
}

impl Side<'_> {
    fn pool(&self) -> Pool<'_> {
        Pool::new(&self.leg, self.token.decimals, self.footprint)
    }

    fn value(&self, units: Units, rounding: Rounding) -> Result<Usd, Rejection> {
        self.leg.price.value(units, self.token.decimals, rounding).map_err(too_large)
    }

    fn quantity(&self, units: Units) -> Quantity {
        units.quantity(self.token.decimals)
    }
}

fn plan<'a>(
    account: &'a Account,
    request: &TradeRequest,
    market: &Market,
    at: Timestamp,
) -> Result<Plan<'a>, Rejection> {
    // 1. What is asked, against what the account has.
    let order = &request.order;
    check_pair(order)?;
    if market.kind != account.market() {
        return Err(Rejection::MixedMarkets);
    }
    let size = check_size(order.size())?;
    let sold_token = order.sold().map(|key| known(account, key)).transpose()?;
    let bought_token = order.bought().map(|key| known(account, key)).transpose()?;
    let fixed = match (size, sold_token.or(bought_token)) {
        (Size::Token(quantity), Some(token)) => Some(to_units(quantity, token)?),
        _ => None,
    };
    if let (Some(token), Some(units)) = (sold_token, fixed) {
        check_position(account, token, units)?;
    }

    // 2. Prices.
    let price = |token: &'a Token, buying: bool| side(account, token, market, request.accept_price_age, at, buying);
    let mut sold = sold_token.map(|token| price(token, false)).transpose()?;
    let mut bought = bought_token.map(|token| price(token, true)).transpose()?;

    // 3. Gas, and with it the whole of what the trade needs.
    let hops = route(&mut sold, &mut bought);
    let gas = price_gas(order, market, request.accept_price_age, at, hops)?;
    let exchange = match (order, &sold, &bought) {
        (Order::Buy { .. }, _, Some(side)) => {
            let exchange = buy(account, side, size, fixed, &gas)?;
            let (paid, quoted) = (Amount::Usd(exchange.usd), Amount::Units(exchange.units));
            Quoted {
                paid,
                quoted,
                value: exchange.value,
                mid: exchange.usd,
                lp_fee: exchange.lp_fee,
                impact: exchange.impact,
            }
        }
        (_, Some(from), to) => {
            let units = units_sold(account, from, size, fixed)?;
            check_position(account, from.token, units)?;
            if account.cash() < gas.usd {
                return Err(Rejection::InsufficientGas { gas: gas.usd, available: account.cash() });
            }
            sell(from, to.as_ref(), units)?
        }
        // An order has a token on one side at least.
        _ => return Err(Rejection::TooLarge),
    };
    check_limits(account, exchange.mid)?;

    // 4. Slippage: how wide it may be, and where the tolerance ends it.
    let latency_ms = account.settings().latency_ms.unwrap_or(order.chain().facts().block_ms as u32);
    let spread = [&sold, &bought]
        .into_iter()
        .flatten()
        .map(|side| Spread::over(side.leg.sigma, u64::from(latency_ms)))
        .reduce(Spread::and)
        .unwrap_or(Spread::over(0, 0));
    let plan = Plan {
        paid: exchange.paid,
        quoted: exchange.quoted,
        minimum: exchange.quoted.less(request.tolerance).map_err(too_large)?,
        value: exchange.value,
        costs: Costs { lp_fee: exchange.lp_fee, impact: exchange.impact, slippage: Usd::ZERO },
        sold,
        bought,
        gas,
        latency_ms,
        spread,
    };
    if let Some(most) = request.max_impact {
        let impact = plan.impact()?;
        if impact > most {
            return Err(Rejection::ImpactTooHigh { impact, most });
        }
    }
    Ok(plan)
}

/// An exchange in the terms of the account.
struct Quoted {
    paid: Amount,
    quoted: Amount,
    /// Mid value of what comes in.
    value: Usd,
    /// Mid value of what goes out.
    mid: Usd,
    lp_fee: Usd,
    impact: Usd,
}

fn check_pair(order: &Order) -> Result<(), Rejection> {
    match order {
        Order::Swap { from, to, .. } if from.chain != to.chain => {
            Err(Rejection::CrossChain { from: from.chain, to: to.chain })
        }
        Order::Swap { from, to, .. } if from == to => Err(Rejection::SameToken),
        _ => Ok(()),
    }
}

fn check_size(size: Size) -> Result<Size, Rejection> {
    let (zero, negative) = match size {
        Size::Usd(usd) => (usd.is_zero(), usd.is_negative()),
        Size::Token(quantity) => (quantity.is_zero(), quantity.is_negative()),
        Size::All => (false, false),
    };
    match (zero, negative) {
        (true, _) => Err(Rejection::AmountZero),
        (_, true) => Err(Rejection::AmountNegative),
        _ => Ok(size),
    }
}

fn known(account: &Account, key: TokenKey) -> Result<&Token, Rejection> {
    account.token(key).ok_or(Rejection::UnknownToken { token: key })
}

fn to_units(quantity: Quantity, token: &Token) -> Result<Units, Rejection> {
    quantity.units(token.decimals).map_err(|error| match error {
        MoneyError::PrecisionLoss { .. } => Rejection::AmountTooFine { decimals: token.decimals },
        MoneyError::Negative => Rejection::AmountNegative,
        _ => Rejection::TooLarge,
    })
}

fn check_position(account: &Account, token: &Token, units: Units) -> Result<(), Rejection> {
    let held = account.units(token.key);
    if held < units {
        return Err(Rejection::InsufficientPosition {
            needed: units.quantity(token.decimals),
            available: held.quantity(token.decimals),
        });
    }
    Ok(())
}

/// The price, depth and footprint of one token of a trade.
fn side<'a>(
    account: &Account,
    token: &'a Token,
    market: &Market,
    consent: AcceptPriceAge,
    at: Timestamp,
    buying: bool,
) -> Result<Side<'a>, Rejection> {
    let quote = Quote::for_token(token, market.quotes.get(&token.key).copied(), at)
        .ok_or(Rejection::PriceMissing { token: token.key })?;
    check_kind(account.market(), quote.source)?;
    if is_refused(&quote, market, consent, at) {
        return Err(Rejection::PriceExpired { token: token.key, as_of: quote.as_of, age_ms: quote.age_ms(at) });
    }
    let leg = depth::leg(token, &quote, market.pools.get(&token.key), account.settings().sigma_day, at);
    let mark = account.position(token.key).map(Position::footprint);
    let footprint = mark.map_or(Units::ZERO, |mark| if buying { mark.bought_at(at) } else { mark.sold_at(at) });
    Ok(Side { token, leg, footprint })
}

fn check_kind(kind: MarketKind, source: Source) -> Result<(), Rejection> {
    if kind.admits(source) { Ok(()) } else { Err(Rejection::MixedMarkets) }
}

fn is_refused(quote: &Quote, market: &Market, consent: AcceptPriceAge, at: Timestamp) -> bool {
    consent == AcceptPriceAge::No && quote.freshness(at, market.thresholds) == Freshness::Expired
}

/// How many pools a swap goes through. A pinned stablecoin is the dollar side of the other token's
/// pool, so it adds neither hop nor fee.
fn route(sold: &mut Option<Side<'_>>, bought: &mut Option<Side<'_>>) -> u64 {
    let (Some(from), Some(to)) = (sold, bought) else {
        return gas::ONE_HOP_UNITS;
    };
    if from.token.pinned {
        from.leg.fee = Ppm::default();
        gas::ONE_HOP_UNITS
    } else if to.token.pinned {
        to.leg.fee = Ppm::default();
        gas::ONE_HOP_UNITS
    } else {
        gas::TWO_HOP_UNITS
    }
}

fn price_gas(
    order: &Order,
    market: &Market,
    consent: AcceptPriceAge,
    at: Timestamp,
    units: u64,
) -> Result<GasPaid, Rejection> {
    let chain = order.chain();
    let native = market.natives.get(&chain).ok_or(Rejection::GasPriceMissing { chain })?;
    check_kind(market.kind, native.source)?;
    if is_refused(native, market, consent, at) {
        return Err(Rejection::GasPriceExpired { chain, as_of: native.as_of, age_ms: native.age_ms(at) });
    }
    let facts = market.gas.get(&chain).copied().unwrap_or_else(|| GasFacts::assumed(chain, at));
    gas::price(units, &facts, native.price).map_err(too_large)
}

fn buy(
    account: &Account,
    side: &Side<'_>,
    size: Size,
    fixed: Option<Units>,
    gas: &GasPaid,
) -> Result<Exchange, Rejection> {
    let available = account.cash();
    let usd = match (size, fixed) {
        (Size::Usd(usd), _) => usd,
        (_, Some(units)) => side.pool().cost_of(units).map_err(refused)?,
        _ => available.minus(gas.usd).map_err(too_large)?,
    };
    let needed = usd.plus(gas.usd).map_err(too_large)?;
    // Buying with everything needs something to be left after gas.
    if usd <= Usd::ZERO || needed > available {
        let needed = if usd <= Usd::ZERO { gas.usd } else { needed };
        return Err(Rejection::InsufficientFunds { needed, available, gas: gas.usd });
    }
    let exchange = side.pool().buy(usd).map_err(refused)?;
    if exchange.units.is_zero() { Err(Rejection::AmountZero) } else { Ok(exchange) }
}

fn units_sold(account: &Account, side: &Side<'_>, size: Size, fixed: Option<Units>) -> Result<Units, Rejection> {
    let units = match (size, fixed) {
        (_, Some(units)) => units,
        (Size::Usd(usd), _) => side.leg.price.units(usd, side.token.decimals, Rounding::Down).map_err(too_large)?,
        _ => account.units(side.token.key),
    };
    if !units.is_zero() {
        return Ok(units);
    }
    Err(match size {
        Size::All => Rejection::InsufficientPosition { needed: side.quantity(units), available: side.quantity(units) },
        Size::Usd(_) | Size::Token(_) => Rejection::AmountZero,
    })
}

fn sell(from: &Side<'_>, to: Option<&Side<'_>>, units: Units) -> Result<Quoted, Rejection> {
    let out = from.pool().sell(units).map_err(refused)?;
    let paid = Amount::Units(units);
    let Some(to) = to else {
        let quoted = Quoted {
            paid,
            quoted: Amount::Usd(out.usd),
            value: out.usd,
            mid: out.value,
            lp_fee: out.lp_fee,
            impact: out.impact,
        };
        return if out.usd <= Usd::ZERO { Err(Rejection::AmountZero) } else { Ok(quoted) };
    };
    let into = to.pool().buy(out.usd).map_err(refused)?;
    if into.units.is_zero() {
        return Err(Rejection::AmountZero);
    }
    Ok(Quoted {
        paid,
        quoted: Amount::Units(into.units),
        value: into.value,
        mid: out.value,
        lp_fee: out.lp_fee.plus(into.lp_fee).map_err(too_large)?,
        impact: out.impact.plus(into.impact).map_err(too_large)?,
    })
}

fn check_limits(account: &Account, value: Usd) -> Result<(), Rejection> {
    let settings = account.settings();
    let (least, most) = (settings.smallest_trade, settings.largest_trade);
    if value < least || value > most {
        return Err(Rejection::OutsideLimits { value, least, most });
    }
    Ok(())
}

fn scaled(amount: Amount, ppb: u64) -> Result<Amount, Rejection> {
    amount.portion(U256::from(ppb), U256::from(BILLION)).map_err(too_large)
}

/// Nobody sells something for nothing: the last base unit may be lost to slippage, but not filled.
fn is_nothing(received: Amount) -> bool {
    received.usd().is_zero() && received.units().is_zero()
}

fn is_below(received: Amount, minimum: Amount) -> bool {
    received.usd() < minimum.usd() || received.units() < minimum.units()
}

/// `part ÷ whole` as a share, rounded up, within 0 and 1.
fn share(part: Usd, whole: Usd) -> Ppm {
    if part.is_negative() || whole <= Usd::ZERO {
        return Ppm::default();
    }
    let scaled = crate::money::mul_div(part.magnitude(), U256::from(Ppm::ONE.parts()), whole.magnitude(), Rounding::Up);
    scaled.ok().and_then(|parts| u32::try_from(parts).ok()).and_then(Ppm::new).unwrap_or(Ppm::ONE)
}

fn too_large(_: MoneyError) -> Rejection {
    Rejection::TooLarge
}

fn refused(error: PoolError) -> Rejection {
    match error {
        PoolError::ZeroAmount => Rejection::AmountZero,
        PoolError::InsufficientLiquidity | PoolError::Route => Rejection::InsufficientLiquidity,
        PoolError::Overflow => Rejection::TooLarge,
    }
}
