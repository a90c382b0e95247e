//! The one task that owns the nonces of a sender on a chain.
//!
//! A turn is: what happened goes into the core; what the core makes of it is written to the journal, all of it or
//! nothing; and only then is done what the core asks for. What is done outside comes back as something that
//! happened. Turns follow one another, so nothing here is ever locked.
//!
//! When the journal cannot be written the turn is as if the process had ended before it: nothing was sent, nonces
//! are given back, and each record is told [`Event::Started`] after a while, as it would be after a restart.
//!
//! Here is the loop and the turn; [`asking`] is what people want, [`doing`] what the core asks for, [`hearing`] what
//! was found outside.

mod asking;
mod doing;
mod hearing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes};
use shared::chain::Chain;
use shared::ids::TransactionId;
use shared::market::draws::BILLION;
use shared::time::Timestamp;
use shared::transaction::nonces::Lane;
use shared::transaction::{AttemptId, Effect, Event, Gate, Input, Order, Policy, Status, step};
use shared::wire::transactions::{BreakerInfo, LiveAlertMessage};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::acts::{Account, Found};
use super::alerts;
use super::gates::Gates;
use super::record::Record;
use super::signer::Signer;
use super::{LiveError, Teller, new_id};
use crate::chain::Nodes;
use crate::clock::SharedClock;
use crate::crash;
use crate::dex::venues::Venues;
use crate::store::breakers::BreakerRow;
use crate::store::journal::{Journal, JournalError, Lease, Row};

/// How long the journal is left alone after it could not be written.
const JOURNAL_REST_MS: i64 = 1_000;
/// The most that is heard before the next turn is taken.
const MOST_HEARD: usize = 256;
/// Ends that are remembered for those who wait for them.
const MOST_ENDED: usize = 4_096;
/// How long acts under way may take to end when the server stops.
const LAST_ACTS: Duration = Duration::from_secs(4);

/// What somebody wants of an owner.
#[derive(Debug)]
pub enum Command {
    /// Take a request up, under a key of the asker's.
    Submit(Box<Record>, Option<String>, oneshot::Sender<Result<Record, LiveError>>),
    /// Have it not happen.
    Cancel(TransactionId, oneshot::Sender<Result<Record, LiveError>>),
    /// Have it happen sooner, for so many percent of what it offers.
    Replace(TransactionId, u32, oneshot::Sender<Result<Record, LiveError>>),
    /// Tell how the breakers are.
    Breakers(oneshot::Sender<Vec<BreakerInfo>>),
    /// Close a breaker, or that of a user.
    Reset(String, Option<String>, oneshot::Sender<bool>),
}

/// What an owner works with.
#[derive(Debug, Clone)]
pub struct Means {
    /// The chain.
    pub chain: Chain,
    /// Its nodes.
    pub nodes: Arc<Nodes>,
    /// Its contracts.
    pub venues: Venues,
    /// The key.
    pub signer: Arc<Signer>,
    /// The journal.
    pub journal: Journal,
    /// The clock.
    pub clock: SharedClock,
    /// The core's settings.
    pub policy: Policy,
    /// Transactions that may be out beyond the chain's next nonce.
    pub window: u64,
    /// How often the chain is looked at while something is out.
    pub poll: Duration,
    /// Who is told.
    pub teller: Teller,
}

/// The owner of a sender's nonces on a chain.
pub struct Owner {
    means: Means,
    sender: Address,
    lease: Lease,
    /// Those that have not ended.
    records: BTreeMap<TransactionId, Record>,
    lane: Lane,
    /// How the sender stands; nothing is signed before that is known.
    account: Option<Account>,
    last_block: Option<B256>,
    wakes: Wakes,
    /// To be signed, in this order.
    orders: VecDeque<(TransactionId, Order, Option<u64>)>,
    /// Signed in this turn: the nonce that is given back if it is not kept.
    signing: Vec<(TransactionId, AttemptId, u64)>,
    gates: Gates,
    acts: JoinSet<Found>,
    pricing: Vec<TransactionId>,
    looks: BTreeSet<TransactionId>,
    /// To be handed to nodes: by how often that was done before.
    sending: BTreeMap<usize, Vec<(TransactionId, AttemptId, Bytes)>>,
    is_sweeping: bool,
    /// Those of which a turn could not be kept.
    restarts: BTreeSet<TransactionId>,
    /// How those ended that others may wait for.
    ended: BTreeMap<TransactionId, Status>,
    is_fenced: bool,
    /// Alarms about transactions that are not over.
    alarmed: BTreeMap<TransactionId, LiveAlertMessage>,
    /// Since when no node answers.
    nodes_down: Option<Timestamp>,
    /// For jitter: any will do that differs from another process's.
    draws: shared::market::draws::Draws,
}

