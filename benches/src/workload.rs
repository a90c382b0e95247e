//! The loops themselves.

use alloy_primitives::keccak256;
use rust_decimal::Decimal;
use shared::ids::{AccountSecret, TradeId};
use shared::ledger::journal::seal;
use shared::ledger::{Account, Event, Ledger, LedgerError, Opened, Settings};
use shared::market::demo::DemoMarket;
use shared::market::{Market, MarketKind};
use shared::money::Usd;
use shared::simulator::execute;
use shared::time::Timestamp;
use shared::token::{Origin, TokenKey, TokenTable};
use shared::trade::{AcceptPriceAge, Order, Ppm, Seed, Size, TradeRequest};

/// One loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// The ceiling: an average-cost loop over bare decimals.
    BareDecimals,
    /// Simulate and apply, in memory.
    SimulateApply,
    /// Simulate, apply, serialise and hash: what a trade costs before the disk.
    SimulateJournal,
    /// The other ceiling: nothing but hashing lines of that length, each after the one before.
    HashLines,
}

impl Case {
    /// Every case, in the order they run.
    pub const ALL: [Case; 4] = [Case::BareDecimals, Case::SimulateApply, Case::SimulateJournal, Case::HashLines];

    /// The name figures go by.
    pub const fn name(self) -> &'static str {
        match self {
            Case::BareDecimals => "bare_decimals",
            Case::SimulateApply => "simulate_apply",
            Case::SimulateJournal => "simulate_journal",
            Case::HashLines => "hash_lines",
        }
    }
}

/// Runs `trades` trades of a case and returns a checksum over the outcome.
pub fn run(case: Case, trades: u32) -> i64 {
    match case {
        Case::BareDecimals => bare_decimals(trades),
        Case::SimulateApply => Desk::new().simulate_apply(trades),
        Case::SimulateJournal => Desk::new().simulate_journal(trades),
        Case::HashLines => hash_lines(trades),
    }
}

/// The journal of an account with so many trades, as it is exported. None of its twenty tokens is ever sold
/// out, so that every trade counts for a change of the cost method.
pub fn journal(trades: u32) -> String {
    let start = Timestamp::from_secs(1_790_000_000);
    let mut desk = Desk { at: start, market: DemoMarket::new(1).at(start), ..Desk::new() };
    let (mut ledger, first) = or_bug(Ledger::open(opened(), desk.at));
    let mut lines = first.line.into_bytes();
    lines.push(b'\n');
    for n in 0..trades {
        // A trade a second, at prices never older than three minutes.
        desk.at = desk.at.plus_millis(1_000);
        if n % 180 == 0 {
            desk.market = DemoMarket::new(1).at(desk.at);
        }
        let (request, seed) = desk.request(ledger.account(), n);
        let order = match request.order {
            Order::Sell { token, .. } => Order::Sell { token, size: Size::Usd(Usd::whole(5)) },
            other => other,
        };
        let request = TradeRequest { order, ..request };
        let trade = execute(ledger.account(), &request, &desk.market, desk.at, seed);
        // More than is held cannot be sold: then that one is not traded.
        let Ok(trade) = trade else { continue };
        or_bug(ledger.record(&Event::Traded(trade), desk.at, &mut lines));
        lines.push(b'\n');
    }
    lines.extend_from_slice(seal(ledger.head()).as_bytes());
    lines.push(b'\n');
    // The journal writes UTF-8 only.
    String::from_utf8(lines).unwrap_or_default()
}

fn hash_lines(trades: u32) -> i64 {
    const SAMPLE: u32 = 200;
    let mut line = vec![b' '; (Desk::new().simulate_journal(SAMPLE) / i64::from(SAMPLE)) as usize];
    for _ in 0..trades {
        // The end of a line names the hash of the one before.
        let hash = keccak256(&line);
        let end = line.len() - hash.len();
        line[end..].copy_from_slice(hash.as_slice());
    }
    i64::from(line[line.len() - 1])
}

