//! Plain fills from anywhere: what they left, and what they earned.
//!
//! The pure part of `foolscap ledger FILE`. Fills come as CSV or JSON Lines with a time, a side, a
//! token (any name), a quantity, a price and a fee in dollars, oldest first; out comes, after each
//! line, the position, its average price, and realised and unrealised profit by any cost method.
//! It is the same [`Holding`] the account uses: fees of buying are cost, fees of selling come out
//! of the proceeds, and every sum is exact at 12 places.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::money::{MoneyError, Price, Quantity, Rounding, Units, Usd};
use crate::time::Timestamp;

use super::csv;
use super::position::{Holding, HoldingError};
use super::settings::CostMethod;

/// Decimal places of a quantity: finer ones are refused.
pub const QUANTITY_PLACES: u8 = 30;

/// Which way a fill went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Dollars into the token.
    Buy,
    /// The token into dollars.
    Sell,
}

/// A field of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// When.
    Time,
    /// Buy or sell.
    Side,
    /// The token's name.
    Token,
    /// Whole tokens.
    Quantity,
    /// Dollars for one whole token.
    Price,
    /// The fee in dollars.
    Fee,
}

impl Field {
    const ALL: [Field; 6] = [Field::Time, Field::Side, Field::Token, Field::Quantity, Field::Price, Field::Fee];

    /// The name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Field::Time => "time",
            Field::Side => "side",
            Field::Token => "token",
            Field::Quantity => "quantity",
            Field::Price => "price",
            Field::Fee => "fee",
        }
    }

    /// The field a column of this name holds; capitals and the space or underline in a name do not matter.
    fn named(name: &str) -> Option<Field> {
        let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
        match plain.to_ascii_lowercase().as_str() {
            "time" | "timestamp" | "date" | "at" => Some(Field::Time),
            "side" | "type" => Some(Field::Side),
            "token" | "symbol" | "asset" => Some(Field::Token),
            "quantity" | "qty" | "amount" => Some(Field::Quantity),
            "price" | "priceusd" => Some(Field::Price),
            "fee" | "feeusd" | "feeinusd" => Some(Field::Fee),
            _ => None,
        }
    }
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Why the fills were refused. Nothing is computed from a file with a bad line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}{}: {problem}", .field.map(|field| format!(", {field}")).unwrap_or_default())]
pub struct PlainError {
    /// The line, from 1.
    pub line: usize,
    /// The field, where it is one field's fault.
    pub field: Option<Field>,
    /// What is wrong.
    pub problem: Problem,
}

/// What is wrong with a line of fills.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// There is no fill at all.
    #[error("there are no fills")]
    Empty,
    /// Not CSV.
    #[error("not CSV: {0}")]
    Csv(&'static str),
    /// Not a JSON object of a fill.
    #[error("not a fill in JSON: {0}")]
    Json(String),
    /// A column nobody knows.
    #[error("column `{0}` is not known; there are time, side, token, quantity, price and fee")]
    UnknownColumn(String),
    /// A column twice.
    #[error("the column is there twice")]
    ColumnTwice,
    /// A column that is needed is missing.
    #[error("the column is missing")]
    ColumnMissing,
    /// A row with more or fewer cells than there are columns.
    #[error("{found} cells where there are {expected} columns")]
    Cells {
        /// How many columns there are.
        expected: usize,
        /// How many cells the row has.
        found: usize,
    },
    /// A field that is needed is empty.
    #[error("it is empty")]
    Missing,
    /// Not a time.
    #[error("`{0}` is not a time (write it like 2026-01-31T12:00:00Z, 2026-01-31 or seconds since 1970)")]
    Time(String),
    /// A fill from before the one above it.
    #[error("it is from before the line above: fills come oldest first")]
    Order,
    /// Not a side.
    #[error("`{0}` is not a side: write buy or sell")]
    Side(String),
    /// Not a number of its kind.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// More sold than there is.
    #[error("{needed} would be sold, and there are {available}")]
    Short {
        /// Whole tokens that would be sold.
        needed: Quantity,
        /// Whole tokens held.
        available: Quantity,
    },
}

/// A fill, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// The line it stands on.
    pub line: usize,
    /// When.
    pub time: Timestamp,
    /// Which way.
    pub side: Side,
    /// The token's name.
    pub token: String,
    /// Whole tokens, in units of 10⁻³⁰.
    pub units: Units,
    /// Dollars for one whole token.
    pub price: Price,
    /// The fee in dollars; a rebate is negative.
    pub fee: Usd,
}

