//! The circuit breakers of a chain: what holds new attempts back, and never what is out already.
//!
//! Failures in a row open them. What was to be signed asks for leave where it would be; when a breaker has been open
//! long enough, exactly one gets it, and how that one ends decides. Values count as failures, not only errors. What
//! they remember is kept in the journal ([`Gates::unkept`]), so that a restart closes none of them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::time::Timestamp;
use shared::transaction::{Gate, Over, State, Status, Transaction, Trouble};
use shared::wire::transactions::{BreakerEvent, BreakerInfo, Purpose};

use super::record::Record;
use crate::breaker::{Breaker, Condition, Leave, Memory, Policy, Verdict};
use crate::clock::SharedClock;

/// What a breaker stands before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Before {
    /// Requests: they fail one after the other.
    Transactions,
    /// Gas: there is none to be had under the ceiling.
    Gas,
    /// The exchanges: what is asked of them reverts.
    Dex,
    /// Retries: what is tried again fails again.
    Retries,
}

impl Before {
    const ALL: [Before; 4] = [Before::Transactions, Before::Gas, Before::Dex, Before::Retries];

    const fn name(self) -> &'static str {
        match self {
            Before::Transactions => "transaction_failure",
            Before::Gas => "gas_price_spike",
            Before::Dex => "dex_failure",
            Before::Retries => "retry_manager",
        }
    }

    /// `threshold` is that of the retries' own.
    const fn policy(self, threshold: u32) -> Policy {
        let name = self.name();
        match self {
            Before::Transactions => Policy { name, failures: 5, open_ms: 300_000, successes: 2 },
            Before::Gas => Policy { name, failures: 3, open_ms: 60_000, successes: 1 },
            Before::Dex => Policy { name, failures: 3, open_ms: 180_000, successes: 1 },
            Before::Retries => Policy { name, failures: threshold, open_ms: 300_000, successes: 1 },
        }
    }
}

/// Which breaker: what it stands before, and for whom it counts; for everybody where nobody is named.
type Name = (Before, Option<String>);

/// What is kept of a breaker.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Kept {
    #[serde(flatten)]
    memory: Memory,
    openings: u64,
    /// The last failure, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Debug)]
struct Guard {
    breaker: Breaker,
    openings: u64,
    why: Option<String>,
    was_reset: bool,
    /// As the journal has it.
    kept: Kept,
}

impl Guard {
    fn of(policy: Policy, clock: &SharedClock, kept: Kept) -> Guard {
        let breaker = Breaker::restore(policy, kept.memory, clock.clone());
        Guard { breaker, openings: kept.openings, why: kept.why.clone(), was_reset: false, kept }
    }

    fn note(&mut self, verdict: Verdict, why: Option<&str>) {
        if verdict == Verdict::Ill {
            self.why = why.map(str::to_owned);
        }
        // While it is open, what was begun before says nothing.
        if let Ok(leave) = self.breaker.admit() {
            leave.settle(verdict);
        }
    }

    /// Nothing in it is worth keeping. Of users there may be many, and one that does well needs no memory.
    fn is_fresh(&self, user: Option<&String>) -> bool {
        self.breaker.memory() == Memory::default() && (self.openings == 0 || user.is_some())
    }
}

/// A breaker that holds a request back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocked {
    /// Which.
    pub breaker: &'static str,
    /// When it lets one try.
    pub until: Timestamp,
}

/// What is to be kept of the breakers.
#[derive(Debug, Default)]
pub struct Unkept {
    /// Name, for whom (empty for everybody), and what it remembers; nothing where it is as new.
    pub rows: Vec<(&'static str, String, Option<Kept>)>,
    /// What became of them.
    pub events: Vec<BreakerEvent>,
}

/// The breakers of a chain.
#[derive(Debug)]
pub struct Gates {
    clock: SharedClock,
    chain: Chain,
    threshold: u32,
    guards: BTreeMap<Name, Guard>,
    /// Leave of those that are on their way.
    leaves: BTreeMap<TransactionId, Vec<(Name, Leave)>>,
}

impl Gates {
    /// As an earlier process left them. `threshold` is how many retries may fail in a row.
    pub fn new(chain: Chain, clock: &SharedClock, threshold: u32, kept: Vec<(String, String, Kept)>) -> Gates {
        let mut guards: BTreeMap<Name, Guard> = BTreeMap::new();
        for before in Before::ALL {
            guards.insert((before, None), Guard::of(before.policy(threshold), clock, Kept::default()));
        }
        for (name, who, kept) in kept {
            let Some(before) = Before::ALL.into_iter().find(|before| before.name() == name) else { continue };
            let who = Some(who).filter(|who| !who.is_empty());
            guards.insert((before, who), Guard::of(before.policy(threshold), clock, kept));
        }
        Gates { clock: clock.clone(), chain, threshold, guards, leaves: BTreeMap::new() }
    }

    fn guard(&mut self, name: &Name) -> &mut Guard {
        let (clock, policy) = (&self.clock, name.0.policy(self.threshold));
        self.guards.entry(name.clone()).or_insert_with(|| Guard::of(policy, clock, Kept::default()))
    }

