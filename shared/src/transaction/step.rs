//! The one way a transaction changes.
//!
//! What can happen is matched against how it stands, three walls apart: before anything is signed, while
//! something signed can happen, and after. A reply that comes late is named where it is passed over.

use super::attempt::{Attempt, AttemptId, AttemptKind, Foreign, Mined, Order, Outcome, Prepared, Refusal, Trouble};
use super::event::{Alarm, Effect, Event, GasQuote, Gate, Input, Reply, Sighting, Signed, StuckReason};
use super::fees::Fees;
use super::policy::Policy;
use super::status::Status;
use super::{Before, MOST_TROUBLES, Over, Phase, Spot, State, Transaction, Why, Wish};
use crate::time::Timestamp;

/// Why what the user asked for is not done. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It has ended, or its end is certain.
    #[error("the transaction is {} already", .0.name())]
    Over(Status),
    /// It is in a block: what is mined cannot be cancelled or replaced.
    #[error("the transaction is in block {0} already")]
    Mined(u64),
    /// Nothing is out that could be replaced.
    #[error("nothing has been sent yet that could be replaced")]
    NothingOut,
    /// A replacement is being signed.
    #[error("a replacement is being signed already")]
    Busy,
    /// The ceiling leaves no room for a replacement, which pools want to offer a tenth more.
    #[error("a replacement would pass the ceiling of {0} wei per gas")]
    AtCeiling(u128),
}

/// What a transaction is after something happened, and what is to be done then.
///
/// The new transaction has to be kept before any of the effects is done. The same transaction, input and policy
/// give the same answer, always.
///
/// # Errors
/// [`Refused`], for [`Event::CancelAsked`] and [`Event::ReplaceAsked`] only.
pub fn step(transaction: &Transaction, input: &Input, policy: &Policy) -> Result<(Transaction, Vec<Effect>), Refused> {
    let mut turn = Turn { tx: transaction.clone(), input, policy, effects: vec![] };
    let state = match transaction.state.clone() {
        State::Before(before) => turn.before(before)?,
        State::Live(spot, phase) => turn.live(spot, phase)?,
        State::Over(over) => turn.over(over)?,
    };
    turn.tx.state = state;
    if turn.tx.status() != transaction.status() || turn.tx.attempts.len() != transaction.attempts.len() {
        turn.effects.push(Effect::Publish);
    }
    if turn.tx != *transaction {
        turn.tx.updated_at = turn.tx.updated_at.max(input.at);
    }
    Ok((turn.tx, turn.effects))
}

struct Turn<'a> {
    tx: Transaction,
    input: &'a Input,
    policy: &'a Policy,
    effects: Vec<Effect>,
}

