//! What is held of one token, and what it cost: average, FIFO, LIFO and HIFO.
//!
//! A disposal takes cost **by remainder**: part of a lot takes its share, rounded half to even at
//! 12 places, and whoever takes the last of a lot takes all the cost that is left. So nothing is
//! ever lost or made by rounding, and when everything is sold every method has realised the same.
//! That is also why the tape of moves, from which another method is computed, may begin anew each
//! time nothing is held.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::{U256, U512};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::money::{MoneyError, Price, Rounding, Units, Usd, mul_div, pow10};

use super::settings::CostMethod;

/// Units that came in together, and what is left of their cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lot {
    /// Base units left.
    pub units: Units,
    /// Their cost in dollars.
    pub cost: Usd,
}

/// Why a disposal was refused. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldingError {
    /// More would leave than is held.
    #[error("{needed} base units would leave, and {available} are held")]
    Short {
        /// Base units that would leave.
        needed: Units,
        /// Base units held.
        available: Units,
    },
    /// A sum that does not fit.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// What is held of one token under one cost method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    pub(super) units: Units,
    pub(super) cost: Usd,
    pub(super) realised: Usd,
    pub(super) lots: Lots,
    /// Realised when nothing was held the last time: the same by every method.
    pub(super) settled: Usd,
    /// Every move since then.
    pub(super) tape: Vec<Move>,
}

/// One move of units, as any method needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    In { units: Units, cost: Usd },
    Out { units: Units, proceeds: Usd },
}

impl Holding {
    /// Nothing held yet.
    pub const fn new(method: CostMethod) -> Holding {
        Holding {
            units: Units::ZERO,
            cost: Usd::ZERO,
            realised: Usd::ZERO,
            lots: Lots::new(method),
            settled: Usd::ZERO,
            tape: Vec::new(),
        }
    }

    /// Base units held.
    pub const fn units(&self) -> Units {
        self.units
    }

    /// What the units held cost, by the method in force.
    pub const fn cost(&self) -> Usd {
        self.cost
    }

    /// Profit or loss realised so far, by the method in force.
    pub const fn realised(&self) -> Usd {
        self.realised
    }

    /// The lots held, in the order they will be taken. By average cost all is one lot.
    pub fn lots(&self) -> Vec<Lot> {
        match &self.lots {
            Lots::Average if self.units.is_zero() => Vec::new(),
            Lots::Average => vec![Lot { units: self.units, cost: self.cost }],
            Lots::Fifo(lots) => lots.iter().copied().collect(),
            Lots::Lifo(lots) => lots.iter().rev().copied().collect(),
            Lots::Hifo { lots, .. } => lots.values().copied().collect(),
        }
    }

    /// Cost of one whole token of `decimals` decimals, to as many digits as a price has, half to
    /// even. `None` where nothing is held, it cost nothing, or no price could say it.
    pub fn average_price(&self, decimals: u8) -> Option<Price> {
        unit_price(self.cost, self.units, decimals)
    }

    /// Takes units in at a cost in dollars.
    ///
    /// # Errors
    /// [`HoldingError::Money`] for no units, a negative cost, or sums that do not fit; nothing
    /// changed.
    pub fn receive(&mut self, units: Units, cost: Usd) -> Result<(), HoldingError> {
        (self.units, self.cost) = self.check_receipt(units, cost)?;
        self.lots.push(Lot { units, cost });
        self.tape.push(Move::In { units, cost });
        Ok(())
    }

    /// The units and cost there would be after [`Holding::receive`].
    ///
    /// # Errors
    /// As [`Holding::receive`].
    pub fn check_receipt(&self, units: Units, cost: Usd) -> Result<(Units, Usd), HoldingError> {
        if units.is_zero() {
            return Err(MoneyError::Zero.into());
        }
        if cost.is_negative() {
            return Err(MoneyError::Negative.into());
        }
        Ok((self.units.plus(units)?, self.cost.plus(cost)?))
    }

