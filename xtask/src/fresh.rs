//! Whether what was built is still what would be built, by content.
//!
//! Trunk writes `dist/` anew each time, which would make Cargo compress and embed it anew. So after a
//! build a stamp is left: a hash of everything the app is made of, and one of what came out. While both
//! are as they were, there is nothing to do.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::hex::hex;
use crate::workspace::Workspace;

/// What the app is made of, and the tools' own rules: files, and folders with everything in them.
const SOURCES: [&str; 8] =
    ["Cargo.toml", "Cargo.lock", "Trunk.toml", "index.html", "frontend", "shared/src", "shared/data", "xtask"];

/// The stamp of one build.
pub struct Stamp {
    file: PathBuf,
    /// The sources, and how they are built.
    wanted: String,
    dist: PathBuf,
}

impl Stamp {
    /// The stamp a build of the app would leave now; `how` is whatever else it depends on.
    pub fn of_app(workspace: &Workspace, how: &str) -> Result<Stamp> {
        let mut hash = Sha256::new();
        hash.update(how);
        for source in SOURCES.iter().chain(&["shared/Cargo.toml"]) {
            digest(&mut hash, &workspace.root, &workspace.path(source))?;
        }
        Ok(Stamp {
            file: workspace.target.join("app.stamp"),
            wanted: hex(&hash.finalize()),
            dist: workspace.path("dist"),
        })
    }

    /// Whether the last build was of the same sources, and nothing has touched what it made.
    pub fn holds(&self) -> Result<bool> {
        match fs::read_to_string(&self.file) {
            Ok(found) if self.dist.is_dir() => Ok(found == self.text()?),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// Leaves the stamp: the build is done.
    pub fn leave(&self) -> Result<()> {
        fs::create_dir_all(self.file.parent().context("a stamp without a folder")?)?;
        fs::write(&self.file, self.text()?).with_context(|| self.file.display().to_string())
    }

    fn text(&self) -> Result<String> {
        let mut hash = Sha256::new();
        digest(&mut hash, &self.dist, &self.dist)?;
        Ok(format!("{} {}\n", self.wanted, hex(&hash.finalize())))
    }
}

/// Adds a file, or every file of a folder in the order of their names, to the hash. What npm installed
/// is fixed by its lock file, which is among them.
fn digest(hash: &mut Sha256, root: &Path, path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name == "node_modules" || name.starts_with('.') {
        return Ok(());
    }
    if path.is_dir() {
        let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        entries.sort();
        return entries.iter().try_for_each(|entry| digest(hash, root, entry));
    }
    let content = fs::read(path).with_context(|| path.display().to_string())?;
    hash.update(path.strip_prefix(root).unwrap_or(path).to_string_lossy().as_bytes());
    hash.update((content.len() as u64).to_le_bytes());
    hash.update(&content);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_until_a_source_or_the_result_changes() {
        let root = std::env::temp_dir().join(format!("foolscap-fresh-{}", std::process::id()));
        let workspace = Workspace { root: root.clone(), target: root.join("target") };
        for source in SOURCES {
            let path = root.join(source);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if source.contains('.') {
                fs::write(path, source).unwrap();
            } else {
                fs::create_dir_all(path).unwrap();
            }
        }
        fs::write(root.join("shared/Cargo.toml"), "").unwrap();
        fs::create_dir_all(root.join("dist")).unwrap();
        fs::write(root.join("dist/app.wasm"), "app").unwrap();

        let holds = |how| Stamp::of_app(&workspace, how).unwrap().holds().unwrap();
        assert!(!holds("release"), "nothing was built yet");
        Stamp::of_app(&workspace, "release").unwrap().leave().unwrap();
        assert!(holds("release"));
        assert!(!holds("dev"), "built in another way");
        fs::write(root.join("dist/app.wasm"), "pap").unwrap();
        assert!(!holds("release"), "what was built was touched");
        fs::write(root.join("dist/app.wasm"), "app").unwrap();
        fs::write(root.join("frontend/new.rs"), "").unwrap();
        assert!(!holds("release"), "a file came");
        fs::remove_dir_all(root).unwrap();
    }
}
