//! `foolscap simulate`: requests in, fills, failed trades and rejections out; an account between.
//!
//! The same simulator and ledger as the page's. Time, seed and market come in with the input, so the
//! same input gives the same bytes.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use shared::ids::{AccountId, TradeId};
use shared::ledger::journal::export;
use shared::ledger::{Account, Entry, Event, Ledger, Opened, Replay, Settings};
use shared::market::demo::DemoMarket;
use shared::market::{Market, MarketKind};
use shared::money::Usd;
use shared::simulator::{self, Preview};
use shared::time::Timestamp;
use shared::trade::{AcceptPriceAge, Order, Ppm, Rejection, Seed, Trade, TradeRequest};

use super::Exit;
use super::lines::{Output, lines, read_file, read_json, written};
use crate::config::LogFormat;
use crate::telemetry::{self, TradeExecuted};

/// Fills requests from standard input, a line each; the account goes on from line to line.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The market: a JSON file, or `demo`. A line may bring its own, which holds from there on.
    #[arg(long, value_name = "FILE|demo")]
    market: Option<PathBuf>,
    /// The seed of the demo market
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    demo_seed: u64,
    /// Dollars the account begins with
    #[arg(long, value_name = "USD", default_value = "100000", conflicts_with = "journal")]
    cash: Usd,
    /// The account's settings: a JSON file; without it, the defaults
    #[arg(long, value_name = "FILE", conflicts_with = "journal")]
    settings: Option<PathBuf>,
    /// The journal of an account to go on with
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Write the account's journal here when the input ends
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Only show what each request would do: nothing is drawn, and nothing changes
    #[arg(long)]
    preview: bool,
    /// Note in each trade how long it took; then the same input no longer gives the same bytes
    #[arg(long)]
    measure: bool,
    /// Log each fill to standard error: human or json
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    log_format: Option<LogFormat>,
}

/// A line of input.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateRequest {
    /// What to trade.
    pub request: RequestLine,
    /// When.
    pub at: Timestamp,
    /// The seed of the trade's draws. A preview draws nothing and needs none.
    #[serde(default)]
    pub seed: Option<Seed>,
    /// The market from this line on.
    #[serde(default)]
    pub market: Option<Market>,
}

/// A trade request in which what follows from the rest may be left out.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestLine {
    /// The trade's name. Left out: made from the time, the line's number and the seed.
    #[serde(default)]
    pub id: Option<TradeId>,
    /// What to trade.
    pub order: Order,
    /// How far below the quote the received amount may fall. Left out: the account's own tolerance.
    #[serde(default)]
    pub tolerance: Option<Ppm>,
    /// Consent to an expired price.
    #[serde(default)]
    pub accept_price_age: AcceptPriceAge,
    /// The largest price impact that is accepted, in parts per million. Left out: any.
    #[serde(default)]
    pub max_impact: Option<Ppm>,
}

/// A line of output.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SimulateAnswer {
    /// The trade was filled.
    Fill(Recorded),
    /// The trade failed as it would have on chain: nothing exchanged, gas paid.
    Failed(Recorded),
    /// The request was refused; nothing happened.
    Rejected(Rejected),
    /// What the request would do.
    Preview(Preview),
}

/// A trade and its place in the journal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Recorded {
    /// The trade.
    pub trade: Trade,
    /// Its entry's number.
    pub seq: u64,
    /// Its entry's hash: the paper transaction's hash.
    pub hash: String,
    /// The paper block it stands in.
    pub block: u64,
    /// Cash after it.
    pub cash: Usd,
}

/// A rejection: its reason with its fields, in words, and what to do about it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Rejected {
    /// The reason.
    #[serde(flatten)]
    pub rejection: Rejection,
    /// The cause in words.
    pub message: String,
    /// What can be done.
    pub remedy: String,
}

/// Why the command cannot begin.
#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error("{0}")]
    File(String),
    #[error("{file}: line {line}: {damage}")]
    Journal { file: String, line: usize, damage: String },
    #[error("the account cannot be opened: {0}")]
    Open(#[from] shared::ledger::LedgerError),
}

/// Where prices come from.
enum Source {
    /// From nowhere yet.
    None,
    /// From a file or a line.
    Given(Box<Market>),
    /// From the demo market, at each line's time.
    Demo(DemoMarket),
}

impl Source {
    fn of(path: Option<&Path>, demo_seed: u64) -> Result<Source, SetupError> {
        match path {
            None => Ok(Source::None),
            Some(path) if path == Path::new("demo") => Ok(Source::Demo(DemoMarket::new(demo_seed))),
            Some(path) => read_json(path).map(Source::Given).map_err(SetupError::File),
        }
    }

