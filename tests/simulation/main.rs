//! The price service over weeks and over garbage: the real client, the real prices, and the stand-in for
//! CoinGecko in one process, by a clock that moves as fast as they work.
//!
//! `FOOLSCAP_CASES` makes them long (see [`tests::seed`]), `FOOLSCAP_SEED` replays what was drawn.

mod desk;
mod exact;
mod garbage;
mod month;
mod refreshes;
