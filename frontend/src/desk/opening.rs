//! From the store to an account in hand: its snapshot, and the lines after it.
//!
//! The journal is the truth, and a snapshot saves the time of folding it. So where a snapshot was used, the
//! whole journal is verified once a session, in the background; what that comes to holds.

use leptos::prelude::*;
use leptos::task::spawn_local;
use shared::ids::AccountId;
use shared::ledger::{Curve, Entry, Folded, JournalError, Outline, Reading, snapshot};

use super::diagnostics::Verified;
use super::{Book, Damaged, Desk, Trouble};
use crate::io::database::StoreError;
use crate::io::journal::{EARLY_LINES, Journals, Record};
use crate::io::{clock, timer};

/// Lines read from the store at once: the first of them are there already when the app begins.
pub const PAGE: u32 = EARLY_LINES;
/// Entries after which a snapshot is worth its while: as many are folded in a fraction of a second.
const SNAPSHOT_EVERY: u64 = 1_000;
/// How long the desk is left alone before a snapshot is written, or the journal verified.
const QUIET_MS: i32 = 2_000;
/// A frame: what a turn of verifying in the background leaves to everything else.
const FRAME_MS: i32 = 16;

/// A journal folded so far.
#[derive(Default)]
struct Fold {
    reading: Reading,
    outline: Outline,
    curve: Curve,
    /// The last line read.
    seq: u64,
}

impl Fold {
    /// Goes on after a snapshot.
    fn after(Folded { ledger, outline, curve }: Folded) -> Fold {
        let seq = ledger.head().seq;
        Fold { reading: Reading::after(ledger), outline, curve, seq }
    }

    /// Takes lines from the store.
    fn take(&mut self, lines: &[String]) -> Result<(), JournalError> {
        for line in lines {
            if let Some(entry) = self.reading.line(line.as_bytes())? {
                self.outline.add(&entry);
                if let Some(ledger) = self.reading.ledger() {
                    self.curve.observe(ledger.account(), &entry.event);
                }
            }
            self.seq += 1;
        }
        Ok(())
    }

    /// All of the store's lines are taken.
    fn end(self) -> Result<Folded, JournalError> {
        Ok(Folded { ledger: self.reading.end()?.ledger, outline: self.outline, curve: self.curve })
    }
}

/// Opens an account of this device.
///
/// # Errors
/// [`Trouble`]: the store does not answer, or a line of the journal is wrong.
pub async fn open(desk: Desk, journals: &Journals, record: Record) -> Result<Book, Trouble> {
    if let Some(snapshot) = recall(journals, &record).await {
        let seq = snapshot.ledger.head().seq;
        // Lines that do not follow a snapshot show that one of the two is wrong: the journal says which.
        if let Ok(Ok(folded)) = fold_rest(desk, journals, &record, Fold::after(snapshot)).await {
            return Ok(Book::kept(record, folded, seq));
        }
    }
    match fold_rest(desk, journals, &record, Fold::default()).await.map_err(Trouble::NotKept)? {
        Ok(folded) => {
            let seq = folded.ledger.head().seq;
            desk.diagnostics.verified.set(Some(Verified { at: clock::now(), seq }));
            Ok(Book::kept(record, folded, 0))
        }
        Err(JournalError { line, damage }) => Err(Trouble::Damaged(Box::new(record), Damaged { line, damage })),
    }
}

/// The snapshot of this very journal, if one is kept.
async fn recall(journals: &Journals, record: &Record) -> Option<Folded> {
    let bytes = journals.snapshot(record.id).await.ok()??;
    let folded = snapshot::read(&bytes)?;
    let head = folded.ledger.head();
    let last = journals.lines(record.id, head.seq, 1).await.ok()?.pop()?;
    let is_of_this =
        folded.ledger.account().id() == record.id && Entry::read(last).is_ok_and(|last| last.head() == head);
    is_of_this.then_some(folded)
}

