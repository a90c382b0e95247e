//! Puts the app's two halves where Trunk put one: the first under the app's name, the later one beside it, and
//! what fetches it into the app's script.
//!
//! What is in which half was recorded, not guessed: `cargo xtask record` goes through a first visit up to the
//! first trades, and writes down which functions had no part in it. They come later. A function that is not
//! written down, because it is new or has another name now, comes at once.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha384};

use crate::hex::hex;
use crate::split::{self, HIT, Halves, Text, WAIT, Which};
use crate::stage::attribute;

/// In the environment of a build that is made to be recorded.
pub const RECORD: &str = "FOOLSCAP_RECORD";
/// The names of an instrumented build's functions: a list of index and name.
pub const NAMES: &str = "names.json";
/// What was recorded: hashes of names, in order.
pub const SELDOM: &str = "frontend/later/seldom.txt";
/// The recording this program was built with.
const RECORDED: &str = include_str!("../../frontend/later/seldom.txt");
/// What comes with what reads it: the long list of tokens, and the words that are marked (`frontend/src/later.rs`).
const TEXTS: [Text<'_>; 2] = [
    Text { which: Which::One(include_bytes!("../../shared/data/listed.tsv")), reader: "::token::read_list" },
    Text { which: Which::Between("\u{e000}", "\u{e001}"), reader: "::later::told" },
];
/// Rooms that nobody enters before the whole app is here, whatever was recorded: what their functions' names begin
/// with. They see to it themselves (`io/build`, `is_whole`).
const WAITS: [&str; 8] = [
    "frontend::desk::devices::courier::",
    "frontend::desk::devices::links::",
    "frontend::desk::devices::parting::",
    "frontend::desk::devices::room::",
    "frontend::desk::devices::this::",
    "frontend::desk::devices::turns::",
    "frontend::desk::devices::begin",
    "frontend::io::accounts::",
];
/// What is of such a room, and called in the first half all the same.
const CALLED: &str = "frontend::desk::devices::begin_when_quiet";
/// The page's side of it.
const SCRIPT: &str = include_str!("../../frontend/later/later.js");
/// Where wasm-bindgen's script lists what the app imports.
const IMPORTS: &str = "const import0 = {\n        __proto__: null,";
/// How it offers what starts the app, and what our script puts there.
const START: [&str; 2] = ["__wbg_init as default", "begin as default"];
/// The script that begins to compile the halves, in the page. A page without it (the empty one that ours is
/// measured against) comes whole.
pub const BEGIN: &str = "/begin-";

/// Cuts the app in `staged`, and returns the page with its new names.
pub fn stage(html: &str, staged: &Path, base: &str) -> Result<String> {
    let app = Staged::find(staged)?;
    let seldom: BTreeSet<&str> = RECORDED.split_whitespace().collect();
    let is_later = |name: &str| {
        let plain = plain(name);
        let is_reader = TEXTS.iter().any(|text| plain.ends_with(text.reader));
        seldom.contains(&*hash(name)) || is_reader || waits(&plain)
    };
    let Halves { first, later } = split::split(&fs::read(app.module())?, is_later, &TEXTS)?;
    let mut script = fs::read_to_string(app.script())?;
    let mut file = None;
    if let Some(later) = later {
        let name = format!("{}-{}_later.wasm", app.stem()?, short(&[&later]));
        script = importing(&script, &format!("{WAIT},"))?;
        ensure!(script.matches(START[0]).count() == 1, "wasm-bindgen starts the app in another way than it did");
        script = script.replace(START[0], START[1]) + &SCRIPT.replace("%LATER%", &name);
        fs::write(staged.join(&name), later)?;
        file = Some(name);
    }
    // The name says what is in the file, and that is not what Trunk named.
    let name = format!("{}-{}", app.stem()?, short(&[&first, script.as_bytes()]));
    let new = Staged { name, ..app.clone() };
    fs::remove_file(app.module())?;
    fs::remove_file(app.script())?;
    fs::write(new.module(), first)?;
    fs::write(new.script(), script)?;
    let html = html.replace(&app.name, &new.name);
    match file {
        Some(later) => tell(&html, &format!("{base}{}_bg.wasm", new.name), &format!("{base}{later}")),
        None => Ok(html),
    }
}

/// Tells the script that begins to compile the halves where they lie. What the page asks for in advance stands
/// before it: a script that asks first has it fetched twice.
fn tell(html: &str, first: &str, later: &str) -> Result<String> {
    let is_advance = |piece: &&str| attribute(piece, "href") == Some(first);
    let (advance, html) = match html.split_inclusive('>').find(is_advance) {
        Some(piece) => (piece, html.replacen(piece, "", 1)),
        None => ("", html.to_owned()),
    };
    let is_it = |piece: &&str| attribute(piece, "src").is_some_and(|src| src.contains(BEGIN));
    let piece = html.split_inclusive('>').find(is_it).context("the page has no script that begins")?;
    let told = piece.replacen("<script", &format!("{advance}<script data-app=\"{first}\" data-later=\"{later}\""), 1);
    Ok(html.replacen(piece, &told, 1))
}

