//! Measurements.

use anyhow::{Result, bail};

use crate::workspace::Workspace;

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// One area only
    area: Option<String>,
    /// One JSON object for each figure, instead of a table
    #[arg(long)]
    json: bool,
}

/// `cargo xtask bench`.
pub fn run(_workspace: &Workspace, args: &Args) -> Result<()> {
    let _ = args.json;
    bail!("no area {:?}", args.area)
}
