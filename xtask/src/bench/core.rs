//! How many trades a second the core simulates and keeps, natively and in Chromium, beside a bare
//! loop over decimals in the same run: the ceiling of any ledger in this type.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::{figures, script};
use crate::step::{output, run, step};
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// Trades in a round.
const TRADES: &str = "50000";

/// A figure for each case and place: trades a second, the best of several rounds.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Value>> {
    step("build the loops", || {
        let root = &workspace.root;
        run(tools.command("cargo").current_dir(root).args(["build", "--locked", "--package=benches", "--release"]))?;
        let wasm =
            ["build", "--locked", "--package=benches", "--lib", "--profile=wasm", "--target=wasm32-unknown-unknown"];
        run(tools.wasm_command("cargo").current_dir(root).args(wasm))
    })?;
    let bundle = workspace.target.join("bench-core");
    step("bundle the loops for Chromium", || bundle_wasm(workspace, tools, &bundle))?;

    // One core, so that neither the kernel's moves nor a neighbour's work counts as ours.
    let mut native = tools.command("taskset");
    native.args(["--cpu-list", "0"]).arg(workspace.built("release", "benches")).arg(TRADES);
    let native = step("run natively", || figures(&output(&mut native)?))?;
    let folder = bundle.to_string_lossy();
    let chromium = step("run in Chromium", || script(workspace, tools, "bench-core.mjs", &[&folder, TRADES]))?;

    let named = |place: &str, mut figures: Vec<Value>| {
        for figure in &mut figures {
            let rate = figure["trades"].as_f64().unwrap_or(f64::NAN) / figure["seconds"].as_f64().unwrap_or(f64::NAN);
            figure["place"] = json!(place);
            figure["per_second"] = json!(rate.round());
        }
        figures
    };
    Ok([named("native", native), named("chromium", chromium)].concat())
}

/// The loops as the app would carry them: through wasm-bindgen and wasm-opt.
fn bundle_wasm(workspace: &Workspace, tools: &Toolbox, bundle: &Path) -> Result<()> {
    let wasm = workspace.target.join("wasm32-unknown-unknown/wasm/benches.wasm");
    run(tools.command("wasm-bindgen").args(["--target=web", "--no-typescript", "--out-dir"]).arg(bundle).arg(wasm))?;
    let module = bundle.join("benches_bg.wasm");
    run(tools.command("wasm-opt").arg("-Oz").arg(&module).arg("--output").arg(&module))
}

/// A row for each case: both places, their ratio, and the share of the ceiling.
pub fn show(figures: &[Value]) {
    let mut rates: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    let mut cases: Vec<&str> = Vec::new();
    for figure in figures {
        let (Some(case), Some(place)) = (figure["case"].as_str(), figure["place"].as_str()) else { continue };
        rates.insert((case, place), figure["per_second"].as_f64().unwrap_or(f64::NAN));
        if !cases.contains(&case) {
            cases.push(case);
        }
    }
    let rate = |case, place| rates.get(&(case, place)).copied().unwrap_or(f64::NAN);
    println!("{:<20}{:>14}{:>14}{:>9}{:>12}", "trades a second", "native", "Chromium", "ratio", "of ceiling");
    for case in &cases {
        let (native, chromium) = (rate(case, "native"), rate(case, "chromium"));
        let ceiling = rate(cases[0], "native");
        println!("{case:<20}{native:>14.0}{chromium:>14.0}{:>9.2}{:>12.2}", chromium / native, native / ceiling);
    }
}
