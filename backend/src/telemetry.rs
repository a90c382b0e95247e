//! Logs and metrics: their names and fields, in one place.
//!
//! The four events below are the log conventions of the system Foolscap follows; their fields are
//! typed here so that no caller can misspell one. Everything else logs through `tracing` as usual.

mod requests;

use std::io::{self, IsTerminal as _};
use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use shared::wire::room::Kind;
use shared::wire::status::AccountsStatus;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

pub use self::requests::Requests;
use crate::config::LogFormat;

/// Starts logging to standard error. To be called once, before anything logs.
pub fn start_logging(format: LogFormat, filter: &str) {
    let subscriber = subscriber(format, filter, io::stderr);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        warn!("logging was started twice; the first settings hold");
    }
}

fn subscriber<W>(format: LogFormat, filter: &str, writer: W) -> Box<dyn tracing::Subscriber + Send + Sync>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_ansi(io::stderr().is_terminal())
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(writer);
    match format {
        LogFormat::Human => Box::new(builder.finish()),
        LogFormat::Json => Box::new(builder.json().flatten_event(true).with_current_span(false).finish()),
    }
}

/// A trade was executed.
#[derive(Debug, Clone, Copy)]
pub struct TradeExecuted<'a> {
    /// Whose trade: the account's id.
    pub user_id: &'a str,
    /// How much was given, as a decimal.
    pub amount: &'a str,
    /// The token's symbol.
    pub token: &'a str,
    /// How long it took, in milliseconds.
    pub execution_time_ms: f64,
}

/// A price older than its freshness was served.
#[derive(Debug, Clone, Copy)]
pub struct UsingStaleCache<'a> {
    /// The token's symbol.
    pub token: &'a str,
    /// The price's age in seconds.
    pub age_seconds: u64,
}

/// A transaction failed.
#[derive(Debug, Clone, Copy)]
pub struct TransactionFailed<'a> {
    /// Which transaction.
    pub tx_id: &'a str,
    /// What kind of error.
    pub error_type: &'a str,
    /// How often it had been tried again.
    pub retry_count: u32,
}

/// A circuit breaker opened: a part of the system is out of service.
#[derive(Debug, Clone, Copy)]
pub struct CircuitBreakerOpened<'a> {
    /// Which breaker.
    pub breaker_name: &'a str,
    /// Failures in a row that opened it.
    pub failure_count: u32,
    /// For how long it stays open.
    pub timeout_seconds: u64,
}

impl TradeExecuted<'_> {
    /// Logs it at INFO.
    pub fn log(&self) {
        let Self { user_id, amount, token, execution_time_ms } = *self;
        info!(event = "trade_executed", user_id, amount, token, execution_time_ms, "Trade executed");
    }
}

impl UsingStaleCache<'_> {
    /// Logs it at WARN.
    pub fn log(&self) {
        let Self { token, age_seconds } = *self;
        warn!(event = "using_stale_cache", token, age_seconds, "Using stale cache");
    }
}

impl TransactionFailed<'_> {
    /// Logs it at ERROR.
    pub fn log(&self) {
        let Self { tx_id, error_type, retry_count } = *self;
        error!(event = "transaction_failed", tx_id, error_type, retry_count, "Transaction failed");
    }
}

impl CircuitBreakerOpened<'_> {
    /// Logs it at ERROR with `severity=critical`: `tracing` has no level above ERROR.
    pub fn log(&self) {
        let Self { breaker_name, failure_count, timeout_seconds } = *self;
        error!(
            event = "circuit_breaker_opened",
            severity = "critical",
            breaker_name,
            failure_count,
            timeout_seconds,
            "Circuit breaker opened"
        );
    }
}

/// Starts collecting metrics, once a process: later calls hand out the same collection.
///
/// `None` when another recorder was installed first, as a program around this library may do.
pub fn start_metrics() -> Option<PrometheusHandle> {
    static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    HANDLE
        .get_or_init(|| {
            const SECONDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0];
            let builder =
                PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &SECONDS).ok()?;
            let handle = builder.install_recorder().ok()?;
            describe();
            Some(handle)
        })
        .clone()
}

