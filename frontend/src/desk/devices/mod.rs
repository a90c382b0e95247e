//! The account on several devices: the server's copy of its journal, whose turn it is to write, and its room.
//!
//! The journal on this device is the truth and the queue: what the copy lacks is handed in, in order, whenever
//! there is a server ([`courier`]). A trade never waits for it. One device at a time writes ([`turns`]); the
//! others take what it wrote, by the same way as another tab's lines. Two journals that went different ways are
//! two branches, and trading holds until the owner has chosen ([`parting`]). The [`room`] tells when there is
//! something to fetch, and what bots think.
//!
//! None of it is there before the first trade: [`begin_when_quiet`] waits until the page has settled and the rest
//! of the app is here. Until then, and without a server, [`tell`] does nothing. (By their names the functions of
//! this room are in the app's later half: see `xtask/src/halves.rs`.)

pub mod courier;
pub mod links;
pub mod parting;
pub mod room;
pub mod this;
pub mod turns;

use leptos::prelude::*;
use shared::ids::AccountId;
use shared::ledger::Entry;
use shared::time::Timestamp;
use shared::wire::accounts::Lease;
use shared::wire::room::ThoughtLogCreated;

use super::{Desk, live};
use crate::io::journal::Record;
use crate::io::{build, clock};
use courier::Courier;

/// How long the page has itself to itself, in microseconds.
const QUIET_US: f64 = 2e6;
/// Thoughts that are remembered.
const MOST_THOUGHTS: usize = 200;

/// What is known of the account in hand beyond this device. Copying it copies handles.
#[derive(Clone, Copy)]
pub struct Devices {
    /// The last entry of the server's copy, 0 for none; `None` where it is not known, or there is to be none.
    pub there: RwSignal<Option<u64>>,
    /// Why the server does not take what is handed in, and what to do about it.
    pub trouble: RwSignal<Option<(String, &'static str)>>,
    /// Whether the server did not answer when it was asked last.
    pub is_late: RwSignal<bool>,
    /// Who writes, as last heard: this device or another.
    pub lease: RwSignal<Option<Lease>>,
    /// How many read the room, when that was last told.
    pub readers: RwSignal<Option<u64>>,
    /// What bots thought in this visit, oldest first.
    pub thoughts: RwSignal<Vec<(Timestamp, ThoughtLogCreated)>>,
    /// What this device is called.
    pub name: RwSignal<String>,
    courier: StoredValue<Courier, LocalStorage>,
    /// Whoever hears what happens, once it has begun.
    hear: StoredValue<Option<Hear>>,
}

/// Something that happened and may concern other devices.
pub enum Word<'a> {
    /// An entry is on the disk, and about to be seen.
    Kept(&'a Entry),
    /// Another account is in hand, or an entry was written, here or in another tab.
    Written,
    /// The socket stands.
    Opened,
    /// The server said something on it that is not about prices.
    Said(&'a str),
    /// The socket is gone.
    Closed,
}

/// Whoever hears it.
pub type Hear = fn(Desk, Word<'_>);

/// Why nothing is to be traded on the account in hand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// Another device writes to it, or was the last to: its name, empty where this one has let others.
    Elsewhere(String),
    /// There are two branches, and none is chosen.
    Parted,
}

impl Devices {
    pub(super) fn new() -> Devices {
        Devices {
            there: RwSignal::new(None),
            trouble: RwSignal::new(None),
            is_late: RwSignal::new(false),
            lease: RwSignal::new(None),
            readers: RwSignal::new(None),
            thoughts: RwSignal::new(Vec::new()),
            name: RwSignal::new(String::new()),
            courier: StoredValue::new_local(Courier::default()),
            hear: StoredValue::new(None),
        }
    }

    /// Notes what a bot thought.
    fn note_thought(&self, at: Timestamp, thought: ThoughtLogCreated) {
        self.thoughts.update(|all| {
            if all.len() == MOST_THOUGHTS {
                all.remove(0);
            }
            all.push((at, thought));
        });
    }
}

impl Held {
    /// Whether an account is held, and by what.
    pub fn of(record: &Record) -> Option<Held> {
        match (record.parted, &record.elsewhere) {
            (Some(_), _) => Some(Held::Parted),
            (None, Some(device)) => Some(Held::Elsewhere(device.clone())),
            (None, None) => None,
        }
    }

    /// In a few words.
    pub const fn words(&self) -> &'static str {
        match self {
            Held::Elsewhere(_) => "It is not this device's turn",
            Held::Parted => "Choose a branch first",
        }
    }
}

impl Desk {
    /// Why nothing is to be traded on the account in hand, if nothing is. Tracked.
    pub fn held(&self) -> Option<Held> {
        self.book.with(|book| Held::of(book.as_ref()?.record()))
    }

