//! Reading a journal line by line, as slowly as the caller likes.
//!
//! The end of a journal decides two things about it: whether the file was cut off, and, where two lines
//! do not fit together, which of the two was changed: the one that the line after them does not know. So
//! a [`Reading`] may hold its verdict back until it has seen one line more.

use std::borrow::Cow;

use alloy_primitives::{B256, hex, keccak256};
use serde::Deserialize;

use super::journal::{self, Damage, Entry, Head, JournalError, Ledger, Replay, Truncated};

/// A journal being read.
#[derive(Debug, Default)]
pub struct Reading {
    ledger: Option<Ledger>,
    /// Lines read.
    lines: usize,
    /// The hash of a line that does not follow from the one before it.
    doubted: Option<B256>,
    sealed: bool,
    truncated: Option<Truncated>,
}

impl Reading {
    /// A reading that goes on after the entries that made `ledger`.
    pub fn after(ledger: Ledger) -> Reading {
        let lines = usize::try_from(ledger.head().seq).unwrap_or(usize::MAX);
        Reading { ledger: Some(ledger), lines, ..Reading::default() }
    }

    /// Reads the next line, given without its newline: an entry, or nothing for the seal and for a line
    /// that is held in doubt.
    ///
    /// # Errors
    /// [`JournalError`] with the first bad line. What was read before counts for nothing then.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Option<Entry>, JournalError> {
        self.judge(Some(bytes))?;
        self.lines += 1;
        let line = self.lines;
        let wrong = |damage| JournalError { line, damage };
        if self.sealed {
            return Err(wrong(Damage::AfterSeal));
        }
        let Some(ledger) = &mut self.ledger else {
            if bytes.is_empty() {
                return Err(wrong(Damage::Empty));
            }
            let (ledger, entry) = Ledger::begin(bytes).map_err(wrong)?;
            self.ledger = Some(ledger);
            return Ok(Some(entry));
        };
        if bytes.starts_with(SEAL) {
            check_seal(ledger.head(), bytes, line)?;
            self.sealed = true;
            return Ok(None);
        }
        match ledger.accept(bytes) {
            Ok(entry) => Ok(Some(entry)),
            Err(Damage::Previous) => {
                self.doubted = Some(keccak256(bytes));
                Ok(None)
            }
            Err(damage) => Err(wrong(damage)),
        }
    }

    /// Reads what stands after the last newline. What is not whole JSON was cut off: it is left out and
    /// reported at the [end](Reading::end).
    ///
    /// # Errors
    /// As [`Reading::line`].
    pub fn rest(&mut self, bytes: &[u8]) -> Result<Option<Entry>, JournalError> {
        if self.ledger.is_none() || is_whole(bytes) {
            return self.line(bytes);
        }
        if self.sealed {
            return Err(JournalError { line: self.lines + 1, damage: Damage::AfterSeal });
        }
        self.judge(Some(bytes))?;
        self.truncated = Some(Truncated { line: self.lines + 1, bytes: bytes.len() });
        Ok(None)
    }

    /// The journal is at its end: the account it makes, how it ended, and no entries, which went to whoever read.
    ///
    /// # Errors
    /// [`JournalError`] where there was no line at all, or the last one does not fit.
    pub fn end(self) -> Result<Replay, JournalError> {
        self.verdict()?;
        let ledger = self.ledger.ok_or(JournalError { line: 1, damage: Damage::Empty })?;
        Ok(Replay { ledger, entries: Vec::new(), truncated: self.truncated, sealed: self.sealed })
    }

    /// Whether all is well, should this be the end.
    ///
    /// # Errors
    /// [`JournalError`] where the last line does not fit the one before it.
    pub fn verdict(&self) -> Result<(), JournalError> {
        self.judge(None)
    }

    /// The account so far.
    pub const fn ledger(&self) -> Option<&Ledger> {
        self.ledger.as_ref()
    }

    /// Reads a whole journal at once: what [`Ledger::replay`] does.
    pub(super) fn all(journal: &[u8]) -> Result<Replay, JournalError> {
        let mut reading = Reading::default();
        let mut entries = Vec::new();
        for piece in pieces(journal) {
            entries.extend(match piece {
                Piece::Line(bytes) => reading.line(bytes)?,
                Piece::Rest(bytes) => reading.rest(bytes)?,
            });
        }
        Ok(Replay { entries, ..reading.end()? })
    }

    /// Two lines do not fit together. The line after them says which was changed; where there is none, or it
    /// says nothing, the earlier is named.
    fn judge(&self, next: Option<&[u8]>) -> Result<(), JournalError> {
        #[derive(Deserialize)]
        struct Link<'a> {
            #[serde(borrow, alias = "head")]
            prev: Cow<'a, str>,
        }
        let Some(hash) = self.doubted else { return Ok(()) };
        let next = next.and_then(|line| serde_json::from_slice::<Link>(line).ok());
        Err(match next {
            Some(next) if next.prev != hex::encode(hash) => JournalError { line: self.lines, damage: Damage::Previous },
            Some(_) | None => JournalError { line: self.lines - 1, damage: Damage::Changed },
        })
    }
}

