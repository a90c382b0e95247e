//! The tasks that keep accounts: each has its own, and does one thing after the other.
//!
//! An append is verified against the fold of what is there, written, and only then told: to whoever asked, and after
//! that in the account's room, for which nobody waits. Folds of recent accounts stay in memory. One that is not there is read from the store as it
//! was kept, and what came after it is folded again; it is kept anew whenever a quarter has come to it, so an
//! account of any age costs a bounded part of its length to open and nothing to append to.

use std::collections::HashMap;
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
use super::view::{self, Message};
use super::{AccountError, Common, Reply, lease_error, link_error, session};
use crate::rooms::RoomError;
use crate::store::copies::{BranchNote, Change};
use crate::telemetry;

/// Entries of all folds in memory together, about, for one keeper. The one that was used last always stays.
const MOST_ENTRIES: u64 = 40_000;
/// Lines that are handed in at once, at most.
const MOST_LINES: usize = 4_096;
/// What an account weighs beside its entries.
const WEIGHT: u64 = 64;
/// Lines that are read at once to be folded.
const PIECE: usize = 1_000;
/// Lines after which others have their turn.
const TURN: usize = 64;
/// Entries by which a fold has to grow before it is kept, at least.
const LEAST_GROWTH: u64 = 1_024;
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
    /// The copies in memory.
    copies: HashMap<AccountId, Kept>,
    /// Grows with every use.
    uses: u64,
}

/// A copy in memory, as the store has it.
#[derive(Debug)]
struct Kept {
    fold: Fold,
    bytes: u64,
    choices: u64,
    /// The number of the last entry in the fold that the store has.
    folded: u64,
    used: u64,
}

