//! The one way a transaction changes.
//!
//! What can happen is matched against how it stands, three walls apart: [`before`] anything is signed, while
//! something signed can happen ([`live`]), and after ([`over`]). A reply that comes late is named where it is passed
//! over.

mod before;
mod live;
mod over;

use super::attempt::{AttemptId, Mined, Trouble};
use super::event::{Effect, Input};
use super::policy::Policy;
use super::status::Status;
use super::{Before, MOST_TROUBLES, Over, State, Transaction};
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
