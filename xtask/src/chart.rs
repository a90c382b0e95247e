//! Puts the chart beside the app: two hashed files that a page loads when a chart comes into view.
//!
//! The library comes from npm as locked in `frontend/chart`; `chart.js` there is ours, and imports it by a
//! name without a hash. Both are copied under hashed names, and the page is told where the chart is by a
//! `<meta>`: the app asks for it by that, and the first load without a chart carries neither.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha384};

use crate::hex::hex;

/// The library's own file, in `frontend/chart`.
const LIBRARY: &str = "node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.mjs";
/// The name by which ours imports it.
const IMPORTED: &str = "./lightweight-charts.js";

/// Copies the chart from `source` into the staged files, and tells the page.
pub fn stage(html: &str, source: &Path, staged: &Path, base: &str) -> Result<String> {
    let read = |name: &str| fs::read_to_string(source.join(name)).with_context(|| format!("the chart's {name}"));
    let library = read(LIBRARY)?;
    let library_name = hashed("lightweight-charts", &library);
    let ours = aimed(&read("chart.js")?, &library_name)?;
    let name = hashed("chart", &ours);
    fs::write(staged.join(library_name), library)?;
    fs::write(staged.join(&name), ours)?;
    tell(html, &format!("{base}{name}"))
}

/// Our file, importing the library by the name it is served under.
fn aimed(ours: &str, library: &str) -> Result<String> {
    ensure!(ours.matches(IMPORTED).count() == 1, "chart.js imports {IMPORTED} once");
    Ok(ours.replace(IMPORTED, &format!("./{library}")))
}

/// Where the page has been told before, it is told anew.
fn tell(html: &str, url: &str) -> Result<String> {
    const META: &str = r#"<meta name="foolscap-chart" content=""#;
    let before = html.split_once(META).and_then(|(head, rest)| Some((head, rest.split_once('>')?.1)));
    let untold = before.map_or_else(|| html.to_owned(), |(head, rest)| [head, rest].concat());
    let (head, rest) = untold.split_once("</head>").context("index.html has no </head>")?;
    Ok(format!("{head}{META}{url}\"></head>{rest}"))
}

fn hashed(name: &str, content: &str) -> String {
    let digest = Sha384::digest(content.as_bytes());
    format!("{name}-{}.js", hex(&digest[..8]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_names_the_chart_and_the_chart_names_the_library() {
        assert_eq!(
            tell("<head><title>t</title></head><body></body>", "/app/chart-1.js").unwrap(),
            r#"<head><title>t</title><meta name="foolscap-chart" content="/app/chart-1.js"></head><body></body>"#
        );
        let once = tell("<head></head>", "/chart-1.js").unwrap();
        assert_eq!(tell(&once, "/chart-2.js").unwrap(), tell("<head></head>", "/chart-2.js").unwrap());
        let ours = aimed("import { a } from './lightweight-charts.js';", "lightweight-charts-0a.js").unwrap();
        assert_eq!(ours, "import { a } from './lightweight-charts-0a.js';");
        assert!(aimed("import './else.js';", "x.js").is_err());
        assert_ne!(hashed("chart", "a"), hashed("chart", "b"));
    }
}
