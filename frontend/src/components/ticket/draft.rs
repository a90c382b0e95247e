//! What stands on the ticket, and what the simulator says to it.

use leptos::prelude::*;
use shared::ledger::Account;
use shared::money::{MoneyError, Quantity, Usd};
use shared::simulator::{self, Preview};
use shared::time::Timestamp;
use shared::token::TokenKey;
use shared::trade::{AcceptPriceAge, Order, Ppm, Rejection, Size, TradeRequest};

use crate::desk::commands::Refusal;
use crate::desk::{Desk, use_desk};
use crate::format::number::typed;

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Dollars into the token.
    Buy,
    /// The token into dollars.
    Sell,
    /// The token into another.
    Swap,
}

/// What the amount counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Dollars.
    Usd,
    /// Whole tokens.
    Token,
}

/// The amount as it was entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// As typed.
    Text(String),
    /// Everything there is.
    All,
}

/// How far the ticket has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Being filled in.
    Edit,
    /// Filled in and under review. Holds the number of the account's last entry at that moment: the
    /// confirmation is for the figures of this state.
    Review {
        /// The account's last entry.
        seen: u64,
    },
    /// Confirmed, and on its way to the disk.
    Placing,
}

/// What is missing before the simulator can be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unready {
    /// No account is open yet.
    NoAccount,
    /// No amount.
    Empty,
    /// The amount is no number.
    NotANumber(MoneyError),
    /// A swap without its other token.
    NoOther,
}

/// What the ticket amounts to now.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// It is not filled in.
    Unready(Unready),
    /// The simulator refuses it.
    Rejected(Order, Rejection),
    /// It can be placed.
    Ready(Order, Box<Preview>),
}

/// The ticket's state.
#[derive(Clone, Copy)]
pub struct Draft {
    desk: Desk,
    /// Which way.
    pub side: RwSignal<Side>,
    /// What a swap ends in.
    pub other: RwSignal<Option<TokenKey>>,
    /// The amount.
    pub entered: RwSignal<Entered>,
    /// What it counts.
    pub unit: RwSignal<Unit>,
    /// How far the amount received may fall below the quote.
    pub tolerance: RwSignal<Option<Ppm>>,
    /// Whether the person accepts the age of an expired price.
    pub consent: RwSignal<bool>,
    /// How far it has come.
    pub stage: RwSignal<Stage>,
    /// Why the last try came to nothing, until something is changed.
    pub refused: RwSignal<Option<Refusal>>,
}

/// The id in a request that is only previewed. Nothing reads it.
fn no_id() -> shared::ids::TradeId {
    shared::ids::TradeId::new(Timestamp::EPOCH, [0; 10])
}

impl Draft {
    /// An empty ticket.
    pub fn new() -> Draft {
        Draft {
            desk: use_desk(),
            side: RwSignal::new(Side::Buy),
            other: RwSignal::new(None),
            entered: RwSignal::new(Entered::Text(String::new())),
            unit: RwSignal::new(Unit::Usd),
            tolerance: RwSignal::new(None),
            consent: RwSignal::new(false),
            stage: RwSignal::new(Stage::Edit),
            refused: RwSignal::new(None),
        }
    }

    /// The tolerance in force: the ticket's own, or the account's.
    pub fn tolerance_now(&self) -> Ppm {
        let own = self.tolerance.get();
        own.or_else(|| self.desk.with_account(|account| account.settings().tolerance)).unwrap_or_default()
    }

    /// The order as entered.
    ///
    /// # Errors
    /// What is missing.
    pub fn order(&self) -> Result<Order, Unready> {
        let token = self.desk.selected.get();
        let size = self.size()?;
        match self.side.get() {
            Side::Buy => Ok(Order::Buy { token, size }),
            Side::Sell => Ok(Order::Sell { token, size }),
            Side::Swap => Ok(Order::Swap { from: token, to: self.other.get().ok_or(Unready::NoOther)?, size }),
        }
    }

    fn size(&self) -> Result<Size, Unready> {
        let entered = self.entered.read();
        let text = match &*entered {
            Entered::All => return Ok(Size::All),
            Entered::Text(text) => typed(text),
        };
        if text.is_empty() {
            return Err(Unready::Empty);
        }
        let size = match self.unit.get() {
            Unit::Usd => text.parse::<Usd>().map(Size::Usd),
            Unit::Token => text.parse::<Quantity>().map(Size::Token),
        };
        size.map_err(Unready::NotANumber)
    }

