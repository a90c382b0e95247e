//! A seat in a room: where one reader is in what was told, and how it hears that there is more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

use super::room::{Forgotten, Told};
use super::{Inside, RoomError, RoomId, Rooms};

/// Messages that a reader takes at once: others have their turn then.
const BATCH: usize = 64;

/// Somebody inside.
#[derive(Debug)]
pub(super) struct Reader {
    /// Rung when something is told.
    pub(super) bell: Arc<Notify>,
    /// What it had last.
    seq: AtomicU64,
}

impl Reader {
    /// What it had last.
    pub(super) fn seq(&self) -> u64 {
        self.seq.load(Ordering::Relaxed)
    }
}

/// A place in a room. It is left when this is dropped.
#[derive(Debug)]
pub struct Seat {
    rooms: Rooms,
    id: RoomId,
    inside: Arc<Inside>,
    reader: Arc<Reader>,
    /// How many readers it was told there are, and with which telling.
    readers: (usize, u64),
}

/// What is new for a reader.
#[derive(Debug, Default)]
pub struct News {
    /// Frames, in order.
    pub told: Vec<Told>,
    /// How many read the room now, where that has changed.
    pub readers: Option<usize>,
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

impl Rooms {
    /// Takes a seat in a room, after what was had before. `bell` rings when something is told.
    ///
    /// # Errors
    /// [`RoomError::TooManyRooms`], [`RoomError::Full`].
    pub async fn enter(
        &self,
        room: impl Into<RoomId>,
        from: Option<(&str, u64)>,
        bell: Arc<Notify>,
    ) -> Result<(Seat, Welcome), RoomError> {
        let id = room.into();
        let inside = self.ready(id, from).await?;
        let mut occupied = inside.lock();
        if occupied.readers.len() >= self.0.most_readers {
            return Err(RoomError::Full(self.0.most_readers));
        }
        let room = occupied.ordered.room();
        let resumed = room.resume(from);
        let epoch = room.epoch().clone();
        let reader = Arc::new(Reader { bell, seq: AtomicU64::new(resumed.seq) });
        occupied.readers.push(reader.clone());
        let readers = (occupied.readers.len(), occupied.told_readers.1);
        drop(occupied);
        self.note_change(id);
        // What was missed is there to be taken.
        reader.bell.notify_one();
        let welcome = Welcome { epoch, offset: resumed.offset, recovered: resumed.recovered, readers: readers.0 };
        Ok((Seat { rooms: self.clone(), id, inside, reader, readers }, welcome))
    }
}

impl Seat {
    /// What was told since this was last asked, as far as it fits a batch. Empty when there is nothing new.
    ///
    /// # Errors
    /// [`Forgotten`], when this reader was so slow that something is gone.
    pub fn take(&mut self) -> Result<News, Forgotten> {
        let (told, told_readers) = {
            let occupied = self.inside.lock();
            let seq = self.reader.seq();
            (occupied.ordered.room().after(seq, BATCH)?, occupied.told_readers)
        };
        if let Some(last) = told.last() {
            self.reader.seq.store(last.seq, Ordering::Relaxed);
        }
        if told.len() == BATCH {
            // There may be more.
            self.reader.bell.notify_one();
        }
        let mut readers = None;
        if self.readers.1 != told_readers.1 {
            readers = (self.readers.0 != told_readers.0).then_some(told_readers.0);
            self.readers = told_readers;
        }
        Ok(News { told, readers })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut occupied = self.inside.lock();
        if let Some(at) = occupied.readers.iter().position(|reader| Arc::ptr_eq(reader, &self.reader)) {
            occupied.readers.swap_remove(at);
            if occupied.readers.len() < occupied.readers.capacity() / 4 {
                occupied.readers.shrink_to_fit();
            }
        }
        drop(occupied);
        self.rooms.note_change(self.id);
    }
}
