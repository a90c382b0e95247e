//! What a person can ask of the desk. Each answers only when it is done: a trade is done when it is on
//! the disk.

use std::future::Future;

use leptos::prelude::*;
use shared::ids::AccountId;
use shared::ledger::{Account, Entry, Event, LedgerError, Recount, Settings};
use shared::money::Usd;
use shared::simulator;
use shared::time::Timestamp;
use shared::token::Token;
use shared::trade::{AcceptPriceAge, Order, Ppm, Rejection, TradeRequest};

use super::devices::{self, Word};
use super::work::Stopped;
use super::{Desk, Held, boot, opening};
use crate::io::database::StoreError;
use crate::io::journal::Journals;
use crate::io::preferences::{self, Preference};
use crate::io::random::NoRandomness;
use crate::io::turn::Turn;
use crate::io::{clock, lock, random};

/// Lines of another tab taken over in one turn.
const FOLLOWED_AT_ONCE: u32 = 100;
/// Moves recomputed in one turn, at most: a millisecond or two.
const MOVES_AT_ONCE: usize = 500;

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
    /// It is another device's turn, or there are two branches.
    #[error("{}", .0.words())]
    Held(Held),
    /// The stored journal no longer follows from what this tab has.
    #[error("this device's journal of the account does not continue what this tab has read")]
    Torn,
    /// The person stopped it.
    #[error(transparent)]
    Stopped(#[from] Stopped),
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
            Refusal::Held(Held::Elsewhere(_)) => "Take over on the Accounts page, when the other device is done.",
            Refusal::Held(Held::Parted) => "Compare both branches on the page that says so, and choose one.",
            Refusal::Torn => "Reload the page: it will read the journal afresh and name the line at fault.",
            Refusal::Stopped(_) => "",
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
) -> Result<Entry, Refusal> {
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

/// Changes the account's settings. Another cost method recomputes the past, in turns.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn change_settings(desk: Desk, settings: Settings) -> Result<(), Refusal> {
    let id = in_hand(desk)?;
    exclusively(id, async move {
        let journals = journals(desk).await?;
        catch_up(desk, &journals, id).await?;
        let mut recount = Recount::new(settings.cost_method);
        let is_other = |account: &Account| account.settings().cost_method != settings.cost_method;
        if desk.with_account_untracked(is_other).unwrap_or_default() {
            let moves = desk.with_account_untracked(Account::moves).unwrap_or_default() as u64;
            let mut work = desk.work("Recomputing by the new cost method", moves);
            let mut done = 0;
            while !desk.with_account_untracked(|account| recount.go_on(account, MOVES_AT_ONCE)).unwrap_or(Ok(true))? {
                done += MOVES_AT_ONCE as u64;
                work.at(done).await?;
            }
        }
        let make = Box::new(move |_: &_, _| Ok(Event::SettingsChanged(settings)));
        write_next(desk, &journals, id, None, make, Some(recount)).await
    })
    .await?;
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

/// Tries once more to keep what could not be kept.
///
/// # Errors
/// [`StoreError`].
pub async fn retry_store(desk: Desk) -> Result<(), StoreError> {
    let journals = journals(desk).await?;
    let in_hand = desk
        .book
        .with_untracked(|book| book.as_ref().map(|book| (book.record().clone(), book.unkept_entries().to_vec())));
    let Some((record, unkept)) = in_hand else {
        boot::start(desk);
        return Ok(());
    };
    if !unkept.is_empty() {
        journals.create(&record, unkept.iter().map(|entry| (entry.seq, entry.line.as_str()))).await?;
        desk.accounts.update(|accounts| accounts.push(record.clone()));
        boot::load(desk, record).await;
    }
    desk.trouble.set(None);
    Ok(())
}

/// Makes an event on the newest state of the account.
type Make = Box<dyn FnOnce(&Account, Timestamp) -> Result<Event, Refusal>>;

/// Writes one event: catches up with other tabs, makes the event on the newest state, keeps it, and
/// only then lets the page see it.
async fn write(desk: Desk, seen: Option<u64>, make: Make) -> Result<Entry, Refusal> {
    let id = in_hand(desk)?;
    exclusively(id, async move {
        let journals = journals(desk).await?;
        catch_up(desk, &journals, id).await?;
        write_next(desk, &journals, id, seen, make, None).await
    })
    .await
}

/// Writes one event on the state in hand, which is the newest: `begun` is what is computed already of a
/// change of the cost method.
async fn write_next(
    desk: Desk,
    journals: &Journals,
    id: AccountId,
    seen: Option<u64>,
    make: Make,
    begun: Option<Recount>,
) -> Result<Entry, Refusal> {
    let (draft, unkept) = desk.book.with_untracked(|book| {
        let book = book.as_ref().filter(|book| book.record().id == id).ok_or(Refusal::NoAccount)?;
        if book.record().archived.is_some() {
            return Err(Refusal::Archived);
        }
        if let Some(held) = Held::of(book.record()) {
            return Err(Refusal::Held(held));
        }
        if seen.is_some_and(|seen| seen != book.seq()) {
            return Err(Refusal::Changed);
        }
        let now = clock::now();
        let draft = book.draft(make(book.account(), now)?, now, begun)?;
        // Everything before the first entry that is not kept yet; usually nothing.
        let unkept = (!book.is_kept()).then(|| (book.record().clone(), book.unkept_entries().to_vec()));
        Ok((draft, unkept))
    })?;
    let line = std::iter::once((draft.entry().seq, draft.entry().line.as_str()));
    let kept = match &unkept {
        None => journals.append(id, line).await,
        Some((record, entries)) => {
            let before = entries.iter().map(|entry| (entry.seq, entry.line.as_str()));
            journals.create(record, before.chain(line)).await
        }
    };
    match kept {
        Ok(()) => {}
        // A browser without locks: another tab was quicker.
        Err(StoreError::Conflict) => {
            catch_up(desk, journals, id).await?;
            return Err(Refusal::Changed);
        }
        Err(error) => {
            desk.diagnostics.failed(&error);
            return Err(error.into());
        }
    }
    let mut taken = None;
    let entry = draft.entry().clone();
    // It is on its way to other devices while this page draws it.
    devices::tell(desk, Word::Kept(&entry));
    desk.book.update(|book| taken = book.as_mut().filter(|book| book.record().id == id).map(|book| book.keep(draft)));
    if taken.is_some_and(|taken| taken.is_err()) {
        // It is on the disk, and this tab has gone another way: the store says what holds.
        catch_up(desk, journals, id).await?;
    }
    if let Some((record, _)) = unkept {
        preferences::set(Preference::Account, Some(&record.id.to_string()));
        desk.accounts.update(|accounts| accounts.push(record));
        desk.trouble.set(None);
    }
    desk.tell_tabs();
    opening::keep_snapshot(desk);
    Ok(entry)
}

fn in_hand(desk: Desk) -> Result<AccountId, Refusal> {
    desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().id)).ok_or(Refusal::NoAccount)
}

