//! The journal: an append-only chain of entries in JSON Lines.
//!
//! An entry is one line, its fields in this order and written in one way only:
//! `{"v":1,"seq":1,"at":"2026-01-31T12:00:00.000Z","kind":"opened","body":{…},"prev":"64 hex digits"}`.
//! Its hash is keccak-256 over the verbatim bytes of the line, without the newline; `prev` is the
//! hash of the entry before, 64 zeros in the first. So a change anywhere breaks the chain at the
//! next line. An exported journal ends with a [`seal`], which protects the last entry as well.
//!
//! Reading trusts nothing: version, sequence, chain, time, spelling and the ledger's own rules are
//! checked line by line, and all is taken or none of it. Old versions are verified as they stand
//! first and then carried over to today's events (one function a version).

use std::borrow::Cow;

use alloy_primitives::{B256, hex, keccak256};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chain::Chain;
use crate::money::Usd;
use crate::time::Timestamp;
use crate::trade::Trade;

use super::account::Account;
use super::digits;
use super::error::LedgerError;
use super::event::{Event, Opened};
use super::reading::Reading;
use super::recount::Recount;
use super::traded::{self, TradeLine};

/// The version of the entries written today.
pub const VERSION: u16 = 1;

/// An account and the head of its journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ledger {
    account: Account,
    head: Head,
}

/// The end of a journal, to which the next entry is chained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The sequence number of the last entry. The first is 1.
    pub seq: u64,
    /// The last entry's time: the next is never before it.
    pub at: Timestamp,
    /// The last entry's hash.
    pub hash: B256,
}

impl Head {
    /// Before the first entry.
    const START: Head = Head { seq: 0, at: Timestamp::EPOCH, hash: B256::ZERO };
}

/// One entry of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place: 1, 2, 3 …
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Keccak-256 over the bytes of `line`. For a trade this is the paper transaction's hash.
    pub hash: B256,
    /// The line as it stands in the journal, without the newline.
    pub line: String,
    /// What happened.
    pub event: Event,
}

impl Entry {
    /// Reads a line by itself, as it stands in a journal that was verified when it was taken in: its form
    /// is checked, its place in the chain is not.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn read(line: String) -> Result<Entry, Damage> {
        let Line { seq, at, kind, body, .. } = read_line(line.as_bytes())?;
        let event = read_v1(&kind, body)?;
        Ok(Entry { seq, at, hash: keccak256(&line), line, event })
    }

    /// The head of a journal with this entry at its end.
    pub const fn head(&self) -> Head {
        Head { seq: self.seq, at: self.at, hash: self.hash }
    }

    /// The trade, if this entry is one.
    pub const fn trade(&self) -> Option<&Trade> {
        self.event.trade()
    }

    /// The paper block this entry would stand in on `chain`: see [`Chain::paper_block`].
    pub fn paper_block(&self, chain: Chain) -> u64 {
        chain.paper_block(self.at)
    }
}

/// An entry that is not part of a journal yet, and what makes it part of one: see [`Ledger::draft`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// The head it was drafted on.
    after: Head,
    entry: Entry,
    recount: Option<Recount>,
}

impl Draft {
    /// The entry it will be.
    pub const fn entry(&self) -> &Entry {
        &self.entry
    }

    /// The entry it has become, where somebody else put it there.
    pub fn into_entry(self) -> Entry {
        self.entry
    }

    /// The head of a journal with this entry at its end.
    pub const fn head(&self) -> Head {
        self.entry.head()
    }
}

impl Ledger {
    /// Opens an account.
    ///
    /// # Errors
    /// [`LedgerError`] for a name, deposit or settings that cannot be.
    pub fn open(opened: Opened, now: Timestamp) -> Result<(Ledger, Entry), LedgerError> {
        let account = Account::open(&opened, now)?;
        let event = Event::Opened(opened);
        let mut line = Vec::with_capacity(LINE_CAPACITY);
        let head = write(&mut line, Head::START, &event, now)?;
        Ok((Ledger { account, head }, entry(head, line, event)))
    }

    /// The account as the journal leaves it.
    pub const fn account(&self) -> &Account {
        &self.account
    }

