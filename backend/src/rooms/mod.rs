//! The rooms: one for each paper account, and each live wallet, in which something is told or read.
//!
//! [`room`] is one of them, without any waiting. Here is which there are, who may enter, and how those inside
//! hear that something was told; [`seat`] is what somebody inside holds. A room begins with whoever comes first and is
//! forgotten when nobody is inside and nobody could come back for anything. Telling never waits for a reader.
//!
//! Where several servers share a Redis, [`bus`] is the way between them and [`ordered`] decides whose order a room
//! keeps while that comes and goes. [`tally`] counts.

pub mod bus;
mod id;
pub mod ordered;
pub mod room;
mod seat;
pub mod tally;

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::value::RawValue;
use shared::wire::room::{Kind, Placed};
use shared::wire::{RoomInfo, RoomsStatus, RoomsView};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::bus::{Bus, Gone, Live, Published};
pub use self::id::RoomId;
use self::ordered::{Entry, Letter, Moment, Ordered, Spot};
use self::room::{Memory, Message, Place};
use self::seat::Reader;
pub use self::seat::{News, Seat, Welcome};
use self::tally::Tally;
use crate::clock::SharedClock;
use crate::tasks::Tasks;
use crate::telemetry;

/// Rooms at once, at most. Those with nobody inside make way.
const MOST_ROOMS: usize = 20_000;
/// Rooms that one socket may read.
pub const MOST_SEATS: usize = 8;
/// Rooms that ask the bus at once, when it is back.
const ASKING: usize = 64;
/// How long a change of the number of readers is gathered before it is told.
const GATHERED: Duration = Duration::from_secs(1);
/// How often the metrics are told how the rooms are.
const NOTED: Duration = Duration::from_secs(5);

/// The rooms of this server. Clones share them.
#[derive(Debug, Clone)]
pub struct Rooms(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    clock: SharedClock,
    memory: Memory,
    /// Readers of one room, at most.
    most_readers: usize,
    open: Mutex<HashMap<RoomId, Arc<Inside>>>,
    /// Rooms whose number of readers has changed and was not told yet, and the bell of whoever tells it.
    changed: (Mutex<BTreeSet<RoomId>>, Notify),
    bus: Option<Bus>,
    /// Messages on their way to the bus; where one was read there before the answer came, its place.
    flying: Mutex<HashMap<u64, Option<Spot>>>,
    tally: Tally,
}

/// A room with those inside it.
#[derive(Debug)]
struct Inside(Mutex<Occupied>);

#[derive(Debug)]
struct Occupied {
    ordered: Ordered,
    readers: Vec<Arc<Reader>>,
    /// How many readers there were when that was told last, and how often it was told.
    told_readers: (usize, u64),
}

/// Why something is not done in a room.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoomError {
    /// The token does not open the room, or there is none: which of both is not told.
    #[error("there is no such room, or this token does not open it")]
    NoEntry,
    /// Everywhere somebody is inside.
    #[error("all {MOST_ROOMS} rooms are taken; come back in a moment")]
    TooManyRooms,
    /// One socket reads enough rooms.
    #[error("one socket reads at most {MOST_SEATS} rooms; leave one, or open another socket")]
    TooManySeats,
    /// No seat is left.
    #[error("all {0} seats of this room are taken; come back in a moment")]
    Full(usize),
    /// The message cannot be written.
    #[error("the message cannot be written: {0}")]
    Unwritable(String),
}

impl From<serde_json::Error> for RoomError {
    fn from(error: serde_json::Error) -> RoomError {
        RoomError::Unwritable(error.to_string())
    }
}

impl Rooms {
    /// No rooms yet. With a bus, other servers have them too.
    pub fn new(clock: SharedClock, memory: Memory, most_readers: usize, bus: Option<Bus>) -> Rooms {
        Rooms(Arc::new(Parts {
            clock,
            memory,
            most_readers,
            open: Mutex::default(),
            changed: Default::default(),
            bus,
            flying: Mutex::default(),
            tally: Tally::new(),
        }))
    }

