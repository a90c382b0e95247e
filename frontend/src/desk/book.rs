//! The account in hand: its ledger, an outline of its journal, and how much of it is on the disk.
//!
//! A book changes only by entries that have been kept. To write one, it is drafted beside the book
//! ([`Book::draft`]), which changes nothing; only when the store has it does the book take it
//! ([`Book::keep`]). Neither takes longer for an old account than for a new one. The entries themselves lie
//! in the store: see [`entries`](super::entries).

use shared::ledger::journal::{self, Draft};
use shared::ledger::{Account, Curve, Damage, Entry, Event, Folded, Head, Ledger, LedgerError, Outline, Recount};
use shared::time::Timestamp;

use crate::io::journal::Record;

/// An account and its journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Book {
    record: Record,
    folded: Folded,
    /// Entries that are nowhere but here, because the store refused the new account. Usually none.
    unkept: Vec<Entry>,
    /// The last entry of the snapshot that is kept of it; 0 for none.
    snapshot_seq: u64,
}

/// The first line of a stored journal that does not read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damaged {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub damage: Damage,
}

impl Book {
    /// A new account that is nowhere yet.
    pub fn unkept(record: Record, ledger: Ledger, entry: Entry) -> Book {
        Book { record, folded: Folded::begin(ledger, &entry), unkept: vec![entry], snapshot_seq: 0 }
    }

    /// An account as its stored journal left it, and the last entry of the snapshot kept of it.
    pub const fn kept(record: Record, folded: Folded, snapshot_seq: u64) -> Book {
        Book { record, folded, unkept: Vec::new(), snapshot_seq }
    }

    /// The account.
    pub const fn account(&self) -> &Account {
        self.folded.ledger.account()
    }

    /// All that folding its journal comes to.
    pub const fn folded(&self) -> &Folded {
        &self.folded
    }

    /// What this device knows of it.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Takes over what this device knows of it now.
    pub fn note(&mut self, record: Record) {
        self.record = record;
    }

    /// What stands where in its journal.
    pub const fn outline(&self) -> &Outline {
        &self.folded.outline
    }

    /// How its equity went.
    pub const fn curve(&self) -> &Curve {
        &self.folded.curve
    }

    /// The end of the journal.
    pub const fn head(&self) -> Head {
        self.folded.ledger.head()
    }

    /// The number of the last entry.
    pub const fn seq(&self) -> u64 {
        self.folded.ledger.head().seq
    }

    /// Whether the store has all of it.
    pub const fn is_kept(&self) -> bool {
        self.unkept.is_empty()
    }

    /// The entries that only this page has, oldest first.
    pub fn unkept_entries(&self) -> &[Entry] {
        &self.unkept
    }

    /// The entry that `event` would be. Nothing changes. `begun` is what is computed already of a change of
    /// the cost method.
    ///
    /// # Errors
    /// [`LedgerError`] where the event cannot be.
    pub fn draft(&self, event: Event, now: Timestamp, begun: Option<Recount>) -> Result<Draft, LedgerError> {
        self.folded.ledger.draft(event, now, begun)
    }

    /// Takes a draft over: its entry, and all before it, are on the disk.
    ///
    /// # Errors
    /// [`Damage::Previous`] where the book has gone another way since.
    pub fn keep(&mut self, draft: Draft) -> Result<Entry, Damage> {
        self.unkept.clear();
        // Word of it may have come round by another tab, and was followed.
        if self.head() == draft.head() {
            return Ok(draft.into_entry());
        }
        let entry = self.folded.ledger.keep(draft)?;
        self.folded.note(&entry);
        Ok(entry)
    }

    /// Takes over lines that another tab has written, of which the first has the number `from`. What is known
    /// already is passed over.
    ///
    /// # Errors
    /// The first line that does not follow; the lines before it are taken.
    pub fn follow(&mut self, from: u64, lines: &[String]) -> Result<(), Damage> {
        let known = usize::try_from((self.seq() + 1).saturating_sub(from)).unwrap_or(usize::MAX);
        for line in lines.iter().skip(known) {
            let entry = self.folded.ledger.accept(line.as_bytes())?;
            self.folded.note(&entry);
        }
        Ok(())
    }

