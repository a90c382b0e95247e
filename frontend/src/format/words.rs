//! The core's choices in words: sources, depths, methods, failures.

use shared::quote::{Freshness, Source};
use shared::trade::{Depth, Failure, GasSource};

use super::number;

/// Where a price came from.
pub const fn source(source: Source) -> &'static str {
    match source {
        Source::Coingecko => "CoinGecko",
        Source::Pinned => "pinned at $1",
        Source::Demo => "demo market",
        Source::Cached => "last known on this device",
    }
}

/// How old a price is, in one word.
pub const fn freshness(freshness: Freshness) -> &'static str {
    match freshness {
        Freshness::Fresh => "fresh",
        Freshness::Stale => "stale",
        Freshness::Expired => "expired",
    }
}

/// Where a gas figure came from.
pub const fn gas_source(source: GasSource) -> &'static str {
    match source {
        GasSource::Rpc => "from the chain's RPC",
        GasSource::Default => "assumed, default table",
    }
}

/// How deep the market was taken to be.
pub fn depth(depth: Depth, decimals: u8, symbol: &str) -> String {
    match depth {
        Depth::Reserves(reserve) => format!("pool reserve of {} {symbol}", number::units(reserve, decimals)),
        Depth::Liquidity(liquidity) => format!("pool liquidity of {}", number::compact_usd(liquidity)),
        Depth::Volume(volume) => format!("square-root law, {} traded in 24 h", number::compact_usd(volume)),
        Depth::Assumed(liquidity) => format!("assumed liquidity of {}", number::compact_usd(liquidity)),
        Depth::Pinned => "pinned stablecoin".to_owned(),
    }
}

/// Why a trade failed.
pub const fn failure(failure: Failure) -> (&'static str, &'static str) {
    match failure {
        Failure::Slippage => (
            "The price moved past your tolerance before execution",
            "Try again, or raise the tolerance if you can accept a worse price.",
        ),
        Failure::Chance => (
            "The transaction failed by chance, as some do on chain",
            "Try again. You can change how often this happens in Settings.",
        ),
    }
}

/// The same words, beginning a sentence.
pub fn sentence(words: &str) -> String {
    let mut words = words.to_owned();
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}
