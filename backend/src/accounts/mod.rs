//! Paper accounts on this server: the copies of their journals, who writes to them, and who may read.
//!
//! [`copy`] says how lines stand to a copy, [`lease`] who writes, [`links`] who reads, [`view`] what is told of it:
//! all of that without waiting. [`keeper`] does it: a few tasks, each the only one for its accounts, so that what
//! happens to an account happens one after the other, and is not left half done when whoever asked hangs up.
//! Here is what the routes and the socket ask.

pub mod copy;
mod keeper;
pub mod lease;
pub mod links;
#[cfg(test)]
mod model;
mod shelf;
pub mod view;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use shared::ids::AccountId;
use shared::money::Price;
use shared::time::Timestamp;
use shared::token::Token;
use shared::wire::accounts::{
    AccountSnapshot, Append, Branch, JournalHead, JournalPage, Lease, LeaseAsked, Link, NewLink,
};
use shared::wire::room::{SessionStatus, SessionUpdate};
use shared::wire::status::AccountsStatus;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::keeper::{Job, Keeper};
use self::lease::{LeaseError, Leases};
use self::links::{Entrance, LinkError, Links, TokenHash};
use crate::clock::SharedClock;
use crate::prices::Prices;
use crate::rooms::{RoomError, Rooms};
use crate::store::copies::Copies;
use crate::tasks::Tasks;
use crate::telemetry;

/// Tasks that keep accounts.
const KEEPERS: usize = 8;
/// Jobs that wait for one of them; whoever comes then waits before the door.
const WAITING: usize = 64;
/// Lines of a page, at most.
const PAGE_LINES: usize = 2_000;
/// Bytes of the lines of a page, about.
const PAGE_BYTES: usize = 512 * 1024;

/// How often the metrics are told.
const NOTED_EVERY: Duration = Duration::from_secs(5);

/// What the server puts up with from accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one account's lines, its branches included.
    pub account_bytes: u64,
    /// Bytes of all accounts together.
    pub bytes: u64,
    /// Branches of one account.
    pub branches: usize,
    /// Bytes of one account's branches.
    pub branch_bytes: u64,
    /// For how long a device has the lease after its last word, in milliseconds.
    pub lease_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        const MIB: u64 = 1024 * 1024;
        Limits { account_bytes: 256 * MIB, bytes: 4096 * MIB, branches: 32, branch_bytes: 16 * MIB, lease_ms: 60_000 }
    }
}

/// Why something is not done with an account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The copy goes on elsewhere.
    #[error(
        "the copy of this journal goes on elsewhere: read it after the last entry you have in common, and add there"
    )]
    Moved {
        /// Its end; none where there is no copy.
        head: Option<JournalHead>,
    },
    /// A line is wrong.
    #[error("line {line}: {why}")]
    Damaged {
        /// Its number in the journal, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
    /// Another device writes.
    #[error("another device writes to this account; ask again when it has given the lease back or the lease has ended")]
    Held {
        /// Which, and until when.
        lease: Lease,
        /// The end of the copy, where there is one.
        head: Option<JournalHead>,
    },
    /// The account has no room for more.
    #[error(
        "this account's journal has no room for more here: {0} bytes are kept of one (FOOLSCAP_ACCOUNT_MIB); it goes on where it is, without a copy"
    )]
    Full(u64),
    /// The server has none.
    #[error(
        "this server has no room for more journals: {0} bytes are kept in all (FOOLSCAP_ACCOUNTS_MIB); yours goes on where it is, without a copy"
    )]
    AllFull(u64),
    /// Too much that was not chosen.
    #[error("no more branches are kept of this account here; save this one to a file")]
    BranchesFull,
    /// The disk is full.
    #[error("the server's disk is full; your journal goes on where it is, without a copy")]
    DiskFull,
    /// The account has enough links.
    #[error("an account has at most {} links; revoke one first", links::MOST)]
    TooManyLinks,
    /// Everybody together has too much of something.
    #[error("this server has no room for more {0}; come back in a while")]
    TooMany(&'static str),
    /// What was asked cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// There is no copy to show.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The store failed.
    #[error("the server cannot keep this now: {0}")]
    Store(String),
    /// The server made a mistake.
    #[error("the server made a mistake; what it is stands in its log")]
    Mistake,
    /// The server ends.
    #[error("the server is stopping; come back in a moment")]
    Stopping,
}