    /// Whether [`Holding::dispose`] would succeed.
    ///
    /// # Errors
    /// As [`Holding::dispose`].
    pub fn check_disposal(&self, units: Units, proceeds: Usd) -> Result<(), HoldingError> {
        if units > self.units {
            return Err(HoldingError::Short { needed: units, available: self.units });
        }
        if units.is_zero() {
            return Err(MoneyError::Zero.into());
        }
        // Whatever the method takes lies between nothing and all of the cost.
        let most = self.realised.plus(proceeds)?;
        most.minus(self.cost)?;
        Ok(())
    }

    /// Lets units go for `proceeds` (what came in less the costs of selling; it may be negative)
    /// and returns what was realised: the proceeds less the cost taken.
    ///
    /// # Errors
    /// [`HoldingError::Short`]; [`HoldingError::Money`] for no units or sums that do not fit;
    /// nothing changed.
    pub fn dispose(&mut self, units: Units, proceeds: Usd) -> Result<Usd, HoldingError> {
        self.check_disposal(units, proceeds)?;
        let taken = if units == self.units {
            self.lots.clear();
            self.cost
        } else {
            self.lots.take(units, Lot { units: self.units, cost: self.cost })
        };
        // None of these can fail: no more is taken than is there, and the check was wider.
        let gain = proceeds.minus(taken)?;
        self.realised = self.realised.plus(gain)?;
        self.cost = self.cost.minus(taken)?;
        self.units = self.units.minus(units)?;
        if self.units.is_zero() {
            self.settled = self.realised;
            self.tape.clear();
        } else {
            self.tape.push(Move::Out { units, proceeds });
        }
        Ok(gain)
    }

    /// The same moves by another method. Realised and cost change, realised less cost never does.
    ///
    /// # Errors
    /// [`HoldingError::Money`] where a sum by the other method does not fit.
    pub fn by_method(&self, method: CostMethod) -> Result<Holding, HoldingError> {
        let mut other = self.anew(method);
        self.replay_onto(&mut other, usize::MAX)?;
        Ok(other)
    }

    /// What was held before the first move of the tape, to take those moves by another method.
    pub(super) fn anew(&self, method: CostMethod) -> Holding {
        let mut other = Holding { realised: self.settled, settled: self.settled, ..Holding::new(method) };
        other.tape.reserve(self.tape.len());
        other
    }

    /// Takes up to `most` moves that `other`, begun by [`Holding::anew`], lacks; returns how many.
    ///
    /// # Errors
    /// As [`Holding::by_method`].
    pub(super) fn replay_onto(&self, other: &mut Holding, most: usize) -> Result<usize, HoldingError> {
        // Something is held after every move of a tape, so `other` has as many moves on its own.
        let moves = &self.tape[other.tape.len()..];
        let moves = &moves[..most.min(moves.len())];
        for step in moves {
            match *step {
                Move::In { units, cost } => other.receive(units, cost)?,
                Move::Out { units, proceeds } => {
                    other.dispose(units, proceeds)?;
                }
            }
        }
        Ok(moves.len())
    }

    /// Whether `other` has taken every move.
    pub(super) fn is_replayed_by(&self, other: &Holding) -> bool {
        self.tape.len() == other.tape.len()
    }

    /// Moves on the tape.
    pub(super) fn moves(&self) -> usize {
        self.tape.len()
    }
}

/// The lots as each method keeps them. By average the holding's own sums are the one lot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Lots {
    Average,
    Fifo(VecDeque<Lot>),
    Lifo(Vec<Lot>),
    Hifo { lots: BTreeMap<Rank, Lot>, next: u64 },
}

impl Lots {
    const fn new(method: CostMethod) -> Lots {
        match method {
            CostMethod::Average => Lots::Average,
            CostMethod::Fifo => Lots::Fifo(VecDeque::new()),
            CostMethod::Lifo => Lots::Lifo(Vec::new()),
            CostMethod::Hifo => Lots::Hifo { lots: BTreeMap::new(), next: 0 },
        }
    }

    fn push(&mut self, lot: Lot) {
        match self {
            Lots::Average => {}
            Lots::Fifo(lots) => lots.push_back(lot),
            Lots::Lifo(lots) => lots.push(lot),
            Lots::Hifo { lots, next } => {
                lots.insert(Rank { bought: lot, number: *next }, lot);
                *next += 1;
            }
        }
    }

