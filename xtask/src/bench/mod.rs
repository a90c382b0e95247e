//! Measurements: figures with what they are to be judged by beside them.
//!
//! A figure is a line of JSON; a table for people is made of the same lines.

mod core;
mod size;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::step::output;
use crate::tools::{self, APP, Need, Toolbox};
use crate::workspace::Workspace;

/// What to measure.
#[derive(clap::Args)]
pub struct Args {
    /// One area only
    #[arg(value_parser = AREAS.map(|area| area.name))]
    area: Option<String>,
    /// A JSON object a line for each figure, instead of tables
    #[arg(long)]
    json: bool,
}

/// Something to measure.
struct Area {
    name: &'static str,
    /// Figures, as JSON objects.
    measure: fn(&Workspace, &Toolbox) -> Result<Vec<Value>>,
    /// Shows them to a person.
    show: fn(&[Value]),
}

const AREAS: [Area; 2] = [
    Area { name: "core", measure: core::measure, show: core::show },
    Area { name: "size", measure: size::measure, show: size::show },
];

/// `cargo xtask bench`.
pub fn run(workspace: &Workspace, args: &Args) -> Result<()> {
    let tools = Toolbox::with(workspace, APP.iter().chain(&[Need::Packages("tests/browser"), Need::Chromium]))?;
    for area in AREAS.iter().filter(|area| args.area.as_deref().is_none_or(|name| name == area.name)) {
        let figures = (area.measure)(workspace, &tools)?;
        if args.json {
            for mut figure in figures {
                figure["area"] = area.name.into();
                println!("{figure}");
            }
        } else {
            println!("\n{}", area.name);
            (area.show)(&figures);
        }
    }
    Ok(())
}

/// Runs a script in Node that drives Chromium, and reads the figures it prints.
fn script(workspace: &Workspace, tools: &Toolbox, name: &str, arguments: &[&str]) -> Result<Vec<Value>> {
    let mut node = tools.command("node");
    node.current_dir(workspace.path("tests/browser"))
        .arg(workspace.path("xtask/scripts").join(name))
        .args(arguments)
        .env("CHROMIUM", tools::chromium());
    figures(&output(&mut node)?)
}

/// The JSON objects a program printed, one a line.
fn figures(text: &str) -> Result<Vec<Value>> {
    text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("not a figure: {line}"))).collect()
}
