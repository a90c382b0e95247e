//! What people want.

use shared::ids::TransactionId;
use shared::transaction::{Event, Gate, Input, Refused, step};
use tokio::sync::oneshot;

use super::{Command, Owner};
use crate::crash;
use crate::transactions::LiveError;
use crate::transactions::gates::Blocked;
use crate::transactions::record::Record;

type Answer = oneshot::Sender<Result<Record, LiveError>>;

impl Owner {
    /// Does what was asked for meanwhile. New requests are kept together: one write for all of them.
    pub(super) async fn obey(&mut self, commands: Vec<Command>) {
        let mut new = vec![];
        for command in commands {
            match command {
                Command::Submit(record, key, answer) => new.push((*record, key, answer)),
                Command::Cancel(id, answer) => self.ask(id, Event::CancelAsked, answer).await,
                Command::Replace(id, percent, answer) => self.ask(id, Event::ReplaceAsked { percent }, answer).await,
                // Whoever asked may be gone; then nobody needs to know.
                Command::Breakers(answer) => drop(answer.send(self.gates.infos())),
                Command::Reset(name, user, answer) => {
                    let known = self.gates.reset(&name, user.as_deref());
                    self.keep_gates().await;
                    let _ = answer.send(known);
                }
            }
        }
        if !new.is_empty() {
            self.accept(new).await;
        }
    }

    async fn accept(&mut self, new: Vec<(Record, Option<String>, Answer)>) {
        let mut rows = vec![];
        let mut askers = vec![];
        for (record, key, answer) in new {
            if let Some(blocked) = self.gates.blocked(&record) {
                drop(answer.send(self.turned_away(&record, key.as_deref(), &blocked).await));
                continue;
            }
            match super::row(&record) {
                Ok(row) => {
                    rows.push((row, key));
                    askers.push((record, answer));
                }
                Err(error) => drop(answer.send(Err(LiveError::NotKept(error.to_string())))),
            }
        }
        crash::point("before", "accepted");
        match self.means.journal.accept::<Record>(&self.lease, &rows).await {
            Ok(known) => {
                crash::point("kept", "accepted");
                let mut started = vec![];
                for ((record, answer), earlier) in askers.into_iter().zip(known) {
                    let result = match earlier {
                        None => {
                            started.push((record.id(), Event::Started));
                            self.means.teller.changed(&record);
                            self.records.insert(record.id(), record.clone());
                            Ok(record)
                        }
                        // The same key is the same request, for ever.
                        Some(earlier) if earlier.purpose == record.purpose => Ok(earlier),
                        Some(earlier) => Err(LiveError::KeyTaken(earlier.id())),
                    };
                    drop(answer.send(result));
                }
                crash::point("answered", "accepted");
                self.turns(started).await;
            }
            Err(error) => {
                for (_, answer) in askers {
                    drop(answer.send(Err(LiveError::NotKept(error.to_string()))));
                }
            }
        }
    }

    /// A breaker is open: nothing new is taken up. What was taken up before under this key is what it is.
    async fn turned_away(&self, new: &Record, key: Option<&str>, blocked: &Blocked) -> Result<Record, LiveError> {
        if let Some(key) = key {
            match self.means.journal.by_key::<Record>(key).await {
                Ok(Some(earlier)) if earlier.purpose == new.purpose => return Ok(earlier),
                Ok(Some(earlier)) => return Err(LiveError::KeyTaken(earlier.id())),
                Ok(None) => {}
                Err(error) => return Err(LiveError::NotKept(error.to_string())),
            }
        }
        let Blocked { breaker, until } = *blocked;
        Err(LiveError::Blocked { chain: self.means.chain, breaker, until, wait_ms: until.since(self.now()) })
    }

    /// Asks the core for something that it may refuse.
    async fn ask(&mut self, id: TransactionId, event: Event, answer: Answer) {
        let Some(record) = self.records.get(&id) else {
            let ended = self.ended.get(&id).map(|status| LiveError::Refused(Refused::Over(*status)));
            drop(answer.send(Err(ended.unwrap_or(LiveError::Unknown(id)))));
            return;
        };
        let input = Input { at: self.now(), jitter: 0, gate: Gate::Open, event: event.clone() };
        if let Err(refused) = step(&record.transaction, &input, &self.means.policy) {
            drop(answer.send(Err(LiveError::Refused(refused))));
            return;
        }
        let kept_before = self.restarts.contains(&id);
        self.turns(vec![(id, event)]).await;
        let result = if !kept_before && self.restarts.contains(&id) {
            Err(LiveError::NotKept("the journal cannot be written".into()))
        } else {
            match self.records.get(&id) {
                Some(record) => Ok(record.clone()),
                // It has ended by this.
                None => match self.means.journal.get(id).await {
                    Ok(Some(record)) => Ok(record),
                    Ok(None) => Err(LiveError::Unknown(id)),
                    Err(error) => Err(LiveError::NotKept(error.to_string())),
                },
            }
        };
        drop(answer.send(result));
    }
}
