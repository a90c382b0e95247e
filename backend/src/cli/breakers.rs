//! `foolscap breakers`: what holds new transactions back at a running server, and how an operator lets them go on.

use reqwest::{Method, Url};
use shared::wire::transactions::{BreakerEvent, BreakerHistory, BreakerInfo, Breakers};

use super::Exit;
use super::remote::{self, RemoteError};
use crate::config::Secret;

/// What to do with the circuit breakers of a running server.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Show how each of them is
    List(remote::Args),
    /// Show what became of them, oldest first
    History(remote::Args),
    /// Close one
    Reset(ResetArgs),
}

/// Which breaker, and where.
#[derive(Debug, clap::Args)]
pub struct ResetArgs {
    /// The chain's id
    chain: String,
    /// `transaction_failure`, `gas_price_spike`, `dex_failure` or `retry_manager`
    name: String,
    /// That of this user alone
    #[arg(long)]
    user: Option<String>,
    #[command(flatten)]
    remote: remote::Args,
}

/// Runs the command.
pub fn run(action: Action) -> Exit {
    match action {
        Action::List(args) => remote::run(
            &args,
            |home, token| async move { list(&home, &token).await },
            |breakers, _| breakers.breakers.iter().for_each(|breaker| println!("{}", line(breaker))),
        ),
        Action::History(args) => remote::run(
            &args,
            |home, token| async move { history(&home, &token).await },
            |history, _| history.events.iter().for_each(|event| println!("{}", told(event))),
        ),
        Action::Reset(ResetArgs { chain, name, user, remote }) => remote::run(
            &remote,
            |home, token| async move { reset(&home, &token, &chain, &name, user.as_deref()).await },
            |breakers, _| breakers.breakers.iter().for_each(|breaker| println!("{}", line(breaker))),
        ),
    }
}

/// How the breakers of a running server are.
///
/// # Errors
/// [`RemoteError`].
pub async fn list(home: &Url, token: &Secret) -> Result<Breakers, RemoteError> {
    remote::call(home, token, Method::GET, &["breakers"], None).await
}

/// What became of them.
///
/// # Errors
/// [`RemoteError`].
pub async fn history(home: &Url, token: &Secret) -> Result<BreakerHistory, RemoteError> {
    remote::call(home, token, Method::GET, &["breakers", "history"], None).await
}

/// Closes one, and tells how they are then.
///
/// # Errors
/// [`RemoteError`].
pub async fn reset(
    home: &Url,
    token: &Secret,
    chain: &str,
    name: &str,
    user: Option<&str>,
) -> Result<Breakers, RemoteError> {
    remote::call(home, token, Method::POST, &["breakers", chain, name, "reset"], user).await
}

/// A breaker in a line.
pub fn line(breaker: &BreakerInfo) -> String {
    let BreakerInfo { chain, name, user, state, next_try, failures, openings, .. } = breaker;
    let whose = user.as_ref().map(|user| format!(" ({user})")).unwrap_or_default();
    let until = next_try.map(|at| format!(" until {at}")).unwrap_or_default();
    format!("{chain} {name}{whose}: {state}{until}, {failures} failures in a row, opened {openings} times")
}

fn told(event: &BreakerEvent) -> String {
    let BreakerEvent { at, chain, name, user, what, why } = event;
    let whose = user.as_ref().map(|user| format!(" ({user})")).unwrap_or_default();
    let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("{at} {chain} {name}{whose} {what}{why}")
}
