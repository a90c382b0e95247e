//! Random accounts, and everything that must hold for them: one seed, one story, the same in the
//! browser and natively.
//!
//! A story deposits, withdraws, changes settings, and trades, often badly: with amounts from one
//! base unit to everything, tokens of 0 to 18 decimals, prices from 10⁻¹² to a million, clocks that
//! step back. Half of the stories go through the simulator, half make up their trades to reach
//! corners that no market would. [`check`] plays a story and holds the ledger to its rules after
//! every event; [`digest_of_cases`] boils many stories down to one hash, by which two machines can
//! be compared.

use std::collections::BTreeMap;

use alloy_primitives::{B256, Keccak256, U256};
use rust_decimal::Decimal;

use crate::chain::Chain;
use crate::ids::{AccountId, TradeId};
use crate::ledger::posting::{Asset, Book};
use crate::ledger::{Account, CostMethod, Entry, Event, Ledger, LedgerError, Opened, Settings, journal};
use crate::market::{Market, MarketKind, PoolFacts};
use crate::money::{Price, Rounding, Units, Usd};
use crate::quote::{Quote, Source};
use crate::simulator;
use crate::time::Timestamp;
use crate::token::{Token, TokenKey, TokenTable};
use crate::trade::{
    AcceptPriceAge, Amount, Costs, Depth, Failure, GasPaid, GasSource, Leg, Order, Outcome, Ppm, Seed, Size, Trade,
    TradeRequest,
};

/// Chance for tests: SplitMix64 (Steele, Lea and Flood, 2014), small and the same everywhere.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed.
    pub const fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// A number below `end`, which is above zero.
    pub fn below(&mut self, end: u64) -> u64 {
        self.roll() % end.max(1)
    }

    /// True once in `times`.
    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// One of several.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// A price from 10⁻¹² to a million dollars, every magnitude as likely as another.
    pub fn price(&mut self) -> Price {
        let mantissa = 1 + self.below(999_999_999) as i64;
        let scale = 3 + self.below(18) as u32;
        Price::new(Decimal::new(mantissa, scale)).unwrap_or(Price::ONE)
    }

    /// Between one 10⁻¹² dollar and all of `most`; often all, and often almost nothing.
    pub fn part_of(&mut self, most: Usd) -> Usd {
        let part = match self.below(8) {
            0 => Ok(most),
            1 => Usd::from_atoms(i128::from(1 + self.below(1_000_000))),
            _ => most.portion(U256::from(1 + self.below(1_000_000)), U256::from(1_000_003u32), Rounding::HalfEven),
        };
        part.unwrap_or(most).min(most)
    }

    /// Between one base unit and all of `most`; often all, and often just one.
    pub fn units_of(&mut self, most: Units) -> Units {
        let part = match self.below(8) {
            0 | 1 => Ok(most),
            2 => Ok(Units(U256::ONE)),
            _ => most.portion(U256::from(1 + self.below(1_000_000)), U256::from(1_000_003u32), Rounding::Up),
        };
        part.unwrap_or(most).min(most)
    }
}

/// A random account, told event by event.
#[derive(Debug, Clone)]
pub struct Story {
    dice: Dice,
    clock: Timestamp,
    tokens: Vec<Token>,
    prices: BTreeMap<TokenKey, Price>,
    through_simulator: bool,
    trades: u64,
    left: u64,
    ledger: Ledger,
    entries: Vec<Entry>,
}

/// What came of one event of a story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// It was appended; it is now the last entry.
    Appended,
    /// The ledger refused it.
    Refused(LedgerError),
    /// The ledger refused what the simulator had just filled for it: they disagree.
    Disagreed(LedgerError),
    /// The simulator refused it, or there was nothing to trade.
    Nothing,
}

