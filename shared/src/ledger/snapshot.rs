//! An account as its journal left it, in bytes: to open an old one without folding its journal again.
//!
//! A snapshot is a cache and never a truth. It names the head of the journal it was taken of; one that
//! does not verify, is of another version, or of a head that the journal does not have, is thrown away
//! and the journal is folded afresh. The checksum finds what a disk or a half-finished write does to
//! bytes; whoever can forge it can write the journal itself.
//!
//! Numbers are their little-endian bytes without the zeros at the end, a byte before them saying how many.

use std::collections::VecDeque;

use alloy_primitives::{Address, B256, U256};

use crate::chain::Chain;
use crate::ids::{AccountId, TradeId};
use crate::money::{Units, Usd};
use crate::time::Timestamp;
use crate::token::{Token, TokenKey};

use super::account::{Account, Position};
use super::curve::{Curve, Point};
use super::event::MarketKind;
use super::footprint::Footprint;
use super::journal::{Entry, Head, Ledger};
use super::outline::{Kind, Note, Outline};
use super::position::{Holding, Lot, Lots, Move, Rank};
use super::settings::Settings;
use super::totals::Totals;
use super::trade_ids::TradeIds;

/// The version of the snapshots written today. It changes with their form **and with what folding an
/// entry does**: an old fold is no answer to a new question.
pub const SNAPSHOT_VERSION: u8 = 1;

/// What folding a journal comes to: the account, and what is worth knowing of the way to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The account and the head of its journal.
    pub ledger: Ledger,
    /// What stands where.
    pub outline: Outline,
    /// How its equity went.
    pub curve: Curve,
}

impl Folded {
    /// The first entry, and the ledger it opened.
    pub fn begin(ledger: Ledger, opened: &Entry) -> Folded {
        let mut folded = Folded { ledger, outline: Outline::default(), curve: Curve::default() };
        folded.note(opened);
        folded
    }

    /// Takes note of an entry that the ledger has just taken.
    pub fn note(&mut self, entry: &Entry) {
        self.outline.add(entry);
        self.curve.observe(self.ledger.account(), &entry.event);
    }
}

/// Writes a snapshot.
pub fn write(folded: &Folded) -> Vec<u8> {
    let Folded { ledger, outline, curve } = folded;
    // What an entry of an old account takes, about: its name, its note and its moves.
    let mut out = Vec::with_capacity(1024 + outline.len() * 64);
    out.push(SNAPSHOT_VERSION);
    let head = ledger.head();
    number(&mut out, head.seq);
    signed(&mut out, head.at.millis().into());
    out.extend_from_slice(head.hash.as_slice());
    write_account(&mut out, ledger.account());
    write_outline(&mut out, outline);
    write_curve(&mut out, curve);
    let checksum = checksum(&out);
    out.extend_from_slice(&checksum);
    out
}

/// Reads what [`write`] wrote; `None` for anything else.
pub fn read(bytes: &[u8]) -> Option<Folded> {
    let (body, sum) = bytes.split_last_chunk::<8>()?;
    (checksum(body) == *sum).then_some(())?;
    let mut input = Input(body);
    (input.byte()? == SNAPSHOT_VERSION).then_some(())?;
    let head = Head { seq: input.number()?, at: input.time()?, hash: B256::new(input.raw()?) };
    let account = read_account(&mut input)?;
    let outline = read_outline(&mut input)?;
    let curve = read_curve(&mut input)?;
    let is_whole = input.0.is_empty() && outline.len() as u64 == head.seq;
    is_whole.then(|| Folded { ledger: Ledger::restored(account, head), outline, curve })
}