    /// Starts what keeps them: the way to the other servers, and the telling of how many are inside.
    pub fn start(&self, tasks: &Tasks) {
        let (rooms, stop) = (self.clone(), tasks.stop());
        tasks.spawn(async move { rooms.tell_readers(stop).await });
        let (rooms, stop) = (self.clone(), tasks.stop());
        if self.0.bus.is_some() {
            tasks.spawn(async move {
                if let Some(bus) = &rooms.0.bus {
                    bus.run(&rooms, stop).await;
                }
            });
        }
    }

    /// What was told and delivered.
    pub fn tally(&self) -> &Tally {
        &self.0.tally
    }

    /// Tells a message to all who are in a room, and to those who come back to it soon: at every
    /// server, as long as the bus is there, and otherwise at this one.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`], [`RoomError::Unwritable`].
    pub async fn tell(
        &self,
        room: impl Into<RoomId>,
        kind: Kind,
        data: &RawValue,
        name: Option<&str>,
    ) -> Result<Placed, RoomError> {
        let id = room.into();
        let ts = self.0.clock.now();
        self.0.tally.count_told(kind);
        if let Some(bus) = &self.0.bus {
            let here = lock(&self.0.open).get(&id).cloned();
            let (known, for_bus) = here.map_or((None, true), |inside| {
                let occupied = inside.lock();
                let known = name.and_then(|name| occupied.ordered.room().place_of(name)).cloned();
                (known, occupied.ordered.is_for_bus())
            });
            if let Some(place) = known {
                return Ok(placed(place));
            }
            if for_bus && let Some(live) = bus.live() {
                let flight = Flight::begin(&self.0.flying);
                let ticket = Some(flight.ticket);
                let letter = Letter { kind, data: data.to_owned(), name: name.map(Into::into), ts, ticket };
                match bus.publish(&live, id, &letter).await {
                    Ok(Published::Before(epoch, offset)) => return Ok(Placed { epoch, offset }),
                    Ok(Published::Now(spot)) => {
                        let here = lock(&self.0.open).get(&id).cloned();
                        if let Some(inside) = here {
                            self.within(&inside, |ordered, moment| {
                                ordered.placed(spot, letter, moment)?;
                                // It may be gone by now, and what waits for it would wait until it is back.
                                if bus.live().is_none() { ordered.bus_gone(moment) } else { Ok(()) }
                            })?;
                        }
                        return Ok(placed(spot.place()));
                    }
                    Err(Gone(..)) => {
                        self.0.tally.count_failure();
                        let inside = self.room(id)?;
                        // It may have come all the same, and been read before anybody heard of it.
                        let place = self.within(&inside, |ordered, moment| match flight.heard() {
                            Some(spot) => Ok(spot.place()),
                            None => ordered.tell_here(Message { kind, data, name, ts }, moment),
                        })?;
                        return Ok(placed(place));
                    }
                }
            }
        }
        let inside = self.room(id)?;
        let place =
            self.within(&inside, |ordered, moment| ordered.tell_here(Message { kind, data, name, ts }, moment))?;
        Ok(placed(place))
    }

    /// The place after which somebody is to go on who knows how things stand.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`].
    pub async fn place(&self, room: impl Into<RoomId>) -> Result<Placed, RoomError> {
        let inside = self.ready(room.into(), None).await?;
        let occupied = inside.lock();
        let room = occupied.ordered.room();
        Ok(Placed { epoch: room.epoch().to_string(), offset: room.last_offset() })
    }

    /// Wakes all who are in a room, to see whether they still may be.
    pub fn ring(&self, room: impl Into<RoomId>) {
        let inside = lock(&self.0.open).get(&room.into()).cloned();
        if let Some(inside) = inside {
            inside.lock().ring();
        }
    }

    /// Rooms that are open, and readers inside them.
    pub fn count(&self) -> (usize, usize) {
        let open = lock(&self.0.open);
        (open.len(), open.values().map(|inside| inside.lock().readers.len()).sum())
    }

