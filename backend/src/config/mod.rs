//! The server's settings: flags first, then the environment, then an `.env` file, then defaults.
//!
//! Here is what they come to; [`read`] reads them, once, at the start; [`environment`] is where they
//! are read from; [`live`] those of who signs; [`secret`] what must not be shown.

mod environment;
mod error;
mod flags;
mod live;
mod read;
mod secret;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use shared::chain::Chain;
use shared::market::MarketKind;
use shared::quote::Thresholds;

pub use self::environment::{EnvFileError, Environment};
pub use self::error::{ConfigError, ConfigErrors};
pub use self::flags::Flags;
pub use self::read::is_loopback;
pub use self::secret::{Secret, SecretUrl};
use crate::accounts;
use crate::coingecko::budget::Grant;
use crate::outbound::Patience;
use crate::rooms::room::Memory;
pub use crate::transactions::Settings as Live;

/// Everything the server is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Host names, beside the loopback ones, that requests may name. Lower-case, without ports.
    pub allowed_hosts: Vec<String>,
    /// Where metrics are read.
    pub metrics: Metrics,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What is logged, in the filter language of `tracing-subscriber`.
    pub log: String,
    /// Which market the desk opens with.
    pub market: MarketKind,
    /// The chain a call means that names none.
    pub default_chain: Chain,
    /// When a price stops being fresh, and stale.
    pub thresholds: Thresholds,
    /// For how long a coin stays watched, and so kept fresh, after somebody asked for it.
    pub watch: Duration,
    /// The price source.
    pub coingecko: CoinGecko,
    /// The RPCs of the chains that have some, in the order they are preferred in.
    pub rpcs: BTreeMap<Chain, Vec<SecretUrl>>,
    /// Calls to one RPC in a second, at most.
    pub rpc_calls_per_second: u32,
    /// Where data is kept.
    pub data: Data,
    /// The Redis that several backends share, if there is one.
    pub redis: Option<SecretUrl>,
    /// The operator's token, if there is an operator.
    pub operator: Option<Secret>,
    /// Who signs real transactions, if anybody does.
    pub live: Option<Live>,
    /// How much a room remembers.
    pub rooms: Memory,
    /// What the server puts up with from accounts.
    pub accounts: accounts::Limits,
    /// What the server puts up with.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            allowed_hosts: Vec::new(),
            metrics: Metrics::Preferably(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464)),
            log_format: LogFormat::Human,
            log: "info".into(),
            market: MarketKind::Real,
            default_chain: Chain::DEFAULT,
            thresholds: Thresholds::default(),
            watch: Duration::from_secs(600),
            coingecko: CoinGecko::default(),
            rpcs: BTreeMap::new(),
            rpc_calls_per_second: 100,
            data: Data::Memory,
            redis: None,
            operator: None,
            live: None,
            rooms: Memory::default(),
            accounts: accounts::Limits::default(),
            limits: Limits::default(),
        }
    }
}

/// Where metrics are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metrics {
    /// Nowhere.
    Off,
    /// Here if the address is free: the default, which must not keep the server from starting.
    Preferably(SocketAddr),
    /// Here, or the server does not start.
    At(SocketAddr),
}

/// Where data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// Nowhere: it ends with the process.
    Memory,
    /// In this folder, which is made where it is not there.
    Folder(PathBuf),
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// How CoinGecko is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CoinGecko {
    /// The API's root, without a slash at its end.
    pub base_url: Url,
    /// The key, if there is one. It travels in a header and is shown nowhere.
    pub key: Option<Secret>,
    /// A file that holds the key, and may hold another one later.
    pub key_file: Option<PathBuf>,
    /// Which header the key goes into.
    pub key_kind: KeyKind,
    /// Calls in any minute, at most.
    pub calls_per_minute: u32,
    /// Calls in any longer period, at most.
    pub grant: Grant,
    /// How long it is waited for.
    pub patience: Patience,
}

impl Default for CoinGecko {
    fn default() -> CoinGecko {
        CoinGecko {
            base_url: KeyKind::Demo.home(),
            key: None,
            key_file: None,
            key_kind: KeyKind::Demo,
            calls_per_minute: 25,
            grant: Grant::DEMO,
            patience: Patience {
                connect: Duration::from_secs(5),
                silence: Duration::from_secs(8),
                whole: Duration::from_secs(10),
            },
        }
    }
}

/// The kinds of CoinGecko keys. Each has its own host and header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// The free plan.
    Demo,
    /// The paid plans.
    Pro,
}

impl KeyKind {
    /// The header such a key goes into.
    pub const fn header(self) -> &'static str {
        match self {
            KeyKind::Demo => "x-cg-demo-api-key",
            KeyKind::Pro => "x-cg-pro-api-key",
        }
    }

    /// What the smallest plan with such keys grants.
    pub const fn grant(self) -> Grant {
        match self {
            KeyKind::Demo => Grant::DEMO,
            KeyKind::Pro => Grant::PRO,
        }
    }

    const fn host(self) -> &'static str {
        match self {
            KeyKind::Demo => "api.coingecko.com",
            KeyKind::Pro => "pro-api.coingecko.com",
        }
    }

    fn home(self) -> Url {
        let text = format!("https://{}/api/v3", self.host());
        match Url::parse(&text) {
            Ok(url) => url,
            Err(error) => unreachable!("{text} is a URL: {error}"),
        }
    }
}

/// What the server puts up with before it says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Time for a request's head to arrive.
    pub head_timeout: Duration,
    /// Time for a request to be answered.
    pub request_timeout: Duration,
    /// Time for a price to come that nobody has, or only an expired one; then there is what there is.
    pub price_patience: Duration,
    /// Time for Redis to answer; then this backend goes on by itself.
    pub redis_patience: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Headers of a request.
    pub headers: usize,
    /// Bytes of a request's body.
    pub body_bytes: u64,
    /// Bytes of a request's body that brings lines of a journal.
    pub journal_bytes: u64,
    /// Connections at a time; more wait in the system's queue.
    pub connections: usize,
    /// Time for open requests to end when the server stops.
    pub drain: Duration,
    /// Sockets at a time.
    pub sockets: usize,
    /// Sockets of one address at a time.
    pub sockets_of_one: usize,
    /// Time for a socket to say its first word.
    pub first_word: Duration,
    /// Frames of a client between two heartbeats.
    pub frames: u32,
    /// Readers of a room at a time, at this server.
    pub readers: usize,
    /// How often an idle socket is told that it stands.
    pub heartbeat: Duration,
    /// How long after that its client may stay silent, or take a frame.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(30),
            price_patience: Duration::from_secs(4),
            redis_patience: Duration::from_millis(500),
            head_bytes: 32 * 1024,
            headers: 64,
            body_bytes: 64 * 1024,
            journal_bytes: 1024 * 1024,
            connections: 1024,
            drain: Duration::from_secs(10),
            sockets: 10_000,
            sockets_of_one: 64,
            first_word: Duration::from_secs(30),
            frames: 60,
            readers: 10_000,
            heartbeat: Duration::from_secs(25),
            grace: Duration::from_secs(8),
        }
    }
}