    fn kind(&self) -> Option<MarketKind> {
        match self {
            Source::None => None,
            Source::Given(market) => Some(market.kind),
            Source::Demo(_) => Some(MarketKind::Demo),
        }
    }
}

/// The account between the lines. It is opened by the first line, whose time is its birth.
struct Desk {
    ledger: Option<Ledger>,
    journal: Vec<String>,
    cash: Usd,
    settings: Settings,
    source: Source,
    preview: bool,
    measure: bool,
}

/// Why a line got no answer.
#[derive(Debug, thiserror::Error)]
enum LineError {
    #[error("{0}")]
    Json(String),
    #[error("there is no market: name one with --market, or in the line")]
    NoMarket,
    #[error("there is no seed: a trade draws from one")]
    NoSeed,
    #[error("{0}")]
    Ledger(#[from] shared::ledger::LedgerError),
}

impl LineError {
    const fn kind(&self) -> &'static str {
        match self {
            LineError::Json(_) => "json",
            LineError::NoMarket | LineError::NoSeed => "input",
            LineError::Ledger(_) => "ledger",
        }
    }
}

/// Answers standard input.
pub fn run(args: &Args) -> Exit {
    if let Some(format) = args.log_format {
        telemetry::start_logging(format, "info");
    }
    let mut output = Output::stdout();
    let mut desk = match Desk::set_up(args) {
        Ok(desk) => desk,
        Err(error) => {
            let said = output.error(None, "file", &error.to_string()).and_then(|()| output.finish());
            return written(said.map(|()| Exit::BadInput));
        }
    };
    let result = desk.answer(io::stdin().lock(), &mut output);
    let exit = written(result.and_then(|exit| output.finish().map(|()| exit)));
    match args.save.as_deref().map(|path| desk.save(path)) {
        Some(Err(error)) => {
            eprintln!("foolscap: the journal could not be saved: {error}");
            Exit::Failed
        }
        Some(Ok(())) | None => exit,
    }
}

impl Desk {
    fn set_up(args: &Args) -> Result<Desk, SetupError> {
        let settings = args.settings.as_deref().map(read_json).transpose().map_err(SetupError::File)?;
        let mut desk = Desk {
            ledger: None,
            journal: Vec::new(),
            cash: args.cash,
            settings: settings.unwrap_or_default(),
            source: Source::of(args.market.as_deref(), args.demo_seed)?,
            preview: args.preview,
            measure: args.measure,
        };
        if let Some(path) = &args.journal {
            let bytes = read_file(path).map_err(SetupError::File)?;
            let Replay { ledger, entries, truncated, .. } =
                Ledger::replay(bytes).map_err(|error| SetupError::Journal {
                    file: path.display().to_string(),
                    line: error.line,
                    damage: error.damage.to_string(),
                })?;
            if let Some(truncated) = truncated {
                eprintln!("foolscap: {}: {truncated}", path.display());
            }
            desk.journal = entries.into_iter().map(|entry| entry.line).collect();
            desk.ledger = Some(ledger);
        }
        Ok(desk)
    }

    fn answer(&mut self, input: impl BufRead, output: &mut Output<impl Write>) -> io::Result<Exit> {
        let mut worst = Exit::Ok;
        for (number, line) in lines(input) {
            let answer =
                line.map_err(|error| LineError::Json(error.to_owned())).and_then(|line| self.line(number, &line));
            match answer {
                Ok(answer) => {
                    if matches!(answer, SimulateAnswer::Rejected(_)) {
                        worst = worst.or(Exit::Refused);
                    }
                    output.line(&answer)?;
                }
                Err(error) => {
                    worst = worst.or(Exit::BadInput);
                    output.error(Some(number), error.kind(), &error.to_string())?;
                }
            }
        }
        Ok(worst)
    }

