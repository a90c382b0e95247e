//! A room and the bus: whose order it keeps, while the bus goes and comes.
//!
//! While it is on the bus, places are given there, one order for all servers; what others told is read in that
//! order. When the bus is gone nothing changes until something is told here: then a fresh epoch of this server's
//! own begins, and readers are told so. A room in which something was told apart from the others asks for a new
//! epoch when it is back, so that everybody knows. Nothing here waits, or knows what the bus is.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::value::RawValue;
use shared::time::Timestamp;
use shared::wire::room::Kind;

use super::room::{Memory, Message, Place, Room};

/// A place on the bus. Epochs are numbered upwards there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Which epoch.
    pub era: u64,
    /// The offset within it; 0 is its beginning.
    pub offset: u64,
}

impl Spot {
    /// The place, as clients know it.
    pub fn place(self) -> Place {
        Place { epoch: epoch_of(self.era), offset: self.offset }
    }
}

/// What the bus holds at a place.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The place.
    pub spot: Spot,
    /// The message; none at the beginning of an epoch, and where this server cannot read it.
    pub letter: Option<Letter>,
}

/// A message on its way.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub data: Box<RawValue>,
    /// The name its sender gave it.
    pub name: Option<Box<str>>,
    /// When it was handed in.
    pub ts: Timestamp,
    /// By what this server knows it as its own, while it is on its way to the bus.
    pub ticket: Option<u64>,
}

impl Letter {
    /// It, to be told.
    pub fn message(&self) -> Message<'_> {
        Message { kind: self.kind, data: &self.data, name: self.name.as_deref(), ts: self.ts }
    }
}

/// What a room wants of the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What it has had, where it is on the bus.
    pub had: Option<Spot>,
    /// Whether it has to be a new epoch: something was told that the others do not know.
    pub renew: bool,
    /// Names of what was told apart, and where, for the others to know.
    pub names: Vec<(String, String)>,
}

/// Whose order a room keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// This server's own.
    Own {
        /// Whether something was told in it.
        told: bool,
    },
    /// That of the bus, in an epoch of its.
    Bus { era: u64 },
}

/// A room that may be on the bus.
#[derive(Debug)]
pub struct Ordered {
    room: Room,
    order: Order,
    /// What was told here and has a place on the bus, until it is its turn.
    awaited: BTreeMap<Spot, Letter>,
    /// How far the epochs of the bus were read that this room was in lately.
    past: VecDeque<Spot>,
    /// Messages of this server's own that were read on the bus and told, and where, until somebody asks.
    heard: Vec<(u64, Spot)>,
}

/// The moment, who is inside, and where names come from that no epoch had before: what a turn takes.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The time.
    pub now: Timestamp,
    /// Readers inside.
    pub readers: usize,
    /// For a new epoch of our own.
    pub fresh: fn() -> Arc<str>,
}

/// The epoch's name, as clients know it.
pub fn epoch_of(era: u64) -> Arc<str> {
    format!("{era:016x}").into()
}

/// The same, read.
pub fn era_of(epoch: &str) -> Option<u64> {
    u64::from_str_radix(epoch, 16).ok()
}

/// Epochs that are over and still known: an answer may be late.
const PAST: usize = 8;

type Told = Result<(), serde_json::Error>;

impl Ordered {
    /// A room that keeps its own order.
    pub fn new(name: &str, epoch: &str, memory: Memory) -> Ordered {
        Ordered {
            room: Room::new(name, epoch, memory),
            order: Order::Own { told: false },
            awaited: BTreeMap::new(),
            past: VecDeque::new(),
            heard: Vec::new(),
        }
    }

    /// What was told in it.
    pub const fn room(&self) -> &Room {
        &self.room
    }

    /// Whether it is on the bus.
    pub const fn is_on_bus(&self) -> bool {
        matches!(self.order, Order::Bus { .. })
    }

    /// Whether what is told now is for the bus to order; otherwise something was told apart already.
    pub const fn is_for_bus(&self) -> bool {
        !matches!(self.order, Order::Own { told: true })
    }

