//! A stand-in for CoinGecko: the same paths, the same answers, the same errors, on loopback.
//!
//! **All its figures are made up.** It exists so that no test needs the internet and every failure
//! that users of the real service have met can be staged: each error body, hangs, cut connections,
//! `null` and `1e-18` for a price. What it imitates stands in the project's notes, which were read
//! from CoinGecko's documentation; where they are unsure, it is a setting ([`Limits`]).
//!
//! ```no_run
//! # async fn example() {
//! use tests::coingecko::{CoinGecko, Config, Endpoint, Fault};
//!
//! let upstream = CoinGecko::start(Config::default()).await;
//! upstream.control.set_price("weth", "3000.000000000000000001").unwrap();
//! upstream.control.fault_once(Endpoint::SimplePrice, Fault::Hang);
//! // … point a client at `upstream.url` …
//! assert_eq!(upstream.control.calls_of(Endpoint::SimplePrice).len(), 1);
//! # }
//! ```
//!
//! Rooms: [`coins`] and [`market`] know what things cost; [`answer`] every error body; [`gate`] keys
//! and limits; [`fault`] what goes wrong; [`control`] and [`levers`] are the strings; `routes` the
//! endpoints; this file the server.

pub mod answer;
pub mod coins;
pub mod control;
pub mod fault;
pub mod gate;
pub mod levers;
pub mod market;
pub mod number;
mod routes;

use std::{convert::Infallible, io, net::SocketAddr, thread::JoinHandle, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{Request, State},
    http::HeaderValue,
    middleware::{self, Next},
    response::Response,
};
use futures_util::stream;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, sync::oneshot};
use tower::ServiceExt as _;

use crate::clock::Clock;
pub use control::{Call, Connections, Control, ControlError, fingerprint};
pub use fault::{Endpoint, Fault};
pub use gate::{Host, Limits, Throttle};

/// The key that the stand-in accepts unless told otherwise.
pub const KEY: &str = "CG-stand-in";
const API_ROOT: &str = "/api/v3";

/// How a stand-in is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Which host it plays.
    pub host: Host,
    /// The one key it accepts.
    pub key: String,
    /// Its plan's limits.
    pub limits: Limits,
    /// Seed of the random walks.
    pub seed: u64,
    /// Whether prices go on moving; otherwise they stand still until a script moves them.
    pub moving: bool,
    /// Coins without meaning added to `/coins/list`, which is long in real life.
    pub list_padding: usize,
    /// Whether `/simple/token_price` answers with lower-case keys, or with those it was asked for.
    pub lower_case_keys: bool,
    /// Its clock.
    pub clock: Clock,
}

impl Default for Config {
    /// The public host with the limits of the Demo plan, fixed prices, and the machine's clock.
    fn default() -> Self {
        Self {
            port: 0,
            host: Host::Public,
            key: KEY.to_owned(),
            limits: Limits::default(),
            seed: 1,
            moving: false,
            list_padding: 0,
            lower_case_keys: true,
            clock: Clock::running(),
        }
    }
}

/// A running stand-in. Dropping it stops it and closes every connection, a hanging one too.
#[derive(Debug)]
pub struct CoinGecko {
    /// The API's base URL, `http://127.0.0.1:{port}/api/v3`.
    pub url: String,
    /// The levers.
    pub control: Control,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl CoinGecko {
    /// Starts a stand-in.
    ///
    /// # Panics
    /// When the port is taken; [`Self::bind`] says so instead.
    pub async fn start(config: Config) -> Self {
        Self::bind(config).unwrap_or_else(|error| panic!("the CoinGecko stand-in can't start: {error}"))
    }

    /// Starts a stand-in, or says why it can't. It serves as soon as this returns.
    ///
    /// It runs on a thread and a runtime of its own, so that stopping it can end everything in it,
    /// and so that a test's paused or single-threaded runtime changes nothing here.
    pub fn bind(config: Config) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(("127.0.0.1", config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let control = Control::new(&config);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (stop, stopped) = oneshot::channel();
        let (app, counted) = (router(control.clone()), control.clone());
        let thread = std::thread::Builder::new().name("coingecko".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serve(listener, app, counted) => {}
                    _ = stopped => {}
                }
            });
            // Leaving drops the runtime, and with it every connection.
        })?;
        let url = format!("http://{address}{API_ROOT}");
        Ok(Self { url, control, address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where the levers are for those outside this process, `http://127.0.0.1:{port}/__control`.
    pub fn control_url(&self) -> String {
        format!("http://{}/__control", self.address)
    }

    /// The port, to start another one in its place.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for CoinGecko {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has already been printed.
            drop(thread.join());
        }
    }
}

