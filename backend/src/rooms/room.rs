//! One room: what was told in it lately, each message once, in one order.
//!
//! Readers have no queues. A reader is a place in this memory, and takes what comes after it when it can; so a
//! thousand readers cost a thousand numbers, and a slow one holds nothing up and nothing back. Of the kinds where
//! only the latest counts, only the latest is kept: whoever comes late skips the steps in between. Whoever is
//! so late that something else was forgotten is told so.
//!
//! Two numbers order what is here. `offset` is the place within an epoch, which clients know and servers may
//! share. `seq` is the place in this memory alone: it goes on when the epoch turns, so a reader inside gets all
//! that was told before, then the word that the epoch has turned, then what is told in the new one.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::time::Timestamp;
use shared::wire::room::{Answer, BotStatusUpdate, JOINED, Joined, Kind};
use shared::wire::socket::VERSION;

/// How much a room remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Messages, at most.
    pub messages: usize,
    /// Bytes of their frames together, at most.
    pub bytes: usize,
    /// For how long, in milliseconds.
    pub millis: u64,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { messages: 256, bytes: 512 * 1024, millis: 5 * 60_000 }
    }
}

/// Names of messages that are remembered, so that the same one is not told twice.
pub const MOST_NAMES: usize = 1_024;

/// A frame in its place, as it is sent to everybody.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its place in the room's memory.
    pub seq: u64,
    /// What it is: a kind of message, or `joined` where the epoch turns.
    pub kind: Option<Kind>,
    /// The whole frame. Copies share its bytes.
    pub frame: Utf8Bytes,
    /// When it was told here, by the machine.
    pub since: Instant,
    offset: u64,
    at: Timestamp,
    /// What it is the latest of, where only the latest counts.
    topic: Option<Topic>,
}

/// What a latest-only message is about: later ones with the same topic take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Topic(Kind, Option<Box<str>>);

/// A message, before it has a place.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it says.
    pub data: &'a RawValue,
    /// The name its sender gave it.
    pub name: Option<&'a str>,
    /// When it was handed in.
    pub ts: Timestamp,
}

/// Where something is told: clients know it by both together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The epoch.
    pub epoch: Arc<str>,
    /// The offset within it.
    pub offset: u64,
}

/// A room.
#[derive(Debug)]
pub struct Room {
    name: Arc<str>,
    epoch: Arc<str>,
    memory: Memory,
    /// Oldest first.
    told: VecDeque<Told>,
    bytes: usize,
    last_seq: u64,
    last_offset: u64,
    /// The `seq` after which the epoch's own messages come.
    turned: u64,
    /// The highest `seq` of which something was forgotten that no later message makes up for.
    forgotten: u64,
    /// The lowest offset of this epoch after which everything is here.
    whole_after: u64,
    names: HashMap<Box<str>, Place>,
    names_by_age: VecDeque<Box<str>>,
}

/// Some messages are gone that a reader has not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

/// Where a reader goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// After this place in the memory.
    pub seq: u64,
    /// Which is this offset.
    pub offset: u64,
    /// Whether everything since the place it had follows.
    pub recovered: bool,
}

#[derive(Serialize)]
struct Frame<'a> {
    v: u32,
    #[serde(rename = "type")]
    kind: Kind,
    room: &'a str,
    epoch: &'a str,
    offset: u64,
    ts: Timestamp,
    data: &'a RawValue,
}

impl Room {
    /// A room in which nothing was told yet. The epoch must differ from any it had before.
    pub fn new(name: &str, epoch: &str, memory: Memory) -> Room {
        Room {
            name: name.into(),
            epoch: epoch.into(),
            memory,
            told: VecDeque::new(),
            bytes: 0,
            last_seq: 0,
            last_offset: 0,
            turned: 0,
            forgotten: 0,
            whole_after: 0,
            names: HashMap::new(),
            names_by_age: VecDeque::new(),
        }
    }

    /// The epoch: while it lasts, offsets mean the same.
    pub fn epoch(&self) -> &Arc<str> {
        &self.epoch
    }

    /// The offset of the last message; 0 before the first.
    pub const fn last_offset(&self) -> u64 {
        self.last_offset
    }

    /// The place in the memory of what was told last.
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Messages that are remembered, and bytes of their frames.
    pub fn remembered(&self) -> (usize, usize) {
        (self.told.len(), self.bytes)
    }

    /// Whether nothing is remembered that somebody could come back for.
    pub fn is_forgetful(&self, now: Timestamp) -> bool {
        self.told.back().is_none_or(|last| now.since(last.at) >= self.memory.millis)
    }