    /// Takes `units`, fewer than `all` there are, and returns their cost.
    fn take(&mut self, units: Units, all: Lot) -> Usd {
        let mut wanted = Taking { units, cost: 0 };
        match self {
            Lots::Average => wanted.cost = share(all, units).atoms(),
            Lots::Fifo(lots) => {
                while let Some(lot) = lots.front_mut()
                    && wanted.empties(lot)
                {
                    lots.pop_front();
                }
            }
            Lots::Lifo(lots) => {
                while let Some(lot) = lots.last_mut()
                    && wanted.empties(lot)
                {
                    lots.pop();
                }
            }
            Lots::Hifo { lots, .. } => {
                while let Some(mut first) = lots.first_entry()
                    && wanted.empties(first.get_mut())
                {
                    first.remove();
                }
            }
        }
        // A part of the holding's cost, so it fits where that does.
        Usd::from_atoms(wanted.cost).unwrap_or(all.cost)
    }

    fn clear(&mut self) {
        match self {
            Lots::Average => {}
            Lots::Fifo(lots) => lots.clear(),
            Lots::Lifo(lots) => lots.clear(),
            Lots::Hifo { lots, next } => {
                lots.clear();
                *next = 0;
            }
        }
    }
}

/// A disposal under way: units still wanted, and the cost taken so far in 10⁻¹² dollars.
struct Taking {
    units: Units,
    cost: i128,
}

impl Taking {
    /// Takes from one lot as much as it has or as is wanted, and says whether it is used up.
    fn empties(&mut self, lot: &mut Lot) -> bool {
        if self.units.is_zero() {
            return false;
        }
        if lot.units <= self.units {
            self.units = Units(self.units.0 - lot.units.0);
            self.cost += lot.cost.atoms();
            return true;
        }
        let part = share(*lot, self.units);
        lot.units = Units(lot.units.0 - self.units.0);
        lot.cost = lot.cost.minus(part).unwrap_or_default();
        self.cost += part.atoms();
        self.units = Units::ZERO;
        false
    }
}

/// The cost of `units` out of a lot that has more: no more than the lot's own, so it always fits.
fn share(lot: Lot, units: Units) -> Usd {
    lot.cost.portion(units.0, lot.units.0, Rounding::HalfEven).unwrap_or(lot.cost)
}

/// The place of a lot among others by HIFO: dearest by what one unit cost when it came in, then oldest.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rank {
    pub(super) bought: Lot,
    pub(super) number: u64,
}

impl Ord for Rank {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.bought, &other.bought);
        // cost_a ÷ units_a against cost_b ÷ units_b, without dividing.
        let dearness = Reverse(cross(a, b)).cmp(&Reverse(cross(b, a)));
        dearness.then(self.number.cmp(&other.number))
    }
}