/// Before anything is signed.
impl Turn<'_> {
    fn before(&mut self, before: Before) -> Result<State, Refused> {
        match &self.input.event {
            // Nothing was sent: it is cancelled by not being done.
            Event::CancelAsked => return Ok(State::Over(Over::Cancelled(None))),
            Event::ReplaceAsked { .. } => return Err(Refused::NothingOut),
            // About a nonce that it held before and that is settled.
            Event::Sent { .. } | Event::Seen(_) | Event::Booked => return Ok(State::Before(before)),
            Event::Started
            | Event::Prepared(_)
            | Event::Unprepared(_)
            | Event::GasPriced(_)
            | Event::GasUnknown(_)
            | Event::Signed(_)
            | Event::Unsigned { .. }
            | Event::Woken => {}
        }
        Ok(match before {
            Before::Preparing { margin_percent, tries } => self.preparing(margin_percent, tries),
            Before::GasOptimizing { prepared, since, margin_percent, tries } => {
                self.gas_optimizing(prepared, since, margin_percent, tries)
            }
            Before::ReadyToSubmit { prepared, order, margin_percent } => {
                self.ready_to_submit(prepared, order, margin_percent)
            }
            Before::Retrying { until, margin_percent, tries } => self.retrying(until, margin_percent, tries),
        })
    }

    fn preparing(&mut self, margin_percent: u32, tries: u32) -> State {
        match &self.input.event {
            Event::Started | Event::Woken if self.too_late() => self.fail(Trouble::DeadlinePassed, None),
            Event::Started | Event::Woken => self.prepare(margin_percent, tries),
            Event::Prepared(_) if self.too_late() => self.fail(Trouble::DeadlinePassed, None),
            Event::Prepared(prepared) => {
                self.effects.push(Effect::PriceGas);
                self.wake_in(self.policy.look_every_ms);
                let (prepared, since) = (prepared.clone(), self.input.at);
                State::Before(Before::GasOptimizing { prepared, since, margin_percent, tries: 0 })
            }
            Event::Unprepared(trouble) => self.later(trouble.clone(), margin_percent, tries),
            event => {
                self.pass_over(event);
                State::Before(Before::Preparing { margin_percent, tries })
            }
        }
    }

    fn prepare(&mut self, margin_percent: u32, tries: u32) -> State {
        self.effects.push(Effect::Prepare { margin_percent });
        self.wake_in(self.policy.max_backoff_ms);
        State::Before(Before::Preparing { margin_percent, tries })
    }

    fn gas_optimizing(&mut self, prepared: Prepared, since: Timestamp, margin_percent: u32, tries: u32) -> State {
        match &self.input.event {
            Event::Started | Event::Woken if self.too_late() => {
                // What it waited for is why it is late.
                let ceiling = self.ceiling();
                let above = Trouble::GasAboveCeiling { ceiling };
                let waited = self.tx.troubles.last().is_some_and(|(_, last)| *last == above);
                self.fail(if waited { above } else { Trouble::DeadlinePassed }, None)
            }
            Event::Started | Event::Woken => {
                self.effects.push(Effect::PriceGas);
                self.wake_in(self.policy.look_every_ms);
                State::Before(Before::GasOptimizing { prepared, since, margin_percent, tries })
            }
            Event::GasPriced(_) if self.too_late() => self.fail(Trouble::DeadlinePassed, None),
            Event::GasPriced(quote) => self.priced(*quote, prepared, since, margin_percent, tries),
            Event::GasUnknown(trouble) => self.later(trouble.clone(), margin_percent, tries),
            event => {
                self.pass_over(event);
                State::Before(Before::GasOptimizing { prepared, since, margin_percent, tries })
            }
        }
    }

    fn priced(
        &mut self,
        quote: GasQuote,
        prepared: Prepared,
        since: Timestamp,
        margin_percent: u32,
        tries: u32,
    ) -> State {
        if let Gate::Closed { until } = self.input.gate {
            return self.later(Trouble::Blocked { until }, margin_percent, tries);
        }
        let ceiling = self.ceiling();
        let above = quote.base_fee.saturating_add(quote.fees.priority_fee) > ceiling;
        let patient = quote.waiting_pays && self.input.at.since(since) < self.policy.gas_patience_ms;
        if above || patient {
            let trouble = Trouble::GasAboveCeiling { ceiling };
            if above && self.tx.troubles.last().is_none_or(|(_, last)| *last != trouble) {
                self.note(trouble);
            }
            self.wake_in(self.tx.intent.chain.facts().block_ms);
            return State::Before(Before::GasOptimizing { prepared, since, margin_percent, tries });
        }
        let nonce = self.tx.intent.fills;
        let kind = if nonce.is_some() { AttemptKind::Cancel } else { AttemptKind::Payload };
        let order = Order { attempt: self.next_attempt(), kind, fees: quote.fees.within(ceiling) };
        self.effects.push(Effect::Sign { order: order.clone(), nonce });
        self.wake_in(self.policy.max_backoff_ms);
        State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
    }

    fn ready_to_submit(&mut self, prepared: Prepared, order: Order, margin_percent: u32) -> State {
        match &self.input.event {
            Event::Started | Event::Woken if self.too_late() => self.fail(Trouble::DeadlinePassed, None),
            // What was signed before the process ended was not kept, and so never sent.
            Event::Started => {
                self.effects.push(Effect::Sign { order: order.clone(), nonce: self.tx.intent.fills });
                self.wake_in(self.policy.max_backoff_ms);
                State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
            }
            Event::Woken => {
                self.wake_in(self.policy.max_backoff_ms);
                State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
            }
            Event::Signed(signed) if signed.order == order => {
                self.sign(&order, signed, prepared.gas_limit);
                let spot = Spot {
                    prepared,
                    margin_percent,
                    nonce: signed.nonce,
                    wish: if self.tx.intent.fills.is_some() { Wish::Free(Why::Gap) } else { Wish::Payload },
                    since: self.input.at,
                    order: None,
                    tries: 0,
                    resend_at: self.input.at,
                };
                self.send(spot, Phase::Submitted)
            }
            Event::Unsigned { attempt, trouble } if *attempt == order.attempt => {
                self.later(trouble.clone(), margin_percent, 0)
            }
            event => {
                self.pass_over(event);
                State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
            }
        }
    }

    fn retrying(&mut self, until: Timestamp, margin_percent: u32, tries: u32) -> State {
        match &self.input.event {
            Event::Started | Event::Woken if self.too_late() => {
                let trouble = self.tx.troubles.last().map(|(_, trouble)| trouble.clone());
                self.fail(trouble.unwrap_or(Trouble::DeadlinePassed), None)
            }
            Event::Started | Event::Woken if self.input.at >= until => self.prepare(margin_percent, tries),
            Event::Started | Event::Woken => {
                self.effects.push(Effect::WakeAt(until));
                State::Before(Before::Retrying { until, margin_percent, tries })
            }
            event => {
                self.pass_over(event);
                State::Before(Before::Retrying { until, margin_percent, tries })
            }
        }
    }

    /// Tries again later, where that is worth it; fails with this trouble where it is not.
    fn later(&mut self, trouble: Trouble, margin_percent: u32, tries: u32) -> State {
        if !self.policy.retries(&trouble) {
            return self.fail(trouble, None);
        }
        let mut until = self.after_backoff(tries);
        if let Trouble::Blocked { until: open } = &trouble {
            until = until.max(*open);
        }
        if self.is_too_late_at(until) {
            return self.fail(trouble, None);
        }
        self.note(trouble);
        self.effects.push(Effect::WakeAt(until));
        State::Before(Before::Retrying { until, margin_percent, tries: tries.saturating_add(1) })
    }

    /// An answer to a question that is settled. A signature must not be left lying about.
    fn pass_over(&mut self, event: &Event) {
        match event {
            Event::Signed(signed) => self.effects.push(Effect::Discard { attempt: signed.order.attempt }),
            Event::Started
            | Event::Prepared(_)
            | Event::Unprepared(_)
            | Event::GasPriced(_)
            | Event::GasUnknown(_)
            | Event::Unsigned { .. }
            | Event::Sent { .. }
            | Event::Seen(_)
            | Event::Woken
            | Event::Booked
            | Event::CancelAsked
            | Event::ReplaceAsked { .. } => {}
        }
    }
}

