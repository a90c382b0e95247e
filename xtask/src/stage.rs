//! Makes Trunk's output fit our content security policy, and able to do without its server.
//!
//! Trunk starts the app by an inline script. Our policy allows none, and a hash in a header would
//! tie `dist/` to one server. So the script becomes a file, named by its content like every other
//! asset, and `dist/` is served by anything that serves files. The page learns the build's name and
//! where it is served; the service worker learns every file with its hash. Trunk calls this as a
//! hook, before it moves the staged files to `dist/`. On what is staged already it changes nothing
//! that did not change.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use sha2::{Digest as _, Sha384};

use crate::chart;
use crate::halves;
use crate::hex::hex;
use crate::workspace::Workspace;

/// Works on the folder Trunk has staged.
pub fn run(workspace: &Workspace) -> Result<()> {
    let staged = env::var_os("TRUNK_STAGING_DIR").context("`stage` is Trunk's to call: see Trunk.toml")?;
    let base = env::var("TRUNK_PUBLIC_URL").unwrap_or_else(|_| "/".into());
    let staged = PathBuf::from(staged);
    let page = staged.join(PAGE);
    let html = fs::read_to_string(&page).with_context(|| page.display().to_string())?;

    // A development build comes whole: nobody waits for it over a network.
    let is_release = env::var("TRUNK_PROFILE").is_ok_and(|profile| profile != "debug");
    let html = match env::var_os(halves::RECORD) {
        Some(_) => halves::instrument(&staged).map(|()| html)?,
        None if is_release && html.contains(halves::BEGIN) => halves::stage(&html, &staged, &base)?,
        None => html,
    };
    let Staged { html, scripts } = stage(&html, &base)?;
    for Script { name, body } in scripts {
        fs::write(staged.join(name), body)?;
    }
    let html = chart::stage(&html, &workspace.path("frontend/chart"), &staged, &base)?;
    let html = one_sheet(&html, &base, &staged)?;
    let html = refresh_integrity(&html.replace(BASE, &base), &base, &staged)?;
    refuse_inline(&html)?;

    let mut files = files(&staged)?;
    let build = build(&html, &files);
    let html = introduce(&html, &base, &build)?;
    files.insert(PAGE.to_owned(), integrity(html.as_bytes()));
    fs::write(&page, html)?;
    fs::write(staged.join(WORKER), worker(&build, &files)?)?;
    Ok(())
}

/// The page.
const PAGE: &str = "index.html";
/// In the page's source, for the path it is served below.
const BASE: &str = "%BASE%";
/// The service worker. It governs what lies beside and below it, so it stands beside the page.
const WORKER: &str = "sw.js";
/// Its source, with places for what only the build knows.
const WORKER_SOURCE: &str = include_str!("../../frontend/offline/worker.js");

/// Name and integrity of every staged file the app or its browser may ask for, other than the page.
fn files(staged: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut open = vec![staged.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(staged)?.to_string_lossy().replace('\\', "/");
            let is_apart = name == PAGE || name == WORKER || name.starts_with('.');
            if !is_apart && !name.ends_with(".txt") {
                found.insert(name, integrity(&fs::read(&path)?));
            }
        }
    }
    Ok(found)
}

/// The build's name: it changes with any byte of any file.
fn build(html: &str, files: &BTreeMap<String, String>) -> String {
    let mut digest = Sha384::new();
    digest.update(anonymous(html));
    digest.update(WORKER_SOURCE);
    for (name, integrity) in files {
        digest.update(format!("\n{name} {integrity}"));
    }
    hex(&digest.finalize()[..8])
}

const ROOT: &str = "<html lang=\"en\"";

/// The page without what [`introduce`] adds.
fn anonymous(html: &str) -> String {
    let Some(start) = html.find(ROOT).map(|at| at + ROOT.len()) else { return html.to_owned() };
    let end = html[start..].find('>').map_or(start, |at| start + at);
    format!("{}{}", &html[..start], &html[end..])
}

/// Tells the page what it is and where.
fn introduce(html: &str, base: &str, build: &str) -> Result<String> {
    let html = anonymous(html);
    ensure!(html.contains(ROOT), "index.html does not begin with {ROOT}>");
    Ok(html.replacen(ROOT, &format!("{ROOT} data-base=\"{base}\" data-build=\"{build}\""), 1))
}

/// The service worker of this build.
fn worker(build: &str, files: &BTreeMap<String, String>) -> Result<String> {
    let list: String =
        files.iter().map(|(name, integrity)| format!("\n  [{}, '{integrity}'],", quoted(name))).collect();
    let (before, after) = WORKER_SOURCE.split_once("/*%FILES%*/").context("worker.js has no place for its files")?;
    ensure!(before.contains("%BUILD%"), "worker.js has no place for its build");
    Ok(format!("{}{list}\n{after}", before.replace("%BUILD%", build)))
}

/// A text as JavaScript writes it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A page without inline scripts, and the files they became.
struct Staged {
    html: String,
    scripts: Vec<Script>,
}

