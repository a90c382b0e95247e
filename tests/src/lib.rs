//! The World: everything around Foolscap that its tests need to be real, or as good as real.
//!
//! No test needs the internet. What can run here runs here; what can't (CoinGecko) has a stand-in
//! that imitates its failures too.

pub mod account;
pub mod canary;
pub mod clock;
pub mod coingecko;
pub mod exchange;
pub mod fault_proxy;
pub mod http;
pub mod node;
pub mod redis;
pub mod seed;
pub mod uniswap;
pub mod uniswap_v3;
pub mod wallet;
pub mod world;