impl From<sqlx::Error> for AccountError {
    fn from(error: sqlx::Error) -> AccountError {
        /// SQLITE_FULL.
        const FULL: &str = "13";
        let code = error.as_database_error().and_then(|error| error.code().map(std::borrow::Cow::into_owned));
        if code.as_deref() == Some(FULL) {
            return AccountError::DiskFull;
        }
        tracing::error!(event = "accounts_store_failed", %error, "An account's data could not be read or written");
        AccountError::Store(error.to_string())
    }
}

/// The accounts.
#[derive(Debug)]
pub struct Accounts {
    common: Arc<Common>,
    keepers: Vec<mpsc::Sender<Job>>,
}

/// What keepers and askers share. No lock is held for longer than it takes to look.
#[derive(Debug)]
struct Common {
    copies: Copies,
    rooms: Arc<Rooms>,
    prices: Arc<Prices>,
    clock: SharedClock,
    limits: Limits,
    leases: Mutex<Leases>,
    links: RwLock<Links>,
    /// Copies there are, and their bytes.
    count: AtomicU64,
    bytes: AtomicU64,
}

impl Common {
    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn links(&self) -> RwLockReadGuard<'_, Links> {
        self.links.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn links_to_change(&self) -> RwLockWriteGuard<'_, Links> {
        self.links.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> AccountsStatus {
        AccountsStatus {
            kept: self.count.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            writing: self.leases().count(self.clock.now()) as u64,
            links: self.links().count() as u64,
        }
    }

    fn price(&self, token: &Token) -> Option<Price> {
        self.prices.known(token)
    }
}

impl Accounts {
    /// Begins with what the store has kept, and starts the keepers.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn start(
        copies: Copies,
        rooms: Arc<Rooms>,
        prices: Arc<Prices>,
        clock: SharedClock,
        limits: Limits,
        tasks: &Tasks,
    ) -> Result<Accounts, AccountError> {
        copies.forget_leases_before(clock.now()).await?;
        let leases = Mutex::new(Leases::new(limits.lease_ms, copies.leases().await?));
        let links = RwLock::new(Links::new(copies.links().await?));
        let (count, bytes) = copies.count().await?;
        let (count, bytes) = (AtomicU64::new(count), AtomicU64::new(bytes));
        let common = Arc::new(Common { copies, rooms, prices, clock, limits, leases, links, count, bytes });
        tasks.spawn(note_status(common.clone(), tasks.stop()));
        let keepers = (0..KEEPERS).map(|_| {
            let (sender, jobs) = mpsc::channel(WAITING);
            tasks.spawn(Keeper::new(common.clone()).run(jobs, tasks.stop()));
            sender
        });
        Ok(Accounts { keepers: keepers.collect(), common })
    }

    /// Whom a token lets into an account. An account that is not there takes as long as one that is.
    pub fn admit(&self, token: &str, account: AccountId) -> Option<Entrance> {
        self.common.links().admit(token, account, self.common.clock.now())
    }

    /// Whether a reader's link still holds.
    pub fn has_link(&self, account: AccountId, hash: &TokenHash) -> bool {
        self.common.links().has(account, hash, self.common.clock.now())
    }

    /// The end of a copy, who writes, and lines after `after`, as many as fit a page.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn page(&self, account: AccountId, after: u64) -> Result<JournalPage, AccountError> {
        let (copy, mut lines) = self.common.copies.page(account, after, PAGE_LINES).await?;
        let mut bytes = 0;
        let fits = lines.iter().take_while(|line| {
            bytes += line.len();
            bytes <= PAGE_BYTES
        });
        let fits = fits.count().max(1);
        lines.truncate(fits);
        let now = self.common.clock.now();
        let lease = self.common.leases().holder(account, now).cloned();
        Ok(JournalPage { head: copy.map(|copy| copy.head), lease, lines })
    }

    /// Adds lines to a copy; returns its end.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn append(&self, account: AccountId, append: Append) -> Result<JournalHead, AccountError> {
        check_device(&append.device, "")?;
        self.ask(account, |reply| Job::Append(account, append, reply)).await
    }

    /// Takes or renews the lease.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn take_lease(&self, account: AccountId, asked: LeaseAsked) -> Result<Lease, AccountError> {
        check_device(&asked.device, &asked.name)?;
        self.ask(account, |reply| Job::TakeLease(account, asked, reply)).await
    }

    /// Gives the lease back, where this device has it.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn give_lease(&self, account: AccountId, device: String) -> Result<(), AccountError> {
        self.ask(account, |reply| Job::GiveLease(account, device, reply)).await
    }

    /// What a copy comes to.
    ///
    /// # Errors
    /// [`RoomError::NoEntry`] where there is no copy; other [`AccountError`]s.
    pub async fn snapshot(&self, account: AccountId) -> Result<AccountSnapshot, AccountError> {
        self.ask(account, |reply| Job::Snapshot(account, reply)).await
    }

    /// The branches that were not chosen, oldest first.
    ///
    /// # Errors
    /// [`AccountError::Store`].
    pub async fn branches(&self, account: AccountId) -> Result<Vec<Branch>, AccountError> {
        Ok(self.common.copies.branches(account).await?)
    }

    /// Keeps a branch that was not chosen.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn keep_branch(&self, account: AccountId, branch: Branch) -> Result<(), AccountError> {
        self.ask(account, |reply| Job::KeepBranch(account, branch, reply)).await
    }

    /// The links of an account, oldest first.
    pub fn links(&self, account: AccountId) -> Vec<Link> {
        self.common.links().of(account, self.common.clock.now())
    }

    /// Makes a link, or gives the one with this hash another name and end.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn add_link(&self, account: AccountId, link: NewLink) -> Result<Link, AccountError> {
        let hash = links::parse_hash(&link.token_hash)
            .ok_or_else(|| AccountError::Malformed("`token_hash` is 64 lower-case hexadecimal digits".into()))?;
        check_name(&link.name)?;
        self.ask(account, |reply| Job::AddLink(account, hash, link, reply)).await
    }

    /// Revokes a link, and lets those out who came in by it.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn revoke_link(&self, account: AccountId, token_hash: &str) -> Result<(), AccountError> {
        // What is no hash is no link: there is nothing to revoke.
        let Some(hash) = links::parse_hash(token_hash) else { return Ok(()) };
        self.ask(account, |reply| Job::RevokeLink(account, hash, reply)).await
    }

    /// How many there are of what.
    pub fn status(&self) -> AccountsStatus {
        self.common.status()
    }

    async fn ask<T>(&self, account: AccountId, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, AccountError> {
        let (reply, answer) = oneshot::channel();
        let [first, ..] = *account.as_bytes();
        let keeper = self.keepers.get(usize::from(first) % KEEPERS).ok_or(AccountError::Stopping)?;
        keeper.send(job(reply)).await.map_err(|_| AccountError::Stopping)?;
        answer.await.unwrap_or(Err(AccountError::Mistake))
    }
}