/// Reads what other tabs have written since.
///
/// # Errors
/// [`Refusal::Torn`] where it does not continue what this tab has.
pub(super) async fn catch_up(desk: Desk, journals: &Journals, id: AccountId) -> Result<(), Refusal> {
    let turn = Turn::begin();
    loop {
        let here = desk.book.with_untracked(|book| {
            let book = book.as_ref().filter(|book| book.record().id == id && book.is_kept())?;
            Some(book.seq() + 1)
        });
        let Some(from) = here else { return Ok(()) };
        let lines = journals.lines(id, from, FOLLOWED_AT_ONCE).await?;
        if lines.is_empty() {
            return Ok(());
        }
        let mut followed = Ok(());
        desk.book.update(|book| {
            if let Some(book) = book.as_mut().filter(|book| book.record().id == id) {
                followed = book.follow(from, &lines);
            }
        });
        followed.map_err(|_| Refusal::Torn)?;
        if (lines.len() as u32) < FOLLOWED_AT_ONCE {
            return Ok(());
        }
        turn.rest().await;
    }
}

/// Reads the list of this device's accounts anew: another tab has opened one.
pub(super) async fn list_accounts(desk: Desk) {
    if let Some(journals) = desk.journals.get_value()
        && let Ok(accounts) = journals.accounts().await
    {
        desk.accounts.set(accounts);
    }
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

/// Does `work` while no other tab writes to the account.
pub(super) async fn exclusively<T: 'static>(id: AccountId, work: impl Future<Output = T> + 'static) -> T {
    lock::exclusive(&format!("foolscap.journal.{id}"), work).await
}
