//! What a visit loads: every file Chromium asks for, as the server sends it, compressed. What must be there
//! before the first trade is told apart from what comes when it is possible: the app's later half and the chart.

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::script;
use crate::build;
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// The size over the wire of each file of the first load, and of all.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    build::app(workspace, tools, &build::Args { dev: false, public_url: "/".into() })?;
    let files = script(workspace, tools, "bench-size.mjs", &[&workspace.path("dist").to_string_lossy()])?;
    let mut figures = Vec::new();
    let (mut first, mut wasm, mut all) = (0.0, 0.0, 0.0);
    for file in files.iter().filter(|file| file["file"].is_string()) {
        let name = file["file"].as_str().unwrap_or_default();
        let brotli = file["brotli"].as_f64().unwrap_or(f64::NAN);
        let (is_first, is_wasm) = (file["when"] == "first", name.ends_with(".wasm"));
        all += brotli;
        first += if is_first { brotli } else { 0.0 };
        wasm += if is_wasm { brotli } else { 0.0 };
        let figure = Figure::told(format!("size.{name}.brotli"), brotli, "bytes");
        figures.push(if is_first && is_wasm { figure.held_to(Bar::AtMost(300_000.0)) } else { figure });
    }
    figures.push(Figure::told("size.wasm_of_both_halves.brotli", wasm, "bytes"));
    figures.push(Figure::told("size.until_the_first_trade.brotli", first, "bytes").held_to(Bar::AtMost(330_000.0)));
    figures.push(Figure::told("size.with_later_half_and_chart.brotli", all, "bytes"));
    // Where the halves are cut in the wrong place, the page stands still until the later one is there.
    let waits = files.iter().filter(|line| line["half"] == "waited for").count();
    figures.push(Figure::told("size.waits_for_the_later_half", waits as f64, "times").held_to(Bar::AtMost(0.0)));
    Ok(figures)
}