fn write_account(out: &mut Vec<u8>, account: &Account) {
    // A field more or less must not compile unseen.
    let Account {
        id,
        name,
        market,
        opened,
        at,
        settings,
        cash,
        net_deposits,
        realised,
        totals,
        positions,
        tokens,
        traded,
    } = account;
    out.extend_from_slice(id.as_bytes());
    text(out, name);
    out.push(u8::from(*market == MarketKind::Demo));
    signed(out, opened.millis().into());
    signed(out, at.millis().into());
    json(out, settings);
    for amount in [cash, net_deposits, realised] {
        signed(out, amount.atoms());
    }
    let Totals {
        filled,
        failed,
        volume,
        gas_of_buys,
        gas_of_sells,
        gas_of_swaps,
        gas_of_failed,
        lp_fees,
        impact,
        slippage,
    } = totals;
    number(out, *filled);
    number(out, *failed);
    for amount in [volume, gas_of_buys, gas_of_sells, gas_of_swaps, gas_of_failed, lp_fees, impact, slippage] {
        signed(out, amount.atoms());
    }
    number(out, positions.len() as u64);
    for position in positions.values() {
        write_position(out, position);
    }
    number(out, tokens.len() as u64);
    for token in tokens.values() {
        json(out, token);
    }
    let TradeIds { run, late } = traded;
    number(out, run.len() as u64);
    run.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
    number(out, late.len() as u64);
    late.iter().for_each(|id| out.extend_from_slice(id.as_bytes()));
}

fn read_account(input: &mut Input<'_>) -> Option<Account> {
    Some(Account {
        id: AccountId::from_bytes(input.raw()?),
        name: input.text()?.to_owned(),
        market: if input.byte()? == 0 { MarketKind::Real } else { MarketKind::Demo },
        opened: input.time()?,
        at: input.time()?,
        settings: input.json::<Settings>()?,
        cash: input.usd()?,
        net_deposits: input.usd()?,
        realised: input.usd()?,
        totals: Totals {
            filled: input.number()?,
            failed: input.number()?,
            volume: input.usd()?,
            gas_of_buys: input.usd()?,
            gas_of_sells: input.usd()?,
            gas_of_swaps: input.usd()?,
            gas_of_failed: input.usd()?,
            lp_fees: input.usd()?,
            impact: input.usd()?,
            slippage: input.usd()?,
        },
        positions: input.all(|input| read_position(input).map(|position| (position.token(), position)))?,
        tokens: input.all(|input| input.json::<Token>().map(|token| (token.key, token)))?,
        traded: TradeIds {
            run: input.all(|input| input.raw().map(TradeId::from_bytes))?,
            late: input.all(|input| input.raw().map(TradeId::from_bytes))?,
        },
    })
}

fn write_position(out: &mut Vec<u8>, position: &Position) {
    let Position { token, holding, footprint } = position;
    write_token(out, *token);
    let Footprint { bought, sold, at } = footprint;
    units(out, *bought);
    units(out, *sold);
    signed(out, at.millis().into());
    let Holding { units: held, cost, realised, lots, settled, tape } = holding;
    units(out, *held);
    for amount in [cost, realised, settled] {
        signed(out, amount.atoms());
    }
    number(out, tape.len() as u64);
    for step in tape {
        match step {
            Move::In { units: came, cost } => {
                out.push(0);
                lot(out, Lot { units: *came, cost: *cost });
            }
            Move::Out { units: went, proceeds } => {
                out.push(1);
                lot(out, Lot { units: *went, cost: *proceeds });
            }
        }
    }
    match lots {
        Lots::Average => out.push(0),
        Lots::Fifo(lots) => {
            out.push(1);
            number(out, lots.len() as u64);
            lots.iter().for_each(|each| lot(out, *each));
        }
        Lots::Lifo(lots) => {
            out.push(2);
            number(out, lots.len() as u64);
            lots.iter().for_each(|each| lot(out, *each));
        }
        Lots::Hifo { lots, next } => {
            out.push(3);
            number(out, *next);
            number(out, lots.len() as u64);
            for (rank, left) in lots {
                lot(out, rank.bought);
                number(out, rank.number);
                lot(out, *left);
            }
        }
    }
}

