//! Comma-separated values: trades out, plain fills in (RFC 4180).

use std::collections::BTreeMap;

use alloy_primitives::hex;

use crate::money::{MoneyError, Units, Usd};
use crate::token::{Token, TokenKey};
use crate::trade::{Order, Outcome, Trade};

use super::account::Account;
use super::journal::Entry;
use super::position::{Holding, HoldingError};
use super::settings::CostMethod;

/// The columns of [`trades_csv`].
pub const TRADE_COLUMNS: [&str; 23] = [
    "seq",
    "time",
    "trade_id",
    "paper_tx_hash",
    "paper_block",
    "chain_id",
    "side",
    "outcome",
    "sold_token",
    "sold_symbol",
    "sold_quantity",
    "sold_units",
    "bought_token",
    "bought_symbol",
    "bought_quantity",
    "bought_units",
    "value_usd",
    "lp_fee_usd",
    "impact_usd",
    "slippage_usd",
    "gas_usd",
    "cash_change_usd",
    "realised_usd",
];

/// The trades of a journal as CSV: a header, then a row a trade, decimals exact. `realised_usd` is
/// by the account's cost method of now, whatever it was at the time; a failed trade realises its gas.
/// Quantities of a token whose decimals are unknown are empty; base units always stand.
///
/// # Errors
/// [`MoneyError`] where a sum does not fit, which cannot be for entries the account was made of.
pub fn trades_csv<'a>(account: &Account, entries: impl IntoIterator<Item = &'a Entry>) -> Result<String, MoneyError> {
    let mut rows = TradeRows::new(account.settings().cost_method);
    for entry in entries {
        rows.add(account, entry)?;
    }
    Ok(rows.take())
}

/// The same, entry by entry.
pub struct TradeRows {
    out: String,
    method: CostMethod,
    holdings: BTreeMap<TokenKey, Holding>,
}

impl TradeRows {
    /// The header; profit will be by `method`.
    pub fn new(method: CostMethod) -> TradeRows {
        TradeRows { out: TRADE_COLUMNS.join(",") + "\r\n", method, holdings: BTreeMap::new() }
    }

    /// Adds the row of the next entry, if it is a trade.
    ///
    /// # Errors
    /// As [`trades_csv`].
    pub fn add(&mut self, account: &Account, entry: &Entry) -> Result<(), MoneyError> {
        let Some(trade) = entry.trade() else { return Ok(()) };
        let booked = Booked::of(trade, &mut self.holdings, self.method)?;
        let filled = trade.is_filled();
        let chain = trade.order.chain();
        let (sold_token, sold_symbol) = named(account, trade.order.sold());
        let (bought_token, bought_symbol) = named(account, trade.order.bought());
        let sold_units = trade.order.sold().filter(|_| filled).map(|_| trade.paid.units());
        let bought_units = trade.order.bought().filter(|_| filled).map(|_| trade.received.units());
        let cells: [String; TRADE_COLUMNS.len()] = [
            entry.seq.to_string(),
            entry.at.to_string(),
            trade.id.to_string(),
            hex::encode_prefixed(entry.hash),
            entry.paper_block(chain).to_string(),
            chain.id().to_string(),
            side(&trade.order).to_owned(),
            match trade.outcome {
                Outcome::Filled => "filled".to_owned(),
                Outcome::Failed(_) => "failed".to_owned(),
            },
            sold_token,
            sold_symbol,
            quantity(account, trade.order.sold(), sold_units),
            sold_units.map(|units| units.to_string()).unwrap_or_default(),
            bought_token,
            bought_symbol,
            quantity(account, trade.order.bought(), bought_units),
            bought_units.map(|units| units.to_string()).unwrap_or_default(),
            trade.value.to_string(),
            trade.costs.lp_fee.to_string(),
            trade.costs.impact.to_string(),
            trade.costs.slippage.to_string(),
            trade.gas.usd.to_string(),
            booked.cash_change.to_string(),
            booked.realised.to_string(),
        ];
        for (index, cell) in cells.iter().enumerate() {
            if index > 0 {
                self.out.push(',');
            }
            write_cell(&mut self.out, cell);
        }
        self.out.push_str("\r\n");
        Ok(())
    }

    /// What was written since the last time.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.out)
    }
}

struct Booked {
    cash_change: Usd,
    realised: Usd,
}

impl Booked {
    fn of(trade: &Trade, holdings: &mut BTreeMap<TokenKey, Holding>, method: CostMethod) -> Result<Booked, MoneyError> {
        let gas = trade.gas.usd;
        if !trade.is_filled() {
            return Ok(Booked { cash_change: gas.negated(), realised: gas.negated() });
        }
        let too_large = |error| match error {
            HoldingError::Money(error) => error,
            HoldingError::Short { .. } => MoneyError::Negative,
        };
        Ok(match trade.order {
            Order::Buy { token, .. } => {
                let cost = trade.value.plus(gas)?;
                held(holdings, token, method).receive(trade.received.units(), cost).map_err(too_large)?;
                Booked { cash_change: cost.negated(), realised: Usd::ZERO }
            }
            Order::Sell { token, .. } => {
                let proceeds = trade.value.minus(gas)?;
                let realised =
                    held(holdings, token, method).dispose(trade.paid.units(), proceeds).map_err(too_large)?;
                Booked { cash_change: proceeds, realised }
            }
            Order::Swap { from, to, .. } => {
                let proceeds = trade.value.minus(gas)?;
                let realised = held(holdings, from, method).dispose(trade.paid.units(), proceeds).map_err(too_large)?;
                held(holdings, to, method).receive(trade.received.units(), trade.value).map_err(too_large)?;
                Booked { cash_change: gas.negated(), realised }
            }
        })
    }
}

