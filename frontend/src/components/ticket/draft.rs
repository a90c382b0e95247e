//! What stands on the ticket, and what the simulator says to it.

use leptos::prelude::*;
use rust_decimal::Decimal;
use shared::ledger::{Account, IMPACT_CONFIRMED_FROM};
use shared::money::{MoneyError, Quantity, Usd};
use shared::simulator::{self, Preview};
use shared::time::Timestamp;
use shared::token::TokenKey;
use shared::trade::{AcceptPriceAge, Order, Ppm, Rejection, Size, TradeRequest};

use super::shares;
use crate::desk::commands::Refusal;
use crate::desk::{Desk, Held, use_desk};
use crate::format::typed::{Unclear, editable, typed};

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
    /// It is another device's turn, or there are two branches.
    Held(Held),
    /// No amount.
    Empty,
    /// The amount is no number.
    NotANumber(MoneyError),
    /// The points and commas of the amount could be meant in two ways.
    Unclear(Unclear),
    /// The tolerance of one's own is no share.
    Tolerance,
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
    /// It moves the price so far that the person says so first, by typing this many percent.
    Unconfirmed(Order, Box<Preview>, u32),
    /// It can be placed.
    Ready(Order, Box<Preview>),
}

impl Answer {
    /// The order and the simulator's answer to it, where it has one.
    pub fn preview(&self) -> Option<(&Order, &Preview)> {
        match self {
            Answer::Unconfirmed(order, preview, _) | Answer::Ready(order, preview) => Some((order, preview)),
            Answer::Unready(_) | Answer::Rejected(..) => None,
        }
    }
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
    /// How far the amount received may fall below the quote; `None` for what the account has set.
    pub tolerance: RwSignal<Option<Ppm>>,
    /// The tolerance of one's own, as typed; empty where another is chosen.
    pub own_tolerance: RwSignal<String>,
    /// The price impact in percent, as typed to confirm it.
    pub impact: RwSignal<String>,
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
            own_tolerance: RwSignal::new(String::new()),
            impact: RwSignal::new(String::new()),
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

    /// Takes a tolerance as it is typed. What is no share above zero leaves the ticket not filled in.
    pub fn type_tolerance(&self, text: String) {
        self.tolerance.set(percent(&text).filter(|share| share.parts() > 0));
        self.own_tolerance.set(text);
    }

    /// Whether what stands in the field of one's own tolerance is no tolerance.
    pub fn is_tolerance_wrong(&self) -> bool {
        self.tolerance.get().is_none() && self.own_tolerance.with(|text| !text.trim().is_empty())
    }

    /// The price impact that was typed, if one was.
    fn accepted_impact(&self) -> Option<Ppm> {
        self.impact.with(|text| percent(text))
    }

    /// The largest price impact to go into a request: what the person has accepted, as far as the account's
    /// terms allow it.
    pub fn max_impact(&self) -> Ppm {
        let accepted = self.accepted_impact();
        self.desk.with_account(|account| account.settings().max_impact(accepted)).unwrap_or_default()
    }

    /// The order as entered.
    ///
    /// # Errors
    /// What is missing.
    pub fn order(&self) -> Result<Order, Unready> {
        let token = self.desk.selected.get();
        let size = self.size()?;
        if self.is_tolerance_wrong() {
            return Err(Unready::Tolerance);
        }
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
            Entered::Text(text) => typed(text).map_err(Unready::Unclear)?,
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
        if let Some(held) = self.desk.held() {
            return Answer::Unready(Unready::Held(held));
        }
        let order = match self.order() {
            Ok(order) => order,
            Err(unready) => return Answer::Unready(unready),
        };
        let now = self.desk.now.get();
        let asked = |account: &Account| {
            // What could be confirmed is shown; only what is refused in any case is not.
            let max_impact = Some(account.settings().max_impact(Some(Ppm::ONE)));
            let tolerance = self.tolerance_now();
            let request = TradeRequest { id: no_id(), order, tolerance, accept_price_age, max_impact };
            self.desk.view.with(|view| simulator::preview(account, &request, &view.market, now))
        };
        match self.desk.with_account(asked) {
            None => Answer::Unready(Unready::NoAccount),
            Some(Ok(preview)) => {
                let wanted = preview.impact.parts().div_ceil(10_000);
                let is_confirmed = self.accepted_impact().is_some_and(|share| share.parts() >= wanted * 10_000);
                if preview.impact >= IMPACT_CONFIRMED_FROM && !is_confirmed {
                    Answer::Unconfirmed(order, Box::new(preview), wanted)
                } else {
                    Answer::Ready(order, Box::new(preview))
                }
            }
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
        self.entered.set(Entered::Text(editable(&text.unwrap_or_default())));
    }

    /// Goes back to filling in.
    pub fn edit(&self) {
        if self.stage.get_untracked() != Stage::Placing {
            self.stage.set(Stage::Edit);
        }
    }

    /// Clears the amount after a trade. Consent by hand was for that trade only.
    pub fn clear(&self) {
        self.impact.set(String::new());
        self.entered.set(Entered::Text(String::new()));
        if !self.desk.is_offline() {
            self.consent.set(false);
        }
        self.stage.set(Stage::Edit);
        self.refused.set(None);
    }
}

/// A share as people type it, in percent: `0.5`, `12 %`.
fn percent(text: &str) -> Option<Ppm> {
    let digits = typed(text.trim().trim_end_matches('%')).ok()?;
    let parts = digits.parse::<Decimal>().ok()?.checked_mul(Decimal::from(10_000))?.round();
    u32::try_from(parts).ok().and_then(Ppm::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_read_in_percent_and_nothing_else_is() {
        for (text, parts) in [("0.5", Some(5_000)), ("12 %", Some(120_000)), ("100%", Some(1_000_000)), ("0", Some(0))]
        {
            assert_eq!(percent(text).map(Ppm::parts), parts, "{text}");
        }
        for text in ["", "%", "101", "-1", "a", "0,5", "99999999999999999999999999999"] {
            assert_eq!(percent(text), None, "{text}");
        }
    }
}
