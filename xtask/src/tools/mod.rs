//! The tools the work takes: each is looked for, and installed where it is missing.
//!
//! A room for each way of installing: rustup or Debian's toolchain for the WASM target, Cargo for
//! programs written in Rust, npm for those written in JavaScript, Debian for the browser. Programs
//! go to a cache outside the workspace, so that a fresh clone finds them again.

mod cargo;
mod debian;
mod npm;
pub mod python;
mod wasm_target;

pub use self::debian::{ensure_nginx, nginx};

use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::step::step;
use crate::workspace::Workspace;

/// Something a command can't do without.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// The sources of every crate in `Cargo.lock`: Trunk builds without the network.
    Crates,
    /// A Rust toolchain that compiles to `wasm32-unknown-unknown`.
    WasmTarget,
    /// Trunk, which bundles the app.
    Trunk,
    /// The wasm-bindgen CLI, of exactly the version in `Cargo.lock`, and its test runner.
    WasmBindgen,
    /// cargo-deny: licences, duplicates and sources of dependencies.
    CargoDeny,
    /// The npm packages locked in this folder.
    Packages(&'static str),
    /// Chromium, its driver and a font.
    Chromium,
    /// Redis, for several backends at once.
    Redis,
    /// Python with the packages of the tests' clients.
    Python,
}

/// What building the app takes.
pub const APP: [Need; 6] = [
    Need::Crates,
    Need::WasmTarget,
    Need::WasmBindgen,
    Need::Packages("xtask/npm"),
    Need::Packages("frontend/chart"),
    Need::Trunk,
];

/// What there is, and so what the tests take in all.
pub const EVERYTHING: [Need; 13] = [
    Need::Crates,
    Need::WasmTarget,
    Need::WasmBindgen,
    Need::Packages("xtask/npm"),
    Need::Packages("frontend/chart"),
    Need::Trunk,
    Need::CargoDeny,
    Need::Chromium,
    Need::Redis,
    Need::Python,
    Need::Packages("tests/browser"),
    Need::Packages("tests/contracts"),
    Need::Packages("xtask/lighthouse"),
];

/// The tools, found.
pub struct Toolbox {
    /// `PATH` with the tools in front.
    path: OsString,
    /// The rustup toolchain that has the WASM target, where it is not the default one.
    wasm_toolchain: Option<String>,
    /// rustc's flags for WASM.
    wasm_flags: String,
}

impl Toolbox {
    /// Finds or installs what is needed.
    pub fn with<'a>(workspace: &Workspace, needs: impl IntoIterator<Item = &'a Need>) -> Result<Self> {
        let start = Instant::now();
        let cache = cache()?;
        let mut toolbox = Self {
            path: OsString::new(),
            wasm_toolchain: None,
            wasm_flags: format!("{} {ERASE}", anonymous(workspace)),
        };
        let mut bins = vec![workspace.path("xtask/npm/node_modules/.bin")];
        for need in needs {
            match need {
                Need::Crates => cargo::fetch(workspace)?,
                Need::WasmTarget => {
                    toolbox.wasm_toolchain = wasm_target::find(workspace, &cache)?;
                    wasm_target::fetch_std(workspace, toolbox.wasm_toolchain.as_deref())?;
                }
                Need::Trunk => bins.extend(cargo::trunk().ensure(&cache)?),
                Need::WasmBindgen => {
                    let version = workspace.locked("wasm-bindgen")?;
                    bins.extend(cargo::wasm_bindgen(&version).ensure(&cache)?);
                }
                Need::CargoDeny => bins.extend(cargo::deny().ensure(&cache)?),
                Need::Packages(folder) => npm::ensure(&workspace.path(folder), folder)?,
                Need::Chromium => debian::ensure_chromium()?,
                Need::Redis => debian::ensure_redis()?,
                Need::Python => drop(python::ensure(workspace, "python", "tests/python")?),
            }
        }
        let old = env::var_os("PATH").unwrap_or_default();
        toolbox.path = env::join_paths(bins.into_iter().chain(env::split_paths(&old)))?;
        eprintln!("[xtask] tools ready in {:.1} s", start.elapsed().as_secs_f64());
        Ok(toolbox)
    }

    /// A command that finds the tools.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env("PATH", &self.path);
        command
    }

    /// The same, for a command that compiles to WASM.
    pub fn wasm_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.command(program);
        if let Some(toolchain) = &self.wasm_toolchain {
            command.env("RUSTUP_TOOLCHAIN", toolchain);
        }
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", &self.wasm_flags);
        command
    }

    /// The same, for what visitors load: with a standard library that is compiled anew, small and with
    /// the app. A panic ends the app at once, as it did before; but nobody could ever read its message,
    /// so what would write it is left out, and that is a tenth of the app.
    pub fn release_command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.wasm_command(program);
        let flags = format!("{} -Zlocation-detail=none -Zunstable-options -Cpanic=immediate-abort", self.wasm_flags);
        command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags).envs(wasm_target::OWN_STD);
        command
    }

    /// Whether WASM is compiled by the toolchain everything else is compiled by, clippy included.
    pub fn wasm_is_native(&self) -> bool {
        self.wasm_toolchain.is_none()
    }
}

/// The browser the tests drive.
pub fn chromium() -> PathBuf {
    debian::program("CHROMIUM", "chromium").unwrap_or_else(|| "chromium".into())
}

/// The driver of that browser.
pub fn chromedriver() -> PathBuf {
    debian::program("CHROMEDRIVER", "chromedriver").unwrap_or_else(|| "chromedriver".into())
}

/// The folder that keeps installed tools: `$FOOLSCAP_TOOLS`, or one in the user's cache.
fn cache() -> Result<PathBuf> {
    let folder = env::var_os("FOOLSCAP_TOOLS").map(PathBuf::from).or_else(|| {
        let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cache")))?;
        Some(cache.join("foolscap/tools"))
    });
    let folder = folder.context("no HOME: set FOOLSCAP_TOOLS to a folder for tools")?;
    std::fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    Ok(folder)
}

/// Flags that keep this machine's folders out of what panics say: they would be downloaded by every
/// visitor, and the same sources would make other bytes elsewhere.
fn anonymous(workspace: &Workspace) -> String {
    let home = |name: &str| Some(Path::new(&env::var_os("HOME")?).join(name));
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| home(".cargo"));
    let crates = cargo.map(|cargo| (cargo.join("registry/src"), "crates"));
    let folders = crates.into_iter().chain([(workspace.root.clone(), "foolscap")]);
    let flags = folders.map(|(folder, name)| format!("--remap-path-prefix={}={name}", folder.display()));
    // Cargo splits the variable at spaces; a folder with one stays as it is.
    flags.filter(|flag| !flag.contains(' ')).collect::<Vec<_>>().join(" ")
}

/// Leptos gives every view a type of its own, and every type its own code. Erased they share it: a tenth
/// less to load, and less to compile.
const ERASE: &str = "--cfg erase_components";

/// The first program of this name on `PATH`.
fn on_path(name: &str) -> Option<PathBuf> {
    env::split_paths(&env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Announces an installation, so that minutes of compiling are not a surprise.
fn install<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    step(&format!("install {what}"), work)
}
