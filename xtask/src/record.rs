//! `cargo xtask record`: which functions of the app have no part in a first visit.
//!
//! The app is built so that it tells what is called, and taken through `tests/browser/recording`. What is never
//! called there goes to the later half of the app (see `halves`). Recorded anew when `cargo xtask bench size`
//! shows that the first half has grown, or that somebody waits for the later one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::build;
use crate::halves::{self, NAMES, RECORD, SELDOM};
use crate::step::{run as execute, step};
use crate::test;
use crate::tools::{EVERYTHING, Toolbox};
use crate::workspace::Workspace;

/// Hashes in a line of the recording.
const IN_LINE: usize = 12;

/// Records a first visit, and writes down what it did without.
pub fn run(workspace: &Workspace) -> Result<()> {
    let tools = Toolbox::with(workspace, &EVERYTHING)?;
    let dist = workspace.target.join("record");
    step("build an app that tells what is called", || {
        let mut trunk = tools.release_command("trunk");
        trunk.current_dir(&workspace.root).args(["build", "--dist"]).arg(&dist);
        execute(trunk.env_remove("NO_COLOR").env(RECORD, "1").env("CARGO_TARGET_DIR", &workspace.target))
    })?;
    build::server(workspace, &tools, true)?;
    execute(tools.command("cargo").current_dir(&workspace.root).args([
        "build",
        "--locked",
        "--package=tests",
        "--bins",
    ]))?;
    let out = dist.join("hits");
    fs::create_dir_all(&out)?;
    step("visit it", || {
        let mut playwright = test::playwright(workspace, &tools, "debug")?;
        playwright.arg("--config=recording.config.ts").env("FOOLSCAP_DIST", &dist).env(RECORD, &out);
        execute(&mut playwright)
    })?;

    let seldom = seldom(&dist, &out)?;
    let lines: Vec<String> = seldom.chunks(IN_LINE).map(|line| line.join(" ")).collect();
    fs::write(workspace.path(SELDOM), lines.join("\n") + "\n").context(SELDOM)?;
    println!("{} functions can come later", seldom.len());
    Ok(())
}

/// The hashes of the names of which no function was called in any of the recordings.
fn seldom(dist: &Path, recordings: &Path) -> Result<Vec<String>> {
    let names: Vec<(u32, String)> = serde_json::from_slice(&fs::read(dist.join(NAMES))?)?;
    let mut called = BTreeSet::new();
    for file in fs::read_dir(recordings)? {
        let hits: Vec<u32> = serde_json::from_slice(&fs::read(file?.path())?)?;
        called.extend(hits);
    }
    let hashes = |is_called: bool| {
        let those = names.iter().filter(|(index, _)| called.contains(index) == is_called);
        those.map(|(_, name)| halves::hash(name)).collect::<BTreeSet<_>>()
    };
    let first = hashes(true);
    ensure!(!first.is_empty(), "nothing was recorded");
    Ok(hashes(false).difference(&first).cloned().collect())
}