/// What a fill left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Row {
    /// The line of the fill.
    pub line: usize,
    /// When.
    pub time: Timestamp,
    /// Which way.
    pub side: Side,
    /// The token.
    pub token: String,
    /// Whole tokens held after it.
    pub position: Quantity,
    /// The price at which the position is valued: the mark given for the token, or its last price.
    pub mark: Price,
    /// The figures by each method asked for, in that order.
    pub by: Vec<ByMethod>,
}

/// The figures of one cost method after a fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ByMethod {
    /// The method.
    pub method: CostMethod,
    /// What the position cost.
    pub cost: Usd,
    /// Cost of one whole token; absent where nothing is held.
    pub average_price: Option<Price>,
    /// Profit or loss realised in this token so far.
    pub realised: Usd,
    /// Value of the position at the mark, less its cost.
    pub unrealised: Usd,
    /// Profit or loss realised in all tokens so far.
    pub total_realised: Usd,
    /// Unrealised profit or loss of all tokens, each at its mark.
    pub total_unrealised: Usd,
}

/// Reads fills: JSON Lines where the text begins with `{`, CSV otherwise. CSV may have a header,
/// with columns in any order; without one they are time, side, token, quantity, price, fee. The fee
/// may be left out, and is then nothing.
///
/// # Errors
/// [`PlainError`] with the first bad line.
pub fn read(text: &str) -> Result<Vec<Fill>, PlainError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let fills = if text.trim_start().starts_with('{') { read_json(text)? } else { read_csv(text)? };
    if fills.is_empty() {
        return Err(PlainError { line: 1, field: None, problem: Problem::Empty });
    }
    for pair in fills.windows(2) {
        if pair[1].time < pair[0].time {
            return Err(PlainError { line: pair[1].line, field: Some(Field::Time), problem: Problem::Order });
        }
    }
    Ok(fills)
}

/// Books fills by each of `methods`. A token with a mark is valued at it from the first line on,
/// any other at the price of its last fill.
///
/// # Errors
/// [`PlainError`] at the line that sells more than there is, or whose sums do not fit.
pub fn book(fills: &[Fill], methods: &[CostMethod], marks: &BTreeMap<String, Price>) -> Result<Vec<Row>, PlainError> {
    let mut books: Vec<Book> = methods.iter().map(|method| Book::new(*method)).collect();
    let mut rows = Vec::with_capacity(fills.len());
    for fill in fills {
        let error = |problem| PlainError { line: fill.line, field: None, problem };
        let mark = marks.get(&fill.token).copied().unwrap_or(fill.price);
        let mut position = Units::ZERO;
        let mut by = Vec::with_capacity(books.len());
        for book in &mut books {
            let figures = book.take(fill, mark).map_err(error)?;
            position = figures.0;
            by.push(figures.1);
        }
        rows.push(Row {
            line: fill.line,
            time: fill.time,
            side: fill.side,
            token: fill.token.clone(),
            position: position.quantity(QUANTITY_PLACES),
            mark,
            by,
        });
    }
    Ok(rows)
}

/// Every token by one method.
struct Book {
    method: CostMethod,
    holdings: BTreeMap<String, (Holding, Usd)>,
    realised: Usd,
    unrealised: Usd,
}

impl Book {
    const fn new(method: CostMethod) -> Book {
        Book { method, holdings: BTreeMap::new(), realised: Usd::ZERO, unrealised: Usd::ZERO }
    }

    fn take(&mut self, fill: &Fill, mark: Price) -> Result<(Units, ByMethod), Problem> {
        let method = self.method;
        if !self.holdings.contains_key(&fill.token) {
            self.holdings.insert(fill.token.clone(), (Holding::new(method), Usd::ZERO));
        }
        let Some((holding, unrealised)) = self.holdings.get_mut(&fill.token) else { return Err(Problem::Empty) };
        let value = fill.price.value(fill.units, QUANTITY_PLACES, Rounding::HalfEven)?;
        match fill.side {
            Side::Buy => holding.receive(fill.units, value.plus(fill.fee)?).map_err(refused)?,
            Side::Sell => {
                let gain = holding.dispose(fill.units, value.minus(fill.fee)?).map_err(refused)?;
                self.realised = self.realised.plus(gain)?;
            }
        }
        let worth = mark.value(holding.units(), QUANTITY_PLACES, Rounding::HalfEven)?;
        let now = worth.minus(holding.cost())?;
        self.unrealised = self.unrealised.minus(*unrealised)?.plus(now)?;
        *unrealised = now;
        let figures = ByMethod {
            method,
            cost: holding.cost(),
            average_price: holding.average_price(QUANTITY_PLACES),
            realised: holding.realised(),
            unrealised: now,
            total_realised: self.realised,
            total_unrealised: self.unrealised,
        };
        Ok((holding.units(), figures))
    }
}