fn read_position(input: &mut Input<'_>) -> Option<Position> {
    let token = input.token()?;
    let footprint = Footprint { bought: input.units()?, sold: input.units()?, at: input.time()? };
    let (held, cost, realised, settled) = (input.units()?, input.usd()?, input.usd()?, input.usd()?);
    let tape = input.all(|input| {
        let is_in = input.byte()? == 0;
        let Lot { units, cost } = input.lot()?;
        Some(if is_in { Move::In { units, cost } } else { Move::Out { units, proceeds: cost } })
    })?;
    let lots = match input.byte()? {
        0 => Lots::Average,
        1 => Lots::Fifo(input.all::<_, VecDeque<Lot>>(Input::lot)?),
        2 => Lots::Lifo(input.all(Input::lot)?),
        3 => Lots::Hifo {
            next: input.number()?,
            lots: input.all(|input| {
                let rank = Rank { bought: input.lot()?, number: input.number()? };
                Some((rank, input.lot()?))
            })?,
        },
        _ => return None,
    };
    Some(Position { token, holding: Holding { units: held, cost, realised, lots, settled, tape }, footprint })
}

fn write_outline(out: &mut Vec<u8>, outline: &Outline) {
    let Outline { notes, tokens } = outline;
    number(out, tokens.len() as u64);
    tokens.iter().for_each(|token| write_token(out, *token));
    number(out, notes.len() as u64);
    let mut before = Timestamp::EPOCH;
    for Note { at, kind, sold, bought } in notes {
        out.push(*kind as u8);
        number(out, at.since(before));
        number(out, u64::from(*sold));
        number(out, u64::from(*bought));
        before = *at;
    }
}

fn read_outline(input: &mut Input<'_>) -> Option<Outline> {
    let tokens: Vec<TokenKey> = input.all(Input::token)?;
    let mut at = Timestamp::EPOCH;
    let notes = input.all(|input| {
        let kind = *Kind::ALL.get(usize::from(input.byte()?))?;
        at = at.plus_millis(i64::try_from(input.number()?).ok()?);
        let mut place = || u32::try_from(input.number()?).ok().filter(|place| *place as usize <= tokens.len());
        Some(Note { at, kind, sold: place()?, bought: place()? })
    })?;
    Some(Outline { notes, tokens })
}

fn write_curve(out: &mut Vec<u8>, curve: &Curve) {
    let Curve { points, prices, seen, stride } = curve;
    number(out, points.len() as u64);
    for Point { at, equity, net_deposits, costs } in points {
        signed(out, at.millis().into());
        for amount in [equity, net_deposits, costs] {
            signed(out, amount.atoms());
        }
    }
    number(out, prices.len() as u64);
    for (token, price) in prices {
        write_token(out, *token);
        text(out, &price.to_string());
    }
    number(out, *seen);
    number(out, *stride);
}

fn read_curve(input: &mut Input<'_>) -> Option<Curve> {
    Some(Curve {
        points: input.all(|input| {
            let at = input.time()?;
            Some(Point { at, equity: input.usd()?, net_deposits: input.usd()?, costs: input.usd()? })
        })?,
        prices: input.all(|input| Some((input.token()?, input.text()?.parse().ok()?)))?,
        seen: input.number()?,
        stride: input.number()?,
    })
}

fn write_token(out: &mut Vec<u8>, token: TokenKey) {
    number(out, token.chain.id());
    out.extend_from_slice(token.address.as_slice());
}

fn lot(out: &mut Vec<u8>, lot: Lot) {
    units(out, lot.units);
    signed(out, lot.cost.atoms());
}

fn units(out: &mut Vec<u8>, amount: Units) {
    trimmed(out, &amount.0.to_le_bytes::<32>());
}

fn number(out: &mut Vec<u8>, number: u64) {
    trimmed(out, &number.to_le_bytes());
}

/// The sign goes to the lowest bit, so that small negative numbers are short as well.
fn signed(out: &mut Vec<u8>, number: i128) {
    trimmed(out, &((number << 1) ^ (number >> 127)).to_le_bytes());
}

