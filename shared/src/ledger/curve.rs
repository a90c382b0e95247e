//! How an account's equity went: a line through its journal that never grows long.
//!
//! A point is what the account was worth right after an entry, each position at the last price its token had
//! in the journal (a pinned one at $1): what the account itself could know at that time. Beyond
//! [`MAX_POINTS`] every other point is let go, and from then on half as many are taken. So the line costs
//! the same to keep and to draw whatever the length of the journal, and it is a fold: the same journal
//! always draws the same line.

use std::collections::BTreeMap;

use crate::money::{Price, Usd};
use crate::time::Timestamp;
use crate::token::TokenKey;

use super::account::Account;
use super::event::Event;

/// The most points a curve keeps.
pub const MAX_POINTS: usize = 256;

/// What an account was worth at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub at: Timestamp,
    /// Cash and positions.
    pub equity: Usd,
    /// Deposits less withdrawals until then.
    pub net_deposits: Usd,
    /// What trading had cost until then: gas, LP fees, impact and slippage.
    pub costs: Usd,
}

/// The line through an account's journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Curve {
    pub(super) points: Vec<Point>,
    pub(super) prices: BTreeMap<TokenKey, Price>,
    /// Entries seen.
    pub(super) seen: u64,
    /// Every how many entries a point is taken: a power of two.
    pub(super) stride: u64,
}

impl Default for Curve {
    fn default() -> Curve {
        Curve { points: Vec::new(), prices: BTreeMap::new(), seen: 0, stride: 1 }
    }
}

impl Curve {
    /// The points, oldest first. The newest entries may not have one yet.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// Takes in the next entry: `event` happened, and `account` is what it left.
    pub fn observe(&mut self, account: &Account, event: &Event) {
        if let Some(trade) = event.trade() {
            let legs = [(trade.order.sold(), &trade.sold), (trade.order.bought(), &trade.bought)];
            for (token, leg) in legs {
                if let (Some(token), Some(leg)) = (token, leg) {
                    self.prices.insert(token, leg.price);
                }
            }
        }
        let is_due = self.seen.is_multiple_of(self.stride);
        self.seen += 1;
        // A sum that does not fit, or a token nobody knows, leaves a gap and not a guess.
        if is_due && let Some(point) = self.point(account) {
            self.points.push(point);
            if self.points.len() > MAX_POINTS {
                let mut at = 0;
                self.points.retain(|_| {
                    at += 1;
                    at % 2 == 1
                });
                self.stride *= 2;
            }
        }
    }

    fn point(&self, account: &Account) -> Option<Point> {
        let worth = account.valuation(&self.prices).ok()?;
        Some(Point { at: account.at(), equity: worth.equity?, net_deposits: worth.net_deposits, costs: worth.costs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;
    use crate::ledger::{Ledger, MarketKind, Opened, Position, Settings};
    use crate::money::Rounding;
    use crate::testing::Story;

    /// A curve through an opening and `deposits` deposits of a dollar, a second apart.
    fn deposited(deposits: u64) -> Curve {
        let opened = Opened {
            account: AccountId::from_bytes([7; 16]),
            market: MarketKind::Demo,
            name: "Curve".into(),
            deposit: Usd::whole(100),
            settings: Settings::default(),
        };
        let (mut ledger, entry) = Ledger::open(opened, Timestamp::EPOCH).unwrap();
        let mut curve = Curve::default();
        curve.observe(ledger.account(), &entry.event);
        for second in 1..=deposits {
            let at = Timestamp::from_secs(i64::try_from(second).unwrap());
            let entry = ledger.append(Event::Deposited { usd: Usd::whole(1) }, at).unwrap();
            curve.observe(ledger.account(), &entry.event);
        }
        curve
    }

    #[test]
    fn every_entry_has_a_point_until_there_are_too_many() {
        let most = u64::try_from(MAX_POINTS).unwrap();
        let curve = deposited(most - 1);
        assert_eq!(curve.points().len(), MAX_POINTS);
        assert_eq!(curve.points()[0].equity, Usd::whole(100));
        assert_eq!(curve.points()[5].equity, Usd::whole(105));
        assert_eq!(curve.points()[5].net_deposits, Usd::whole(105));
    }

    #[test]
    fn a_point_is_cash_and_every_position_at_the_last_price_of_its_token() {
        let mut checked = 0;
        for seed in 0..40 {
            let mut story = Story::begin(seed).unwrap();
            while story.step().is_some() {}
            let Event::Opened(opened) = &story.entries()[0].event else { panic!("opened first") };
            let mut account = Account::open(opened, story.entries()[0].at).unwrap();
            let (mut curve, mut last) = (Curve::default(), BTreeMap::new());
            curve.observe(&account, &story.entries()[0].event);
            for entry in story.entries().iter().skip(1).take(MAX_POINTS - 1) {
                account.apply(&entry.event, entry.at).unwrap();
                let before = curve.points().len();
                curve.observe(&account, &entry.event);
                if let Some(trade) = entry.trade() {
                    last.extend(trade.order.sold().zip(trade.sold.as_ref().map(|leg| leg.price)));
                    last.extend(trade.order.bought().zip(trade.bought.as_ref().map(|leg| leg.price)));
                }
                let value = |position: &Position| {
                    let token = account.token(position.token())?;
                    let price = if token.pinned { Price::ONE } else { last[&token.key] };
                    price.value(position.units(), token.decimals, Rounding::HalfEven).ok()
                };
                let worth = account.positions().map(value).try_fold(account.cash(), |sum, value| sum.plus(value?).ok());
                assert_eq!(curve.points().len() - before, usize::from(worth.is_some()), "seed {seed}");
                if let Some(worth) = worth {
                    let point = curve.points()[before];
                    assert_eq!((point.equity, point.at), (worth, account.at()), "seed {seed}");
                    checked += usize::from(account.positions().count() > 1);
                }
            }
        }
        assert!(checked > 100, "{checked}");
    }

    #[test]
    fn a_long_journal_is_a_line_of_the_same_length_with_even_steps() {
        for entries in [256, 1_000, 10_000] {
            let curve = deposited(entries);
            let points = curve.points();
            assert!((MAX_POINTS / 2..=MAX_POINTS).contains(&points.len()), "{entries}: {}", points.len());
            assert_eq!(points[0].at, Timestamp::EPOCH);
            let step = points[1].at.since(points[0].at);
            assert!(points.windows(2).all(|pair| pair[1].at.since(pair[0].at) == step), "{entries}");
            // It reaches to within a step of the end.
            let end = Timestamp::from_secs(i64::try_from(entries).unwrap());
            assert!(end.since(points[points.len() - 1].at) < 2 * step);
        }
    }
}