    /// Where a message of this name was told, if it was.
    pub fn place_of(&self, name: &str) -> Option<&Place> {
        self.names.get(name)
    }

    /// The names of what was told in an epoch, oldest first.
    pub fn names_of<'a>(&'a self, epoch: &str) -> impl Iterator<Item = (&'a str, u64)> {
        self.names_by_age.iter().filter_map(move |name| {
            let place = self.names.get(name)?;
            (*place.epoch == *epoch).then_some((&**name, place.offset))
        })
    }

    /// Gives a message the next place. A name that was there before is not told again: its place is that of the
    /// first time.
    ///
    /// # Errors
    /// Where the frame cannot be written, which JSON that was read never brings about.
    pub fn tell(&mut self, message: Message<'_>, now: Timestamp) -> Result<Place, serde_json::Error> {
        if let Some(place) = message.name.and_then(|name| self.names.get(name)) {
            return Ok(place.clone());
        }
        let offset = self.last_offset + 1;
        self.put(offset, message, now)?;
        Ok(Place { epoch: self.epoch.clone(), offset })
    }

    /// Puts a message at an offset that others gave it, beyond the last.
    ///
    /// # Errors
    /// As for [`Room::tell`].
    pub fn put(&mut self, offset: u64, message: Message<'_>, now: Timestamp) -> Result<(), serde_json::Error> {
        let Message { kind, data, name, ts } = message;
        let frame = Frame { v: VERSION, kind, room: &self.name, epoch: &self.epoch, offset, ts, data };
        let frame: Utf8Bytes = serde_json::to_string(&frame)?.into();
        self.last_offset = offset;
        let topic = topic(kind, data);
        if let Some(topic) = &topic
            && let Some(at) = self.told.iter().rposition(|old| old.topic.as_ref() == Some(topic))
            && let Some(old) = self.told.remove(at)
        {
            self.bytes -= old.frame.len();
        }
        self.keep(Told { seq: 0, kind: Some(kind), frame, since: Instant::now(), offset, at: ts, topic }, now);
        if let Some(name) = name {
            let place = Place { epoch: self.epoch.clone(), offset };
            self.remember(name, place);
        }
        Ok(())
    }

    /// Leaves an offset empty: what was told there is nothing that this server knows.
    pub const fn skip(&mut self, offset: u64) {
        self.last_offset = offset;
    }

    /// Begins another epoch, or the same one at a later place. Whoever is inside is told that what comes does not
    /// go on from what came.
    ///
    /// # Errors
    /// Where the frame cannot be written, which does not happen.
    pub fn turn(&mut self, place: Place, readers: usize, now: Timestamp) -> Result<(), serde_json::Error> {
        if readers > 0 {
            let frame: Utf8Bytes = serde_json::to_string(&Answer {
                v: VERSION,
                kind: JOINED,
                room: &self.name,
                epoch: Some(&place.epoch),
                offset: Some(place.offset),
                ts: now,
                data: Joined { recovered: false, readers: readers as u64 },
            })?
            .into();
            let offset = place.offset;
            self.keep(Told { seq: 0, kind: None, frame, since: Instant::now(), offset, at: now, topic: None }, now);
        } else {
            // Nobody is there who could take it, and nobody can come back to an epoch that is over.
            self.told.clear();
            self.bytes = 0;
        }
        self.epoch = place.epoch;
        self.last_offset = place.offset;
        self.whole_after = place.offset;
        self.turned = self.last_seq;
        Ok(())
    }

    /// At most `most` frames after a place in the memory, in order.
    ///
    /// # Errors
    /// [`Forgotten`], when some of them are gone.
    pub fn after(&self, seq: u64, most: usize) -> Result<Vec<Told>, Forgotten> {
        if seq < self.forgotten {
            return Err(Forgotten);
        }
        let from = self.told.partition_point(|told| told.seq <= seq);
        Ok(self.told.range(from..).take(most).cloned().collect())
    }

    /// Where somebody goes on who had a place: after it, if everything since is here; otherwise after the last
    /// message, and nothing that was missed follows.
    pub fn resume(&self, from: Option<(&str, u64)>) -> Resumed {
        match from {
            Some((epoch, offset))
                if *epoch == *self.epoch && offset >= self.whole_after && offset <= self.last_offset =>
            {
                let next = self.told.partition_point(|told| told.seq <= self.turned || told.offset <= offset);
                let seq = self.told.get(next).map_or(self.last_seq, |told| told.seq - 1);
                Resumed { seq: seq.max(self.forgotten), offset, recovered: true }
            }
            Some(_) | None => Resumed { seq: self.last_seq, offset: self.last_offset, recovered: false },
        }
    }

    /// Remembers where a message of this name was told.
    pub fn remember(&mut self, name: &str, place: Place) {
        if self.names.insert(name.into(), place).is_some() {
            return;
        }
        self.names_by_age.push_back(name.into());
        if self.names_by_age.len() > MOST_NAMES
            && let Some(oldest) = self.names_by_age.pop_front()
        {
            self.names.remove(&oldest);
        }
    }

    fn keep(&mut self, told: Told, now: Timestamp) {
        self.last_seq += 1;
        self.bytes += told.frame.len();
        self.told.push_back(Told { seq: self.last_seq, ..told });
        self.forget(now);
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.told.front() {
            let room_for_more = self.told.len() <= self.memory.messages && self.bytes <= self.memory.bytes;
            if room_for_more && now.since(oldest.at) < self.memory.millis {
                break;
            }
            self.bytes -= oldest.frame.len();
            self.forgotten = self.forgotten.max(oldest.seq);
            if oldest.seq > self.turned {
                self.whole_after = self.whole_after.max(oldest.offset);
            }
            self.told.pop_front();
        }
    }
}

