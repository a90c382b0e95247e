//! `foolscap prices`: what an operator does to the prices of a running server.

use std::time::Duration;

use reqwest::Url;
use shared::wire::{Cleared, Problem};

use super::{Exit, complain};
use crate::config::{Config, Environment, Flags, Secret};
use crate::outbound::{Outbound, OutboundError, Patience, secret_header};

/// Bytes of an answer.
const LARGEST_ANSWER: usize = 64 * 1024;
const PATIENCE: Patience = Patience::of(Duration::from_secs(10));

/// What to do to the prices of a running server.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Forget every price and which coins tokens are; what somebody watches is fetched anew
    Clear(ClearArgs),
}

/// Which server, and who asks.
#[derive(Debug, clap::Args)]
pub struct ClearArgs {
    /// The server [default: where `foolscap serve` listens with the settings found here]
    #[arg(long, value_name = "URL")]
    server: Option<Url>,
    /// File that holds the operator's token, the one that the server reads [FOOLSCAP_OPERATOR_TOKEN_FILE]
    #[arg(long, value_name = "FILE")]
    operator_token_file: Option<String>,
}

/// Why nothing was cleared.
#[derive(Debug, thiserror::Error)]
pub enum ClearError {
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

/// Runs the command.
pub fn run(action: &Action) -> Exit {
    let Action::Clear(args) = action;
    let environment = match Environment::of_process() {
        Ok(environment) => environment,
        Err(error) => return complain(&error, Exit::Usage),
    };
    let flags = Flags { operator_token_file: args.operator_token_file.clone(), ..Flags::default() };
    let config = match Config::read(&flags, &environment) {
        Ok(config) => config,
        Err(errors) => return complain(&errors, Exit::Usage),
    };
    let Some(token) = config.operator else { return complain(&ClearError::NoToken, Exit::Usage) };
    let home = args.server.clone().or_else(|| Url::parse(&format!("http://{}", config.listen)).ok());
    let Some(home) = home else { return complain(&ClearError::NoToken, Exit::Usage) };
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, Exit::Failed),
    };
    match runtime.block_on(clear(&home, &token)) {
        Ok(Cleared { prices }) => {
            println!("Cleared {prices} prices, and which coins tokens are, at {home}");
            println!("What somebody watches is fetched anew.");
            Exit::Ok
        }
        Err(error) => complain(&error, Exit::Failed),
    }
}

/// Has a running server forget its prices.
///
/// # Errors
/// [`ClearError`].
pub async fn clear(home: &Url, token: &Secret) -> Result<Cleared, ClearError> {
    let unreachable = |error| ClearError::Unreachable(home.clone(), error);
    let bearer = secret_header("authorization", &format!("Bearer {}", token.reveal()));
    let http = Outbound::new(home, PATIENCE).map_err(unreachable)?;
    let mut url = home.clone();
    url.set_path("/api/v1/prices/cache");
    let answer = http.delete(url, bearer, LARGEST_ANSWER).await.map_err(unreachable)?;
    let stranger = |_| ClearError::Stranger(home.clone());
    if answer.status == 200 {
        return serde_json::from_slice(&answer.body).map_err(stranger);
    }
    let problem: Problem = serde_json::from_slice(&answer.body).map_err(stranger)?;
    Err(ClearError::Refused(home.clone(), problem.detail.unwrap_or(problem.title)))
}
