//! While something that was signed can be mined.

use super::{Refused, Turn, millis};
use crate::transaction::attempt::{Attempt, AttemptId, AttemptKind, Foreign, Mined, Order, Outcome, Refusal, Trouble};
use crate::transaction::event::{Alarm, Effect, Event, Reply, Sighting, Signed, StuckReason};
use crate::transaction::fees::Fees;
use crate::transaction::{Before, Over, Phase, Spot, State, Why, Wish};

impl Turn<'_> {
    pub(super) fn live(&mut self, spot: Spot, phase: Phase) -> Result<State, Refused> {
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
            | Event::Papered { .. }
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
    pub(super) fn send(&mut self, mut spot: Spot, phase: Phase) -> State {
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

    pub(super) fn sign(&mut self, order: &Order, signed: &Signed, gas_limit: u64) {
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