fn refused(error: HoldingError) -> Problem {
    match error {
        HoldingError::Money(error) => error.into(),
        HoldingError::Short { needed, available } => {
            Problem::Short { needed: needed.quantity(QUANTITY_PLACES), available: available.quantity(QUANTITY_PLACES) }
        }
    }
}

fn read_csv(text: &str) -> Result<Vec<Fill>, PlainError> {
    let whole = |line, problem| PlainError { line, field: None, problem };
    let records = csv::records(text).map_err(|error| whole(error.line, Problem::Csv(error.problem)))?;
    let has_header = records.first().is_some_and(|record| {
        record.cells.iter().any(|cell| matches!(Field::named(cell), Some(Field::Side | Field::Price)))
    });
    let columns = match records.first() {
        Some(header) if has_header => columns(header)?,
        // Without a fee column where the first row has none.
        Some(first) if first.cells.len() == 5 => Field::ALL[..5].to_vec(),
        Some(_) | None => Field::ALL.to_vec(),
    };
    records
        .iter()
        .skip(usize::from(has_header))
        .map(|record| {
            if record.cells.len() != columns.len() {
                let problem = Problem::Cells { expected: columns.len(), found: record.cells.len() };
                return Err(whole(record.line, problem));
            }
            fill(record.line, |field| {
                let at = columns.iter().position(|column| *column == field)?;
                Some(Cow::Borrowed(record.cells[at].as_str()))
            })
        })
        .collect()
}

fn columns(header: &csv::Record) -> Result<Vec<Field>, PlainError> {
    let line = header.line;
    let mut columns = Vec::new();
    for cell in &header.cells {
        let unknown = || Problem::UnknownColumn(cell.chars().take(48).collect());
        let field = Field::named(cell).ok_or_else(|| PlainError { line, field: None, problem: unknown() })?;
        if columns.contains(&field) {
            return Err(PlainError { line, field: Some(field), problem: Problem::ColumnTwice });
        }
        columns.push(field);
    }
    match Field::ALL.into_iter().find(|field| *field != Field::Fee && !columns.contains(field)) {
        Some(field) => Err(PlainError { line, field: Some(field), problem: Problem::ColumnMissing }),
        None => Ok(columns),
    }
}

fn read_json(text: &str) -> Result<Vec<Fill>, PlainError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line<'a> {
        #[serde(borrow, alias = "timestamp", alias = "date", alias = "at")]
        time: &'a RawValue,
        #[serde(borrow, alias = "type")]
        side: &'a RawValue,
        #[serde(borrow, alias = "symbol", alias = "asset")]
        token: &'a RawValue,
        #[serde(borrow, alias = "qty", alias = "amount")]
        quantity: &'a RawValue,
        #[serde(borrow, alias = "price_usd")]
        price: &'a RawValue,
        #[serde(borrow, default, alias = "fee_usd")]
        fee: Option<&'a RawValue>,
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(index, text)| {
            let json: Line = serde_json::from_str(text).map_err(|error| PlainError {
                line: index + 1,
                field: None,
                problem: Problem::Json(error.to_string()),
            })?;
            fill(index + 1, |field| {
                let raw = match field {
                    Field::Time => Some(json.time),
                    Field::Side => Some(json.side),
                    Field::Token => Some(json.token),
                    Field::Quantity => Some(json.quantity),
                    Field::Price => Some(json.price),
                    Field::Fee => json.fee,
                }?;
                // A string's text, or a number's own digits: no float comes between.
                Some(match serde_json::from_str::<String>(raw.get()) {
                    Ok(text) => Cow::Owned(text),
                    Err(_) if raw.get() == "null" => Cow::Borrowed(""),
                    Err(_) => Cow::Borrowed(raw.get()),
                })
            })
        })
        .collect()
}