    /// The end of the journal.
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Appends an event at `now`, or at the last entry's time where the clock stepped back.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing changed.
    pub fn append(&mut self, event: Event, now: Timestamp) -> Result<Entry, LedgerError> {
        let mut line = Vec::with_capacity(LINE_CAPACITY);
        let head = self.record(&event, now, &mut line)?;
        Ok(entry(head, line, event))
    }

    /// What [`Ledger::append`] would append, without changing anything: for those who have to bring the line
    /// into safety first. `begun` is what is computed already of the holdings by another cost method.
    ///
    /// # Errors
    /// As [`Ledger::append`].
    pub fn draft(&self, event: Event, now: Timestamp, begun: Option<Recount>) -> Result<Draft, LedgerError> {
        self.check_new(&event)?;
        let recount = self.account.check(&event, begun)?;
        let mut line = Vec::with_capacity(LINE_CAPACITY);
        let head = write(&mut line, self.head, &event, now)?;
        Ok(Draft { after: self.head, entry: entry(head, line, event), recount })
    }

    /// Takes a draft over. It can't be refused by a ledger that is still what it was drafted on.
    ///
    /// # Errors
    /// [`Damage::Previous`] where the ledger has moved on; nothing changed.
    pub fn keep(&mut self, draft: Draft) -> Result<Entry, Damage> {
        let Draft { after, entry, recount } = draft;
        if after != self.head {
            return Err(Damage::Previous);
        }
        self.account.apply_with(&entry.event, entry.at, recount)?;
        self.head = entry.head();
        Ok(entry)
    }

    /// A ledger as it was, for [`snapshot`](super::snapshot).
    pub(super) const fn restored(account: Account, head: Head) -> Ledger {
        Ledger { account, head }
    }

    /// A token that is known needs no entry; an old journal may have one all the same.
    fn check_new(&self, event: &Event) -> Result<(), LedgerError> {
        match event {
            Event::TokenAdded(token) if self.account.token(token.key).is_some() => {
                Err(LedgerError::TokenKnown(token.key))
            }
            _ => Ok(()),
        }
    }

    /// Appends an event and adds its line, without a newline, to `out`: what [`Ledger::append`]
    /// does, for those who keep their own buffer.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing changed, `out` included.
    pub fn record(&mut self, event: &Event, now: Timestamp, out: &mut Vec<u8>) -> Result<Head, LedgerError> {
        self.check_new(event)?;
        let start = out.len();
        let written = write(out, self.head, event, now).and_then(|head| {
            self.account.apply(event, head.at)?;
            Ok(head)
        });
        match written {
            Ok(head) => self.head = head,
            Err(_) => out.truncate(start),
        }
        written
    }

    /// Takes one more line that was written elsewhere: verifies that it continues this journal and
    /// that its event can happen, and applies it.
    ///
    /// # Errors
    /// [`Damage`]; nothing changed.
    pub fn accept(&mut self, line: &[u8]) -> Result<Entry, Damage> {
        let (head, event, text) = verify(self.head, line)?;
        self.account.apply(&event, head.at)?;
        self.head = head;
        Ok(Entry { seq: head.seq, at: head.at, hash: head.hash, line: text.to_owned(), event })
    }

    /// Begins with the first line of a journal that was written elsewhere.
    ///
    /// # Errors
    /// [`Damage`].
    pub fn begin(line: &[u8]) -> Result<(Ledger, Entry), Damage> {
        let (head, event, text) = verify(Head::START, line)?;
        let Event::Opened(opened) = &event else { return Err(LedgerError::NotOpened.into()) };
        let account = Account::open(opened, head.at)?;
        let entry = Entry { seq: head.seq, at: head.at, hash: head.hash, line: text.to_owned(), event };
        Ok((Ledger { account, head }, entry))
    }

    /// Reads a whole journal: all of it, or nothing.
    ///
    /// A last line that was cut off (no newline at its end, and not yet whole JSON) is left out
    /// and reported. Everything else that is wrong refuses the file.
    ///
    /// # Errors
    /// [`JournalError`] with the first bad line.
    pub fn replay(journal: impl AsRef<[u8]>) -> Result<Replay, JournalError> {
        Reading::all(journal.as_ref())
    }
}

/// A journal that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The account, ready to go on.
    pub ledger: Ledger,
    /// Every entry.
    pub entries: Vec<Entry>,
    /// The last line, where it was cut off and left out.
    pub truncated: Option<Truncated>,
    /// Whether the file ended with its seal.
    pub sealed: bool,
}