    fn line(&mut self, number: usize, line: &str) -> Result<SimulateAnswer, LineError> {
        let input: SimulateRequest = serde_json::from_str(line).map_err(|error| LineError::Json(error.to_string()))?;
        if let Some(market) = input.market {
            self.source = Source::Given(Box::new(market));
        }
        let at = input.at;
        let kind = self.source.kind().ok_or(LineError::NoMarket)?;
        if self.ledger.is_none() {
            let opened = Opened {
                account: AccountId::from_bytes([0; 16]),
                market: kind,
                name: "Simulated".to_owned(),
                deposit: self.cash,
                settings: self.settings,
            };
            let (ledger, entry) = Ledger::open(opened, at)?;
            self.journal.push(entry.line);
            self.ledger = Some(ledger);
        }
        let ledger = self.ledger.as_mut().ok_or(LineError::NoMarket)?;
        let demo;
        let market = match &self.source {
            Source::Given(market) => &**market,
            Source::Demo(source) => {
                demo = source.at(at);
                &demo
            }
            Source::None => return Err(LineError::NoMarket),
        };
        let account = ledger.account();
        let request = TradeRequest {
            id: input.request.id.unwrap_or_else(|| name(number, input.seed, at)),
            order: input.request.order,
            tolerance: input.request.tolerance.unwrap_or(account.settings().tolerance),
            accept_price_age: input.request.accept_price_age,
            max_impact: input.request.max_impact,
        };
        if self.preview {
            let preview = simulator::preview(account, &request, market, at);
            return Ok(preview.map_or_else(SimulateAnswer::rejected, SimulateAnswer::Preview));
        }
        let seed = input.seed.ok_or(LineError::NoSeed)?;
        let started = Instant::now();
        let mut trade = match simulator::execute(account, &request, market, at, seed) {
            Ok(trade) => trade,
            Err(rejection) => return Ok(SimulateAnswer::rejected(rejection)),
        };
        let took = started.elapsed();
        if self.measure {
            trade.execution_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        }
        let chain = trade.order.chain();
        let entry: Entry = ledger.append(Event::Traded(trade.clone()), at)?;
        let recorded = Recorded {
            seq: entry.seq,
            hash: entry.hash.to_string(),
            block: entry.paper_block(chain),
            cash: ledger.account().cash(),
            trade,
        };
        self.journal.push(entry.line);
        if recorded.trade.is_filled() {
            log(ledger.account(), &recorded.trade, took);
        }
        Ok(if recorded.trade.is_filled() { SimulateAnswer::Fill(recorded) } else { SimulateAnswer::Failed(recorded) })
    }

    fn save(&self, path: &Path) -> io::Result<()> {
        let Some(ledger) = &self.ledger else {
            return Err(io::Error::other("no line opened an account"));
        };
        let text = export(self.journal.iter().map(String::as_str), ledger.head());
        std::fs::write(path, text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }
}

impl SimulateAnswer {
    fn rejected(rejection: Rejection) -> SimulateAnswer {
        SimulateAnswer::Rejected(Rejected {
            message: rejection.to_string(),
            remedy: rejection.remedy().to_owned(),
            rejection,
        })
    }
}

/// The event of every fill. It is heard only where logging was started.
fn log(account: &Account, trade: &Trade, took: Duration) {
    let token = trade.order.bought().or(trade.order.sold()).and_then(|key| account.token(key));
    TradeExecuted {
        user_id: &account.id().to_string(),
        amount: &trade.value.to_string(),
        token: token.map_or("?", |token| &token.symbol),
        execution_time_ms: took.as_secs_f64() * 1e3,
    }
    .log();
}

fn parse_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        other => Err(format!("`{other}` is neither human nor json")),
    }
}

