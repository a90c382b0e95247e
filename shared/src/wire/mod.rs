//! What the server and the app say to each other over HTTP.
//!
//! One file a family. Bodies are plain data: decimals, units and wei are strings in the core's
//! canonical form, addresses carry their EIP-55 checksum, times are RFC 3339. Bodies say `as_of`
//! and never an age, so that an unchanged answer keeps its ETag. Readers take no offence at fields
//! they do not know: an older app meets a newer server. Each family converts to and from the
//! domain here, so that neither shell does it twice.

pub mod accounts;
pub mod alerts;
pub mod candles;
pub mod chains;
pub mod gas;
pub mod markets;
pub mod price_stats;
pub mod prices;
pub mod problem;
pub mod room;
pub mod rooms;
#[cfg(feature = "schema")]
mod schema;
pub mod socket;
pub mod status;
pub mod tokens;
pub mod transactions;
pub mod wallet;

pub use crate::market::MarketKind;
pub use alerts::{Alert, AlertKind, Severity};
pub use candles::{Candle, Candles, Range};
pub use chains::{ChainInfo, Chains};
pub use gas::{Gas, GasInfo};
pub use markets::{MarketInfo, Markets};
pub use price_stats::{Cleared, PriceStats};
pub use prices::{Missing, MissingReason, NativePrice, Pace, PaceReason, PriceInfo, Prices};
pub use problem::{Problem, ProblemKind};
pub use rooms::{KindCount, LatencyCount, RoomInfo, RoomsStatus, RoomsView};
pub use status::{Greeting, RpcStatus, Status, UpstreamState, UpstreamStatus};
pub use tokens::{TokenInfo, Tokens};

/// Addresses as text with their EIP-55 checksum; on reading, mixed case must match it.
pub(crate) mod address {
    use alloy_primitives::Address;
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::token::parse_address;

    pub(crate) fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&address.to_checksum_buffer(None))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        parse_address(&text).map_err(D::Error::custom)
    }
}

/// A number of wei as a string: 64 bits do not fit a JavaScript number.
pub(crate) mod wei {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(wei: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(wei)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| D::Error::custom("wei: a whole number below 2^64, as a string"))
    }
}
