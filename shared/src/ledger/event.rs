//! What can happen to an account. An account is nothing but the fold of its events.

use serde::{Deserialize, Serialize};

use crate::ids::AccountId;
use crate::money::Usd;
use crate::token::Token;
use crate::trade::Trade;

pub use crate::market::MarketKind;

use super::settings::Settings;

/// The birth of an account: always the first event, and only that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opened {
    /// Who the account is.
    pub account: AccountId,
    /// Which market it trades in. Never changes.
    pub market: MarketKind,
    /// What its owner calls it.
    pub name: String,
    /// The cash it starts with.
    pub deposit: Usd,
    /// The terms it starts with.
    pub settings: Settings,
}

/// One thing that happened. How it is written is the [`journal`](super::journal)'s business.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every event of a long journal is a trade: a box would only add a hop"
)]
pub enum Event {
    /// The account was opened.
    Opened(Opened),
    /// Paper dollars were paid in.
    Deposited {
        /// How many. Above zero.
        usd: Usd,
    },
    /// Paper dollars were taken out.
    Withdrawn {
        /// How many. Above zero, and never more than the cash.
        usd: Usd,
    },
    /// The terms were changed. The body is all of the new terms.
    SettingsChanged(Settings),
    /// A token was added by its address. The body is the token.
    TokenAdded(Token),
    /// A trade was filled, or failed and paid its gas.
    Traded(Trade),
}

impl Event {
    /// The word for it, as the journal writes it.
    pub const fn kind(&self) -> &'static str {
        match self {
            Event::Opened(_) => "opened",
            Event::Deposited { .. } => "deposited",
            Event::Withdrawn { .. } => "withdrawn",
            Event::SettingsChanged(_) => "settings_changed",
            Event::TokenAdded(_) => "token_added",
            Event::Traded(_) => "traded",
        }
    }

    /// The trade, if this is one.
    pub const fn trade(&self) -> Option<&Trade> {
        match self {
            Event::Traded(trade) => Some(trade),
            Event::Opened(_)
            | Event::Deposited { .. }
            | Event::Withdrawn { .. }
            | Event::SettingsChanged(_)
            | Event::TokenAdded(_) => None,
        }
    }
}
