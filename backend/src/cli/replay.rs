//! `foolscap replay FILE`: a journal, verified to its last byte, and the account it makes.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use shared::ledger::{Account, Ledger, Replay, Truncated, Valuation};
use shared::money::Price;
use shared::time::Timestamp;
use shared::token::TokenKey;

use super::Exit;
use super::lines::{Output, read_file, read_json, written};

/// Verifies a journal and shows the account it makes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The journal, or `-` for standard input
    file: PathBuf,
    /// Prices for the valuation: a JSON object of CHAIN:ADDRESS to dollars
    #[arg(long, value_name = "FILE")]
    prices: Option<PathBuf>,
}

/// The answer: one line.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Replayed {
    /// The account as the journal leaves it.
    pub account: Account,
    /// What it is worth at the prices given.
    pub valuation: Valuation,
    /// The last entry.
    pub head: LastEntry,
    /// Whether the file ended with its seal.
    pub sealed: bool,
    /// The last line, where it was cut off and left out.
    pub truncated: Option<Truncated>,
}

/// The last entry of a journal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LastEntry {
    /// Its number: how many there are.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// Its hash, to which the next entry would be chained.
    pub hash: String,
}

/// Reads, verifies and shows.
pub fn run(args: &Args) -> Exit {
    let mut output = Output::stdout();
    let result = replay(args, &mut output);
    written(result.and_then(|exit| output.finish().map(|()| exit)))
}

fn replay(args: &Args, output: &mut Output<impl io::Write>) -> io::Result<Exit> {
    let mut refuse = |line, kind, message: &str| output.error(line, kind, message).map(|()| Exit::BadInput);
    let prices: BTreeMap<TokenKey, Price> = match args.prices.as_deref().map(read_json).transpose() {
        Ok(prices) => prices.unwrap_or_default(),
        Err(message) => return refuse(None, "file", &message),
    };
    let bytes = match read_file(&args.file) {
        Ok(bytes) => bytes,
        Err(message) => return refuse(None, "file", &message),
    };
    let Replay { ledger, truncated, sealed, .. } = match Ledger::replay(bytes) {
        Ok(replay) => replay,
        Err(error) => return refuse(Some(error.line), "journal", &error.damage.to_string()),
    };
    let valuation = match ledger.account().valuation(&prices) {
        Ok(valuation) => valuation,
        Err(error) => return refuse(None, "ledger", &error.to_string()),
    };
    let head = ledger.head();
    output.line(&Replayed {
        account: ledger.account().clone(),
        valuation,
        head: LastEntry { seq: head.seq, at: head.at, hash: head.hash.to_string() },
        sealed,
        truncated,
    })?;
    Ok(Exit::Ok)
}