fn trimmed(out: &mut Vec<u8>, bytes: &[u8]) {
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    out.push(len as u8);
    out.extend_from_slice(&bytes[..len]);
}

fn text(out: &mut Vec<u8>, text: &str) {
    number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// What is small and seldom: in the words it has already.
fn json<T: serde::Serialize>(out: &mut Vec<u8>, value: &T) {
    // These types have nothing that JSON cannot say; an empty text would be refused on reading.
    text(out, &serde_json::to_string(value).unwrap_or_default());
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|taken| taken[0])
    }

    fn raw<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn filled<const N: usize>(&mut self) -> Option<[u8; N]> {
        let len = usize::from(self.byte()?);
        let mut bytes = [0; N];
        bytes.get_mut(..len)?.copy_from_slice(self.take(len)?);
        Some(bytes)
    }

    fn number(&mut self) -> Option<u64> {
        self.filled().map(u64::from_le_bytes)
    }

    fn signed(&mut self) -> Option<i128> {
        let folded = u128::from_le_bytes(self.filled()?);
        Some((folded >> 1) as i128 ^ -((folded & 1) as i128))
    }

    fn usd(&mut self) -> Option<Usd> {
        Usd::from_atoms(self.signed()?).ok()
    }

    fn units(&mut self) -> Option<Units> {
        Some(Units(U256::from_le_bytes(self.filled::<32>()?)))
    }

    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_millis(self.signed()?.try_into().ok()?))
    }

    fn lot(&mut self) -> Option<Lot> {
        Some(Lot { units: self.units()?, cost: self.usd()? })
    }

    fn token(&mut self) -> Option<TokenKey> {
        let chain = Chain::from_id(self.number()?).ok()?;
        Some(TokenKey { chain, address: Address::new(self.raw()?) })
    }

    fn text(&mut self) -> Option<&'a str> {
        let len = self.number()?.try_into().ok()?;
        std::str::from_utf8(self.take(len)?).ok()
    }

    fn json<T: serde::Deserialize<'a>>(&mut self) -> Option<T> {
        serde_json::from_str(self.text()?).ok()
    }

    /// As many as are said to follow.
    fn all<T, C: FromIterator<T>>(&mut self, mut each: impl FnMut(&mut Input<'a>) -> Option<T>) -> Option<C> {
        let count = self.number()?;
        // Each takes a byte at least: a wrong count cannot make this go on for ever.
        (count <= self.0.len() as u64).then_some(())?;
        (0..count).map(|_| each(self)).collect()
    }
}

