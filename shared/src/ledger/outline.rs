//! What stands where in a journal: a few bytes an entry, so that a long one is searched without being read.

use crate::time::Timestamp;
use crate::token::TokenKey;
use crate::trade::Order;

use super::event::Event;
use super::journal::Entry;

/// A few bytes about every entry of a journal, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outline {
    pub(super) notes: Vec<Note>,
    /// Every token traded, in the order of its first trade.
    pub(super) tokens: Vec<TokenKey>,
}

/// What is known of one entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Note {
    /// When it was written.
    pub at: Timestamp,
    /// What it is.
    pub kind: Kind,
    /// The token that went, by its place among the tokens, counted from 1; 0 for none.
    pub(super) sold: u32,
    /// The token that came, likewise.
    pub(super) bought: u32,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// Anything but a trade.
    Other,
    /// A buy that was filled.
    Buy,
    /// A sale that was filled.
    Sell,
    /// A swap that was filled.
    Swap,
    /// A buy that failed.
    FailedBuy,
    /// A sale that failed.
    FailedSell,
    /// A swap that failed.
    FailedSwap,
}

impl Kind {
    /// Every kind, each in the place of its number.
    pub const ALL: [Kind; 7] =
        [Kind::Other, Kind::Buy, Kind::Sell, Kind::Swap, Kind::FailedBuy, Kind::FailedSell, Kind::FailedSwap];
}

/// Which entries are wanted; of a trade each condition must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The kinds wanted, a bit each: `1 << Kind::Buy as u8`. None for all.
    pub kinds: Option<u8>,
    /// Only trades of this token.
    pub token: Option<TokenKey>,
    /// Only from this moment on.
    pub from: Option<Timestamp>,
    /// Only before this moment.
    pub until: Option<Timestamp>,
}

impl Outline {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.notes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    /// Every token traded, in the order of its first trade.
    pub fn tokens(&self) -> &[TokenKey] {
        &self.tokens
    }

    /// Each entry's note, oldest first: entry `n` is the one at `n − 1`.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// Takes note of the next entry.
    pub fn add(&mut self, entry: &Entry) {
        let note = match &entry.event {
            Event::Traded(trade) => Note {
                at: entry.at,
                kind: kind(&trade.order, trade.is_filled()),
                sold: self.place(trade.order.sold()),
                bought: self.place(trade.order.bought()),
            },
            Event::Opened(_)
            | Event::Deposited { .. }
            | Event::Withdrawn { .. }
            | Event::SettingsChanged(_)
            | Event::TokenAdded(_) => Note { at: entry.at, kind: Kind::Other, sold: 0, bought: 0 },
        };
        self.notes.push(note);
    }

    /// The numbers of the entries wanted, newest first.
    pub fn find(&self, wanted: &Wanted) -> Vec<u32> {
        let place = wanted.token.map(|token| self.find_place(token));
        // Time never goes back in a journal.
        let before = |moment: Timestamp| self.notes.partition_point(|note| note.at < moment);
        let (first, end) = (wanted.from.map_or(0, before), wanted.until.map_or(self.notes.len(), before));
        let kinds = wanted.kinds.unwrap_or(u8::MAX);
        let takes = |note: &Note| {
            let of_kind = kinds >> note.kind as u8 & 1 == 1;
            of_kind && place.is_none_or(|place| place != 0 && (note.sold == place || note.bought == place))
        };
        let notes = self.notes.get(first..end.max(first)).unwrap_or_default();
        let numbered = notes.iter().enumerate().rev().filter(|(_, note)| takes(note));
        numbered.map(|(index, _)| (first + index) as u32 + 1).collect()
    }

    fn find_place(&self, token: TokenKey) -> u32 {
        self.tokens.iter().position(|known| *known == token).map_or(0, |index| index as u32 + 1)
    }

    fn place(&mut self, token: Option<TokenKey>) -> u32 {
        let Some(token) = token else { return 0 };
        let place = self.find_place(token);
        if place != 0 {
            return place;
        }
        self.tokens.push(token);
        self.tokens.len() as u32
    }
}

const fn kind(order: &Order, is_filled: bool) -> Kind {
    match (order, is_filled) {
        (Order::Buy { .. }, true) => Kind::Buy,
        (Order::Sell { .. }, true) => Kind::Sell,
        (Order::Swap { .. }, true) => Kind::Swap,
        (Order::Buy { .. }, false) => Kind::FailedBuy,
        (Order::Sell { .. }, false) => Kind::FailedSell,
        (Order::Swap { .. }, false) => Kind::FailedSwap,
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Story;

    use super::*;

    #[test]
    fn what_it_finds_is_what_reading_every_entry_finds() {
        let mut found = [0; Kind::ALL.len()];
        for seed in 0..80 {
            let mut story = Story::begin(seed).unwrap();
            while story.step().is_some() {}
            let entries = story.entries();
            let mut outline = Outline::default();
            entries.iter().for_each(|entry| outline.add(entry));
            assert_eq!(outline.len(), entries.len());
            let middle = entries[entries.len() / 2].at;
            let tokens = outline.tokens().iter().copied().map(Some).chain([None]);
            for token in tokens {
                for kind in Kind::ALL {
                    let wanted = Wanted { kinds: Some(1 << kind as u8), token, ..Wanted::default() };
                    let plain = |from: Option<Timestamp>, until: Option<Timestamp>| {
                        let takes = |entry: &&Entry| {
                            let is = entry.trade().map_or(Kind::Other, |t| super::kind(&t.order, t.is_filled()));
                            let sides = entry.trade().map(|trade| [trade.order.sold(), trade.order.bought()]);
                            is == kind
                                && token.is_none_or(|token| sides.is_some_and(|sides| sides.contains(&Some(token))))
                                && from.is_none_or(|from| entry.at >= from)
                                && until.is_none_or(|until| entry.at < until)
                        };
                        entries.iter().rev().filter(takes).map(|entry| entry.seq as u32).collect::<Vec<_>>()
                    };
                    assert_eq!(outline.find(&wanted), plain(None, None));
                    found[kind as usize] += plain(None, None).len();
                    let late = Wanted { from: Some(middle), ..wanted };
                    assert_eq!(outline.find(&late), plain(Some(middle), None));
                    let early = Wanted { until: Some(middle), ..wanted };
                    assert_eq!(outline.find(&early), plain(None, Some(middle)));
                    let none = Wanted { from: Some(middle), until: Some(Timestamp::EPOCH), ..wanted };
                    assert!(outline.find(&none).is_empty());
                }
            }
        }
        assert!(found.iter().all(|count| *count > 0), "{found:?}");
    }

    #[test]
    fn a_token_never_traded_is_found_nowhere() {
        let story = Story::begin(1).unwrap();
        let mut outline = Outline::default();
        outline.add(&story.entries()[0]);
        let token = crate::token::TokenTable::builtin().iter().next().map(|token| token.key);
        assert!(outline.find(&Wanted { token, ..Wanted::default() }).is_empty());
        assert_eq!(outline.find(&Wanted::default()), [1]);
    }
}
