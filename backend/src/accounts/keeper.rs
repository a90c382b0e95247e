//! The tasks that keep accounts: each has its own, and does one thing after the other.
//!
//! An append is verified against the fold of what is there ([`super::shelf`]), written, and only then told: to whoever
//! asked, and after that in the account's room, for which nobody waits.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::FutureExt as _;
use serde::Deserialize;
use shared::ids::AccountId;
use shared::ledger::Entry;
use shared::wire::accounts::{AccountSnapshot, Append, Branch, JournalHead, Lease, LeaseAsked, Link, NewLink};
use shared::wire::room::{Kind, SessionStatus};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::copy::{Fold, Handed, Place, Standing, Verdict, compare, decide, is_sale};
use super::lease::Taken;
use super::links::TokenHash;
use super::shelf::{Kept, Shelf, TURN};
use super::view::{self, Message};
use super::{AccountError, Common, Reply, lease_error, link_error, session, session_of};
use crate::rooms::RoomError;
use crate::store::copies::{BranchNote, Change};
use crate::telemetry;

/// Lines that are handed in at once, at most.
const MOST_LINES: usize = 4_096;
/// Entries of an append that are told one by one; a longer one tells only where it ends.
const TOLD: usize = 100;

/// Something to be done.
#[derive(Debug)]
pub enum Job {
    /// Add lines.
    Append(AccountId, Append, Reply<JournalHead>),
    /// Take or renew the lease.
    TakeLease(AccountId, LeaseAsked, Reply<Lease>),
    /// Give it back.
    GiveLease(AccountId, String, Reply<()>),
    /// Say what the copy comes to.
    Snapshot(AccountId, Reply<AccountSnapshot>),
    /// Keep a branch.
    KeepBranch(AccountId, Branch, Reply<()>),
    /// Make a link.
    AddLink(AccountId, TokenHash, NewLink, Reply<Link>),
    /// Revoke one.
    RevokeLink(AccountId, TokenHash, Reply<()>),
}

/// An answer, and what the room is told after it.
struct News<T> {
    answer: T,
    told: Vec<Message>,
}

/// A task that keeps accounts.
#[derive(Debug)]
pub struct Keeper {
    common: Arc<Common>,
    shelf: Shelf,
}

impl Keeper {
    /// One that keeps none yet.
    pub fn new(common: Arc<Common>) -> Keeper {
        Keeper { shelf: Shelf::new(common.copies.clone()), common }
    }

    /// Does what comes until it is told to stop and nothing waits.
    pub async fn run(mut self, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
        loop {
            let job = tokio::select! {
                biased;
                job = jobs.recv() => job,
                () = stop.cancelled() => None,
            };
            let Some(job) = job else { return };
            if AssertUnwindSafe(self.work(job)).catch_unwind().await.is_err() {
                // What is in the store is whole; what is in memory may not be.
                tracing::error!(
                    event = "keeper_panicked",
                    "A keeper of accounts panicked; it goes on with nothing in memory"
                );
                self.shelf.clear();
            }
            self.shelf.make_room();
        }
    }

    /// Does one thing. Whoever asked may have gone; then the answer is nobody's.
    async fn work(&mut self, job: Job) {
        match job {
            Job::Append(account, append, reply) => {
                let result = self.append(account, append).await;
                telemetry::count_append(outcome(&result));
                self.answer(account, reply, result).await;
                self.shelf.keep_fold(account).await;
            }
            Job::TakeLease(account, asked, reply) => {
                let result = self.take_lease(account, asked).await;
                self.answer(account, reply, result).await;
            }
            Job::GiveLease(account, device, reply) => {
                let result = self.give_lease(account, &device).await;
                self.answer(account, reply, result).await;
            }
            Job::Snapshot(account, reply) => {
                drop(reply.send(self.snapshot(account).await));
                self.shelf.keep_fold(account).await;
            }
            Job::KeepBranch(account, branch, reply) => drop(reply.send(self.keep_branch(account, branch).await)),
            Job::AddLink(account, hash, link, reply) => drop(reply.send(self.add_link(account, hash, link).await)),
            Job::RevokeLink(account, hash, reply) => drop(reply.send(self.revoke_link(account, hash).await)),
        }
    }