/// A name for a trade that was given none: of its time, its line and its seed, so the same input
/// gives the same name.
fn name(line: usize, seed: Option<Seed>, at: Timestamp) -> TradeId {
    let mut bytes = [0; 10];
    bytes[..2].copy_from_slice(&(line as u16).to_be_bytes());
    bytes[2..].copy_from_slice(&(seed.map_or(0, |seed| seed.0) ^ ((line as u64) << 16)).to_be_bytes());
    TradeId::new(at, bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const WETH: &str = "1:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
    const LINK: &str = "1:0x514910771af9ca656af840dff83e8264ecf986ca";

    fn desk() -> Desk {
        Desk {
            ledger: None,
            journal: Vec::new(),
            cash: Usd::whole(10_000),
            settings: Settings { failure_rate: Ppm::default(), ..Settings::default() },
            source: Source::Demo(DemoMarket::new(1)),
            preview: false,
            measure: false,
        }
    }

    fn run(desk: &mut Desk, input: &[Value]) -> (Exit, Vec<Value>) {
        let text: String = input.iter().map(|line| format!("{line}\n")).collect();
        let mut bytes = Vec::new();
        let exit = desk.answer(text.as_bytes(), &mut Output::to(&mut bytes)).unwrap();
        let lines = String::from_utf8(bytes).unwrap();
        (exit, lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn trade(order: Value, second: u32) -> Value {
        json!({"request": {"order": order, "tolerance": 100_000}, "at": format!("2026-11-22T12:00:{second:02}Z"), "seed": "7"})
    }

    fn buy(usd: &str) -> Value {
        json!({"side": "buy", "token": WETH, "size": format!("${usd}")})
    }

    #[test]
    fn the_account_goes_on_from_line_to_line_and_its_journal_replays() {
        let mut desk = desk();
        let lines = [
            trade(buy("5000"), 0),
            trade(json!({"side": "swap", "from": WETH, "to": LINK, "size": "$1000"}), 1),
            trade(json!({"side": "sell", "token": WETH, "size": "all"}), 2),
            trade(buy("1000000"), 3),
        ];
        let (exit, answers) = run(&mut desk, &lines);
        assert_eq!(exit, Exit::Refused);
        let seqs: Vec<_> = answers[..3].iter().map(|answer| answer["fill"]["seq"].as_u64()).collect();
        assert_eq!(seqs, [Some(2), Some(3), Some(4)], "{answers:?}");
        assert_eq!(answers[3]["rejected"]["reason"], "insufficient_funds");
        assert!(answers[3]["rejected"]["remedy"].is_string());

        let ledger = desk.ledger.as_ref().unwrap();
        let text = export(desk.journal.iter().map(String::as_str), ledger.head());
        let replay = Ledger::replay(text).unwrap();
        assert!(replay.sealed && replay.ledger == *ledger);
        let cash = answers[2]["fill"]["cash"].as_str().unwrap();
        assert_eq!(replay.ledger.account().cash().to_string(), cash);
    }

    #[test]
    fn the_same_input_gives_the_same_bytes() {
        let lines = [trade(buy("5000"), 0), trade(buy("10"), 1)];
        assert_eq!(run(&mut desk(), &lines), run(&mut desk(), &lines));
    }

    #[test]
    fn every_fill_is_logged_as_executed_and_nothing_else_is() {
        let logged = crate::telemetry::tests::Captured::during(|| {
            run(&mut desk(), &[trade(buy("5000"), 0), trade(buy("1000000"), 1)]);
        });
        let [line] = logged.as_slice() else { panic!("{logged:?}") };
        assert_eq!(
            (&line["event"], &line["amount"], &line["token"]),
            (&json!("trade_executed"), &json!("5000"), &json!("WETH"))
        );
        assert_eq!(line["user_id"], "0".repeat(32));
    }

    #[test]
    fn a_preview_changes_nothing_and_needs_no_seed() {
        let mut desk = Desk { preview: true, ..desk() };
        let mut line = trade(buy("5000"), 0);
        line.as_object_mut().unwrap().remove("seed");
        let (exit, answers) = run(&mut desk, &[line.clone(), line]);
        assert_eq!(exit, Exit::Ok);
        assert!(answers[0]["preview"]["expected"].is_string(), "{answers:?}");
        assert_eq!(answers[0], answers[1]);
        assert_eq!(desk.journal.len(), 1);
    }

    #[test]
    fn a_line_that_cannot_be_read_says_so_and_the_rest_goes_on() {
        let mut desk = desk();
        let mut no_seed = trade(buy("5000"), 0);
        no_seed.as_object_mut().unwrap().remove("seed");
        let (exit, answers) = run(&mut desk, &[json!("x"), no_seed, trade(buy("100"), 1)]);
        assert_eq!(exit, Exit::BadInput);
        let kinds: Vec<_> = answers.iter().map(|answer| answer["error"]["kind"].as_str()).collect();
        assert_eq!(kinds, [Some("json"), Some("input"), None]);
        assert!(answers[2]["fill"].is_object());
        let mut empty = Desk { source: Source::None, ..self::desk() };
        let (_, answers) = run(&mut empty, &[trade(buy("100"), 1)]);
        assert!(answers[0]["error"]["message"].as_str().unwrap().contains("--market"));
    }

    #[test]
    fn a_request_may_limit_its_price_impact_and_takes_any_otherwise() {
        let limited = |most: Option<u32>| {
            let mut line = trade(buy("5000"), 1);
            if let Some(most) = most {
                line["request"]["max_impact"] = most.into();
            }
            run(&mut desk(), &[line]).1.remove(0)
        };
        let refused = &limited(Some(0))["rejected"];
        assert_eq!((refused["reason"].as_str(), refused["most"].as_u64()), (Some("impact_too_high"), Some(0)));
        assert!(refused["message"].as_str().unwrap().contains("at most 0% is accepted"), "{refused}");
        let impact = u32::try_from(refused["impact"].as_u64().unwrap()).unwrap();
        for free in [limited(Some(impact)), limited(None)] {
            assert!(free["fill"].is_object() || free["failed"].is_object(), "{free}");
        }
    }

    #[test]
    fn a_line_may_bring_its_market() {
        let at: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let market = serde_json::to_value(DemoMarket::new(9).at(at)).unwrap();
        let mut desk = Desk { source: Source::None, ..desk() };
        let mut line = trade(buy("100"), 0);
        line["market"] = market;
        let (exit, answers) = run(&mut desk, &[line, trade(buy("100"), 1)]);
        assert_eq!(exit, Exit::Ok, "{answers:?}");
    }
}
