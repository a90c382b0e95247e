//! The account: the fold of its events, and nothing else.
//!
//! How trades are booked:
//! - **Buy.** Cash falls by what was paid and by gas; both are the cost of the units received.
//! - **Sell.** Cash rises by what was received less gas; that is the proceeds of the units sold.
//! - **Swap.** A sale paid in tokens: the proceeds are the booked value less gas, and the same
//!   value is the cost of what came in. Gas is paid from cash.
//! - **Failed.** Gas is paid from cash and realised as a loss at once.
//!
//! LP fee, impact and slippage are in the quantities received; their totals are kept beside, so
//! that profit can also be shown without them. From this follows, to the last 10⁻¹² dollar and by
//! every cost method: `equity = net deposits + realised + unrealised`.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Bound;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::ids::{AccountId, TradeId};
use crate::money::{Price, Units, Usd};
use crate::time::Timestamp;
use crate::token::{Origin, Token, TokenKey, TokenTable};
use crate::trade::Trade;

use super::error::LedgerError;
use super::event::{Event, MarketKind, Opened};
use super::footprint::Footprint;
use super::position::{Holding, HoldingError, Lot};
use super::posting::{Asset, Book, Exchange, Postings};
use super::recount::Recount;
use super::settings::{CostMethod, Settings};
use super::totals::Totals;
use super::trade_ids::TradeIds;

/// Longest name of an account, in characters.
pub const MAX_NAME: usize = 64;

/// Whether an account may be called this.
///
/// # Errors
/// [`LedgerError::Name`] for a name that is blank, too long, or not one line of text.
pub fn check_name(name: &str) -> Result<(), LedgerError> {
    let is_long = name.chars().count() > MAX_NAME;
    if name.trim().is_empty() || is_long || name.chars().any(char::is_control) {
        return Err(LedgerError::Name);
    }
    Ok(())
}

/// A paper account as its events left it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Account {
    pub(super) id: AccountId,
    pub(super) name: String,
    pub(super) market: MarketKind,
    pub(super) opened: Timestamp,
    pub(super) at: Timestamp,
    pub(super) settings: Settings,
    pub(super) cash: Usd,
    pub(super) net_deposits: Usd,
    pub(super) realised: Usd,
    pub(super) totals: Totals,
    #[serde(serialize_with = "values")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Position>))]
    pub(super) positions: BTreeMap<TokenKey, Position>,
    #[serde(serialize_with = "values")]
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Token>))]
    pub(super) tokens: BTreeMap<TokenKey, Token>,
    #[serde(skip)]
    pub(super) traded: TradeIds,
}

/// What an account holds, or once held, of one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub(super) token: TokenKey,
    pub(super) holding: Holding,
    pub(super) footprint: Footprint,
}

impl Position {
    fn new(token: TokenKey, method: CostMethod) -> Position {
        Position { token, holding: Holding::new(method), footprint: Footprint::default() }
    }

    /// Which token.
    pub const fn token(&self) -> TokenKey {
        self.token
    }

    /// Base units held.
    pub const fn units(&self) -> Units {
        self.holding.units()
    }

    /// What they cost, gas of buying included, by the account's cost method.
    pub const fn cost(&self) -> Usd {
        self.holding.cost()
    }

    /// Profit or loss realised in this token, gas of selling included, by the account's cost method.
    pub const fn realised(&self) -> Usd {
        self.holding.realised()
    }

    /// The lots held, in the order they will be taken.
    pub fn lots(&self) -> Vec<Lot> {
        self.holding.lots()
    }

    /// Average cost of one whole token of `decimals` decimals; `None` where nothing is held or it
    /// cost nothing.
    pub fn average_price(&self, decimals: u8) -> Option<Price> {
        self.holding.average_price(decimals)
    }

    /// What recent trades left in the token's pool.
    pub const fn footprint(&self) -> Footprint {
        self.footprint
    }

    pub(super) const fn holding(&self) -> &Holding {
        &self.holding
    }
}