    /// What holds a new request back at the door: it is refused, and told until when.
    pub fn blocked(&self, record: &Record) -> Option<Blocked> {
        let user = user(record);
        let holding = self.guards.iter().filter(|((before, who), _)| match before {
            Before::Transactions => who.is_none() || *who == user,
            Before::Gas | Before::Dex => true,
            // It holds retries back, and this is none.
            Before::Retries => false,
        });
        let open = holding.filter_map(|((before, _), guard)| match guard.breaker.condition() {
            Condition::Open { wait_ms } => {
                Some(Blocked { breaker: before.name(), until: later(self.clock.now(), wait_ms) })
            }
            Condition::Closed | Condition::HalfOpen => None,
        });
        open.max_by_key(|blocked| blocked.until)
    }

    /// Whether an attempt may start. While another is the probe it waits for `probing_ms`.
    pub fn admit(&mut self, record: &Record, now: Timestamp, probing_ms: u64) -> Gate {
        for before in [Before::Gas, Before::Dex] {
            if let Condition::Open { wait_ms } = self.guard(&(before, None)).breaker.condition() {
                return Gate::Closed { until: later(now, wait_ms) };
            }
        }
        let id = record.id();
        if self.leaves.contains_key(&id) {
            return Gate::Open;
        }
        let mut leaves = vec![];
        for name in asked(record) {
            match self.guard(&name).breaker.admit() {
                Ok(leave) => leaves.push((name, leave)),
                Err(refused) => {
                    let wait_ms = if refused.wait_ms == 0 { probing_ms } else { refused.wait_ms };
                    // Leave that was given meanwhile is dropped, which gives its place back.
                    return Gate::Closed { until: later(now, wait_ms) };
                }
            }
        }
        self.leaves.insert(id, leaves);
        Gate::Open
    }

    /// How one has ended, or that it begins anew.
    pub fn settle(&mut self, record: &Record) {
        let transaction = &record.transaction;
        let (of_request, of_retry) = (verdict(transaction), verdict_of_retry(transaction));
        let why = transaction.troubles.last().map(|(_, trouble)| trouble.to_string());
        let leaves = self.leaves.remove(&record.id());
        let had_leave = leaves.is_some();
        for (name, leave) in leaves.unwrap_or_default() {
            let verdict = if name.0 == Before::Retries { of_retry } else { of_request };
            if verdict == Verdict::Ill {
                self.guard(&name).why.clone_from(&why);
            }
            leave.settle(verdict);
        }
        if had_leave {
            return;
        }
        // It failed before it came to be signed.
        if transaction.status().is_final() && of_request == Verdict::Ill {
            for name in asked(record).into_iter().filter(|(before, _)| *before == Before::Transactions) {
                self.guard(&name).note(Verdict::Ill, why.as_deref());
            }
        }
        if of_retry == Verdict::Ill {
            self.guard(&(Before::Retries, None)).note(Verdict::Ill, why.as_deref());
        }
    }

    /// It goes back to where it was.
    pub fn forget(&mut self, id: TransactionId) {
        self.leaves.remove(&id);
    }

    /// Whether gas was to be had under the ceiling; told once each time that it is looked at.
    pub fn note_gas(&mut self, is_well: bool, why: &str) {
        self.note(Before::Gas, is_well, why);
    }

    /// Whether a venue could do a swap.
    pub fn note_dex(&mut self, is_well: bool, why: &str) {
        self.note(Before::Dex, is_well, why);
    }

    fn note(&mut self, before: Before, is_well: bool, why: &str) {
        let verdict = if is_well { Verdict::Well } else { Verdict::Ill };
        self.guard(&(before, None)).note(verdict, Some(why));
    }

    /// How they are.
    pub fn infos(&self) -> Vec<BreakerInfo> {
        let info = |((before, user), guard): (&Name, &Guard)| {
            let (state, wait_ms) = match guard.breaker.condition() {
                Condition::Closed => ("closed", None),
                Condition::Open { wait_ms } => ("open", Some(wait_ms)),
                Condition::HalfOpen => ("half_open", None),
            };
            let memory = guard.breaker.memory();
            BreakerInfo {
                chain: self.chain,
                name: before.name().to_owned(),
                user: user.clone(),
                state: state.to_owned(),
                wait_ms,
                next_try: wait_ms.map(|wait_ms| later(self.clock.now(), wait_ms)),
                failures: memory.failures,
                openings: guard.openings,
            }
        };
        self.guards.iter().map(info).collect()
    }

    /// Closes the breaker of this name. Whether there is one.
    pub fn reset(&mut self, name: &str, user: Option<&str>) -> bool {
        let found = self.guards.iter_mut().find(|((before, who), _)| before.name() == name && who.as_deref() == user);
        let Some(((before, _), guard)) = found else { return false };
        // Leave of the old one says nothing to the new one.
        guard.breaker = Breaker::new(before.policy(self.threshold), self.clock.clone());
        guard.was_reset = true;
        let chain = self.chain.id();
        tracing::info!(event = "circuit_breaker_reset", breaker_name = name, chain, "Closed by the operator");
        true
    }

