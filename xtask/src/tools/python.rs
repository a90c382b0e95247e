//! Python packages, of pinned versions, in an environment of their own under the target folder.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use super::{install, on_path};
use crate::step::run;
use crate::workspace::Workspace;

/// The environment, by this name, with what `requirements.txt` in a folder of the workspace names; its interpreter.
pub fn ensure(workspace: &Workspace, name: &str, of: &str) -> Result<PathBuf> {
    let requirements = workspace.path(of).join("requirements.txt");
    let wanted = fs::read(&requirements).with_context(|| requirements.display().to_string())?;
    let folder = workspace.target.join(name);
    let (python, stamp) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    ensure!(on_path("python3").is_some(), "python3 is missing: install Python 3.10 or newer (Debian: python3-venv)");
    install(&format!("Python packages of {of}"), || {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder).stdout(std::io::stderr()))
            .context("Debian has this in the package python3-venv")?;
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(&python).args(pip).arg(&requirements).stdout(std::io::stderr()))?;
        fs::write(&stamp, &wanted).with_context(|| stamp.display().to_string())
    })?;
    Ok(python)
}