    /// Answers, and then tells the room what is new.
    async fn answer<T>(&self, account: AccountId, reply: Reply<T>, result: Result<News<T>, AccountError>) {
        let (result, news) = match result {
            Ok(News { answer, told }) => (Ok(answer), told),
            Err(error) => (Err(error), vec![]),
        };
        drop(reply.send(result));
        self.tell(account, news).await;
    }

    async fn append(&mut self, account: AccountId, append: Append) -> Result<News<JournalHead>, AccountError> {
        let Append { device, after, instead_of, lines } = append;
        let handed = Handed {
            after: after.as_ref().map_or(Ok(Place::START), |head| place("after", head))?,
            instead_of: instead_of.as_ref().map(|head| place("instead_of", head)).transpose()?,
            lines: &lines,
        };
        if lines.is_empty() || lines.len() > MOST_LINES {
            return Err(AccountError::Malformed(format!("`lines` has 1 to {MOST_LINES} lines")));
        }
        // It is taken out: what is not put back is read anew.
        let kept = self.shelf.take(account).await?;
        let end = kept.as_ref().map_or(Place::START, |kept| kept.fold.end());
        let standing = self.standing(account, end, handed).await?;
        let now = self.common.clock.now();
        let lease = self.common.leases().take(account, &device, "", now);
        let (taken, from) = match decide(standing, lease) {
            Verdict::Write { lease, from } => (lease, from),
            verdict => {
                self.shelf.put(account, kept);
                return match verdict {
                    Verdict::Refused(error) => Err(lease_error(error, head_of(end))),
                    Verdict::Moved => Err(AccountError::Moved { head: head_of(end) }),
                    Verdict::Done | Verdict::Write { .. } => Ok(News { answer: end.into(), told: vec![] }),
                };
            }
        };
        let new = lines.get(from.unwrap_or(0)..).unwrap_or_default();
        let bytes = new.iter().map(|line| line.len() as u64).sum();
        if let Err(error) = self.check_room(kept.as_ref(), bytes) {
            self.shelf.put(account, kept);
            return Err(error);
        }
        let (mut base, cut) = match (from, kept) {
            (None, Some(kept)) => match self.cut(account, &kept, handed.after).await {
                Ok((base, cut)) => (base, Some((JournalHead::from(handed.after), now, cut))),
                Err(error) => {
                    self.shelf.put(account, Some(kept));
                    return Err(error);
                }
            },
            (_, kept) => (kept, None),
        };
        // A line that is refused changes nothing by itself; several are tried on another fold.
        let spare = (new.len() > 1 && cut.is_none()).then(|| base.as_ref().map(|kept| kept.fold.clone()));
        let choices = base.as_ref().map_or(0, |kept| kept.choices) + u64::from(cut.is_some());
        let fold = base.as_mut().map(|kept| &mut kept.fold);
        let (fold, news) = match self.fold_lines(account, fold, new, choices).await {
            Ok((begun, news)) => (begun, news),
            Err(error) => {
                // What was cut for a fold that is not taken is read anew.
                if cut.is_none() {
                    if let (Some(kept), Some(Some(spare))) = (&mut base, spare) {
                        kept.fold = spare;
                    }
                    self.shelf.put(account, base);
                }
                return Err(error);
            }
        };
        let mut kept = match (base, fold) {
            (Some(kept), _) => kept,
            (None, Some(fold)) => Kept::new(fold, 0, 0, 0),
            // There is a line, and it began a fold or went into one.
            (None, None) => return Err(AccountError::Stopping),
        };
        let to = JournalHead::from(kept.fold.end());
        let from = head_of(end);
        let change = Change {
            account,
            from: from.as_ref(),
            cut: cut.as_ref().map(|(after, at, bytes)| (after, *at, *bytes)),
            lines: new,
            bytes,
            to: &to,
            lease: &taken.lease,
        };
        if !self.common.copies.change(&change).await? {
            // Another server has written to the same store.
            let head = self.common.copies.copy(account).await?.map(|copy| copy.head);
            return Err(AccountError::Moved { head });
        }
        self.common.leases().put(account, taken.lease.clone(), now);
        self.common.count.fetch_add(u64::from(end == Place::START), Ordering::Relaxed);
        self.common.bytes.fetch_add(bytes, Ordering::Relaxed);
        kept.bytes += bytes;
        kept.choices = choices;
        self.shelf.put(account, Some(kept));
        Ok(News { answer: to, told: of_lease(&taken).into_iter().chain(news).collect() })
    }

