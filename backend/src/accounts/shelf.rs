//! The copies that a keeper has in memory, and how the others come there.
//!
//! Folds of recent accounts stay. One that is not there is read from the store as it was kept, and what came after it
//! is folded again; it is kept anew whenever a quarter has come to it, so an account of any age costs a bounded part of
//! its length to open and nothing to append to.

use std::collections::HashMap;

use shared::ids::AccountId;
use shared::wire::accounts::JournalHead;

use super::AccountError;
use super::copy::Fold;
use crate::store::copies::Copies;

/// Entries of all folds in memory together, about, for one keeper. The one that was used last always stays.
const MOST_ENTRIES: u64 = 40_000;
/// What an account weighs beside its entries.
const WEIGHT: u64 = 64;
/// Lines that are read at once to be folded.
const PIECE: usize = 1_000;
/// Entries by which a fold has to grow before it is kept, at least.
const LEAST_GROWTH: u64 = 1_024;
/// Lines after which others have their turn.
pub const TURN: usize = 64;

/// The copies in memory.
#[derive(Debug)]
pub struct Shelf {
    copies: Copies,
    kept: HashMap<AccountId, Kept>,
    /// Grows with every use.
    uses: u64,
}

/// A copy in memory, as the store has it.
#[derive(Debug)]
pub struct Kept {
    /// What its lines come to.
    pub fold: Fold,
    /// Bytes of its lines and of those of its branches.
    pub bytes: u64,
    /// How often its owner chose one branch over another.
    pub choices: u64,
    /// The number of the last entry in the fold that the store has.
    folded: u64,
    used: u64,
}

impl Kept {
    /// One of which the store has a fold until the entry with the number `folded`.
    pub const fn new(fold: Fold, bytes: u64, choices: u64, folded: u64) -> Kept {
        Kept { fold, bytes, choices, folded, used: 0 }
    }
}

impl Shelf {
    /// Nothing in memory yet.
    pub fn new(copies: Copies) -> Shelf {
        Shelf { copies, kept: HashMap::new(), uses: 0 }
    }

    /// Notes that bytes came to a branch of an account.
    pub fn note_branch(&mut self, account: AccountId, bytes: u64) {
        if let Some(kept) = self.kept.get_mut(&account) {
            kept.bytes += bytes;
        }
    }

    /// Lets all go.
    pub fn clear(&mut self) {
        self.kept.clear();
    }

    /// The copy, out of memory or out of the store; nothing where there is none. It is taken out: what is not put
    /// back is read anew.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn take(&mut self, account: AccountId) -> Result<Option<Kept>, AccountError> {
        if let Some(kept) = self.kept.remove(&account) {
            return Ok(Some(kept));
        }
        let Some(copy) = self.copies.copy(account).await? else { return Ok(None) };
        let (fold, folded) = self.fold_until(account, copy.head.seq).await?;
        if JournalHead::from(fold.end()) != copy.head {
            return Err(AccountError::Store(format!("the copy of {account} does not end as it says")));
        }
        Ok(Some(Kept::new(fold, copy.bytes, copy.choices, folded)))
    }

    /// Puts a copy back, as the store has it now.
    pub fn put(&mut self, account: AccountId, kept: Option<Kept>) {
        if let Some(kept) = kept {
            self.uses += 1;
            self.kept.insert(account, Kept { used: self.uses, ..kept });
        }
    }

    /// Folds a copy's lines until the one with this number, from the fold that was kept where it is of use; and
    /// the number of the last entry in that.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn fold_until(&self, account: AccountId, end: u64) -> Result<(Fold, u64), AccountError> {
        let damaged = |why: String| AccountError::Store(format!("the copy of {account} is damaged: {why}"));
        let copies = &self.copies;
        let mut fold = match copies.fold(account).await? {
            Some(kept) if kept.seq <= end => {
                let at = copies.lines_at(account, &[kept.seq]).await?.first().map(alloy_primitives::keccak256);
                // Megabytes, for an old account.
                let fold = tokio::task::spawn_blocking(move || Fold::read(&kept)).await.ok().flatten();
                fold.filter(|fold| {
                    fold.folded.ledger.account().id() == account && at == Some(fold.folded.ledger.head().hash)
                })
            }
            _ => None,
        };
        let folded = fold.as_ref().map_or(0, |fold| fold.end().seq);
        loop {
            let from = fold.as_ref().map_or(0, |fold| fold.end().seq);
            let most = usize::try_from(end - from).unwrap_or(PIECE).min(PIECE);
            let lines = if most == 0 { vec![] } else { copies.lines(account, from, most).await? };
            if lines.is_empty() {
                break;
            }
            for turn in lines.chunks(TURN) {
                for line in turn {
                    match &mut fold {
                        Some(fold) => drop(fold.take(line).map_err(|damage| damaged(damage.to_string()))?),
                        None => fold = Some(Fold::begin(account, line).map_err(damaged)?.0),
                    }
                }
                tokio::task::yield_now().await;
            }
        }
        let fold = fold.filter(|fold| fold.end().seq == end).ok_or_else(|| damaged("lines are missing".into()))?;
        Ok((fold, folded))
    }

    /// Keeps the fold where it has grown by a quarter. It is a cache: a failure costs time later.
    pub async fn keep_fold(&mut self, account: AccountId) {
        let Some(kept) = self.kept.get_mut(&account) else { return };
        let seq = kept.fold.end().seq;
        if seq < kept.folded + LEAST_GROWTH.max(kept.folded / 4) {
            return;
        }
        match self.copies.keep_fold(account, kept.fold.kept()).await {
            Ok(()) => kept.folded = seq,
            Err(error) => tracing::warn!(event = "fold_unkept", %account, %error, "A fold could not be kept"),
        }
    }

    /// Lets those go from memory that were used longest ago, down to three quarters of what there may be.
    pub fn make_room(&mut self) {
        let weight = |kept: &Kept| kept.fold.end().seq + WEIGHT;
        let mut sum: u64 = self.kept.values().map(weight).sum();
        if sum <= MOST_ENTRIES {
            return;
        }
        let mut by_age: Vec<(u64, AccountId, u64)> =
            self.kept.iter().map(|(account, kept)| (kept.used, *account, weight(kept))).collect();
        by_age.sort_unstable();
        by_age.pop();
        for (_, account, weight) in by_age {
            if sum <= MOST_ENTRIES / 4 * 3 {
                break;
            }
            self.kept.remove(&account);
            sum -= weight;
        }
    }
}
