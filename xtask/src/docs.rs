//! The JSON schemas in `docs/schemas`: written by the server's own types, never by hand.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::step::run;
use crate::workspace::Workspace;

/// The folder of the schemas.
pub const FOLDER: &str = "docs/schemas";

/// Writes the schemas; with `check`, only says whether they are what would be written.
pub fn generate(workspace: &Workspace, check: bool) -> Result<()> {
    let folder = workspace.path(FOLDER);
    if !check {
        return write(workspace, &folder);
    }
    let fresh = workspace.target.join("schemas");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    write(workspace, &fresh)?;
    ensure!(read(&fresh)? == read(&folder)?, "{FOLDER} is not what `cargo xtask docs` generates");
    Ok(())
}

fn write(workspace: &Workspace, folder: &Path) -> Result<()> {
    run(Command::new("cargo")
        .current_dir(&workspace.root)
        .args(["run", "--quiet", "--locked", "--package=backend", "--bin=foolscap", "--", "schemas", "--out"])
        .arg(folder))
}

/// A folder's files and their content.
fn read(folder: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    entries
        .map(|entry| entry.and_then(|entry| Ok((entry.file_name(), fs::read(entry.path())?))).map_err(Into::into))
        .collect()
}