/// While something that was signed can be mined.
impl Turn<'_> {
    fn live(&mut self, spot: Spot, phase: Phase) -> Result<State, Refused> {
        Ok(match &self.input.event {
            Event::Started => self.came_back(spot, phase),
            Event::Signed(signed) => self.signed_again(spot, phase, signed),
            Event::Unsigned { attempt, trouble } => {
                let mut spot = spot;
                if spot.order.as_ref().is_some_and(|order| order.attempt == *attempt) {
                    spot.order = None;
                    self.note(trouble.clone());
                }
                self.stay(spot, phase)
            }
            Event::Sent { attempt, reply } => self.sent(spot, phase, *attempt, reply),
            Event::Seen(sighting) if sighting.nonce == spot.nonce => self.seen(spot, phase, sighting),
            Event::Woken => self.woken(spot, phase),
            Event::CancelAsked => {
                if let Phase::Confirming(mined) = &phase {
                    return Err(Refused::Mined(mined.block));
                }
                self.free(spot, phase, Why::Asked)
            }
            Event::ReplaceAsked { percent } => {
                if let Phase::Confirming(mined) = &phase {
                    return Err(Refused::Mined(mined.block));
                }
                if spot.order.is_some() {
                    return Err(Refused::Busy);
                }
                let mut spot = spot;
                if !self.replace(&mut spot, *percent, None) {
                    return Err(Refused::AtCeiling(self.ceiling()));
                }
                self.stay(spot, phase)
            }
            // About another nonce, or from before this one.
            Event::Seen(_)
            | Event::Prepared(_)
            | Event::Unprepared(_)
            | Event::GasPriced(_)
            | Event::GasUnknown(_)
            | Event::Booked => self.stay(spot, phase),
        })
    }

    /// The process ended and is back: what was sent is sent again, what was to be signed is signed again.
    fn came_back(&mut self, spot: Spot, phase: Phase) -> State {
        if let Some(order) = &spot.order {
            self.effects.push(Effect::Sign { order: order.clone(), nonce: Some(spot.nonce) });
        }
        self.effects.push(Effect::Look { nonce: spot.nonce });
        match phase {
            Phase::Confirming(_) | Phase::Stuck(StuckReason::Unknown) => self.stay(spot, phase),
            Phase::Submitted | Phase::Pending | Phase::Stuck(_) => self.send(spot, phase),
        }
    }

    fn signed_again(&mut self, mut spot: Spot, phase: Phase, signed: &Signed) -> State {
        let order = spot.order.take_if(|order| *order == signed.order);
        let waits = match &phase {
            Phase::Submitted | Phase::Pending => true,
            Phase::Stuck(reason) => *reason != StuckReason::Unknown,
            Phase::Confirming(_) => false,
        };
        match order {
            Some(order) if waits && signed.nonce == spot.nonce => {
                self.sign(&order, signed, spot.prepared.gas_limit);
                spot.since = self.input.at;
                spot.tries = 0;
                self.send(spot, Phase::Submitted)
            }
            Some(_) | None => {
                self.effects.push(Effect::Discard { attempt: signed.order.attempt });
                self.stay(spot, phase)
            }
        }
    }

    fn sent(&mut self, mut spot: Spot, phase: Phase, id: AttemptId, reply: &Reply) -> State {
        let last = self.last_id(&spot);
        let Some(attempt) = self.tx.attempts.iter_mut().find(|attempt| attempt.id == id && attempt.nonce == spot.nonce)
        else {
            return self.stay(spot, phase);
        };
        match (reply, &attempt.outcome) {
            (Reply::Accepted | Reply::AlreadyKnown, Outcome::Signed | Outcome::Refused(_)) => {
                attempt.outcome = Outcome::Accepted;
            }
            // One node's refusal does not undo another's acceptance.
            (Reply::Refused(refusal), Outcome::Signed | Outcome::Refused(_)) => {
                attempt.outcome = Outcome::Refused(refusal.clone());
            }
            (Reply::Accepted | Reply::AlreadyKnown | Reply::Refused(_) | Reply::NoAnswer, _) => {}
        }
        let kind = attempt.kind;
        if Some(id) != last || matches!(phase, Phase::Confirming(_)) {
            return self.stay(spot, phase);
        }
        match reply {
            Reply::Accepted | Reply::AlreadyKnown => {
                spot.tries = 0;
                spot.resend_at = self.input.at.plus_millis(millis(self.policy.max_backoff_ms));
                let held = matches!(
                    phase,
                    Phase::Submitted
                        | Phase::Stuck(StuckReason::Dropped | StuckReason::Unfunded | StuckReason::Unsendable)
                );
                self.stay(spot, if held { Phase::Pending } else { phase })
            }
            Reply::NoAnswer => self.send_later(spot, phase),
            Reply::Refused(Refusal::NonceTooLow) => {
                // Ours may be the one that used it up. Only the chain can tell.
                self.effects.push(Effect::Look { nonce: spot.nonce });
                self.send_later(spot, phase)
            }
            Reply::Refused(Refusal::NonceTooHigh) => self.send_later(spot, phase),
            Reply::Refused(Refusal::Underpriced) => {
                let percent = self.policy.gas_escalation_percent.saturating_add(100);
                if self.policy.auto_retry_enabled && self.replace_within_retries(&mut spot, percent, None) {
                    return self.stay(spot, phase);
                }
                let phase = self.stick(phase, StuckReason::FeeTooLow);
                self.send_later(spot, phase)
            }
            Reply::Refused(Refusal::InsufficientFunds) => {
                let phase = self.stick(phase, StuckReason::Unfunded);
                self.send_later(spot, phase)
            }
            Reply::Refused(Refusal::Invalid(why)) => {
                let phase = self.stick(phase, StuckReason::Unsendable);
                match kind {
                    AttemptKind::Payload => self.free(spot, phase, Why::Unsendable(why.clone())),
                    AttemptKind::Cancel => self.send_later(spot, phase),
                }
            }
        }
    }

    fn seen(&mut self, mut spot: Spot, phase: Phase, sighting: &Sighting) -> State {
        let ours = sighting
            .mined
            .as_ref()
            .filter(|mined| self.tx.attempt(mined.attempt).is_some_and(|attempt| attempt.nonce == spot.nonce));
        if let Some(mined) = ours {
            return if self.is_deep(mined.block, sighting.head) {
                self.settle(spot, mined.clone())
            } else {
                self.stay(spot, Phase::Confirming(mined.clone()))
            };
        }
        if let Some(foreign) = &sighting.foreign {
            return if self.is_deep(foreign.block, sighting.head) {
                self.lose(&spot, foreign.clone())
            } else {
                let phase = self.stick(phase, StuckReason::Unknown);
                self.stay(spot, phase)
            };
        }
        if let Phase::Confirming(mined) = &phase
            && sighting.head < mined.block
        {
            // A node that lags cannot know.
            return self.stay(spot, phase);
        }
        if sighting.account_nonce > spot.nonce {
            // Used up, and by none of ours that this node knows: that is not knowledge.
            let phase = self.stick(phase, StuckReason::Unknown);
            return self.stay(spot, phase);
        }
        match (phase, sighting.pooled) {
            // It was in a block, or its nonce was used up, and is not any more.
            (Phase::Confirming(_) | Phase::Stuck(StuckReason::Unknown), _) => {
                spot.since = self.input.at;
                self.send(spot, Phase::Pending)
            }
            (Phase::Pending, Some(false)) => {
                let phase = self.stick(Phase::Pending, StuckReason::Dropped);
                self.send(spot, phase)
            }
            (Phase::Submitted | Phase::Stuck(StuckReason::Dropped), Some(true)) => self.stay(spot, Phase::Pending),
            (phase, Some(true | false) | None) => self.judge(spot, phase, sighting),
        }
    }

    /// Whether it should have been mined by now.
    fn judge(&mut self, mut spot: Spot, phase: Phase, sighting: &Sighting) -> State {
        let Some(cap) = self.last(&spot).map(|attempt| attempt.fees.max_fee) else {
            return self.stay(spot, phase);
        };
        let age = self.input.at.since(spot.since);
        let priced_out = sighting.base_fee > cap;
        if phase == Phase::Stuck(StuckReason::FeeTooLow) && !priced_out {
            return self.send(spot, Phase::Pending);
        }
        let reason = if priced_out && age >= self.policy.fee_patience_ms {
            StuckReason::FeeTooLow
        } else if age >= self.policy.stuck_after_ms {
            StuckReason::TimedOut
        } else {
            return self.stay(spot, phase);
        };
        let phase = self.stick(phase, reason);
        if self.policy.auto_retry_enabled {
            self.replace_within_retries(&mut spot, self.policy.replacement_percent, sighting.market);
        }
        self.stay(spot, phase)
    }

    fn woken(&mut self, spot: Spot, phase: Phase) -> State {
        self.effects.push(Effect::Look { nonce: spot.nonce });
        match phase {
            Phase::Confirming(_) | Phase::Stuck(StuckReason::Unknown) => self.stay(spot, phase),
            Phase::Submitted | Phase::Pending | Phase::Stuck(_) => {
                if spot.wish == Wish::Payload && self.input.at > self.tx.intent.deadline {
                    return self.free(spot, phase, Why::Deadline);
                }
                if self.input.at >= spot.resend_at {
                    return self.send(spot, phase);
                }
                self.stay(spot, phase)
            }
        }
    }

    /// Gives the payload up: its nonce is to be taken by a transaction that does nothing.
    fn free(&mut self, mut spot: Spot, phase: Phase, why: Why) -> State {
        match (&spot.wish, &why) {
            (Wish::Payload, _) | (Wish::Free(Why::Deadline), Why::Asked) => spot.wish = Wish::Free(why),
            (Wish::Free(_), _) => {}
        }
        let cancelling = spot.order.as_ref().is_some_and(|order| order.kind == AttemptKind::Cancel)
            || self.last(&spot).is_some_and(|attempt| attempt.kind == AttemptKind::Cancel);
        if !cancelling {
            spot.order = None;
            if !self.replace(&mut spot, self.policy.replacement_percent, None) {
                // No room under the ceiling: what is out goes on, and the price has to fall.
                return self.send(spot, phase);
            }
        }
        self.stay(spot, phase)
    }

    /// Orders a replacement while there are retries left. Freeing a nonce needs none.
    fn replace_within_retries(&mut self, spot: &mut Spot, percent: u32, market: Option<Fees>) -> bool {
        if spot.order.is_some() {
            return true;
        }
        if spot.wish != Wish::Payload {
            return self.replace(spot, percent, market);
        }
        if self.tx.retries >= self.policy.max_retries {
            let trouble = Trouble::RetriesUsedUp { retries: self.tx.retries };
            if self.tx.troubles.last().is_none_or(|(_, last)| *last != trouble) {
                self.note(trouble);
                self.effects.push(Effect::Alarm(Alarm::OutOfRetries));
            }
            return false;
        }
        let replaced = self.replace(spot, percent, market);
        self.tx.retries += u32::from(replaced);
        replaced
    }

    /// Orders a transaction at the same nonce that pools take in place of the last one.
    fn replace(&mut self, spot: &mut Spot, percent: u32, market: Option<Fees>) -> bool {
        let ceiling = self.ceiling();
        let fees = self.last(spot).and_then(|last| last.fees.replacement(percent, market, ceiling));
        let Some(fees) = fees else {
            return false;
        };
        let kind = match spot.wish {
            Wish::Payload => AttemptKind::Payload,
            Wish::Free(_) => AttemptKind::Cancel,
        };
        let order = Order { attempt: self.next_attempt(), kind, fees };
        self.effects.push(Effect::Sign { order: order.clone(), nonce: Some(spot.nonce) });
        spot.order = Some(order);
        true
    }

    /// One of ours was mined, at depth.
    fn settle(&mut self, spot: Spot, mined: Mined) -> State {
        let mut kind = AttemptKind::Payload;
        for attempt in self.tx.attempts.iter_mut().filter(|attempt| attempt.nonce == spot.nonce) {
            attempt.outcome = if attempt.id == mined.attempt {
                kind = attempt.kind;
                Outcome::Mined(mined.clone())
            } else {
                Outcome::Replaced
            };
        }
        match (kind, mined.success, &spot.wish) {
            (AttemptKind::Payload, true, _) => {
                self.effects.push(Effect::Book);
                self.wake_in(self.policy.look_every_ms);
                State::Over(Over::Confirmed(mined))
            }
            (AttemptKind::Payload, false, _) => {
                let trouble = if mined.out_of_gas {
                    Trouble::OutOfGas
                } else {
                    Trouble::Reverted { reason: mined.reason.clone() }
                };
                self.again_or_fail(&spot, trouble, mined)
            }
            (AttemptKind::Cancel, _, Wish::Free(Why::Asked | Why::Gap) | Wish::Payload) => {
                State::Over(Over::Cancelled(Some(mined)))
            }
            (AttemptKind::Cancel, _, Wish::Free(Why::Deadline)) => self.fail(Trouble::DeadlinePassed, Some(mined)),
            (AttemptKind::Cancel, _, Wish::Free(Why::Unsendable(why))) => {
                let why = why.clone();
                self.fail(Trouble::Refused { why }, Some(mined))
            }
        }
    }

    fn again_or_fail(&mut self, spot: &Spot, trouble: Trouble, mined: Mined) -> State {
        let margin_percent = match trouble {
            // Half as much again, margin and all.
            Trouble::OutOfGas => (spot.margin_percent.saturating_add(100)).saturating_mul(3) / 2 - 100,
            _ => spot.margin_percent,
        };
        match self.again(spot, &trouble, margin_percent) {
            Some(state) => state,
            None => self.fail(trouble, Some(mined)),
        }
    }

    /// A transaction that is not ours was mined with our nonce, at depth.
    fn lose(&mut self, spot: &Spot, foreign: Foreign) -> State {
        for attempt in self.tx.attempts.iter_mut().filter(|attempt| attempt.nonce == spot.nonce) {
            attempt.outcome = Outcome::Replaced;
        }
        let trouble = Trouble::NonceTaken { hash: foreign.hash };
        // What did the same is what was asked for, by another's hand: doing it again would be doing it twice.
        let again = if foreign.same_payload { None } else { self.again(spot, &trouble, spot.margin_percent) };
        again.unwrap_or(State::Over(Over::Replaced(foreign)))
    }

    /// The payload once more, at a new nonce: its own is finally consumed, without its success.
    fn again(&mut self, spot: &Spot, trouble: &Trouble, margin_percent: u32) -> Option<State> {
        let until = self.after_backoff(self.tx.retries);
        let worth_it = spot.wish == Wish::Payload
            && self.policy.retries(trouble)
            && self.tx.retries < self.policy.max_retries
            && !self.is_too_late_at(until);
        worth_it.then(|| {
            self.note(trouble.clone());
            self.tx.retries += 1;
            self.effects.push(Effect::WakeAt(until));
            State::Before(Before::Retrying { until, margin_percent, tries: 0 })
        })
    }

    /// Says that it is stuck, once.
    fn stick(&mut self, phase: Phase, reason: StuckReason) -> Phase {
        if phase != Phase::Stuck(reason) {
            self.effects.push(Effect::Alarm(Alarm::Stuck(reason)));
        }
        Phase::Stuck(reason)
    }

    /// Hands the last attempt to a node.
    fn send(&mut self, mut spot: Spot, phase: Phase) -> State {
        if let Some(id) = self.last_id(&spot) {
            if let Some(attempt) = self.tx.attempts.iter_mut().find(|attempt| attempt.id == id) {
                attempt.broadcasts = attempt.broadcasts.saturating_add(1);
            }
            self.effects.push(Effect::Broadcast { attempt: id });
        }
        spot.resend_at = self.after_backoff(spot.tries);
        self.stay(spot, phase)
    }

    fn send_later(&mut self, mut spot: Spot, phase: Phase) -> State {
        spot.tries = spot.tries.saturating_add(1);
        spot.resend_at = self.after_backoff(spot.tries);
        self.stay(spot, phase)
    }

    /// Waits for what comes, and looks by itself if nothing does.
    fn stay(&mut self, spot: Spot, phase: Phase) -> State {
        let look_at = self.input.at.plus_millis(millis(self.policy.look_every_ms));
        let resend_at = spot.resend_at.max(self.input.at.plus_millis(1));
        self.effects.push(Effect::WakeAt(match phase {
            Phase::Confirming(_) | Phase::Stuck(StuckReason::Unknown) => look_at,
            Phase::Submitted | Phase::Pending | Phase::Stuck(_) => look_at.min(resend_at),
        }));
        State::Live(spot, phase)
    }

    fn last(&self, spot: &Spot) -> Option<&Attempt> {
        self.tx.attempts_at(spot.nonce).next_back()
    }

    fn last_id(&self, spot: &Spot) -> Option<AttemptId> {
        self.last(spot).map(|attempt| attempt.id)
    }

    fn sign(&mut self, order: &Order, signed: &Signed, gas_limit: u64) {
        self.tx.attempts.push(Attempt {
            id: order.attempt,
            kind: order.kind,
            nonce: signed.nonce,
            fees: order.fees,
            gas_limit,
            hash: signed.hash,
            raw: signed.raw.clone(),
            signed_at: self.input.at,
            broadcasts: 0,
            outcome: Outcome::Signed,
        });
    }
}