impl Story {
    /// The beginning of the story of a seed: an account, opened.
    ///
    /// # Errors
    /// [`LedgerError`] where the opening is refused, which it never should be.
    pub fn begin(seed: u64) -> Result<Story, LedgerError> {
        let mut dice = Dice::new(seed);
        let market = if dice.once_in(3) { MarketKind::Demo } else { MarketKind::Real };
        let mut id = [0; 16];
        id[..8].copy_from_slice(&seed.to_be_bytes());
        let clock = Timestamp::from_secs(1_780_000_000 + dice.below(1_000_000) as i64);
        let opened = Opened {
            account: AccountId::from_bytes(id),
            market,
            name: format!("Story {seed}"),
            deposit: Usd::from_atoms(i128::from(dice.roll() >> 2)).unwrap_or_default(),
            settings: settings(&mut dice),
        };
        let (ledger, entry) = Ledger::open(opened, clock)?;
        let builtin = TokenTable::builtin();
        let tokens = ["WETH", "USDC", "WBTC"].map(|symbol| builtin.by_symbol(Chain::Ethereum, symbol));
        let tokens = tokens.into_iter().chain([builtin.by_symbol(Chain::Base, "WETH")]).flatten().cloned().collect();
        let left = 6 + dice.below(30);
        let through_simulator = seed % 2 == 1;
        Ok(Story {
            dice,
            clock,
            tokens,
            prices: BTreeMap::new(),
            through_simulator,
            trades: 0,
            left,
            ledger,
            entries: vec![entry],
        })
    }

    /// The account and its journal so far.
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Every entry so far.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Prices of all tokens of the story at this point.
    pub const fn prices(&self) -> &BTreeMap<TokenKey, Price> {
        &self.prices
    }

    /// The journal as a file, with its seal.
    pub fn export(&self) -> String {
        journal::export(self.entries.iter().map(|entry| entry.line.as_str()), self.ledger.head())
    }

    /// Tells the next event; `None` at the end of the story.
    pub fn step(&mut self) -> Option<Told> {
        self.left = self.left.checked_sub(1)?;
        self.pass_time();
        let simulated = self.trades;
        let Some(event) = self.event() else { return Some(Told::Nothing) };
        let simulated = self.through_simulator && self.trades > simulated;
        Some(match self.ledger.append(event, self.clock) {
            Ok(entry) => {
                self.entries.push(entry);
                Told::Appended
            }
            Err(error) if simulated => Told::Disagreed(error),
            Err(error) => Told::Refused(error),
        })
    }

    fn pass_time(&mut self) {
        let step = self.dice.below(200_000) as i64;
        // Clocks step back now and then.
        self.clock = self.clock.plus_millis(if self.dice.once_in(12) { -step } else { step });
        for token in &self.tokens {
            let moved = self.prices.get(&token.key).and_then(|price| {
                let factor = Decimal::new(900 + self.dice.below(200) as i64, 3);
                price.decimal().checked_mul(factor).map(|price| price.round_dp(18)).and_then(|p| Price::new(p).ok())
            });
            let price = if token.pinned { Price::ONE } else { moved.unwrap_or_else(|| self.dice.price()) };
            self.prices.insert(token.key, price);
        }
    }

    fn event(&mut self) -> Option<Event> {
        let cash = self.ledger.account().cash();
        match self.dice.below(24) {
            0 => Some(Event::Deposited { usd: Usd::from_atoms(i128::from(self.dice.roll() >> 3)).unwrap_or_default() }),
            1 => Some(Event::Withdrawn { usd: self.dice.part_of(cash) }),
            2 => Some(Event::Withdrawn { usd: cash.plus(Usd::from_atoms(1).ok()?).ok()? }),
            3 | 4 => Some(Event::SettingsChanged(settings(&mut self.dice))),
            5 => Some(self.add_token()),
            6 => self.entries.iter().rev().find(|entry| entry.trade().is_some()).map(|entry| entry.event.clone()),
            _ if self.through_simulator => self.simulated().map(Event::Traded),
            _ => self.made_up().map(Event::Traded),
        }
    }

    fn add_token(&mut self) -> Event {
        let decimals = *self.dice.pick(&[0u8, 2, 6, 9, 18, 24]);
        let number = self.dice.below(4) as u8;
        let address = alloy_primitives::Address::repeat_byte(0xa0 + number);
        let key = TokenKey { chain: Chain::Ethereum, address };
        let symbol = format!("ODD{number}");
        let token = Token {
            key,
            symbol: symbol.clone(),
            name: symbol,
            decimals,
            coin_id: None,
            origin: crate::token::Origin::User,
            pinned: false,
        };
        if self.ledger.account().token(key).is_none() {
            self.tokens.push(token.clone());
            self.prices.insert(key, self.dice.price());
        }
        Event::TokenAdded(token)
    }

