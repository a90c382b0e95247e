//! What is wrong in the market, as the server says it, and what was.

use leptos::prelude::*;
use shared::time::Timestamp;
use shared::wire::Alert;

use super::Desk;

/// An alert of this visit.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// The alert, as it was last told.
    pub alert: Alert,
    /// When it was over, if it is.
    pub over: Option<Timestamp>,
    /// Whether the person has seen it and wants no more of it.
    pub dismissed: bool,
    /// Whether it was told in the account's room: prices say nothing of it then.
    pub in_room: bool,
}

impl Noted {
    /// Whether it is to stand on the page.
    pub const fn is_shown(&self) -> bool {
        self.over.is_none() && !self.dismissed
    }
}

/// Takes the alerts that stand at `now`. True where the list says something else than before.
pub fn take(all: &mut Vec<Noted>, standing: &[Alert], now: Timestamp) -> bool {
    let before = all.clone();
    let is_same = |one: &Alert, other: &Alert| one.kind == other.kind && one.subject == other.subject;
    for noted in all.iter_mut().filter(|noted| noted.over.is_none() && !noted.in_room) {
        match standing.iter().find(|alert| is_same(alert, &noted.alert)) {
            Some(alert) => {
                // What has become worse is told again.
                noted.dismissed &= alert.severity <= noted.alert.severity;
                noted.alert = alert.clone();
            }
            None => noted.over = Some(now),
        }
    }
    for alert in standing {
        if !all.iter().any(|noted| noted.over.is_none() && is_same(&noted.alert, alert)) {
            all.push(Noted { alert: alert.clone(), over: None, dismissed: false, in_room: false });
        }
    }
    *all != before
}

/// Takes an alert that was told in the account's room; `over` is when it ended, if it has.
pub fn told(all: &mut Vec<Noted>, alert: Alert, over: Option<Timestamp>) {
    let is_same = |noted: &&mut Noted| {
        noted.in_room && noted.over.is_none() && noted.alert.kind == alert.kind && noted.alert.subject == alert.subject
    };
    match all.iter_mut().find(is_same) {
        Some(noted) => {
            noted.dismissed &= alert.severity <= noted.alert.severity;
            noted.over = over;
            noted.alert = alert;
        }
        None => all.push(Noted { alert, over, dismissed: false, in_room: true }),
    }
}

impl Desk {
    /// The person has seen the alerts that stand.
    pub fn dismiss_alerts(&self) {
        self.alerts.update(|all| all.iter_mut().for_each(|noted| noted.dismissed = true));
    }
}

#[cfg(test)]
mod tests {
    use shared::wire::{AlertKind, Severity};

    use super::*;

    fn depeg(severity: Severity, price: &str) -> Alert {
        let at = Timestamp::from_secs(1);
        Alert { kind: AlertKind::Depeg, severity, subject: "USDC".into(), message: price.into(), since: at, as_of: at }
    }

    #[test]
    fn an_alert_is_noted_once_dismissed_until_it_is_worse_and_ends_when_it_is_told_no_more() {
        let (mut all, now) = (Vec::new(), Timestamp::from_secs(9));
        assert!(take(&mut all, &[depeg(Severity::Warning, "0.98")], now));
        assert!(!take(&mut all, &[depeg(Severity::Warning, "0.98")], now), "nothing new");
        all[0].dismissed = true;
        assert!(take(&mut all, &[depeg(Severity::Warning, "0.97")], now));
        assert_eq!((all.len(), all[0].is_shown(), all[0].alert.message.as_str()), (1, false, "0.97"));
        take(&mut all, &[depeg(Severity::Critical, "0.90")], now);
        assert!(all[0].is_shown(), "worse than what was dismissed");
        assert!(take(&mut all, &[], now));
        assert_eq!((all[0].over, all[0].is_shown()), (Some(now), false));
        // Again is another one.
        take(&mut all, &[depeg(Severity::Warning, "0.98")], now);
        assert_eq!((all.len(), all[1].is_shown()), (2, true));
    }

    #[test]
    fn what_was_told_in_the_room_ends_by_word_from_the_room_alone() {
        let (mut all, now) = (Vec::new(), Timestamp::from_secs(9));
        told(&mut all, depeg(Severity::Warning, "a"), None);
        take(&mut all, &[], now);
        assert!(all[0].is_shown(), "prices know nothing of it");
        told(&mut all, depeg(Severity::Warning, "b"), None);
        assert_eq!((all.len(), all[0].alert.message.as_str()), (1, "b"));
        told(&mut all, depeg(Severity::Warning, "b"), Some(now));
        assert_eq!((all.len(), all[0].over), (1, Some(now)));
    }
}