const REQUESTS: &str = "foolscap_http_requests_total";
const REQUEST_SECONDS: &str = "foolscap_http_request_seconds";
const PRICE_CACHE: &str = "foolscap_price_cache_total";
const UPSTREAM_CALLS: &str = "foolscap_upstream_calls_total";
const UPSTREAM_SECONDS: &str = "foolscap_upstream_seconds";
const CALLS_LEFT: &str = "foolscap_upstream_calls_left";
const REDIS_UP: &str = "foolscap_redis_up";
const REDIS_FAILURES: &str = "foolscap_redis_failures_total";
const DEPEGGED: &str = "foolscap_stablecoin_depegged";
const STORE_WRITES: &str = "foolscap_store_writes_total";
const SOCKETS: &str = "foolscap_sockets";
const SOCKET_FRAMES: &str = "foolscap_socket_frames_total";
const SOCKET_ENDS: &str = "foolscap_socket_ends_total";
const APPENDS: &str = "foolscap_journal_appends_total";
const ACCOUNTS: &str = "foolscap_accounts";
const ACCOUNT_BYTES: &str = "foolscap_account_bytes";
const LEASES: &str = "foolscap_leases";
const LINKS: &str = "foolscap_links";
const ROOM_MESSAGES: &str = "foolscap_room_messages_total";
const ROOM_SECONDS: &str = "foolscap_room_delivery_seconds";
const ROOM_FAILURES: &str = "foolscap_room_failures_total";
const ROOM_BUS_UP: &str = "foolscap_room_bus_up";
const ROOMS: &str = "foolscap_rooms";
const ROOM_READERS: &str = "foolscap_room_readers";
const ROOM_BEHIND: &str = "foolscap_room_behind";
const BREAKER_OPEN: &str = "foolscap_breaker_open";

fn describe() {
    metrics::describe_counter!(REQUESTS, "Requests answered, by route, method and status");
    metrics::describe_histogram!(REQUEST_SECONDS, metrics::Unit::Seconds, "Time to answer, by route");
    metrics::describe_counter!(PRICE_CACHE, "Prices served, by outcome: hit, stale, expired or miss");
    metrics::describe_counter!(UPSTREAM_CALLS, "Calls to others, by upstream, endpoint and outcome");
    metrics::describe_histogram!(UPSTREAM_SECONDS, metrics::Unit::Seconds, "Time others took, by upstream");
    metrics::describe_gauge!(SOCKETS, "Sockets that are open");
    metrics::describe_counter!(SOCKET_FRAMES, "Frames sent on sockets, by type");
    metrics::describe_counter!(SOCKET_ENDS, "Sockets that ended, by our close code, or gone");
    metrics::describe_counter!(ROOM_MESSAGES, "Messages that were handed in for a room, by type");
    metrics::describe_histogram!(
        ROOM_SECONDS,
        metrics::Unit::Seconds,
        "Time from when a message was told to when it was handed to a reader's connection"
    );
    metrics::describe_counter!(
        ROOM_FAILURES,
        "Messages that did not reach every server, and readers that were too slow for what was told"
    );
    metrics::describe_gauge!(ROOM_BUS_UP, "1 while what is told in a room reaches every server, 0 while only this one");
    metrics::describe_gauge!(ROOMS, "Rooms in which something was told or is read");
    metrics::describe_gauge!(ROOM_READERS, "Readers inside rooms");
    metrics::describe_gauge!(ROOM_BEHIND, "Messages that the slowest reader of all has not taken yet");
    metrics::describe_gauge!(CALLS_LEFT, "Calls to CoinGecko saved up, by purpose, after the last one");
    metrics::describe_gauge!(REDIS_UP, "1 while Redis answers and prices are shared, 0 while it does not");
    metrics::describe_counter!(REDIS_FAILURES, "Questions to Redis that were not answered");
    metrics::describe_gauge!(DEPEGGED, "1 while a stablecoin trades more than 1 % off a dollar, by coin");
    metrics::describe_counter!(STORE_WRITES, "Times that data was written to disk, by outcome: ok or failed");
    metrics::describe_counter!(
        APPENDS,
        "Appends to copies of journals, by outcome: ok, moved, held, damaged, full, malformed or failed"
    );
    metrics::describe_gauge!(ACCOUNTS, "Accounts of which a copy is kept");
    metrics::describe_gauge!(ACCOUNT_BYTES, metrics::Unit::Bytes, "Bytes of the lines of all copies");
    metrics::describe_gauge!(LEASES, "Devices that hold the lease of an account");
    metrics::describe_gauge!(LINKS, "Links for readers");
    metrics::describe_gauge!(BREAKER_OPEN, "1 while a circuit breaker is open or half-open, by breaker");
}

/// Prices that were served, at hand: they are counted with every request for them.
pub struct PriceCache([metrics::Counter; 4]);

impl PriceCache {
    /// At hand from now on; what collects them has to be there already.
    pub fn new() -> PriceCache {
        PriceCache(
            ["hit", "miss", "stale", "expired"].map(|outcome| metrics::counter!(PRICE_CACHE, "outcome" => outcome)),
        )
    }

    /// Counts the prices of one request: hits, misses, stale and expired ones.
    pub fn served(&self, counts: [u64; 4]) {
        self.0.iter().zip(counts).filter(|(_, count)| *count > 0).for_each(|(counter, count)| counter.increment(count));
    }
}

