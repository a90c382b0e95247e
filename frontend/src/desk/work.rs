//! Work on a whole journal: in turns that leave the page its frames, told as it goes on, stopped on request.

use std::cell::Cell;

use leptos::prelude::*;

use super::Desk;
use crate::io::{clock, turn::Turn};

/// How often progress is told, in microseconds.
const TOLD_EVERY_US: f64 = 100_000.0;

/// What is going on, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// In a word or two: `Exporting`.
    pub what: &'static str,
    /// Entries done.
    pub done: u64,
    /// Entries in all.
    pub of: u64,
    /// Which work this is, to stop that and no other.
    id: u64,
}

/// The person stopped it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was stopped")]
pub struct Stopped;

/// Work under way. It is told on the page until it is dropped.
pub struct Work {
    desk: Desk,
    progress: Progress,
    turn: Turn,
    told: Cell<f64>,
}

impl Desk {
    /// Begins work of `of` entries.
    pub fn work(&self, what: &'static str, of: u64) -> Work {
        let id = self.last_work.get_value() + 1;
        self.last_work.set_value(id);
        let progress = Progress { what, done: 0, of, id };
        Work { desk: *self, progress, turn: Turn::begin(), told: Cell::new(clock::stopwatch()) }
    }

    /// Stops the work that is told of, when its turn is over.
    pub fn stop_work(&self) {
        if let Some(progress) = self.progress.get_untracked() {
            self.stopped.set_value(progress.id);
        }
    }
}

impl Work {
    /// `done` entries are done: lets the page have its turn, where it is time.
    ///
    /// # Errors
    /// [`Stopped`].
    pub async fn at(&mut self, done: u64) -> Result<(), Stopped> {
        if !self.turn.is_over() {
            return Ok(());
        }
        self.tell(done)?;
        self.turn.rest().await;
        Ok(())
    }

    /// `done` entries are done, and something else sees to the page's turns.
    ///
    /// # Errors
    /// [`Stopped`].
    pub fn tell(&self, done: u64) -> Result<(), Stopped> {
        let now = clock::stopwatch();
        // Short work is over before there is anything to tell.
        if now - self.told.get() > TOLD_EVERY_US {
            self.told.set(now);
            self.desk.progress.set(Some(Progress { done, ..self.progress.clone() }));
        }
        if self.desk.stopped.get_value() == self.progress.id { Err(Stopped) } else { Ok(()) }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let is_told = |told: &Option<Progress>| told.as_ref().is_some_and(|told| told.id == self.progress.id);
        if self.desk.progress.with_untracked(is_told) {
            self.desk.progress.set(None);
        }
    }
}