fn bare_decimals(trades: u32) -> i64 {
    let (mut units, mut cost, mut realised) = (Decimal::ZERO, Decimal::ZERO, Decimal::ZERO);
    let mut stream = Stream(1);
    for _ in 0..trades {
        let bits = stream.next();
        let price = Decimal::new(200_000 + (bits % 1_000) as i64, 2);
        let quantity = Decimal::new(1 + (bits >> 32 & 0xffff) as i64, 4);
        if bits & 1 == 0 || quantity > units {
            units += quantity;
            cost += (quantity * price).round_dp(12);
        } else {
            let portion = (cost * quantity / units).round_dp(12);
            realised += (quantity * price).round_dp(12) - portion;
            units -= quantity;
            cost -= portion;
        }
    }
    (realised + cost).mantissa() as i64
}

/// A market of twenty tokens, traded like a busy bot does: buys and sales in turn.
struct Desk {
    market: Market,
    tokens: Vec<TokenKey>,
    stream: Stream,
    at: Timestamp,
}

impl Desk {
    fn new() -> Desk {
        let at = Timestamp::from_secs(1_795_000_000);
        let market = DemoMarket::new(1).at(at);
        let tokens: Vec<TokenKey> = TokenTable::builtin()
            .iter()
            .filter(|token| token.origin == Origin::Builtin && !token.pinned && !token.key.chain.facts().is_test)
            .map(|token| token.key)
            .collect();
        Desk { market, tokens, stream: Stream(7), at }
    }

    /// The next request. Prices stay, and time moves on by a millisecond.
    fn request(&mut self, account: &Account, n: u32) -> (TradeRequest, Seed) {
        let bits = self.stream.next();
        self.at = self.at.plus_millis(1);
        let token = self.tokens[(bits % self.tokens.len() as u64) as usize];
        let usd = Usd::from_atoms(i128::from(10_000 + (bits >> 20 & 0xffff)) * 10_000_000_000).unwrap_or_default();
        let order = match (account.units(token).is_zero(), bits >> 60) {
            (false, 0..=6) => Order::Sell { token, size: if bits >> 50 & 7 == 0 { Size::All } else { Size::Usd(usd) } },
            _ => Order::Buy { token, size: Size::Usd(usd) },
        };
        let mut random = [0; 10];
        random[..4].copy_from_slice(&n.to_be_bytes());
        let request = TradeRequest {
            id: TradeId::new(self.at, random),
            order,
            tolerance: Ppm::from_bps(100),
            accept_price_age: AcceptPriceAge::No,
            max_impact: None,
        };
        (request, Seed(bits))
    }

    fn simulate_apply(mut self, trades: u32) -> i64 {
        let mut account = or_bug(Account::open(&opened(), self.at));
        for n in 0..trades {
            let (request, seed) = self.request(&account, n);
            if let Ok(trade) = execute(&account, &request, &self.market, self.at, seed) {
                or_bug(account.apply_trade(&trade, self.at));
            }
        }
        account.realised().atoms() as i64
    }

    fn simulate_journal(mut self, trades: u32) -> i64 {
        let (mut ledger, _) = or_bug(Ledger::open(opened(), self.at));
        let mut line = Vec::with_capacity(1024);
        let mut bytes = 0;
        for n in 0..trades {
            let (request, seed) = self.request(ledger.account(), n);
            if let Ok(trade) = execute(ledger.account(), &request, &self.market, self.at, seed) {
                line.clear();
                or_bug(ledger.record(&Event::Traded(trade), self.at, &mut line));
                bytes += line.len();
            }
        }
        bytes as i64
    }
}

fn opened() -> Opened {
    Opened {
        account: AccountSecret::new([1; 32]).owner_token().account_id(),
        market: MarketKind::Demo,
        name: "Bench".into(),
        deposit: Usd::whole(1_000_000_000),
        settings: Settings::default(),
    }
}

/// The workload is made so that the ledger takes all of it; a loop that measured errors would lie.
fn or_bug<T>(result: Result<T, LedgerError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => unreachable!("the workload's own trade: {error}"),
    }
}

/// A xorshift stream: cheap, so that it does not show in the figures.
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
