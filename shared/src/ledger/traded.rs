//! How a trade stands in a journal: all of it, in few bytes.
//!
//! Every byte of a line is hashed, and hashing is most of what an entry costs, so the journal has a
//! form of its own, apart from the [`Trade`] that other JSON shows. In order (`?`: only where it says
//! something):
//!
//! | field | |
//! |---|---|
//! | `id` | the trade's name |
//! | `sell`?, `buy`? | the tokens; both in a swap |
//! | `size` | as asked: `"$1000"`, `"0.5"` (whole tokens) or `"all"` |
//! | `tolerance` | in parts per million |
//! | `accept`? | `by_hand` or `offline`: consent to an expired price |
//! | `sim`, `seed` | the simulator's version and the seed of its draws |
//! | `failed`? | `slippage` or `chance`; absent when filled |
//! | `paid`, `quoted`, `got` | dollars (`"$12.5"`) or base units: given, promised, received |
//! | `value`? | dollars at which a filled swap is booked; a buy is booked at what was paid, a sale at what was received |
//! | `costs`? | `[LP fee, impact, slippage]` in dollars; only when filled |
//! | `sold`?, `bought`? | `[price, age in ms, source, depth, fee in ppm, sigma in ppb]` of each token |
//! | `ms` | latency |
//! | `gas` | `[dollars, units, base fee, priority fee, L1 fee in wei, native price, source]` |
//! | `us` | how long the desk took, in microseconds |
//!
//! What follows from the rest is not written: the minimum received is the quote less the
//! tolerance, rounded down. A trade that says otherwise is refused.

use serde::Deserialize;

use crate::ids::TradeId;
use crate::money::{Price, Usd};
use crate::quote::Source;
use crate::token::TokenKey;
use crate::trade::{
    AcceptPriceAge, Amount, Costs, Depth, Failure, GasPaid, GasSource, Leg, Order, Outcome, Ppm, Seed, Size, Trade,
};

use super::digits;
use super::error::LedgerError;

/// Writes a trade as the body of an entry.
///
/// # Errors
/// [`LedgerError::Malformed`] for a trade that says something this form leaves out as following
/// from the rest; [`LedgerError::TooLarge`].
pub(super) fn write(out: &mut Vec<u8>, trade: &Trade) -> Result<(), LedgerError> {
    if trade.quoted.less(trade.tolerance)? != trade.minimum {
        return Err(LedgerError::Malformed("the minimum received is not the quote less the tolerance"));
    }
    out.extend_from_slice(b"{\"id\":\"");
    digits::trade_id(out, trade.id);
    if let Some(token) = trade.order.sold() {
        out.extend_from_slice(b"\",\"sell\":\"");
        digits::token(out, token);
    }
    if let Some(token) = trade.order.bought() {
        out.extend_from_slice(b"\",\"buy\":\"");
        digits::token(out, token);
    }
    out.extend_from_slice(b"\",\"size\":\"");
    match trade.order.size() {
        Size::Usd(usd) => {
            out.push(b'$');
            digits::usd(out, usd);
        }
        Size::Token(quantity) => digits::text(out, quantity),
        Size::All => out.extend_from_slice(b"all"),
    }
    out.extend_from_slice(b"\",\"tolerance\":");
    digits::number(out, trade.tolerance.parts().into());
    match trade.accept_price_age {
        AcceptPriceAge::No => {}
        AcceptPriceAge::ByHand => out.extend_from_slice(b",\"accept\":\"by_hand\""),
        AcceptPriceAge::Offline => out.extend_from_slice(b",\"accept\":\"offline\""),
    }
    out.extend_from_slice(b",\"sim\":");
    digits::number(out, trade.sim.into());
    out.extend_from_slice(b",\"seed\":\"");
    digits::number(out, trade.seed.0);
    match trade.outcome {
        Outcome::Filled => {}
        Outcome::Failed(Failure::Slippage) => out.extend_from_slice(b"\",\"failed\":\"slippage"),
        Outcome::Failed(Failure::Chance) => out.extend_from_slice(b"\",\"failed\":\"chance"),
    }
    out.extend_from_slice(b"\",\"paid\":\"");
    amount(out, trade.paid);
    out.extend_from_slice(b"\",\"quoted\":\"");
    amount(out, trade.quoted);
    out.extend_from_slice(b"\",\"got\":\"");
    amount(out, trade.received);
    if trade.is_filled() {
        if let Order::Swap { .. } = trade.order {
            out.extend_from_slice(b"\",\"value\":\"");
            digits::usd(out, trade.value);
        }
        out.extend_from_slice(b"\",\"costs\":[\"");
        digits::usd(out, trade.costs.lp_fee);
        out.extend_from_slice(b"\",\"");
        digits::usd(out, trade.costs.impact);
        out.extend_from_slice(b"\",\"");
        digits::usd(out, trade.costs.slippage);
        out.extend_from_slice(b"\"]");
    } else {
        out.push(b'"');
    }
    if let Some(sold) = &trade.sold {
        out.extend_from_slice(b",\"sold\":[\"");
        leg(out, sold);
    }
    if let Some(bought) = &trade.bought {
        out.extend_from_slice(b",\"bought\":[\"");
        leg(out, bought);
    }
    out.extend_from_slice(b",\"ms\":");
    digits::number(out, trade.latency_ms.into());
    let gas = &trade.gas;
    out.extend_from_slice(b",\"gas\":[\"");
    digits::usd(out, gas.usd);
    out.push(b'"');
    for number in [gas.units, gas.base_fee, gas.priority_fee, gas.l1_fee] {
        out.push(b',');
        digits::number(out, number);
    }
    out.extend_from_slice(b",\"");
    digits::price(out, gas.native);
    out.extend_from_slice(match gas.source {
        GasSource::Rpc => b"\",\"rpc\"]",
        GasSource::Default => b"\",\"default\"]",
    });
    out.extend_from_slice(b",\"us\":");
    digits::number(out, trade.execution_us.into());
    out.push(b'}');
    Ok(())
}