fn router(control: Control) -> Router {
    let api = routes::router(control.clone()).layer(middleware::from_fn_with_state(control.clone(), stage_call));
    Router::new().nest(API_ROOT, api).nest("/__control", levers::router(control))
}

/// Accepts for ever. Connections are tasks of this runtime and end with it.
async fn serve(listener: TcpListener, app: Router, control: Control) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of descriptors, most likely: let others close some.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (app, connected) = (app.clone(), control.connected());
        tokio::spawn(async move {
            let _connected = connected;
            let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
                let app = app.clone();
                async move {
                    let answered: Result<Response, Infallible> = app.oneshot(request.map(Body::new)).await;
                    let Ok(response) = answered;
                    match response.extensions().get::<fault::HangUp>() {
                        Some(_) => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
                        None => Ok(response),
                    }
                }
            });
            // An error here is a client that went away, or a fault that closed the connection.
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

/// What happens to every call before and after its endpoint: log, limits, faults.
async fn stage_call(State(control): State<Control>, request: Request, next: Next) -> Response {
    let at_ms = control.clock().now_ms();
    let call = call_of(&request, at_ms);
    let endpoint = call.endpoint;
    let (number, refusal, fault) = {
        let mut stage = control.stage();
        let refusal = stage.gate.check(request.headers(), request.uri(), at_ms);
        let fault = stage.faults.next(endpoint);
        (control.arrive(&mut stage, call), refusal, fault)
    };
    let response = perform(&control, at_ms, request, next, refusal, fault).await;
    if response.extensions().get::<fault::HangUp>().is_none() {
        control.answered(number, at_ms, response.status().as_u16());
    }
    response
}

async fn perform(
    control: &Control,
    at_ms: i64,
    mut request: Request,
    next: Next,
    refusal: Option<Response>,
    fault: Option<Fault>,
) -> Response {
    if let Some(answer) = fault.as_ref().and_then(|fault| fault.answer(at_ms)) {
        return answer;
    }
    match &fault {
        Some(Fault::Hang) => std::future::pending().await,
        // From its arrival on: whoever saw it arrive may move the clock at once.
        Some(Fault::Delay { ms }) => control.clock().wait_until(at_ms.saturating_add_unsigned(*ms)).await,
        Some(Fault::NullPrice) => drop(request.extensions_mut().insert(fault::EveryPrice(None))),
        Some(Fault::Price { text }) => {
            drop(request.extensions_mut().insert(fault::EveryPrice(Some(text.clone()))));
        }
        _ => {}
    }
    if let Some(refusal) = refusal {
        return refusal;
    }
    let response = next.run(request).await;
    match fault {
        Some(Fault::TruncatedJson) => cut(response, |whole| Body::from(whole.slice(..whole.len() / 2))).await,
        Some(Fault::DisconnectMidBody) => cut(response, half_then_nothing).await,
        _ => response,
    }
}

async fn cut(response: Response, body: impl FnOnce(Bytes) -> Body) -> Response {
    let (mut parts, whole) = response.into_parts();
    let whole = to_bytes(whole, usize::MAX).await.unwrap_or_default();
    parts.headers.insert("content-length", HeaderValue::from(whole.len()));
    let body = body(whole);
    if let Some(length) = hyper::body::Body::size_hint(&body).exact() {
        parts.headers.insert("content-length", HeaderValue::from(length));
    }
    Response::from_parts(parts, body)
}

/// Half of the bytes, then a failure: the connection closes short of the promised length.
fn half_then_nothing(whole: Bytes) -> Body {
    let half = whole.slice(..whole.len() / 2);
    Body::from_stream(stream::unfold(Some(half), async |half| match half {
        Some(half) => Some((Ok(half), None)),
        None => {
            // Let what there is go out first.
            tokio::time::sleep(Duration::from_millis(5)).await;
            Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
        }
    }))
}

fn call_of(request: &Request, at_ms: i64) -> Call {
    let path = request.uri().path();
    let mut headers: Vec<_> = request.headers().keys().map(ToString::to_string).collect();
    headers.sort_unstable();
    let mut keys = [gate::DEMO_HEADER, gate::PRO_HEADER].into_iter();
    let key = keys.find_map(|name| gate::key_of(request.headers(), request.uri(), name));
    let query = axum::extract::Query::try_from_uri(request.uri()).map(|query| query.0).unwrap_or_default();
    Call {
        at_ms,
        endpoint: Endpoint::of(path),
        method: request.method().to_string(),
        path: path.to_owned(),
        query,
        headers,
        key: key.as_deref().map(fingerprint),
        status: None,
    }
}
