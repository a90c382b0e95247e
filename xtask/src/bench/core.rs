//! How many trades a second the core simulates and keeps, natively and in Chromium, beside a bare
//! loop over decimals in the same run: the ceiling of any ledger in this type.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::figure::{Bar, Figure};
use super::{lines, script};
use crate::step::{output, run, step};
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// Trades in a round.
const TRADES: &str = "50000";

/// Trades a second of each case in each place (the best of several rounds), and their ratios.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    step("build the loops", || {
        let root = &workspace.root;
        run(tools.command("cargo").current_dir(root).args(["build", "--locked", "--package=benches", "--release"]))?;
        let wasm =
            ["build", "--locked", "--package=benches", "--lib", "--profile=wasm", "--target=wasm32-unknown-unknown"];
        run(tools.release_command("cargo").current_dir(root).args(wasm))
    })?;
    let bundle = workspace.target.join("bench-core");
    step("bundle the loops for Chromium", || bundle_wasm(workspace, tools, &bundle))?;

    // One core, so that neither the kernel's moves nor a neighbour's work counts as ours.
    let mut native = tools.command("taskset");
    native.args(["--cpu-list", "0"]).arg(workspace.built("release", "benches")).arg(TRADES);
    let native = step("run natively", || lines(&output(&mut native)?))?;
    let folder = bundle.to_string_lossy();
    let chromium = step("run in Chromium", || script(workspace, tools, "bench-core.mjs", &[&folder, TRADES]))?;

    let (native, chromium) = (rates(&native), rates(&chromium));
    let rate = |rates: &[(String, f64)], case: &str| {
        rates.iter().find(|(name, _)| name == case).map_or(f64::NAN, |(_, rate)| *rate)
    };
    let mut figures = Vec::new();
    for (place, rates) in [("native", &native), ("chromium", &chromium)] {
        for (case, rate) in rates {
            let figure = Figure::told(format!("core.{case}.{place}"), rate.round(), "trades/s");
            figures.push(match BARS.iter().find(|(name, at, _)| name == case && *at == place) {
                Some((.., least)) => figure.held_to(Bar::AtLeast(*least)),
                None => figure,
            });
        }
    }
    for (case, native_rate) in &native {
        let ratio =
            Figure::told(format!("core.{case}.chromium_to_native"), rate(&chromium, case) / native_rate, "ratio");
        figures.push(if case == "simulate_apply" { ratio.held_to(Bar::AtLeast(0.4)) } else { ratio });
    }
    let ceiling = rate(&native, "bare_decimals");
    let share = rate(&native, "simulate_apply") / ceiling;
    figures.push(Figure::told("core.simulate_apply.of_bare_decimals", share, "ratio"));
    let share = rate(&native, "simulate_journal") / rate(&native, "hash_lines");
    figures.push(Figure::told("core.simulate_journal.of_hashing_alone", share, "ratio"));
    Ok(figures)
}

/// What the loops are held to, in trades a second.
const BARS: [(&str, &str, f64); 2] =
    [("simulate_apply", "native", 1_000_000.0), ("simulate_journal", "native", 400_000.0)];

/// Trades a second of each case.
fn rates(figures: &[Value]) -> Vec<(String, f64)> {
    let number = |figure: &Value, key: &str| figure[key].as_f64().unwrap_or(f64::NAN);
    figures
        .iter()
        .map(|figure| {
            let rate = number(figure, "trades") / number(figure, "seconds");
            (figure["case"].as_str().unwrap_or_default().to_owned(), rate)
        })
        .collect()
}

/// The loops as the app would carry them: through wasm-bindgen and wasm-opt.
fn bundle_wasm(workspace: &Workspace, tools: &Toolbox, bundle: &Path) -> Result<()> {
    let wasm = workspace.target.join("wasm32-unknown-unknown/wasm/benches.wasm");
    run(tools.command("wasm-bindgen").args(["--target=web", "--no-typescript", "--out-dir"]).arg(bundle).arg(wasm))?;
    let module = bundle.join("benches_bg.wasm");
    run(tools.command("wasm-opt").arg("-Oz").arg(&module).arg("--output").arg(&module))
}