/// When nothing more can happen, but to be told.
impl Turn<'_> {
    fn over(&mut self, over: Over) -> Result<State, Refused> {
        let status = self.tx.status();
        Ok(State::Over(match (&self.input.event, over) {
            (Event::CancelAsked | Event::ReplaceAsked { .. }, _) => return Err(Refused::Over(status)),
            (Event::Started | Event::Woken, Over::Confirmed(mined)) => {
                self.effects.push(Effect::Book);
                self.wake_in(self.policy.look_every_ms);
                Over::Confirmed(mined)
            }
            (Event::Booked, Over::Confirmed(mined)) => Over::Completed(mined),
            (Event::Seen(sighting), over) => {
                self.watch(&over, sighting);
                over
            }
            (Event::Signed(signed), over) => {
                self.effects.push(Effect::Discard { attempt: signed.order.attempt });
                over
            }
            (
                Event::Started
                | Event::Woken
                | Event::Booked
                | Event::Prepared(_)
                | Event::Unprepared(_)
                | Event::GasPriced(_)
                | Event::GasUnknown(_)
                | Event::Unsigned { .. }
                | Event::Sent { .. },
                over,
            ) => over,
        }))
    }

    /// What was final and is gone cannot be taken back here. Somebody has to know.
    fn watch(&mut self, over: &Over, sighting: &Sighting) {
        let mined = match over {
            Over::Confirmed(mined) | Over::Completed(mined) => Some(mined),
            Over::Failed(_, mined) | Over::Cancelled(mined) => mined.as_ref(),
            Over::Replaced(_) => None,
        };
        let Some(mined) = mined else { return };
        let nonce = self.tx.attempt(mined.attempt).map(|attempt| attempt.nonce);
        let same = sighting.mined.as_ref().is_some_and(|seen| seen.block_hash == mined.block_hash);
        if nonce == Some(sighting.nonce) && sighting.head >= mined.block && !same {
            self.effects.push(Effect::Alarm(Alarm::DeepReorg));
        }
    }
}

