//! Foolscap's server: prices and chain facts over HTTP, and the app's files from inside the binary.
//!
//! [`serve`] is the whole of it. Rooms: [`config`] is what it is told; [`router`] every route;
//! [`app`] what a handler can reach; [`error`] where an error becomes a status; [`prices`],
//! [`markets`], [`candles`] and [`gas`] what is served; [`coingecko`], [`chain`] and [`outbound`] who is
//! asked, [`breaker`] who is not; [`store`] what outlives the process; [`fleet`] what several backends share;
//! [`socket`] what is said without being asked again; [`rooms`] what is told in each account's, [`accounts`] the
//! copies of their journals;
//! [`guard`], [`operator`], [`server`] with its [`head_timer`], and [`tasks`] what holds it together; [`telemetry`]
//! what is told of it, [`crash`] where a story has it end.
//! [`cli`] is the same core without a server.

pub mod accounts;
pub mod app;
pub mod assets;
pub mod breaker;
pub mod cache;
pub mod candles;
pub mod chain;
pub mod cli;
pub mod clock;
pub mod coingecko;
pub mod config;
pub mod crash;
pub mod dex;
pub mod error;
pub mod fleet;
pub mod gas;
pub mod guard;
pub mod head_timer;
pub mod markets;
pub mod operator;
pub mod outbound;
pub mod prices;
mod quantile;
pub mod rooms;
pub mod router;
pub mod routes;
pub mod server;
pub mod socket;
pub mod store;
pub mod tasks;
pub mod telemetry;
pub mod transactions;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::app::{App, AppError};
use crate::clock::{SharedClock, SystemClock};
use crate::config::{Config, Metrics};
use crate::store::{Store, StoreError};
use crate::tasks::Tasks;

/// What of the outside world can be put in another's place.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The clock.
    pub clock: SharedClock,
}

impl Default for Ports {
    /// The machine's own.
    fn default() -> Ports {
        Ports { clock: Arc::new(SystemClock) }
    }
}

/// Why the server did not run.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Its parts cannot be put together.
    #[error(transparent)]
    App(#[from] AppError),
    /// There is nowhere to keep data.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The metrics' address cannot be had.
    #[error("metrics cannot be served at {address}: {error} (FOOLSCAP_METRICS names another address, or `off`)")]
    Metrics {
        /// The address.
        address: std::net::SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// Requests were still open when the patience was over.
    #[error("some requests were cut off: they did not end within {0:?}")]
    CutOff(std::time::Duration),
    /// What was to be kept was not written when the patience was over.
    #[error("the data was not written within {0:?}: what was learnt last is lost")]
    NotKept(std::time::Duration),
}

/// Serves until `shutdown` is done; then lets open requests end, for as long as the limits say.
///
/// # Errors
/// [`ServeError`].
pub async fn serve(
    listener: TcpListener,
    config: Config,
    ports: Ports,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    let limits = config.limits;
    let metrics = config.metrics;
    let tasks = Tasks::new();
    // Connections end before the tasks that serve them.
    let connections = Tasks::new();
    serve_metrics(metrics, &tasks).await?;
    let store = Store::open(&config.data).await?;
    let app = App::start(config, ports.clock, store.clone(), &tasks).await?;
    let router = router::router(app, &connections);
    let accepting = server::accept(listener, router, limits, &connections, connections.stop());
    tokio::select! {
        () = accepting => {}
        () = shutdown => tracing::info!(event = "stopping", "Stopping: open requests may end"),
    }
    let drained = connections.end(limits.drain).await;
    let ended = tasks.end(limits.drain).await;
    // Last, for what the others leave behind.
    let kept = store.close(limits.drain).await;
    match (drained && ended, kept) {
        (true, true) => Ok(()),
        (true, false) => Err(ServeError::NotKept(limits.drain)),
        (false, _) => Err(ServeError::CutOff(limits.drain)),
    }
}

/// Serves `/metrics` on a port of its own: it is not for everybody who may see the desk.
async fn serve_metrics(metrics: Metrics, tasks: &Tasks) -> Result<(), ServeError> {
    let (address, required) = match metrics {
        Metrics::Off => return Ok(()),
        Metrics::Preferably(address) => (address, false),
        Metrics::At(address) => (address, true),
    };
    let listener = match TcpListener::bind(address).await {
        Ok(listener) => listener,
        Err(error) if required => return Err(ServeError::Metrics { address, error }),
        Err(error) => {
            tracing::warn!(event = "metrics_off", %address, %error, "Metrics are off: their address cannot be had");
            return Ok(());
        }
    };
    let Some(handle) = telemetry::start_metrics() else {
        tracing::warn!(event = "metrics_off", "Metrics are off: another recorder is installed");
        return Ok(());
    };
    let address = listener.local_addr().unwrap_or(address);
    tracing::info!(event = "metrics", %address, "Metrics are on http://{address}/metrics");
    let upkeep = handle.clone();
    let stop = tasks.stop();
    tasks.spawn(async move {
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
        loop {
            tokio::select! {
                _ = tick.tick() => upkeep.run_upkeep(),
                () = stop.cancelled() => return,
            }
        }
    });
    let router = Router::new().route("/metrics", get(move || std::future::ready(handle.render())));
    let (task_set, stop) = (tasks.clone(), tasks.stop());
    tasks.spawn(async move {
        server::accept(listener, router, config::Limits::default(), &task_set, stop).await;
    });
    Ok(())
}
