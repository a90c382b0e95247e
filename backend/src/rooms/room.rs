//! One room: what was told in it lately, each message once, in one order.
//!
//! Readers have no queues. A reader is a place in this memory, and takes what comes after it when it can; so a
//! thousand readers cost a thousand numbers, and a slow one holds nothing up and nothing back. Of the kinds where
//! only the latest counts, only the latest is kept: whoever comes late skips the steps in between. Whoever is
//! so late that something else was forgotten is told so.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use axum::extract::ws::Utf8Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use shared::time::Timestamp;
use shared::wire::room::{BotStatusUpdate, Kind};
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
const MOST_NAMES: usize = 1_024;

/// A message in its place, as it is sent to everybody.
#[derive(Debug, Clone)]
pub struct Told {
    /// Its offset.
    pub offset: u64,
    /// What it is.
    pub kind: Kind,
    /// The whole frame. Copies share its bytes.
    pub frame: Utf8Bytes,
    at: Timestamp,
    /// What it is the latest of, where only the latest counts.
    topic: Option<Topic>,
}

/// What a latest-only message is about: later ones with the same topic take its place.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Topic(Kind, Option<Box<str>>);

/// A room.
#[derive(Debug)]
pub struct Room {
    name: Arc<str>,
    epoch: Arc<str>,
    memory: Memory,
    /// Oldest first.
    told: VecDeque<Told>,
    bytes: usize,
    last_offset: u64,
    /// The highest offset of which something was forgotten that no later message makes up for.
    forgotten: u64,
    names: HashSet<Box<str>>,
    names_by_age: VecDeque<(Box<str>, u64)>,
}

