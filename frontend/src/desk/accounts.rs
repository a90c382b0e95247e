//! The accounts of this device: opened, named, reset, taken from the archive, and removed for good.
//!
//! A reset changes no journal. The account goes to the archive as it is, and a new one with the same name
//! and settings takes its place: balance, orders and history are those of its own journal, so they begin
//! together. To undo it is to take the archived one back in hand.

use leptos::prelude::*;
use shared::ids::AccountSecret;
use shared::ledger::account::check_name;
use shared::ledger::{Folded, Ledger, MarketKind, Opened, Settings};
use shared::money::Usd;

use super::commands::{Refusal, exclusively, journals, list_accounts};
use super::diagnostics::Verified;
use super::{Book, Desk, Trouble, boot};
use crate::io::database::StoreError;
use crate::io::journal::Record;
use crate::io::{clock, random};

/// Paper dollars a new account starts with, unless its owner wants another sum.
pub const FIRST_DEPOSIT: Usd = Usd::whole(10_000);

/// A new account as its owner wants it.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What to call it; empty for a name that is not taken.
    pub name: String,
    /// Which market it trades in, for ever.
    pub market: MarketKind,
    /// The paper dollars it starts with.
    pub deposit: Usd,
    /// The terms it starts with.
    pub settings: Settings,
}

impl Wish {
    /// What a newcomer gets.
    pub fn usual(market: MarketKind) -> Wish {
        Wish { name: String::new(), market, deposit: FIRST_DEPOSIT, settings: Settings::default() }
    }
}

/// Opens a new account and takes it in hand. Where it cannot be kept, the page has it in hand all the
/// same, to look around with, but nothing can be traded. A newcomer's is in hand before the store is open, and
/// gives way to what is found there.
///
/// # Errors
/// [`Refusal`].
pub async fn open(desk: Desk, wish: Wish, is_newcomer: bool) -> Result<(), Refusal> {
    let name = match wish.name.trim() {
        "" => desk.accounts.with_untracked(|known| free_name(known, wish.market)),
        name => name.to_owned(),
    };
    let (record, opened) = newborn(Wish { name, ..wish })?;
    let (ledger, entry) = Ledger::open(opened, clock::now())?;
    let is_first = desk.book.with_untracked(Option::is_none);
    if is_first {
        // Nobody need watch the disk. What is traded meanwhile waits for it: the lock is held until then.
        desk.book.set(Some(Book::unkept(record.clone(), ledger.clone(), entry.clone())));
    }
    exclusively(record.id, async move {
        if is_newcomer && boot::find(desk).await? {
            return Ok(());
        }
        let Some(journals) = desk.journals.get_value() else {
            // What the browser said when it was opened says more than that it is not open.
            return Err(Refusal::NotKept(match desk.trouble.get_untracked() {
                Some(Trouble::NotKept(first)) => first,
                Some(Trouble::Damaged(..)) | None => StoreError::Refused("the store is not open".to_owned()),
            }));
        };
        journals.create(&record, std::iter::once((entry.seq, entry.line.as_str()))).await?;
        desk.accounts.update(|accounts| accounts.push(record.clone()));
        // What was written is what is in hand: it need not be read back.
        desk.diagnostics.verified.set(Some(Verified { at: clock::now(), seq: entry.seq }));
        boot::take_in_hand(desk, Book::kept(record, Folded::begin(ledger, &entry), 0));
        Ok(())
    })
    .await
}

/// Takes another account of this device in hand; an archived one only to be looked at.
pub async fn switch(desk: Desk, record: Record) {
    boot::load(desk, record).await;
}

/// Calls the account in hand something else on this device. Its journal keeps the name it was opened with.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn rename(desk: Desk, name: &str) -> Result<(), Refusal> {
    let name = name.trim().to_owned();
    check_name(&name)?;
    let record = Record { name, ..in_hand(desk)? };
    journals(desk).await?.note(&[&record]).await?;
    note(desk, record);
    desk.tell_tabs_of_accounts();
    Ok(())
}

/// Puts the account in hand into the archive and a new one in its place, with the same name and settings.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn reset(desk: Desk, deposit: Usd) -> Result<(), Refusal> {
    let old = in_hand(desk)?;
    if old.archived.is_some() {
        return Err(Refusal::Archived);
    }
    let settings = desk.with_account_untracked(|account| *account.settings()).ok_or(Refusal::NoAccount)?;
    let wish = Wish { name: old.name.clone(), market: old.market, deposit, settings };
    let (mut new, opened) = newborn(wish)?;
    new.follows = Some(old.id);
    let now = clock::now();
    let (_, entry) = Ledger::open(opened, now)?;
    let old = Record { archived: Some(now), ..old };
    let journals = journals(desk).await?;
    exclusively(old.id, {
        let (old, new) = (old.clone(), new.clone());
        async move { journals.succeed(&old, &new, entry.seq, &entry.line).await }
    })
    .await?;
    note(desk, old);
    desk.accounts.update(|accounts| accounts.push(new.clone()));
    desk.tell_tabs_of_accounts();
    boot::load(desk, new).await;
    Ok(())
}

