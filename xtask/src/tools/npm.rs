//! npm packages, installed exactly as locked.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{install, on_path};
use crate::step::run;

/// Installs a folder's packages by `npm ci`, unless they are already those of its lockfile.
///
/// No package runs a script of its own while it is installed: none of ours needs to, and some
/// would download programs.
pub fn ensure(folder: &Path, name: &str) -> Result<()> {
    let lock = fs::read(folder.join("package-lock.json")).with_context(|| format!("{name}/package-lock.json"))?;
    let stamp = folder.join("node_modules/.foolscap-installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    ensure!(on_path("npm").is_some(), "npm is missing: install Node.js 20 or newer with npm");
    install(&format!("npm packages of {name}"), || {
        run(Command::new("npm")
            .current_dir(folder)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1"))?;
        fs::write(&stamp, &lock).with_context(|| format!("{name}/node_modules"))
    })
}
