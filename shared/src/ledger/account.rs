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

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::ids::{AccountId, TradeId};
use crate::money::{MoneyError, Price, Units, Usd};
use crate::time::Timestamp;
use crate::token::{Origin, Token, TokenKey, TokenTable};
use crate::trade::{Order, Trade};

use super::error::LedgerError;
use super::event::{Event, MarketKind, Opened};
use super::footprint::Footprint;
use super::position::{Holding, HoldingError, Lot};
use super::posting::{Asset, Book, Exchange, Postings};
use super::recount::Recount;
use super::settings::{CostMethod, Settings};

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

/// Sums over an account's trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Totals {
    /// Trades that were filled.
    pub filled: u64,
    /// Trades that failed and paid their gas.
    pub failed: u64,
    /// Dollars at which filled trades were booked: the account's volume.
    pub volume: Usd,
    /// Gas of buys; it is in the cost of what they bought.
    pub gas_of_buys: Usd,
    /// Gas of sells; it came out of their proceeds.
    pub gas_of_sells: Usd,
    /// Gas of swaps; it came out of their proceeds.
    pub gas_of_swaps: Usd,
    /// Gas of trades that failed; it was realised at once.
    pub gas_of_failed: Usd,
    /// Fees to liquidity providers, at mid prices.
    pub lp_fees: Usd,
    /// Price impact, at mid prices.
    pub impact: Usd,
    /// Slippage, at mid prices. Negative when it helped.
    pub slippage: Usd,
}

impl Totals {
    /// Trades in all, filled and failed.
    pub const fn trades(&self) -> u64 {
        self.filled + self.failed
    }

    /// All gas.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn gas(&self) -> Result<Usd, MoneyError> {
        self.gas_of_buys.plus(self.gas_of_sells)?.plus(self.gas_of_swaps)?.plus(self.gas_of_failed)
    }

    /// Everything trading cost: gas, LP fees, impact and slippage.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn costs(&self) -> Result<Usd, MoneyError> {
        self.gas()?.plus(self.lp_fees)?.plus(self.impact)?.plus(self.slippage)
    }

    fn after(mut self, trade: &Trade) -> Result<Totals, MoneyError> {
        let gas = trade.gas.usd;
        if !trade.is_filled() {
            self.failed += 1;
            self.gas_of_failed = self.gas_of_failed.plus(gas)?;
            return Ok(self);
        }
        let part = match trade.order {
            Order::Buy { .. } => &mut self.gas_of_buys,
            Order::Sell { .. } => &mut self.gas_of_sells,
            Order::Swap { .. } => &mut self.gas_of_swaps,
        };
        *part = part.plus(gas)?;
        self.filled += 1;
        self.volume = self.volume.plus(trade.value)?;
        self.lp_fees = self.lp_fees.plus(trade.costs.lp_fee)?;
        self.impact = self.impact.plus(trade.costs.impact)?;
        self.slippage = self.slippage.plus(trade.costs.slippage)?;
        Ok(self)
    }
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

/// The names of all trades. Ids sort by the time they were made, so nearly every one is later than
/// all before it and joins the end of a sorted run; the few that are not go to a set beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct TradeIds {
    pub(super) run: Vec<TradeId>,
    pub(super) late: BTreeSet<TradeId>,
}

impl TradeIds {
    fn contains(&self, id: TradeId) -> bool {
        if self.run.last().is_none_or(|last| *last < id) {
            return false;
        }
        self.run.binary_search(&id).is_ok() || self.late.contains(&id)
    }