/// A checksum against accidents, eight bytes at a step: multiply and rotate, so that every bit of the
/// text reaches every bit of the sum.
fn checksum(bytes: &[u8]) -> [u8; 8] {
    const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut sum = bytes.len() as u64;
    let mut step = |word: u64| sum = (sum ^ word).wrapping_mul(PRIME).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|word| step(u64::from_le_bytes(*word)));
    rest.iter().for_each(|byte| step(u64::from(*byte)));
    step(0);
    sum.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::keccak256;

    use crate::ledger::{CostMethod, Event, Opened};
    use crate::money::Price;
    use crate::testing::Story;

    use super::*;

    fn told(seed: u64) -> Folded {
        let mut story = Story::begin(seed).unwrap();
        while story.step().is_some() {}
        folded(story.entries())
    }

    fn folded(entries: &[Entry]) -> Folded {
        let (ledger, opened) = Ledger::begin(entries[0].line.as_bytes()).unwrap();
        let mut folded = Folded::begin(ledger, &opened);
        for entry in &entries[1..] {
            let entry = folded.ledger.accept(entry.line.as_bytes()).unwrap();
            folded.note(&entry);
        }
        folded
    }

    #[test]
    fn what_was_written_reads_back_as_the_same_account_by_every_method() {
        for seed in 0..200 {
            let mut folded = told(seed);
            for cost_method in CostMethod::ALL {
                let settings = Settings { cost_method, ..*folded.ledger.account().settings() };
                let entry = folded.ledger.append(Event::SettingsChanged(settings), Timestamp::EPOCH).unwrap();
                folded.note(&entry);
                assert_eq!(read(&write(&folded)), Some(folded.clone()), "{seed}");
            }
        }
    }

    #[test]
    fn a_snapshot_goes_on_as_the_ledger_it_was_taken_of() {
        for seed in 0..100 {
            let mut story = Story::begin(seed).unwrap();
            while story.step().is_some() {}
            let entries = story.entries();
            let known = 1 + seed as usize % entries.len();
            let mut halfway = read(&write(&folded(&entries[..known]))).unwrap();
            for entry in &entries[known..] {
                assert_eq!(&halfway.ledger.accept(entry.line.as_bytes()).unwrap(), entry);
                halfway.note(entry);
            }
            assert_eq!(halfway, folded(entries));
        }
    }

    #[test]
    fn bytes_that_were_cut_or_changed_anywhere_are_no_snapshot() {
        let whole = write(&told(5));
        for cut in 0..whole.len() {
            assert_eq!(read(&whole[..cut]), None);
        }
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert_eq!(read(&changed), None, "byte {at}, bit {bit}");
            }
        }
        assert_eq!(read(&[&whole[..], &[0]].concat()), None);
    }

    /// When this fails, the form of a snapshot changed, or what folding does: count [`SNAPSHOT_VERSION`] up,
    /// and put the new hash here.
    #[test]
    fn the_form_is_that_of_its_version() {
        let (at, later) = (Timestamp::from_secs(1_790_000_000), Timestamp::from_secs(1_790_000_060));
        let opened = Opened {
            account: AccountId::from_bytes([7; 16]),
            market: MarketKind::Demo,
            name: "Form".into(),
            deposit: Usd::whole(10_000),
            settings: Settings::default(),
        };
        let mut account = Account::open(&opened, at).unwrap();
        let units = |n: u64| Units(U256::from(n));
        for (n, method) in (1..).zip(CostMethod::ALL) {
            let token = TokenKey { chain: Chain::Base, address: Address::repeat_byte(n) };
            let mut holding = Holding::new(method);
            for (n, cost) in [(1_000_000, 3), (2_000_000, 5), (500_000, 1)] {
                holding.receive(units(n), Usd::whole(cost)).unwrap();
            }
            holding.dispose(units(1_200_000), Usd::whole(2).negated()).unwrap();
            let footprint = Footprint { bought: units(1), sold: units(2), at };
            account.positions.insert(token, Position { token, holding, footprint });
            let added = Token::user(token, "NEW", 6, Some("new")).unwrap();
            account.tokens.insert(token, added);
            account.traded.insert(TradeId::from_bytes([5 - n; 16]));
        }
        account.totals = Totals { filled: 16, failed: 1, slippage: Usd::whole(-1), ..Totals::default() };
        let ledger = Ledger::restored(account, Head { seq: 2, at: later, hash: B256::repeat_byte(9) });
        let tokens: Vec<TokenKey> = ledger.account().positions.keys().copied().collect();
        let notes = vec![
            Note { at, kind: Kind::Other, sold: 0, bought: 0 },
            Note { at: later, kind: Kind::FailedSwap, sold: 1, bought: 4 },
        ];
        let point = Point { at, equity: Usd::whole(9), net_deposits: Usd::whole(8), costs: Usd::whole(7) };
        let prices = tokens.iter().map(|token| (*token, Price::ONE)).collect();
        let curve = Curve { points: vec![point], prices, seen: 3, stride: 2 };
        let folded = Folded { ledger, outline: Outline { notes, tokens }, curve };
        let bytes = write(&folded);
        assert_eq!(read(&bytes), Some(folded));
        assert_eq!(
            (SNAPSHOT_VERSION, keccak256(bytes).to_string().as_str()),
            (1, "0x652d3a755139e6256f833cc3b97dd539d5b24b3ea3973abbf0e651662bed2248")
        );
    }
}