    /// How lines stand to the copy.
    async fn standing(&self, account: AccountId, end: Place, handed: Handed<'_>) -> Result<Standing, AccountError> {
        let Handed { after, lines, .. } = handed;
        if after.seq > end.seq {
            return Ok(Standing::Moved);
        }
        if after == end {
            return Ok(compare(end, Some(end.hash), &[], handed));
        }
        let copies = &self.common.copies;
        let at = match after.seq {
            0 => Some(Place::START.hash),
            seq => copies.lines_at(account, &[seq]).await?.first().map(alloy_primitives::keccak256),
        };
        let there = copies.lines(account, after.seq, lines.len()).await?;
        Ok(compare(end, at, &there, handed))
    }

    /// The copy as it was after an entry, and the bytes that came after it.
    async fn cut(&self, account: AccountId, kept: &Kept, after: Place) -> Result<(Option<Kept>, u64), AccountError> {
        let bytes = self.common.copies.bytes_after(account, after.seq).await?;
        self.check_branches(account, bytes, true).await?;
        let base = match after.seq {
            0 => None,
            seq => {
                let (fold, folded) = self.shelf.fold_until(account, seq).await?;
                Some(Kept::new(fold, kept.bytes, kept.choices, folded))
            }
        };
        Ok((base, bytes))
    }