/// Reads one fill from its fields.
fn fill<'a>(line: usize, text_of: impl Fn(Field) -> Option<Cow<'a, str>>) -> Result<Fill, PlainError> {
    let wrong = |field, problem| PlainError { line, field: Some(field), problem };
    let optional = |field| text_of(field).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let needed = |field| optional(field).ok_or_else(|| wrong(field, Problem::Missing));
    let number = |field, text: &str| Quantity::parse_scientific(text).map_err(|error| wrong(field, error.into()));

    let time = needed(Field::Time)?;
    let side = needed(Field::Side)?;
    let quantity = number(Field::Quantity, &needed(Field::Quantity)?)?;
    if quantity.is_zero() {
        return Err(wrong(Field::Quantity, MoneyError::Zero.into()));
    }
    let price = Price::parse(&needed(Field::Price)?).map_err(|error| wrong(Field::Price, error.into()))?;
    let fee = match optional(Field::Fee) {
        None => Usd::ZERO,
        Some(text) => number(Field::Fee, &text)?
            .to_decimal()
            .and_then(Usd::exact)
            .map_err(|error| wrong(Field::Fee, error.into()))?,
    };
    Ok(Fill {
        line,
        time: moment(&time).ok_or_else(|| wrong(Field::Time, Problem::Time(shown(&time))))?,
        side: match side.to_ascii_lowercase().as_str() {
            "buy" => Side::Buy,
            "sell" => Side::Sell,
            _ => return Err(wrong(Field::Side, Problem::Side(shown(&side)))),
        },
        token: needed(Field::Token)?,
        units: quantity.units(QUANTITY_PLACES).map_err(|error| wrong(Field::Quantity, error.into()))?,
        price,
        fee,
    })
}

/// A time as files have it: RFC 3339, a day, a day and time with a space, seconds or milliseconds
/// since 1970. What names no zone is UTC.
fn moment(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            ..=11 => Some(Timestamp::from_secs(number)),
            12..=14 => Some(Timestamp::from_millis(number)),
            _ => None,
        };
    }
    let text = text.replacen(' ', "T", 1);
    let text = if text.len() == 10 { format!("{text}T00:00:00") } else { text };
    let has_zone = text.ends_with('Z') || text.get(19..).is_some_and(|rest| rest.contains(['+', '-']));
    if has_zone { text.parse().ok() } else { format!("{text}Z").parse().ok() }
}