    /// Whether lines that were written elsewhere continue this journal. Nothing changes. One is checked against
    /// the account as it is; several take a second account to try them on.
    ///
    /// # Errors
    /// The first that does not follow.
    pub fn check(&self, lines: &[String]) -> Result<(), Damage> {
        if let [line] = lines
            && let Ok(entry) = Entry::read(line.clone())
            && self.draft(entry.event, entry.at, None).is_ok_and(|drafted| drafted.entry().line == *line)
        {
            return Ok(());
        }
        let mut trial = self.folded.ledger.clone();
        lines.iter().try_for_each(|line| trial.accept(line.as_bytes()).map(drop))
    }

    /// Whether no snapshot stood in for a part of the journal.
    pub const fn was_folded_whole(&self) -> bool {
        self.snapshot_seq == 0
    }

    /// Entries since the last snapshot.
    pub const fn since_snapshot(&self) -> u64 {
        self.seq().saturating_sub(self.snapshot_seq)
    }

    /// A snapshot was kept when the last entry was this one.
    pub const fn kept_snapshot(&mut self, seq: u64) {
        self.snapshot_seq = seq;
    }

    /// What stands after the last line of an exported journal.
    pub fn seal(&self) -> String {
        journal::seal(self.head())
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
        let name = "Demo".to_owned();
        let record = Record::new(id, name, MarketKind::Demo);
        Book::unkept(record, ledger, entry)
    }

    fn draft(book: &Book, dollars: i32) -> Draft {
        let event = Event::Deposited { usd: Usd::whole(dollars) };
        book.draft(event, Timestamp::from_secs(1_001), None).unwrap()
    }

    #[test]
    fn a_draft_that_is_not_kept_changes_nothing() {
        let book = book();
        let before = book.clone();
        assert_eq!(draft(&book, 5).entry().seq, 2);
        assert_eq!(book, before);
        assert!(!book.is_kept());
    }

    #[test]
    fn a_kept_draft_is_in_the_account_and_in_the_outline() {
        let mut book = book();
        let entry = book.keep(draft(&book, 5)).unwrap();
        assert_eq!((entry.seq, book.seq(), book.outline().len()), (2, 2, 2));
        assert_eq!(book.account().cash(), Usd::whole(10_005));
        assert!(book.is_kept());
    }

    #[test]
    fn a_draft_that_was_followed_meanwhile_is_not_taken_twice_and_another_one_not_at_all() {
        let mut book = book();
        let (mine, other) = (draft(&book, 5), draft(&book, 6));
        book.follow(2, &[mine.entry().line.clone()]).unwrap();
        let before = book.clone();
        assert_eq!(book.keep(mine.clone()).unwrap(), *mine.entry());
        assert_eq!(book.account(), before.account());
        assert_eq!(book.keep(other), Err(Damage::Previous));
        assert_eq!((book.account(), book.outline()), (before.account(), before.outline()));
    }

    #[test]
    fn lines_from_elsewhere_are_checked_before_anything_is_kept_of_them() {
        let (here, mut there) = (book(), book());
        let before = here.clone();
        let lines: Vec<String> = [1, 2, 3].map(|n| there.keep(draft(&there, n)).unwrap().line).into();
        for count in 1..=3 {
            assert_eq!(here.check(&lines[..count]), Ok(()), "{count}");
        }
        assert!(here.check(&lines[1..2]).is_err() && here.check(&lines[1..]).is_err(), "a gap");
        let bent = lines[0].replace(r#""seq":2"#, r#""seq":3"#);
        assert!(here.check(&[bent]).is_err());
        assert_eq!(here, before);
    }

    #[test]
    fn lines_of_another_tab_are_followed_once_and_foreign_ones_refused() {
        let (mut here, mut there) = (book(), book());
        let lines: Vec<String> = [1, 2, 3].map(|n| there.keep(draft(&there, n)).unwrap().line).into();
        here.follow(2, &lines[..1]).unwrap();
        // What was read includes what is known by now.
        here.follow(2, &lines).unwrap();
        assert_eq!((here.account(), here.outline()), (there.account(), there.outline()));
        let mut elsewhere = book();
        let foreign = elsewhere.keep(draft(&elsewhere, 9)).unwrap().line;
        assert!(here.follow(5, &[foreign]).is_err());
        assert_eq!(here.account(), there.account());
    }
}