    fn name_trade(&mut self) -> TradeId {
        self.trades += 1;
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.dice.roll().to_be_bytes());
        TradeId::new(self.clock, random)
    }

    fn order(&mut self, size: impl Fn(&mut Dice, &Account, Option<&Token>) -> Size) -> Order {
        let account = self.ledger.account();
        let held: Vec<Token> =
            account.positions().filter_map(|position| account.token(position.token()).cloned()).collect();
        let token = self.dice.pick(&self.tokens).clone();
        match self.dice.below(5) {
            2 | 3 if !held.is_empty() => {
                let sold = self.dice.pick(&held).clone();
                Order::Sell { token: sold.key, size: size(&mut self.dice, account, Some(&sold)) }
            }
            4 if !held.is_empty() => {
                let from = self.dice.pick(&held).clone();
                Order::Swap { from: from.key, to: token.key, size: size(&mut self.dice, account, Some(&from)) }
            }
            _ => Order::Buy { token: token.key, size: size(&mut self.dice, account, None) },
        }
    }

    /// A trade by way of the simulator, on a market of the story's prices.
    fn simulated(&mut self) -> Option<Trade> {
        let order = self.order(|dice, account, sold| match (dice.below(3), sold) {
            (0, _) => Size::All,
            (1, Some(token)) => Size::Token(dice.units_of(account.units(token.key)).quantity(token.decimals)),
            (1, None) => Size::Token(Units(U256::from(1 + dice.below(5))).quantity(0)),
            _ => Size::Usd(dice.part_of(account.cash())),
        });
        let request = TradeRequest {
            id: self.name_trade(),
            order,
            tolerance: *self.dice.pick(&[Ppm::from_bps(1), Ppm::from_bps(50), Ppm::ONE]),
            accept_price_age: AcceptPriceAge::No,
            max_impact: None,
        };
        let market = self.market();
        let seed = Seed(self.dice.roll());
        simulator::execute(self.ledger.account(), &request, &market, self.clock, seed).ok()
    }

    fn market(&mut self) -> Market {
        let kind = self.ledger.account().market();
        let source = match kind {
            MarketKind::Real => Source::Coingecko,
            MarketKind::Demo => Source::Demo,
        };
        let mut market = Market::empty(kind);
        let quote = |price| Quote { price, as_of: self.clock, source, upstream_at: None };
        for (token, price) in &self.prices {
            market.quotes.insert(*token, quote(*price));
        }
        for chain in Chain::ALL {
            market.natives.insert(
                chain,
                quote(Price::new(Decimal::new(250_000 + self.dice.below(9) as i64, 2)).ok().unwrap_or(Price::ONE)),
            );
        }
        for token in &self.tokens {
            if self.dice.once_in(2) {
                let liquidity = Usd::from_atoms(i128::from(self.dice.roll())).ok();
                let pool = PoolFacts {
                    reserve: None,
                    liquidity,
                    fee: Some(*self.dice.pick(&[Ppm::from_bps(1), Ppm::from_bps(30), Ppm::from_bps(100)])),
                    dex: None,
                    volume_24h: None,
                    sigma_day: Some(self.dice.below(200_000_000)),
                    as_of: self.clock,
                    source,
                };
                market.pools.insert(token.key, pool);
            }
        }
        market
    }

    /// A trade no market would make: any amount at any price.
    fn made_up(&mut self) -> Option<Trade> {
        let order = self.order(|_, _, _| Size::All);
        let id = if self.dice.once_in(20) { TradeId::new(Timestamp::EPOCH, [7; 10]) } else { self.name_trade() };
        let account = self.ledger.account();
        let cash = account.cash();
        let gas_most = Usd::whole(30).min(cash);
        let gas = if self.dice.once_in(6) { Usd::ZERO } else { self.dice.part_of(gas_most) };
        let price_of = |key: TokenKey| self.prices.get(&key).copied().unwrap_or(Price::ONE);
        let decimals = |key: TokenKey| account.token(key).map_or(18, |token| token.decimals);
        let worth = |key, units| price_of(key).value(units, decimals(key), Rounding::HalfEven).ok();
        let (paid, received, value) = match order {
            Order::Buy { token, .. } => {
                let paid = self.dice.part_of(cash.minus(gas).ok()?);
                let units = price_of(token).units(paid, decimals(token), Rounding::Down).ok()?;
                (Amount::Usd(paid), Amount::Units(units), paid)
            }
            Order::Sell { token, .. } => {
                let held = account.units(token);
                // Now and then one unit more than there is.
                let units =
                    if self.dice.once_in(15) { held.plus(Units(U256::ONE)).ok()? } else { self.dice.units_of(held) };
                let received = worth(token, units)?;
                (Amount::Units(units), Amount::Usd(received), received)
            }
            Order::Swap { from, to, .. } => {
                let units = self.dice.units_of(account.units(from));
                let value = worth(from, units)?;
                let received = price_of(to).units(value, decimals(to), Rounding::Down).ok()?;
                (Amount::Units(units), Amount::Units(received), worth(to, received)?)
            }
        };
        let tolerance = Ppm::from_bps(50);
        let (kept, all) = (U256::from(995_000), U256::from(1_000_000));
        let minimum = match received {
            Amount::Usd(usd) => Amount::Usd(usd.portion(kept, all, Rounding::Down).ok()?),
            Amount::Units(units) => Amount::Units(units.portion(kept, all, Rounding::Down).ok()?),
        };
        let outcome = if self.dice.once_in(10) { Outcome::Failed(Failure::Chance) } else { Outcome::Filled };
        let source = match account.market() {
            // Now and then the wrong one.
            MarketKind::Real if self.dice.once_in(60) => Source::Demo,
            MarketKind::Real => Source::Coingecko,
            MarketKind::Demo => Source::Demo,
        };
        let leg = |key| Leg {
            price: price_of(key),
            age_ms: 0,
            source,
            depth: Depth::Assumed(Usd::whole(1_000_000)),
            fee: Ppm::from_bps(30),
            sigma: 50_000_000,
        };
        let costs = Costs {
            lp_fee: self.dice.part_of(Usd::whole(9)),
            impact: self.dice.part_of(Usd::whole(9)),
            slippage: self.dice.part_of(Usd::whole(9)).negated(),
        };
        Some(Trade {
            id,
            order,
            tolerance,
            accept_price_age: AcceptPriceAge::No,
            sim: simulator::VERSION,
            seed: Seed(self.dice.roll()),
            outcome,
            paid,
            quoted: received,
            minimum,
            received,
            value: if outcome == Outcome::Filled { value } else { Usd::ZERO },
            costs: if outcome == Outcome::Filled { costs } else { Costs::default() },
            sold: order.sold().map(leg),
            bought: order.bought().map(leg),
            latency_ms: 12_000,
            gas: GasPaid {
                units: 184_000,
                base_fee: 1_000_000_000,
                priority_fee: 1,
                l1_fee: 0,
                native: Price::ONE,
                source: GasSource::Default,
                usd: gas,
            },
            execution_us: self.dice.below(1000) as u32,
        })
    }
}

