//! Prices from the cache, beside a bare axum route and nginx with the same bytes: see `tests/src/bin/serving.rs`.

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::lines;
use crate::build;
use crate::step::{output, run, step};
use crate::tools::{self, Toolbox};
use crate::workspace::Workspace;

/// What the figures are held to.
const BARS: [(&str, Bar); 4] = [
    ("of_bare_axum", Bar::AtLeast(0.85)),
    ("of_nginx", Bar::AtLeast(0.75)),
    ("p99_at_half_peak", Bar::AtMost(5.0)),
    ("memory_grown", Bar::AtMost(8.0 * 1024.0)),
];

/// Requests for each second of a server's CPU time, and their ratios.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    tools::ensure_nginx()?;
    let foolscap = build::server(workspace, tools, false)?;
    step("build the client", || {
        let arguments = ["build", "--locked", "--release", "--package=tests", "--bin=serving"];
        run(tools.command("cargo").current_dir(&workspace.root).args(arguments))
    })?;
    // Servers on the first core, the client on the second.
    let mut client = tools.command("taskset");
    client.args(["--cpu-list", "1"]).arg(workspace.built("release", "serving")).arg("run");
    client.arg("--foolscap").arg(foolscap).arg("--nginx").arg(tools::nginx());
    client.arg("--folder").arg(workspace.target.join("bench-prices"));
    let told = step("ask for prices", || lines(&output(&mut client)?))?;
    let figures = told.iter().map(|told| {
        let name = told["name"].as_str().unwrap_or_default();
        let unit = UNITS.into_iter().find(|unit| told["unit"] == *unit).unwrap_or_default();
        let figure = Figure::told(format!("prices.{name}"), told["value"].as_f64().unwrap_or(f64::NAN), unit);
        match BARS.iter().find(|(held, _)| *held == name) {
            Some((_, bar)) => figure.held_to(*bar),
            None => figure,
        }
    });
    Ok(figures.collect())
}

const UNITS: [&str; 6] = ["bytes", "requests/s", "requests", "ratio", "ms", "KiB"];
