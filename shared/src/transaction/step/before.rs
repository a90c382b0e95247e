//! Before anything is signed.

use super::{Refused, Turn};
use crate::time::Timestamp;
use crate::transaction::attempt::{AttemptKind, Order, Prepared, Trouble};
use crate::transaction::event::{Effect, Event, GasQuote, Gate};
use crate::transaction::{Before, Over, Phase, Spot, State, Why, Wish};

impl Turn<'_> {
    pub(super) fn before(&mut self, before: Before) -> Result<State, Refused> {
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
            | Event::Papered { .. }
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
        self.commit(&order, nonce);
        State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
    }

    /// Has an order signed, or filled on paper.
    fn commit(&mut self, order: &Order, nonce: Option<u64>) {
        self.effects.push(if self.tx.intent.paper {
            Effect::Simulate { attempt: order.attempt }
        } else {
            Effect::Sign { order: order.clone(), nonce }
        });
        self.wake_in(self.policy.max_backoff_ms);
    }

    fn ready_to_submit(&mut self, prepared: Prepared, order: Order, margin_percent: u32) -> State {
        match &self.input.event {
            Event::Started | Event::Woken if self.too_late() => self.fail(Trouble::DeadlinePassed, None),
            // What was signed before the process ended was not kept, and so never sent.
            Event::Started => {
                self.commit(&order, self.tx.intent.fills);
                State::Before(Before::ReadyToSubmit { prepared, order, margin_percent })
            }
            Event::Papered { attempt } if *attempt == order.attempt && self.tx.intent.paper => {
                State::Over(Over::Papered)
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
            | Event::Papered { .. }
            | Event::Sent { .. }
            | Event::Seen(_)
            | Event::Woken
            | Event::Booked
            | Event::CancelAsked
            | Event::ReplaceAsked { .. } => {}
        }
    }
}
