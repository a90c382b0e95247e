//! Chance, from the browser's cryptographic source.

use shared::ids::{AccountSecret, TradeId};
use shared::time::Timestamp;
use shared::trade::Seed;

/// The browser has no source of randomness: nothing can be named or drawn.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this browser offers no source of randomness")]
pub struct NoRandomness;

fn bytes<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    let crypto = web_sys::window().and_then(|window| window.crypto().ok()).ok_or(NoRandomness)?;
    crypto.get_random_values_with_u8_array(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

/// A seed for the draws of one trade.
pub fn seed() -> Result<Seed, NoRandomness> {
    Ok(Seed(u64::from_le_bytes(bytes()?)))
}

/// A name for one trade.
pub fn trade_id(at: Timestamp) -> Result<TradeId, NoRandomness> {
    Ok(TradeId::new(at, bytes()?))
}

/// A secret for one account.
pub fn account_secret() -> Result<AccountSecret, NoRandomness> {
    Ok(AccountSecret::new(bytes()?))
}
