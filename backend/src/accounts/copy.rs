//! A copy of a journal: how lines that are handed in stand to it, and what its lines come to.
//!
//! Nothing here waits or writes. [`compare`] decides by places and bytes alone; [`Fold`] takes lines as the
//! ledger reads them.

use alloy_primitives::{B256, hex, keccak256};
use shared::ids::AccountId;
use shared::ledger::{Damage, Entry, Folded, Ledger, snapshot};
use shared::trade::Order;
use shared::wire::accounts::JournalHead;

use super::lease::{LeaseError, Taken};
use crate::store::copies::KeptFold;

/// A place in a journal: an entry's number and hash; number 0 and a hash of zeros before the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The number.
    pub seq: u64,
    /// The hash.
    pub hash: B256,
}

impl Place {
    /// Before the first entry.
    pub const START: Place = Place { seq: 0, hash: B256::ZERO };

    /// The place that is named; nothing where the hash is none.
    pub fn named(head: &JournalHead) -> Option<Place> {
        let mut hash = B256::ZERO;
        hex::decode_to_slice(&head.hash, hash.as_mut_slice()).ok()?;
        // Before the first entry there is one place only.
        (head.seq > 0 || hash.is_zero()).then_some(Place { seq: head.seq, hash })
    }

    /// The place a line takes that comes next.
    pub fn followed_by(self, line: &str) -> Place {
        Place { seq: self.seq + 1, hash: keccak256(line) }
    }
}

impl From<Place> for JournalHead {
    fn from(place: Place) -> JournalHead {
        JournalHead { seq: place.seq, hash: hex::encode(place.hash) }
    }
}

/// Lines that are handed in, and where.
#[derive(Debug, Clone, Copy)]
pub struct Handed<'a> {
    /// The entry they come after.
    pub after: Place,
    /// The end that makes way for them, where its owner chose so.
    pub instead_of: Option<Place>,
    /// The lines.
    pub lines: &'a [String],
}

/// How lines that are handed in stand to a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// All of them are there already, byte for byte.
    Known,
    /// Those from this index on go to its end; those before are there already.
    Next(usize),
    /// They take the place of what comes after theirs.
    Instead,
    /// The copy goes on elsewhere.
    Moved,
}

/// How lines stand to a copy that ends at `end`. `at` is the hash of its entry with the number of `after`, where
/// it has one; `there` are its lines after that, as many as are handed in if it has so many.
pub fn compare(end: Place, at: Option<B256>, there: &[String], handed: Handed<'_>) -> Standing {
    let Handed { after, instead_of, lines } = handed;
    if at != Some(after.hash) {
        return Standing::Moved;
    }
    let same = there.iter().zip(lines).take_while(|(there, line)| there == line).count();
    if same == lines.len() {
        return Standing::Known;
    }
    if after.seq + same as u64 == end.seq {
        return Standing::Next(same);
    }
    if instead_of == Some(end) { Standing::Instead } else { Standing::Moved }
}

/// What is to become of lines that are handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: they are there.
    Done,
    /// Nothing: the device may not write.
    Refused(LeaseError),
    /// Nothing: the copy goes on elsewhere.
    Moved,
    /// They are written, and the device has the lease.
    Write {
        /// The lease.
        lease: Taken,
        /// The index from which on they are new; none where they take the place of what comes after theirs.
        from: Option<usize>,
    },
}

/// What is to become of lines that stand so, from a device that gets the lease or does not. What is there already
/// needs no lease; who may not write at all learns that before anything else.
pub fn decide(standing: Standing, lease: Result<Taken, LeaseError>) -> Verdict {
    match (standing, lease) {
        (Standing::Known, _) => Verdict::Done,
        (_, Err(error)) => Verdict::Refused(error),
        (Standing::Moved, Ok(_)) => Verdict::Moved,
        (Standing::Next(from), Ok(lease)) => Verdict::Write { lease, from: Some(from) },
        (Standing::Instead, Ok(lease)) => Verdict::Write { lease, from: None },
    }
}

/// What the lines of a copy come to.
#[derive(Debug, Clone)]
pub struct Fold {
    /// The account and what is worth knowing of the way to it.
    pub folded: Folded,
    /// Sales, filled ones: only what is sold has won or lost.
    pub sales: u64,
    /// Those of them with a profit, by the cost method of their time.
    pub wins: u64,
}

