//! An account's holdings by another cost method, a few moves at a time.
//!
//! A change of method recomputes the past. Of an old account that takes a while, and a page that shows it
//! may not stand still: whoever holds the account goes on with a [`Recount`] as its time allows, and only
//! the finished one is put in the place of what there was.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::money::Usd;
use crate::token::TokenKey;

use super::account::{Account, refused};
use super::error::LedgerError;
use super::position::Holding;
use super::settings::CostMethod;

/// Holdings by another cost method, as far as they are computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recount {
    method: CostMethod,
    /// Trades of the account when this began: only they move what is held.
    trades: u64,
    done: BTreeMap<TokenKey, Holding>,
    under_way: Option<(TokenKey, Holding)>,
}

impl Recount {
    /// Nothing computed yet.
    pub const fn new(method: CostMethod) -> Recount {
        Recount { method, trades: 0, done: BTreeMap::new(), under_way: None }
    }

    /// Takes up to `most` more moves of `account`, and says whether that was the last of them. An account
    /// that has traded since is counted from its beginning.
    ///
    /// # Errors
    /// [`LedgerError::TooLarge`] where a sum by the other method does not fit.
    pub fn go_on(&mut self, account: &Account, most: usize) -> Result<bool, LedgerError> {
        let trades = account.totals().trades();
        if self.trades != trades {
            *self = Recount { trades, ..Recount::new(self.method) };
        }
        let mut left = most;
        let from = self.done.last_key_value().map_or(Bound::Unbounded, |(token, _)| Bound::Excluded(*token));
        for (token, position) in account.positions_from(from) {
            let holding = position.holding();
            let mut other = match self.under_way.take() {
                Some((of, other)) if of == token => other,
                Some(_) | None => holding.anew(self.method),
            };
            left -= holding.replay_onto(&mut other, left).map_err(|error| refused(token, error))?;
            if !holding.is_replayed_by(&other) {
                self.under_way = Some((token, other));
                return Ok(false);
            }
            self.done.insert(token, other);
        }
        Ok(true)
    }

    /// Everything computed, whatever `begun` had of it.
    ///
    /// # Errors
    /// As [`Recount::go_on`].
    pub(super) fn whole(begun: Option<Recount>, account: &Account, method: CostMethod) -> Result<Recount, LedgerError> {
        let mut recount = begun.filter(|begun| begun.method == method).unwrap_or_else(|| Recount::new(method));
        while !recount.go_on(account, usize::MAX)? {}
        Ok(recount)
    }

    /// `before` and all that was realised in the holdings.
    ///
    /// # Errors
    /// As [`Recount::go_on`].
    pub(super) fn realised(&self, before: Usd) -> Result<Usd, LedgerError> {
        self.done.values().try_fold(before, |sum, holding| Ok(sum.plus(holding.realised())?))
    }

    /// The holdings, by token.
    pub(super) fn into_holdings(self) -> impl Iterator<Item = Holding> {
        self.done.into_values()
    }
}

#[cfg(test)]
mod tests {
    use crate::ledger::{Event, Settings};
    use crate::testing::Story;

    use super::*;

    fn account(seed: u64) -> Account {
        let mut story = Story::begin(seed).unwrap();
        while story.step().is_some() {}
        story.ledger().account().clone()
    }

    #[test]
    fn in_pieces_of_any_size_it_comes_to_the_same() {
        for seed in 0..60 {
            let account = account(seed);
            for method in CostMethod::ALL {
                let whole = Recount::whole(None, &account, method).unwrap();
                for most in [1, 2, 7] {
                    let mut recount = Recount::new(method);
                    while !recount.go_on(&account, most).unwrap() {}
                    assert_eq!(recount, whole, "{seed} {method} {most}");
                }
            }
        }
    }

    #[test]
    fn a_trade_or_another_method_in_between_begins_it_anew() {
        let mut story = Story::begin(3).unwrap();
        let mut recount = Recount::new(CostMethod::Lifo);
        while story.step().is_some() {
            recount.go_on(story.ledger().account(), 1).unwrap();
        }
        let account = story.ledger().account();
        assert!(account.totals().trades() > 3);
        for method in [CostMethod::Lifo, CostMethod::Hifo] {
            let whole = Recount::whole(Some(recount.clone()), account, method).unwrap();
            assert_eq!(whole, Recount::whole(None, account, method).unwrap());
        }
    }

    #[test]
    fn an_account_that_changes_its_method_takes_what_was_recounted() {
        for seed in 0..30 {
            let account = account(seed);
            for cost_method in CostMethod::ALL {
                let mut changed = account.clone();
                let settings = Settings { cost_method, ..*account.settings() };
                changed.apply(&Event::SettingsChanged(settings), account.at()).unwrap();
                if cost_method == account.settings().cost_method {
                    continue;
                }
                let recount = Recount::whole(None, &account, cost_method).unwrap();
                let holdings: Vec<Holding> = recount.into_holdings().collect();
                assert_eq!(
                    changed.all_positions().map(|position| position.holding().clone()).collect::<Vec<_>>(),
                    holdings
                );
            }
        }
    }
}