    /// How the rooms are, for everybody.
    pub fn status(&self) -> RoomsStatus {
        let (rooms, readers) = self.count();
        let bus = self.0.bus.as_ref();
        RoomsStatus {
            is_available: bus.is_none_or(|bus| bus.live().is_some()),
            rooms: rooms as u64,
            readers: readers as u64,
            bus: bus.map(Bus::status),
        }
    }

    /// How the rooms are, one by one: for the operator. Those with most readers first, at most `most` of them.
    pub fn view(&self, most: usize) -> RoomsView {
        let open: Vec<(RoomId, Arc<Inside>)> =
            lock(&self.0.open).iter().map(|(id, inside)| (*id, inside.clone())).collect();
        let info = |(id, inside): (RoomId, Arc<Inside>)| {
            let occupied = inside.lock();
            let room = occupied.ordered.room();
            let (remembered, bytes) = room.remembered();
            RoomInfo {
                room: id.name(),
                epoch: room.epoch().to_string(),
                offset: room.last_offset(),
                readers: occupied.readers.len() as u64,
                remembered: remembered as u64,
                bytes: bytes as u64,
                behind: occupied.behind(),
                on_bus: occupied.ordered.is_on_bus(),
            }
        };
        let mut rooms: Vec<RoomInfo> = open.into_iter().map(info).collect();
        rooms.sort_by(|one, other| (other.readers, &one.room).cmp(&(one.readers, &other.room)));
        rooms.truncate(most);
        let (messages, failures, latency) = self.0.tally.read();
        RoomsView { now: self.0.clock.now(), status: self.status(), messages, failures, latency, rooms }
    }

    /// A room that knows what the other servers know, where that can be.
    async fn ready(&self, id: RoomId, from: Option<(&str, u64)>) -> Result<Arc<Inside>, RoomError> {
        let inside = self.room(id)?;
        if let Some(bus) = &self.0.bus {
            let asks = {
                let occupied = inside.lock();
                !occupied.ordered.is_on_bus() || occupied.ordered.is_behind(from)
            };
            if asks && let Some(live) = bus.live() {
                // Where that fails, there is what is here.
                let _ = self.attach(bus, &live, id, &inside).await;
            }
        }
        Ok(inside)
    }

    fn room(&self, id: RoomId) -> Result<Arc<Inside>, RoomError> {
        let now = self.0.clock.now();
        let mut open = lock(&self.0.open);
        if let Some(inside) = open.get(&id) {
            return Ok(inside.clone());
        }
        if open.len() >= MOST_ROOMS {
            open.retain(|_, inside| inside.is_in_use() || !inside.lock().ordered.room().is_forgetful(now));
            if open.len() >= MOST_ROOMS {
                return Err(RoomError::TooManyRooms);
            }
        }
        let ordered = Ordered::new(&id.name(), &new_epoch(), self.0.memory);
        let occupied = Occupied { ordered, readers: vec![], told_readers: (0, 0) };
        let inside = Arc::new(Inside(Mutex::new(occupied)));
        open.insert(id, inside.clone());
        Ok(inside)
    }

    /// Does something in a room, and rings for what is new.
    fn within<T>(
        &self,
        inside: &Inside,
        work: impl FnOnce(&mut Ordered, &Moment) -> Result<T, serde_json::Error>,
    ) -> Result<T, RoomError> {
        let mut occupied = inside.lock();
        let moment = Moment { now: self.0.clock.now(), readers: occupied.readers.len(), fresh: new_epoch };
        let before = occupied.ordered.room().last_seq();
        let done = work(&mut occupied.ordered, &moment);
        for (ticket, spot) in occupied.ordered.take_heard() {
            if let Some(heard) = lock(&self.0.flying).get_mut(&ticket) {
                *heard = Some(spot);
            }
        }
        if occupied.ordered.room().last_seq() > before {
            occupied.ring();
        }
        Ok(done?)
    }

    /// Puts a room on the bus, and has it hear what is told there.
    async fn attach(&self, bus: &Bus, live: &Live, account: RoomId, inside: &Inside) -> Result<(), Gone> {
        loop {
            let request = inside.lock().ordered.request();
            let (head, entries) = bus.attach(live, account, &request).await?;
            let attached = self.within(inside, |ordered, moment| ordered.attached(&request, head, entries, moment));
            match attached {
                Ok(true) => return bus.follow(live, account, head).await,
                Ok(false) => {}
                // A frame that cannot be written: the room goes on by itself.
                Err(_) => return Ok(()),
            }
        }
    }

