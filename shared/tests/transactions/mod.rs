//! A shell around the core, as faulty as the world: replies lost after acceptance, duplicates, delays, nodes that
//! lag or show no receipts, strangers with our key, reorganisations, and the process ended at every boundary.

mod chain;
mod rules;
mod steps;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, Bytes};
use shared::chain::Chain as Network;
use shared::ids::TransactionId;
use shared::market::draws::{BILLION, Draws};
use shared::money::Units;
use shared::time::Timestamp;
use shared::transaction::nonces::Lane;
use shared::transaction::{
    Attempt, AttemptId, AttemptKind, Effect, Event, Fees, Foreign, GasQuote, Gate, Input, Intent, Mined, Order,
    Outcome, Policy, Prepared, Reply, Sighting, Signed, Status, Transaction, Trouble, step,
};

use chain::{Chain, DEPTH, GWEI, Sent};

const BLOCK_MS: i64 = 12_000;
/// Faults happen until then.
const STORM_MS: i64 = 30 * 60_000;
/// By then everything has an answer.
const BOUND_MS: i64 = 4 * 3_600_000;
const WINDOW: u64 = 16;
const CEILING: u128 = 500 * GWEI;

/// What happened over all schedules: how many of them saw each thing.
#[derive(Debug, Clone, Default)]
pub struct Seen(BTreeMap<&'static str, u64>);

impl Seen {
    pub fn and(mut self, other: Seen) -> Seen {
        for (what, count) in other.0 {
            *self.0.entry(what).or_default() += count.min(1);
        }
        self
    }

    fn note(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    /// What a set of schedules must have seen to be worth anything.
    pub fn interesting(&self) -> Vec<(&'static str, u64)> {
        let names = [
            "completed",
            "failed",
            "cancelled",
            "replaced",
            "stuck",
            "retrying",
            "a crash before keeping",
            "a crash after keeping",
            "a lost reply",
            "a transaction that came late",
            "a dropped transaction",
            "a reorganisation",
            "a foreign transaction",
            "an underpriced one",
            "an unfunded one",
            "out of gas",
            "a replacement mined",
            "a cancel mined",
            "a cancel that lost",
            "missing receipts",
            "a signature that came too late",
        ];
        names.into_iter().map(|name| (name, self.0.get(name).copied().unwrap_or(0))).collect()
    }
}

/// What is particular about a request.
struct Request {
    gas_needed: u64,
    /// What the estimate says; less than needed runs out of gas.
    estimate: u64,
    reverts: bool,
}

struct World {
    draws: Draws,
    now: i64,
    policy: Policy,
    chain: Chain,
    requests: BTreeMap<TransactionId, Request>,
    /// What survives a crash.
    kept: BTreeMap<TransactionId, Transaction>,
    booked: BTreeSet<TransactionId>,
    /// What does not.
    lane: Lane,
    /// Orders wait for the one owner of the nonces, who signs one after the other.
    orders: VecDeque<(TransactionId, Order, Option<u64>)>,
    /// What it signs, and when that is done; the nonce that is given back if it comes too late.
    signing: Option<(i64, TransactionId, Signed, Option<u64>)>,
    replies: BTreeMap<(i64, u64), (TransactionId, Event)>,
    wakes: BTreeMap<TransactionId, i64>,
    /// On the wire: it arrives whatever becomes of the process.
    wire: BTreeMap<(i64, u64), Sent>,
    serial: u64,
    blocked_until: i64,
    /// How often the process ended.
    crashes: u64,
    seen: Seen,
    told: bool,
}

/// Plays the schedule of a seed to its end.
pub fn play(seed: u64, told: bool) -> Result<Seen, String> {
    let mut draws = Draws::new(seed, *b"schedule");
    let chain = Chain::new(&mut draws);
    let lane = Lane::default();
    let policy = Policy { depth: DEPTH, max_gas_price: CEILING, ..Policy::default() };
    let mut world = World {
        draws,
        now: 0,
        policy,
        chain,
        requests: BTreeMap::new(),
        kept: BTreeMap::new(),
        booked: BTreeSet::new(),
        lane,
        orders: VecDeque::new(),
        signing: None,
        replies: BTreeMap::new(),
        wakes: BTreeMap::new(),
        wire: BTreeMap::new(),
        serial: 0,
        blocked_until: 0,
        crashes: 0,
        seen: Seen::default(),
        told,
    };
    world.run()?;
    rules::at_the_end(&world.chain, &world.kept, &world.booked)?;
    let World { kept, mut seen, .. } = world;
    for transaction in kept.values() {
        seen.note(transaction.status().name());
        for attempt in &transaction.attempts {
            let Outcome::Mined(mined) = &attempt.outcome else { continue };
            let others = || transaction.attempts_at(attempt.nonce).filter(|other| other.id != attempt.id);
            let first = others().all(|other| other.id > attempt.id);
            match attempt.kind {
                AttemptKind::Payload if mined.out_of_gas => seen.note("out of gas"),
                AttemptKind::Payload if !first => seen.note("a replacement mined"),
                AttemptKind::Payload if others().any(|other| other.kind == AttemptKind::Cancel) => {
                    seen.note("a cancel that lost");
                }
                AttemptKind::Payload => {}
                AttemptKind::Cancel => seen.note("a cancel mined"),
            }
        }
    }
    Ok(seen)
}

impl World {
    fn run(&mut self) -> Result<(), String> {
        let requests = 1 + self.draws.below(5);
        let mut arrivals: Vec<i64> = (0..requests).map(|_| self.draws.below(10 * 60_000) as i64).collect();
        arrivals.sort_unstable();
        let mut next_block = BLOCK_MS;
        let mut next_fault = 1_000;
        loop {
            let reply = self.replies.first_key_value().map(|((at, _), _)| *at);
            let wire = self.wire.first_key_value().map(|((at, _), _)| *at);
            let wake = self.wakes.values().min().copied();
            let arrival = arrivals.first().copied();
            let fault = self.stormy().then_some(next_fault);
            if self.signing.is_none() && !self.orders.is_empty() {
                self.sign_next()?;
                continue;
            }
            let signed = self.signing.as_ref().map(|(at, ..)| *at);
            let times = [signed, reply, wire, wake, arrival, fault, Some(next_block)];
            self.now = times.into_iter().flatten().min().unwrap_or(next_block).max(self.now);
            let done = self.kept.values().all(|tx| tx.status().is_final());
            if arrivals.is_empty() && done && self.now > STORM_MS && self.wire.is_empty() {
                // What is still in the pools settles.
                for _ in 0..8 {
                    self.now += BLOCK_MS;
                    self.chain.mine(&mut self.draws, self.now, false, true);
                }
                return Ok(());
            }
            if self.now > BOUND_MS {
                let open: Vec<_> = self.kept.values().filter(|tx| !tx.status().is_final()).collect();
                return Err(format!("always_an_answer: open at the bound: {open:#?}"));
            }
            if signed == Some(self.now) {
                self.signed()?;
            } else if arrival == Some(self.now) {
                arrivals.remove(0);
                self.accept()?;
            } else if wire == Some(self.now) {
                if let Some((_, sent)) = self.wire.pop_first() {
                    let node = self.draws.below(2) as usize;
                    self.chain.receive(node, &sent);
                }
            } else if reply == Some(self.now) {
                if let Some((_, (id, event))) = self.replies.pop_first() {
                    self.happen(id, event)?;
                }
            } else if wake == Some(self.now) {
                let now = self.now;
                let id = self.wakes.iter().find(|(_, at)| **at <= now).map(|(id, _)| *id);
                if let Some(id) = id {
                    self.wakes.remove(&id);
                    self.happen(id, Event::Woken)?;
                }
            } else if fault == Some(self.now) {
                next_fault = self.now + 1_000 + self.draws.below(40_000) as i64;
                self.strike()?;
            } else {
                next_block = self.now + BLOCK_MS;
                let foreign = self.stormy() && self.draws.below(150) == 0;
                if foreign {
                    self.seen.note("a foreign transaction");
                }
                let calm = !self.stormy();
                self.chain.funded |= calm;
                self.chain.mine(&mut self.draws, self.now, foreign, calm);
                self.fill_gaps()?;
            }
        }
    }

    fn stormy(&self) -> bool {
        self.now < STORM_MS
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.stormy() && self.draws.below(one_in) == 0
    }

    fn at(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn new_id(&mut self) -> TransactionId {
        self.serial += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.serial.to_be_bytes());
        TransactionId::new(self.at(), random)
    }

    fn accept(&mut self) -> Result<(), String> {
        let id = self.new_id();
        let gas_needed = 80_000 + self.draws.below(150_000);
        let short = self.draws.below(5) == 0;
        let estimate = if short { gas_needed * 7 / 10 } else { gas_needed };
        let reverts = self.draws.below(8) == 0;
        self.requests.insert(id, Request { gas_needed, estimate, reverts });
        let intent = Intent {
            chain: Network::Ethereum,
            sender: Address::repeat_byte(7),
            deadline: self.at().plus_millis(3 * 60_000 + self.draws.below(27 * 60_000) as i64),
            max_gas_price: CEILING,
            fills: None,
            paper: false,
        };
        let transaction = Transaction::new(id, intent, self.at(), &self.policy);
        self.kept.insert(id, transaction);
        self.happen(id, Event::Started)
    }

    /// Nonces that nobody owns, with owned ones behind them.
    fn fill_gaps(&mut self) -> Result<(), String> {
        for gap in self.lane.observe(self.chain.next_nonce(), self.chain.deep_nonce()).gaps {
            let mut fillers = self.kept.values().filter(|tx| !tx.status().is_final());
            if fillers.any(|tx| tx.intent.fills == Some(gap)) {
                continue;
            }
            self.seen.note("a gap");
            let id = self.new_id();
            self.requests.insert(id, Request { gas_needed: 21_000, estimate: 21_000, reverts: false });
            let (chain, sender) = (Network::Ethereum, Address::repeat_byte(7));
            let deadline = Timestamp::from_millis(i64::MAX);
            let intent = Intent { chain, sender, deadline, max_gas_price: CEILING, fills: Some(gap), paper: false };
            self.kept.insert(id, Transaction::new(id, intent, self.at(), &self.policy));
            self.happen(id, Event::Started)?;
        }
        Ok(())
    }

    /// The shell: decide, keep, do. It may end at every boundary.
    fn happen(&mut self, id: TransactionId, event: Event) -> Result<(), String> {
        let before = self.kept[&id].clone();
        let gate = if self.now < self.blocked_until {
            Gate::Closed { until: Timestamp::from_millis(self.blocked_until) }
        } else {
            Gate::Open
        };
        let input = Input { at: self.at(), jitter: self.draws.below(BILLION + 1), gate, event };
        let Ok((after, effects)) = step(&before, &input, &self.policy) else { return Ok(()) };
        if self.told {
            let (from, to) = (before.status(), after.status());
            println!("{:>9} {id} {:?}: {from:?} -> {to:?} {effects:?}", self.now, input.event);
        }
        rules::of_a_step(&before, &after, &input, CEILING, &self.chain, &self.kept)?;
        if let (Event::Sent { reply: Reply::Refused(refusal), .. }, Status::Submitted) = (&input.event, before.status())
        {
            self.seen.note(match refusal {
                shared::transaction::Refusal::Underpriced => "an underpriced one",
                shared::transaction::Refusal::InsufficientFunds => "an unfunded one",
                _ => "another refusal",
            });
        }
        if after.status() == Status::Stuck {
            self.seen.note("stuck");
        }
        if after.status() == Status::Retrying {
            self.seen.note("retrying");
        }
        if self.chance(400) {
            self.seen.note("a crash before keeping");
            return self.crash();
        }
        self.kept.insert(id, after);
        for effect in effects {
            if self.chance(400) {
                self.seen.note("a crash after keeping");
                return self.crash();
            }
            let crashes = self.crashes;
            self.perform(id, effect)?;
            if crashes != self.crashes {
                // The process ended inside: what was still to be done is forgotten.
                return Ok(());
            }
        }
        Ok(())
    }

    /// The process ends and comes back: what was not kept is gone.
    fn crash(&mut self) -> Result<(), String> {
        self.replies.clear();
        self.wakes.clear();
        self.orders.clear();
        self.signing = None;
        let owners = self.kept.values().filter_map(|tx| tx.nonce().map(|nonce| (nonce, tx.id)));
        self.lane = Lane::restore(owners, self.kept_beyond());
        let ids: Vec<TransactionId> = self.kept.keys().copied().collect();
        let back_at = self.now + self.draws.below(90_000) as i64;
        for id in ids {
            self.serial += 1;
            self.replies.insert((back_at, self.serial), (id, Event::Started));
        }
        self.crashes += 1;
        Ok(())
    }

    /// The first nonce after all that were ever signed.
    fn kept_beyond(&self) -> u64 {
        let nonces = self.kept.values().flat_map(|tx| tx.attempts.iter().map(|attempt| attempt.nonce + 1));
        nonces.max().unwrap_or(0)
    }

    fn perform(&mut self, id: TransactionId, effect: Effect) -> Result<(), String> {
        match effect {
            Effect::Prepare { margin_percent } => {
                let request = &self.requests[&id];
                let gas_limit = request.estimate * u64::from(100 + margin_percent) / 100;
                let event = if self.chance(6) {
                    Event::Unprepared(Trouble::Unreachable { detail: "lost".into() })
                } else if self.chance(60) {
                    Event::Unprepared(Trouble::Reverted { reason: Some("too little received".into()) })
                } else {
                    let data = Bytes::copy_from_slice(id.as_bytes());
                    Event::Prepared(Prepared { to: Address::repeat_byte(1), value: Units::ZERO, data, gas_limit })
                };
                self.reply(id, event, 3_000);
            }
            Effect::PriceGas => {
                let event = if self.chance(10) {
                    Event::GasUnknown(Trouble::Unreachable { detail: "lost".into() })
                } else {
                    let (base_fee, fees) = self.market();
                    let waiting_pays = self.draws.below(4) == 0;
                    Event::GasPriced(GasQuote { base_fee, fees, waiting_pays })
                };
                self.reply(id, event, 3_000);
            }
            Effect::Sign { order, nonce } => self.orders.push_back((id, order, nonce)),
            Effect::Discard { attempt } => {
                if let Some((_, owner, signed, Some(nonce))) = &self.signing
                    && (*owner, signed.order.attempt) == (id, attempt)
                {
                    self.seen.note("a signature that came too late");
                    self.lane.give_back(*nonce);
                }
            }
            Effect::Broadcast { attempt } => self.broadcast(id, attempt)?,
            Effect::Look { nonce } => {
                let sighting = self.look(id, nonce);
                if !self.chance(8) {
                    self.reply(id, Event::Seen(sighting), 20_000);
                }
            }
            Effect::WakeAt(at) => {
                self.wakes.insert(id, at.millis().max(self.now));
            }
            Effect::Book => {
                self.booked.insert(id);
                self.reply(id, Event::Booked, 1_000);
            }
            Effect::Simulate { .. } => return Err(format!("{id} is not on paper")),
            Effect::Publish | Effect::Alarm(_) => {}
        }
        Ok(())
    }

    fn reply(&mut self, id: TransactionId, event: Event, within_ms: u64) {
        let copies = if self.chance(12) { 2 } else { 1 };
        for _ in 0..copies {
            self.serial += 1;
            let at = self.now + 1 + self.draws.below(within_ms) as i64;
            self.replies.insert((at, self.serial), (id, event.clone()));
        }
    }

    fn market(&mut self) -> (u128, Fees) {
        let tip = GWEI + u128::from(self.draws.below(2_000_000_000));
        let base_fee = self.chain.base_fee;
        // Now and then it asks for too little.
        let cap = if self.chance(4) { base_fee * 11 / 10 } else { base_fee * 2 };
        (base_fee, Fees { max_fee: cap + tip, priority_fee: tip })
    }

    /// The owner of the nonces: takes one, signs, and sees it kept before it takes the next.
    fn sign_next(&mut self) -> Result<(), String> {
        let Some((id, order, nonce)) = self.orders.pop_front() else { return Ok(()) };
        let refused = |trouble| Event::Unsigned { attempt: order.attempt, trouble };
        if self.chance(15) {
            return self.happen(id, refused(Trouble::Unreachable { detail: "the signer is busy".into() }));
        }
        let owned = nonce.is_some_and(|nonce| self.lane.owner(nonce) == Some(id));
        let taken = match nonce {
            Some(nonce) if self.lane.claim(id, nonce, self.chain.next_nonce()) => nonce,
            Some(nonce) => {
                let why = format!("nonce {nonce} is another's by now");
                return self.happen(id, refused(Trouble::Refused { why }));
            }
            None => match self.lane.take(id, self.chain.next_nonce(), WINDOW) {
                Ok(nonce) => nonce,
                Err(_) => {
                    let until = self.at().plus_millis(BLOCK_MS);
                    return self.happen(id, refused(Trouble::Blocked { until }));
                }
            },
        };
        let hash = self.chain.hash();
        let raw = Bytes::copy_from_slice(hash.as_slice());
        let ready_at = self.now + if self.chance(4) { self.draws.below(40_000) as i64 } else { 5 };
        let signed = Signed { order, nonce: taken, hash, raw };
        self.signing = Some((ready_at, id, signed, (!owned).then_some(taken)));
        Ok(())
    }

    fn signed(&mut self) -> Result<(), String> {
        let Some((_, id, signed, _)) = &self.signing else { return Ok(()) };
        self.happen(*id, Event::Signed(signed.clone()))?;
        self.signing = None;
        Ok(())
    }

    fn broadcast(&mut self, id: TransactionId, attempt: AttemptId) -> Result<(), String> {
        let Some(kept) = self.kept[&id].attempt(attempt).cloned() else {
            return Err(format!("kept_before_sent: {id} sends an attempt that is not kept"));
        };
        let sent = self.on_the_wire(id, &kept);
        let node = self.draws.below(2) as usize;
        let reply = if self.chance(8) {
            self.seen.note("a lost reply");
            self.chain.receive(node, &sent);
            Reply::NoAnswer
        } else if self.chance(10) {
            self.seen.note("a transaction that came late");
            self.serial += 1;
            let at = self.now + self.draws.below(120_000) as i64;
            self.wire.insert((at, self.serial), sent);
            Reply::NoAnswer
        } else if self.chance(10) {
            Reply::NoAnswer
        } else if self.chance(400) && kept.kind == AttemptKind::Payload {
            Reply::Refused(shared::transaction::Refusal::Invalid("exceeds the block's gas".into()))
        } else {
            self.chain.receive(node, &sent)
        };
        self.reply(id, Event::Sent { attempt, reply }, 20_000);
        Ok(())
    }

    fn on_the_wire(&self, id: TransactionId, attempt: &Attempt) -> Sent {
        let request = &self.requests[&id];
        Sent {
            hash: attempt.hash,
            nonce: attempt.nonce,
            request: id,
            kind: attempt.kind,
            fees: attempt.fees,
            gas_limit: attempt.gas_limit,
            gas_needed: request.gas_needed,
            reverts: request.reverts,
            expires_ms: self.kept[&id].intent.deadline.millis(),
        }
    }

    /// What a node shows: it may lag, and may show no receipts.
    fn look(&mut self, id: TransactionId, nonce: u64) -> Sighting {
        let node = self.draws.below(2) as usize;
        let lag = if self.chance(4) { self.draws.below(4) } else { 0 };
        let head = self.chain.head().saturating_sub(lag);
        let blind = self.chance(6);
        let transaction = &self.kept[&id];
        let last = transaction.attempts_at(nonce).next_back().map(|attempt| attempt.hash);
        let block = &self.chain.blocks[head as usize];
        let mut sighting = Sighting {
            nonce,
            head,
            base_fee: block.base_fee,
            account_nonce: block.next_nonce,
            mined: None,
            foreign: None,
            pooled: last.map(|hash| self.chain.holds(node, hash)),
            market: None,
        };
        if blind {
            if block.next_nonce > nonce {
                self.seen.note("missing receipts");
            }
            sighting.pooled = None;
            return sighting;
        }
        if let Some((number, block, included)) = self.chain.at_nonce(nonce, head) {
            match transaction.attempts.iter().find(|attempt| attempt.hash == included.hash) {
                Some(attempt) => {
                    sighting.mined = Some(Mined {
                        attempt: attempt.id,
                        block: number,
                        block_hash: block.hash,
                        success: included.success,
                        out_of_gas: included.out_of_gas,
                        reason: None,
                        gas_used: attempt.gas_limit,
                        gas_price: included.gas_price,
                        l1_fee: Units::ZERO,
                    });
                }
                None => {
                    let same_payload = included.payload_of == Some(id);
                    sighting.foreign = Some(Foreign { hash: included.hash, block: number, same_payload });
                }
            }
        }
        if self.draws.below(2) == 0 {
            sighting.market = Some(self.market().1);
        }
        sighting
    }

    /// Something goes wrong, or somebody wants something.
    fn strike(&mut self) -> Result<(), String> {
        match self.draws.below(10) {
            0 | 1 => {
                if self.chain.drop_some(&mut self.draws) {
                    self.seen.note("a dropped transaction");
                }
            }
            2 => {
                if self.chain.reorganise(&mut self.draws, self.now) {
                    self.seen.note("a reorganisation");
                }
            }
            3 => self.blocked_until = self.now + self.draws.below(120_000) as i64,
            4 => self.chain.funded = false,
            5 | 6 => self.chain.funded = true,
            _ => {
                let ids: Vec<TransactionId> = self.kept.keys().copied().collect();
                if ids.is_empty() {
                    return Ok(());
                }
                let id = ids[self.draws.below(ids.len() as u64) as usize];
                let event = match self.draws.below(4) {
                    0 => Event::CancelAsked,
                    1 => Event::ReplaceAsked { percent: 150 },
                    _ => return Ok(()),
                };
                self.happen(id, event)?;
            }
        }
        Ok(())
    }
}
