//! How soon the page can be used, beside the same page with an app that does nothing, and what a tick
//! of the market costs while it is in use.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::figure::{Bar, Figure};
use super::script;
use crate::build;
use crate::step::{run, step};
use crate::tools::Toolbox;
use crate::workspace::Workspace;

/// Times to the first use, cold and offline, and their ratios; milliseconds of script for a tick.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    let args = build::Args { dev: false, public_url: "/".into() };
    build::app(workspace, tools, &args)?;
    let empty = workspace.target.join("bench-page");
    step("build the same page with an empty app", || build_empty(workspace, tools, &empty))?;
    let server = build::server(workspace, tools, false)?;
    let coingecko = build_coingecko(workspace, tools)?;
    let paths = [workspace.path("dist"), empty, server, coingecko];
    let paths = paths.map(|path| path.to_string_lossy().into_owned());
    let told = step("load both, then tick", || {
        script(workspace, tools, "bench-page.mjs", &paths.each_ref().map(String::as_str))
    })?;

    let mut figures = Vec::new();
    for way in ["cold", "offline"] {
        let ms = |page: &str, key: &str| {
            let found = told.iter().find(|figure| figure["case"] == way && figure["page"] == page);
            found.and_then(|figure| figure[key].as_f64()).unwrap_or(f64::NAN)
        };
        let (ours, floor, empty) = (ms("ours", "ms"), ms("ours", "floor"), ms("empty", "ms"));
        figures.push(Figure::told(format!("page.{way}.usable"), ours, "ms"));
        // The program could begin and the store has answered: what an app of this size costs before it does anything.
        figures.push(Figure::told(format!("page.{way}.floor"), floor, "ms"));
        figures.push(Figure::told(format!("page.{way}.empty_app"), empty, "ms"));
        figures.push(Figure::told(format!("page.{way}.of_empty_app"), ours / empty, "ratio").held_to(Bar::AtMost(1.3)));
    }
    let ticks: Vec<&Value> = told.iter().filter(|figure| figure["case"] == "tick").collect();
    ensure!(!ticks.is_empty(), "no tick was seen");
    let middle = |key: &str| {
        let mut values: Vec<f64> = ticks.iter().filter_map(|tick| tick[key].as_f64()).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    };
    figures.push(Figure::told("page.tick.cells", middle("cells"), "cells").held_to(Bar::AtLeast(200.0)));
    figures.push(Figure::told("page.tick.script", middle("ms"), "ms").held_to(Bar::AtMost(8.0)));
    Ok(figures)
}

/// The stand-in for the price source. Returns its program.
fn build_coingecko(workspace: &Workspace, tools: &Toolbox) -> Result<PathBuf> {
    step("build the stand-in CoinGecko", || {
        run(tools.command("cargo").current_dir(&workspace.root).args([
            "build",
            "--locked",
            "--package=tests",
            "--bin=coingecko",
        ]))
    })?;
    Ok(workspace.built("debug", "coingecko"))
}

/// Foolscap's own page, with another program in it.
fn build_empty(workspace: &Workspace, tools: &Toolbox, dist: &Path) -> Result<()> {
    let page = fs::read_to_string(workspace.path("index.html")).context("index.html")?;
    // It has nothing to begin early.
    const BEGIN: &str = r#"<script data-trunk src="frontend/begin/begin.js"></script>"#;
    ensure!(page.contains(BEGIN), "index.html names its first script in another way than it did");
    // Trunk takes files relative to the page only.
    let empty = page
        .replace(BEGIN, "")
        .replace("href=\"frontend/Cargo.toml\"", "href=\"Cargo.toml\"")
        .replace("=\"frontend/", "=\"../../frontend/");
    ensure!(empty.contains("href=\"Cargo.toml\""), "index.html names its program in another way than it did");
    let path = workspace.path("benches/empty/index.html");
    fs::write(&path, empty).with_context(|| path.display().to_string())?;
    let mut trunk = tools.release_command("trunk");
    trunk.current_dir(&workspace.root).arg("build").arg(path).arg("--dist").arg(dist);
    run(trunk.env_remove("NO_COLOR").env("CARGO_TARGET_DIR", &workspace.target))
}