fn settings(dice: &mut Dice) -> Settings {
    Settings {
        cost_method: *dice.pick(&CostMethod::ALL),
        failure_rate: *dice.pick(&[Ppm::default(), Ppm::from_bps(200), Ppm::from_bps(5_000)]),
        latency_ms: if dice.once_in(2) { Some(dice.below(600_000) as u32) } else { None },
        sigma_day: if dice.once_in(4) { Some(dice.below(10_000_000_000)) } else { None },
        smallest_trade: Usd::ZERO,
        ..Settings::default()
    }
}

/// What a checked story had in it, so that a test can tell that it tested anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// Trades filled.
    pub filled: u64,
    /// Trades failed.
    pub failed: u64,
    /// Events the ledger refused.
    pub refused: u64,
    /// Times at which two cost methods realised different amounts.
    pub methods_differ: u64,
}

impl Seen {
    /// Adds what another story had.
    #[must_use]
    pub const fn and(self, other: Seen) -> Seen {
        Seen {
            filled: self.filled + other.filled,
            failed: self.failed + other.failed,
            refused: self.refused + other.refused,
            methods_differ: self.methods_differ + other.methods_differ,
        }
    }
}

macro_rules! ensure {
    ($holds:expr, $($words:tt)+) => {
        if !$holds {
            return Err(format!($($words)+));
        }
    };
}

