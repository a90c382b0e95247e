//! Chance, from the browser's cryptographic source.

use shared::ids::{AccountSecret, ReadToken, TradeId};
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

/// An id for this device: 32 hexadecimal digits.
pub fn device_id() -> Result<String, NoRandomness> {
    Ok(u128::from_be_bytes(bytes()?)).map(|id| format!("{id:032x}"))
}

/// A token of its own, for a link that does not follow from an account's secret.
pub fn read_token() -> Result<ReadToken, NoRandomness> {
    // As any other 256 random bits.
    let digits = AccountSecret::new(bytes()?).reveal();
    digits.parse().map_err(|_| NoRandomness)
}
