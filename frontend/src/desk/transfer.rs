//! Journals and trades out of the browser, and journals into it: in turns, so that a long one leaves the page
//! its frames.

use leptos::prelude::*;
use shared::ledger::reading::{Piece, pieces};
use shared::ledger::{Curve, Entry, Folded, JournalError, Outline, Reading, Replay, TradeRows, Truncated};
use wasm_bindgen::JsValue;

use super::commands::{exclusively, journals};
use super::opening::{self, PAGE};
use super::work::{Stopped, Work};
use super::{Book, Desk, boot};
use crate::io::database::StoreError;
use crate::io::file;
use crate::io::journal::{Journals, Record};

/// Why nothing was saved.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ExportRefusal {
    /// There is no account in hand.
    #[error("no account is open")]
    NoAccount,
    /// The store did not give all of the journal.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// A line is missing, or does not read.
    #[error("entry {0} cannot be read from this device; reload the page to have the journal verified")]
    Unreadable(u64),
    /// The browser did not take the file.
    #[error("{0}")]
    Browser(String),
    /// The person stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// The journal of the account in hand as a file, with its seal.
///
/// # Errors
/// [`ExportRefusal`].
pub async fn journal(desk: Desk) -> Result<file::Draft, ExportRefusal> {
    let (record, last, seal) = in_hand(desk, |book| book.seal())?;
    let draft = file::Draft::new("application/jsonl");
    let mut work = desk.work("Exporting the journal", last);
    let add = |text: &JsValue| draft.add(text).map_err(ExportRefusal::Browser);
    let unkept = desk.book.with_untracked(|book| book.as_ref().map(|book| book.unkept_entries().to_vec()));
    for entry in unkept.into_iter().flatten() {
        add(&(entry.line + "\n").into())?;
    }
    each_page(desk, &record, last, |lines| add(&lines), &mut work).await?;
    add(&(seal + "\n").into())?;
    Ok(draft)
}

/// A journal that does not verify, as it lies in the store, line by line: nothing of it is left out.
///
/// # Errors
/// [`ExportRefusal`].
pub async fn as_stored(desk: Desk, record: &Record) -> Result<file::Draft, ExportRefusal> {
    let draft = file::Draft::new("application/jsonl");
    let mut work = desk.work("Saving the journal", 0);
    each_page(desk, record, u64::MAX, |lines| draft.add(&lines).map_err(ExportRefusal::Browser), &mut work).await?;
    Ok(draft)
}

/// The trades of the account in hand as comma-separated values.
///
/// # Errors
/// [`ExportRefusal`].
pub async fn trades(desk: Desk) -> Result<file::Draft, ExportRefusal> {
    let (record, last, method) = in_hand(desk, |book| book.account().settings().cost_method)?;
    let draft = file::Draft::new("text/csv");
    let mut work = desk.work("Exporting the trades", last);
    let mut rows = TradeRows::new(method);
    let mut seq = 0;
    while seq < last {
        let lines = stored(desk)?.lines(record.id, seq + 1, page(seq, last)).await?;
        if lines.is_empty() {
            break;
        }
        for line in lines {
            seq += 1;
            let entry = Entry::read(line).map_err(|_| ExportRefusal::Unreadable(seq))?;
            let added = desk.with_account_untracked(|account| rows.add(account, &entry));
            added.ok_or(ExportRefusal::NoAccount)?.map_err(|_| ExportRefusal::Unreadable(seq))?;
            work.at(seq).await?;
        }
        draft.add(&rows.take().into()).map_err(ExportRefusal::Browser)?;
    }
    draft.add(&rows.take().into()).map_err(ExportRefusal::Browser)?;
    Ok(draft)
}

/// The account in hand, its last entry, and what `read` says of it.
fn in_hand<T>(desk: Desk, read: impl FnOnce(&Book) -> T) -> Result<(Record, u64, T), ExportRefusal> {
    desk.book
        .with_untracked(|book| book.as_ref().map(|book| (book.record().clone(), book.seq(), read(book))))
        .ok_or(ExportRefusal::NoAccount)
}

fn stored(desk: Desk) -> Result<Journals, ExportRefusal> {
    desk.journals.get_value().ok_or(ExportRefusal::NoAccount)
}

/// How many lines to read after `seq`, up to `last`.
fn page(seq: u64, last: u64) -> u32 {
    u32::try_from(last - seq).map_or(PAGE, |left| left.min(PAGE))
}

/// Gives every line up to `last`, many in one text, each with its newline.
async fn each_page(
    desk: Desk,
    record: &Record,
    last: u64,
    mut take: impl FnMut(JsValue) -> Result<(), ExportRefusal>,
    work: &mut Work,
) -> Result<(), ExportRefusal> {
    // Where nothing could be stored, there is nothing to read.
    let Some(journals) = desk.journals.get_value() else { return Ok(()) };
    let mut seq = 0;
    while seq < last {
        let lines = journals.texts(record.id, seq + 1, page(seq, last)).await?;
        if lines.length() == 0 {
            break;
        }
        seq += u64::from(lines.length());
        // A last empty text makes the last newline.
        lines.push(&JsValue::from_str(""));
        take(lines.join("\n").into())?;
        work.at(seq).await?;
    }
    Ok(())
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Entries that are new on this device.
    pub added: u64,
    /// Entries in the file.
    pub entries: u64,
    /// A last line that was cut off and left out.
    pub truncated: Option<Truncated>,
    /// Whether the file's seal vouches for its end.
    pub sealed: bool,
}

