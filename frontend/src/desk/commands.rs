//! What a person can ask of the desk. Each answers only when it is done: a trade is done when it is on
//! the disk.

use std::future::Future;
use std::sync::Arc;

use leptos::prelude::*;
use shared::ids::AccountId;
use shared::ledger::{Account, Entry, Event, JournalError, Ledger, LedgerError, Settings, Truncated};
use shared::money::Usd;
use shared::simulator;
use shared::time::Timestamp;
use shared::token::Token;
use shared::trade::{AcceptPriceAge, Order, Ppm, Rejection, TradeRequest};

use super::{Desk, boot};
use crate::io::database::StoreError;
use crate::io::journal::{Journals, Record};
use crate::io::preferences::{self, Preference};
use crate::io::random::NoRandomness;
use crate::io::{clock, lock, random};

/// Why nothing happened. Cash, positions and history are as they were.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The simulator refused the trade.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The browser did not keep it.
    #[error("{0}")]
    NotKept(#[from] StoreError),
    /// The account has moved on in another tab since the person looked.
    #[error("this account changed in another tab")]
    Changed,
    /// The ledger refused the event.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// No seed, no name, no secret.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// There is no account in hand.
    #[error("no account is open")]
    NoAccount,
    /// The account in hand lies in the archive.
    #[error("this account is archived")]
    Archived,
    /// The stored journal no longer follows from what this tab has.
    #[error("this device's journal of the account does not continue what this tab has read")]
    Torn,
}

impl Refusal {
    /// What the person can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Refusal::Rejected(rejection) => rejection.remedy(),
            Refusal::NotKept(error) => error.remedy(),
            Refusal::Changed => "This tab has caught up. Look at the figures again and confirm once more.",
            Refusal::Ledger(_) => "Change what you entered and try again.",
            Refusal::NoRandomness(_) => "Use a browser with Web Crypto.",
            Refusal::NoAccount => "Wait until the account is open, or open one in Settings.",
            Refusal::Archived => "Take it back in hand on the Accounts page, or open another account.",
            Refusal::Torn => "Reload the page: it will read the journal afresh and name the line at fault.",
        }
    }
}

/// Trades, on the state the person saw: `seen` is the number of the last entry then.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn trade(
    desk: Desk,
    order: Order,
    tolerance: Ppm,
    accept_price_age: AcceptPriceAge,
    max_impact: Ppm,
    seen: u64,
) -> Result<Arc<Entry>, Refusal> {
    let started = clock::stopwatch();
    let make = move |account: &Account, now| {
        let max_impact = Some(max_impact);
        let request = TradeRequest { id: random::trade_id(now)?, order, tolerance, accept_price_age, max_impact };
        let seed = random::seed()?;
        let mut trade =
            desk.view.with_untracked(|view| simulator::execute(account, &request, &view.market, now, seed))?;
        trade.execution_us = (clock::stopwatch() - started).clamp(0.0, f64::from(u32::MAX)) as u32;
        Ok(Event::Traded(trade))
    };
    let entry = write(desk, Some(seen), Box::new(make)).await?;
    desk.diagnostics.durable(started);
    desk.diagnostics.ask_to_persist();
    Ok(entry)
}

/// Changes the account's settings.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn change_settings(desk: Desk, settings: Settings) -> Result<(), Refusal> {
    write(desk, None, Box::new(move |_, _| Ok(Event::SettingsChanged(settings)))).await?;
    Ok(())
}

/// Pays paper dollars in.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn deposit(desk: Desk, usd: Usd) -> Result<(), Refusal> {
    write(desk, None, Box::new(move |_, _| Ok(Event::Deposited { usd }))).await?;
    Ok(())
}

/// Adds a token that is in no table.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn add_token(desk: Desk, token: Token) -> Result<(), Refusal> {
    let key = token.key;
    write(desk, None, Box::new(move |_, _| Ok(Event::TokenAdded(token)))).await?;
    desk.select(key);
    Ok(())
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// Entries that are new on this device.
    pub added: usize,
    /// Entries in the file.
    pub entries: usize,
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
}

/// Verifies a journal, keeps what is new of it and takes its account in hand: all of it or nothing.
///
/// # Errors
/// [`ImportRefusal`]; nothing changed.
pub async fn import(desk: Desk, text: String) -> Result<Imported, ImportRefusal> {
    let replay = Ledger::replay(&text)?;
    let account = replay.ledger.account();
    let journals = journals(desk).await?;
    let record = Record {
        id: account.id(),
        name: account.name().to_owned(),
        market: account.market(),
        secret: None,
        archived: None,
        follows: None,
    };
    let entries = replay.entries.len();
    let (truncated, sealed) = (replay.truncated, replay.sealed);
    let added = exclusively(record.id, {
        let record = record.clone();
        async move {
            let here = journals.lines(record.id, 0).await?;
            let parted = here.iter().zip(&replay.entries).find(|(line, entry)| **line != entry.line);
            if let Some((_, entry)) = parted {
                return Err(ImportRefusal::Forked(entry.seq));
            }
            let new = replay.entries.iter().skip(here.len());
            let lines = new.clone().map(|entry| (entry.seq, entry.line.as_str()));
            match (here.is_empty(), new.len()) {
                (_, 0) => {}
                (true, _) => journals.create(&record, lines).await?,
                (false, _) => journals.append(record.id, lines).await?,
            }
            Ok(new.len())
        }
    })
    .await?;
    let known = desk.accounts.with_untracked(|accounts| accounts.iter().find(|known| known.id == record.id).cloned());
    let record = known.unwrap_or_else(|| {
        desk.accounts.update(|accounts| accounts.push(record.clone()));
        record
    });
    boot::load(desk, record).await;
    Ok(Imported { added, entries, truncated, sealed })
}