fn held(holdings: &mut BTreeMap<TokenKey, Holding>, token: TokenKey, method: CostMethod) -> &mut Holding {
    holdings.entry(token).or_insert_with(|| Holding::new(method))
}

const fn side(order: &Order) -> &'static str {
    match order {
        Order::Buy { .. } => "buy",
        Order::Sell { .. } => "sell",
        Order::Swap { .. } => "swap",
    }
}

fn named(account: &Account, token: Option<TokenKey>) -> (String, String) {
    let symbol = |token: &Token| disarmed(&token.symbol);
    token.map_or_else(Default::default, |key| (key.checksummed(), account.token(key).map(symbol).unwrap_or_default()))
}

fn quantity(account: &Account, token: Option<TokenKey>, units: Option<Units>) -> String {
    let decimals = token.and_then(|key| account.token(key)).map(|token| token.decimals);
    decimals.zip(units).map(|(decimals, units)| units.quantity(decimals).to_string()).unwrap_or_default()
}

/// A text that a spreadsheet would run as a formula, made a text again by a leading apostrophe.
fn disarmed(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.to_owned() }
}

fn write_cell(out: &mut String, cell: &str) {
    if cell.contains([',', '"', '\n', '\r']) || cell.starts_with('\'') {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

/// One record of a CSV text, with the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) line: usize,
    pub(super) cells: Vec<String>,
}

/// Why a text is not CSV.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CsvError {
    pub(super) line: usize,
    pub(super) problem: &'static str,
}

/// Reads CSV: commas, quotes doubled inside quotes, lines ended by LF or CRLF. Blank lines are left out.
pub(super) fn records(text: &str) -> Result<Vec<Record>, CsvError> {
    let mut out = Vec::new();
    let mut chars = text.chars().peekable();
    let (mut line, mut begins) = (1, 1);
    let (mut cells, mut cell) = (Vec::new(), String::new());
    let mut quoted = false;
    loop {
        match chars.next() {
            Some('"') if cell.is_empty() && !quoted => {
                quoted = true;
                let opened = line;
                loop {
                    match chars.next() {
                        Some('"') if chars.next_if_eq(&'"').is_some() => cell.push('"'),
                        Some('"') => break,
                        Some(char) => {
                            line += usize::from(char == '\n');
                            cell.push(char);
                        }
                        None => return Err(CsvError { line: opened, problem: "a quote is never closed" }),
                    }
                }
                if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                    return Err(CsvError { line, problem: "something follows a closing quote" });
                }
            }
            Some('"') => return Err(CsvError { line, problem: "a quote inside an unquoted field" }),
            Some(',') => {
                cells.push(std::mem::take(&mut cell));
                quoted = false;
            }
            Some('\r') if chars.peek() == Some(&'\n') => {}
            end @ (Some('\n') | None) => {
                let is_blank = cells.is_empty() && cell.is_empty() && !quoted;
                cells.push(std::mem::take(&mut cell));
                let cells = std::mem::take(&mut cells);
                if !is_blank {
                    out.push(Record { line: begins, cells });
                }
                if end.is_none() {
                    return Ok(out);
                }
                line += 1;
                (begins, quoted) = (line, false);
            }
            Some(char) => cell.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        records(text).unwrap().into_iter().map(|record| record.cells).collect()
    }

    #[test]
    fn records_read_as_rfc_4180_has_them() {
        assert_eq!(cells("a,b\r\nc,\"d, \"\"e\"\"\"\r\n"), [["a", "b"], ["c", "d, \"e\""]]);
        assert_eq!(cells("a,\n\n,b"), [["a", ""], ["", "b"]]);
        assert_eq!(cells(""), Vec::<Vec<String>>::new());
        assert_eq!(cells("\"\""), [[""]]);
        let lines: Vec<_> = records("a\n\"b\nc\"\nd").unwrap().iter().map(|record| record.line).collect();
        assert_eq!(lines, [1, 2, 4]);
        for (text, line) in [("a\n\"b", 2), ("\"a\"b", 1), ("a\"b", 1)] {
            assert_eq!(records(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn what_was_written_reads_back_and_no_symbol_becomes_a_formula() {
        for text in ["plain", "a,b", "say \"hi\"", "two\nlines", "", "'quoted"] {
            let mut out = String::new();
            write_cell(&mut out, text);
            out.push_str(",end");
            assert_eq!(cells(&out), [[text, "end"]], "{out}");
        }
        for (symbol, cell) in [("=1+1", "'=1+1"), ("+A", "'+A"), ("-A", "'-A"), ("@A", "'@A"), ("A=1", "A=1")] {
            assert_eq!(disarmed(symbol), cell);
        }
    }
}
