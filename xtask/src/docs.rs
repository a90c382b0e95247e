//! The JSON schemas in `docs/schemas`: written by the server's own types, never by hand. A test of
//! the server holds them to it.

use std::process::Command;

use anyhow::Result;

use crate::step::run;
use crate::workspace::Workspace;

/// `cargo xtask docs`.
pub fn generate(workspace: &Workspace) -> Result<()> {
    run(Command::new("cargo")
        .current_dir(&workspace.root)
        .args(["run", "--quiet", "--locked", "--package=backend", "--bin=foolscap", "--", "schemas"])
        .args(["--out", "docs/schemas"]))
}