    /// Entries of the account in hand that the server does not have yet, where it is to have them. Tracked.
    pub fn waiting(&self) -> Option<u64> {
        let there = self.devices.there.get()?;
        self.book.with(|book| Some(book.as_ref()?.seq().saturating_sub(there)))
    }
}

/// Sets this room going, once the page has settled. Called every second until then.
pub fn begin_when_quiet(desk: Desk) {
    let is_time = desk.devices.hear.with_value(Option::is_none)
        && clock::stopwatch() > QUIET_US
        && build::is_whole()
        && desk.book.with_untracked(|book| book.as_ref().is_some_and(super::Book::is_kept));
    if is_time {
        begin(desk);
    }
}

/// Sets another listener going: that of a page which watches somebody else's account.
pub fn listen_with(desk: Desk, hear: Hear) {
    desk.devices.hear.set_value(Some(hear));
}

fn begin(desk: Desk) {
    desk.devices.hear.set_value(Some(hear));
    desk.devices.name.set(this::name());
    courier::listen(desk);
    hear(desk, Word::Written);
}

/// Tells this room what happened. Before it has begun, nobody hears it.
pub fn tell(desk: Desk, word: Word<'_>) {
    if let Some(hear) = desk.devices.hear.get_value() {
        hear(desk, word);
    }
}

fn hear(desk: Desk, word: Word<'_>) {
    live::hear(&word);
    match word {
        Word::Kept(entry) => courier::send(desk, entry),
        Word::Written => courier::changed(desk),
        Word::Opened => room::join(desk),
        Word::Said(text) => room::heard(desk, text),
        Word::Closed => room::lost(desk),
    }
}

/// An account whose owner this device is, and that may be copied.
#[derive(Debug, Clone)]
pub(super) struct Own {
    record: Record,
    token: String,
}

impl Own {
    /// The account, where this device can prove that it is its owner's.
    fn of(record: Record) -> Option<Own> {
        let token = record.owner_token()?;
        Some(Own { record, token })
    }

    fn id(&self) -> AccountId {
        self.record.id
    }
}

/// The account in hand, where it is to be on the server as well.
fn in_hand(desk: Desk) -> Option<Own> {
    let record = desk.book.with_untracked(|book| {
        let book = book.as_ref().filter(|book| book.is_kept())?;
        Some(book.record().clone())
    })?;
    Own::of(record).filter(|own| !own.record.alone)
}

/// Changes what this device knows of an account, here and in its other tabs.
async fn note(desk: Desk, account: AccountId, change: impl FnOnce(&mut Record)) {
    let known = desk.accounts.with_untracked(|accounts| accounts.iter().find(|known| known.id == account).cloned());
    let (Some(mut record), Some(journals)) = (known, desk.journals.get_value()) else { return };
    let before = record.clone();
    change(&mut record);
    if record != before {
        // What cannot be kept holds for this page.
        let _ = journals.note(&[&record]).await;
        super::accounts::note(desk, record);
        desk.tell_tabs_of_accounts();
    }
}
