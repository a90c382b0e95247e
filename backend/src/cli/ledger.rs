//! `foolscap ledger FILE`: plain fills from anywhere, and what they left after each line.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use shared::ledger::CostMethod;
use shared::ledger::plain;
use shared::money::Price;

use super::Exit;
use super::lines::{Output, read_file, written};

/// Books plain fills (CSV or JSON Lines: time, side, token, quantity, price, fee) line by line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The fills, oldest first, or `-` for standard input
    file: PathBuf,
    /// A cost method: average, fifo, lifo or hifo; give it again for several at once
    #[arg(long = "method", value_name = "METHOD", default_value = "average")]
    methods: Vec<CostMethod>,
    /// A price at which a token is valued, TOKEN=DOLLARS; without it, the price of its last fill
    #[arg(long = "mark", value_name = "TOKEN=PRICE", value_parser = parse_mark)]
    marks: Vec<(String, Price)>,
}

/// Reads, books and shows.
pub fn run(args: &Args) -> Exit {
    let mut output = Output::stdout();
    let result = book(args, &mut output);
    written(result.and_then(|exit| output.finish().map(|()| exit)))
}

fn book(args: &Args, output: &mut Output<impl io::Write>) -> io::Result<Exit> {
    let mut refuse = |line, kind, message: &str| output.error(line, kind, message).map(|()| Exit::BadInput);
    let text = match read_file(&args.file) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(_) => return refuse(None, "file", "the file is not UTF-8"),
        },
        Err(message) => return refuse(None, "file", &message),
    };
    let marks: BTreeMap<String, Price> = args.marks.iter().cloned().collect();
    let rows = plain::read(&text).and_then(|fills| plain::book(&fills, &args.methods, &marks));
    match rows {
        Ok(rows) => {
            rows.iter().try_for_each(|row| output.line(row))?;
            Ok(Exit::Ok)
        }
        Err(error) => {
            let field = error.field.map(|field| format!("{field}: ")).unwrap_or_default();
            refuse(Some(error.line), "fills", &format!("{field}{}", error.problem))
        }
    }
}

fn parse_mark(text: &str) -> Result<(String, Price), String> {
    let (token, price) = text.split_once('=').ok_or("expected TOKEN=PRICE, such as WETH=3000")?;
    let price = price.trim().parse().map_err(|error: shared::money::MoneyError| error.to_string())?;
    Ok((token.trim().to_owned(), price))
}
