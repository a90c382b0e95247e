//! Which trades are in a journal, by name.

use std::collections::BTreeSet;

use crate::ids::TradeId;

/// The names of all trades. Ids sort by the time they were made, so nearly every one is later than
/// all before it and joins the end of a sorted run; the few that are not go to a set beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TradeIds {
    pub(super) run: Vec<TradeId>,
    pub(super) late: BTreeSet<TradeId>,
}

impl TradeIds {
    pub(super) fn contains(&self, id: TradeId) -> bool {
        if self.run.last().is_none_or(|last| *last < id) {
            return false;
        }
        self.run.binary_search(&id).is_ok() || self.late.contains(&id)
    }

    pub(super) fn insert(&mut self, id: TradeId) {
        if self.run.last().is_none_or(|last| *last < id) {
            self.run.push(id);
        } else {
            self.late.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn names_of_trades_are_known_in_whatever_order_they_come() {
        let mut ids = TradeIds::default();
        let name = |n: u64| TradeId::new(Timestamp::from_millis(n as i64), [0; 10]);
        let mut dice = crate::testing::Dice::new(1);
        let mut known = BTreeSet::new();
        for _ in 0..5_000 {
            let id = name(dice.below(3_000));
            assert_eq!(ids.contains(id), known.contains(&id));
            if known.insert(id) {
                ids.insert(id);
            }
        }
        assert_eq!(known.len(), ids.run.len() + ids.late.len());
    }
}
