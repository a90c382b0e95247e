//! Why the ledger would not take an event.

use crate::ids::TradeId;
use crate::money::{MoneyError, Units, Usd};
use crate::token::{TokenError, TokenKey};

use super::settings::SettingsError;

/// Why an event was refused. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The first event must open the account.
    #[error("the first entry must open the account")]
    NotOpened,
    /// A second opening.
    #[error("the account is already open")]
    AlreadyOpened,
    /// A name that is empty, too long, or holds control characters.
    #[error("an account's name has 1 to 64 visible characters")]
    Name,
    /// A deposit or withdrawal of nothing or less.
    #[error("the amount must be above zero")]
    AmountNotPositive,
    /// More dollars would leave than there are.
    #[error("this needs ${needed}, and the account has ${available} in cash")]
    CashShort {
        /// Dollars that would leave, less those that come in with the same event.
        needed: Usd,
        /// Dollars in cash.
        available: Usd,
    },
    /// More of a token would leave than there is.
    #[error("this needs {needed} base units of {token}, and the account holds {available}")]
    PositionShort {
        /// The token.
        token: TokenKey,
        /// Base units that would leave.
        needed: Units,
        /// Base units held.
        available: Units,
    },
    /// The trade's id is already in the journal.
    #[error("trade {0} is already in the journal")]
    DuplicateTrade(TradeId),
    /// A demo price in a real account, or the reverse.
    #[error("demo prices and real prices never mix in one account")]
    MixedMarkets,
    /// Settings nobody could trade on.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A token that cannot be.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// A token added twice, or one that is built in.
    #[error("token {0} is already known")]
    TokenKnown(TokenKey),
    /// An added token that claims to be built in, or to be worth a dollar.
    #[error("an added token cannot be built in or pinned")]
    TokenClaims,
    /// A trade that contradicts itself.
    #[error("the trade contradicts itself: {0}")]
    Malformed(&'static str),
    /// A sum that the numbers of the ledger cannot hold.
    #[error("the amount is too large to account for")]
    TooLarge,
}

impl From<MoneyError> for LedgerError {
    fn from(_: MoneyError) -> Self {
        LedgerError::TooLarge
    }
}
