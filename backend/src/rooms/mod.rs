//! The rooms: one for each paper account in which something is told or read.
//!
//! [`room`] is one of them, without any waiting. Here is which there are, who may enter, and how those inside
//! hear that something was told. A room begins with whoever comes first and is forgotten when nobody is inside
//! and nobody could come back for anything. Telling never waits for a reader.

pub mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::value::RawValue;
use shared::ids::{AccountId, OwnerToken};
use shared::wire::room::{Kind, Placed};
use tokio::sync::Notify;

use self::room::{Forgotten, Memory, Room, Told};
use crate::clock::SharedClock;
use crate::guard;

/// Rooms at once, at most. Those with nobody inside make way.
const MOST_ROOMS: usize = 20_000;
/// Readers of one room, at most.
pub const MOST_READERS: usize = 10_000;
/// Rooms that one socket may read.
pub const MOST_SEATS: usize = 8;
/// Messages that a reader takes at once: others have their turn then.
const BATCH: usize = 64;

/// The rooms of this server.
#[derive(Debug)]
pub struct Rooms {
    clock: SharedClock,
    memory: Memory,
    open: Mutex<HashMap<AccountId, Arc<Inside>>>,
}

/// A room with those inside it.
#[derive(Debug)]
struct Inside(Mutex<Occupied>);

#[derive(Debug)]
struct Occupied {
    room: Room,
    /// Woken when something is told.
    readers: Vec<Arc<Notify>>,
}

/// A place in a room. It is left when this is dropped.
#[derive(Debug)]
pub struct Seat {
    inside: Arc<Inside>,
    bell: Arc<Notify>,
    offset: u64,
}

/// How a reader stands when it comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The room's epoch.
    pub epoch: Arc<str>,
    /// The offset after which it goes on.
    pub offset: u64,
    /// Whether that is where it was before.
    pub recovered: bool,
    /// How many are inside, itself included.
    pub readers: usize,
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
    #[error("all {MOST_READERS} seats of this room are taken; come back in a moment")]
    Full,
    /// The message cannot be written.
    #[error("the message cannot be written: {0}")]
    Unwritable(String),
}

/// Whether a token is the owner's of an account. The account's id follows from the token, so nothing has to be
/// looked up, and a room that exists takes as long to refuse as one that does not.
pub fn owns(token: &str, account: AccountId) -> bool {
    let Ok(token) = token.parse::<OwnerToken>() else { return false };
    guard::same(token.account_id().as_bytes(), account.as_bytes())
}

impl Rooms {
    /// No rooms yet.
    pub fn new(clock: SharedClock, memory: Memory) -> Rooms {
        Rooms { clock, memory, open: Mutex::default() }
    }

    /// Tells a message to all who are in an account's room, and to those who come back to it soon.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`], [`RoomError::Unwritable`].
    pub fn tell(
        &self,
        account: AccountId,
        kind: Kind,
        data: &RawValue,
        name: Option<&str>,
    ) -> Result<Placed, RoomError> {
        let inside = self.room(account)?;
        let now = self.clock.now();
        let mut occupied = inside.lock();
        let offset =
            occupied.room.tell(kind, data, name, now).map_err(|error| RoomError::Unwritable(error.to_string()))?;
        for reader in &occupied.readers {
            reader.notify_one();
        }
        Ok(Placed { epoch: occupied.room.epoch().to_string(), offset })
    }

    /// Takes a seat in an account's room, after what was had before. `bell` rings when something is told.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`], [`RoomError::Full`].
    pub fn enter(
        &self,
        account: AccountId,
        from: Option<(&str, u64)>,
        bell: Arc<Notify>,
    ) -> Result<(Seat, Welcome), RoomError> {
        let inside = self.room(account)?;
        let mut occupied = inside.lock();
        if occupied.readers.len() >= MOST_READERS {
            return Err(RoomError::Full);
        }
        let (offset, recovered) = occupied.room.resume(from);
        occupied.readers.push(bell.clone());
        let readers = occupied.readers.len();
        let welcome = Welcome { epoch: occupied.room.epoch().clone(), offset, recovered, readers };
        drop(occupied);
        // What was missed is there to be taken.
        bell.notify_one();
        Ok((Seat { inside, bell, offset }, welcome))
    }

    /// The place after which somebody is to go on who knows how things stand.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`].
    pub fn place(&self, account: AccountId) -> Result<Placed, RoomError> {
        let inside = self.room(account)?;
        let occupied = inside.lock();
        Ok(Placed { epoch: occupied.room.epoch().to_string(), offset: occupied.room.last_offset() })
    }

    /// Wakes all who are in an account's room, to see whether they still may be.
    pub fn ring(&self, account: AccountId) {
        let inside = lock(&self.open).get(&account).cloned();
        if let Some(inside) = inside {
            inside.lock().readers.iter().for_each(|reader| reader.notify_one());
        }
    }

    /// Rooms that are open, and readers inside them.
    pub fn count(&self) -> (usize, usize) {
        let open = lock(&self.open);
        (open.len(), open.values().map(|inside| inside.lock().readers.len()).sum())
    }

