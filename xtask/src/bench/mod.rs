//! Measurements: figures with the bars they are held to beside them.
//!
//! A new area is a file here that returns its figures, and a row in [`AREAS`].

mod core;
mod desk;
mod figure;
mod lighthouse;
mod page;
mod prices;
mod rooms;
mod savings;
mod size;

use anyhow::{Context as _, Result};
use serde_json::Value;

use self::figure::Figure;
use crate::step::output;
use crate::tools::{self, APP, Need, Toolbox};
use crate::workspace::Workspace;

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// One area only
    #[arg(value_parser = AREAS.map(|area| area.name))]
    area: Option<String>,
    /// A JSON object a line for each figure, instead of a table
    #[arg(long)]
    json: bool,
}

/// Something to measure.
struct Area {
    name: &'static str,
    measure: fn(&Workspace, &Toolbox) -> Result<Vec<Figure>>,
}

const AREAS: [Area; 8] = [
    Area { name: "core", measure: core::measure },
    Area { name: "desk", measure: desk::measure },
    Area { name: "page", measure: page::measure },
    Area { name: "prices", measure: prices::measure },
    Area { name: "savings", measure: savings::measure },
    Area { name: "rooms", measure: rooms::measure },
    Area { name: "size", measure: size::measure },
    Area { name: "lighthouse", measure: lighthouse::measure },
];

/// `cargo xtask bench`.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tools = Toolbox::with(workspace, APP.iter().chain(&[Need::Packages("tests/browser"), Need::Chromium]))?;
    for area in AREAS.iter().filter(|area| args.area.as_deref().is_none_or(|name| name == area.name)) {
        let before = load();
        let figures = (area.measure)(workspace, &tools)?;
        if !args.json {
            println!("\n{} (load average {before} before, {} after)", area.name, load());
        }
        for figure in figures {
            if args.json {
                println!("{}", figure.json());
            } else {
                println!("{figure}");
            }
        }
    }
    Ok(())
}

/// The load average of the last minute: above the number of cores, figures say more about the
/// machine's other work than about ours.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Runs a script in Node that drives Chromium, and reads the JSON lines it prints.
fn script(workspace: &Workspace, tools: &Toolbox, name: &str, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut node = tools.command("node");
    node.current_dir(workspace.path("tests/browser"))
        .arg(workspace.path("xtask/scripts").join(name))
        .args(arguments)
        .env("CHROMIUM", tools::chromium());
    lines(&output(&mut node)?)
}

/// The JSON objects a program printed, one a line.
fn lines(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not a figure: {line}"))).collect()
}