impl Serialize for Position {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = serializer.serialize_struct("Position", 6)?;
        out.serialize_field("token", &self.token)?;
        out.serialize_field("units", &self.units())?;
        out.serialize_field("cost", &self.cost())?;
        out.serialize_field("realised", &self.realised())?;
        out.serialize_field("lots", &self.lots())?;
        out.serialize_field("footprint", &self.footprint)?;
        out.end()
    }
}

impl Account {
    /// The account its first event makes.
    ///
    /// # Errors
    /// [`LedgerError`] for a name, deposit or settings that cannot be.
    pub fn open(opened: &Opened, at: Timestamp) -> Result<Account, LedgerError> {
        check_name(&opened.name)?;
        if opened.deposit.is_negative() {
            return Err(LedgerError::AmountNotPositive);
        }
        opened.settings.validate()?;
        Ok(Account {
            id: opened.account,
            name: opened.name.clone(),
            market: opened.market,
            opened: at,
            at,
            settings: opened.settings,
            cash: opened.deposit,
            net_deposits: opened.deposit,
            realised: Usd::ZERO,
            totals: Totals::default(),
            positions: BTreeMap::new(),
            tokens: BTreeMap::new(),
            traded: TradeIds::default(),
        })
    }

    /// Who this is.
    pub const fn id(&self) -> AccountId {
        self.id
    }

    /// What its owner calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which market it trades in.
    pub const fn market(&self) -> MarketKind {
        self.market
    }

    /// When it was opened.
    pub const fn opened_at(&self) -> Timestamp {
        self.opened
    }

    /// When the last event happened.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The terms in force.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// US dollars in cash. Never negative.
    pub const fn cash(&self) -> Usd {
        self.cash
    }

    /// Base units held of a token; zero for one never held.
    pub fn units(&self, key: TokenKey) -> Units {
        self.positions.get(&key).map_or(Units::ZERO, Position::units)
    }

    /// The position in a token, if it was ever held.
    pub fn position(&self, key: TokenKey) -> Option<&Position> {
        self.positions.get(&key)
    }

