//! What somebody should know now: told in the wallet's room with how bad it is, and when it is over.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use shared::time::Timestamp;
use shared::transaction::{AttemptKind, Status};
use shared::wire::alerts::Severity;
use shared::wire::transactions::{BreakerEvent, LiveAlert, LiveAlertKind, LiveAlertMessage, Purpose};

use super::record::Record;

/// An alert that begins, or is seen again.
pub fn begins(
    kind: LiveAlertKind,
    severity: Severity,
    subject: impl ToString,
    message: impl Into<String>,
    since: Timestamp,
    as_of: Timestamp,
) -> LiveAlertMessage {
    let (subject, message) = (subject.to_string(), message.into());
    LiveAlertMessage { alert: LiveAlert { kind, severity, subject, message, since, as_of }, over: false }
}

/// What became of a breaker, as an alert.
pub fn of_breaker(event: &BreakerEvent) -> LiveAlertMessage {
    let BreakerEvent { at, chain, name, user, what, why } = event;
    let whose = user.as_ref().map(|user| format!(" for {user}")).unwrap_or_default();
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    let message = format!(
        "the circuit breaker {name} of {}{whose} {}{why}",
        chain.name(),
        match what.as_str() {
            "opened" => "has opened: nothing new is taken up",
            "probe_failed" => "stays open: its probe failed",
            "reset" => "was closed by the operator",
            _ => "is closed again",
        }
    );
    let over = !matches!(what.as_str(), "opened" | "probe_failed");
    let subject = format!("{chain}:{name}{}", user.as_ref().map(|user| format!(":{user}")).unwrap_or_default());
    let alert = begins(LiveAlertKind::CircuitBreaker, Severity::Critical, subject, message, *at, *at);
    LiveAlertMessage { over, ..alert }
}

/// Requests by which the targets are judged: the last that ended.
const JUDGED: usize = 100;
/// Fewer than these say nothing.
const LEAST: usize = 20;
/// Of those that were done or failed, at least this share is to be done, in percent.
const SUCCESS_PERCENT: usize = 95;
/// At most this share is to take more than one transaction, in percent.
const RETRY_PERCENT: usize = 10;

/// How the last requests fared against the targets. All owners share one.
#[derive(Debug, Default)]
pub struct Targets(Mutex<Judged>);

#[derive(Debug, Default)]
struct Judged {
    /// Whether it was done, and whether it took more than one payload.
    ended: VecDeque<(bool, bool)>,
    /// Since when a target is missed: success, and retries.
    missed: [Option<Timestamp>; 2],
}

impl Targets {
    /// Takes one in that ended, and tells what changes by it.
    pub fn take(&self, record: &Record, at: Timestamp) -> Vec<LiveAlertMessage> {
        let status = record.transaction.status();
        if record.transaction.intent.paper
            || !matches!(record.purpose, Purpose::Swap(_))
            || !matches!(status, Status::Completed | Status::Failed)
        {
            return vec![];
        }
        let payloads = record.transaction.attempts.iter().filter(|attempt| attempt.kind == AttemptKind::Payload);
        let retried = payloads.count() > 1;
        // Nothing panics while it holds the lock; were it to, the figures would still be whole.
        let mut judged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        judged.ended.push_back((status == Status::Completed, retried));
        if judged.ended.len() > JUDGED {
            judged.ended.pop_front();
        }
        let count = judged.ended.len();
        let done = judged.ended.iter().filter(|(done, _)| *done).count();
        let retried = judged.ended.iter().filter(|(_, retried)| *retried).count();
        let states = [
            (
                "success_rate",
                done * 100 < count * SUCCESS_PERCENT,
                format!("{done} of the last {count} requests were done: the target is {SUCCESS_PERCENT} %"),
            ),
            (
                "retry_rate",
                retried * 100 > count * RETRY_PERCENT,
                format!(
                    "{retried} of the last {count} requests took more than one transaction: the target is {RETRY_PERCENT} %"
                ),
            ),
        ];
        let mut news = vec![];
        for (missed, (name, is_missed, words)) in judged.missed.iter_mut().zip(states) {
            let is_missed = is_missed && count >= LEAST;
            let since = match (*missed, is_missed) {
                (None, true) | (Some(_), false) => missed.unwrap_or(at),
                (None, false) | (Some(_), true) => continue,
            };
            *missed = is_missed.then_some(at);
            let alert = begins(LiveAlertKind::TargetMissed, Severity::Warning, name, words, since, at);
            news.push(LiveAlertMessage { over: !is_missed, ..alert });
        }
        news
    }
}