/// A piece of a journal's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A line, without the newline that ended it.
    Line(&'a [u8]),
    /// What stands after the last newline.
    Rest(&'a [u8]),
}

/// The lines of a journal's text, and what is left after them.
pub fn pieces(journal: &[u8]) -> impl Iterator<Item = Piece<'_>> {
    journal.split_inclusive(|byte| *byte == b'\n').map(|piece| match piece {
        [line @ .., b'\n'] => Piece::Line(line),
        rest => Piece::Rest(rest),
    })
}

const SEAL: &[u8] = b"{\"seal\":";

fn is_whole(line: &[u8]) -> bool {
    serde_json::from_slice::<serde::de::IgnoredAny>(line).is_ok()
}

/// Whether the seal on `line` fits a journal that ends with `head`.
fn check_seal(head: Head, bytes: &[u8], line: usize) -> Result<(), JournalError> {
    #[derive(Deserialize)]
    struct Seal<'a> {
        seal: u64,
        #[serde(borrow)]
        head: Cow<'a, str>,
    }
    let broken = JournalError { line, damage: Damage::Seal };
    let seal: Seal = serde_json::from_slice(bytes).map_err(|_| broken.clone())?;
    let hash: B256 = seal.head.parse().map_err(|_| broken.clone())?;
    if journal::seal(Head { seq: seal.seal, hash, ..head }).as_bytes() != bytes {
        return Err(broken);
    }
    if seal.seal != head.seq {
        return Err(JournalError { line, damage: Damage::SealCount { expected: seal.seal, found: head.seq } });
    }
    if hash != head.hash {
        return Err(JournalError { line: line - 1, damage: Damage::Changed });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::testing;

    use super::*;

    #[test]
    fn lines_read_one_by_one_come_to_what_the_whole_comes_to() {
        for seed in 0..60 {
            let text = testing::journal(seed).unwrap();
            let mut reading = Reading::default();
            let mut entries = Vec::new();
            for line in text.lines() {
                entries.extend(reading.line(line.as_bytes()).unwrap());
                assert_eq!(reading.ledger().map(|ledger| ledger.head().seq), Some(entries.len() as u64));
            }
            let replay = Ledger::replay(&text).unwrap();
            assert_eq!(Replay { entries, ..reading.end().unwrap() }, replay);
        }
    }

    #[test]
    fn a_text_is_its_lines_and_what_is_left() {
        use Piece::{Line, Rest};
        for (text, expected) in [
            ("", &[][..]),
            ("a", &[Rest(b"a")]),
            ("a\n", &[Line(b"a")]),
            ("a\n\nb", &[Line(b"a"), Line(b""), Rest(b"b")]),
        ] {
            assert_eq!(pieces(text.as_bytes()).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}
