//! What gas strategies save against others': see `benches/src/savings.rs`, which says what is recorded and what is
//! modelled.

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::lines;
use crate::step::{output, step};
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// What the figures are held to. Whatever they are, all are shown.
const BARS: [(&str, Bar); 2] =
    [("recorded.balanced.alloy", Bar::AtLeast(0.0)), ("recorded.cost_efficient.alloy", Bar::AtLeast(8.0))];

/// Percent saved, with its interval, where it comes from, what was missed and how long it took.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    let mut bench = tools.command("cargo");
    bench.current_dir(&workspace.root).args(["run", "--locked", "--package=benches", "--bin=savings"]);
    let told = step("replay blocks", || lines(&output(&mut bench)?))?;
    let mut figures = vec![];
    for row in told {
        let word = |name: &str| row[name].as_str().unwrap_or_default().replace(' ', "_");
        let number = |name: &str| row[name].as_f64().unwrap_or(f64::NAN);
        let name = format!("{}.{}.{}", word("regime"), word("strategy"), word("baseline"));
        let saved = Figure::told(format!("savings.{name}"), number("saved"), "%");
        figures.push(match BARS.iter().find(|(held, _)| *held == name) {
            Some((_, bar)) => saved.held_to(*bar),
            None => saved,
        });
        for (what, unit) in [
            ("low", "%"),
            ("high", "%"),
            ("by_tip", "%"),
            ("by_waiting", "%"),
            ("missed", "%"),
            ("waited", "blocks"),
            ("baseline_waited", "blocks"),
        ] {
            figures.push(Figure::told(format!("savings.{name}.{what}"), number(what), unit));
        }
    }
    Ok(figures)
}
