//! The desk in a person's hands, in Chromium: how long a trade takes from the confirmation to the disk, how a
//! long history scrolls, and what an account with 100,000 trades costs to open, export, import and recount.

use std::fs;

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::script;
use crate::build;
use crate::step::{output, run, step};
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// Trades of the account that scrolls, and of the large one.
const SIZES: [&str; 2] = ["10000", "100000"];

/// What the figures are held to.
const BARS: [(&str, Bar); 6] = [
    ("confirm_to_durable.p99", Bar::AtMost(50.0)),
    ("history_10k.frames_late", Bar::AtMost(1.0)),
    ("large.open", Bar::AtMost(1_000.0)),
    ("large.export.longest_task", Bar::AtMost(50.0)),
    ("large.import.longest_task", Bar::AtMost(50.0)),
    ("large.cost_method.longest_task", Bar::AtMost(50.0)),
];

/// Milliseconds, unless a figure's name says otherwise.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    build::app(workspace, tools, &build::Args { dev: false, public_url: "/".into() })?;
    step("make long journals", || {
        let build = ["build", "--locked", "--package=benches", "--release", "--bin=journal"];
        run(tools.command("cargo").current_dir(&workspace.root).args(build))?;
        for size in SIZES {
            let journal = output(tools.command(workspace.built("release", "journal")).arg(size))?;
            fs::write(workspace.target.join(format!("tmp/journal-{size}.jsonl")), journal)?;
        }
        Ok(())
    })?;
    let journals = SIZES.map(|size| workspace.target.join(format!("tmp/journal-{size}.jsonl")));
    let arguments: Vec<_> = [workspace.path("dist")].into_iter().chain(journals).collect();
    let arguments: Vec<_> = arguments.iter().map(|path| path.to_string_lossy()).collect();
    let arguments: Vec<&str> = arguments.iter().map(|path| &**path).collect();
    let measured = step("use the desk", || script(workspace, tools, "bench-desk.mjs", &arguments))?;
    let figure = |line: &serde_json::Value| {
        let name = line["name"].as_str().unwrap_or_default();
        let unit = if name.ends_with("late") { "% of frames" } else { "ms" };
        let figure = Figure::told(format!("desk.{name}"), line["value"].as_f64().unwrap_or(f64::NAN), unit);
        match BARS.iter().find(|(held, _)| *held == name) {
            Some((_, bar)) => figure.held_to(*bar),
            None => figure,
        }
    };
    Ok(measured.iter().map(figure).collect())
}
