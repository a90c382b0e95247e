//! Whose turn it is to write: the lease.
//!
//! The device that writes holds it, renews it while its page is open and gives it back when the page goes. A page
//! that is opened takes it if nobody has it. While another device has it, this one follows; when that is done, or
//! was not heard of for too long, its owner may take over here. Without the server whoever had it goes on.

use gloo_net::http::Method;
use leptos::prelude::*;
use shared::wire::accounts::{Lease, LeaseAsked};

use super::{Own, courier, in_hand, note, this};
use crate::desk::Desk;
use crate::io::accounts::{self, Refused};
use crate::io::{clock, timer};

/// How things are with the lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// This device has it, and for long enough.
    Ours,
    /// This device has it, or nobody: it is to be asked for.
    Due,
    /// Another device has it.
    Theirs,
}

/// How things are with a lease at a moment, for a device.
pub fn judge(lease: Option<&Lease>, device: &str, now: shared::time::Timestamp) -> Turn {
    match lease {
        Some(lease) if lease.device == device => {
            let (since, until) = (lease.since.millis(), lease.until.millis());
            // It is renewed when half of it is over.
            let half = (until - since).min(TERM_MS) / 2;
            if until - now.millis() > half { Turn::Ours } else { Turn::Due }
        }
        Some(lease) if lease.until > now => Turn::Theirs,
        Some(_) | None => Turn::Due,
    }
}

/// How long a lease is taken to be: servers say when it ends, and not when it was renewed.
const TERM_MS: i64 = 60_000;
/// How far this device's clock and the server's may be apart, in milliseconds: they are known to be as near as an
/// answer takes. A lease that has ended here may have a moment to go there.
const APART_MS: i64 = 1_000;

/// The name of whoever holds a lease.
pub fn holder(lease: &Lease) -> String {
    if lease.name.trim().is_empty() { "Another device".to_owned() } else { lease.name.clone() }
}

/// Sees to the lease of the account in hand: whether this device may write now.
pub(super) async fn see_to(desk: Desk, own: &Own, wants: bool) -> Result<bool, Refused> {
    let lease = desk.devices.lease.get_untracked();
    match judge(lease.as_ref(), &this::id(), clock::now()) {
        Turn::Ours if wants || own.record.elsewhere.as_deref() != Some("") => {}
        // It is let to others, from another tab.
        Turn::Ours => return Ok(false),
        Turn::Theirs => {
            let name = lease.as_ref().map(holder);
            note(desk, own.id(), |record| record.elsewhere = name).await;
            return Ok(false);
        }
        // It is for its owner to take over here.
        Turn::Due if own.record.elsewhere.is_some() && !wants => return Ok(false),
        Turn::Due => {
            if let Err(refused) = take(desk, own).await {
                return if refused.status() == 423 { Ok(false) } else { Err(refused) };
            }
        }
    }
    Ok(true)
}

/// Asks for the lease.
pub(super) async fn take(desk: Desk, own: &Own) -> Result<(), Refused> {
    let asked = LeaseAsked { device: this::id(), name: desk.devices.name.get_untracked() };
    let body = serde_json::to_string(&asked).ok();
    match accounts::ask::<Lease>(Method::PUT, own.id(), "lease", &own.token, body).await {
        Ok(lease) => {
            if courier::is_current(desk, own) {
                desk.devices.lease.set(Some(lease));
            }
            Ok(())
        }
        Err(refused) => {
            if let Refused::Said(told) = &refused
                && let Some(lease) = &told.lease
            {
                held_by(desk, own, lease.clone()).await;
            }
            Err(refused)
        }
    }
}

/// Another device has it.
pub(super) async fn held_by(desk: Desk, own: &Own, lease: Lease) {
    let name = holder(&lease);
    if courier::is_current(desk, own) {
        desk.devices.lease.set(Some(lease));
    }
    note(desk, own.id(), |record| record.elsewhere = Some(name)).await;
}

/// The owner wants to trade here from now on. What the other device wrote is fetched first.
///
/// # Errors
/// [`Refused`]; nothing changed.
pub async fn take_over(desk: Desk) -> Result<(), Refused> {
    let own = in_hand(desk).ok_or(Refused::Absent)?;
    if let Err(refused) = take(desk, &own).await {
        let left = |lease: &Lease| lease.until.millis() - clock::now().millis();
        match &refused {
            Refused::Said(told) if told.lease.as_ref().is_some_and(|lease| left(lease) < APART_MS) => {}
            _ => return Err(refused),
        }
        timer::sleep(2 * APART_MS as i32).await;
        take(desk, &own).await?;
    }
    courier::look(desk, &own).await?;
    note(desk, own.id(), |record| record.elsewhere = None).await;
    courier::nudge(desk, false);
    Ok(())
}

/// The owner wants to trade here although the server cannot be asked. If the other device trades as well, there
/// will be two branches.
pub async fn go_on_anyway(desk: Desk) {
    if let Some(own) = in_hand(desk) {
        note(desk, own.id(), |record| record.elsewhere = None).await;
    }
}

/// The owner lets another device trade: this one follows from now on.
///
/// # Errors
/// [`Refused`]; nothing changed.
pub async fn hand_over(desk: Desk) -> Result<(), Refused> {
    let own = in_hand(desk).ok_or(Refused::Absent)?;
    // From here on nothing takes the lease again; what is under way may, and gives it back then.
    note(desk, own.id(), |record| record.elsewhere = Some(String::new())).await;
    courier::expect_to_give(desk);
    let given = give(desk, &own).await;
    if given.is_err() {
        note(desk, own.id(), |record| record.elsewhere = None).await;
    }
    given
}

/// Gives the lease back, if this device has it.
pub(super) async fn give(desk: Desk, own: &Own) -> Result<(), Refused> {
    let what = ["lease?device=", &this::id()].concat();
    accounts::say(Method::DELETE, own.id(), &what, &own.token, None).await?;
    desk.devices.lease.set(None);
    Ok(())
}

/// The page goes away, or the account goes out of hand: others may have the lease.
pub(super) fn give_back(desk: Desk, own: &Own) {
    let device = this::id();
    let is_ours = |lease: &Option<Lease>| lease.as_ref().is_some_and(|lease| lease.device == device);
    if desk.devices.lease.with_untracked(is_ours) {
        desk.devices.lease.set(None);
        accounts::say_at_last("DELETE", own.id(), &["lease?device=", &device].concat(), &own.token);
    }
}

#[cfg(test)]
mod tests {
    use shared::time::Timestamp;

    use super::*;

    #[test]
    fn a_lease_is_renewed_at_half_its_time_and_is_anybodys_when_it_has_ended() {
        let at = Timestamp::from_secs;
        let lease =
            |device: &str| Some(Lease { device: device.into(), name: "Phone".into(), since: at(100), until: at(160) });
        for (device, now, turn) in [
            ("me", 100, Turn::Ours),
            ("me", 129, Turn::Ours),
            ("me", 130, Turn::Due),
            ("me", 500, Turn::Due),
            ("you", 159, Turn::Theirs),
            ("you", 160, Turn::Due),
        ] {
            assert_eq!(judge(lease(device).as_ref(), "me", at(now)), turn, "{device} at {now}");
        }
        assert_eq!(judge(None, "me", at(0)), Turn::Due);
        // Held for long, and renewed just now.
        let old = Lease { since: at(0), until: at(10_060), ..lease("me").unwrap() };
        assert_eq!(judge(Some(&old), "me", at(10_001)), Turn::Ours);
        assert_eq!(judge(Some(&old), "me", at(10_031)), Turn::Due);
    }
}