/// Makes the app in `staged` tell which of its functions are called: `hits` in the page holds their indices.
pub fn instrument(staged: &Path) -> Result<()> {
    let app = Staged::find(staged)?;
    let (module, names) = split::instrument(&fs::read(app.module())?)?;
    let hit = format!("{HIT}: (index) => (globalThis.hits ??= new Set()).add(index),");
    let script = importing(&fs::read_to_string(app.script())?, &hit)?;
    fs::write(app.module(), module)?;
    fs::write(app.script(), script)?;
    let names: Vec<_> = names.into_iter().collect();
    fs::write(staged.join(NAMES), serde_json::to_vec(&names)?).context("names")
}

/// What stands for a function's name in the recording: short, and the same whatever its crates' hashes are.
pub fn hash(name: &str) -> String {
    hex(&Sha384::digest(plain(name))[..4])
}

/// The app as Trunk stages it.
#[derive(Clone)]
struct Staged {
    folder: PathBuf,
    /// What the names of its files begin with: the program and a hash.
    name: String,
}

impl Staged {
    fn find(folder: &Path) -> Result<Staged> {
        let name = |file: fs::DirEntry| Some(file.file_name().to_str()?.strip_suffix("_bg.wasm")?.to_owned());
        let found = fs::read_dir(folder)?.flatten().find_map(name).context("Trunk staged no app")?;
        Ok(Staged { folder: folder.to_owned(), name: found })
    }

    fn module(&self) -> PathBuf {
        self.folder.join(format!("{}_bg.wasm", self.name))
    }

    fn script(&self) -> PathBuf {
        self.folder.join(format!("{}.js", self.name))
    }

    /// The program's name.
    fn stem(&self) -> Result<&str> {
        Ok(self.name.rsplit_once('-').with_context(|| format!("{} has no hash", self.name))?.0)
    }
}

/// wasm-bindgen's script with an import more.
fn importing(script: &str, import: &str) -> Result<String> {
    ensure!(script.matches(IMPORTS).count() == 1, "wasm-bindgen lists imports in another way than it did");
    Ok(script.replace(IMPORTS, &format!("{IMPORTS}\n        {import}")))
}

/// A hash as file names have it.
fn short(parts: &[&[u8]]) -> String {
    let mut digest = Sha384::new();
    parts.iter().for_each(|part| digest.update(part));
    hex(&digest.finalize()[..8])
}

/// Whether a function of this name is in a room that waits for the whole app.
fn waits(plain: &str) -> bool {
    WAITS.iter().any(|room| plain.starts_with(room)) && !plain.starts_with(CALLED)
}

/// A function's name without its crates' hashes: `app[0123456789abcdef]::main` is `app::main`.
fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut rest = name;
    while let Some((before, after)) = rest.split_once('[') {
        plain.push_str(before);
        rest = match after.split_once(']') {
            Some((hash, after)) if hash.len() > 12 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => after,
            _ => {
                plain.push('[');
                after
            }
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_that_begins_is_told_where_the_halves_lie() {
        let page = r#"<head><script src="/desk/begin-1.js" integrity="x"></script><link href="/desk/app.wasm" as="fetch"></head>"#;
        assert_eq!(
            tell(page, "/desk/app.wasm", "/desk/later.wasm").unwrap(),
            r#"<head><link href="/desk/app.wasm" as="fetch"><script data-app="/desk/app.wasm" data-later="/desk/later.wasm" src="/desk/begin-1.js" integrity="x"></script></head>"#
        );
        assert!(tell("<head></head>", "a", "b").is_err());
    }

    #[test]
    fn a_name_is_known_again_when_its_crates_are_compiled_anew() {
        let name = |hash: &str| format!("<app[{hash}]::Page as core[0a1b2c3d4e5f6071]::Show<[u8; 4]>>::show");
        assert_eq!(plain(&name("fe892777ba2fc73a")), "<app::Page as core::Show<[u8; 4]>>::show");
        assert_eq!(hash(&name("fe892777ba2fc73a")), hash(&name("012345689abcdef")));
        assert_ne!(hash("app::main"), hash("app::page"));
    }

    #[test]
    fn rooms_that_wait_are_known_by_the_beginning_of_a_name_alone() {
        for (name, is_later) in [
            ("frontend::desk::devices::courier::fly::{closure#0}", true),
            ("frontend::desk::devices::begin", true),
            ("frontend::desk::devices::begin_when_quiet", false),
            ("frontend::desk::devices::tell", false),
            ("core::ptr::drop_in_place::<frontend::desk::devices::courier::Courier>", false),
            ("<frontend::desk::devices::courier::Courier as core::default::Default>::default", false),
        ] {
            assert_eq!(waits(name), is_later, "{name}");
        }
    }
}