impl Fold {
    /// Begins with the first line of an account's journal.
    ///
    /// # Errors
    /// What is wrong with the line, in words.
    pub fn begin(account: AccountId, line: &str) -> Result<(Fold, Entry), String> {
        let (ledger, entry) = Ledger::begin(line.as_bytes()).map_err(|damage| damage.to_string())?;
        let whose = ledger.account().id();
        if whose != account {
            return Err(format!("this is the journal of account {whose}"));
        }
        Ok((Fold { folded: Folded::begin(ledger, &entry), sales: 0, wins: 0 }, entry))
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// [`Damage`]; nothing changed.
    pub fn take(&mut self, line: &str) -> Result<Entry, Damage> {
        let before = self.folded.ledger.account().realised();
        let entry = self.folded.ledger.accept(line.as_bytes())?;
        self.folded.note(&entry);
        if is_sale(&entry) {
            self.sales += 1;
            self.wins += u64::from(self.folded.ledger.account().realised() > before);
        }
        Ok(entry)
    }

    /// The end of its lines.
    pub fn end(&self) -> Place {
        let head = self.folded.ledger.head();
        Place { seq: head.seq, hash: head.hash }
    }

    /// As it is kept.
    pub fn kept(&self) -> KeptFold {
        let body = snapshot::write(&self.folded);
        KeptFold { seq: self.end().seq, sales: self.sales, wins: self.wins, body }
    }

    /// As it was kept; nothing where that is damaged or of another version.
    pub fn read(kept: &KeptFold) -> Option<Fold> {
        let folded = snapshot::read(&kept.body)?;
        (folded.ledger.head().seq == kept.seq).then_some(Fold { folded, sales: kept.sales, wins: kept.wins })
    }
}

/// Whether an entry sold something: for dollars, or for another token.
pub fn is_sale(entry: &Entry) -> bool {
    entry.trade().is_some_and(|trade| trade.is_filled() && !matches!(trade.order, Order::Buy { .. }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.chars().map(String::from).collect()
    }

    fn place(text: &str) -> Place {
        lines(text).iter().fold(Place::START, |place, line| place.followed_by(line))
    }

    #[test]
    fn lines_go_to_the_end_or_are_there_or_take_a_place_that_was_chosen() {
        // A copy of the lines a, b, c, d.
        for (after, handed, instead_of, expected) in [
            ("abcd", "e", None, Standing::Next(0)),
            ("abcd", "ef", None, Standing::Next(0)),
            ("", "abcde", None, Standing::Next(4)),
            ("ab", "cde", None, Standing::Next(2)),
            ("", "abcd", None, Standing::Known),
            ("a", "bc", None, Standing::Known),
            ("ab", "x", None, Standing::Moved),
            ("ab", "cx", None, Standing::Moved),
            ("ax", "c", None, Standing::Moved),
            ("abcde", "f", None, Standing::Moved),
            ("ab", "xy", Some("abcd"), Standing::Instead),
            ("ab", "cx", Some("abcd"), Standing::Instead),
            ("", "x", Some("abcd"), Standing::Instead),
            // What was chosen against is not what is there.
            ("ab", "xy", Some("abc"), Standing::Moved),
            ("ax", "y", Some("abcd"), Standing::Moved),
            // The same choice again, after a reply that was lost: it is done.
            ("ab", "cd", Some("abyz"), Standing::Known),
            ("ab", "cde", Some("abyz"), Standing::Next(2)),
        ] {
            let copy = lines("abcd");
            let (after, handed) = (place(after), lines(handed));
            let from = usize::try_from(after.seq).unwrap();
            let at = (from <= copy.len()).then(|| place(&copy[..from].concat()).hash);
            let there = copy.get(from..).unwrap_or_default();
            let there = &there[..there.len().min(handed.len())];
            let instead_of = instead_of.map(place);
            let found = compare(place("abcd"), at, there, Handed { after, instead_of, lines: &handed });
            assert_eq!(found, expected, "{handed:?} after {after:?}");
        }
    }

    #[test]
    fn a_place_is_named_by_a_number_and_a_hash_and_the_beginning_by_zeros() {
        let named = |seq, hash: &str| Place::named(&JournalHead { seq, hash: hash.into() });
        let (zeros, ones) = ("0".repeat(64), "11".repeat(32));
        assert_eq!(named(0, &zeros), Some(Place::START));
        assert_eq!(named(7, &ones).map(JournalHead::from), Some(JournalHead { seq: 7, hash: ones.clone() }));
        for wrong in [named(0, &ones), named(7, "11"), named(7, &"zz".repeat(32))] {
            assert_eq!(wrong, None);
        }
    }
}
