//! What a first visit loads: every file Chromium asks for, as the server sends it, compressed.

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
    for file in &files {
        let name = file["file"].as_str().unwrap_or_default();
        let brotli = file["brotli"].as_f64().unwrap_or(f64::NAN);
        let figure = Figure::told(format!("size.{}.brotli", name.replace(' ', "_")), brotli, "bytes");
        figures.push(match name {
            "first load" => figure.held_to(Bar::AtMost(330_000.0)),
            wasm if wasm.ends_with(".wasm") => figure.held_to(Bar::AtMost(300_000.0)),
            _ => figure,
        });
    }
    Ok(figures)
}
