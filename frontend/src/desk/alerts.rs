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
    for noted in all.iter_mut().filter(|noted| noted.over.is_none()) {
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
            all.push(Noted { alert: alert.clone(), over: None, dismissed: false });
        }
    }
    *all != before
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
}
