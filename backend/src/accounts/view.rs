//! What a copy comes to, in the words of the room and of a snapshot.
//!
//! Prices come in as a function: unknown stays unknown, and whatever would need it is absent.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use shared::ledger::outline::Kind as EntryKind;
use shared::ledger::{Account, Entry, Point, Position};
use shared::money::{Price, Quantity};
use shared::token::{Token, TokenKey};
use shared::wire::room::{Kind, PerformanceUpdate, PortfolioUpdate, PositionUpdated, TradeUpdate};

use super::copy::Fold;

/// Trades in a snapshot, at most.
const TRADES: usize = 50;

/// A message for the room.
pub type Message = (Kind, Box<RawValue>);

/// What an account is worth.
pub fn portfolio(fold: &Fold, choices: u64, price: &dyn Fn(&Token) -> Option<Price>) -> PortfolioUpdate {
    let account = fold.folded.ledger.account();
    let worth = account.valuation_by(|key| account.token(key).and_then(price)).ok();
    PortfolioUpdate {
        cash: account.cash(),
        equity: worth.as_ref().and_then(|worth| worth.equity),
        deposits: account.net_deposits(),
        realised: account.realised(),
        unrealised: worth.as_ref().and_then(|worth| worth.unrealised),
        positions: account.positions().count() as u64,
        seq: Some(fold.end().seq),
        choices,
    }
}

/// How it did.
pub fn performance(fold: &Fold, price: &dyn Fn(&Token) -> Option<Price>) -> PerformanceUpdate {
    let account = fold.folded.ledger.account();
    let worth = account.valuation_by(|key| account.token(key).and_then(price)).ok();
    PerformanceUpdate {
        sales: fold.sales,
        wins: fold.wins,
        realised: account.realised(),
        return_percent: worth.and_then(|worth| worth.return_ppm).and_then(percent),
        max_drawdown_percent: drawdown_ppm(fold.folded.curve.points()).and_then(percent),
    }
}

/// What it holds.
pub fn positions(fold: &Fold, price: &dyn Fn(&Token) -> Option<Price>) -> Vec<PositionUpdated> {
    let account = fold.folded.ledger.account();
    account.positions().map(|position| position_of(account, position, price)).collect()
}

/// What there is to tell of an entry that the fold has just taken: its trade, and the positions it touched.
pub fn trade(fold: &Fold, entry: &Entry, price: &dyn Fn(&Token) -> Option<Price>) -> Vec<Message> {
    let Some(trade) = entry.trade() else { return vec![] };
    let Some(body) = body(&entry.line) else { return vec![] };
    let hash = alloy_primitives::hex::encode_prefixed(entry.hash);
    let mut messages = vec![message(Kind::TradeUpdate, &TradeUpdate { seq: entry.seq, hash, trade: body })];
    if trade.is_filled() {
        let account = fold.folded.ledger.account();
        let touched = [trade.order.sold(), trade.order.bought()].into_iter().flatten();
        let positions = touched.filter_map(|key| account.position(key));
        messages
            .extend(positions.map(|position| message(Kind::PositionUpdated, &position_of(account, position, price))));
    }
    messages.into_iter().flatten().collect()
}

/// The numbers of the last entries that are trades, oldest first.
pub fn last_trades(fold: &Fold) -> Vec<u64> {
    let notes = fold.folded.outline.notes().iter().enumerate().rev();
    let trades = notes.filter(|(_, note)| note.kind != EntryKind::Other).map(|(index, _)| index as u64 + 1);
    let mut seqs: Vec<u64> = trades.take(TRADES).collect();
    seqs.reverse();
    seqs
}

/// A message of a kind; nothing where it cannot be written, which these never bring about.
pub fn message(kind: Kind, data: &impl Serialize) -> Option<Message> {
    Some((kind, serde_json::value::to_raw_value(data).ok()?))
}

fn position_of(account: &Account, position: &Position, price: &dyn Fn(&Token) -> Option<Price>) -> PositionUpdated {
    let known = |key: TokenKey| {
        let token = account.token(key)?;
        if token.pinned { Some(Price::ONE) } else { price(token) }
    };
    PositionUpdated {
        token: position.token(),
        units: position.units(),
        cost: position.cost(),
        realised: position.realised(),
        price: known(position.token()),
    }
}

/// An entry's body, verbatim.
fn body(line: &str) -> Option<&RawValue> {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        body: &'a RawValue,
    }
    serde_json::from_str::<Body<'_>>(line).ok().map(|line| line.body)
}

fn percent(ppm: i64) -> Option<Quantity> {
    Decimal::new(ppm, 4).normalize().to_string().parse().ok()
}

/// The deepest fall from a height, in parts per million of it, along the curve of the equity as the journal knew
/// it; what was put in and taken out on the way is no rise and no fall. Nothing before there are two points.
fn drawdown_ppm(points: &[Point]) -> Option<i64> {
    let (mut level, mut height, mut deepest) = (1.0_f64, 1.0_f64, 0.0_f64);
    for pair in points.windows(2) {
        let [before, after] = pair else { continue };
        let put_in = after.net_deposits.atoms() - before.net_deposits.atoms();
        let (from, to) = (before.equity.atoms() as f64, (after.equity.atoms() - put_in) as f64);
        if from > 0.0 {
            level *= (to / from).max(0.0);
        }
        height = height.max(level);
        deepest = deepest.max(1.0 - level / height);
    }
    (points.len() > 1).then_some((deepest * 1e6).round() as i64)
}

#[cfg(test)]
mod tests {
    use shared::money::Usd;
    use shared::time::Timestamp;

    use super::*;

    #[test]
    fn a_fall_is_measured_from_the_height_before_it_and_money_in_or_out_is_none() {
        for (points, expected) in [
            (&[][..], None),
            (&[(100, 100)], None),
            (&[(100, 100), (120, 100), (150, 100)], Some(0)),
            (&[(100, 100), (200, 100), (150, 100), (190, 100), (140, 100), (400, 100)], Some(300_000)),
            // Half of it is taken out, then a tenth of the rest is lost.
            (&[(100, 100), (50, 50), (45, 50)], Some(100_000)),
            // Paid in after a loss: the loss stays what it was.
            (&[(100, 100), (75, 100), (1_075, 1_100), (1_075, 1_100)], Some(250_000)),
            // Opened with nothing, and lost whole.
            (&[(0, 0), (100, 100), (100, 100), (0, 100)], Some(1_000_000)),
        ] {
            let point = |(equity, deposits): &(i32, i32)| Point {
                at: Timestamp::EPOCH,
                equity: Usd::whole(*equity),
                net_deposits: Usd::whole(*deposits),
                costs: Usd::ZERO,
            };
            let curve: Vec<Point> = points.iter().map(point).collect();
            assert_eq!(drawdown_ppm(&curve), expected, "{points:?}");
        }
    }

    #[test]
    fn parts_per_million_are_told_in_percent() {
        for (ppm, percent) in [(0, "0"), (123_456, "12.3456"), (-500_000, "-50"), (1, "0.0001")] {
            assert_eq!(super::percent(ppm).map(|percent| percent.to_string()).as_deref(), Some(percent));
        }
    }
}
