//! Double entry: what every event moves, from which book to which.
//!
//! The postings of an event sum to zero for each asset, always; an account's balances are moved by
//! the [`Book::Wallet`] postings and by nothing else. Postings are kept on the stack: booking a
//! trade allocates nothing.

use alloy_primitives::U256;
use serde::{Serialize, Serializer};

use crate::money::{Units, Usd};
use crate::token::TokenKey;
use crate::trade::{Amount, Costs, Order, Trade};

use super::error::LedgerError;
use super::event::Event;

/// Whose balance a posting changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// The account itself: its cash and its tokens.
    Wallet,
    /// Everyone it trades with.
    Market,
    /// What went to the chain for gas.
    Gas,
    /// Where deposits come from and withdrawals go.
    Funding,
}

/// What a posting is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Asset {
    /// US dollars; amounts in 10⁻¹² dollars.
    Usd,
    /// A token; amounts in its base units.
    Token(TokenKey),
}

/// A signed amount in the smallest unit of its asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delta {
    /// Whether it leaves the book.
    pub negative: bool,
    /// How much moves.
    pub magnitude: U256,
}

impl Serialize for Delta {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sign = if self.negative && !self.magnitude.is_zero() { "-" } else { "" };
        serializer.collect_str(&format_args!("{sign}{}", Units(self.magnitude)))
    }
}

/// One line of a booking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Posting {
    /// Whose balance changes.
    pub book: Book,
    /// In what.
    pub asset: Asset,
    /// By how much.
    pub amount: Delta,
}

/// The postings of one event: at most three pairs.
#[derive(Debug, Clone, Copy)]
pub struct Postings {
    all: [Posting; 6],
    len: usize,
}

const NOTHING: Posting =
    Posting { book: Book::Wallet, asset: Asset::Usd, amount: Delta { negative: false, magnitude: U256::ZERO } };

impl Postings {
    const fn none() -> Postings {
        Postings { all: [NOTHING; 6], len: 0 }
    }

    /// Moves an amount from one book to another: the only way postings come to be, so that they
    /// cannot but sum to zero.
    fn moved(mut self, asset: Asset, magnitude: U256, from: Book, to: Book) -> Postings {
        self.all[self.len] = Posting { book: from, asset, amount: Delta { negative: true, magnitude } };
        self.all[self.len + 1] = Posting { book: to, asset, amount: Delta { negative: false, magnitude } };
        self.len += 2;
        self
    }

    /// The postings, each pair in the order it was booked.
    pub fn as_slice(&self) -> &[Posting] {
        &self.all[..self.len]
    }
}

/// What was exchanged for what, with the shape of the trade checked against its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Nothing: the trade failed.
    None,
    /// Dollars for a token.
    Buy { token: TokenKey, paid: Usd, received: Units },
    /// A token for dollars.
    Sell { token: TokenKey, paid: Units, received: Usd },
    /// A token for a token, booked at a value in dollars.
    Swap { from: TokenKey, paid: Units, to: TokenKey, received: Units, value: Usd },
}

impl Exchange {
    /// Reads the exchange out of a trade.
    pub(super) fn of(trade: &Trade) -> Result<Exchange, LedgerError> {
        if trade.gas.usd.is_negative() {
            return Err(LedgerError::Malformed("gas is negative"));
        }
        if !trade.is_filled() {
            if !trade.value.is_zero() || trade.costs != Costs::default() {
                return Err(LedgerError::Malformed("a failed trade has no value and no cost but gas"));
            }
            return Ok(Exchange::None);
        }
        if trade.value.is_negative() {
            return Err(LedgerError::Malformed("the value is negative"));
        }
        let exchange = match (trade.order, trade.paid, trade.received) {
            (Order::Buy { token, .. }, Amount::Usd(paid), Amount::Units(received)) => {
                if paid != trade.value {
                    return Err(LedgerError::Malformed("the value of a buy is what was paid"));
                }
                Exchange::Buy { token, paid, received }
            }
            (Order::Sell { token, .. }, Amount::Units(paid), Amount::Usd(received)) => {
                if received != trade.value {
                    return Err(LedgerError::Malformed("the value of a sale is what was received"));
                }
                Exchange::Sell { token, paid, received }
            }
            (Order::Swap { from, to, .. }, Amount::Units(paid), Amount::Units(received)) => {
                if from == to {
                    return Err(LedgerError::Malformed("a swap of a token into itself"));
                }
                if from.chain != to.chain {
                    return Err(LedgerError::Malformed("a swap between chains"));
                }
                Exchange::Swap { from, paid, to, received, value: trade.value }
            }
            (Order::Buy { .. } | Order::Sell { .. } | Order::Swap { .. }, _, _) => {
                return Err(LedgerError::Malformed(
                    "an amount is in dollars where it should be in units, or the reverse",
                ));
            }
        };
        let no_units = match exchange {
            Exchange::None => false,
            Exchange::Buy { received, .. } => received.is_zero(),
            Exchange::Sell { paid, .. } => paid.is_zero(),
            Exchange::Swap { paid, received, .. } => paid.is_zero() || received.is_zero(),
        };
        if no_units { Err(LedgerError::Malformed("a fill of no units")) } else { Ok(exchange) }
    }

    /// The postings of this exchange and of its gas.
    pub(super) fn postings(&self, gas: Usd) -> Postings {
        let exchanged = match *self {
            Exchange::None => Postings::none(),
            Exchange::Buy { token, paid, received } => Postings::none()
                .moved(Asset::Usd, paid.magnitude(), Book::Wallet, Book::Market)
                .moved(Asset::Token(token), received.0, Book::Market, Book::Wallet),
            Exchange::Sell { token, paid, received } => Postings::none()
                .moved(Asset::Token(token), paid.0, Book::Wallet, Book::Market)
                .moved(Asset::Usd, received.magnitude(), Book::Market, Book::Wallet),
            Exchange::Swap { from, paid, to, received, .. } => Postings::none()
                .moved(Asset::Token(from), paid.0, Book::Wallet, Book::Market)
                .moved(Asset::Token(to), received.0, Book::Market, Book::Wallet),
        };
        exchanged.moved(Asset::Usd, gas.magnitude(), Book::Wallet, Book::Gas)
    }
}

impl Event {
    /// The double entry of this event. Settings and tokens move nothing.
    ///
    /// # Errors
    /// [`LedgerError::Malformed`] for a trade whose amounts do not fit its order, or a negative
    /// deposit or withdrawal.
    pub fn postings(&self) -> Result<Postings, LedgerError> {
        let funding = |usd: Usd, from, to| {
            if usd.is_negative() {
                return Err(LedgerError::AmountNotPositive);
            }
            Ok(Postings::none().moved(Asset::Usd, usd.magnitude(), from, to))
        };
        match self {
            Event::Opened(opened) => funding(opened.deposit, Book::Funding, Book::Wallet),
            Event::Deposited { usd } => funding(*usd, Book::Funding, Book::Wallet),
            Event::Withdrawn { usd } => funding(*usd, Book::Wallet, Book::Funding),
            Event::SettingsChanged(_) | Event::TokenAdded(_) => Ok(Postings::none()),
            Event::Traded(trade) => Ok(Exchange::of(trade)?.postings(trade.gas.usd)),
        }
    }
}