/// Some messages are gone that a reader has not had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forgotten;

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
            last_offset: 0,
            forgotten: 0,
            names: HashSet::new(),
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

    /// Whether nothing is remembered that somebody could come back for.
    pub fn is_forgetful(&self, now: Timestamp) -> bool {
        self.told.back().is_none_or(|last| now.since(last.at) >= self.memory.millis)
    }

    /// Gives a message its place, and returns the offset. A name that was there before is not told again: its
    /// offset is that of the first time.
    ///
    /// # Errors
    /// Where the frame cannot be written, which JSON that was read never brings about.
    pub fn tell(
        &mut self,
        kind: Kind,
        data: &RawValue,
        name: Option<&str>,
        now: Timestamp,
    ) -> Result<u64, serde_json::Error> {
        if let Some(name) = name
            && self.names.contains(name)
        {
            let first = self.names_by_age.iter().find(|(known, _)| &**known == name);
            return Ok(first.map_or(self.last_offset, |(_, offset)| *offset));
        }
        let offset = self.last_offset + 1;
        let (room, epoch) = (&*self.name, &*self.epoch);
        let frame: Utf8Bytes =
            serde_json::to_string(&Frame { v: VERSION, kind, room, epoch, offset, ts: now, data })?.into();
        self.last_offset = offset;
        let topic = topic(kind, data);
        if let Some(topic) = &topic
            && let Some(at) = self.told.iter().rposition(|old| old.topic.as_ref() == Some(topic))
            && let Some(old) = self.told.remove(at)
        {
            self.bytes -= old.frame.len();
        }
        self.bytes += frame.len();
        self.told.push_back(Told { offset, kind, frame, at: now, topic });
        if let Some(name) = name {
            self.remember(name, offset);
        }
        self.forget(now);
        Ok(offset)
    }

    /// At most `most` messages after `offset`, in order.
    ///
    /// # Errors
    /// [`Forgotten`], when some of them are gone.
    pub fn after(&self, offset: u64, most: usize) -> Result<Vec<Told>, Forgotten> {
        if offset < self.forgotten {
            return Err(Forgotten);
        }
        let from = self.told.partition_point(|told| told.offset <= offset);
        Ok(self.told.range(from..).take(most).cloned().collect())
    }

    /// Where somebody goes on who had `offset` of `epoch`: after it, if everything since is here; otherwise after
    /// the last message, and nothing that was missed follows.
    pub fn resume(&self, from: Option<(&str, u64)>) -> (u64, bool) {
        match from {
            Some((epoch, offset))
                if *epoch == *self.epoch && offset >= self.forgotten && offset <= self.last_offset =>
            {
                (offset, true)
            }
            Some(_) | None => (self.last_offset, false),
        }
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some(oldest) = self.told.front() {
            let room_for_more = self.told.len() <= self.memory.messages && self.bytes <= self.memory.bytes;
            if room_for_more && now.since(oldest.at) < self.memory.millis {
                break;
            }
            self.bytes -= oldest.frame.len();
            self.forgotten = self.forgotten.max(oldest.offset);
            self.told.pop_front();
        }
    }

    fn remember(&mut self, name: &str, offset: u64) {
        if self.names_by_age.len() >= MOST_NAMES
            && let Some((oldest, _)) = self.names_by_age.pop_front()
        {
            self.names.remove(&oldest);
        }
        self.names.insert(name.into());
        self.names_by_age.push_back((name.into(), offset));
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

    fn offsets(room: &Room, after: u64) -> Result<Vec<u64>, Forgotten> {
        room.after(after, usize::MAX).map(|told| told.iter().map(|told| told.offset).collect())
    }

    #[test]
    fn a_message_is_told_in_its_place_and_its_frame_is_whole() {
        let mut room = room(4);
        let data = raw(r#"{"seq":1}"#);
        assert_eq!(room.tell(Kind::TradeUpdate, &data, None, at(1)).unwrap(), 1);
        assert_eq!(room.tell(Kind::AlertMessage, &data, None, at(2)).unwrap(), 2);
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
        let portfolio = raw(r#"{"cash":"1"}"#);
        for n in 0..5 {
            room.tell(Kind::PortfolioUpdate, &portfolio, None, at(n)).unwrap();
        }
        assert_eq!(offsets(&room, 0), Ok(vec![5]), "each took the place of the one before");
        for bot in ["a", "b", "a"] {
            let status = raw(&format!(r#"{{"bot":"{bot}","status":"running"}}"#));
            room.tell(Kind::BotStatusUpdate, &status, None, at(6)).unwrap();
        }
        assert_eq!(offsets(&room, 0), Ok(vec![5, 7, 8]), "of each bot its own");
        room.tell(Kind::TradeUpdate, &raw("{}"), None, at(7)).unwrap();
        assert_eq!(offsets(&room, 4), Err(Forgotten));
        assert_eq!(offsets(&room, 5), Ok(vec![7, 8, 9]));
        room.tell(Kind::TradeUpdate, &raw("{}"), None, at(7 + 300)).unwrap();
        assert_eq!((offsets(&room, 8), offsets(&room, 9)), (Err(Forgotten), Ok(vec![10])), "five minutes are over");
    }

    #[test]
    fn memory_is_bounded_in_bytes_too() {
        let mut room = Room::new("r", "e", Memory { messages: 1_000, bytes: 10_000, millis: 60_000 });
        let large = raw(&format!("\"{}\"", "x".repeat(3_000)));
        for _ in 0..10 {
            room.tell(Kind::ThoughtLogCreated, &large, None, at(0)).unwrap();
        }
        assert_eq!((room.told.len(), offsets(&room, 7).unwrap().len()), (3, 3));
        assert!(room.bytes <= 10_000);
    }

    #[test]
    fn the_same_name_is_the_same_message() {
        let mut room = room(8);
        let data = raw("{}");
        let mut tell = |name: &str| room.tell(Kind::TradeUpdate, &data, Some(name), at(0)).unwrap();
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
            room.tell(Kind::TradeUpdate, &raw("{}"), None, at(0)).unwrap();
        }
        assert_eq!(room.resume(Some(("e1", 3))), (3, true));
        assert_eq!(room.resume(Some(("e1", 2))), (2, true));
        for lost in [Some(("e1", 1)), Some(("e1", 5)), Some(("e0", 3)), None] {
            assert_eq!(room.resume(lost), (4, false), "{lost:?}");
        }
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
                let offset = room.tell(kind, &raw("{}"), None, at(now)).unwrap();
                all.push((offset, kind));
                if draws.below(5) > 0 {
                    continue;
                }
                let (from, recovered) = room.resume(had.map(|offset| ("e1", offset)));
                let told = room.after(from, 1 + draws.below(12) as usize).unwrap();
                let got: Vec<u64> = told.iter().map(|told| told.offset).collect();
                assert!(got.is_sorted() && got.first().is_none_or(|first| *first > from));
                let last = got.last().copied().unwrap_or(from);
                let lost = all.iter().filter(|(offset, _)| *offset > from && *offset <= last && !got.contains(offset));
                for (offset, kind) in lost {
                    let later = all.iter().any(|(other, same)| other > offset && same == kind);
                    assert!(kind.is_latest_only() && later, "{offset} {kind} was lost");
                }
                assert!(recovered || had.is_none_or(|had| had < room.forgotten));
                had = Some(last);
            }
        }
    }
}
