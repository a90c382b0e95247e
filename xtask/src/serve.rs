//! Running what was built.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Error, Result};

use crate::build;
use crate::step::quote;
use crate::tools::{APP, Toolbox};
use crate::workspace::Workspace;

/// How to serve.
#[derive(clap::Args)]
pub struct Args {
    /// Where prices come from: `demo` needs no network
    #[arg(long, value_name = "MARKET")]
    market: Option<String>,
    /// Quick builds instead of small and fast ones
    #[arg(long)]
    dev: bool,
    /// Arguments for `foolscap serve`
    #[arg(last = true)]
    args: Vec<String>,
}

/// `cargo xtask serve`: builds everything, then becomes the server.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tools = Toolbox::with(workspace, &APP)?;
    let how = build::Args { dev: args.dev, public_url: "/".into() };
    let mut server = Command::new(build::everything(workspace, &tools, &how)?);
    server.current_dir(&workspace.root).arg("serve");
    if let Some(market) = &args.market {
        server.args(["--market", market]);
    }
    server.args(&args.args);
    if args.args.is_empty() {
        eprintln!("[xtask] Foolscap is on http://127.0.0.1:8080 — Ctrl-C ends it");
    }
    become_it(&mut server)
}

/// `cargo xtask coingecko`: the stand-in CoinGecko.
pub fn coingecko(workspace: &Workspace, args: &[String]) -> Result<()> {
    let mut command = Command::new("cargo");
    command
        .current_dir(&workspace.root)
        .args(["run", "--quiet", "--package=tests", "--bin=coingecko", "--"])
        .args(args);
    become_it(&mut command)
}

/// Replaces this process, so that signals reach the program itself.
pub fn become_it(command: &mut Command) -> Result<()> {
    let line = quote(command);
    Err(Error::new(command.exec()).context(format!("can't run `{line}`")))
}