    fn room(&self, account: AccountId) -> Result<Arc<Inside>, RoomError> {
        let now = self.clock.now();
        let mut open = lock(&self.open);
        if let Some(inside) = open.get(&account) {
            return Ok(inside.clone());
        }
        if open.len() >= MOST_ROOMS {
            // Whoever is about to enter holds a clone.
            open.retain(|_, inside| {
                let in_use = Arc::strong_count(inside) > 1;
                in_use || {
                    let occupied = inside.lock();
                    !occupied.readers.is_empty() || !occupied.room.is_forgetful(now)
                }
            });
            if open.len() >= MOST_ROOMS {
                return Err(RoomError::TooManyRooms);
            }
        }
        let room = Room::new(&account.room(), &new_epoch(), self.memory);
        let inside = Arc::new(Inside(Mutex::new(Occupied { room, readers: vec![] })));
        open.insert(account, inside.clone());
        Ok(inside)
    }
}

impl Seat {
    /// What was told since this was last asked, as far as it fits a batch. Empty when there is nothing new.
    ///
    /// # Errors
    /// [`Forgotten`], when this reader was so slow that something is gone.
    pub fn take(&mut self) -> Result<Vec<Told>, Forgotten> {
        let told = self.inside.lock().room.after(self.offset, BATCH)?;
        if let Some(last) = told.last() {
            self.offset = last.offset;
        }
        if told.len() == BATCH {
            // There may be more.
            self.bell.notify_one();
        }
        Ok(told)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut occupied = self.inside.lock();
        if let Some(at) = occupied.readers.iter().position(|bell| Arc::ptr_eq(bell, &self.bell)) {
            occupied.readers.swap_remove(at);
            if occupied.readers.len() < occupied.readers.capacity() / 4 {
                occupied.readers.shrink_to_fit();
            }
        }
    }
}

impl Inside {
    fn lock(&self) -> MutexGuard<'_, Occupied> {
        lock(&self.0)
    }
}

/// Nothing here panics while it holds a lock; were it to, what is inside would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A name that no room had before: 64 random bits.
fn new_epoch() -> String {
    use std::hash::{BuildHasher as _, RandomState};
    format!("{:016x}", RandomState::new().hash_one("epoch"))
}

#[cfg(test)]
mod tests {
    use shared::ids::AccountSecret;

    use super::*;
    use crate::clock::moved::MovedClock;

    fn account(n: u8) -> (String, AccountId) {
        let token = AccountSecret::new([n; 32]).owner_token();
        (token.reveal(), token.account_id())
    }

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn only_the_owners_token_opens_an_account() {
        let ((token, mine), (other, theirs)) = (account(1), account(2));
        assert!(owns(&token, mine) && owns(&other, theirs));
        for (token, account) in
            [(&other, mine), (&token, theirs), (&String::new(), mine), (&token.to_uppercase(), mine)]
        {
            assert!(!owns(token, account));
        }
    }

    #[tokio::test]
    async fn all_inside_hear_and_a_seat_is_left_when_it_is_dropped() {
        let rooms = Rooms::new(MovedClock::at_secs(0), Memory::default());
        let (_, account) = account(1);
        let bells = [Arc::new(Notify::new()), Arc::new(Notify::new())];
        let (mut first, welcome) = rooms.enter(account, None, bells[0].clone()).unwrap();
        assert_eq!((welcome.offset, welcome.recovered, welcome.readers), (0, false, 1));
        let (mut second, welcome) = rooms.enter(account, None, bells[1].clone()).unwrap();
        assert_eq!((welcome.readers, rooms.count()), (2, (1, 2)));
        for n in 0..100 {
            rooms.tell(account, Kind::TradeUpdate, &raw(&format!(r#"{{"n":{n}}}"#)), None).unwrap();
        }
        for seat in [&mut first, &mut second] {
            let batches: Vec<usize> = std::iter::from_fn(|| Some(seat.take().unwrap().len())).take(3).collect();
            assert_eq!(batches, [64, 36, 0]);
        }
        bells[0].notified().await;
        drop(second);
        assert_eq!(rooms.count(), (1, 1));
        drop(first);
        let (mut back, welcome) = rooms.enter(account, Some((&welcome.epoch, 98)), bells[0].clone()).unwrap();
        assert_eq!((welcome.recovered, back.take().unwrap().len()), (true, 2));
    }

    #[test]
    fn rooms_that_nobody_could_come_back_to_make_way() {
        let clock = MovedClock::at_secs(0);
        let rooms = Rooms::new(clock.clone(), Memory { millis: 1_000, ..Memory::default() });
        let id = |n: usize| {
            let mut bytes = [0; 16];
            bytes[..8].copy_from_slice(&n.to_be_bytes());
            AccountId::from_bytes(bytes)
        };
        for n in 0..MOST_ROOMS {
            rooms.tell(id(n), Kind::TradeUpdate, &raw("{}"), None).unwrap();
        }
        assert_eq!(rooms.tell(id(MOST_ROOMS), Kind::TradeUpdate, &raw("{}"), None), Err(RoomError::TooManyRooms));
        let bell = Arc::new(Notify::new());
        let seat = rooms.enter(id(0), None, bell).unwrap();
        clock.advance_secs(2);
        rooms.tell(id(MOST_ROOMS), Kind::TradeUpdate, &raw("{}"), None).unwrap();
        assert_eq!(rooms.count(), (2, 1), "the one with somebody inside, and the new one");
        drop(seat);
    }
}
