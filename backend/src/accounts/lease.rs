//! Who writes to which account: one device at a time, for as long as it says so now and then.
//!
//! Nothing here reads a clock or writes anywhere: the time comes in, and what changed goes out.

use std::collections::HashMap;

use shared::ids::AccountId;
use shared::time::Timestamp;
use shared::wire::accounts::Lease;

/// Leases at once, at most.
const MOST: usize = 100_000;

/// The leases, those that have ended included until they are swept out.
#[derive(Debug)]
pub struct Leases {
    span_ms: u64,
    held: HashMap<AccountId, Lease>,
    /// When they are swept next: at this many.
    sweep_at: usize,
}

/// A lease was taken or renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// As it is now.
    pub lease: Lease,
    /// Whether another device had it before, or nobody.
    pub is_new: bool,
    /// The one that had ended before, where that was another device's and nobody has told of its end.
    pub ended: Option<Lease>,
}

/// Why a lease is not had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LeaseError {
    /// Another device has it.
    Held(Lease),
    /// Too many devices write at once.
    TooMany,
}

impl Leases {
    /// Those that were kept. Each lasts so many milliseconds beyond the last word of its device.
    pub fn new(span_ms: u64, kept: impl IntoIterator<Item = (AccountId, Lease)>) -> Leases {
        Leases { span_ms, held: kept.into_iter().collect(), sweep_at: 1_024 }
    }

    /// Who writes to an account now.
    pub fn holder(&self, account: AccountId, now: Timestamp) -> Option<&Lease> {
        self.held.get(&account).filter(|lease| now < lease.until)
    }

    /// What it would be to take or renew the lease now. Nothing changes before it is [put](Leases::put).
    ///
    /// # Errors
    /// [`LeaseError`].
    pub fn take(&self, account: AccountId, device: &str, name: &str, now: Timestamp) -> Result<Taken, LeaseError> {
        let until = now.plus_millis(i64::try_from(self.span_ms).unwrap_or(i64::MAX));
        let before = self.held.get(&account);
        if let Some(holder) = self.holder(account, now) {
            if holder.device != device {
                return Err(LeaseError::Held(holder.clone()));
            }
            let name = if name.is_empty() { &holder.name } else { name };
            let lease = Lease { device: device.to_owned(), name: name.to_owned(), since: holder.since, until };
            return Ok(Taken { lease, is_new: false, ended: None });
        }
        if before.is_none() && self.held.len() >= MOST {
            return Err(LeaseError::TooMany);
        }
        let name = match before {
            Some(before) if name.is_empty() && before.device == device => &before.name,
            _ => name,
        };
        let lease = Lease { device: device.to_owned(), name: name.to_owned(), since: now, until };
        let ended = before.filter(|before| before.device != device).cloned();
        Ok(Taken { lease, is_new: true, ended })
    }

    /// Puts a lease in its place. True when those that have ended were swept out meanwhile.
    pub fn put(&mut self, account: AccountId, lease: Lease, now: Timestamp) -> bool {
        self.held.insert(account, lease);
        let sweeps = self.held.len() >= self.sweep_at;
        if sweeps {
            self.held.retain(|_, lease| now < lease.until);
            self.sweep_at = (self.held.len() * 2).clamp(1_024, MOST);
        }
        sweeps
    }

    /// Whether a device could give the lease back: it has it.
    pub fn is_held_by(&self, account: AccountId, device: &str, now: Timestamp) -> bool {
        self.holder(account, now).is_some_and(|lease| lease.device == device)
    }

    /// Takes a lease away.
    pub fn remove(&mut self, account: AccountId) -> Option<Lease> {
        self.held.remove(&account)
    }

    /// How many devices write now.
    pub fn count(&self, now: Timestamp) -> usize {
        self.held.values().filter(|lease| now < lease.until).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId::from_bytes([1; 16]);

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn leases() -> Leases {
        Leases::new(60_000, [])
    }

    /// Takes it, as whoever asks does.
    fn take(leases: &mut Leases, device: &str, now: i64) -> Result<Taken, LeaseError> {
        let taken = leases.take(ACCOUNT, device, "", at(now))?;
        leases.put(ACCOUNT, taken.lease.clone(), at(now));
        Ok(taken)
    }

    #[test]
    fn one_device_has_it_as_long_as_it_renews_it() {
        let mut leases = leases();
        let first = take(&mut leases, "desk", 0).unwrap();
        assert_eq!((first.is_new, first.lease.since, first.lease.until), (true, at(0), at(60)));
        assert_eq!(take(&mut leases, "phone", 59), Err(LeaseError::Held(first.lease.clone())));
        let renewed = take(&mut leases, "desk", 59).unwrap();
        assert_eq!((renewed.is_new, renewed.lease.since, renewed.lease.until), (false, at(0), at(119)));
        assert!(take(&mut leases, "phone", 60).is_err());
        // It ends at its very end.
        let other = take(&mut leases, "phone", 119).unwrap();
        assert_eq!((other.is_new, other.ended, other.lease.since), (true, Some(renewed.lease), at(119)));
        assert!(take(&mut leases, "desk", 120).is_err());
    }

    #[test]
    fn what_is_given_back_is_free_and_nobody_gives_what_is_anothers() {
        let mut leases = leases();
        take(&mut leases, "desk", 0).unwrap();
        assert!(leases.is_held_by(ACCOUNT, "desk", at(1)) && !leases.is_held_by(ACCOUNT, "phone", at(1)));
        assert!(!leases.is_held_by(ACCOUNT, "desk", at(60)), "it has ended");
        leases.remove(ACCOUNT);
        let taken = take(&mut leases, "phone", 2).unwrap();
        assert_eq!((taken.is_new, taken.ended), (true, None));
    }

    #[test]
    fn a_name_stays_with_its_device_until_it_says_another() {
        let mut leases = leases();
        for (device, name, now, expected) in [
            ("desk", "Firefox", 0, "Firefox"),
            ("desk", "", 10, "Firefox"),
            ("desk", "Chromium", 20, "Chromium"),
            ("desk", "", 200, "Chromium"),
            ("phone", "", 400, ""),
        ] {
            let taken = leases.take(ACCOUNT, device, name, at(now)).unwrap();
            assert_eq!(taken.lease.name, expected);
            leases.put(ACCOUNT, taken.lease, at(now));
        }
    }

    #[test]
    fn leases_that_have_ended_are_swept_out() {
        let mut leases = leases();
        for n in 0..5_000_u64 {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            let (account, now) = (AccountId::from_bytes(bytes), at(i64::try_from(n).unwrap()));
            let taken = leases.take(account, "desk", "", now).unwrap();
            leases.put(account, taken.lease, now);
        }
        assert!(leases.held.len() < 1_200, "{}", leases.held.len());
        assert_eq!(leases.count(at(4_999)), 60);
    }
}
