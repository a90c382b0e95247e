//! The routes, a file each; their paths stand in [`crate::router`].

pub mod accounts;
pub mod candles;
pub mod chains;
pub mod docs;
pub mod gas;
pub mod health;
pub mod markets;
pub mod price_cache;
pub mod price_stats;
pub mod prices;
pub mod query;
pub mod rendered;
pub mod respond;
pub mod rooms;
pub mod status;
pub mod tokens;
pub mod transactions;
pub mod wallet;