impl Keeper {
    /// One that keeps none yet.
    pub fn new(common: Arc<Common>) -> Keeper {
        Keeper { common, copies: HashMap::new(), uses: 0 }
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
            self.uses += 1;
            if AssertUnwindSafe(self.work(job)).catch_unwind().await.is_err() {
                // What is in the store is whole; what is in memory may not be.
                tracing::error!(
                    event = "keeper_panicked",
                    "A keeper of accounts panicked; it goes on with nothing in memory"
                );
                self.copies.clear();
            }
            self.make_room();
        }
    }

    /// Does one thing. Whoever asked may have gone; then the answer is nobody's.
    async fn work(&mut self, job: Job) {
        match job {
            Job::Append(account, append, reply) => {
                let result = self.append(account, append).await;
                telemetry::count_append(outcome(&result));
                self.answer(account, reply, result).await;
                self.keep_fold(account).await;
            }
            Job::TakeLease(account, asked, reply) => {
                let result = self.take_lease(account, asked).await;
                self.answer(account, reply, result).await;
            }
            Job::GiveLease(account, device, reply) => {
                let result = self.give_lease(account, &device).await;
                self.answer(account, reply, result).await;
            }
            Job::Snapshot(account, reply) => drop(reply.send(self.snapshot(account).await)),
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
        let kept = self.take(account).await?;
        let end = kept.as_ref().map_or(Place::START, |kept| kept.fold.end());
        let standing = self.standing(account, end, handed).await?;
        let now = self.common.clock.now();
        let lease = self.common.leases().take(account, &device, "", now);
        let (taken, from) = match decide(standing, lease) {
            Verdict::Write { lease, from } => (lease, from),
            verdict => {
                self.put(account, kept);
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
            self.put(account, kept);
            return Err(error);
        }
        let (mut base, cut) = match (from, kept) {
            (None, Some(kept)) => match self.cut(account, &kept, handed.after).await {
                Ok((base, cut)) => (base, Some((JournalHead::from(handed.after), now, cut))),
                Err(error) => {
                    self.put(account, Some(kept));
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
                    self.put(account, base);
                }
                return Err(error);
            }
        };
        let mut kept = match (base, fold) {
            (Some(kept), _) => kept,
            (None, Some(fold)) => Kept { fold, bytes: 0, choices: 0, folded: 0, used: 0 },
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
        self.put(account, Some(kept));
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
                let (fold, folded) = self.fold_until(account, seq).await?;
                Some(Kept { fold, bytes: kept.bytes, choices: kept.choices, folded, used: 0 })
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
        let kept = self.take(account).await?.ok_or(RoomError::NoEntry)?;
        let room = self.common.rooms.place(account).await;
        let trades = self.common.copies.lines_at(account, &view::last_trades(&kept.fold)).await;
        let price = |token: &shared::token::Token| self.common.price(token);
        let (owner, choices) = (kept.fold.folded.ledger.account(), kept.choices);
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
                trades,
                room,
            })
        });
        self.put(account, Some(kept));
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
        if let Some(kept) = self.copies.get_mut(&account) {
            kept.bytes += bytes;
        }
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

    /// The copy, out of memory or out of the store; nothing where there is none.
    async fn take(&mut self, account: AccountId) -> Result<Option<Kept>, AccountError> {
        if let Some(kept) = self.copies.remove(&account) {
            return Ok(Some(kept));
        }
        let Some(copy) = self.common.copies.copy(account).await? else { return Ok(None) };
        let (fold, folded) = self.fold_until(account, copy.head.seq).await?;
        if JournalHead::from(fold.end()) != copy.head {
            return Err(AccountError::Store(format!("the copy of {account} does not end as it says")));
        }
        Ok(Some(Kept { fold, bytes: copy.bytes, choices: copy.choices, folded, used: 0 }))
    }

    fn put(&mut self, account: AccountId, kept: Option<Kept>) {
        if let Some(kept) = kept {
            self.copies.insert(account, Kept { used: self.uses, ..kept });
        }
    }

    /// Folds a copy's lines until the one with this number, from the fold that was kept where it is of use; and
    /// the number of the last entry in that.
    async fn fold_until(&self, account: AccountId, end: u64) -> Result<(Fold, u64), AccountError> {
        let damaged = |why: String| AccountError::Store(format!("the copy of {account} is damaged: {why}"));
        let copies = &self.common.copies;
        let mut fold = match copies.fold(account).await? {
            Some(kept) if kept.seq <= end => {
                let at = copies.lines_at(account, &[kept.seq]).await?.first().map(alloy_primitives::keccak256);
                // Megabytes, for an old account.
                let fold = tokio::task::spawn_blocking(move || Fold::read(&kept)).await.ok().flatten();
                fold.filter(|fold| {
                    fold.folded.ledger.account().id() == account && at == Some(fold.folded.ledger.head().hash)
                })
            }
            _ => None,
        };
        let folded = fold.as_ref().map_or(0, |fold| fold.end().seq);
        loop {
            let from = fold.as_ref().map_or(0, |fold| fold.end().seq);
            let most = usize::try_from(end - from).unwrap_or(PIECE).min(PIECE);
            let lines = if most == 0 { vec![] } else { copies.lines(account, from, most).await? };
            if lines.is_empty() {
                break;
            }
            for turn in lines.chunks(TURN) {
                for line in turn {
                    match &mut fold {
                        Some(fold) => drop(fold.take(line).map_err(|damage| damaged(damage.to_string()))?),
                        None => fold = Some(Fold::begin(account, line).map_err(damaged)?.0),
                    }
                }
                tokio::task::yield_now().await;
            }
        }
        let fold = fold.filter(|fold| fold.end().seq == end).ok_or_else(|| damaged("lines are missing".into()))?;
        Ok((fold, folded))
    }

    /// Keeps the fold where it has grown by a quarter. It is a cache: a failure costs time later.
    async fn keep_fold(&mut self, account: AccountId) {
        let Some(kept) = self.copies.get_mut(&account) else { return };
        let seq = kept.fold.end().seq;
        if seq < kept.folded + LEAST_GROWTH.max(kept.folded / 4) {
            return;
        }
        match self.common.copies.keep_fold(account, kept.fold.kept()).await {
            Ok(()) => kept.folded = seq,
            Err(error) => tracing::warn!(event = "fold_unkept", %account, %error, "A fold could not be kept"),
        }
    }

    /// Lets those go from memory that were used longest ago, down to three quarters of what there may be.
    fn make_room(&mut self) {
        let weight = |kept: &Kept| kept.fold.end().seq + WEIGHT;
        let mut sum: u64 = self.copies.values().map(weight).sum();
        if sum <= MOST_ENTRIES {
            return;
        }
        let mut by_age: Vec<(u64, AccountId, u64)> =
            self.copies.iter().map(|(account, kept)| (kept.used, *account, weight(kept))).collect();
        by_age.sort_unstable();
        by_age.pop();
        for (_, account, weight) in by_age {
            if sum <= MOST_ENTRIES / 4 * 3 {
                break;
            }
            self.copies.remove(&account);
            sum -= weight;
        }
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
