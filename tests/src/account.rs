//! A paper account as a browser has it: its secret, its journal, and the wish to trade.

use alloy::primitives::U256;
use shared::{
    chain::Chain,
    ids::{AccountId, AccountSecret, TradeId},
    ledger::{Account as State, Event, Head, Ledger, Opened, Settings},
    market::{Market, MarketKind},
    money::{Price, Usd},
    quote::{Quote, Source},
    simulator,
    time::Timestamp,
    token::TokenTable,
    trade::{AcceptPriceAge, Order, Ppm, Seed, Size, TradeRequest},
    wire::accounts::JournalHead,
};

/// An account on a device. A clone is the same account on another one.
#[derive(Debug, Clone)]
pub struct Account {
    /// Who it is.
    pub id: AccountId,
    /// Its owner's token.
    pub token: String,
    /// What it was born from.
    pub secret: AccountSecret,
    ledger: Ledger,
    lines: Vec<String>,
    now: Timestamp,
    draws: u64,
}

impl Account {
    /// The account of a number, with its opening written, and a seed for what it will do.
    ///
    /// # Panics
    /// Never: it can be opened.
    pub fn open(number: u8, seed: u64) -> Self {
        Self::open_at(number, seed, crate::world::BEGINNING)
    }

    /// The same, opened at another time: another journal for the same account.
    ///
    /// # Panics
    /// Never: it can be opened.
    pub fn open_at(number: u8, seed: u64, now: Timestamp) -> Self {
        let secret = AccountSecret::new([number; 32]);
        let token = secret.owner_token();
        let opened = Opened {
            account: token.account_id(),
            market: MarketKind::Real,
            name: format!("Account {number}"),
            deposit: Usd::whole(1_000_000_000),
            settings: Settings::default(),
        };
        let (ledger, entry) = Ledger::open(opened, now).expect("it can be opened");
        Self {
            id: token.account_id(),
            token: token.reveal(),
            secret,
            ledger,
            lines: vec![entry.line],
            now,
            draws: seed << 32,
        }
    }

    /// Its journal.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// What it comes to.
    pub const fn state(&self) -> &State {
        self.ledger.account()
    }

    /// The end of its journal.
    pub fn head(&self) -> JournalHead {
        self.ledger.head().into()
    }

    /// The place after so many lines.
    pub fn head_at(&self, lines: usize) -> Option<JournalHead> {
        let line = &self.lines[..lines].last()?;
        let hash = alloy::primitives::keccak256(line.as_bytes());
        Some(Head { seq: lines as u64, at: self.now, hash }.into())
    }

    /// The same account elsewhere, as it was after so many lines; there it will do something else.
    ///
    /// # Panics
    /// Where there are not so many.
    pub fn as_of(&self, lines: usize, seed: u64) -> Self {
        let mut kept: Vec<String> = self.lines[..lines].to_vec();
        let replay = Ledger::replay(kept.join("\n") + "\n").expect("its own journal is good");
        kept.truncate(lines);
        Self { ledger: replay.ledger, lines: kept, draws: seed << 32, ..self.clone() }
    }

    /// Takes lines that another device has written.
    ///
    /// # Panics
    /// Where they do not follow.
    pub fn take(&mut self, lines: &[String]) {
        for line in lines {
            let entry = self.ledger.accept(line.as_bytes()).expect("they follow");
            self.now = entry.at;
            self.lines.push(entry.line);
        }
    }

    /// Trades a second later: buys WETH, or sells some of it. Returns the line.
    ///
    /// # Panics
    /// Never: there is always something to trade.
    pub fn trade(&mut self) -> String {
        self.now = self.now.plus_millis(1_000);
        let (order, id, seed) = self.plan();
        let request =
            TradeRequest { id, order, tolerance: Ppm::ONE, accept_price_age: AcceptPriceAge::No, max_impact: None };
        let market = market(self.now, self.draw());
        let trade = simulator::execute(self.ledger.account(), &request, &market, self.now, seed).expect("it fills");
        self.write(Event::Traded(trade))
    }

    /// Trades so often.
    pub fn trades(&mut self, count: usize) {
        for _ in 0..count {
            self.trade();
        }
    }

    /// Pays in a dollar, a second later. Returns the line.
    ///
    /// # Panics
    /// Never: a dollar can be paid in.
    pub fn deposit(&mut self) -> String {
        self.now = self.now.plus_millis(1_000);
        self.write(Event::Deposited { usd: Usd::whole(1) })
    }

    fn plan(&mut self) -> (Order, TradeId, Seed) {
        let draw = self.draw();
        let mut random = [0; 10];
        random[..8].copy_from_slice(&self.draw().to_be_bytes());
        let token = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").expect("it is built in").key;
        let held = self.state().units(token);
        let order = if held.0 > U256::from(10_u64.pow(16)) && draw.is_multiple_of(2) {
            let size = if draw.is_multiple_of(10) { Size::All } else { Size::Token("0.01".parse().expect("a size")) };
            Order::Sell { token, size }
        } else {
            Order::Buy { token, size: Size::Usd(Usd::whole(100 + i32::try_from(draw % 400).unwrap_or(0))) }
        };
        (order, TradeId::new(self.now, random), Seed(self.draw()))
    }

    fn write(&mut self, event: Event) -> String {
        let entry = self.ledger.append(event, self.now).expect("it can be booked");
        self.lines.push(entry.line.clone());
        entry.line
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn draw(&mut self) -> u64 {
        self.draws = self.draws.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.draws;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

/// A market of this moment, in which WETH costs between $2,000 and $3,000.
fn market(now: Timestamp, draw: u64) -> Market {
    let mut market = Market::empty(MarketKind::Real);
    let quote = |cents: u64| {
        let price: Price = format!("{}.{:02}", cents / 100, cents % 100).parse().expect("a price");
        Quote { price, as_of: now, source: Source::Coingecko, upstream_at: None }
    };
    for token in TokenTable::builtin().iter().filter(|token| token.symbol == "WETH") {
        market.quotes.insert(token.key, quote(200_000 + draw % 100_000));
    }
    for chain in Chain::ALL {
        market.natives.insert(chain, quote(250_000));
    }
    market
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_trades_on_and_its_journal_is_good() {
        let mut account = Account::open(1, 1);
        account.trades(300);
        account.deposit();
        let replay = Ledger::replay(account.lines().join("\n") + "\n").expect("a good journal");
        assert_eq!(JournalHead::from(replay.ledger.head()), account.head());
        assert_eq!(account.head_at(302), Some(account.head()));
        let totals = replay.ledger.account().totals();
        assert_eq!(totals.trades(), 300);
        assert!(replay.entries.iter().any(|entry| matches!(entry.trade().map(|t| t.order), Some(Order::Sell { .. }))));
        // The same account elsewhere goes another way.
        let mut other = account.as_of(200, 2);
        assert_ne!(other.trade(), account.lines()[200]);
    }
}