/// A script that was inline.
struct Script {
    name: String,
    body: String,
}

/// Turns every inline script into a file.
fn stage(html: &str, base: &str) -> Result<Staged> {
    let mut staged = Staged { html: String::with_capacity(html.len()), scripts: Vec::new() };
    let mut rest = html;
    while let Some(start) = rest.find("<script") {
        let opening = start + rest[start..].find('>').context("a script tag without an end")? + 1;
        let closing = opening + rest[opening..].find("</script>").context("a script without an end")?;
        let (tag, body) = (&rest[start..opening], rest[opening..closing].trim());
        if body.is_empty() {
            staged.html.push_str(&rest[..closing]);
        } else {
            let body = format!("{body}\n");
            let digest = Sha384::digest(body.as_bytes());
            let name = format!("boot-{}.js", hex(&digest[..8]));
            let attributes = &tag["<script".len()..tag.len() - 1];
            staged.html.push_str(&rest[..start]);
            staged.html.push_str(&format!(
                r#"<script{attributes} src="{base}{name}" integrity="{}">"#,
                integrity(body.as_bytes())
            ));
            staged.scripts.push(Script { name, body });
        }
        rest = &rest[closing..];
    }
    staged.html.push_str(rest);
    Ok(staged)
}

/// Makes one style sheet of all, in their order: nothing is drawn before the last of them is there, and each is
/// a question to the server.
fn one_sheet(html: &str, base: &str, staged: &Path) -> Result<String> {
    let (mut styles, mut out) = (String::new(), String::with_capacity(html.len()));
    let mut place = None;
    for piece in html.split_inclusive('>') {
        let at = piece.rfind('<').unwrap_or(piece.len());
        let (before, tag) = piece.split_at(at);
        if attribute(tag, "rel") != Some("stylesheet") {
            out.push_str(piece);
            continue;
        }
        let url = attribute(tag, "href").context("a style sheet without an address")?;
        let file = staged.join(url.strip_prefix(base).with_context(|| format!("{url} is not ours"))?);
        styles.push_str(&fs::read_to_string(&file).with_context(|| file.display().to_string())?);
        styles.push('\n');
        fs::remove_file(file)?;
        out.push_str(before);
        place.get_or_insert(out.len());
    }
    if let Some(place) = place {
        let name = format!("style-{}.css", hex(&Sha384::digest(&styles)[..8]));
        let integrity = integrity(styles.as_bytes());
        out.insert_str(place, &format!(r#"<link rel="stylesheet" href="{base}{name}" integrity="{integrity}"/>"#));
        fs::write(staged.join(name), styles)?;
    }
    Ok(out)
}

/// Computes every `integrity` again from the staged files, so that none is older than a file's last
/// change. A preload of something to be fetched loses it: browsers ignore it there, and say so.
fn refresh_integrity(html: &str, base: &str, staged: &Path) -> Result<String> {
    let mut out = String::with_capacity(html.len());
    for piece in html.split_inclusive('>') {
        let Some(old) = attribute(piece, "integrity") else {
            out.push_str(piece);
            continue;
        };
        let url = attribute(piece, "src").or_else(|| attribute(piece, "href")).context("integrity of nothing")?;
        let file = url.strip_prefix(base).with_context(|| format!("{url} is not ours"))?;
        let content = fs::read(staged.join(file)).with_context(|| format!("{file}, named by the page"))?;
        if attribute(piece, "as") == Some("fetch") {
            out.push_str(&piece.replace(&format!(" integrity=\"{old}\""), ""));
        } else {
            out.push_str(&piece.replace(old, &integrity(&content)));
        }
    }
    Ok(out)
}

/// Fails where the page holds what the policy would block: found here, not in a user's console.
fn refuse_inline(html: &str) -> Result<()> {
    ensure!(!html.contains("<style"), "index.html has an inline <style>; the policy blocks it");
    for piece in html.split_inclusive('>') {
        let Some(tag) = piece.rfind('<').map(|start| &piece[start..]) else {
            continue;
        };
        if attribute(tag, "style").is_some() {
            bail!("index.html has a style attribute; the policy blocks it: {tag}");
        }
        if tag.contains(" on") && tag.split(' ').any(|word| word.starts_with("on") && word.contains("=\"")) {
            bail!("index.html has an inline event handler; the policy blocks it: {tag}");
        }
    }
    Ok(())
}

/// The value of an attribute of a tag, as Trunk writes them: in double quotes.
pub fn attribute<'a>(tag: &'a str, name: &str) -> Option<&'a str> {
    let start = tag.find(&format!(" {name}=\""))? + name.len() + 3;
    let end = start + tag[start..].find('"')?;
    Some(&tag[start..end])
}

/// The value of an `integrity` attribute (<https://www.w3.org/TR/SRI/>).
fn integrity(content: &[u8]) -> String {
    format!("sha384-{}", base64(&Sha384::digest(content)))
}