    /// Whether somebody has been further in the room's epoch than this server: then there is something to read.
    pub fn is_behind(&self, from: Option<(&str, u64)>) -> bool {
        let Order::Bus { era } = self.order else { return false };
        from.is_some_and(|(epoch, offset)| {
            era_of(epoch).is_some_and(|theirs| theirs > era || (theirs == era && offset > self.room.last_offset()))
        })
    }

    /// The messages of this server's own that were read on the bus and told since this was last asked: whoever waits
    /// to hear that they are there may never hear it.
    pub fn take_heard(&mut self) -> Vec<(u64, Spot)> {
        std::mem::take(&mut self.heard)
    }

    /// What it wants of the bus.
    pub fn request(&self) -> Request {
        match self.order {
            Order::Bus { era } => {
                Request { had: Some(Spot { era, offset: self.room.last_offset() }), renew: false, names: vec![] }
            }
            Order::Own { told } => {
                let epoch = self.room.epoch();
                let names = self.room.names_of(epoch);
                let names = names.map(|(name, offset)| (name.to_owned(), format!("{epoch}:{offset}")));
                Request { had: None, renew: told, names: names.collect() }
            }
        }
    }

    /// Tells a message here, in this server's own order.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn tell_here(&mut self, message: Message<'_>, moment: &Moment) -> Result<Place, serde_json::Error> {
        if let Some(place) = message.name.and_then(|name| self.room.place_of(name)) {
            return Ok(place.clone());
        }
        self.part(moment)?;
        let place = self.room.tell(message, moment.now)?;
        self.order = Order::Own { told: true };
        Ok(place)
    }

    /// The bus has given a message of ours its place.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn placed(&mut self, spot: Spot, letter: Letter, moment: &Moment) -> Told {
        match self.order {
            // It will be read, or told here when it cannot be.
            Order::Own { told: false } => drop(self.awaited.insert(spot, letter)),
            // It lies in an epoch that is over. Whoever is inside either had it while that lasted, or gets it now.
            Order::Own { told: true } if self.had_before(spot) => {}
            Order::Own { told: true } => self.tell_placed(spot, letter, moment)?,
            Order::Bus { era } if spot.era < era && self.had_before(spot) => {}
            Order::Bus { era } if spot.era < era => self.tell_placed(spot, letter, moment)?,
            Order::Bus { era } if spot.era == era && spot.offset <= self.room.last_offset() => {}
            Order::Bus { .. } => {
                self.awaited.insert(spot, letter);
                self.catch_up(moment.now)?;
            }
        }
        Ok(())
    }

    /// Something was read on the bus.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn read(&mut self, entry: Entry, moment: &Moment) -> Told {
        let Order::Bus { era } = self.order else { return Ok(()) };
        let Entry { spot, letter } = entry;
        if spot.era < era {
            return Ok(());
        }
        if spot.era > era {
            self.lay_down(Some(spot.era), moment)?;
            self.take_up(Spot { era: spot.era, offset: spot.offset.saturating_sub(1) }, moment)?;
        }
        if spot.offset <= self.room.last_offset() {
            return Ok(());
        }
        self.catch_up(moment.now)?;
        if spot.offset > self.room.last_offset() + 1 {
            // The bus has forgotten what this server had not read.
            self.take_up(Spot { offset: spot.offset - 1, ..spot }, moment)?;
        }
        if spot.offset == self.room.last_offset() + 1 {
            self.awaited.remove(&spot);
            match letter {
                Some(letter) => {
                    self.room.put(spot.offset, letter.message(), moment.now)?;
                    self.heard.extend(letter.ticket.map(|ticket| (ticket, spot)));
                }
                None => self.room.skip(spot.offset),
            }
        }
        self.catch_up(moment.now)
    }

    /// What the bus answers to a request: where it stands, and what it still has of that epoch (what was had is
    /// left out). False where the request has to be made again: something was told here since.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn attached(
        &mut self,
        request: &Request,
        head: Spot,
        entries: Vec<Entry>,
        moment: &Moment,
    ) -> Result<bool, serde_json::Error> {
        match self.order {
            Order::Own { told: true } if !request.renew => return Ok(false),
            Order::Bus { era } if era > head.era => return Ok(true),
            Order::Bus { era } if era == head.era => {}
            Order::Own { .. } if self.awaited.keys().any(|spot| spot.era < head.era) => {
                // What waits lies in an epoch that is over.
                self.lay_down(None, moment)?;
                return Ok(false);
            }
            Order::Own { .. } | Order::Bus { .. } => {
                if self.is_on_bus() {
                    self.lay_down(Some(head.era), moment)?;
                }
                let first = entries.first().map_or(head.offset, |entry| entry.spot.offset.saturating_sub(1));
                self.take_up(Spot { era: head.era, offset: first }, moment)?;
            }
        }
        for entry in entries {
            self.read(entry, moment)?;
        }
        if self.room.last_offset() < head.offset {
            self.take_up(head, moment)?;
        }
        self.catch_up(moment.now)?;
        Ok(true)
    }

    /// The bus is gone. What has a place there and was not read is told here: who knows when it can be read.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn bus_gone(&mut self, moment: &Moment) -> Told {
        self.lay_down(None, moment)
    }

    /// Tells here what waits for its turn on the bus and will not have it: in epochs before one, or all of it.
    fn lay_down(&mut self, before: Option<u64>, moment: &Moment) -> Told {
        let first = before.map(|era| Spot { era, offset: 0 });
        let kept = first.map_or_else(BTreeMap::new, |first| self.awaited.split_off(&first));
        for (spot, letter) in std::mem::take(&mut self.awaited) {
            let last = self.room.last_offset();
            let is_had = matches!(self.order, Order::Bus { era } if spot.era == era && spot.offset <= last);
            if !is_had {
                self.tell_placed(spot, letter, moment)?;
            }
        }
        // Only now: leaving the bus's order tells all that waits.
        self.awaited = kept;
        Ok(())
    }

    /// Tells a message here that has a place on the bus. By its name it keeps that place.
    fn tell_placed(&mut self, spot: Spot, letter: Letter, moment: &Moment) -> Told {
        self.tell_here(letter.message(), moment)?;
        if let Some(name) = &letter.name {
            self.room.remember(name, spot.place());
        }
        Ok(())
    }

    /// Whether a place in an epoch that is over was read while it lasted.
    fn had_before(&self, spot: Spot) -> bool {
        let has_been = |past: &Spot| past.era == spot.era && past.offset >= spot.offset;
        let is_long_ago = self.past.len() >= PAST && self.past.front().is_some_and(|first| spot.era < first.era);
        is_long_ago || self.past.iter().any(has_been)
    }

    /// Leaves the bus's order for one of our own.
    fn part(&mut self, moment: &Moment) -> Told {
        if !self.is_on_bus() {
            return self.lay_down(None, moment);
        }
        self.leave_era();
        // What waits comes before what is told now.
        let awaited = std::mem::take(&mut self.awaited);
        self.room.turn(Place { epoch: (moment.fresh)(), offset: 0 }, moment.readers, moment.now)?;
        self.order = Order::Own { told: true };
        self.awaited = awaited;
        self.lay_down(None, moment)
    }

    /// Goes on in the bus's order, after a place.
    fn take_up(&mut self, spot: Spot, moment: &Moment) -> Told {
        self.leave_era();
        self.room.turn(spot.place(), moment.readers, moment.now)?;
        self.order = Order::Bus { era: spot.era };
        Ok(())
    }

    fn leave_era(&mut self) {
        if let Order::Bus { era } = self.order {
            self.past.push_back(Spot { era, offset: self.room.last_offset() });
            if self.past.len() > PAST {
                self.past.pop_front();
            }
        }
    }

    /// Tells what waited and whose turn it is.
    fn catch_up(&mut self, now: Timestamp) -> Told {
        let Order::Bus { era } = self.order else { return Ok(()) };
        while let Some(first) = self.awaited.first_entry() {
            let Spot { era: theirs, offset } = *first.key();
            if theirs < era || (theirs == era && offset <= self.room.last_offset()) {
                first.remove();
            } else if theirs == era && offset == self.room.last_offset() + 1 {
                let letter = first.remove();
                self.room.put(offset, letter.message(), now)?;
            } else {
                break;
            }
        }
        Ok(())
    }
}