/// A last line that was cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Truncated {
    /// Its number, from 1.
    pub line: usize,
    /// How many bytes of it there were.
    pub bytes: usize,
}

impl std::fmt::Display for Truncated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "line {} was cut off after {} bytes and left out; everything before it is whole",
            self.line, self.bytes
        )
    }
}

/// A journal was refused. Nothing was taken from it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {damage}")]
pub struct JournalError {
    /// The first bad line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// There is no entry at all.
    #[error("the journal is empty")]
    Empty,
    /// A line with nothing on it.
    #[error("the line is blank")]
    Blank,
    /// Not an entry.
    #[error("not an entry: {0}")]
    NotAnEntry(String),
    /// Written by a later Foolscap.
    #[error("version {0} is not known here; this Foolscap reads up to version {VERSION}")]
    Version(u16),
    /// An entry is missing, repeated or out of place.
    #[error("the entry is number {found} where {expected} should be: one is missing, repeated or out of place")]
    Sequence {
        /// The number that should be here.
        expected: u64,
        /// The number that is.
        found: u64,
    },
    /// The line was changed after it was written: the entry after it knows it by another hash.
    #[error("the line was changed after it was written: its hash is not the one the journal goes on from")]
    Changed,
    /// `prev` is not the hash of the line before.
    #[error("the entry does not follow from the one before it: its `prev` is not that line's hash")]
    Previous,
    /// The entry is from before the one before it.
    #[error("the entry is from {found}, before the one before it ({previous})")]
    Time {
        /// The time of the entry before.
        previous: Timestamp,
        /// The time of this one.
        found: Timestamp,
    },
    /// A kind of event nobody knows.
    #[error("`{0}` is not a kind of event")]
    Kind(String),
    /// The body does not read.
    #[error("the body does not read: {0}")]
    Body(String),
    /// Right in meaning, but not the bytes Foolscap writes.
    #[error("the line is not spelled the way Foolscap writes it")]
    Spelling,
    /// The event could not have happened.
    #[error("this cannot have happened: {0}")]
    Event(#[from] LedgerError),
    /// The seal itself was changed.
    #[error("the seal was changed")]
    Seal,
    /// The seal counts more or fewer entries than there are.
    #[error("the seal is for {expected} entries, and there are {found}")]
    SealCount {
        /// What the seal says.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// Something stands after the seal.
    #[error("something was added after the seal")]
    AfterSeal,
}

/// The last line of an exported journal: how many entries it has and the last one's hash, with a
/// hash of its own. It is no entry and takes no part in the chain; a journal reads without it, but
/// then nothing vouches for its last entry.
pub fn seal(head: Head) -> String {
    let sealed = format!("{{\"seal\":{},\"head\":\"{}\"", head.seq, hex::encode(head.hash));
    let own = hex::encode(keccak256(sealed.as_bytes()));
    format!("{sealed},\"hash\":\"{own}\"}}")
}

/// A journal as a file: every line, and the seal.
pub fn export<'a>(lines: impl IntoIterator<Item = &'a str>, head: Head) -> String {
    let mut out = String::new();
    for line in lines {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str(&seal(head));
    out.push('\n');
    out
}

/// Room for a usual trade without growing.
const LINE_CAPACITY: usize = 1024;

fn entry(head: Head, line: Vec<u8>, event: Event) -> Entry {
    // serde_json writes UTF-8 only.
    let line = String::from_utf8(line).unwrap_or_default();
    Entry { seq: head.seq, at: head.at, hash: head.hash, line, event }
}

/// Writes the line of `event` after `head` and returns the head it makes.
fn write(out: &mut Vec<u8>, head: Head, event: &Event, now: Timestamp) -> Result<Head, LedgerError> {
    let (seq, at) = (head.seq + 1, head.at.max(now));
    let start = out.len();
    spell(out, seq, at, event, &head.hash)?;
    Ok(Head { seq, at, hash: keccak256(&out[start..]) })
}

fn spell(out: &mut Vec<u8>, seq: u64, at: Timestamp, event: &Event, prev: &B256) -> Result<(), LedgerError> {
    let unwritable = |_| LedgerError::Malformed("it cannot be written as JSON");
    out.extend_from_slice(b"{\"v\":1,\"seq\":");
    digits::number(out, seq);
    out.extend_from_slice(b",\"at\":\"");
    digits::time(out, at);
    out.extend_from_slice(b"\",\"kind\":\"");
    out.extend_from_slice(event.kind().as_bytes());
    out.extend_from_slice(b"\",\"body\":");
    match event {
        Event::Opened(opened) => serde_json::to_writer(&mut *out, opened).map_err(unwritable)?,
        Event::Deposited { usd } | Event::Withdrawn { usd } => {
            out.extend_from_slice(b"{\"usd\":\"");
            digits::usd(out, *usd);
            out.extend_from_slice(b"\"}");
        }
        Event::SettingsChanged(settings) => serde_json::to_writer(&mut *out, settings).map_err(unwritable)?,
        Event::TokenAdded(token) => serde_json::to_writer(&mut *out, token).map_err(unwritable)?,
        Event::Traded(trade) => traded::write(out, trade)?,
    }
    out.extend_from_slice(b",\"prev\":\"");
    let mut hash = [0; 64];
    // 32 bytes always fill 64 digits.
    let _ = hex::encode_to_slice(prev, &mut hash);
    out.extend_from_slice(&hash);
    out.extend_from_slice(b"\"}");
    Ok(())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    v: u16,
    seq: u64,
    at: Timestamp,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    body: &'a RawValue,
    #[serde(borrow)]
    prev: Cow<'a, str>,
}

/// Reads a line and checks everything about it that does not need the account.
fn verify(head: Head, bytes: &[u8]) -> Result<(Head, Event, &str), Damage> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err(Damage::Blank);
    }
    let line = read_line(bytes)?;
    if line.seq != head.seq + 1 {
        return Err(Damage::Sequence { expected: head.seq + 1, found: line.seq });
    }
    if line.prev != hex::encode(head.hash) {
        return Err(Damage::Previous);
    }
    if line.at < head.at {
        return Err(Damage::Time { previous: head.at, found: line.at });
    }
    let event = read_v1(&line.kind, line.body)?;
    let mut spelled = Vec::with_capacity(bytes.len());
    let same = spell(&mut spelled, line.seq, line.at, &event, &head.hash).is_ok() && spelled == bytes;
    if !same {
        return Err(Damage::Spelling);
    }
    // It equals what was just spelled, so it is UTF-8.
    let text = std::str::from_utf8(bytes).map_err(|_| Damage::Spelling)?;
    Ok((Head { seq: line.seq, at: line.at, hash: keccak256(bytes) }, event, text))
}