    /// Asks the simulator without consent to old prices: what an expired price would be refused for.
    fn asked(&self, accept_price_age: AcceptPriceAge) -> Answer {
        if self.desk.book.with(Option::is_none) {
            return Answer::Unready(Unready::NoAccount);
        }
        let order = match self.order() {
            Ok(order) => order,
            Err(unready) => return Answer::Unready(unready),
        };
        let request = TradeRequest { id: no_id(), order, tolerance: self.tolerance_now(), accept_price_age };
        let now = self.desk.now.get();
        let asked =
            |account: &Account| self.desk.view.with(|view| simulator::preview(account, &request, &view.market, now));
        match self.desk.with_account(asked) {
            None => Answer::Unready(Unready::NoAccount),
            Some(Ok(preview)) => Answer::Ready(order, Box::new(preview)),
            Some(Err(rejection)) => Answer::Rejected(order, rejection),
        }
    }

    /// Whether a price is too old to be traded on without consent.
    pub fn needs_consent(&self) -> bool {
        matches!(
            self.asked(AcceptPriceAge::No),
            Answer::Rejected(_, Rejection::PriceExpired { .. } | Rejection::GasPriceExpired { .. })
        )
    }

    /// What the ticket amounts to now.
    pub fn answer(&self) -> Answer {
        self.asked(self.accept_price_age())
    }

    /// The consent that goes with the order: the desk's own while it is offline and says so, the
    /// person's where they ticked it. An expired price is never used without the tick.
    pub fn accept_price_age(&self) -> AcceptPriceAge {
        let is_offline = self.desk.is_offline();
        match (self.consent.get(), is_offline) {
            (true, true) => AcceptPriceAge::Offline,
            (true, false) => AcceptPriceAge::ByHand,
            (false, true) if !self.needs_consent() => AcceptPriceAge::Offline,
            (false, _) => AcceptPriceAge::No,
        }
    }

    /// Fills in a share of what there is: cash for a buy, the position otherwise.
    pub fn take(&self, percent: u8) {
        let side = self.side.get_untracked();
        self.unit.set(if side == Side::Buy { Unit::Usd } else { Unit::Token });
        if percent >= 100 {
            self.entered.set(Entered::All);
            return;
        }
        let token = self.desk.selected.get_untracked();
        let text = self.desk.book.with_untracked(|book| {
            let account = book.as_ref()?.account();
            match side {
                Side::Buy => shares::of_usd(account.cash(), percent),
                Side::Sell | Side::Swap => {
                    let units = account.units(token);
                    let decimals = account.token(token)?.decimals;
                    shares::of_units(units, percent).map(|units| units.quantity(decimals).to_string())
                }
            }
        });
        self.entered.set(Entered::Text(text.unwrap_or_default()));
    }

    /// Goes back to filling in.
    pub fn edit(&self) {
        if self.stage.get_untracked() != Stage::Placing {
            self.stage.set(Stage::Edit);
        }
    }

    /// Clears the amount after a trade. Consent by hand was for that trade only.
    pub fn clear(&self) {
        self.entered.set(Entered::Text(String::new()));
        if !self.desk.is_offline() {
            self.consent.set(false);
        }
        self.stage.set(Stage::Edit);
        self.refused.set(None);
    }
}

/// Shares of what there is.
mod shares {
    use shared::money::{Rounding, Units, Usd};

    /// `percent` of a dollar amount, rounded down to the cent, as text.
    pub fn of_usd(usd: Usd, percent: u8) -> Option<String> {
        const CENT: i128 = 10_000_000_000;
        let atoms = usd.atoms().checked_mul(i128::from(percent))? / 100;
        Usd::from_atoms(atoms / CENT * CENT).ok().map(|usd| usd.to_string())
    }

    /// `percent` of a token amount, rounded down.
    pub fn of_units(units: Units, percent: u8) -> Option<Units> {
        let percent = percent.to_string().parse::<Units>().ok()?;
        let hundred = "100".parse::<Units>().ok()?;
        units.portion(percent.0, hundred.0, Rounding::Down).ok()
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn shares_are_rounded_down_so_that_they_are_always_there() {
            assert_eq!(of_usd("9999.99".parse().unwrap(), 25).unwrap(), "2499.99");
            assert_eq!(of_usd("0.03".parse().unwrap(), 50).unwrap(), "0.01");
            assert_eq!(of_units("7".parse().unwrap(), 50).unwrap().to_string(), "3");
        }
    }
}
