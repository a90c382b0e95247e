//! How an operator's command reaches a running server: where it is, who asks, and what can go wrong.

use std::time::Duration;

use reqwest::{Method, Url};
use serde::de::DeserializeOwned;
use shared::wire::Problem;

use super::{Exit, complain};
use crate::config::{Config, Environment, Flags, Secret};
use crate::outbound::{Outbound, OutboundError, Patience, secret_header};

/// Bytes of an answer.
const LARGEST_ANSWER: usize = 4 * 1024 * 1024;
const PATIENCE: Patience = Patience::of(Duration::from_secs(10));

/// Which server, and who asks.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The server [default: where `foolscap serve` listens with the settings found here]
    #[arg(long, value_name = "URL")]
    server: Option<Url>,
    /// File that holds the operator's token, the one that the server reads [FOOLSCAP_OPERATOR_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    operator_token_file: Option<String>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// Nobody says what the token is.
    #[error(
        "no operator's token: name the file that holds it with --operator-token-file or FOOLSCAP_OPERATOR_TOKEN_FILE"
    )]
    NoToken,
    /// Nobody is there.
    #[error("no server at {0}: {1} (--server names another)")]
    Unreachable(Url, OutboundError),
    /// It says no.
    #[error("{0} refuses: {1}")]
    Refused(Url, String),
    /// It says something else.
    #[error("what answers at {0} is no Foolscap")]
    Stranger(Url),
}

/// Has something done at the server that the arguments and the settings name, and shows what came of it.
pub fn run<T, F: Future<Output = Result<T, RemoteError>>>(
    args: &Args,
    work: impl FnOnce(Url, Secret) -> F,
    show: impl FnOnce(T, &Url),
) -> Exit {
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => return complain(&error, Exit::Usage),
    };
    let flags = Flags { operator_token_file: args.operator_token_file.clone(), ..Flags::default() };
    let config = match Config::read(&flags, &environment) {
        Ok(config) => config,
        Err(errors) => return complain(&errors, Exit::Usage),
    };
    let Some(token) = config.operator else { return complain(&RemoteError::NoToken, Exit::Usage) };
    let home = args.server.clone().or_else(|| Url::parse(&format!("http://{}", config.listen)).ok());
    let Some(home) = home else { return complain(&RemoteError::NoToken, Exit::Usage) };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, Exit::Failed),
    };
    match runtime.block_on(work(home.clone(), token)) {
        Ok(done) => {
            show(done, &home);
            Exit::Ok
        }
        Err(error) => complain(&error, Exit::Failed),
    }
}

/// Calls a route of a server in the operator's name.
///
/// # Errors
/// [`RemoteError`].
pub async fn call<T: DeserializeOwned>(
    home: &Url,
    token: &Secret,
    method: Method,
    path: &[&str],
    user: Option<&str>,
) -> Result<T, RemoteError> {
    let unreachable = |error| RemoteError::Unreachable(home.clone(), error);
    let stranger = || RemoteError::Stranger(home.clone());
    let bearer = secret_header("authorization", &format!("Bearer {}", token.reveal()));
    let http = Outbound::new(home, PATIENCE).map_err(unreachable)?;
    let mut url = home.clone();
    // Whatever a name holds, it stays one part of the path.
    url.path_segments_mut().map_err(|()| stranger())?.clear().extend(["api", "v1"]).extend(path);
    if let Some(user) = user {
        url.query_pairs_mut().append_pair("user", user);
    }
    let answer = http.request(method, url, bearer, LARGEST_ANSWER).await.map_err(unreachable)?;
    if answer.status == 200 {
        return serde_json::from_slice(&answer.body).map_err(|_| stranger());
    }
    let problem: Problem = serde_json::from_slice(&answer.body).map_err(|_| stranger())?;
    Err(RemoteError::Refused(home.clone(), problem.detail.unwrap_or(problem.title)))
}