fn cross(a: &Lot, b: &Lot) -> U512 {
    let wide = |a: U256, b: U256| -> U512 { a.widening_mul(b) };
    wide(a.cost.magnitude(), b.units.0)
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Rank {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Rank {}

/// `cost` for one whole token when `units` cost that, to as many digits as a price has.
fn unit_price(cost: Usd, units: Units, decimals: u8) -> Option<Price> {
    let most = U256::from(u128::MAX >> 32);
    // mantissa = atoms × 10^(decimals + scale − 12) ÷ units, for the finest scale that fits.
    for scale in (0..=Decimal::MAX_SCALE).rev() {
        let up = u32::from(decimals) + scale;
        let mantissa = if up >= crate::money::USD_SCALE {
            pow10(up - crate::money::USD_SCALE)
                .and_then(|up| mul_div(cost.magnitude(), up, units.0, Rounding::HalfEven))
        } else {
            pow10(crate::money::USD_SCALE - up)
                .and_then(|down| units.0.checked_mul(down).ok_or(MoneyError::Overflow))
                .and_then(|down| mul_div(cost.magnitude(), U256::ONE, down, Rounding::HalfEven))
        };
        match mantissa {
            Ok(mantissa) if mantissa <= most => {
                let mantissa = i128::try_from(mantissa.to::<u128>()).ok()?;
                return Price::new(Decimal::try_from_i128_with_scale(mantissa, scale).ok()?.normalize()).ok();
            }
            Ok(_) | Err(MoneyError::Overflow) => {}
            Err(_) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(n: u64) -> Units {
        Units(U256::from(n))
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    /// Ten units each at 10, 30, 20 and 30 dollars a lot.
    fn four_lots(method: CostMethod) -> Holding {
        let mut holding = Holding::new(method);
        for cost in ["10", "30", "20", "30"] {
            holding.receive(units(10), usd(cost)).unwrap();
        }
        holding
    }

    #[test]
    fn each_method_takes_the_lots_its_name_says() {
        use CostMethod::{Average, Fifo, Hifo, Lifo};
        for (method, sold, cost_taken, lots) in [
            (Average, 15, "33.75", &[(25, "56.25")][..]),
            (Fifo, 15, "25", &[(5, "15"), (10, "20"), (10, "30")]),
            (Lifo, 15, "40", &[(5, "10"), (10, "30"), (10, "10")]),
            // Of two equally dear lots the older goes first.
            (Hifo, 15, "45", &[(5, "15"), (10, "20"), (10, "10")]),
            (Hifo, 25, "70", &[(5, "10"), (10, "10")]),
            (Fifo, 40, "90", &[]),
        ] {
            let mut holding = four_lots(method);
            let gain = holding.dispose(units(sold), usd("100")).unwrap();
            assert_eq!(gain, usd("100").minus(usd(cost_taken)).unwrap(), "{method}");
            let left: Vec<_> = holding.lots().iter().map(|lot| (lot.units.0.to::<u64>(), lot.cost)).collect();
            assert_eq!(left, lots.iter().map(|(n, cost)| (*n, usd(cost))).collect::<Vec<_>>(), "{method}");
        }
    }

    #[test]
    fn cost_goes_by_remainder_so_nothing_is_lost_to_rounding() {
        for method in CostMethod::ALL {
            let mut holding = Holding::new(method);
            holding.receive(units(3), usd("0.000000000010")).unwrap();
            let taken = [1, 1, 1].map(|n| holding.dispose(units(n), Usd::ZERO).unwrap().negated().atoms());
            // 10 ÷ 3 to even is 3, 7 ÷ 2 to even is 4, and 3 is left.
            assert_eq!(taken, [3, 4, 3], "{method}");
            assert_eq!((holding.cost(), holding.realised()), (Usd::ZERO, usd("-0.00000000001")));
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        let most = Usd::from_atoms((1 << 96) - 1).unwrap();
        for method in CostMethod::ALL {
            let mut holding = four_lots(method);
            let before = holding.clone();
            let short = HoldingError::Short { needed: units(41), available: units(40) };
            assert_eq!(holding.dispose(units(41), Usd::ZERO), Err(short));
            assert_eq!(holding.dispose(units(0), Usd::ZERO), Err(MoneyError::Zero.into()));
            assert_eq!(holding.dispose(units(1), most.negated()), Err(MoneyError::Overflow.into()));
            assert_eq!(holding.receive(units(0), Usd::ZERO), Err(MoneyError::Zero.into()));
            assert_eq!(holding.receive(units(1), usd("-1")), Err(MoneyError::Negative.into()));
            assert_eq!(holding.receive(units(1), most), Err(MoneyError::Overflow.into()));
            assert_eq!(holding.receive(Units(U256::MAX), Usd::ZERO), Err(MoneyError::Overflow.into()));
            assert_eq!(holding, before, "{method}");
        }
    }

    #[test]
    fn the_average_price_has_as_many_digits_as_a_price() {
        for (count, cost, decimals, expected) in [
            (3, "1", 0, Some("0.3333333333333333333333333333")),
            (2_000_000, "3", 6, Some("1.5")),
            (3, "20000000000000000", 0, Some("6666666666666666.6666666666667")),
            (1, "0", 0, None),
            (1, "79228162514264337", 18, None),
        ] {
            let mut holding = Holding::new(CostMethod::Average);
            holding.receive(units(count), usd(cost)).unwrap();
            let price = holding.average_price(decimals).map(|price| price.to_string());
            assert_eq!(price.as_deref(), expected, "{count} for {cost}");
        }
        assert_eq!(Holding::new(CostMethod::Average).average_price(18), None);
    }

    /// The methods as a book would explain them: slow, on small numbers, and written apart.
    struct Oracle {
        method: CostMethod,
        /// Units left, cost left, units and cost when bought.
        lots: Vec<(i128, i128, i128, i128)>,
        realised: i128,
    }

    impl Oracle {
        fn receive(&mut self, n: i128, cost: i128) {
            match self.lots.first_mut().filter(|_| self.method == CostMethod::Average) {
                Some(lot) => (lot.0, lot.1) = (lot.0 + n, lot.1 + cost),
                None => self.lots.push((n, cost, n, cost)),
            }
        }

        fn dispose(&mut self, mut n: i128, proceeds: i128) {
            self.realised += proceeds;
            while n > 0 {
                let next = match self.method {
                    CostMethod::Average | CostMethod::Fifo => 0,
                    CostMethod::Lifo => self.lots.len() - 1,
                    CostMethod::Hifo => {
                        let mut best = 0;
                        for (i, lot) in self.lots.iter().enumerate() {
                            if lot.3 * self.lots[best].2 > self.lots[best].3 * lot.2 {
                                best = i;
                            }
                        }
                        best
                    }
                };
                let lot = &mut self.lots[next];
                if lot.0 <= n {
                    n -= lot.0;
                    self.realised -= lot.1;
                    self.lots.remove(next);
                } else {
                    let (whole, rest) = (lot.1 * n / lot.0, lot.1 * n % lot.0);
                    let up = 2 * rest > lot.0 || (2 * rest == lot.0 && whole % 2 == 1);
                    let part = whole + i128::from(up);
                    self.realised -= part;
                    (lot.0, lot.1) = (lot.0 - n, lot.1 - part);
                    n = 0;
                }
            }
        }
    }

    #[test]
    fn every_method_agrees_with_its_plain_explanation() {
        let mut dice = crate::testing::Dice::new(4);
        for round in 0..400 {
            let method = CostMethod::ALL[round % 4];
            let mut holding = Holding::new(method);
            let mut oracle = Oracle { method, lots: Vec::new(), realised: 0 };
            for _ in 0..60 {
                let held: u64 = holding.units().0.to();
                if held == 0 || dice.once_in(2) {
                    let (n, cost) = (1 + dice.below(50), dice.below(300));
                    holding.receive(units(n), Usd::from_atoms(cost.into()).unwrap()).unwrap();
                    oracle.receive(n.into(), cost.into());
                } else {
                    let n = if dice.once_in(6) { held } else { 1 + dice.below(held.min(80)) };
                    let proceeds = i128::from(dice.below(400)) - 40;
                    holding.dispose(units(n), Usd::from_atoms(proceeds).unwrap()).unwrap();
                    oracle.dispose(n.into(), proceeds);
                }
                let cost: i128 = oracle.lots.iter().map(|lot| lot.1).sum();
                assert_eq!((holding.realised().atoms(), holding.cost().atoms()), (oracle.realised, cost), "{method}");
                // Any other method comes to this one by the tape.
                let other = holding.by_method(CostMethod::ALL[(round + 1) % 4]).unwrap();
                let earned = |holding: &Holding| holding.realised().atoms() - holding.cost().atoms();
                assert_eq!(earned(&other), earned(&holding));
                assert_eq!(other.by_method(method).unwrap(), holding);
            }
        }
    }

    #[test]
    fn a_hundred_thousand_lots_are_no_burden_to_any_method() {
        // A method quadratic in its lots would take minutes here; the test's time limit is the check.
        for method in CostMethod::ALL {
            let mut holding = Holding::new(method);
            let mut dice = crate::testing::Dice::new(9);
            for _ in 0..100_000 {
                holding.receive(units(1_000), Usd::from_atoms(dice.below(1 << 40).into()).unwrap()).unwrap();
            }
            for _ in 0..99_999 {
                holding.dispose(units(1_000), Usd::ZERO).unwrap();
            }
            assert_eq!(holding.units(), units(1_000));
        }
    }
}
