//! `foolscap serve`.

use tokio::net::TcpListener;

use super::{Exit, complain};
use crate::config::{Config, Data, Environment, Flags};
use crate::{Ports, ServeError, assets, serve, telemetry};

/// Files that are wanted: sockets, connections, the store.
const FILES: u64 = 16_384;

/// Reads the settings, binds, and serves until a signal ends it.
pub fn run(flags: &Flags) -> Exit {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => return complain(&error, Exit::Usage),
    };
    let config = match Config::read(flags, &environment) {
        Ok(config) => config,
        Err(errors) => return complain(&errors, Exit::Usage),
    };
    telemetry::start_logging(config.log_format, &config.log);
    // A system's usual limit is a tenth of the sockets there are places for. What it does not give is missed later, by
    // connections that are not accepted, and told then.
    if let Err(error) = rlimit::increase_nofile_limit(FILES) {
        tracing::debug!(event = "files_limited", %error);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, Exit::Failed),
    };
    match runtime.block_on(listen_and_serve(config)) {
        Ok(()) => Exit::Ok,
        Err(error) => complain(&error, Exit::Failed),
    }
}

/// Why the command failed.
#[derive(Debug, thiserror::Error)]
enum RunError {
    #[error("cannot listen on {address}: {error} (FOOLSCAP_PORT or --port names another port, 0 a free one)")]
    Bind { address: std::net::SocketAddr, error: std::io::Error },
    #[error(transparent)]
    Serve(#[from] ServeError),
}

async fn listen_and_serve(config: Config) -> Result<(), RunError> {
    let address = config.listen;
    let bind_error = |error| RunError::Bind { address, error };
    let listener = TcpListener::bind(address).await.map_err(bind_error)?;
    let address = listener.local_addr().map_err(bind_error)?;
    tracing::info!(
        event = "listening",
        %address,
        market = ?config.market,
        app = assets::has_app(),
        "Foolscap is on http://{address}"
    );
    if !assets::has_app() {
        tracing::warn!(event = "app_missing", "This binary was built without the app; `cargo xtask serve` builds both");
    }
    match &config.data {
        Data::Folder(path) => {
            tracing::info!(event = "data", path = %path.display(), "Data is kept in {}", path.display())
        }
        Data::Memory => tracing::warn!(event = "data_not_kept", "Data is kept in memory only: a restart begins anew"),
    }
    if !address.ip().is_loopback() && config.allowed_hosts.is_empty() {
        tracing::warn!(
            event = "no_allowed_hosts",
            "Listening beyond this machine, but FOOLSCAP_ALLOWED_HOSTS is empty: others will be refused by name"
        );
    }
    serve(listener, config, Ports::default(), end_signal()).await?;
    tracing::info!(event = "stopped", "Stopped");
    Ok(())
}

/// Done when the process is asked to end: by Ctrl-C, or by SIGTERM.
async fn end_signal() {
    let interrupt = async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    let terminate = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => drop(signal.recv().await),
            Err(_) => std::future::pending::<()>().await,
        }
    };
    #[cfg(not(unix))]
    let terminate = std::future::pending::<()>();
    tokio::select! {
        () = interrupt => {}
        () = terminate => {}
    }
}