/// Tells the metrics now and then how many there are of what.
async fn note_status(common: Arc<Common>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(NOTED_EVERY);
    loop {
        tokio::select! {
            _ = tick.tick() => telemetry::note_accounts(&common.status()),
            () = stop.cancelled() => return,
        }
    }
}

/// Where an answer goes. Whoever asked may be gone.
type Reply<T> = oneshot::Sender<Result<T, AccountError>>;

fn check_device(device: &str, name: &str) -> Result<(), AccountError> {
    if device.is_empty() || !is_label(device) {
        return Err(AccountError::Malformed("`device` has 1 to 64 visible characters".into()));
    }
    check_name(name)
}

fn check_name(name: &str) -> Result<(), AccountError> {
    if is_label(name) {
        Ok(())
    } else {
        Err(AccountError::Malformed("`name` has at most 64 visible characters".into()))
    }
}

fn is_label(text: &str) -> bool {
    text.chars().count() <= 64 && !text.chars().any(char::is_control)
}

fn lease_error(error: LeaseError, head: Option<JournalHead>) -> AccountError {
    match error {
        LeaseError::Held(lease) => AccountError::Held { lease, head },
        LeaseError::TooMany => AccountError::TooMany("devices that write"),
    }
}

fn link_error(error: LinkError) -> AccountError {
    match error {
        LinkError::TooMany => AccountError::TooManyLinks,
        LinkError::TooManyOfAll => AccountError::TooMany("links"),
    }
}

/// What a device does with an account since a moment, for the room.
fn session(device: &Lease, status: SessionStatus, since: Timestamp) -> Option<view::Message> {
    view::message(shared::wire::room::Kind::SessionUpdate, &session_of(device, status, since))
}

/// What a device does with an account since a moment.
fn session_of(device: &Lease, status: SessionStatus, since: Timestamp) -> SessionUpdate {
    let name = if device.name.is_empty() { &device.device } else { &device.name };
    SessionUpdate { device: name.clone(), status, since }
}
