//! Who owns which nonce of one sender on one chain.
//!
//! One task has the lane. It takes a nonce, signs, and has the signed attempt kept before it takes the next; a
//! nonce whose attempt was not kept is given back. So what is kept has no gaps, and what comes back after a
//! crash is [`Lane::restore`]d from what was kept.

use std::collections::BTreeMap;

use crate::ids::TransactionId;

/// The nonces of a sender that are not finally consumed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lane {
    /// Whose they are.
    owners: BTreeMap<u64, TransactionId>,
    /// The nonce after the last that was ever ours. A node that lags does not make us use one twice.
    after_ours: u64,
    /// The chain's next nonce, as last seen.
    latest: u64,
}

/// No nonce can be taken now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{in_flight} transactions of this wallet are out already; more would be dropped by nodes")]
pub struct Full {
    /// How many are out.
    pub in_flight: u64,
}

/// What is out of order in a lane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Disorder {
    /// Nonces that nobody owns, with owned ones behind them: each wants a transaction that does nothing.
    pub gaps: Vec<u64>,
    /// Nonces that the chain has used and nobody here owned: the key is used elsewhere too.
    pub foreign: Vec<u64>,
}

impl Lane {
    /// The lane of a sender, from what was kept: who owns the nonces that are not settled, and the nonce after the
    /// last that was ever signed.
    pub fn restore(owners: impl IntoIterator<Item = (u64, TransactionId)>, after_ours: u64) -> Lane {
        let owners: BTreeMap<u64, TransactionId> = owners.into_iter().collect();
        let after = owners.last_key_value().map_or(0, |(nonce, _)| nonce.saturating_add(1));
        Lane { owners, after_ours: after_ours.max(after), latest: 0 }
    }

    /// Whose a nonce is.
    pub fn owner(&self, nonce: u64) -> Option<TransactionId> {
        self.owners.get(&nonce).copied()
    }

    /// The nonce that would be taken next, where the chain's is `latest`.
    pub fn next(&self, latest: u64) -> u64 {
        self.after_ours.max(latest)
    }

    /// Takes the next nonce for `owner`, while fewer than `window` are out beyond the chain's `latest`.
    ///
    /// # Errors
    /// [`Full`].
    pub fn take(&mut self, owner: TransactionId, latest: u64, window: u64) -> Result<u64, Full> {
        let nonce = self.next(latest);
        let in_flight = nonce - latest;
        if in_flight >= window {
            return Err(Full { in_flight });
        }
        self.owners.insert(nonce, owner);
        self.after_ours = nonce + 1;
        Ok(nonce)
    }

    /// Whether `owner` may sign at this nonce: it owns it; or it is a gap, which it then owns. To be asked before
    /// every signature at a nonce that is given: what was a gap may have an owner by now, or be used up by the
    /// chain, whose next nonce is `latest`.
    pub fn claim(&mut self, owner: TransactionId, nonce: u64, latest: u64) -> bool {
        match self.owners.get(&nonce) {
            Some(known) => *known == owner,
            None if nonce >= latest && nonce < self.after_ours => {
                self.owners.insert(nonce, owner);
                true
            }
            None => false,
        }
    }

    /// Takes back a nonce that was taken or claimed and of which nothing was kept. The last one is free again; one
    /// before it is a gap.
    pub fn give_back(&mut self, nonce: u64) {
        let owned = self.owners.remove(&nonce).is_some();
        if owned && nonce.checked_add(1) == Some(self.after_ours) {
            self.after_ours = nonce;
        }
    }

    /// Compares with the chain, whose next nonce is `latest`, and `deep` by its last final block. Nonces below
    /// `deep` are consumed and forgotten.
    pub fn observe(&mut self, latest: u64, deep: u64) -> Disorder {
        let foreign = (self.after_ours.max(self.latest)..latest).collect();
        self.latest = latest;
        let gaps = (latest..self.after_ours).filter(|nonce| !self.owners.contains_key(nonce)).collect();
        self.owners = self.owners.split_off(&deep);
        Disorder { gaps, foreign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> TransactionId {
        TransactionId::from_bytes([n; 16])
    }

    #[test]
    fn nonces_are_taken_in_order_within_the_window_and_can_be_given_back() {
        let mut lane = Lane::default();
        assert_eq!((lane.take(id(1), 7, 2), lane.take(id(2), 7, 2)), (Ok(7), Ok(8)));
        assert_eq!(lane.take(id(3), 7, 2), Err(Full { in_flight: 2 }));
        lane.give_back(8);
        lane.give_back(8);
        assert_eq!(lane.take(id(3), 7, 2), Ok(8));
        assert_eq!((lane.owner(7), lane.owner(8), lane.owner(9)), (Some(id(1)), Some(id(3)), None));
        lane.give_back(7);
        assert_eq!(lane.observe(7, 7).gaps, [7], "there is one behind it");
    }

    #[test]
    fn a_lane_comes_back_as_it_was_and_sees_gaps_and_strangers() {
        let mut lane = Lane::restore([(5, id(1)), (7, id(2))], 0);
        assert_eq!(lane.observe(5, 5), Disorder { gaps: vec![6], foreign: vec![] });
        assert!(!lane.claim(id(3), 6, 7), "used up");
        assert!(lane.claim(id(3), 6, 5) && lane.claim(id(3), 6, 7) && lane.claim(id(2), 7, 5));
        assert!(!lane.claim(id(4), 6, 5) && !lane.claim(id(4), 8, 5), "not another's, and not where no gap is");
        assert_eq!(lane.observe(5, 5), Disorder::default());
        assert_eq!(lane.observe(10, 8), Disorder { gaps: vec![], foreign: vec![8, 9] });
        assert_eq!(lane.observe(10, 8), Disorder::default(), "said once");
        assert_eq!((lane.owner(5), lane.take(id(4), 10, 16)), (None, Ok(10)));
    }

    #[test]
    fn a_node_that_lags_gives_no_nonce_twice_and_a_stranger_taken_back_leaves_none_out() {
        let mut lane = Lane::restore([], 9);
        assert_eq!(lane.take(id(1), 3, 16), Ok(9));
        let mut lane = Lane::default();
        lane.observe(8, 6);
        // The block with the stranger's nonce 7 is gone again: it is the next one.
        lane.observe(7, 6);
        assert_eq!(lane.take(id(1), 7, 16), Ok(7));
    }
}