    /// Puts every room on the bus that is not.
    async fn attach_all(&self, bus: &Bus, live: &Live, is_first: bool) -> Result<(), Gone> {
        let apart: Vec<(RoomId, Arc<Inside>)> = lock(&self.0.open)
            .iter()
            .filter(|(_, inside)| is_first || !inside.lock().ordered.is_on_bus())
            .map(|(id, inside)| (*id, inside.clone()))
            .collect();
        for some in apart.chunks(ASKING) {
            let mut asking = Vec::with_capacity(some.len());
            for (id, inside) in some {
                asking.push(self.attach(bus, live, *id, inside));
            }
            try_join_all(asking).await?;
        }
        Ok(())
    }

    /// Takes in what was read on the bus.
    fn read(&self, account: RoomId, entries: Vec<Entry>) {
        let here = lock(&self.0.open).get(&account).cloned();
        let Some(inside) = here else { return };
        let read = self
            .within(&inside, |ordered, moment| entries.into_iter().try_for_each(|entry| ordered.read(entry, moment)));
        if read.is_err() {
            self.0.tally.count_failure();
        }
    }

    /// The bus is gone: what waits for it is told here.
    fn bus_gone(&self) {
        let open: Vec<Arc<Inside>> = lock(&self.0.open).values().cloned().collect();
        for inside in open {
            if self.within(&inside, Ordered::bus_gone).is_err() {
                self.0.tally.count_failure();
            }
        }
    }

    /// Forgets rooms with nobody inside that the bus has.
    fn sweep(&self) {
        lock(&self.0.open).retain(|_, inside| inside.is_in_use() || !inside.lock().ordered.is_on_bus());
    }

    /// Has the metrics know how the rooms are.
    fn note(&self) {
        let open: Vec<Arc<Inside>> = lock(&self.0.open).values().cloned().collect();
        let (mut readers, mut behind) = (0, 0);
        for inside in &open {
            let occupied = inside.lock();
            readers += occupied.readers.len();
            behind = behind.max(occupied.behind());
        }
        telemetry::note_rooms(open.len(), readers, behind);
    }

    fn is_open(&self, account: RoomId) -> bool {
        lock(&self.0.open).contains_key(&account)
    }

    fn note_change(&self, account: RoomId) {
        let (changed, bell) = &self.0.changed;
        if lock(changed).insert(account) {
            bell.notify_one();
        }
    }

    /// Tells those inside how many they are, when that has changed; changes of a second together.
    async fn tell_readers(&self, stop: CancellationToken) {
        let (changed, bell) = &self.0.changed;
        let mut noting = tokio::time::interval(NOTED);
        loop {
            tokio::select! {
                () = bell.notified() => {}
                _ = noting.tick() => {
                    self.note();
                    continue;
                }
                () = stop.cancelled() => return,
            }
            tokio::select! {
                () = tokio::time::sleep(GATHERED) => {}
                () = stop.cancelled() => return,
            }
            for account in std::mem::take(&mut *lock(changed)) {
                let here = lock(&self.0.open).get(&account).cloned();
                let Some(inside) = here else { continue };
                let mut occupied = inside.lock();
                let (told, times) = occupied.told_readers;
                let readers = occupied.readers.len();
                if told != readers {
                    occupied.told_readers = (readers, times + 1);
                    occupied.ring();
                }
            }
        }
    }
}

/// A message on its way to the bus, until this is dropped.
struct Flight<'a> {
    flying: &'a Mutex<HashMap<u64, Option<Spot>>>,
    ticket: u64,
}