/// What all of them need.
impl Turn<'_> {
    fn fail(&mut self, trouble: Trouble, mined: Option<Mined>) -> State {
        self.note(trouble.clone());
        State::Over(Over::Failed(trouble, mined))
    }

    fn note(&mut self, trouble: Trouble) {
        if self.tx.troubles.len() >= MOST_TROUBLES {
            self.tx.troubles.remove(0);
        }
        self.tx.troubles.push((self.input.at, trouble));
    }

    fn next_attempt(&self) -> AttemptId {
        let signed = self.tx.attempts.iter().map(|attempt| attempt.id.0);
        let ordered = match &self.tx.state {
            State::Before(Before::ReadyToSubmit { order, .. }) => Some(order.attempt.0),
            State::Live(spot, _) => spot.order.as_ref().map(|order| order.attempt.0),
            State::Before(Before::Preparing { .. } | Before::GasOptimizing { .. } | Before::Retrying { .. })
            | State::Over(_) => None,
        };
        AttemptId(signed.chain(ordered).max().unwrap_or(0).saturating_add(1))
    }

    fn ceiling(&self) -> u128 {
        self.policy.max_gas_price.min(self.tx.intent.max_gas_price)
    }

    fn is_deep(&self, block: u64, head: u64) -> bool {
        head.checked_sub(block).is_some_and(|above| above + 1 >= self.policy.depth.max(1))
    }

    fn too_late(&self) -> bool {
        self.is_too_late_at(self.input.at)
    }

    fn is_too_late_at(&self, at: Timestamp) -> bool {
        at.plus_millis(millis(self.policy.runway_ms)) >= self.tx.intent.deadline
    }

    fn after_backoff(&self, tries: u32) -> Timestamp {
        self.input.at.plus_millis(millis(self.policy.backoff_ms(tries, self.input.jitter)))
    }

    fn wake_in(&mut self, ms: u64) {
        self.effects.push(Effect::WakeAt(self.input.at.plus_millis(millis(ms))));
    }
}

fn millis(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}