/// Folds what the store has after what is folded.
async fn fold_rest(
    desk: Desk,
    journals: &Journals,
    record: &Record,
    mut fold: Fold,
) -> Result<Result<Folded, JournalError>, StoreError> {
    let mut work = desk.work("Opening the account", 0);
    loop {
        let lines = journals.lines(record.id, fold.seq + 1, PAGE).await?;
        for some in lines.chunks(20) {
            if let Err(error) = fold.take(some) {
                return Ok(Err(error));
            }
            // Nobody can stop what has no way round it.
            let _ = work.at(fold.seq).await;
        }
        if (lines.len() as u32) < PAGE {
            return Ok(fold.end());
        }
    }
}

/// Keeps a snapshot of the account in hand, when it is worth its while and the desk is quiet.
pub fn keep_snapshot(desk: Desk) {
    let due = |desk: Desk| {
        let is_due = |book: &Book| book.is_kept() && book.since_snapshot() >= SNAPSHOT_EVERY;
        desk.book.with_untracked(|book| book.as_ref().filter(|book| is_due(book)).map(|book| book.record().id))
    };
    let Some(id) = due(desk) else { return };
    spawn_local(async move {
        timer::sleep(QUIET_MS).await;
        // Another account may be in hand now, or a snapshot have been kept.
        let Some(journals) = desk.journals.get_value().filter(|_| due(desk) == Some(id)) else { return };
        let taken = desk.book.try_update_untracked(|book| {
            let book = book.as_mut()?;
            // Whatever comes of it: the next try is a thousand entries away.
            book.kept_snapshot(book.seq());
            Some(snapshot::write(book.folded()))
        });
        if let Some(Some(bytes)) = taken {
            // A store without room for it says so where it matters: at a trade.
            let _ = journals.keep_snapshot(id, &bytes).await;
        }
    });
}

/// Verifies the journal of the account in hand from its first line, in the background, where that was not done
/// in this session. What it comes to takes the place of a book that says otherwise.
pub fn verify(desk: Desk, id: AccountId) {
    let Some(journals) = desk.journals.get_value() else { return };
    desk.diagnostics.verified.set(None);
    spawn_local(async move {
        timer::sleep(QUIET_MS).await;
        let mut fold = Fold::default();
        let is_in_hand = || desk.book.with_untracked(|book| book.as_ref().is_some_and(|book| book.record().id == id));
        while is_in_hand() {
            let Ok(lines) = journals.lines(id, fold.seq + 1, PAGE).await else { return };
            let mut wrong = None;
            for some in lines.chunks(50) {
                wrong = fold.take(some).err();
                if wrong.is_some() {
                    break;
                }
                timer::sleep(FRAME_MS).await;
            }
            if (lines.len() as u32) < PAGE {
                // The last line may have been held in doubt.
                wrong = wrong.or_else(|| fold.reading.verdict().err());
                if wrong.is_none() && conclude(desk, id, &fold) {
                    return;
                }
                timer::sleep(QUIET_MS).await;
            }
            if let Some(JournalError { line, damage }) = wrong {
                return damaged(desk, id, Damaged { line, damage });
            }
        }
    });
}

/// Whether the fold has come to where the book is; then it is compared, and holds.
fn conclude(desk: Desk, id: AccountId, fold: &Fold) -> bool {
    let Some(ledger) = fold.reading.ledger() else { return true };
    let seq = ledger.head().seq;
    let compared = desk.book.with_untracked(|book| {
        let book = book.as_ref().filter(|book| book.record().id == id)?;
        let Folded { ledger: here, outline, curve } = book.folded();
        (book.seq() == seq).then(|| here == ledger && *outline == fold.outline && *curve == fold.curve)
    });
    match compared {
        None => return false,
        Some(true) => {}
        Some(false) => desk.book.update(|book| {
            if let Some(book) = book {
                let (outline, curve) = (fold.outline.clone(), fold.curve.clone());
                *book = Book::kept(book.record().clone(), Folded { ledger: ledger.clone(), outline, curve }, 0);
            }
        }),
    }
    desk.diagnostics.verified.set(Some(Verified { at: clock::now(), seq }));
    keep_snapshot(desk);
    true
}

fn damaged(desk: Desk, id: AccountId, damaged: Damaged) {
    let record = desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().clone()));
    if let Some(record) = record.filter(|record| record.id == id) {
        desk.book.set(None);
        desk.trouble.set(Some(Trouble::Damaged(Box::new(record), damaged)));
    }
}
