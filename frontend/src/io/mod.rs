//! The only rooms that touch the browser's I/O: network, disk, clock, chance, files.
//!
//! Each answers with plain values and errors in words; nothing here decides anything.

pub mod accounts;
pub mod api;
pub mod build;
pub mod candles;
pub mod channel;
pub mod chart;
pub mod clock;
pub mod database;
pub mod file;
pub mod journal;
pub mod lock;
pub mod preferences;
pub mod random;
pub mod socket;
pub mod storage;
pub mod timer;
pub mod turn;
pub mod viewport;