/// Base64 of 48 bytes, or of any number that three divides: no padding to think of.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes.chunks_exact(3).map(|group| u32::from_be_bytes([0, group[0], group[1], group[2]]));
    groups.flat_map(|group| [18, 12, 6, 0].map(|shift| char::from(DIGITS[(group >> shift) as usize & 63]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = r#"<head><link rel="modulepreload" href="/app.js" integrity="sha384-old"></head><body><script type="module">
import init from '/app.js';
await init();
</script><script src="/kept.js"></script></body>"#;

    #[test]
    fn an_inline_script_becomes_a_file_named_by_its_content() {
        let staged = stage(SAMPLE, "/").unwrap();
        let [script] = &staged.scripts[..] else { panic!("one script") };
        assert_eq!(script.body, "import init from '/app.js';\nawait init();\n");
        assert!(staged.html.contains(&format!(r#"<script type="module" src="/{}" integrity="sha384-"#, script.name)));
        assert!(staged.html.contains(r#"<script src="/kept.js"></script>"#));
        assert!(!staged.html.contains("await"));

        let other = stage(&SAMPLE.replace("await init", "await  init"), "/").unwrap();
        assert_ne!(other.scripts[0].name, script.name);
    }

    #[test]
    fn style_sheets_become_one_in_their_order() {
        let folder = env::temp_dir().join(format!("foolscap-sheet-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("a.css"), "p{color:red}").unwrap();
        fs::write(folder.join("b.css"), "p{color:blue}").unwrap();
        let page = r#"<head><link rel="stylesheet" href="/a.css" integrity="x"/><title>t</title><link rel="stylesheet" href="/b.css"/></head>"#;
        let html = one_sheet(page, "/", &folder).unwrap();
        let name = attribute(&html[html.find("<link").unwrap()..], "href").unwrap().to_owned();
        let styles = fs::read_to_string(folder.join(&name[1..])).unwrap();
        let left = fs::read_dir(&folder).unwrap().count();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((styles.as_str(), left), ("p{color:red}\np{color:blue}\n", 1));
        assert!(html.ends_with("<title>t</title></head>") && html.matches("stylesheet").count() == 1, "{html}");
        assert_eq!(one_sheet("<p>none</p>", "/", Path::new("/nowhere")).unwrap(), "<p>none</p>");
    }

    #[test]
    fn integrity_is_that_of_the_file_as_it_is_served() {
        let folder = env::temp_dir().join(format!("foolscap-stage-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("app.js"), "alert('Hello, world.');").unwrap();
        let html = refresh_integrity(SAMPLE, "/", &folder).unwrap();
        let preload = r#"<link rel="preload" href="/app.js" integrity="sha384-old" as="fetch">"#;
        let preloaded = refresh_integrity(preload, "/", &folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        // The example of the W3C's recommendation on subresource integrity.
        let expected = "sha384-H8BRh8j48O9oYatfu5AZzq6A9RINhZO5H16dQZngK7T62em8MUt1FLm52t+eX6xO";
        assert_eq!(html, SAMPLE.replace("sha384-old", expected));
        assert_eq!(preloaded, r#"<link rel="preload" href="/app.js" as="fetch">"#);
    }

    #[test]
    fn the_worker_holds_every_file_with_its_hash_and_the_page_knows_its_build() {
        let folder = env::temp_dir().join(format!("foolscap-worker-{}", std::process::id()));
        fs::create_dir_all(folder.join("charts")).unwrap();
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
        for name in ["app-1.js", "charts/lines-1.js", "icon.png", "robots.txt", "index.html", WORKER] {
            write(name, name);
        }
        let list = files(&folder).unwrap();
        write("charts/lines-1.js", "changed");
        let changed = files(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(list.keys().collect::<Vec<_>>(), ["app-1.js", "charts/lines-1.js", "icon.png"]);

        let page = "<!doctype html><html lang=\"en\"><p>Hello</p></html>";
        let name = build(page, &list);
        assert_ne!(build(page, &changed), name);
        assert_ne!(build(&page.replace("Hello", "Bye"), &list), name);
        let told = introduce(page, "/desk/", &name).unwrap();
        assert!(told.contains(&format!("<html lang=\"en\" data-base=\"/desk/\" data-build=\"{name}\"><p>")), "{told}");
        // What a page was told is no part of the build: staged twice it is the same.
        assert_eq!(build(&told, &list), name);
        assert_eq!(introduce(&told, "/desk/", &name).unwrap(), told);

        let worker = worker(&name, &list).unwrap();
        assert!(worker.contains(&format!("const BUILD = '{name}';")));
        let line = format!("['charts/lines-1.js', '{}'],", integrity(b"charts/lines-1.js"));
        assert!(worker.contains(&line) && !worker.contains('%'), "{worker}");
    }

    #[test]
    fn what_the_policy_blocks_is_refused() {
        for bad in ["<style>p{}</style>", r#"<p style="color:red">"#, r#"<body onload="f()">"#] {
            assert!(refuse_inline(bad).is_err(), "{bad}");
        }
        assert!(refuse_inline(r#"<link rel="stylesheet" href="/style-1.css"><p class="style">on="x"</p>"#).is_ok());
    }
}
