//! What happened, kept so that it can be trusted to the last digit.
//!
//! A journal is an append-only list of events, each entry chained to the one before it by its
//! hash; an [`Account`] is the fold of its events. Every event is booked twice over ([`posting`]),
//! so nothing appears or vanishes.

pub mod account;
pub mod csv;
mod digits;
pub mod error;
pub mod event;
pub mod footprint;
pub mod journal;
pub mod plain;
pub mod position;
pub mod posting;
pub mod settings;
mod traded;
pub mod valuation;

pub use account::{Account, Position, Totals};
pub use csv::trades_csv;
pub use error::LedgerError;
pub use event::{Event, MarketKind, Opened};
pub use footprint::{FOOTPRINT_HALF_LIFE_MS, Footprint};
pub use journal::{Damage, Entry, Head, JournalError, Ledger, Replay, Truncated, VERSION};
pub use position::{Holding, Lot};
pub use settings::{CostMethod, Settings, SettingsError};
pub use valuation::{Valuation, Valued};
