//! What the core asks for: signed here, and begun outside.

use std::collections::BTreeSet;

use alloy_primitives::{Bytes, U256};
use shared::ids::TransactionId;
use shared::money::Units;
use shared::transaction::{
    Alarm, AttemptId, AttemptKind, Before, Effect, Event, Order, Over, Prepared, Signed, State, StuckReason, Trouble,
};
use shared::wire::alerts::Severity;
use shared::wire::transactions::{LiveAlertKind, Purpose};

use super::{Happened, Owner};
use crate::crash;
use crate::transactions::acts::{self, GAS_OF_NOTHING, Prepare, Target};
use crate::transactions::alerts;
use crate::transactions::record;
use crate::transactions::signer::Unsigned;

impl Owner {
    /// Does what the core asks for, or notes that it is to be begun.
    pub(super) fn perform(&mut self, id: TransactionId, effect: Effect) {
        match effect {
            Effect::Prepare { margin_percent } => self.prepare(id, margin_percent),
            Effect::PriceGas => self.pricing.push(id),
            Effect::Sign { order, nonce } => {
                if !self.orders.iter().any(|(owner, known, _)| *owner == id && *known == order) {
                    self.orders.push_back((id, order, nonce));
                }
            }
            Effect::Simulate { attempt } => self.simulate(id, attempt),
            Effect::Discard { attempt } => self.discard(id, attempt),
            Effect::Broadcast { attempt } => self.send(id, attempt),
            Effect::Look { .. } => _ = self.looks.insert(id),
            Effect::WakeAt(at) => {
                if self.records.contains_key(&id) {
                    self.wakes.set(id, at);
                }
            }
            Effect::Book => self.book(id),
            // It was told when it was kept.
            Effect::Publish => {}
            Effect::Alarm(alarm) => self.alarm(id, &alarm),
        }
    }

    fn prepare(&mut self, id: TransactionId, margin_percent: u32) {
        let Some(record) = self.records.get(&id) else { return };
        let wanted = Prepare {
            id,
            sender: self.sender,
            deadline: record.transaction.intent.deadline,
            limit: record.plan.as_ref().map(|plan| plan.limit),
            margin_percent,
        };
        let (nodes, venues) = (self.means.nodes.clone(), self.means.venues);
        self.acts.spawn(acts::prepare(nodes, venues, record.purpose.clone(), wanted));
    }

    fn simulate(&mut self, id: TransactionId, attempt: AttemptId) {
        let Some(record) = self.records.get(&id) else { return };
        if let (Purpose::Swap(asked), Some(plan)) = (&record.purpose, &record.plan) {
            self.acts.spawn(acts::paper(self.means.nodes.clone(), id, attempt, asked.clone(), plan.clone()));
        }
    }

    /// A signature that came too late was never sent: its nonce is free, if it was taken for it.
    fn discard(&mut self, id: TransactionId, attempt: AttemptId) {
        if let Some(at) = self.signing.iter().position(|(owner, signed, _)| (*owner, *signed) == (id, attempt)) {
            let (_, _, nonce) = self.signing.remove(at);
            self.lane.give_back(nonce);
        }
    }

    fn send(&mut self, id: TransactionId, attempt: AttemptId) {
        let kept = self.records.get(&id).and_then(|record| record.transaction.attempt(attempt));
        if let Some(kept) = kept {
            // Another node than last time.
            let turn = usize::try_from(kept.broadcasts.saturating_sub(1)).unwrap_or(0);
            self.sending.entry(turn).or_default().push((id, attempt, kept.raw.clone()));
        }
    }

    fn book(&mut self, id: TransactionId) {
        let Some(record) = self.records.get(&id) else { return };
        let State::Over(Over::Confirmed(mined)) = &record.transaction.state else { return };
        let Some(hash) = record.transaction.attempt(mined.attempt).map(|attempt| attempt.hash) else { return };
        let swap = match (&record.purpose, &record.plan) {
            (Purpose::Swap(asked), Some(plan)) => Some((asked.clone(), plan.clone())),
            (Purpose::Swap(_) | Purpose::Approval { .. } | Purpose::Gap, _) => None,
        };
        let (nodes, venues) = (self.means.nodes.clone(), self.means.venues);
        self.acts.spawn(acts::fill(nodes, venues, self.sender, id, hash, swap));
    }

    fn alarm(&mut self, id: TransactionId, alarm: &Alarm) {
        let text = match alarm {
            Alarm::Stuck(reason) => record::stuck(*reason),
            Alarm::OutOfRetries => "its retries are used up: only waiting is left, and cancelling",
            Alarm::DeepReorg => "a block that was final is gone: check what became of it",
        };
        let severity = match alarm {
            Alarm::Stuck(StuckReason::Unknown) | Alarm::DeepReorg => Severity::Critical,
            Alarm::Stuck(_) | Alarm::OutOfRetries => Severity::Warning,
        };
        tracing::warn!(event = "transaction_alarm", %id, chain = self.means.chain.id(), severity = "high", text);
        let now = self.now();
        let since = self.alarmed.get(&id).map_or(now, |before| before.alert.since);
        let alert = alerts::begins(LiveAlertKind::StuckTransaction, severity, id, text, since, now);
        self.means.teller.alert(&alert);
        self.alarmed.insert(id, alert);
    }