/// Takes an account out of the archive and in hand. If the account in hand had taken its place, they
/// change places again: what was traded since is archived, not lost.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn restore(desk: Desk, record: Record) -> Result<(), Refusal> {
    let back = Record { archived: None, ..record };
    let follower = desk.accounts.with_untracked(|accounts| {
        accounts.iter().find(|other| other.follows == Some(back.id) && other.archived.is_none()).cloned()
    });
    let follower = follower.map(|follower| Record { archived: Some(clock::now()), ..follower });
    let records: Vec<&Record> = std::iter::once(&back).chain(&follower).collect();
    journals(desk).await?.note(&records).await?;
    if let Some(follower) = follower {
        note(desk, follower);
    }
    note(desk, back.clone());
    desk.tell_tabs_of_accounts();
    boot::load(desk, back).await;
    Ok(())
}

/// Removes an archived account and its journal for good.
///
/// # Errors
/// [`Refusal`]; nothing changed.
pub async fn remove(desk: Desk, record: Record) -> Result<(), Refusal> {
    let id = record.id;
    let journals = journals(desk).await?;
    exclusively(id, async move { journals.remove(id).await }).await?;
    desk.accounts.update(|accounts| accounts.retain(|other| other.id != id));
    desk.tell_tabs_of_accounts();
    let was_in_hand = in_hand(desk).is_ok_and(|book| book.id == id);
    let next = desk.accounts.with_untracked(|accounts| first(accounts).cloned());
    if let (true, Some(next)) = (was_in_hand, next) {
        boot::load(desk, next).await;
    }
    Ok(())
}

/// Reads again what the store knows of the accounts: another tab changed it.
pub(super) async fn look_again(desk: Desk) {
    list_accounts(desk).await;
    let Ok(here) = in_hand(desk) else { return };
    let known = desk.accounts.with_untracked(|accounts| accounts.iter().find(|record| record.id == here.id).cloned());
    if let Some(record) = known.filter(|record| *record != here) {
        // Of two branches one was chosen there: what is in hand may be the other.
        let is_decided = here.parted.is_some() && record.parted.is_none();
        note(desk, record.clone());
        if is_decided {
            boot::load(desk, record).await;
        }
    }
}

/// The account to open where none was chosen: the first that is not archived.
pub fn first(accounts: &[Record]) -> Option<&Record> {
    accounts.iter().find(|record| record.archived.is_none()).or(accounts.first())
}

fn in_hand(desk: Desk) -> Result<Record, Refusal> {
    desk.book.with_untracked(|book| book.as_ref().map(|book| book.record().clone())).ok_or(Refusal::NoAccount)
}

/// Lets the page see what the store knows of an account now.
pub(super) fn note(desk: Desk, record: Record) {
    desk.accounts.update(|accounts| {
        if let Some(known) = accounts.iter_mut().find(|known| known.id == record.id) {
            *known = record.clone();
        }
    });
    desk.book.update(|book| {
        if let Some(book) = book.as_mut().filter(|book| book.record().id == record.id) {
            book.note(record);
        }
    });
}

fn newborn(wish: Wish) -> Result<(Record, Opened), Refusal> {
    let secret: AccountSecret = random::account_secret()?;
    let Wish { name, market, deposit, settings } = wish;
    let id = secret.owner_token().account_id();
    let secret = Some(secret.reveal());
    let record = Record { secret, ..Record::new(id, name.clone(), market) };
    Ok((record, Opened { account: id, market, name, deposit, settings }))
}

/// A name that no account of this device has: `Paper`, `Paper 2` …
fn free_name(known: &[Record], market: MarketKind) -> String {
    let kind = match market {
        MarketKind::Real => "Paper",
        MarketKind::Demo => "Demo",
    };
    let is_free = |name: &String| known.iter().all(|record| record.name != *name);
    let numbered = (2_u32..).map(|number| format!("{kind} {number}"));
    std::iter::once(kind.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use shared::ids::AccountId;

    use super::*;

    fn record(id: u8, name: &str, archived: bool) -> Record {
        let archived = archived.then_some(shared::time::Timestamp::EPOCH);
        let id = AccountId::from_bytes([id; 16]);
        Record { archived, ..Record::new(id, name.to_owned(), MarketKind::Demo) }
    }

    #[test]
    fn a_new_account_gets_a_name_that_is_not_taken() {
        assert_eq!(free_name(&[], MarketKind::Real), "Paper");
        let known = [record(1, "Paper", false), record(2, "Paper 2", true), record(3, "Demo 2", false)];
        assert_eq!(free_name(&known, MarketKind::Real), "Paper 3");
        assert_eq!(free_name(&known, MarketKind::Demo), "Demo");
    }

    #[test]
    fn an_archived_account_is_opened_by_itself_only_where_there_is_no_other() {
        let (old, new) = (record(1, "Paper", true), record(2, "Paper", false));
        assert_eq!(first(&[old.clone(), new.clone()]), Some(&new));
        assert_eq!(first(std::slice::from_ref(&old)), Some(&old));
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn a_record_of_an_older_build_reads_and_is_written_as_it_was() {
        let text = r#"{"id":"07070707070707070707070707070707","name":"Paper","market":"real","secret":"ab"}"#;
        let read: Record = serde_json::from_str(text).unwrap();
        assert_eq!((read.archived, read.follows), (None, None));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }
}