/// Plays the story of `seed` and holds the ledger to its rules after every event:
/// postings sum to zero for every asset; the books and the account agree; nothing is negative; lots
/// add up; `equity = net deposits + realised + unrealised`, exactly; another cost method changes
/// realised and unrealised and never their sum; what is refused changes nothing; and the exported
/// journal gives the same account, byte for byte.
///
/// # Errors
/// In words, the rule that was broken.
pub fn check(seed: u64) -> Result<Seen, String> {
    play(seed).map(|(_, seen)| seen)
}

/// The whole story of a seed, checked.
fn play(seed: u64) -> Result<(Story, Seen), String> {
    let mut story = Story::begin(seed).map_err(|error| error.to_string())?;
    let mut books = Books::default();
    let mut seen = Seen::default();
    books.book(&story.entries[0].event)?;
    loop {
        let before = story.ledger.clone();
        match story.step() {
            None => break,
            Some(Told::Appended) => {
                let entry = &story.entries[story.entries.len() - 1];
                books.book(&entry.event)?;
                if let Some(trade) = entry.trade() {
                    seen.filled += u64::from(trade.is_filled());
                    seen.failed += u64::from(!trade.is_filled());
                }
                check_account(&story, &books, &mut seen).map_err(|broken| format!("entry {}: {broken}", entry.seq))?;
            }
            Some(Told::Refused(error)) => {
                seen.refused += 1;
                ensure!(story.ledger == before, "a refused event changed the ledger: {error}");
            }
            Some(Told::Disagreed(error)) => {
                return Err(format!("the ledger refused what the simulator filled: {error}"));
            }
            Some(Told::Nothing) => ensure!(story.ledger == before, "nothing happened and the ledger changed"),
        }
    }
    let replay = Ledger::replay(story.export()).map_err(|error| error.to_string())?;
    ensure!(replay.ledger == story.ledger, "replay gives another ledger");
    ensure!(replay.entries == story.entries, "replay gives other entries");
    ensure!(replay.sealed && replay.truncated.is_none(), "the export was not whole");
    let json = |ledger: &Ledger| serde_json::to_vec(ledger.account()).map_err(|error| error.to_string());
    ensure!(json(&replay.ledger)? == json(&story.ledger)?, "replay gives another account in JSON");
    Ok((story, seen))
}

fn check_account(story: &Story, books: &Books, seen: &mut Seen) -> Result<(), String> {
    let account = story.ledger.account();
    books.agree_with(account)?;
    ensure!(!account.cash().is_negative(), "cash is negative");
    for position in account.all_positions() {
        let (mut units, mut cost) = (U256::ZERO, 0i128);
        for lot in position.lots() {
            ensure!(!lot.units.is_zero() && !lot.cost.is_negative(), "a lot of nothing, or below nothing");
            units += lot.units.0;
            cost += lot.cost.atoms();
        }
        ensure!(Units(units) == position.units(), "the lots do not add up to the units");
        ensure!(cost == position.cost().atoms(), "the lots do not add up to the cost");
    }
    let sum = check_identity(account, story.prices())?;
    for method in CostMethod::ALL {
        let mut other = account.clone();
        let settings = Settings { cost_method: method, ..*account.settings() };
        other.apply(&Event::SettingsChanged(settings), account.at()).map_err(|error| error.to_string())?;
        ensure!(check_identity(&other, story.prices())? == sum, "{method} changes what was earned");
        seen.methods_differ += u64::from(other.realised() != account.realised());
        other.apply(&Event::SettingsChanged(*account.settings()), account.at()).map_err(|error| error.to_string())?;
        ensure!(other == *account, "switching to {method} and back changes the account");
    }
    Ok(())
}