impl Default for PriceCache {
    fn default() -> PriceCache {
        PriceCache::new()
    }
}

impl std::fmt::Debug for PriceCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PriceCache").finish_non_exhaustive()
    }
}

/// Notes how many calls to CoinGecko are saved up for a purpose.
pub fn note_calls_left(purpose: &'static str, left: u64) {
    metrics::gauge!(CALLS_LEFT, "purpose" => purpose).set(left as f64);
}

/// Notes whether Redis has answered.
pub fn note_redis(has_answered: bool) {
    metrics::gauge!(REDIS_UP).set(f64::from(u8::from(has_answered)));
    metrics::counter!(REDIS_FAILURES).increment(u64::from(!has_answered));
}

/// Notes whether a stablecoin is off its peg.
pub fn note_depeg(coin: &'static str, is_off: bool) {
    metrics::gauge!(DEPEGGED, "coin" => coin).set(f64::from(u8::from(is_off)));
}

/// Counts an attempt to write to disk.
pub fn count_store_write(outcome: &'static str) {
    metrics::counter!(STORE_WRITES, "outcome" => outcome).increment(1);
}

/// Notes whether a circuit breaker keeps calls back.
pub fn note_breaker(breaker: &'static str, open: bool) {
    metrics::gauge!(BREAKER_OPEN, "breaker" => breaker).set(f64::from(u8::from(open)));
}

/// Counts a call to another service.
pub fn count_upstream(upstream: &'static str, endpoint: &'static str, outcome: &'static str, took: Duration) {
    metrics::counter!(UPSTREAM_CALLS, "upstream" => upstream, "endpoint" => endpoint, "outcome" => outcome)
        .increment(1);
    metrics::histogram!(UPSTREAM_SECONDS, "upstream" => upstream).record(took.as_secs_f64());
}

/// Counts an append to a copy of a journal.
pub fn count_append(outcome: &'static str) {
    metrics::counter!(APPENDS, "outcome" => outcome).increment(1);
}

/// Notes how many copies of journals are kept, and for whom.
pub fn note_accounts(accounts: &AccountsStatus) {
    let AccountsStatus { kept, bytes, writing, links } = *accounts;
    for (gauge, value) in [(ACCOUNTS, kept), (ACCOUNT_BYTES, bytes), (LEASES, writing), (LINKS, links)] {
        metrics::gauge!(gauge).set(value as f64);
    }
}

/// A socket that is open, for as long as this lives.
#[derive(Debug)]
pub struct OpenSocket(());

impl OpenSocket {
    /// Counts one more.
    pub fn count() -> OpenSocket {
        metrics::gauge!(SOCKETS).increment(1.0);
        OpenSocket(())
    }
}

impl Drop for OpenSocket {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
    }
}

/// Counts a frame that was sent on a socket.
pub fn count_socket_frame(kind: &'static str) {
    metrics::counter!(SOCKET_FRAMES, "type" => kind).increment(1);
}

/// Notes whether what is told in a room reaches every server.
pub fn note_bus(is_up: bool) {
    metrics::gauge!(ROOM_BUS_UP).set(f64::from(u8::from(is_up)));
}

/// Notes how many rooms and readers there are, and how far the slowest reader is behind.
pub fn note_rooms(rooms: usize, readers: usize, behind: u64) {
    metrics::gauge!(ROOMS).set(rooms as f64);
    metrics::gauge!(ROOM_READERS).set(readers as f64);
    metrics::gauge!(ROOM_BEHIND).set(behind as f64);
}

/// What counts in the rooms, at hand: a message to a thousand readers is counted a thousand times.
pub struct Rooms {
    told: [metrics::Counter; Kind::ALL.len()],
    delivered: [metrics::Counter; Kind::ALL.len()],
    seconds: metrics::Histogram,
    failures: metrics::Counter,
}

impl Rooms {
    /// At hand from now on; what collects them has to be there already.
    pub fn new() -> Rooms {
        Rooms {
            told: Kind::ALL.map(|kind| metrics::counter!(ROOM_MESSAGES, "type" => kind.name())),
            delivered: Kind::ALL.map(|kind| metrics::counter!(SOCKET_FRAMES, "type" => kind.name())),
            seconds: metrics::histogram!(ROOM_SECONDS),
            failures: metrics::counter!(ROOM_FAILURES),
        }
    }

    /// Counts a message that was handed in.
    pub fn told(&self, kind: Kind) {
        if let Some(counter) = self.told.get(kind as usize) {
            counter.increment(1);
        }
    }

    /// Counts a message that was handed to a reader's connection.
    pub fn delivered(&self, kind: Kind, took: Duration) {
        if let Some(counter) = self.delivered.get(kind as usize) {
            counter.increment(1);
        }
        self.seconds.record(took.as_secs_f64());
    }