/// Why a file was not imported. Nothing changed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ImportRefusal {
    /// A line is wrong.
    #[error("{0}")]
    Bad(#[from] JournalError),
    /// This device's journal of the same account went another way.
    #[error("this device has another journal of the same account: the two part at entry {0}")]
    Forked(u64),
    /// The browser did not keep it.
    #[error("{0}")]
    NotKept(#[from] StoreError),
    /// The person stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
}

/// Verifies a journal, keeps what is new of it and takes its account in hand: all of it or nothing. `token` is
/// its owner's, where it came with the journal from a server.
///
/// # Errors
/// [`ImportRefusal`]; nothing changed.
pub async fn import(desk: Desk, text: Vec<u8>, token: Option<String>) -> Result<Imported, ImportRefusal> {
    let (imported, folded) = verified(desk, &text).await?;
    let account = folded.ledger.account();
    let record = Record { token, ..Record::new(account.id(), account.name().to_owned(), account.market()) };
    let known = desk.accounts.with_untracked(|accounts| accounts.iter().find(|known| known.id == record.id).cloned());
    let store = journals(desk).await?;
    let entries = imported.entries;
    let here = exclusively(record.id, {
        let record = record.clone();
        async move { keep(desk, &store, &record, &text, entries).await }
    })
    .await?;
    let added = entries.saturating_sub(here);
    let record = known.unwrap_or_else(|| {
        desk.accounts.update(|accounts| accounts.push(record.clone()));
        record
    });
    if here > entries {
        // The device knew more of it than the file.
        boot::load(desk, record).await;
    } else {
        desk.diagnostics.verified.set(None);
        boot::take_in_hand(desk, Book::kept(record, folded, 0));
    }
    Ok(Imported { added, ..imported })
}

/// Reads a whole journal and finds it good.
async fn verified(desk: Desk, text: &[u8]) -> Result<(Imported, Folded), ImportRefusal> {
    // How many lines there are is known at the end: to count them first would take its time, too.
    let mut work = desk.work("Verifying the journal", 0);
    let (mut reading, mut outline, mut curve) = (Reading::default(), Outline::default(), Curve::default());
    for piece in pieces(text) {
        let entry = match piece {
            Piece::Line(bytes) => reading.line(bytes)?,
            Piece::Rest(bytes) => reading.rest(bytes)?,
        };
        if let (Some(entry), Some(ledger)) = (entry, reading.ledger()) {
            outline.add(&entry);
            curve.observe(ledger.account(), &entry.event);
        }
        work.at(outline.len() as u64).await?;
    }
    let Replay { ledger, truncated, sealed, .. } = reading.end()?;
    let imported = Imported { added: 0, entries: ledger.head().seq, truncated, sealed };
    Ok((imported, Folded { ledger, outline, curve }))
}

/// Keeps what the device does not have of `entries` verified lines, and returns how many it has of the account.
async fn keep(
    desk: Desk,
    journals: &Journals,
    record: &Record,
    text: &[u8],
    entries: u64,
) -> Result<u64, ImportRefusal> {
    let mut lines = (1..=entries).zip(text.split(|byte| *byte == b'\n'));
    let here = agreed(desk, journals, record, &mut lines.clone(), entries).await?;
    let mut lines = lines.by_ref().skip(usize::try_from(here).unwrap_or(usize::MAX)).peekable();
    if lines.peek().is_none() {
        return Ok(here);
    }
    let is_new = (here == 0).then_some(record);
    let work = desk.work("Keeping the journal", entries);
    journals
        .append_long(record.id, is_new, || {
            let Some((seq, line)) = lines.next() else { return Ok(None) };
            work.tell(seq)?;
            // What verified is UTF-8.
            let line = std::str::from_utf8(line).map_err(|error| StoreError::Failed(error.to_string()))?;
            Ok::<_, ImportRefusal>(Some((seq, line)))
        })
        .await?;
    Ok(here)
}

/// How many entries the device has of the account, each the same as in the file as far as both go.
async fn agreed<'a>(
    desk: Desk,
    journals: &Journals,
    record: &Record,
    lines: &mut impl Iterator<Item = (u64, &'a [u8])>,
    entries: u64,
) -> Result<u64, ImportRefusal> {
    let mut work = desk.work("Comparing with this device", entries);
    let mut here = 0;
    loop {
        let stored = journals.lines(record.id, here + 1, PAGE).await?;
        for line in &stored {
            here += 1;
            if lines.next().is_some_and(|(_, other)| other != line.as_bytes()) {
                return Err(ImportRefusal::Forked(here));
            }
            work.at(here).await?;
        }
        if (stored.len() as u32) < opening::PAGE {
            return Ok(here);
        }
    }
}