/// Reads the fields of a line. A version from the future is named as such, whatever its fields are.
fn read_line(bytes: &[u8]) -> Result<Line<'_>, Damage> {
    #[derive(Deserialize)]
    struct Version {
        v: u16,
    }
    match serde_json::from_slice::<Line>(bytes) {
        Ok(line) if line.v == VERSION => Ok(line),
        Ok(line) => Err(Damage::Version(line.v)),
        Err(error) => match serde_json::from_slice::<Version>(bytes) {
            Ok(Version { v }) if v > VERSION => Err(Damage::Version(v)),
            Ok(_) | Err(_) => Err(Damage::NotAnEntry(error.to_string())),
        },
    }
}

/// An event of version 1: today's.
///
/// When a version 2 comes, this function stays as it is but for returning what it read as the
/// event of version 2; the spelling of old lines is then vouched for by the chain alone.
fn read_v1(kind: &str, body: &RawValue) -> Result<Event, Damage> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Funds {
        usd: Usd,
    }
    fn read<'a, T: Deserialize<'a>>(body: &'a RawValue) -> Result<T, Damage> {
        serde_json::from_str(body.get()).map_err(|error| Damage::Body(error.to_string()))
    }
    match kind {
        "opened" => Ok(Event::Opened(read(body)?)),
        "deposited" => read(body).map(|Funds { usd }| Event::Deposited { usd }),
        "withdrawn" => read(body).map(|Funds { usd }| Event::Withdrawn { usd }),
        "settings_changed" => Ok(Event::SettingsChanged(read(body)?)),
        "token_added" => Ok(Event::TokenAdded(read(body)?)),
        "traded" => Ok(Event::Traded(read::<TradeLine>(body)?.trade()?)),
        other => Err(Damage::Kind(other.chars().take(32).collect())),
    }
}