    /// What has changed since it was last kept. It counts as kept from now on; where that comes to nothing, it is
    /// written with the next change, because only [`Gates::are_kept`] takes it as what the journal has.
    pub fn unkept(&mut self) -> Unkept {
        let now = self.clock.now();
        let mut unkept = Unkept::default();
        for ((before, user), guard) in &mut self.guards {
            let memory = guard.breaker.memory();
            let was_open = guard.kept.memory.open_since;
            let what = match (was_open, memory.open_since) {
                _ if guard.was_reset => Some("reset"),
                (None, Some(_)) => Some("opened"),
                (Some(since), Some(again)) if since != again => Some("probe_failed"),
                (Some(_), None) => Some("closed"),
                (None, None) | (Some(_), Some(_)) => None,
            };
            if guard.openings == guard.kept.openings && what == Some("opened") {
                guard.openings += 1;
            }
            let kept = Kept { memory, openings: guard.openings, why: guard.why.clone() };
            if kept == guard.kept && what.is_none() {
                continue;
            }
            if let Some(what) = what {
                let why = guard.why.clone().filter(|_| ["opened", "probe_failed"].contains(&what));
                let (name, user, what) = (before.name().to_owned(), user.clone(), what.to_owned());
                unkept.events.push(BreakerEvent { at: now, chain: self.chain, name, user, what, why });
            }
            let kept = (!guard.is_fresh(user.as_ref())).then_some(kept);
            unkept.rows.push((before.name(), user.clone().unwrap_or_default(), kept));
        }
        unkept
    }

    /// The journal has them as they are now.
    pub fn are_kept(&mut self) {
        self.guards.retain(|(_, user), guard| {
            guard.was_reset = false;
            guard.kept = Kept { memory: guard.breaker.memory(), openings: guard.openings, why: guard.why.clone() };
            user.is_none() || !guard.is_fresh(user.as_ref())
        });
    }
}

/// What a request has to ask for leave.
fn asked(record: &Record) -> Vec<Name> {
    let mut names = vec![(Before::Transactions, None)];
    if let Some(user) = user(record) {
        names.push((Before::Transactions, Some(user)));
    }
    if failures(&record.transaction) > 0 {
        names.push((Before::Retries, None));
    }
    names
}

fn user(record: &Record) -> Option<String> {
    match &record.purpose {
        Purpose::Swap(asked) => asked.user.clone(),
        Purpose::Approval { .. } | Purpose::Gap => None,
    }
}

/// Attempts that came to nothing, and not by a wait or by the user's own doing.
fn failures(transaction: &Transaction) -> usize {
    transaction.troubles.iter().filter(|(_, trouble)| is_failure(trouble)).count()
}

const fn is_failure(trouble: &Trouble) -> bool {
    match trouble {
        Trouble::Reverted { .. } | Trouble::OutOfGas | Trouble::Unreachable { .. } | Trouble::NonceTaken { .. } => true,
        Trouble::InsufficientFunds { .. }
        | Trouble::Waiting { .. }
        | Trouble::Blocked { .. }
        | Trouble::GasAboveCeiling { .. }
        | Trouble::RetriesUsedUp { .. }
        | Trouble::DeadlinePassed
        | Trouble::Refused { .. } => false,
    }
}

fn verdict(transaction: &Transaction) -> Verdict {
    match &transaction.state {
        State::Over(Over::Completed(_) | Over::Confirmed(_) | Over::Papered) => Verdict::Well,
        State::Over(Over::Failed(trouble, _)) => match trouble {
            Trouble::Reverted { .. }
            | Trouble::OutOfGas
            | Trouble::Unreachable { .. }
            | Trouble::GasAboveCeiling { .. } => Verdict::Ill,
            // What is the user's own says nothing of the chain.
            Trouble::InsufficientFunds { .. }
            | Trouble::Waiting { .. }
            | Trouble::Blocked { .. }
            | Trouble::RetriesUsedUp { .. }
            | Trouble::DeadlinePassed
            | Trouble::NonceTaken { .. }
            | Trouble::Refused { .. } => Verdict::Nothing,
        },
        State::Before(_) | State::Live(..) | State::Over(Over::Cancelled(_) | Over::Replaced(_)) => Verdict::Nothing,
    }
}

/// How a retry went, where it was one: one that fails again is in trouble for the second time at least.
fn verdict_of_retry(transaction: &Transaction) -> Verdict {
    let failures = failures(transaction);
    let failed = transaction.troubles.last().is_some_and(|(_, trouble)| is_failure(trouble));
    match transaction.status() {
        Status::Completed if failures > 0 => Verdict::Well,
        Status::Failed | Status::Retrying if failures > 1 && failed => Verdict::Ill,
        _ => Verdict::Nothing,
    }
}

fn later(now: Timestamp, ms: u64) -> Timestamp {
    now.plus_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}
