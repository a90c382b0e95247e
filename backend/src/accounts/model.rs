//! Copy and lease held against random devices, a clock that jumps, and replies that are lost.
//!
//! The devices here do what docs/accounts.md tells them to, and the server what [`super::keeper`] does, by the same
//! decisions: only that lines are words and nothing is written. A seed is a whole history.

use std::collections::{BTreeMap, BTreeSet};

use shared::ids::AccountId;
use shared::testing::Dice;
use shared::time::Timestamp;

use super::copy::{Handed, Place, Standing, Verdict, compare, decide};
use super::lease::{LeaseError, Leases, Taken};

const ACCOUNT: AccountId = AccountId::from_bytes([7; 16]);
const LEASE_MS: u64 = 60_000;

/// Words are said once: the last one alone says where a journal ends.
fn place(lines: &[String]) -> Place {
    let before = Place { seq: lines.len().saturating_sub(1) as u64, ..Place::START };
    lines.last().map_or(Place::START, |line| before.followed_by(line))
}

/// How many lines two journals have in common.
fn common(one: &[String], other: &[String]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

struct Server {
    lines: Vec<String>,
    branches: Vec<Vec<String>>,
    leases: Leases,
}

enum Reply {
    Appended,
    Moved,
    Held,
}

impl Server {
    fn append(&mut self, device: &str, handed: Handed<'_>, now: Timestamp) -> Reply {
        let end = place(&self.lines);
        let after = usize::try_from(handed.after.seq).unwrap();
        let at = self.lines.get(..after).map(|lines| place(lines).hash);
        let there = self.lines.get(after..).unwrap_or_default();
        let there = &there[..there.len().min(handed.lines.len())];
        let standing = if handed.after.seq > end.seq { Standing::Moved } else { compare(end, at, there, handed) };
        match decide(standing, self.leases.take(ACCOUNT, device, "", now)) {
            Verdict::Done => Reply::Appended,
            Verdict::Refused(LeaseError::Held(holder)) => {
                assert_ne!(holder.device, device);
                Reply::Held
            }
            Verdict::Refused(LeaseError::TooMany) => unreachable!("there is one account"),
            Verdict::Moved => Reply::Moved,
            Verdict::Write { lease, from } => {
                self.take(lease, device, now);
                match from {
                    Some(from) => self.lines.extend_from_slice(&handed.lines[from..]),
                    None => {
                        self.branches.push(self.lines.split_off(after));
                        self.lines.extend_from_slice(handed.lines);
                    }
                }
                Reply::Appended
            }
        }
    }

    fn take(&mut self, taken: Taken, device: &str, now: Timestamp) {
        let holder = self.leases.holder(ACCOUNT, now);
        assert!(holder.is_none_or(|holder| holder.device == device), "two devices write");
        self.leases.put(ACCOUNT, taken.lease, now);
    }
}

/// A device: its journal, and what it believes about the lease.
struct Device {
    name: String,
    lines: Vec<String>,
    /// How many of them it knows to be in the copy.
    known: usize,
    until: Timestamp,
    words: u32,
    /// It has not been told of the copy for a while, and writes all the same.
    is_offline: bool,
}

impl Device {
    /// A trade: with the lease, or offline.
    fn trade(&mut self, now: Timestamp) {
        if now < self.until || self.is_offline {
            self.words += 1;
            self.lines.push(format!("{} {}", self.name, self.words));
        }
    }

    /// Hands in what the copy does not have, as far as it knows.
    fn hand_in(&mut self, server: &mut Server, dice: &mut Dice, now: Timestamp) {
        let more = self.lines.len() - self.known;
        if more == 0 {
            return;
        }
        // A page, and not always all of it.
        let to = self.known + 1 + usize::try_from(dice.below(more as u64)).unwrap();
        let handed =
            Handed { after: place(&self.lines[..self.known]), instead_of: None, lines: &self.lines[self.known..to] };
        if dice.once_in(6) {
            return;
        }
        let reply = server.append(&self.name, handed, now);
        if dice.once_in(4) {
            return;
        }
        match reply {
            // That says nothing about the lease: it may have been there already.
            Reply::Appended => self.known = to,
            Reply::Held => self.until = Timestamp::EPOCH,
            Reply::Moved => self.meet(server, dice, now),
        }
    }

    /// The copy went on elsewhere: it follows, or its owner chooses.
    fn meet(&mut self, server: &mut Server, dice: &mut Dice, now: Timestamp) {
        let shared = common(&self.lines, &server.lines);
        if shared == self.lines.len() {
            self.lines = server.lines.clone();
            self.known = self.lines.len();
        } else if shared == server.lines.len() {
            self.known = shared;
        } else if dice.once_in(2) {
            // The copy's: the device's own are handed in, and only then let go.
            server.branches.push(self.lines[shared..].to_vec());
            self.lines = server.lines.clone();
            self.known = self.lines.len();
        } else {
            let shown = place(&server.lines);
            let after = place(&self.lines[..shared]);
            let handed = Handed { after, instead_of: Some(shown), lines: &self.lines[shared..] };
            if matches!(server.append(&self.name, handed, now), Reply::Appended) && !dice.once_in(4) {
                self.known = self.lines.len();
            } else {
                self.known = shared;
            }
        }
    }

    fn ask_lease(&mut self, server: &mut Server, dice: &mut Dice, now: Timestamp) {
        match server.leases.take(ACCOUNT, &self.name, "", now) {
            Ok(taken) => {
                let until = taken.lease.until;
                let name = self.name.clone();
                server.take(taken, &name, now);
                if !dice.once_in(4) {
                    self.until = until;
                }
            }
            Err(_) => self.until = Timestamp::EPOCH,
        }
    }

    fn give(&mut self, server: &mut Server, dice: &mut Dice, now: Timestamp) {
        // It writes no more, whether or not its word arrives.
        self.until = Timestamp::EPOCH;
        if !dice.once_in(4) && server.leases.is_held_by(ACCOUNT, &self.name, now) {
            server.leases.remove(ACCOUNT);
        }
    }
}

fn live(seed: u64) -> (usize, usize) {
    let mut dice = Dice::new(seed);
    let mut now = Timestamp::from_secs(1_800_000_000);
    let mut server = Server { lines: vec![], branches: vec![], leases: Leases::new(LEASE_MS, []) };
    let mut devices: Vec<Device> = ["desk", "phone", "laptop"]
        .map(|name| Device {
            name: name.into(),
            lines: vec![],
            known: 0,
            until: Timestamp::EPOCH,
            words: 0,
            is_offline: false,
        })
        .into();
    // All lines there ever were in the copy, and how often its owner chose.
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for _ in 0..400 {
        now = now.plus_millis(match dice.below(12) {
            0 => 61_000,
            n => i64::try_from(n * 300).unwrap(),
        });
        let before = (server.lines.clone(), server.branches.len());
        let at = usize::try_from(dice.below(3)).unwrap();
        let device = &mut devices[at];
        match dice.below(8) {
            0..=2 => device.trade(now),
            3 | 4 => device.hand_in(&mut server, &mut dice, now),
            5 => device.ask_lease(&mut server, &mut dice, now),
            6 if dice.once_in(3) => device.give(&mut server, &mut dice, now),
            6 => device.is_offline = dice.once_in(3),
            _ if device.known == device.lines.len() => device.meet(&mut server, &mut dice, now),
            _ => {}
        }
        // At most one device believes that it has the lease.
        let writers: Vec<_> = devices.iter().filter(|device| now < device.until).map(|device| &device.name).collect();
        assert!(writers.len() <= 1, "seed {seed}: {writers:?} write");
        if (&server.lines, server.branches.len()) == (&before.0, before.1) {
            continue;
        }
        // The copy grew at its end, or what made way is a branch.
        let (lines, branches) = before;
        let shared = common(&lines, &server.lines);
        if shared < lines.len() {
            assert!(server.branches[branches..].iter().any(|branch| branch[..] == lines[shared..]), "seed {seed}");
        }
        kept.extend(server.lines.iter().cloned());
        let everywhere: BTreeSet<&String> = server.lines.iter().chain(server.branches.iter().flatten()).collect();
        assert!(kept.iter().all(|line| everywhere.contains(line)), "seed {seed}: something that was kept is gone");
        let once: BTreeSet<&String> = server.lines.iter().collect();
        assert_eq!(once.len(), server.lines.len(), "seed {seed}: something is there twice");
    }
    // In the end all come back, one after the other.
    for device in &mut devices {
        for _ in 0..200 {
            now = now.plus_millis(61_000);
            device.hand_in(&mut server, &mut dice, now);
        }
        assert!(device.known == device.lines.len(), "seed {seed}: {} is stuck", device.name);
    }
    let everywhere: BTreeSet<&String> = server.lines.iter().chain(server.branches.iter().flatten()).collect();
    for device in &devices {
        let mut written: BTreeMap<u32, bool> = BTreeMap::new();
        for word in 1..=device.words {
            written.insert(word, everywhere.contains(&format!("{} {word}", device.name)));
        }
        assert!(written.values().all(|there| *there), "seed {seed}: {} lost {written:?}", device.name);
    }
    (server.lines.len(), server.branches.len())
}

#[test]
fn one_device_writes_and_nothing_is_lost_whatever_devices_clocks_and_replies_do() {
    const SEEDS: usize = 300;
    let (mut lines, mut branches) = (0, 0);
    for seed in 0..SEEDS {
        let (kept, chosen) = live(seed as u64);
        lines += kept;
        branches += chosen;
    }
    // The histories are worth something: they wrote, and they met.
    assert!(lines > SEEDS * 10 && branches > SEEDS, "{lines} lines, {branches} branches");
}