fn shown(text: &str) -> String {
    text.chars().take(48).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILLS: &str = "time,side,token,quantity,price,fee\n\
        2026-01-01,buy,ETH,1,100,1\n\
        2026-01-02,buy,ETH,1,200,2\n\
        2026-01-03,buy,ETH,1,150,0\n\
        2026-01-04,sell,ETH,1.5,300,3\n\
        2026-01-05,sell,ETH,1.5,100,0\n";

    fn rows(text: &str, methods: &[CostMethod]) -> Vec<Row> {
        book(&read(text).unwrap(), methods, &BTreeMap::new()).unwrap()
    }

    fn usd(text: &str) -> Usd {
        text.parse().unwrap()
    }

    #[test]
    fn each_method_takes_its_own_lots_and_all_end_the_same() {
        let rows = rows(FILLS, &CostMethod::ALL);
        // Sold 1.5 of lots costing 101, 202 and 150 for 450 less 3.
        for (figures, (cost, realised)) in
            rows[3].by.iter().zip([("226.5", "220.5"), ("251", "245"), ("202", "196"), ("176", "170")])
        {
            assert_eq!((figures.cost, figures.realised), (usd(cost), usd(realised)), "{}", figures.method);
            assert_eq!(figures.unrealised, usd("450").minus(usd(cost)).unwrap());
        }
        assert_eq!(rows[3].position.to_string(), "1.5");
        assert_eq!(rows[3].by[0].average_price.unwrap().to_string(), "151");
        for figures in &rows[4].by {
            assert_eq!((figures.cost, figures.average_price), (Usd::ZERO, None));
            assert_eq!((figures.realised, figures.unrealised), (usd("144"), Usd::ZERO), "{}", figures.method);
        }
    }

    #[test]
    fn csv_and_json_lines_say_the_same_in_any_spelling() {
        let json = r#"{"time":"2026-01-01T00:00:00Z","side":"BUY","token":"ETH","quantity":1,"price":1e2,"fee":"1"}
            {"timestamp":1767312000,"side":"buy","symbol":"ETH","qty":"1","price":"200","fee_usd":2}

            {"at":"2026-01-03 00:00:00","side":"buy","asset":"ETH","amount":1.0,"price":150}
            {"time":"1767484800000","side":"sell","token":"ETH","quantity":1.5,"price":300,"fee":3.0}
            {"time":"2026-01-05","side":"Sell","token":"ETH","quantity":"1.5","price":100,"fee":null}"#;
        let shuffled = "Price, Fee (USD) ,Token,SIDE,Quantity,Time\r\n100,1,ETH,buy,1,2026-01-01\r\n\
            200,2,ETH,buy,1,2026-01-02\r\n150,,ETH,buy,1,2026-01-03\r\n300,3,ETH,sell,1.5,2026-01-04\r\n\
            100,0,ETH,sell,1.5,2026-01-05\r\n";
        let bare = FILLS.split_once('\n').unwrap().1;
        let expected: Vec<_> = rows(FILLS, &CostMethod::ALL).into_iter().map(|row| (row.time, row.by)).collect();
        for text in [json, shuffled, bare, &format!("\u{feff}{FILLS}")] {
            let found: Vec<_> = rows(text, &CostMethod::ALL).into_iter().map(|row| (row.time, row.by)).collect();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn marks_value_what_is_left_and_totals_span_tokens() {
        let text = "2026-01-01,buy,A,2,10,0\n2026-01-02,buy,B,1,5,1\n2026-01-03,sell,A,1,12,0\n";
        let fills = read(text).unwrap();
        let marks = BTreeMap::from([("A".to_owned(), "20".parse().unwrap())]);
        let last = book(&fills, &[CostMethod::Fifo], &marks).unwrap().pop().unwrap();
        assert_eq!((last.mark.to_string(), last.by[0].unrealised), ("20".into(), usd("10")));
        assert_eq!((last.by[0].total_realised, last.by[0].total_unrealised), (usd("2"), usd("9")));
    }

    #[test]
    fn what_is_wrong_is_named_by_line_and_field() {
        let head = "time,side,token,quantity,price,fee\n";
        let good = "2026-01-02,buy,ETH,1,100,1\n";
        for (text, message) in [
            (String::new(), "line 1: there are no fills"),
            (head.to_owned(), "line 1: there are no fills"),
            (
                format!("{head}{good}2026-01-02,buy,ETH,1e,100,1"),
                "line 3, quantity: `1e` is not a decimal number (write it like 1234.56, without separators or exponent)",
            ),
            (
                format!("{head}{good}x,buy,ETH,1,100,1"),
                "line 3, time: `x` is not a time (write it like 2026-01-31T12:00:00Z, 2026-01-31 or seconds since 1970)",
            ),
            (
                format!("{head}{good}2026-01-01,buy,ETH,1,100,1"),
                "line 3, time: it is from before the line above: fills come oldest first",
            ),
            (
                format!("{head}{good}2026-01-02,hold,ETH,1,100,1"),
                "line 3, side: `hold` is not a side: write buy or sell",
            ),
            (format!("{head}{good}2026-01-02,buy, ,1,100,1"), "line 3, token: it is empty"),
            (format!("{head}{good}2026-01-02,buy,ETH,0,100,1"), "line 3, quantity: the number is zero"),
            (format!("{head}{good}2026-01-02,buy,ETH,-1,100,1"), "line 3, quantity: the number is negative"),
            (format!("{head}{good}2026-01-02,buy,ETH,1,0,1"), "line 3, price: the number is zero"),
            (
                format!("{head}{good}2026-01-02,buy,ETH,1,100,0.0000000000001"),
                "line 3, fee: more than 12 decimal places",
            ),
            (format!("{head}{good}2026-01-02,buy,ETH,1"), "line 3: 4 cells where there are 6 columns"),
            (
                "time,side,token,quantity,price,tip\n".into(),
                "line 1: column `tip` is not known; there are time, side, token, quantity, price and fee",
            ),
            ("time,side,token,price\n".into(), "line 1, quantity: the column is missing"),
            ("time,side,token,quantity,price,price\n".into(), "line 1, price: the column is there twice"),
            (format!("{head}\"x"), "line 2: not CSV: a quote is never closed"),
            (
                "{\"time\":\"2026-01-01\"}".into(),
                "line 1: not a fill in JSON: missing field `side` at line 1 column 21",
            ),
        ] {
            assert_eq!(read(&text).unwrap_err().to_string(), message, "{text}");
        }
        let fills = read(&format!("{head}{good}2026-01-03,sell,ETH,1.5,100,1")).unwrap();
        let error = book(&fills, &CostMethod::ALL, &BTreeMap::new()).unwrap_err();
        assert_eq!(error.to_string(), "line 3: 1.5 would be sold, and there are 1");
    }
}
