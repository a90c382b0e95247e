//! The World: a stand-in for CoinGecko, the real server, one clock for both, and a client.
//!
//! A story starts one, moves its clock, breaks its upstream, and asks the server what a browser would
//! ask. The server is the one that ships, in this process so that its clock can be moved.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use backend::{
    Ports, ServeError,
    config::{self, Metrics, Secret},
};
use futures_util::future::BoxFuture;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde::de::DeserializeOwned;
use shared::{
    quote::Freshness,
    time::Timestamp,
    wire::{Prices, Problem, ProblemKind},
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::{
    canary::{self, Canary},
    clock::Clock,
    coingecko::{self, CoinGecko, Control},
    http,
};

/// When stories begin: 2026-11-22T17:06:40Z.
pub const BEGINNING: Timestamp = Timestamp::from_millis(1_795_367_200_000);

/// Everything a story needs. It ends when it is dropped.
#[derive(Debug)]
pub struct World {
    /// The one clock. Unless a story brings its own, it stands still until it is moved.
    pub clock: Clock,
    /// The price source.
    pub coingecko: CoinGecko,
    /// The server.
    pub server: Server,
}

impl World {
    /// A World with usual settings.
    pub async fn start() -> Self {
        Self::with(|_, _| {}).await
    }

    /// A World with some settings of the server and of the price source changed.
    ///
    /// # Panics
    /// When it can't start.
    pub async fn with(change: impl FnOnce(&mut config::Config, &mut coingecko::Config)) -> Self {
        Self::on(Clock::stopped_at(BEGINNING.millis()), change).await
    }

    /// A World on a clock of the story's own.
    ///
    /// # Panics
    /// When it can't start.
    pub async fn on(clock: Clock, change: impl FnOnce(&mut config::Config, &mut coingecko::Config)) -> Self {
        let mut upstream = coingecko::Config { clock: clock.clone(), ..coingecko::Config::default() };
        let mut settings = config::Config { metrics: Metrics::Off, ..config::Config::default() };
        settings.coingecko.key = Some(Secret::new(coingecko::KEY));
        change(&mut settings, &mut upstream);
        let coingecko = CoinGecko::start(upstream).await;
        settings.coingecko.base_url = coingecko.url.parse().expect("the stand-in's URL is one");
        let server = Server::start(settings, clock.clone()).await;
        Self { clock, coingecko, server }
    }

    /// The strings that move the price source.
    pub fn upstream(&self) -> &Control {
        &self.coingecko.control
    }

    /// Time passes for everybody.
    pub fn seconds_pass(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// The server ends, and one with these settings takes its place. How the old one ended.
    ///
    /// # Errors
    /// The old server's own.
    pub async fn replace_server(&mut self, settings: config::Config) -> Result<(), ServeError> {
        // A data folder has one server at a time.
        let ended = self.server.end().await;
        self.server = Server::start(settings, self.clock.clone()).await;
        ended
    }

    /// What the server answers to a GET.
    pub async fn get(&self, path: &str) -> Reply {
        self.server.get(path).await
    }

    /// The body of the server's good answer to a GET.
    ///
    /// # Panics
    /// When the answer is not good, or has another body.
    pub async fn read<T: DeserializeOwned>(&self, path: &str) -> T {
        self.get(path).await.good()
    }

    /// The prices at a path once all that have turned stale are renewed.
    ///
    /// # Panics
    /// When they are not, in a while.
    pub async fn renewed(&self, path: &str) -> Prices {
        let renewed = async {
            loop {
                let prices: Prices = self.read(path).await;
                if prices.prices.iter().all(|price| price.freshness == Freshness::Fresh) {
                    return prices;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), renewed).await.expect("prices are renewed")
    }
}

/// The real server, in this process.
#[derive(Debug)]
pub struct Server {
    /// Its address, `http://127.0.0.1:{port}`.
    pub url: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it was told, to start another one like it.
    pub settings: config::Config,
    client: reqwest::Client,
    serving: JoinHandle<Result<(), ServeError>>,
    stop: Option<DropGuard>,
    _canary: Canary,
}

impl Server {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When there is no free port.
    pub async fn start(mut settings: config::Config, clock: Clock) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address = listener.local_addr().expect("a listener has an address");
        settings.listen = address;
        // What collects the metrics is there before what is counted.
        let canary = Canary::watch();
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let ports = Ports { clock: Arc::new(clock) };
        let serving = tokio::spawn(backend::serve(listener, settings.clone(), ports, stopped));
        let (url, client) = (format!("http://{address}"), http::client());
        Self { url, address, settings, client, serving, stop: Some(stop.drop_guard()), _canary: canary }
    }

    /// A request to the server, to be changed and sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// What it answers to a GET.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn get(&self, path: &str) -> Reply {
        Reply::to(self.request(Method::GET, path)).await.expect("the server answers")
    }

    /// Tells it to stop, and waits until it has.
    ///
    /// # Errors
    /// The server's own.
    ///
    /// # Panics
    /// When it panicked.
    pub async fn stop(mut self) -> Result<(), ServeError> {
        self.end().await
    }

    /// As [`Server::stop`], where another one is to take its place.
    async fn end(&mut self) -> Result<(), ServeError> {
        drop(self.stop.take());
        (&mut self.serving).await.expect("the server does not panic")
    }
}

/// An answer, whole.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as text.
    pub body: String,
}

impl Reply {
    /// The answer to a request.
    ///
    /// # Errors
    /// When there is none, or not all of it.
    pub async fn to(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let reply =
            Self { status: response.status(), headers: response.headers().clone(), body: response.text().await? };
        canary::search("an answer's headers", format!("{:?}", reply.headers).as_bytes());
        canary::search("an answer's body", reply.body.as_bytes());
        Ok(reply)
    }

    /// A header's text; `None` where it is absent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("headers are text"))
    }

    /// The body of a good answer.
    ///
    /// # Panics
    /// When the answer is not good, or has another body.
    pub fn good<T: DeserializeOwned>(&self) -> T {
        assert_eq!(self.status, StatusCode::OK, "{}", self.body);
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The problem in an answer, and its kind.
    ///
    /// # Panics
    /// When it is not a problem of a known kind, or its parts contradict each other.
    pub fn problem(&self) -> (ProblemKind, Problem) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.body);
        let problem: Problem =
            serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body));
        let kind = problem.kind().unwrap_or_else(|| panic!("an unknown kind: {}", self.body));
        assert_eq!((problem.status, problem.title.as_str()), (self.status.as_u16(), kind.title()), "{}", self.body);
        (kind, problem)
    }
}

impl backend::clock::Clock for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now_ms())
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(self.wait_until(until.millis()))
    }
}

/// A port that nobody listens on now.
///
/// # Errors
/// When the system has none.
pub async fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0)).await?.local_addr()?.port())
}
