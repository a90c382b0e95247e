//! When nothing more can happen, but to be told.

use super::{Refused, Turn};
use crate::transaction::event::{Alarm, Effect, Event, Sighting};
use crate::transaction::{Over, State};

impl Turn<'_> {
    pub(super) fn over(&mut self, over: Over) -> Result<State, Refused> {
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
                | Event::Papered { .. }
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
            Over::Papered | Over::Replaced(_) => None,
        };
        let Some(mined) = mined else { return };
        let nonce = self.tx.attempt(mined.attempt).map(|attempt| attempt.nonce);
        let same = sighting.mined.as_ref().is_some_and(|seen| seen.block_hash == mined.block_hash);
        if nonce == Some(sighting.nonce) && sighting.head >= mined.block && !same {
            self.effects.push(Effect::Alarm(Alarm::DeepReorg));
        }
    }
}