    /// Counts a failure.
    pub fn failed(&self) {
        self.failures.increment(1);
    }
}

impl Default for Rooms {
    fn default() -> Rooms {
        Rooms::new()
    }
}

impl std::fmt::Debug for Rooms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rooms").finish_non_exhaustive()
    }
}

/// Counts a socket that ended. `why` is our close code, or `gone`.
pub fn count_socket_end(why: &str) {
    metrics::counter!(SOCKET_ENDS, "why" => why.to_owned()).increment(1);
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::RefCell;
    use std::io::Write;
    use std::sync::Once;

    use axum::http::Method;
    use serde_json::{Value, json};

    use super::*;

    thread_local! {
        static CAPTURED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
    }

    /// What this thread logs, as JSON, while it wants to know.
    pub(crate) struct Captured;

    impl Captured {
        /// Runs with a subscriber of our own settings, and returns what was logged on this thread.
        pub(crate) fn during(run: impl FnOnce()) -> Vec<Value> {
            // One subscriber for all threads: `tracing` remembers for a whole process whether anyone
            // listens to an event, and forgets to ask again when tests begin and end side by side.
            static START: Once = Once::new();
            START.call_once(|| {
                tracing::subscriber::set_global_default(subscriber(LogFormat::Json, "info", || Captured)).unwrap();
                tracing::callsite::rebuild_interest_cache();
            });
            CAPTURED.set(Some(Vec::new()));
            run();
            let bytes = CAPTURED.take().unwrap();
            let text = String::from_utf8(bytes).unwrap();
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
        }
    }

    impl Write for Captured {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            CAPTURED.with_borrow_mut(|captured| captured.as_mut().map(|kept| kept.extend_from_slice(bytes)));
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_four_events_have_the_level_and_the_fields_of_the_conventions() {
        let mut lines = Captured::during(|| {
            TradeExecuted { user_id: "5f0c", amount: "1500.5", token: "WETH", execution_time_ms: 1.5 }.log();
            UsingStaleCache { token: "WETH", age_seconds: 75 }.log();
            TransactionFailed { tx_id: "0xabc", error_type: "reverted", retry_count: 3 }.log();
            CircuitBreakerOpened { breaker_name: "coingecko", failure_count: 5, timeout_seconds: 60 }.log();
        });
        for line in &mut lines {
            let fields = line.as_object_mut().unwrap();
            assert!(fields.remove("timestamp").is_some());
            assert_eq!(fields.remove("target"), Some(json!("backend::telemetry")));
        }
        assert_eq!(
            lines,
            [
                json!({"level": "INFO", "event": "trade_executed", "message": "Trade executed",
                       "user_id": "5f0c", "amount": "1500.5", "token": "WETH", "execution_time_ms": 1.5}),
                json!({"level": "WARN", "event": "using_stale_cache", "message": "Using stale cache",
                       "token": "WETH", "age_seconds": 75}),
                json!({"level": "ERROR", "event": "transaction_failed", "message": "Transaction failed",
                       "tx_id": "0xabc", "error_type": "reverted", "retry_count": 3}),
                json!({"level": "ERROR", "event": "circuit_breaker_opened", "message": "Circuit breaker opened",
                       "severity": "critical", "breaker_name": "coingecko", "failure_count": 5, "timeout_seconds": 60}),
            ]
        );
    }

    #[test]
    fn metrics_are_rendered_under_their_names() {
        let handle = start_metrics().unwrap();
        let requests = Requests::of(["/api/v1/prices", "/api/v1/transactions/{id}"]);
        requests.count("/api/v1/prices", &Method::GET, 200, Duration::from_millis(3));
        requests.count("/api/v1/transactions/0xabc", &Method::POST, 404, Duration::ZERO);
        requests.count("/endless/7", &Method::from_bytes(b"ENDLESS7").unwrap(), 404, Duration::ZERO);
        PriceCache::new().served([0, 0, 2, 0]);
        count_upstream("coingecko", "simple_price", "ok", Duration::from_millis(30));
        let text = handle.render();
        for line in [
            r#"foolscap_http_requests_total{route="/api/v1/prices",method="GET",status="200"} 1"#,
            r#"foolscap_http_requests_total{route="/api/v1/transactions/{id}",method="POST",status="404"} 1"#,
            r#"foolscap_http_requests_total{route="other",method="other",status="404"} 1"#,
            r#"foolscap_upstream_calls_total{upstream="coingecko",endpoint="simple_price",outcome="ok"}"#,
            r#"foolscap_price_cache_total{outcome="stale"}"#,
            r#"foolscap_http_request_seconds_bucket{route="/api/v1/prices",le="0.005"} 1"#,
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }
}