fn topic(kind: Kind, data: &RawValue) -> Option<Topic> {
    if !kind.is_latest_only() {
        return None;
    }
    let bot = match kind {
        Kind::BotStatusUpdate => {
            serde_json::from_str::<BotStatusUpdate>(data.get()).ok().map(|status| status.bot.into())
        }
        _ => None,
    };
    Some(Topic(kind, bot))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    fn room(messages: usize) -> Room {
        Room::new("paper_trading_x", "e1", Memory { messages, ..Memory::default() })
    }

    fn tell(room: &mut Room, kind: Kind, data: &str, secs: i64) -> u64 {
        named(room, kind, data, None, secs)
    }

    fn named(room: &mut Room, kind: Kind, data: &str, name: Option<&str>, secs: i64) -> u64 {
        room.tell(Message { kind, data: &raw(data), name, ts: at(secs) }, at(secs)).unwrap().offset
    }

    fn place(epoch: &str, offset: u64) -> Place {
        Place { epoch: epoch.into(), offset }
    }

    fn offsets(room: &Room, after: u64) -> Result<Vec<u64>, Forgotten> {
        room.after(after, usize::MAX).map(|told| told.iter().map(|told| told.offset).collect())
    }

    /// Where it goes on, and whether with everything since.
    fn resume(room: &Room, from: Option<(&str, u64)>) -> (u64, bool) {
        let resumed = room.resume(from);
        (resumed.offset, resumed.recovered)
    }

    #[test]
    fn a_message_is_told_in_its_place_and_its_frame_is_whole() {
        let mut room = room(4);
        assert_eq!(tell(&mut room, Kind::TradeUpdate, r#"{"seq":1}"#, 1), 1);
        assert_eq!(tell(&mut room, Kind::AlertMessage, r#"{"seq":1}"#, 2), 2);
        let told = room.after(0, 10).unwrap();
        assert_eq!(
            told[0].frame.as_str(),
            r#"{"v":1,"type":"trade_update","room":"paper_trading_x","epoch":"e1","offset":1,"ts":"1970-01-01T00:00:01.000Z","data":{"seq":1}}"#
        );
        assert_eq!((offsets(&room, 1), offsets(&room, 2)), (Ok(vec![2]), Ok(vec![])));
        assert_eq!(room.after(0, 1).unwrap().len(), 1);
    }

    #[test]
    fn what_is_forgotten_is_said_and_what_was_overtaken_is_not_missed() {
        let mut room = room(3);
        for n in 0..5 {
            tell(&mut room, Kind::PortfolioUpdate, r#"{"cash":"1"}"#, n);
        }
        assert_eq!(offsets(&room, 0), Ok(vec![5]), "each took the place of the one before");
        for bot in ["a", "b", "a"] {
            let status = format!(r#"{{"bot":"{bot}","status":"running"}}"#);
            tell(&mut room, Kind::BotStatusUpdate, &status, 6);
        }
        assert_eq!(offsets(&room, 0), Ok(vec![5, 7, 8]), "of each bot its own");
        tell(&mut room, Kind::TradeUpdate, "{}", 7);
        assert_eq!(offsets(&room, 4), Err(Forgotten));
        assert_eq!(offsets(&room, 5), Ok(vec![7, 8, 9]));
        tell(&mut room, Kind::TradeUpdate, "{}", 7 + 300);
        assert_eq!((offsets(&room, 8), offsets(&room, 9)), (Err(Forgotten), Ok(vec![10])), "five minutes are over");
    }

    #[test]
    fn memory_is_bounded_in_bytes_too() {
        let mut room = Room::new("r", "e", Memory { messages: 1_000, bytes: 10_000, millis: 60_000 });
        let large = format!("\"{}\"", "x".repeat(3_000));
        for _ in 0..10 {
            tell(&mut room, Kind::ThoughtLogCreated, &large, 0);
        }
        assert_eq!((room.told.len(), offsets(&room, 7).unwrap().len()), (3, 3));
        assert!(room.bytes <= 10_000);
    }

    #[test]
    fn the_same_name_is_the_same_message() {
        let mut room = room(8);
        let mut tell = |name: &str| named(&mut room, Kind::TradeUpdate, "{}", Some(name), 0);
        assert_eq!((tell("a"), tell("b"), tell("a")), (1, 2, 1));
        for n in 0..MOST_NAMES {
            tell(&n.to_string());
        }
        assert_eq!(room.names.len(), MOST_NAMES);
        assert_eq!(room.names_by_age.len(), MOST_NAMES);
    }

    #[test]
    fn who_comes_back_goes_on_where_it_was_or_is_told_that_it_cannot() {
        let mut room = room(2);
        for _ in 0..4 {
            tell(&mut room, Kind::TradeUpdate, "{}", 0);
        }
        assert_eq!(resume(&room, Some(("e1", 3))), (3, true));
        assert_eq!(resume(&room, Some(("e1", 2))), (2, true));
        for lost in [Some(("e1", 1)), Some(("e1", 5)), Some(("e0", 3)), None] {
            assert_eq!(resume(&room, lost), (4, false), "{lost:?}");
        }
    }

    #[test]
    fn who_is_inside_when_the_epoch_turns_gets_what_was_before_the_word_of_it_and_what_is_after() {
        let mut room = room(8);
        tell(&mut room, Kind::TradeUpdate, r#"{"n":1}"#, 0);
        room.turn(place("e2", 40), 3, at(1)).unwrap();
        assert_eq!(tell(&mut room, Kind::TradeUpdate, r#"{"n":2}"#, 2), 41);
        let frames: Vec<String> = room.after(0, 8).unwrap().iter().map(|told| told.frame.as_str().to_owned()).collect();
        assert!(frames[0].contains(r#""epoch":"e1","offset":1"#) && frames[2].contains(r#""epoch":"e2","offset":41"#));
        assert_eq!(
            frames[1],
            r#"{"v":1,"type":"joined","room":"paper_trading_x","epoch":"e2","offset":40,"ts":"1970-01-01T00:00:01.000Z","data":{"recovered":false,"readers":3}}"#
        );
        // Who comes from outside begins in the new one.
        assert_eq!(resume(&room, Some(("e1", 1))), (41, false));
        assert_eq!(resume(&room, Some(("e2", 39))), (41, false));
        let resumed = room.resume(Some(("e2", 40)));
        assert_eq!((resumed.offset, resumed.recovered, offsets(&room, resumed.seq)), (40, true, Ok(vec![41])));
    }

    /// A reader that drops out at random and comes back gets everything once, in order, or is told that it
    /// cannot; held against a list of all that was ever told.
    #[test]
    fn no_gap_no_double_no_disorder_over_random_readers() {
        let mut draws = shared::market::draws::Draws::new(7, *b"readers!");
        for _ in 0..200 {
            let mut room = room(8);
            let mut all: Vec<(u64, Kind)> = vec![];
            let mut had: Option<u64> = None;
            for now in 0..300 {
                let kind = Kind::ALL[draws.below(Kind::ALL.len() as u64) as usize];
                let offset = tell(&mut room, kind, "{}", now);
                all.push((offset, kind));
                if draws.below(5) > 0 {
                    continue;
                }
                let Resumed { seq, offset: from, recovered } = room.resume(had.map(|offset| ("e1", offset)));
                let told = room.after(seq, 1 + draws.below(12) as usize).unwrap();
                let got: Vec<u64> = told.iter().map(|told| told.offset).collect();
                assert!(got.is_sorted() && got.first().is_none_or(|first| *first > from));
                let last = got.last().copied().unwrap_or(from);
                let lost = all.iter().filter(|(offset, _)| *offset > from && *offset <= last && !got.contains(offset));
                for (offset, kind) in lost {
                    let later = all.iter().any(|(other, same)| other > offset && same == kind);
                    assert!(kind.is_latest_only() && later, "{offset} {kind} was lost");
                }
                assert!(recovered || had.is_none_or(|had| had < room.whole_after));
                had = Some(last);
            }
        }
    }
}