    /// Begins what was noted since the last turn.
    pub(super) fn begin_acts(&mut self) {
        let nodes = &self.means.nodes;
        if !self.pricing.is_empty() {
            let ids = std::mem::take(&mut self.pricing);
            self.acts.spawn(acts::price(nodes.clone(), self.sender, ids));
        }
        for (turn, batch) in std::mem::take(&mut self.sending) {
            self.acts.spawn(acts::broadcast(nodes.clone(), turn, batch));
        }
        if !self.looks.is_empty() {
            self.sweep();
        }
    }

    /// Looks at the chain: at what is asked for, and at all that is out if there is a new block.
    pub(super) fn sweep(&mut self) {
        if self.is_sweeping {
            return;
        }
        self.is_sweeping = true;
        let target = |record: &record::Record| {
            let State::Live(spot, _) = &record.transaction.state else { return None };
            Some(Target {
                id: record.id(),
                nonce: spot.nonce,
                attempts: record.transaction.attempts_at(spot.nonce).cloned().collect(),
                prepared: spot.prepared.clone(),
                strategy: record.strategy(),
            })
        };
        let targets = self.records.values().filter_map(target).collect();
        let asked: BTreeSet<TransactionId> = std::mem::take(&mut self.looks);
        let (nodes, depth) = (self.means.nodes.clone(), self.means.policy.depth);
        self.acts.spawn(acts::sweep(nodes, self.sender, depth, targets, asked, self.last_block));
    }

    /// Signs what is ordered, as far as nonces and funds go. Nothing is sent: what is signed is kept first.
    pub(super) fn sign(&mut self) -> Happened {
        let Some(account) = self.account.filter(|_| !self.orders.is_empty()) else { return vec![] };
        let mut happened = vec![];
        let mut waiting = std::collections::VecDeque::new();
        let mut reserved: U256 =
            self.records.values().map(record::Record::reserved).fold(U256::ZERO, U256::saturating_add);
        while let Some((id, order, given)) = self.orders.pop_front() {
            let Some(prepared) = self.prepared_for(id, &order) else { continue };
            let refuse = |trouble| (id, Event::Unsigned { attempt: order.attempt, trouble });
            // What the nonce has reserved already is there for its replacement too.
            let before = given.and(self.records.get(&id)).map_or(U256::ZERO, record::Record::reserved);
            let needed = U256::from(prepared.gas_limit)
                .saturating_mul(U256::from(order.fees.max_fee))
                .saturating_add(prepared.value.0);
            let all = reserved.saturating_sub(before).saturating_add(needed);
            if all > account.balance {
                let trouble = Trouble::InsufficientFunds { needed: Units(all), has: Units(account.balance) };
                happened.push(refuse(trouble));
                continue;
            }
            // Beyond ours, what the pool holds is somebody else's with the same key: it goes before.
            let is_foreign = account.pending > self.lane.next(account.latest);
            let next = if is_foreign { account.pending } else { account.latest };
            let (nonce, is_new) = match given {
                Some(nonce) => {
                    let owned = self.lane.owner(nonce) == Some(id);
                    if !self.lane.claim(id, nonce, account.latest) {
                        let why = format!("nonce {nonce} is another's by now");
                        happened.push(refuse(Trouble::Refused { why }));
                        continue;
                    }
                    (nonce, !owned)
                }
                None => match self.lane.take(id, next, self.means.window) {
                    Ok(nonce) => (nonce, true),
                    Err(_) => {
                        // It keeps its place: there is room when something is mined.
                        waiting.push_back((id, order, given));
                        continue;
                    }
                },
            };
            let unsigned = Unsigned {
                chain: self.means.chain,
                nonce,
                fees: order.fees,
                gas_limit: prepared.gas_limit,
                to: prepared.to,
                value: prepared.value.0,
                data: prepared.data,
            };
            match self.means.signer.sign(&unsigned) {
                Ok((hash, raw)) => {
                    crash::point("signed", "attempt");
                    reserved = all;
                    if is_new {
                        self.signing.push((id, order.attempt, nonce));
                    }
                    happened.push((id, Event::Signed(Signed { order, nonce, hash, raw })));
                }
                Err(error) => {
                    if is_new {
                        self.lane.give_back(nonce);
                    }
                    happened.push(refuse(Trouble::Refused { why: error.to_string() }));
                }
            }
        }
        self.orders = waiting;
        happened
    }

    /// The call of an order, if its record still wants it.
    fn prepared_for(&self, id: TransactionId, order: &Order) -> Option<Prepared> {
        let prepared = match &self.records.get(&id)?.transaction.state {
            State::Before(Before::ReadyToSubmit { prepared, order: wanted, .. }) => {
                (wanted == order).then_some(prepared)
            }
            State::Live(spot, _) => (spot.order.as_ref() == Some(order)).then_some(&spot.prepared),
            State::Before(_) | State::Over(_) => None,
        }?;
        Some(match order.kind {
            AttemptKind::Payload => prepared.clone(),
            AttemptKind::Cancel => {
                Prepared { to: self.sender, value: Units::ZERO, data: Bytes::new(), gas_limit: GAS_OF_NOTHING }
            }
        })
    }
}
