//! The account in hand: its ledger, its journal's entries, and how much of it is on the disk.
//!
//! A book changes only by entries that have been kept. To write one, the next state is made beside it
//! ([`Book::draft`]); only when the store has it does it take this one's place.

use std::sync::Arc;

use shared::ledger::{Account, Damage, Entry, Event, JournalError, Ledger, LedgerError};
use shared::time::Timestamp;

use crate::io::journal::Record;

/// An account and its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    record: Record,
    ledger: Ledger,
    /// Shared with whoever shows them: the list is as long as the account is old.
    entries: Arc<Vec<Arc<Entry>>>,
    is_kept: bool,
}

/// The state a book will have once `entry` is kept.
pub struct Draft {
    ledger: Ledger,
    /// What is to be kept.
    pub entry: Entry,
}

/// The first line of a stored journal that does not read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub damage: Damage,
    /// Every line as stored, for the owner to save.
    pub lines: Vec<String>,
}

impl Book {
    /// A new account that is nowhere yet.
    pub fn unkept(record: Record, ledger: Ledger, entry: Entry) -> Book {
        Book { record, ledger, entries: Arc::new(vec![Arc::new(entry)]), is_kept: false }
    }

    /// Folds a stored journal, verifying each line.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub fn replay(record: Record, lines: Vec<String>) -> Result<Book, Box<Damaged>> {
        // With its last newline a line is whole: nothing of a store is taken for cut off.
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        match Ledger::replay(text) {
            Ok(replay) => {
                let entries = replay.entries.into_iter().map(Arc::new).collect();
                Ok(Book { record, ledger: replay.ledger, entries: Arc::new(entries), is_kept: true })
            }
            Err(JournalError { line, damage }) => Err(Box::new(Damaged { line, damage, lines })),
        }
    }

    /// The account.
    pub const fn account(&self) -> &Account {
        self.ledger.account()
    }

    /// What this device knows of it.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Takes over what this device knows of it now.
    pub fn note(&mut self, record: Record) {
        self.record = record;
    }

    /// The journal's entries, oldest first.
    pub fn entries(&self) -> &Arc<Vec<Arc<Entry>>> {
        &self.entries
    }

    /// The entry with this number.
    pub fn entry(&self, seq: u64) -> Option<Arc<Entry>> {
        let at = usize::try_from(seq).ok()?.checked_sub(1)?;
        self.entries.get(at).cloned()
    }

    /// The number of the last entry.
    pub const fn seq(&self) -> u64 {
        self.ledger.head().seq
    }

    /// Whether the store has all of it.
    pub const fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// The journal as a file, with its seal.
    pub fn export(&self) -> String {
        shared::ledger::journal::export(self.entries.iter().map(|entry| entry.line.as_str()), self.ledger.head())
    }

    /// The state after `event`, beside this one.
    ///
    /// # Errors
    /// [`LedgerError`] where the event cannot be.
    pub fn draft(&self, event: Event, now: Timestamp) -> Result<Draft, LedgerError> {
        let mut ledger = self.ledger.clone();
        let entry = ledger.append(event, now)?;
        Ok(Draft { ledger, entry })
    }

    /// Takes a draft's place: its entry, and all before it, are on the disk.
    pub fn keep(&mut self, draft: Draft) -> Arc<Entry> {
        let entry = Arc::new(draft.entry);
        self.ledger = draft.ledger;
        Arc::make_mut(&mut self.entries).push(Arc::clone(&entry));
        self.is_kept = true;
        entry
    }

    /// Takes over lines that another tab has written.
    ///
    /// # Errors
    /// The first line that does not follow; the lines before it are taken.
    pub fn follow(&mut self, lines: &[String]) -> Result<(), Damage> {
        for line in lines {
            let entry = self.ledger.accept(line.as_bytes())?;
            Arc::make_mut(&mut self.entries).push(Arc::new(entry));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use shared::ids::AccountId;
    use shared::ledger::{MarketKind, Opened, Settings};
    use shared::money::Usd;

    use super::*;

    fn book() -> Book {
        let id = AccountId::from_bytes([7; 16]);
        let opened = Opened {
            account: id,
            market: MarketKind::Demo,
            name: "Demo".into(),
            deposit: Usd::whole(10_000),
            settings: Settings::default(),
        };
        let (ledger, entry) = Ledger::open(opened, Timestamp::from_secs(1_000)).unwrap();
        Book::unkept(
            Record { id, name: "Demo".into(), market: MarketKind::Demo, secret: None, archived: None, follows: None },
            ledger,
            entry,
        )
    }

    fn deposit(dollars: i32) -> Event {
        Event::Deposited { usd: Usd::whole(dollars) }
    }

    #[test]
    fn a_draft_that_is_not_kept_changes_nothing() {
        let book = book();
        let before = book.clone();
        let draft = book.draft(deposit(5), Timestamp::from_secs(1_001)).unwrap();
        assert_eq!(draft.entry.seq, 2);
        drop(draft);
        assert_eq!(book, before);
    }

    #[test]
    fn a_kept_draft_reads_back_from_its_lines_as_the_same_account() {
        let mut book = book();
        let draft = book.draft(deposit(5), Timestamp::from_secs(1_001)).unwrap();
        book.keep(draft);
        let lines: Vec<String> = book.entries().iter().map(|entry| entry.line.clone()).collect();
        let again = Book::replay(book.record().clone(), lines).unwrap();
        assert_eq!(again, book);
        assert_eq!(again.account().cash(), Usd::whole(10_005));
    }

    #[test]
    fn lines_of_another_tab_are_followed_and_foreign_ones_refused() {
        let (mut here, mut there) = (book(), book());
        let draft = there.draft(deposit(5), Timestamp::from_secs(1_001)).unwrap();
        let line = there.keep(draft).line.clone();
        here.follow(std::slice::from_ref(&line)).unwrap();
        assert_eq!(here.account(), there.account());
        assert!(here.follow(&[line]).is_err());
        assert_eq!(here.account(), there.account());
    }

    #[test]
    fn a_damaged_line_is_named() {
        let mut book = book();
        for dollars in [1, 2, 3] {
            let draft = book.draft(deposit(dollars), Timestamp::from_secs(1_001)).unwrap();
            book.keep(draft);
        }
        let mut lines: Vec<String> = book.entries().iter().map(|entry| entry.line.clone()).collect();
        lines[2] = lines[2].replace("\"usd\":\"2\"", "\"usd\":\"9\"");
        let damaged = Book::replay(book.record().clone(), lines.clone()).unwrap_err();
        assert_eq!((damaged.line, damaged.damage), (3, Damage::Changed));
        assert_eq!(damaged.lines, lines);
        assert_eq!(Book::replay(book.record().clone(), Vec::new()).unwrap_err().damage, Damage::Empty);
    }
}
