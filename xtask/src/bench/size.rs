//! What a first visit loads: every file Chromium asks for, as the server sends it, compressed.

use anyhow::Result;
use serde_json::Value;

use super::script;
use crate::build;
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// A figure for each file of the first load, and one for all.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Value>> {
    build::app(workspace, tools, &build::Args { dev: false, public_url: "/".into() })?;
    script(workspace, tools, "bench-size.mjs", &[&workspace.path("dist").to_string_lossy()])
}

/// A row for each file.
pub fn show(figures: &[Value]) {
    println!("{:<44}{:>10}{:>10}{:>10}", "bytes", "raw", "gzip", "brotli");
    for figure in figures {
        let bytes = |key: &str| figure[key].as_u64().unwrap_or(0);
        let file = figure["file"].as_str().unwrap_or_default();
        println!("{file:<44}{:>10}{:>10}{:>10}", bytes("raw"), bytes("gzip"), bytes("brotli"));
    }
}
