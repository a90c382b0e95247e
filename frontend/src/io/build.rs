//! What the page knows of its own build: its name, where it is served, and whether there is a newer one.
//!
//! `cargo xtask stage` writes the first two into the page; `offline/page.js` the last.

use web_sys::Element;

/// The event by which `offline/page.js` tells of a newer build.
pub const NEWER: &str = "foolscap-update";

/// The build's name.
pub fn name() -> String {
    of_page("data-build")
}

/// The path the app is served below, without its last slash: empty at a host's root.
pub fn base() -> String {
    let base = of_page("data-base");
    base.trim_end_matches('/').to_owned()
}

/// Whether a newer build is on this device, waiting for a reload.
pub fn has_newer() -> bool {
    !of_page("data-update").is_empty()
}

/// Whether the app is on this device whole, to be opened without its server.
pub fn is_kept() -> bool {
    !of_page("data-kept").is_empty()
}

/// Whether all of the app is here, and not its first half alone: `later/later.js` says when it is not.
pub fn is_whole() -> bool {
    of_page("data-half").is_empty()
}

/// Loads the page again; where there is a newer build, that one.
pub fn reload() {
    if let Some(window) = web_sys::window() {
        let _ = window.location().reload();
    }
}

fn of_page(attribute: &str) -> String {
    let root: Option<Element> = web_sys::window().and_then(|window| window.document()?.document_element());
    root.and_then(|root| root.get_attribute(attribute)).unwrap_or_default()
}
