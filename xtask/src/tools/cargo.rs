//! Tools that Cargo installs, each in a folder of its own named by its version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::{install, on_path};
use crate::step::{probe, run};
use crate::workspace::Workspace;

/// A program from crates.io, at one version.
pub struct Tool {
    /// The package that holds it.
    package: &'static str,
    version: String,
    /// The program. It answers `--version` with a line that ends in the version.
    program: &'static str,
}

impl Tool {
    const fn new(package: &'static str, version: String, program: &'static str) -> Self {
        Self { package, version, program }
    }

    /// The folder of the program, or nothing where `PATH` has this very version already.
    pub fn ensure(&self, cache: &Path) -> Result<Option<PathBuf>> {
        let Self { package, version, program } = self;
        let root = cache.join(format!("{package}-{version}"));
        let bin = root.join("bin");
        if bin.join(program).is_file() {
            return Ok(Some(bin));
        }
        if on_path(program).is_some_and(|path| self.is_right(&path)) {
            return Ok(None);
        }
        install(&format!("{package} {version} (once, takes minutes)"), || {
            let build = cache.join("build");
            // A quick build: these tools wait for files and other programs, not for arithmetic.
            run(Command::new("cargo")
                .current_dir(cache)
                .args(["install", "--quiet", "--locked", package, "--version", version, "--root"])
                .arg(&root)
                .env("CARGO_TARGET_DIR", &build)
                .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
                .env("CARGO_PROFILE_RELEASE_LTO", "off")
                .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
                .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16"))
        })?;
        Ok(Some(bin))
    }

    fn is_right(&self, program: &Path) -> bool {
        let said = probe(Command::new(program).arg("--version")).unwrap_or_default();
        said.split_whitespace().nth(1) == Some(&self.version)
    }
}

/// Trunk bundles the app. 0.22 wants a newer Rust than ours.
pub fn trunk() -> Tool {
    Tool::new("trunk", "0.21.14".into(), "trunk")
}

/// wasm-bindgen's CLI must be of exactly the version the app was compiled with.
pub fn wasm_bindgen(version: &str) -> Tool {
    Tool::new("wasm-bindgen-cli", version.into(), "wasm-bindgen")
}

/// cargo-deny judges dependencies by `deny.toml`.
pub fn deny() -> Tool {
    Tool::new("cargo-deny", "0.20.2".into(), "cargo-deny")
}

/// Fetches the crates in `Cargo.lock`. The stamp spares a second run Cargo's own second.
pub fn fetch(workspace: &Workspace) -> Result<()> {
    let fetch = |offline: &[&str]| {
        let mut command = Command::new("cargo");
        command.current_dir(&workspace.root).args(["fetch", "--quiet", "--locked"]).args(offline);
        command
    };
    if probe(&mut fetch(&["--offline"])).is_some() {
        return Ok(());
    }
    install("crates of Cargo.lock", || run(&mut fetch(&[])))
}