    /// Takes lines into a fold, or begins one with them; what there is to tell of them.
    async fn fold_lines(
        &self,
        account: AccountId,
        mut fold: Option<&mut Fold>,
        lines: &[String],
        choices: u64,
    ) -> Result<(Option<Fold>, Vec<Message>), AccountError> {
        let price = |token: &shared::token::Token| self.common.price(token);
        let mut begun: Option<Fold> = None;
        let mut news = vec![];
        let mut sold = false;
        for (at, line) in lines.iter().enumerate() {
            let (fold, entry): (&Fold, Entry) = match fold.as_deref_mut().or(begun.as_mut()) {
                Some(fold) => {
                    let number = fold.end().seq + 1;
                    let entry = fold.take(line);
                    let entry =
                        entry.map_err(|damage| AccountError::Damaged { line: number, why: damage.to_string() })?;
                    (fold, entry)
                }
                None => {
                    let (fold, entry) =
                        Fold::begin(account, line).map_err(|why| AccountError::Damaged { line: 1, why })?;
                    (begun.insert(fold), entry)
                }
            };
            sold |= is_sale(&entry);
            if lines.len() <= TOLD {
                news.extend(view::trade(fold, &entry, &price));
            }
            if at % TURN == TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        if let Some(fold) = fold.as_deref().or(begun.as_ref()) {
            news.extend(view::message(Kind::PortfolioUpdate, &view::portfolio(fold, choices, &price)));
            if sold {
                news.extend(view::message(Kind::PerformanceUpdate, &view::performance(fold, &price)));
            }
        }
        Ok((begun, news))
    }

    fn check_room(&self, kept: Option<&Kept>, more: u64) -> Result<(), AccountError> {
        let limits = &self.common.limits;
        if kept.map_or(0, |kept| kept.bytes) + more > limits.account_bytes {
            return Err(AccountError::Full(limits.account_bytes));
        }
        if self.common.bytes.load(Ordering::Relaxed) + more > limits.bytes {
            return Err(AccountError::AllFull(limits.bytes));
        }
        Ok(())
    }

    async fn check_branches(&self, account: AccountId, more: u64, is_new: bool) -> Result<(), AccountError> {
        let limits = &self.common.limits;
        let notes = self.common.copies.branch_notes(account).await?;
        let bytes: u64 = notes.iter().map(|note| note.bytes).sum();
        let is_full = notes.len() + usize::from(is_new) > limits.branches || bytes + more > limits.branch_bytes;
        if is_full { Err(AccountError::BranchesFull) } else { Ok(()) }
    }

    async fn take_lease(&mut self, account: AccountId, asked: LeaseAsked) -> Result<News<Lease>, AccountError> {
        let now = self.common.clock.now();
        let taken = self.common.leases().take(account, &asked.device, &asked.name, now);
        let taken = taken.map_err(|error| lease_error(error, None))?;
        self.common.copies.keep_lease(account, &taken.lease).await?;
        let swept = self.common.leases().put(account, taken.lease.clone(), now);
        if swept {
            self.common.copies.forget_leases_before(now).await?;
        }
        Ok(News { told: of_lease(&taken), answer: taken.lease })
    }

    async fn give_lease(&mut self, account: AccountId, device: &str) -> Result<News<()>, AccountError> {
        let now = self.common.clock.now();
        if !self.common.leases().is_held_by(account, device, now) {
            return Ok(News { answer: (), told: vec![] });
        }
        self.common.copies.forget_lease(account).await?;
        let given = self.common.leases().remove(account);
        let told = given.and_then(|lease| session(&lease, SessionStatus::Ended, now));
        Ok(News { answer: (), told: told.into_iter().collect() })
    }

    /// Tells messages in the account's room. Where there is no room nobody is there to hear them, and whoever
    /// comes finds them in the copy.
    async fn tell(&self, account: AccountId, news: Vec<Message>) {
        for (kind, data) in news {
            if let Err(error) = self.common.rooms.tell(account, kind, &data, None).await {
                tracing::warn!(event = "account_untold", %kind, %error, "The room of an account was not told");
                return;
            }
        }
    }

    async fn snapshot(&mut self, account: AccountId) -> Result<AccountSnapshot, AccountError> {
        // The place in the room first: nothing that comes before it is missing here.
        let kept = self.shelf.take(account).await?.ok_or(RoomError::NoEntry)?;
        let room = self.common.rooms.place(account).await;
        let trades = self.common.copies.lines_at(account, &view::last_trades(&kept.fold)).await;
        let price = |token: &shared::token::Token| self.common.price(token);
        let (owner, choices) = (kept.fold.folded.ledger.account(), kept.choices);
        let now = self.common.clock.now();
        let leases = self.common.leases();
        let writer = leases.holder(account, now).map(|lease| session_of(lease, SessionStatus::Writing, lease.since));
        drop(leases);
        let snapshot = room.map_err(AccountError::from).and_then(|room| {
            let mut trades = trades?;
            trades.reverse();
            Ok(AccountSnapshot {
                account,
                name: owner.name().to_owned(),
                market: owner.market(),
                head: kept.fold.end().into(),
                at: kept.fold.folded.ledger.head().at,
                portfolio: view::portfolio(&kept.fold, choices, &price),
                positions: view::positions(&kept.fold, &price),
                performance: view::performance(&kept.fold, &price),
                session: writer,
                trades,
                room,
            })
        });
        self.shelf.put(account, Some(kept));
        snapshot
    }

    async fn keep_branch(&mut self, account: AccountId, branch: Branch) -> Result<(), AccountError> {
        let Branch { after, lines, kept: _ } = branch;
        let after = place("after", &after)?;
        let end = check_form(after, &lines)?;
        let copy = self.common.copies.copy(account).await?;
        let copy = copy.ok_or_else(|| malformed("there is no copy that this could be a branch of"))?;
        let notes = self.common.copies.branch_notes(account).await?;
        let (after, end) = (JournalHead::from(after), JournalHead::from(end));
        if notes.iter().any(|note| note.end == end) {
            return Ok(());
        }
        let onto = notes.iter().find(|note| note.end == after).map(|note| note.number);
        let bytes = lines.iter().map(|line| line.len() as u64).sum();
        self.check_branches(account, bytes, onto.is_none()).await?;
        let limits = &self.common.limits;
        if copy.bytes + bytes > limits.account_bytes {
            return Err(AccountError::Full(limits.account_bytes));
        }
        if self.common.bytes.load(Ordering::Relaxed) + bytes > limits.bytes {
            return Err(AccountError::AllFull(limits.bytes));
        }
        let note = BranchNote { number: 0, after, end, bytes, kept: self.common.clock.now() };
        self.common.copies.keep_branch(account, onto, &note, &lines).await?;
        self.common.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.shelf.note_branch(account, bytes);
        Ok(())
    }

    async fn add_link(&mut self, account: AccountId, hash: TokenHash, new: NewLink) -> Result<Link, AccountError> {
        let now = self.common.clock.now();
        if new.expires.is_some_and(|expires| expires <= now) {
            return Err(malformed("`expires` is over already"));
        }
        let ended = self.common.links().room(account, &hash, now).map_err(link_error)?;
        for old in ended {
            self.common.copies.forget_link(account, &alloy_primitives::hex::encode(old)).await?;
            self.common.links_to_change().remove(account, &old);
        }
        let since = self.common.links().since(account, &hash).unwrap_or(now);
        let link = Link { token_hash: new.token_hash, name: new.name, since, expires: new.expires };
        self.common.copies.keep_link(account, &link).await?;
        self.common.links_to_change().put(account, hash, link.clone());
        Ok(link)
    }

    async fn revoke_link(&mut self, account: AccountId, hash: TokenHash) -> Result<(), AccountError> {
        self.common.copies.forget_link(account, &alloy_primitives::hex::encode(hash)).await?;
        if self.common.links_to_change().remove(account, &hash) {
            // Those who came in by it look whether it is still there.
            self.common.rooms.ring(account);
        }
        Ok(())
    }
}

/// What a lease that was taken gives to tell: nothing where it was only renewed.
fn of_lease(taken: &Taken) -> Vec<Message> {
    let Taken { lease, is_new, ended } = taken;
    let ended = ended.as_ref().and_then(|ended| session(ended, SessionStatus::Ended, ended.until));
    let begun = is_new.then(|| session(lease, SessionStatus::Writing, lease.since)).flatten();
    ended.into_iter().chain(begun).collect()
}

fn head_of(end: Place) -> Option<JournalHead> {
    (end != Place::START).then(|| end.into())
}

fn malformed(why: &str) -> AccountError {
    AccountError::Malformed(why.to_owned())
}

fn place(name: &str, head: &JournalHead) -> Result<Place, AccountError> {
    Place::named(head).ok_or_else(|| {
        AccountError::Malformed(format!(
            "`{name}` is the number of an entry and its hash, 64 hexadecimal digits; the beginning is absent, or 0 and zeros"
        ))
    })
}

/// Whether lines have the form of entries that follow each other; the place of the last.
fn check_form(after: Place, lines: &[String]) -> Result<Place, AccountError> {
    #[derive(Deserialize)]
    struct Chained<'a> {
        prev: &'a str,
    }
    if lines.is_empty() || lines.len() > MOST_LINES {
        return Err(AccountError::Malformed(format!("`lines` has 1 to {MOST_LINES} lines")));
    }
    let mut end = after;
    for line in lines {
        let number = end.seq + 1;
        let damaged = |why: String| AccountError::Damaged { line: number, why };
        let entry = Entry::read(line.clone()).map_err(|damage| damaged(damage.to_string()))?;
        let chained = serde_json::from_str::<Chained<'_>>(line).map_err(|error| damaged(error.to_string()))?;
        if entry.seq != number || chained.prev != alloy_primitives::hex::encode(end.hash) {
            return Err(damaged("it does not follow from the one before it".into()));
        }
        end = end.followed_by(line);
    }
    Ok(end)
}

/// The word under which an append is counted.
const fn outcome<T>(result: &Result<T, AccountError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(AccountError::Moved { .. }) => "moved",
        Err(AccountError::Damaged { .. }) => "damaged",
        Err(AccountError::Held { .. }) => "held",
        Err(AccountError::Full(_) | AccountError::AllFull(_) | AccountError::DiskFull | AccountError::BranchesFull) => {
            "full"
        }
        Err(AccountError::Malformed(_)) => "malformed",
        Err(_) => "failed",
    }
}
