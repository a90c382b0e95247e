//! The core of Foolscap: it decides, the shells do.
//!
//! Nothing here reads a clock, draws chance, opens a file or a socket. Time and
//! seeds come in as arguments and results go out as values, so the same inputs
//! give the same bytes in the browser, on the server and in a test.
//!
//! Rooms, from the ground up: [`money`], [`time`], [`ids`], [`chain`],
//! [`token`] and [`quote`] are the vocabulary; [`market`] knows who fills a
//! trade; [`simulator`] turns a request into a fill; [`ledger`] keeps what
//! happened; [`transaction`] carries a real swap to its end; [`breaker`] says
//! when to leave a third party alone; [`wire`] is what the two shells say to each
//! other.

pub mod breaker;
pub mod chain;
pub mod ids;
pub mod ledger;
pub mod market;
pub mod money;
pub mod quote;
pub mod simulator;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod token;
pub mod trade;
pub mod transaction;
pub mod wire;
