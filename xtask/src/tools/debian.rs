//! What comes from Debian's packages: the browser the tests drive, Redis, and nginx to be measured against.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::{install, on_path};
use crate::step::{probe, run};

/// A font the tests' pages are drawn with; without any, Chromium draws boxes.
const FONT: &str = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf";

/// Chromium, its driver and a font.
pub fn ensure_chromium() -> Result<()> {
    let missing = missing();
    if missing.is_empty() {
        return Ok(());
    }
    apt_install(&missing, "Or point CHROMIUM and CHROMEDRIVER at a Chromium and the driver of its version.")?;
    let missing = self::missing();
    ensure!(missing.is_empty(), "still missing: {}. Do CHROMIUM and CHROMEDRIVER name programs?", missing.join(", "));
    Ok(())
}

/// Redis. The tests start their own; a service that the package may start is not theirs.
pub fn ensure_redis() -> Result<()> {
    let is_there = || program("FOOLSCAP_REDIS_SERVER", "redis-server").is_some();
    if is_there() {
        return Ok(());
    }
    apt_install(&["redis-server"], "Or point FOOLSCAP_REDIS_SERVER at a redis-server.")?;
    ensure!(is_there(), "redis-server is still missing. Does FOOLSCAP_REDIS_SERVER name a program?");
    Ok(())
}

/// nginx. Whoever measures against it starts their own.
pub fn ensure_nginx() -> Result<()> {
    if !nginx().is_file() {
        apt_install(&["nginx-light"], "Or point FOOLSCAP_NGINX at an nginx.")?;
    }
    ensure!(nginx().is_file(), "nginx is still missing. Does FOOLSCAP_NGINX name a program?");
    Ok(())
}

/// The program; it is not on everybody's path.
pub fn nginx() -> PathBuf {
    program("FOOLSCAP_NGINX", "nginx").unwrap_or_else(|| PathBuf::from("/usr/sbin/nginx"))
}

/// The packages whose files are not there.
fn missing() -> Vec<&'static str> {
    let present = [
        ("chromium", program("CHROMIUM", "chromium").is_some()),
        ("chromium-driver", program("CHROMEDRIVER", "chromedriver").is_some()),
        ("fonts-dejavu-core", Path::new(FONT).exists() || env::var_os("CHROMIUM").is_some()),
    ];
    present.into_iter().filter(|(_, present)| !present).map(|(package, _)| package).collect()
}

/// A program named by an environment variable, or else found on `PATH`.
pub fn program(variable: &str, name: &str) -> Option<PathBuf> {
    match env::var_os(variable) {
        Some(path) => Some(PathBuf::from(path)).filter(|path| path.is_file()),
        None => on_path(name),
    }
}

/// Installs packages where we have the right to; otherwise says what to install, and stops.
fn apt_install(packages: &[&str], otherwise: &str) -> Result<()> {
    let list = packages.join(" ");
    let Some(prefix) = apt_get() else {
        bail!(
            "missing: {list}, and no right to install it. Install it as root, then run this again:\n\
             \n    apt-get update && apt-get install --no-install-recommends {list}\n\n{otherwise}"
        );
    };
    install(&format!("{list} from Debian"), || {
        let apt_get = |arguments: &[&str]| {
            let mut words = prefix.iter().copied().chain(["apt-get", "-qq"]).chain(arguments.iter().copied());
            let mut command = Command::new(words.next().unwrap_or_default());
            command.args(words).env("DEBIAN_FRONTEND", "noninteractive").stdout(std::io::stderr());
            command
        };
        run(&mut apt_get(&["update"]))?;
        let mut arguments = vec!["install", "-y", "--no-install-recommends"];
        arguments.extend(packages);
        run(&mut apt_get(&arguments))
    })
}

/// The words in front of `apt-get`, or nothing where it is not ours to run.
fn apt_get() -> Option<Vec<&'static str>> {
    on_path("apt-get")?;
    if probe(Command::new("id").arg("-u")).as_deref() == Some("0") {
        return Some(vec![]);
    }
    probe(Command::new("sudo").args(["--non-interactive", "true"])).map(|_| vec!["sudo", "--non-interactive"])
}