    /// Every position of which something is held, by chain and address.
    pub fn positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values().filter(|position| !position.units().is_zero())
    }

    /// Every token ever held, those now empty included.
    pub fn all_positions(&self) -> impl Iterator<Item = &Position> {
        self.positions.values()
    }

    /// The token with this key: what ships first, then what the user added.
    pub fn token(&self, key: TokenKey) -> Option<&Token> {
        TokenTable::builtin().get(key).or_else(|| self.tokens.get(&key))
    }

    /// The tokens its owner added.
    pub fn added_tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.values()
    }

    /// Deposits less withdrawals, the opening deposit included.
    pub const fn net_deposits(&self) -> Usd {
        self.net_deposits
    }

    /// Profit or loss realised, gas of failed trades included, by the cost method in force.
    pub const fn realised(&self) -> Usd {
        self.realised
    }

    /// Sums over its trades.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether a trade of this name is in the journal.
    pub fn has_traded(&self, id: TradeId) -> bool {
        self.traded.contains(id)
    }

    /// How many moves a change of the cost method has to take anew.
    pub fn moves(&self) -> usize {
        self.positions.values().map(|position| position.holding.moves()).sum()
    }

    pub(super) fn positions_from(&self, from: Bound<TokenKey>) -> impl Iterator<Item = (TokenKey, &Position)> {
        self.positions.range((from, Bound::Unbounded)).map(|(token, position)| (*token, position))
    }

    /// Whether [`Account::apply`] would take the event. Where it changes the cost method, its holdings by
    /// the new one, for [`Account::apply_with`]; `begun` is what is computed of them.
    ///
    /// # Errors
    /// As [`Account::apply`].
    pub(super) fn check(&self, event: &Event, begun: Option<Recount>) -> Result<Option<Recount>, LedgerError> {
        match event {
            Event::Opened(_) => return Err(LedgerError::AlreadyOpened),
            Event::Deposited { usd } => drop(self.funded(event, *usd)?),
            Event::Withdrawn { usd } => drop(self.funded(event, usd.negated())?),
            Event::SettingsChanged(settings) => return self.check_settings(settings, begun),
            Event::TokenAdded(token) => self.check_token(token)?,
            Event::Traded(trade) => {
                self.check_trade(trade)?;
            }
        }
        Ok(None)
    }

    /// Folds one more event into the account. `at` is never before the last event: an earlier time
    /// counts as that.
    ///
    /// # Errors
    /// [`LedgerError`]; nothing changed.
    pub fn apply(&mut self, event: &Event, at: Timestamp) -> Result<(), LedgerError> {
        self.apply_with(event, at, None)
    }

    /// The same, with what is computed already of the holdings by another method.
    pub(super) fn apply_with(
        &mut self,
        event: &Event,
        at: Timestamp,
        begun: Option<Recount>,
    ) -> Result<(), LedgerError> {
        match event {
            Event::Opened(_) => return Err(LedgerError::AlreadyOpened),
            Event::Deposited { usd } => (self.cash, self.net_deposits) = self.funded(event, *usd)?,
            Event::Withdrawn { usd } => (self.cash, self.net_deposits) = self.funded(event, usd.negated())?,
            Event::SettingsChanged(settings) => self.change_settings(settings, begun)?,
            Event::TokenAdded(token) => {
                self.check_token(token)?;
                self.tokens.insert(token.key, token.clone());
            }
            Event::Traded(trade) => return self.apply_trade(trade, at),
        }
        self.at = self.at.max(at);
        Ok(())
    }

    /// Folds one more trade into the account: what [`Account::apply`] does with [`Event::Traded`].
    ///
    /// # Errors
    /// [`LedgerError`]; nothing changed.
    #[inline]
    pub fn apply_trade(&mut self, trade: &Trade, at: Timestamp) -> Result<(), LedgerError> {
        let Booking { postings, totals, cash, cost, proceeds, mut realised } = self.check_trade(trade)?;
        // Nothing was changed so far, and nothing fails from here on.
        self.at = self.at.max(at);
        for (token, units, comes) in token_moves(&postings) {
            let method = self.settings.cost_method;
            let position = self.positions.entry(token).or_insert_with(|| Position::new(token, method));
            if comes {
                position.holding.receive(units, cost).map_err(|error| refused(token, error))?;
                position.footprint = position.footprint.after_buying(units, self.at);
            } else {
                let gain = position.holding.dispose(units, proceeds).map_err(|error| refused(token, error))?;
                position.footprint = position.footprint.after_selling(units, self.at);
                realised = realised.plus(gain)?;
            }
        }
        (self.cash, self.totals, self.realised) = (cash, totals, realised);
        self.traded.insert(trade.id);
        Ok(())
    }

    /// Everything there is to a trade that can be refused.
    #[inline(always)]
    fn check_trade(&self, trade: &Trade) -> Result<Booking, LedgerError> {
        if self.traded.contains(trade.id) {
            return Err(LedgerError::DuplicateTrade(trade.id));
        }
        if [&trade.sold, &trade.bought].into_iter().flatten().any(|leg| !self.market.admits(leg.source)) {
            return Err(LedgerError::MixedMarkets);
        }
        let gas = trade.gas.usd;
        let exchange = Exchange::of(trade)?;
        let postings = exchange.postings(gas);
        let totals = self.totals.after(trade)?;
        let cash = self.cash_after(&postings)?;
        let (cost, proceeds, lost) = match exchange {
            Exchange::None => (Usd::ZERO, Usd::ZERO, gas),
            Exchange::Buy { paid, .. } => (paid.plus(gas)?, Usd::ZERO, Usd::ZERO),
            Exchange::Sell { received, .. } => (Usd::ZERO, received.minus(gas)?, Usd::ZERO),
            Exchange::Swap { value, .. } => (value, value.minus(gas)?, Usd::ZERO),
        };
        let realised = self.realised.minus(lost)?;
        for (token, units, comes) in token_moves(&postings) {
            match (self.positions.get(&token), comes) {
                (Some(position), true) => {
                    position.holding.check_receipt(units, cost).map_err(|error| refused(token, error))?;
                }
                (Some(position), false) => {
                    position.holding.check_disposal(units, proceeds).map_err(|error| refused(token, error))?;
                    // Whatever is realised lies between these two.
                    realised.plus(proceeds)?.minus(position.cost())?;
                }
                (None, true) => {}
                (None, false) => {
                    return Err(LedgerError::PositionShort { token, needed: units, available: Units::ZERO });
                }
            }
        }
        Ok(Booking { postings, totals, cash, cost, proceeds, realised })
    }

    fn cash_after(&self, postings: &Postings) -> Result<Usd, LedgerError> {
        let mut left = self.cash.atoms();
        for posting in postings.as_slice() {
            if posting.book == Book::Wallet && posting.asset == Asset::Usd {
                left += Usd::from_magnitude(posting.amount.magnitude, posting.amount.negative)?.atoms();
            }
        }
        if left < 0 {
            let needed = Usd::from_atoms(self.cash.atoms() - left)?;
            return Err(LedgerError::CashShort { needed, available: self.cash });
        }
        Ok(Usd::from_atoms(left)?)
    }

    /// Cash and net deposits after `net` dollars came from outside, or went there.
    fn funded(&self, event: &Event, net: Usd) -> Result<(Usd, Usd), LedgerError> {
        if net.is_zero() {
            return Err(LedgerError::AmountNotPositive);
        }
        let cash = self.cash_after(&event.postings()?)?;
        Ok((cash, self.net_deposits.plus(net)?))
    }

    /// The holdings by the method of these settings, where it is another one.
    fn check_settings(&self, settings: &Settings, begun: Option<Recount>) -> Result<Option<Recount>, LedgerError> {
        settings.validate()?;
        if settings.cost_method == self.settings.cost_method {
            return Ok(None);
        }
        let recount = Recount::whole(begun, self, settings.cost_method)?;
        self.realised_by(&recount)?;
        Ok(Some(recount))
    }

    fn change_settings(&mut self, settings: &Settings, begun: Option<Recount>) -> Result<(), LedgerError> {
        if let Some(recount) = self.check_settings(settings, begun)? {
            self.realised = self.realised_by(&recount)?;
            for (position, holding) in self.positions.values_mut().zip(recount.into_holdings()) {
                position.holding = holding;
            }
        }
        self.settings = *settings;
        Ok(())
    }

    /// What failed trades cost is realised outside of any position.
    fn realised_by(&self, recount: &Recount) -> Result<Usd, LedgerError> {
        recount.realised(self.totals.gas_of_failed.negated())
    }

    /// Takes a token whether or not it is built in: the built-in table may have grown since the
    /// entry was written, and an old journal stays good. [`Account::token`] prefers what is built in.
    fn check_token(&self, token: &Token) -> Result<(), LedgerError> {
        if token.origin != Origin::User || token.pinned {
            return Err(LedgerError::TokenClaims);
        }
        let checked = Token::user(token.key, &token.symbol, token.decimals, token.coin_id.as_deref())?;
        if checked.symbol != token.symbol {
            return Err(crate::token::TokenError::Symbol.into());
        }
        if self.tokens.contains_key(&token.key) {
            return Err(LedgerError::TokenKnown(token.key));
        }
        Ok(())
    }
}

/// A trade that was checked, and what it comes to.
struct Booking {
    postings: Postings,
    totals: Totals,
    cash: Usd,
    /// Cost of what comes in.
    cost: Usd,
    /// Proceeds of what goes.
    proceeds: Usd,
    /// Realised before any disposal.
    realised: Usd,
}

/// The tokens that the postings move into (`true`) and out of the wallet.
fn token_moves(postings: &Postings) -> impl Iterator<Item = (TokenKey, Units, bool)> {
    postings.as_slice().iter().filter_map(|posting| match (posting.book, posting.asset) {
        (Book::Wallet, Asset::Token(token)) => Some((token, Units(posting.amount.magnitude), !posting.amount.negative)),
        (Book::Wallet, Asset::Usd) | (Book::Market | Book::Gas | Book::Funding, _) => None,
    })
}

pub(super) fn refused(token: TokenKey, error: HoldingError) -> LedgerError {
    match error {
        HoldingError::Short { needed, available } => LedgerError::PositionShort { token, needed, available },
        HoldingError::Money(_) => LedgerError::TooLarge,
    }
}

fn values<K, V: Serialize, S: Serializer>(map: &BTreeMap<K, V>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.values())
}
