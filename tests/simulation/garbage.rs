//! Bodies as nobody should send them: real ones, broken by chance. The client says what is wrong, or reads what
//! still can be read; it never panics, and never takes a figure for a price that is none.
//!
//! `FOOLSCAP_GARBAGE_SECONDS` goes on for so long.

use std::{
    env,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use backend::{
    coingecko::{
        CoinGecko as Client, UpstreamError,
        budget::{Grant, Purpose},
    },
    config::Config,
    outbound::Patience,
};
use shared::{
    chain::Chain,
    token::{TokenKey, TokenTable},
};
use tests::{
    clock::Clock,
    coingecko::{self, CoinGecko, Endpoint, Fault, Limits},
    http,
    seed::{Replayable, Rng as _, cases},
    world::BEGINNING,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// What one finds in JSON, or fears to.
const WORDS: [&str; 24] = [
    "null",
    "true",
    "[]",
    "{}",
    "\"\"",
    "1e999",
    "-1e-999",
    "1e-18",
    "0",
    "-0",
    "-1",
    "18446744073709551616",
    "1E400",
    "0.1234567890123456789012345678901234567890",
    "NaN",
    "\"0x\"",
    "\"\\ud800\"",
    "[[[[[[[[[[[[[[[[",
    "{\"a\":{\"a\":{",
    ",",
    ":",
    "\"usd\":",
    "\u{feff}",
    "<html>",
];

/// The next answer: its status and body.
type Next = Arc<Mutex<(u16, Vec<u8>)>>;

/// Answers every request with what is next, whatever it is.
async fn serve(listener: TcpListener, next: Next) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream, next.clone()));
    }
}

async fn answer(mut stream: TcpStream, next: Next) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let read = stream.read(&mut piece).await?;
        if read == 0 {
            return Ok(());
        }
        head.extend_from_slice(&piece[..read]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            let (status, body) = next.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
        }
    }
}

/// Real bodies, good and bad.
async fn corpus() -> Vec<(u16, Vec<u8>)> {
    let limits = Limits { calls_per_minute: None, credits: None, ..Limits::default() };
    let clock = Clock::stopped_at(BEGINNING.millis());
    let upstream = CoinGecko::start(coingecko::Config { clock, limits, ..coingecko::Config::default() }).await;
    let client = http::client();
    let mut bodies = Vec::new();
    let mut fetch = async |path: &str| {
        let answer = client.get(format!("{}{path}", upstream.url)).send().await.expect("an answer");
        bodies.push((answer.status().as_u16(), answer.bytes().await.expect("a body").to_vec()));
    };
    let weth = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
    for path in [
        "/simple/price?ids=weth,tether,pepe&vs_currencies=usd&include_24hr_vol=true&include_24hr_change=true&include_last_updated_at=true&precision=full".to_owned(),
        "/coins/weth/market_chart?vs_currency=usd&days=1&precision=full".into(),
        "/coins/weth/ohlc?vs_currency=usd&days=30&precision=full".into(),
        format!("/onchain/networks/eth/tokens/{weth}/pools?include=dex"),
        format!("/coins/ethereum/contract/{weth}"),
        "/coins/nothing/ohlc?vs_currency=usd&days=1".into(),
    ] {
        fetch(&path).await;
    }
    for fault in [
        Fault::ThrottledJson { retry_after: None },
        Fault::ThrottledText { retry_after: None },
        Fault::Throttled1015 { retry_after: None },
        Fault::KeyRefused { code: 10_002 },
        Fault::WrongHost { code: 10_010 },
        Fault::TooMany { limit: 50 },
        Fault::BeyondTimeRange,
        Fault::Html { status: 502 },
        Fault::Empty { status: 200 },
    ] {
        upstream.control.fault_once(Endpoint::Ping, fault);
        fetch("/ping").await;
    }
    // The whole list is long; its beginning is like the rest of it.
    fetch("/coins/list?include_platform=true").await;
    let list = bodies.last_mut().expect("the list");
    list.1.truncate(2_000);
    while list.1.last().is_some_and(|byte| *byte != b'}') {
        list.1.pop();
    }
    list.1.extend_from_slice(b"}]");
    bodies
}

