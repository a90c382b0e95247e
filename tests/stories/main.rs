//! Stories about the server: the real one, over HTTP, with a stand-in for its price source and a clock
//! that stories move.

mod accounts;
mod api;
mod bus;
mod candles;
mod entry;
mod fleet;
mod freshness;
mod fuzz;
mod gas;
mod guard;
mod operator;
mod prices;
mod problems;
mod process;
mod python;
mod rooms;
mod shutdown;
mod socket;
mod transactions;
mod upstream;
