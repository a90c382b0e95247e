//! What Lighthouse makes of the app as the real server serves it: the median of five looks, on a phone
//! it slows down and on a desktop.

use anyhow::Result;

use super::figure::{Bar, Figure};
use super::script;
use crate::build;
use crate::tools::{Need, Toolbox};
use crate::workspace::Workspace;

/// How often it looks. Odd, so that there is a median.
const ROUNDS: &str = "5";

/// Performance, accessibility, best practices and SEO, in points of a hundred.
pub fn measure(workspace: &Workspace, tools: &Toolbox) -> Result<Vec<Figure>> {
    // It is large, and nothing else takes it.
    Toolbox::with(workspace, &[Need::Packages("xtask/lighthouse")])?;
    let server = build::everything(workspace, tools, &build::Args { dev: false, public_url: "/".into() })?;
    let scores = script(workspace, tools, "bench-lighthouse.mjs", &[&server.to_string_lossy(), ROUNDS])?;
    let figure = |score: &serde_json::Value| {
        let text = |key: &str| score[key].as_str().unwrap_or_default().to_owned();
        let (form, category) = (text("form"), text("category"));
        let least = match (form.as_str(), category.as_str()) {
            ("mobile", "performance") => 95.0,
            ("desktop", "performance") => 99.0,
            _ => 100.0,
        };
        let median = score["median"].as_f64().unwrap_or(f64::NAN);
        Figure::told(format!("lighthouse.{form}.{category}"), median, "points").held_to(Bar::AtLeast(least))
    };
    Ok(scores.iter().map(figure).collect())
}
