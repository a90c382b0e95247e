//! `cargo xtask devnet`: a chain of one's own with an exchange on it, and Foolscap that trades there for real.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::build;
use crate::serve::become_it;
use crate::step::{run as execute, step};
use crate::tools::{APP, Need, Toolbox};
use crate::workspace::Workspace;

/// What the chain and the server are made of.
#[derive(clap::Args)]
pub struct Args {
    /// Quick builds instead of small and fast ones
    #[arg(long)]
    dev: bool,
    /// This server instead of the one that is built
    #[arg(long, value_name = "PROGRAM")]
    foolscap: Option<PathBuf>,
    /// Arguments for it: --port, --block-seconds, --folder, --json
    #[arg(last = true)]
    args: Vec<String>,
}

/// Builds what it takes, then becomes the devnet (`tests/src/bin/devnet.rs`), so that signals reach it.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let contracts = [Need::Packages("tests/contracts")];
    let tools =
        Toolbox::with(workspace, if args.foolscap.is_some() { &[] } else { &APP[..] }.iter().chain(&contracts))?;
    let server = match &args.foolscap {
        Some(server) => server.clone(),
        None => build::everything(workspace, &tools, &build::Args { dev: args.dev, public_url: "/".into() })?,
    };
    step("build the devnet", || {
        let arguments = ["build", "--locked", "--package=tests", "--bin=devnet"];
        execute(tools.command("cargo").current_dir(&workspace.root).args(arguments))
    })?;
    let folder = workspace.target.join("devnet");
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let mut devnet = Command::new(workspace.built("debug", "devnet"));
    devnet.current_dir(&workspace.root).arg("--foolscap").arg(server).arg("--folder").arg(folder).args(&args.args);
    become_it(&mut devnet)
}