/// Tries once more to keep what could not be kept.
///
/// # Errors
/// [`StoreError`].
pub async fn retry_store(desk: Desk) -> Result<(), StoreError> {
    let journals = journals(desk).await?;
    let Some(book) = desk.book.get_untracked() else {
        boot::start(desk);
        return Ok(());
    };
    if !book.is_kept() {
        journals.create(book.record(), book.entries().iter().map(|entry| (entry.seq, entry.line.as_str()))).await?;
        desk.accounts.update(|accounts| accounts.push(book.record().clone()));
        boot::load(desk, book.record().clone()).await;
    }
    desk.trouble.set(None);
    Ok(())
}

/// Makes an event on the newest state of the account.
type Make = Box<dyn FnOnce(&Account, Timestamp) -> Result<Event, Refusal>>;

/// Writes one event: catches up with other tabs, makes the event on the newest state, keeps it, and
/// only then lets the page see it.
async fn write(desk: Desk, seen: Option<u64>, make: Make) -> Result<Arc<Entry>, Refusal> {
    let id = desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().id)).ok_or(Refusal::NoAccount)?;
    exclusively(id, async move {
        let journals = journals(desk).await?;
        catch_up(desk, &journals, id).await?;
        // Everything before the first entry that is not kept yet; usually nothing.
        let (draft, unkept) = desk.book.with_untracked(|book| {
            let book = book.as_ref().filter(|book| book.record().id == id).ok_or(Refusal::NoAccount)?;
            if book.record().archived.is_some() {
                return Err(Refusal::Archived);
            }
            if seen.is_some_and(|seen| seen != book.seq()) {
                return Err(Refusal::Changed);
            }
            let now = clock::now();
            let draft = book.draft(make(book.account(), now)?, now)?;
            let unkept = (!book.is_kept()).then(|| (book.record().clone(), Vec::clone(book.entries())));
            Ok((draft, unkept))
        })?;
        let line = (draft.entry.seq, draft.entry.line.as_str());
        let kept = match &unkept {
            None => journals.append(id, std::iter::once(line)).await,
            Some((record, entries)) => {
                let before = entries.iter().map(|entry| (entry.seq, entry.line.as_str()));
                journals.create(record, before.chain(std::iter::once(line))).await
            }
        };
        match kept {
            Ok(()) => {}
            // A browser without locks: another tab was quicker.
            Err(StoreError::Conflict) => {
                catch_up(desk, &journals, id).await?;
                return Err(Refusal::Changed);
            }
            Err(error) => {
                desk.diagnostics.failed(&error);
                return Err(error.into());
            }
        }
        let mut entry = None;
        desk.book.update(|book| entry = book.as_mut().map(|book| book.keep(draft)));
        if let Some((record, _)) = unkept {
            preferences::set(Preference::Account, Some(&record.id.to_string()));
            desk.accounts.update(|accounts| accounts.push(record));
            desk.trouble.set(None);
        }
        entry.ok_or(Refusal::NoAccount)
    })
    .await
}

/// Reads what other tabs have written since.
async fn catch_up(desk: Desk, journals: &Journals, id: AccountId) -> Result<(), Refusal> {
    let Some((seq, true)) = desk.book.with_untracked(|book| book.as_ref().map(|book| (book.seq(), book.is_kept())))
    else {
        return Ok(());
    };
    let lines = journals.lines(id, seq + 1).await?;
    if lines.is_empty() {
        return Ok(());
    }
    let mut followed = Ok(());
    desk.book.update(|book| {
        if let Some(book) = book {
            followed = book.follow(&lines);
        }
    });
    followed.map_err(|_| Refusal::Torn)
}

/// The store, opened now if it was not before.
pub(super) async fn journals(desk: Desk) -> Result<Journals, StoreError> {
    if let Some(journals) = desk.journals.get_value() {
        return Ok(journals);
    }
    let journals = Journals::open().await?;
    desk.journals.set_value(Some(journals.clone()));
    Ok(journals)
}

/// Runs `work` while no other tab of this browser writes to the account.
pub(super) async fn exclusively<T: 'static>(id: AccountId, work: impl Future<Output = T> + 'static) -> T {
    lock::exclusive(&format!("foolscap.journal.{id}"), work).await
}