impl<'a> Flight<'a> {
    fn begin(flying: &'a Mutex<HashMap<u64, Option<Spot>>>) -> Flight<'a> {
        static TICKETS: AtomicU64 = AtomicU64::new(0);
        let ticket = TICKETS.fetch_add(1, Ordering::Relaxed);
        lock(flying).insert(ticket, None);
        Flight { flying, ticket }
    }

    /// Where it was read, if it was.
    fn heard(&self) -> Option<Spot> {
        lock(self.flying).get(&self.ticket).copied().flatten()
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        lock(self.flying).remove(&self.ticket);
    }
}

impl Occupied {
    /// Has those inside look for what is new.
    fn ring(&self) {
        self.readers.iter().for_each(|reader| reader.bell.notify_one());
    }

    /// Messages that the slowest reader has not taken yet.
    fn behind(&self) -> u64 {
        let last = self.ordered.room().last_seq();
        let behind = self.readers.iter().map(|reader| last.saturating_sub(reader.seq()));
        behind.max().unwrap_or(0)
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, Occupied> {
        lock(&self.0)
    }

    /// Whether somebody is inside, or about to be: they hold a clone.
    fn is_in_use(self: &Arc<Self>) -> bool {
        Arc::strong_count(self) > 1 || !self.lock().readers.is_empty()
    }
}

fn placed(place: Place) -> Placed {
    Placed { epoch: place.epoch.to_string(), offset: place.offset }
}

/// Nothing here panics while it holds a lock; were it to, what is inside would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that no room had before: 64 random bits.
fn new_epoch() -> Arc<str> {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one("epoch")).into()
}

#[cfg(test)]
mod tests {
    use shared::ids::{AccountId, AccountSecret};

    use super::*;
    use crate::clock::moved::MovedClock;

    fn account(n: u8) -> AccountId {
        AccountSecret::new([n; 32]).owner_token().account_id()
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[tokio::test]
    async fn all_inside_hear_and_a_seat_is_left_when_it_is_dropped() {
        let rooms = Rooms::new(MovedClock::at_secs(0), Memory::default(), 10, None);
        let account = account(1);
        let bells = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let (mut first, welcome) = rooms.enter(account, None, bells[0].clone()).await.unwrap();
        assert_eq!((welcome.offset, welcome.recovered, welcome.readers), (0, false, 1));
        let (mut second, welcome) = rooms.enter(account, None, bells[1].clone()).await.unwrap();
        assert_eq!((welcome.readers, rooms.count()), (2, (1, 2)));
        for n in 0..100 {
            rooms.tell(account, Kind::TradeUpdate, &raw(&format!(r#"{{"n":{n}}}"#)), None).await.unwrap();
        }
        for seat in [&mut first, &mut second] {
            let batches: Vec<usize> = std::iter::from_fn(|| Some(seat.take().unwrap().told.len())).take(3).collect();
            assert_eq!(batches, [64, 36, 0]);
        }
        bells[0].notified().await;
        drop(second);
        assert_eq!(rooms.count(), (1, 1));
        drop(first);
        let (mut back, welcome) = rooms.enter(account, Some((&welcome.epoch, 98)), bells[0].clone()).await.unwrap();
        assert_eq!((welcome.recovered, back.take().unwrap().told.len()), (true, 2));
    }

    #[tokio::test]
    async fn rooms_that_nobody_could_come_back_to_make_way() {
        let clock = MovedClock::at_secs(0);
        let rooms = Rooms::new(clock.clone(), Memory { millis: 1_000, ..Memory::default() }, 10, None);
        let id = |n: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            AccountId::from_bytes(bytes)
        };
        for n in 0..MOST_ROOMS {
            rooms.tell(id(n), Kind::TradeUpdate, &raw("{}"), None).await.unwrap();
        }
        let full = rooms.tell(id(MOST_ROOMS), Kind::TradeUpdate, &raw("{}"), None).await;
        assert_eq!(full, Err(RoomError::TooManyRooms));
        let bell = Arc::new(Notify::new());
        let seat = rooms.enter(id(0), None, bell).await.unwrap();
        clock.advance_secs(2);
        rooms.tell(id(MOST_ROOMS), Kind::TradeUpdate, &raw("{}"), None).await.unwrap();
        assert_eq!(rooms.count(), (2, 1), "the one with somebody inside, and the new one");
        drop(seat);
    }
}
