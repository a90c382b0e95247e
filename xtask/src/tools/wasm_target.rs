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
/// The environment in which Cargo compiles the standard library with the app. That is not stable yet: a
/// stable compiler does it when it is told that it may.
pub const OWN_STD: [(&str, &str); 3] = [
    ("RUSTC_BOOTSTRAP", "1"),
    ("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort"),
    ("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size"),
];
/// How long rustup's server may take: a network without it may swallow packets, not refuse them.
const PATIENCE: &str = "120";

/// The rustup toolchain to compile with, or nothing where the default one will do.
///
/// `FOOLSCAP_WASM=debian` goes straight to Debian's toolchain, to try that way out.
pub fn find(workspace: &Workspace, cache: &Path) -> Result<Option<String>> {
    let debian = std::env::var("FOOLSCAP_WASM").is_ok_and(|wish| wish == "debian");
    if !debian && is_ready(None) {
        return Ok(None);
    }
    let chosen = cache.join("wasm-toolchain");
    if let Ok(name) = fs::read_to_string(&chosen)
        && is_ready(Some(name.trim()))
    {
        return Ok(Some(name.trim().to_owned()));
    }
    if !debian && on_path("rustup").is_some() {
        let added = install("the wasm32 target by rustup", || {
            run(Command::new("timeout").args([PATIENCE, "rustup", "target", "add", TARGET]))?;
            run(Command::new("timeout").args([PATIENCE, "rustup", "component", "add", "rust-src"]))
        });
        if added.is_ok() && is_ready(None) {
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
            is_ready(None),
            "Debian's Rust has the wasm32 target now, but another `rustc` stands before it on PATH"
        );
        return Ok(None);
    }
    fs::write(&chosen, &name).with_context(|| chosen.display().to_string())?;
    Ok(Some(name))
}

/// Fetches the crates that the standard library is made of: builds are without the network.
pub fn fetch_std(workspace: &Workspace, toolchain: Option<&str>) -> Result<()> {
    let fetch = |offline: &[&str]| {
        let mut cargo = of(toolchain, "cargo");
        cargo.current_dir(&workspace.root).args(["fetch", "--quiet", "--locked"]).args(offline).envs(OWN_STD);
        cargo
    };
    if probe(&mut fetch(&["--offline"])).is_some() {
        return Ok(());
    }
    install("crates of the standard library", || run(&mut fetch(&[])))
}

/// Whether a toolchain has the standard library for the target, compiled and in source.
fn is_ready(toolchain: Option<&str>) -> bool {
    let folder = |arguments: &[&str]| probe(of(toolchain, "rustc").args(arguments)).map(PathBuf::from);
    let Some(compiled) = folder(&["--print", "target-libdir", "--target", TARGET]) else { return false };
    let Some(sysroot) = folder(&["--print", "sysroot"]) else { return false };
    let Ok(files) = fs::read_dir(compiled) else { return false };
    files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-"))
        && sysroot.join("lib/rustlib/src/rust/library/std").is_dir()
}

/// A program of a toolchain, or of the default one.
fn of(toolchain: Option<&str>, program: &str) -> Command {
    let mut command = Command::new(program);
    if let Some(name) = toolchain {
        command.env("RUSTUP_TOOLCHAIN", name);
    }
    command
}
