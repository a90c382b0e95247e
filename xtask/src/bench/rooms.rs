//! Rooms: what a delivery costs beside a bare loop, Socket.IO and Django Channels, how long it takes, what a reader that
//! takes nothing does to the others, and what one costs that is told nothing: see `tests/src/bin/rooms/`.

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::lines;
use crate::build;
use crate::step::{output, run, step};
use crate::tools::{Need, Toolbox, python};
use crate::workspace::Workspace;

/// What the figures are held to.
const BARS: [(&str, Bar); 7] = [
    ("of_bare", Bar::AtMost(2.0)),
    ("p99_at_half_peak", Bar::AtMost(20.0)),
    ("stalled.of_without", Bar::AtMost(1.25)),
    ("stalled.closed_after", Bar::AtMost(10.0)),
    ("stalled.memory_grown", Bar::AtMost(2.0 * 1024.0)),
    ("idle.each", Bar::AtMost(10.0)),
    ("idle.left", Bar::AtMost(5.0)),
];

const UNITS: [&str; 8] = ["us", "messages/s", "ratio", "ms", "s", "KiB", "sockets", "%"];

/// Where the peers' programs are.
const PEERS: &str = "tests/peers";

/// CPU time for each delivery, times, memory.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    Toolbox::with(workspace, &[Need::Packages("tests/peers/socketio"), Need::Redis])?;
    let python = python::ensure(workspace, "python-channels", "tests/peers/channels")?;
    let foolscap = build::server(workspace, tools, false)?;
    step("build the readers", || {
        let arguments = ["build", "--locked", "--release", "--package=tests", "--bin=rooms"];
        run(tools.command("cargo").current_dir(&workspace.root).args(arguments))
    })?;
    // Servers on the first core, the readers on the second.
    let mut readers = tools.command("taskset");
    readers.args(["--cpu-list", "1"]).arg(workspace.built("release", "rooms")).arg("run");
    readers.arg("--foolscap").arg(foolscap).arg("--folder").arg(workspace.target.join("bench-rooms"));
    readers.arg("--peers").arg(workspace.path(PEERS)).arg("--python").arg(python);
    let told = step("read in rooms", || lines(&output(&mut readers)?))?;
    let figures = told.iter().map(|told| {
        let name = told["name"].as_str().unwrap_or_default();
        let unit = UNITS.into_iter().find(|unit| told["unit"] == *unit).unwrap_or_default();
        let figure = Figure::told(format!("rooms.{name}"), told["value"].as_f64().unwrap_or(f64::NAN), unit);
        match BARS.iter().find(|(held, _)| *held == name) {
            Some((_, bar)) => figure.held_to(*bar),
            None => figure,
        }
    });
    Ok(figures.collect())
}