/// Who is to be woken when.
#[derive(Debug, Default)]
struct Wakes {
    by_id: BTreeMap<TransactionId, Timestamp>,
    by_time: BTreeSet<(Timestamp, TransactionId)>,
}

impl Wakes {
    fn set(&mut self, id: TransactionId, at: Timestamp) {
        self.forget(id);
        self.by_id.insert(id, at);
        self.by_time.insert((at, id));
    }

    fn forget(&mut self, id: TransactionId) {
        if let Some(before) = self.by_id.remove(&id) {
            self.by_time.remove(&(before, id));
        }
    }

    fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn due(&mut self, now: Timestamp) -> Vec<TransactionId> {
        let mut due = vec![];
        while let Some((at, id)) = self.by_time.first().copied() {
            if at > now {
                break;
            }
            self.forget(id);
            due.push(id);
        }
        due
    }
}

type Happened = Vec<(TransactionId, Event)>;

impl Owner {
    /// Takes the lane over and everything in it that has not ended.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn start(means: Means) -> Result<Owner, JournalError> {
        let sender = means.signer.address();
        let (lease, after_ours) = means.journal.take_lane(means.chain, sender).await?;
        let open: Vec<Record> = means.journal.open(&lease).await?;
        let breakers = means.journal.breakers(&lease).await?;
        let owners = open.iter().filter_map(|record| Some((record.transaction.nonce()?, record.id())));
        let seed = u64::from_be_bytes(new_id(&means.clock).as_bytes()[8..].try_into().unwrap_or_default());
        Ok(Owner {
            lane: Lane::restore(owners, after_ours),
            records: open.into_iter().map(|record| (record.id(), record)).collect(),
            gates: Gates::new(means.chain, &means.clock, means.policy.circuit_breaker_threshold, breakers),
            means,
            sender,
            lease,
            account: None,
            last_block: None,
            wakes: Wakes::default(),
            orders: VecDeque::new(),
            signing: vec![],
            acts: JoinSet::new(),
            pricing: vec![],
            looks: BTreeSet::new(),
            sending: BTreeMap::new(),
            is_sweeping: false,
            restarts: BTreeSet::new(),
            ended: BTreeMap::new(),
            is_fenced: false,
            alarmed: BTreeMap::new(),
            nodes_down: None,
            draws: shared::market::draws::Draws::new(seed, *b"waiting!"),
        })
    }

    /// Owns until it is told to stop.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>, stop: CancellationToken) {
        let back: Happened = self.records.keys().map(|id| (*id, Event::Started)).collect();
        if !back.is_empty() {
            let (chain, open) = (self.means.chain.id(), back.len());
            tracing::info!(event = "transactions_recovered", chain, open, "Transactions are taken up where they were");
        }
        self.turns(back).await;
        self.sweep();
        let mut poll = tokio::time::interval(self.means.poll);
        poll.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        while !self.is_fenced {
            let clock = self.means.clock.clone();
            let wake_at = self.wakes.next();
            tokio::select! {
                () = stop.cancelled() => break,
                Some(found) = self.acts.join_next(), if !self.acts.is_empty() => {
                    let mut heard = vec![found];
                    while heard.len() < MOST_HEARD && let Some(found) = self.acts.try_join_next() {
                        heard.push(found);
                    }
                    // An act that panicked found nothing; its record wakes by itself.
                    let mut happened = vec![];
                    for found in heard.into_iter().filter_map(Result::ok) {
                        happened.extend(self.hear(found).await);
                    }
                    self.turns(happened).await;
                }
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    let mut heard = vec![command];
                    while heard.len() < MOST_HEARD && let Ok(command) = commands.try_recv() {
                        heard.push(command);
                    }
                    self.obey(heard).await;
                }
                () = async { match wake_at { Some(at) => clock.sleep_until(at).await, None => std::future::pending().await } } => {
                    let mut woken = vec![];
                    for id in self.wakes.due(self.now()) {
                        woken.push((id, if self.restarts.remove(&id) { Event::Started } else { Event::Woken }));
                    }
                    self.turns(woken).await;
                }
                _ = poll.tick() => {
                    if self.records.values().any(|record| record.transaction.nonce().is_some()) || !self.orders.is_empty() {
                        self.sweep();
                    }
                }
            }
        }
        self.end().await;
    }

    /// What is under way may end, and is kept; nothing new is begun. What does not end is sent again by the next.
    async fn end(mut self) {
        let deadline = tokio::time::Instant::now() + LAST_ACTS;
        while let Ok(Some(found)) = tokio::time::timeout_at(deadline, self.acts.join_next()).await {
            if let Ok(Found::Sent(sent)) = found {
                let happened = sent.into_iter().map(|(id, attempt, reply)| (id, Event::Sent { attempt, reply }));
                let (drafts, _) = self.decide(happened.collect());
                let _ = self.keep(&drafts).await;
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.means.clock.now()
    }

    /// Turns, until nothing more happens here.
    async fn turns(&mut self, happened: Happened) {
        let mut happened = happened;
        loop {
            if !happened.is_empty() {
                self.turn(happened).await;
            }
            // What waits for room among the nonces is tried each time.
            happened = self.sign();
            if happened.is_empty() || self.is_fenced {
                break;
            }
        }
        self.keep_gates().await;
        self.begin_acts();
    }

    /// Keeps what the breakers remember, where that has changed, and tells what became of them.
    async fn keep_gates(&mut self) {
        let unkept = self.gates.unkept();
        if unkept.rows.is_empty() && unkept.events.is_empty() {
            return;
        }
        let rows: Vec<BreakerRow<'_, _>> =
            unkept.rows.iter().map(|(name, who, memory)| BreakerRow { name, who, memory: memory.as_ref() }).collect();
        if let Err(error) = self.means.journal.keep_breakers(&self.lease, &rows, &unkept.events).await {
            // They hold all the same, and are kept with the next change.
            tracing::warn!(event = "breakers_not_kept", chain = self.means.chain.id(), %error);
            return;
        }
        self.gates.are_kept();
        for event in &unkept.events {
            self.means.teller.alert(&alerts::of_breaker(event));
        }
    }

    /// Decide, keep, do.
    async fn turn(&mut self, happened: Happened) {
        let (drafts, effects) = self.decide(happened);
        let changes = self.changes(&drafts);
        pass(&changes, "before");
        match self.keep(&drafts).await {
            Ok(()) => {
                pass(&changes, "kept");
                let told: BTreeSet<TransactionId> =
                    effects.iter().filter(|(_, effect)| *effect == Effect::Publish).map(|(id, _)| *id).collect();
                for (id, draft) in drafts {
                    if told.contains(&id) {
                        self.means.teller.changed(&draft);
                    }
                    self.adopt(id, draft);
                }
                for (id, effect) in effects {
                    self.perform(id, effect);
                }
                self.signing.clear();
                pass(&changes, "done");
            }
            Err(error) => {
                let chain = self.means.chain.id();
                tracing::error!(event = "journal_failed", chain, severity = "critical", %error, "Nothing is sent that is not kept");
                self.is_fenced |= matches!(error, JournalError::Fenced);
                for (_, _, nonce) in std::mem::take(&mut self.signing).into_iter().rev() {
                    self.lane.give_back(nonce);
                }
                let at = self.now().plus_millis(JOURNAL_REST_MS);
                for id in drafts.into_keys() {
                    self.orders.retain(|(owner, ..)| *owner != id);
                    self.gates.forget(id);
                    self.restarts.insert(id);
                    self.wakes.set(id, at);
                }
            }
        }
    }

    /// The states that these drafts would come to.
    fn changes(&self, drafts: &BTreeMap<TransactionId, Record>) -> Vec<Status> {
        let before = |id| self.records.get(id).map(|record| record.transaction.status());
        let changed = drafts.iter().filter(|(id, draft)| before(id) != Some(draft.transaction.status()));
        changed.map(|(_, draft)| draft.transaction.status()).collect()
    }

    /// What the core makes of it. Nothing changes yet.
    fn decide(&mut self, happened: Happened) -> (BTreeMap<TransactionId, Record>, Vec<(TransactionId, Effect)>) {
        let now = self.now();
        let mut drafts: BTreeMap<TransactionId, Record> = BTreeMap::new();
        let mut effects = vec![];
        for (id, event) in happened {
            let gate = self.gate(id, &event, now);
            let input = Input { at: now, jitter: self.draws.below(BILLION + 1), gate, event };
            let Some(record) = drafts.get(&id).or_else(|| self.records.get(&id)) else { continue };
            let Ok((after, asked)) = step(&record.transaction, &input, &self.means.policy) else { continue };
            let mut draft = record.clone();
            draft.take(after, now);
            drafts.insert(id, draft);
            effects.extend(asked.into_iter().map(|effect| (id, effect)));
        }
        (drafts, effects)
    }

    /// Whether a new attempt may start: asked where one would, so that a half-open breaker lets exactly one try.
    fn gate(&mut self, id: TransactionId, event: &Event, now: Timestamp) -> Gate {
        match event {
            Event::GasPriced(_) => match self.records.get(&id) {
                Some(record) => self.gates.admit(record, now, self.means.policy.look_every_ms),
                None => Gate::Open,
            },
            _ => Gate::Open,
        }
    }

    async fn keep(&self, drafts: &BTreeMap<TransactionId, Record>) -> Result<(), JournalError> {
        let changed = drafts.iter().filter(|(id, draft)| self.records.get(id) != Some(draft));
        let rows = changed.map(|(_, draft)| row(draft)).collect::<Result<Vec<_>, _>>()?;
        if rows.is_empty() {
            return Ok(());
        }
        let nonces = drafts.values().flat_map(|draft| draft.transaction.attempts.iter().map(|attempt| attempt.nonce));
        let after_ours = nonces.max().map_or(0, |nonce| nonce.saturating_add(1));
        self.means.journal.write(&self.lease, &rows, after_ours).await
    }

    /// Takes what was kept as what is.
    fn adopt(&mut self, id: TransactionId, draft: Record) {
        let status = draft.transaction.status();
        if self.records.get(&id).is_some_and(|record| record.transaction.status() != status) {
            tracing::debug!(event = "transaction_changed", %id, status = status.name());
        }
        if status == Status::GasOptimizing {
            // It waits for cheaper gas. Whoever is the probe must not wait.
            self.gates.forget(id);
        }
        if status == Status::Retrying || status.is_final() {
            self.gates.settle(&draft);
        }
        if status != Status::Stuck
            && let Some(alarm) = self.alarmed.remove(&id)
        {
            self.means.teller.alert(&LiveAlertMessage { over: true, ..alarm });
        }
        if !status.is_final() {
            self.records.insert(id, draft);
            return;
        }
        self.records.remove(&id);
        self.wakes.forget(id);
        self.looks.remove(&id);
        self.means.teller.ended(&draft);
        self.ended.insert(id, status);
        if self.ended.len() > MOST_ENDED {
            self.ended.pop_first();
        }
    }
}

/// Passes the places at which a story has the process end.
fn pass(changes: &[Status], when: &str) {
    for status in changes {
        crash::point(when, status.name());
    }
}

/// A record as the journal has it.
fn row(record: &Record) -> Result<Row, JournalError> {
    let transaction = &record.transaction;
    Row::new(transaction.id, transaction.status(), transaction.created_at, record)
}