    pub(super) fn insert(&mut self, id: TradeId) {
        if self.run.last().is_none_or(|last| *last < id) {
            self.run.push(id);
        } else {
            self.late.insert(id);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::*;
    use crate::chain::Chain;
    use crate::quote::Source;
    use crate::trade::{
        AcceptPriceAge, Amount, Costs, Depth, Failure, GasPaid, GasSource, Leg, Outcome, Ppm, Seed, Size,
    };

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    fn token(symbol: &str) -> TokenKey {
        TokenTable::builtin().by_symbol(Chain::Ethereum, symbol).unwrap().key
    }

    fn units(quantity: &str, symbol: &str) -> Units {
        let token = TokenTable::builtin().get(token(symbol)).unwrap();
        Units::parse(quantity, token.decimals).unwrap()
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    fn account() -> Account {
        let opened = Opened {
            account: AccountId::from_bytes([1; 16]),
            market: MarketKind::Real,
            name: "Mine".into(),
            deposit: usd("10000"),
            settings: Settings::default(),
        };
        Account::open(&opened, at(0)).unwrap()
    }

    fn trade(n: u8, order: Order, paid: Amount, received: Amount, value: &str, gas: &str) -> Trade {
        let leg = Leg {
            price: Price::ONE,
            age_ms: 0,
            source: Source::Coingecko,
            depth: Depth::Assumed(usd("1000000")),
            fee: Ppm::from_bps(30),
            sigma: 0,
        };
        Trade {
            id: TradeId::new(at(n.into()), [n; 10]),
            order,
            tolerance: Ppm::ONE,
            accept_price_age: AcceptPriceAge::No,
            sim: 1,
            seed: Seed(0),
            outcome: Outcome::Filled,
            paid,
            quoted: received,
            minimum: Amount::Units(Units::ZERO),
            received,
            value: usd(value),
            costs: Costs { lp_fee: usd("3"), impact: usd("2"), slippage: usd("-1") },
            sold: order.sold().map(|_| leg),
            bought: order.bought().map(|_| leg),
            latency_ms: 0,
            gas: GasPaid {
                units: 1,
                base_fee: 1,
                priority_fee: 0,
                l1_fee: 0,
                native: Price::ONE,
                source: GasSource::Default,
                usd: usd(gas),
            },
            execution_us: 0,
        }
    }

    fn buy(n: u8, symbol: &str, paid: &str, quantity: &str, gas: &str) -> Trade {
        let order = Order::Buy { token: token(symbol), size: Size::All };
        trade(n, order, Amount::Usd(usd(paid)), Amount::Units(units(quantity, symbol)), paid, gas)
    }

    fn sell(n: u8, symbol: &str, quantity: &str, received: &str, gas: &str) -> Trade {
        let order = Order::Sell { token: token(symbol), size: Size::All };
        trade(n, order, Amount::Units(units(quantity, symbol)), Amount::Usd(usd(received)), received, gas)
    }

    fn swap(n: u8, (from, paid): (&str, &str), (to, received): (&str, &str), value: &str, gas: &str) -> Trade {
        let order = Order::Swap { from: token(from), to: token(to), size: Size::All };
        trade(n, order, Amount::Units(units(paid, from)), Amount::Units(units(received, to)), value, gas)
    }

    fn failed(trade: Trade) -> Trade {
        Trade { outcome: Outcome::Failed(Failure::Chance), value: Usd::ZERO, costs: Costs::default(), ..trade }
    }

    #[test]
    fn every_trade_is_booked_as_the_conventions_say() {
        let mut account = account();
        for (step, cash, weth_cost, wbtc_cost, realised) in [
            // Gas of buying is cost.
            (buy(1, "WETH", "3000", "1", "10"), "6990", "3010", "0", "0"),
            (buy(2, "WETH", "3290", "1", "0.5"), "3699.5", "6300.5", "0", "0"),
            // Gas of selling comes out of the proceeds: 1600 - 4 - 1575.125.
            (sell(3, "WETH", "0.5", "1600", "4"), "5295.5", "4725.375", "0", "20.875"),
            // A swap is a sale at its value, and that value is the cost of what comes in:
            // 3200 - 5 - 3150.25 is realised.
            (swap(4, ("WETH", "1"), ("WBTC", "0.05"), "3200", "5"), "5290.5", "1575.125", "3200", "65.625"),
            // What fails costs its gas, at once.
            (failed(buy(5, "WETH", "100", "1", "7")), "5283.5", "1575.125", "3200", "58.625"),
        ] {
            account.apply_trade(&step, at(9)).unwrap();
            let cost = |symbol| account.position(token(symbol)).map_or(Usd::ZERO, Position::cost);
            assert_eq!((account.cash(), cost("WETH"), cost("WBTC")), (usd(cash), usd(weth_cost), usd(wbtc_cost)));
            assert_eq!(account.realised(), usd(realised));
        }
        assert_eq!(account.units(token("WETH")), units("0.5", "WETH"));
        let totals = account.totals();
        assert_eq!((totals.filled, totals.failed, totals.volume), (4, 1, usd("11090")));
        assert_eq!(totals.gas().unwrap(), usd("26.5"));
        assert_eq!((totals.lp_fees, totals.impact, totals.slippage), (usd("12"), usd("8"), usd("-4")));
        let prices = [("WETH", "3100"), ("WBTC", "65000")];
        let prices = prices.map(|(symbol, price)| (token(symbol), price.parse().unwrap()));
        let valuation = account.valuation(&prices.into()).unwrap();
        // 5283.5 + 1550 + 3250.
        assert_eq!(valuation.equity, Some(usd("10083.5")));
        assert_eq!((valuation.unrealised, valuation.profit), (Some(usd("24.875")), Some(usd("83.5"))));
        assert_eq!((valuation.costs, valuation.profit_before_costs), (usd("42.5"), Some(usd("126"))));
        assert_eq!(valuation.return_ppm, Some(8_350));
        assert_eq!(valuation.positions[0].average.map(|price| price.to_string()).as_deref(), Some("64000"));
    }

    #[test]
    fn an_unknown_price_is_never_zero() {
        let mut account = account();
        account.apply_trade(&buy(1, "WETH", "3000", "1", "10"), at(1)).unwrap();
        account.apply_trade(&buy(2, "USDC", "100", "99", "1"), at(1)).unwrap();
        let valuation = account.valuation(&BTreeMap::new()).unwrap();
        assert_eq!((valuation.equity, valuation.unrealised, valuation.profit), (None, None, None));
        assert_eq!((valuation.profit_before_costs, valuation.return_ppm), (None, None));
        assert_eq!(valuation.unpriced().collect::<Vec<_>>(), [token("WETH")]);
        // What is known stands, and a pinned stablecoin is a dollar without being asked for.
        assert_eq!((valuation.cash, valuation.realised), (usd("6889"), Usd::ZERO));
        let usdc = valuation.positions.iter().find(|position| position.token == token("USDC")).unwrap();
        assert_eq!(
            (usdc.value, usdc.unrealised, usdc.unrealised_ppm),
            (Some(usd("99")), Some(usd("-2")), Some(-19_802))
        );
    }

    #[test]
    fn a_trade_that_cannot_be_is_refused_and_changes_nothing() {
        let mut account = account();
        account.apply_trade(&buy(1, "WETH", "3000", "1", "10"), at(1)).unwrap();
        let before = account.clone();
        let good = buy(2, "WETH", "100", "0.03", "1");
        let demo = Leg { source: Source::Demo, ..good.bought.unwrap() };
        let weth = token("WETH");
        let base = TokenTable::builtin().by_symbol(Chain::Base, "WETH").unwrap().key;
        let one = Amount::Units(Units(U256::ONE));
        for (trade, error) in [
            (
                buy(2, "WETH", "6990", "2", "0.000000000001"),
                LedgerError::CashShort { needed: usd("6990.000000000001"), available: usd("6990") },
            ),
            (
                failed(buy(2, "WETH", "1", "2", "6991")),
                LedgerError::CashShort { needed: usd("6991"), available: usd("6990") },
            ),
            (sell(2, "WETH", "1", "1", "6992"), LedgerError::CashShort { needed: usd("6991"), available: usd("6990") }),
            (
                sell(2, "WETH", "1.5", "1", "1"),
                LedgerError::PositionShort { token: weth, needed: units("1.5", "WETH"), available: units("1", "WETH") },
            ),
            (
                sell(2, "WBTC", "1", "1", "1"),
                LedgerError::PositionShort { token: token("WBTC"), needed: units("1", "WBTC"), available: Units::ZERO },
            ),
            (
                swap(2, ("WETH", "2"), ("WBTC", "1"), "1", "1"),
                LedgerError::PositionShort { token: weth, needed: units("2", "WETH"), available: units("1", "WETH") },
            ),
            (buy(1, "WETH", "100", "0.03", "1"), LedgerError::DuplicateTrade(TradeId::new(at(1), [1; 10]))),
            (Trade { bought: Some(demo), ..good.clone() }, LedgerError::MixedMarkets),
            (Trade { value: usd("99"), ..good.clone() }, LedgerError::Malformed("the value of a buy is what was paid")),
            (
                Trade { received: Amount::Units(Units::ZERO), ..good.clone() },
                LedgerError::Malformed("a fill of no units"),
            ),
            (
                Trade { gas: GasPaid { usd: usd("-1"), ..good.gas }, ..good.clone() },
                LedgerError::Malformed("gas is negative"),
            ),
            (
                Trade { value: usd("1"), ..failed(good.clone()) },
                LedgerError::Malformed("a failed trade has no value and no cost but gas"),
            ),
            (
                Trade { paid: one, ..good.clone() },
                LedgerError::Malformed("an amount is in dollars where it should be in units, or the reverse"),
            ),
            (
                trade(2, Order::Buy { token: weth, size: Size::All }, Amount::Usd(usd("-1")), one, "-1", "0"),
                LedgerError::Malformed("the value is negative"),
            ),
            (
                trade(2, Order::Swap { from: weth, to: weth, size: Size::All }, one, one, "1", "0"),
                LedgerError::Malformed("a swap of a token into itself"),
            ),
            (
                trade(2, Order::Swap { from: weth, to: base, size: Size::All }, one, one, "1", "0"),
                LedgerError::Malformed("a swap between chains"),
            ),
            (buy(2, "WETH", "79228162514264337", "1", "1"), LedgerError::TooLarge),
        ] {
            assert_eq!(account.apply_trade(&trade, at(9)).unwrap_err(), error);
            assert_eq!(account, before, "{error}");
        }
        account.apply_trade(&good, at(9)).unwrap();
        assert!(account.has_traded(good.id));
    }

    #[test]
    fn another_cost_method_recomputes_the_past_and_its_sum_stays() {
        let mut account = account();
        for trade in [
            buy(1, "WETH", "1000", "1", "0"),
            buy(2, "WETH", "3000", "1", "0"),
            buy(3, "WETH", "2000", "1", "0"),
            sell(4, "WETH", "1", "2500", "0"),
            failed(buy(5, "WETH", "1", "1", "10")),
        ] {
            account.apply_trade(&trade, at(5)).unwrap();
        }
        for (cost_method, realised, cost) in [
            (CostMethod::Fifo, "1490", "5000"),
            (CostMethod::Hifo, "-510", "3000"),
            (CostMethod::Lifo, "490", "4000"),
            (CostMethod::Average, "490", "4000"),
        ] {
            let settings = Settings { cost_method, ..Settings::default() };
            account.apply(&Event::SettingsChanged(settings), at(6)).unwrap();
            let position = account.position(token("WETH")).unwrap();
            assert_eq!((account.realised(), position.cost()), (usd(realised), usd(cost)), "{cost_method}");
        }
    }

    #[test]
    fn a_footprint_is_left_by_fills_only_and_fades() {
        let mut account = account();
        let weth = token("WETH");
        account.apply_trade(&failed(buy(1, "WETH", "100", "1", "1")), at(60)).unwrap();
        assert!(account.position(weth).is_none());
        account.apply_trade(&buy(2, "WETH", "100", "2", "1"), at(60)).unwrap();
        account.apply_trade(&sell(3, "WETH", "1", "100", "1"), at(120)).unwrap();
        let mark = account.position(weth).unwrap().footprint().decayed(at(180));
        assert_eq!((mark.bought, mark.sold), (units("0.5", "WETH"), units("0.5", "WETH")));
    }

    #[test]
    fn names_of_trades_are_known_in_whatever_order_they_come() {
        let mut ids = TradeIds::default();
        let name = |n: u64| TradeId::new(Timestamp::from_millis(n as i64), [0; 10]);
        let mut dice = crate::testing::Dice::new(1);
        let mut known = BTreeSet::new();
        for _ in 0..5_000 {
            let id = name(dice.below(3_000));
            assert_eq!(ids.contains(id), known.contains(&id));
            if known.insert(id) {
                ids.insert(id);
            }
        }
        assert_eq!(known.len(), ids.run.len() + ids.late.len());
    }
}
