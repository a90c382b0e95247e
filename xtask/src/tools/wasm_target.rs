//! A Rust toolchain that compiles to `wasm32-unknown-unknown`: the default one, or Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{install, on_path};
use crate::step::{output, probe, run};
use crate::workspace::Workspace;

/// The target the app is compiled for.
const TARGET: &str = "wasm32-unknown-unknown";
/// How long rustup's server may take: a network without it may swallow packets, not refuse them.
const PATIENCE: &str = "120";

/// The rustup toolchain to compile with, or nothing where the default one will do.
///
/// `FOOLSCAP_WASM=debian` goes straight to Debian's toolchain, to try that way out.
pub fn find(workspace: &Workspace, cache: &Path) -> Result<Option<String>> {
    let debian = std::env::var("FOOLSCAP_WASM").is_ok_and(|wish| wish == "debian");
    if !debian && has_target(None) {
        return Ok(None);
    }
    let chosen = cache.join("wasm-toolchain");
    if let Ok(name) = fs::read_to_string(&chosen)
        && has_target(Some(name.trim()))
    {
        return Ok(Some(name.trim().to_owned()));
    }
    if !debian && on_path("rustup").is_some() {
        let added = install("the wasm32 target by rustup", || {
            run(Command::new("timeout").args([PATIENCE, "rustup", "target", "add", TARGET]))
        });
        if added.is_ok() && has_target(None) {
            return Ok(None);
        }
        eprintln!("[xtask] rustup could not add the target; taking Debian's toolchain for it");
    }
    let name = install("Debian's Rust with a standard library for wasm32 (once, takes minutes)", || {
        output(Command::new("bash").arg(workspace.path("xtask/scripts/wasm-target.sh")))
    })?;
    let name = name.trim().to_owned();
    if name.is_empty() {
        ensure!(
            has_target(None),
            "Debian's Rust has the wasm32 target now, but another `rustc` stands before it on PATH"
        );
        return Ok(None);
    }
    fs::write(&chosen, &name).with_context(|| chosen.display().to_string())?;
    Ok(Some(name))
}

/// Whether a toolchain has a standard library for the target.
fn has_target(toolchain: Option<&str>) -> bool {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    if let Some(name) = toolchain {
        rustc.env("RUSTUP_TOOLCHAIN", name);
    }
    let Some(folder) = probe(&mut rustc).map(PathBuf::from) else {
        return false;
    };
    let Ok(files) = fs::read_dir(folder) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
}
