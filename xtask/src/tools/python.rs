//! Python packages, of pinned versions, in an environment of their own under the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{install, on_path};
use crate::step::run;
use crate::workspace::Workspace;

/// The environment with what `tests/python/requirements.txt` names; its interpreter.
pub fn ensure(workspace: &Workspace) -> Result<PathBuf> {
    let requirements = workspace.path("tests/python/requirements.txt");
    let wanted = fs::read(&requirements).context("tests/python/requirements.txt")?;
    let folder = workspace.target.join("python");
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    ensure!(on_path("python3").is_some(), "python3 is missing: install Python 3.10 or newer (Debian: python3-venv)");
    install("Python packages of tests/python", || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).stdout(std::io::stderr()))
            .context("Debian has this in the package python3-venv")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(&python).args(pip).arg(&requirements).stdout(std::io::stderr()))?;
        fs::write(&stamp, &wanted).with_context(|| stamp.display().to_string())
    })?;
    Ok(python)
}
