//! What happened, kept so that it can be trusted to the last digit.
//!
//! A [`journal`] is an append-only list of [`event`]s, each entry chained to the one before it by its
//! hash; an [`account`] is the fold of its events. Every event is booked twice over ([`posting`]), so
//! nothing appears or vanishes; what is held of a token and what it cost is a [`position`], by the
//! method the [`settings`] name; a [`valuation`] puts prices to it. Exactly, always:
//! `equity = net deposits + realised + unrealised`.
//!
//! [`Ledger`] is the way in: [`Ledger::open`], [`Ledger::append`], [`Ledger::replay`]. What is long for
//! an old account can be had in pieces: [`Reading`] takes a journal line by line, [`Recount`] changes the
//! cost method, a [`snapshot`] opens without reading, an [`Outline`] finds entries. [`plain`] books fills
//! from anywhere by the same cost methods, [`csv`] takes trades out.

pub mod account;
pub mod csv;
pub mod curve;
mod digits;
pub mod error;
pub mod event;
pub mod footprint;
pub mod journal;
pub mod outline;
pub mod plain;
pub mod position;
pub mod posting;
pub mod reading;
pub mod recount;
pub mod settings;
pub mod snapshot;
pub mod totals;
mod trade_ids;
mod traded;
pub mod valuation;

pub use account::{Account, Position};
pub use csv::{TradeRows, trades_csv};
pub use curve::{Curve, Point};
pub use error::LedgerError;
pub use event::{Event, MarketKind, Opened};
pub use footprint::{FOOTPRINT_HALF_LIFE_MS, Footprint};
pub use journal::{Damage, Draft, Entry, Head, JournalError, Ledger, Replay, Truncated, VERSION};
pub use outline::{Kind, Outline, Wanted};
pub use position::{Holding, Lot};
pub use reading::Reading;
pub use recount::Recount;
pub use settings::{CostMethod, IMPACT_CONFIRMED_FROM, IMPACT_REFUSED_FROM, Settings, SettingsError};
pub use snapshot::Folded;
pub use totals::Totals;
pub use valuation::{Valuation, Valued};