/// Breaks a body in a few places.
fn break_up(random: &mut Replayable, body: &mut Vec<u8>, others: &[(u16, Vec<u8>)]) {
    for _ in 0..random.below(4) {
        let at = random.below(body.len() as u32 + 1) as usize;
        let end = (at + random.below(64) as usize).min(body.len());
        match random.below(8) {
            0 => body.truncate(at),
            1 => drop(body.drain(at..end)),
            2 if at < body.len() => body[at] ^= 1 << random.below(8),
            3 if at < body.len() => body[at] = random.next_u32() as u8,
            4 => drop(body.splice(at..at, random.pick(&WORDS).bytes())),
            // In the place of a value.
            5 => {
                let from =
                    body[..at].iter().rposition(|byte| matches!(byte, b':' | b',' | b'[')).map_or(0, |at| at + 1);
                let to = body[at..].iter().position(|byte| matches!(byte, b',' | b'}' | b']')).map_or(end, |n| at + n);
                let word: Vec<u8> = random.pick(&WORDS).bytes().collect();
                drop(body.splice(from..to, word));
            }
            6 => {
                let (_, other) = random.pick(others);
                let from = random.below(other.len() as u32 + 1) as usize;
                let to = (from + random.below(256) as usize).min(other.len());
                let piece = other[from..to].to_vec();
                drop(body.splice(at..at, piece));
            }
            _ => {
                let piece = body[at..end].to_vec();
                drop(body.splice(at..at, piece));
            }
        }
    }
}

fn told<T>(counts: &mut [u64; 2], result: &Result<T, UpstreamError>) {
    match result {
        Ok(_) => counts[0] += 1,
        Err(error) => {
            counts[1] += 1;
            assert!(error.was_asked(), "the clock passes every rest: {error}");
            // What people and logs are told is short, and of one line.
            let said = error.to_string();
            assert!(said.chars().count() < 600 && !said.contains('\n'), "{said}");
        }
    }
}

#[tokio::test]
async fn whatever_comes_for_a_body_is_read_or_refused_and_never_panics() {
    let corpus = corpus().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let next: Next = Arc::default();
    let mut config = Config::default();
    config.coingecko.base_url = format!("http://{}", listener.local_addr().expect("bound")).parse().expect("a URL");
    config.coingecko.grant = Grant { calls: 2_000_000_000, days: 1 };
    config.coingecko.calls_per_minute = 10_000;
    config.coingecko.patience = Patience::of(Duration::from_secs(60));
    let server = tokio::spawn(serve(listener, next.clone()));
    let clock = Clock::stopped_at(BEGINNING.millis());
    let client = Client::new(&config, Arc::new(clock.clone())).expect("a client");
    let weth: TokenKey = TokenTable::builtin().by_symbol(Chain::Ethereum, "WETH").expect("it ships").key;

    let mut random = Replayable::from_env();
    let count = cases(6_000, 100_000);
    let seconds = env::var("FOOLSCAP_GARBAGE_SECONDS").map_or(0, |text| text.parse().expect("a whole number"));
    let (begun, mut done, mut counts) = (Instant::now(), 0, [0; 2]);
    while done < count || begun.elapsed() < Duration::from_secs(seconds) {
        let (mut status, mut body) = random.pick(&corpus).clone();
        break_up(&mut random, &mut body, &corpus);
        if random.below(8) == 0 {
            status = *random.pick(&[200, 204, 302, 400, 401, 404, 429, 500, 503]);
        }
        // Such an answer has no body by its nature, and the connection would go on with it as the next one.
        if status == 204 {
            body.clear();
        }
        *next.lock().unwrap_or_else(PoisonError::into_inner) = (status, body.clone());
        // Every rest is over, and so is the time the breaker stays open.
        clock.advance(Duration::from_secs(7_200));
        match random.below(6) {
            0 => {
                let quotes = client.simple_price(&["weth", "tether"]).await;
                for quote in quotes.iter().flatten().filter_map(|(_, quote)| quote.price.ok()) {
                    let text = quote.to_string();
                    assert!(text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) && !text.starts_with('-'), "{text}");
                }
                told(&mut counts, &quotes);
            }
            1 => told(&mut counts, &client.coins_list().await),
            2 => told(&mut counts, &client.market_chart(Purpose::Candles, "weth", 1).await),
            3 => told(&mut counts, &client.ohlc("weth", 30).await),
            4 => told(&mut counts, &client.token_pools(weth).await),
            _ => told(&mut counts, &client.coin_at(weth).await),
        }
        done += 1;
    }
    let [read, refused] = counts;
    println!("{done} bodies in {:.0?}: {read} read, {refused} refused", begun.elapsed());
    assert!(read > done / 100 && refused > done / 10, "{read} read, {refused} refused");
    server.abort();
}
