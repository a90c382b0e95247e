//! Puts the built app into the binary.
//!
//! Every file of `dist/` (or of the folder that `FOOLSCAP_DIST` names) is taken as it is, and once
//! more compressed by brotli and by gzip where that makes it smaller. Types, tags and cache rules
//! are decided here too, so the server only looks things up. Without a `dist/` the table is empty
//! and the server says how to build the app.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

/// Smaller files stay as they are: a header costs as much.
const WORTH_COMPRESSING: usize = 256;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FOOLSCAP_DIST");
    let dist = match env::var_os("FOOLSCAP_DIST") {
        Some(folder) => PathBuf::from(folder),
        None => {
            let dist = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("no manifest folder")?).join("../dist");
            // Cargo runs a build script every time when what it watches does not exist; an empty
            // folder is something to watch. A read-only checkout merely loses the shortcut.
            let _ = fs::create_dir(&dist);
            dist
        }
    };
    println!("cargo::rerun-if-changed={}", dist.display());

    let out = PathBuf::from(env::var_os("OUT_DIR").context("no output folder")?);
    let release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let mut table = String::from("&[\n");
    for (path, file) in files(&dist)? {
        let raw = fs::read(&file).with_context(|| file.display().to_string())?;
        let tag = hex(&Sha256::digest(&raw)[..12]);
        let kept = |suffix: &str| out.join(format!("{tag}{suffix}"));
        fs::write(kept(""), &raw)?;
        let small = |suffix: &str, bytes: Vec<u8>| -> Result<String> {
            if bytes.len() >= raw.len() {
                return Ok("None".into());
            }
            fs::write(kept(suffix), bytes)?;
            Ok(format!("Some(include_bytes!({:?}))", kept(suffix)))
        };
        let (mut br, mut gz) = ("None".to_owned(), "None".to_owned());
        if raw.len() >= WORTH_COMPRESSING {
            br = small(".br", brotli_of(&raw, release)?)?;
            gz = small(".gz", gzip_of(&raw, release)?)?;
        }
        writeln!(
            table,
            "    Asset {{ path: {path:?}, content_type: {:?}, tag: {tag:?}, immutable: {}, raw: include_bytes!({:?}), br: {br}, gz: {gz} }},",
            content_type(&path),
            is_hashed(&path),
            kept(""),
        )?;
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// The files below a folder by their URL path, sorted for the server's binary search.
fn files(folder: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut found = BTreeMap::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder_now) = open.pop() {
        let Ok(entries) = fs::read_dir(&folder_now) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            // Trunk works in hidden folders of its own before it moves the result into place.
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else {
                let relative = path.strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
                found.insert(format!("/{relative}"), path);
            }
        }
    }
    Ok(found)
}

/// Whether a name carries a hash of its content: then it may be kept for ever.
fn is_hashed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.split(['-', '.', '_'])
        .any(|part| part.len() >= 12 && part.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "webmanifest" => "application/manifest+json",
        "json" | "map" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The best brotli there is for a release; a quick one while developing.
fn brotli_of(raw: &[u8], release: bool) -> Result<Vec<u8>> {
    let mut params = brotli::enc::BrotliEncoderParams { quality: if release { 11 } else { 4 }, ..Default::default() };
    params.size_hint = raw.len();
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &*raw, &mut out, &params)?;
    Ok(out)
}

fn gzip_of(raw: &[u8], release: bool) -> Result<Vec<u8>> {
    let level = flate2::Compression::new(if release { 9 } else { 4 });
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
    encoder.write_all(raw)?;
    Ok(encoder.finish()?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