fn amount(out: &mut Vec<u8>, amount: Amount) {
    match amount {
        Amount::Usd(usd) => {
            out.push(b'$');
            digits::usd(out, usd);
        }
        Amount::Units(units) => digits::units(out, units),
    }
}

fn leg(out: &mut Vec<u8>, leg: &Leg) {
    digits::price(out, leg.price);
    out.extend_from_slice(b"\",");
    digits::number(out, leg.age_ms);
    out.extend_from_slice(match leg.source {
        Source::Coingecko => b",\"coingecko\",\"".as_slice(),
        Source::Pinned => b",\"pinned\",\"",
        Source::Demo => b",\"demo\",\"",
        Source::Cached => b",\"cached\",\"",
    });
    let dollars = |out: &mut Vec<u8>, word: &[u8], usd| {
        out.extend_from_slice(word);
        digits::usd(out, usd);
    };
    match leg.depth {
        Depth::Reserves(units) => {
            out.extend_from_slice(b"reserves ");
            digits::units(out, units);
        }
        Depth::Liquidity(usd) => dollars(out, b"liquidity $", usd),
        Depth::Volume(usd) => dollars(out, b"volume $", usd),
        Depth::Assumed(usd) => dollars(out, b"assumed $", usd),
        Depth::Pinned => out.extend_from_slice(b"pinned"),
    }
    out.extend_from_slice(b"\",");
    digits::number(out, leg.fee.parts().into());
    out.push(b',');
    digits::number(out, leg.sigma);
    out.push(b']');
}

type LegLine = (Price, u64, Source, Depth, Ppm, u64);

/// The body of a `traded` entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TradeLine {
    id: TradeId,
    sell: Option<TokenKey>,
    buy: Option<TokenKey>,
    size: Size,
    tolerance: Ppm,
    #[serde(default)]
    accept: AcceptPriceAge,
    sim: u16,
    seed: Seed,
    failed: Option<Failure>,
    paid: Amount,
    quoted: Amount,
    got: Amount,
    value: Option<Usd>,
    costs: Option<(Usd, Usd, Usd)>,
    sold: Option<LegLine>,
    bought: Option<LegLine>,
    ms: u32,
    gas: (Usd, u64, u64, u64, u64, Price, GasSource),
    us: u32,
}

impl TradeLine {
    /// The trade this is the line of. What a line should not have said shows when it is spelled again.
    pub(super) fn trade(self) -> Result<Trade, LedgerError> {
        let size = self.size;
        let order = match (self.sell, self.buy) {
            (Some(from), Some(to)) => Order::Swap { from, to, size },
            (Some(token), None) => Order::Sell { token, size },
            (None, Some(token)) => Order::Buy { token, size },
            (None, None) => return Err(LedgerError::Malformed("it names no token")),
        };
        let outcome = self.failed.map_or(Outcome::Filled, Outcome::Failed);
        let value = match (outcome, order) {
            (Outcome::Failed(_), _) => Usd::ZERO,
            (Outcome::Filled, Order::Buy { .. }) => self.paid.usd(),
            (Outcome::Filled, Order::Sell { .. }) => self.got.usd(),
            (Outcome::Filled, Order::Swap { .. }) => {
                self.value.ok_or(LedgerError::Malformed("a swap without its value"))?
            }
        };
        let costs = self.costs.map(|(lp_fee, impact, slippage)| Costs { lp_fee, impact, slippage });
        let leg = |(price, age_ms, source, depth, fee, sigma)| Leg { price, age_ms, source, depth, fee, sigma };
        let (usd, units, base_fee, priority_fee, l1_fee, native, source) = self.gas;
        Ok(Trade {
            id: self.id,
            order,
            tolerance: self.tolerance,
            accept_price_age: self.accept,
            sim: self.sim,
            seed: self.seed,
            outcome,
            paid: self.paid,
            quoted: self.quoted,
            minimum: self.quoted.less(self.tolerance)?,
            received: self.got,
            value,
            costs: costs.unwrap_or_default(),
            sold: self.sold.map(leg),
            bought: self.bought.map(leg),
            latency_ms: self.ms,
            gas: GasPaid { units, base_fee, priority_fee, l1_fee, native, source, usd },
            execution_us: self.us,
        })
    }
}
