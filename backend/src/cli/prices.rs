//! `foolscap prices`: what an operator does to the prices of a running server.

use reqwest::{Method, Url};
use shared::wire::Cleared;

use super::Exit;
use super::remote::{self, RemoteError};
use crate::config::Secret;

/// What to do to the prices of a running server.
#[derive(Debug, clap::Subcommand)]
pub enum Action {
    /// Forget every price and which coins tokens are; what somebody watches is fetched anew
    Clear(remote::Args),
}

/// Runs the command.
pub fn run(action: &Action) -> Exit {
    let Action::Clear(args) = action;
    remote::run(
        args,
        |home, token| async move { clear(&home, &token).await },
        |Cleared { prices }, home| {
            println!("Cleared {prices} prices, and which coins tokens are, at {home}");
            println!("What somebody watches is fetched anew.");
        },
    )
}

/// Has a running server forget its prices.
///
/// # Errors
/// [`RemoteError`].
pub async fn clear(home: &Url, token: &Secret) -> Result<Cleared, RemoteError> {
    remote::call(home, token, Method::DELETE, &["prices", "cache"], None).await
}