/// Holds the account to `equity = net deposits + realised + unrealised` and returns the earnings.
fn check_identity(account: &Account, prices: &BTreeMap<TokenKey, Price>) -> Result<i128, String> {
    // Counted here by its own way: nothing of the valuation is taken on trust.
    let mut equity = account.cash().atoms();
    let mut unrealised = 0;
    for position in account.positions() {
        let token = account.token(position.token()).ok_or("a position in an unknown token")?;
        let price = if token.pinned { Price::ONE } else { *prices.get(&token.key).ok_or("a token without a price")? };
        let value =
            price.value(position.units(), token.decimals, Rounding::HalfEven).map_err(|e| e.to_string())?.atoms();
        equity += value;
        unrealised += value - position.cost().atoms();
    }
    let earned = account.realised().atoms() + unrealised;
    ensure!(equity == account.net_deposits().atoms() + earned, "equity is not net deposits and earnings");
    let valuation = account.valuation(prices).map_err(|error| error.to_string())?;
    ensure!(valuation.equity.map(Usd::atoms) == Some(equity), "the valuation has another equity");
    ensure!(valuation.unrealised.map(Usd::atoms) == Some(unrealised), "the valuation has another unrealised");
    ensure!(valuation.profit.map(Usd::atoms) == Some(earned), "the valuation has another profit");
    Ok(earned)
}

/// All books of the world, kept beside the account from the postings alone: what came in and what
/// went out.
#[derive(Debug, Clone, Default)]
struct Books(BTreeMap<(Book, Asset), (U256, U256)>);

impl Books {
    fn book(&mut self, event: &Event) -> Result<(), String> {
        let mut sums: BTreeMap<Asset, (U256, U256)> = BTreeMap::new();
        for posting in event.postings().map_err(|error| error.to_string())?.as_slice() {
            let book = self.0.entry((posting.book, posting.asset)).or_default();
            let sum = sums.entry(posting.asset).or_default();
            let amount = posting.amount.magnitude;
            if posting.amount.negative {
                (book.1, sum.1) = (book.1 + amount, sum.1 + amount);
            } else {
                (book.0, sum.0) = (book.0 + amount, sum.0 + amount);
            }
        }
        for (asset, (came, went)) in sums {
            ensure!(came == went, "the postings of {asset:?} do not sum to zero");
        }
        Ok(())
    }

    fn agree_with(&self, account: &Account) -> Result<(), String> {
        let mut held = 0;
        for ((book, asset), (came, went)) in &self.0 {
            if *book != Book::Wallet {
                continue;
            }
            ensure!(came >= went, "the wallet's {asset:?} went below zero");
            let balance = match asset {
                Asset::Usd => account.cash().magnitude(),
                Asset::Token(token) => account.units(*token).0,
            };
            held += usize::from(matches!(asset, Asset::Token(_)) && !balance.is_zero());
            ensure!(came - went == balance, "the books have another balance of {asset:?}");
        }
        ensure!(held == account.positions().count(), "a position without postings");
        let gas = self.0.get(&(Book::Gas, Asset::Usd)).map_or(U256::ZERO, |(came, _)| *came);
        ensure!(account.totals().gas().is_ok_and(|total| total.magnitude() == gas), "gas does not add up");
        Ok(())
    }
}

/// The journal of the story of a seed, as a file.
///
/// # Errors
/// In words, where the story cannot begin, which it always should.
pub fn journal(seed: u64) -> Result<String, String> {
    let mut story = Story::begin(seed).map_err(|error| error.to_string())?;
    while story.step().is_some() {}
    Ok(story.export())
}

/// One hash over `cases` stories from `first` on: each is played and held to every rule, and its
/// exported journal and its account by all four cost methods go into the hash. Two machines that
/// return the same hash agree on every byte.
///
/// # Errors
/// In words, the first broken rule with its seed.
pub fn digest_of_cases(first: u64, cases: u64) -> Result<B256, String> {
    let mut hash = Keccak256::new();
    for seed in first..first + cases {
        let (story, _) = play(seed).map_err(|broken| format!("seed {seed}: {broken}"))?;
        hash.update(story.export());
        let mut account = story.ledger.account().clone();
        for method in CostMethod::ALL {
            let settings = Settings { cost_method: method, ..*account.settings() };
            let at = account.at();
            account.apply(&Event::SettingsChanged(settings), at).map_err(|error| format!("seed {seed}: {error}"))?;
            hash.update(serde_json::to_vec(&account).map_err(|error| error.to_string())?);
        }
    }
    Ok(hash.finalize())
}
