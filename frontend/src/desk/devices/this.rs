//! This device: an id of its own making, and what its owner calls it.

use std::cell::RefCell;

use crate::io::journal::Journals;
use crate::io::preferences::{self, Preference};
use crate::io::random;

/// Under this name the id lies in the store.
const KEPT: &str = "device";

thread_local! {
    /// The id, once it is settled.
    static ID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// The id by which the server tells this device from others: the same in all tabs of this browser. Empty, and so
/// nobody's, before it is settled.
pub fn id() -> String {
    ID.with_borrow(Clone::clone)
}

/// Settles which id this device has: that of the store, or else a new one, on the disk before any server hears of it.
/// A browser writes its small choices down when it likes; one that was killed before would come back as another
/// device, and wait for the lease of the one it was.
pub async fn settle(journals: &Journals) {
    if !id().is_empty() {
        return;
    }
    let chosen = preferences::get(Preference::Device).filter(|id| !id.is_empty());
    let id = match journals.cached(KEPT).await.ok().flatten() {
        Some(kept) => kept,
        None => {
            // Without chance, and so without an account of its own, any name will do.
            let id = chosen.clone().or_else(|| random::device_id().ok()).unwrap_or_else(|| "device".to_owned());
            // Other tabs see this one at once. What the store does not take holds for as long as the choice does.
            preferences::set(Preference::Device, Some(&id));
            let _ = journals.cache(KEPT, &id).await;
            id
        }
    };
    if chosen.is_some_and(|chosen| chosen != id) {
        preferences::set(Preference::Device, Some(&id));
    }
    ID.set(id);
}

/// What it is called.
pub fn name() -> String {
    preferences::get(Preference::DeviceName).unwrap_or_else(|| {
        let agent = web_sys::window().and_then(|window| window.navigator().user_agent().ok());
        guess(&agent.unwrap_or_default())
    })
}

/// Calls it something else; nothing for what it would be called by itself.
pub fn rename(name: &str) {
    let name: String = name.trim().chars().take(64).collect();
    preferences::set(Preference::DeviceName, (!name.is_empty()).then_some(&*name));
}

/// `Firefox on Linux`: the first of these words that a browser says of itself.
fn guess(agent: &str) -> String {
    const BROWSERS: [(&str, &str); 6] = [
        ("Edg", "Edge"),
        ("OPR/", "Opera"),
        ("Firefox/", "Firefox"),
        ("FxiOS/", "Firefox"),
        ("Chrom", "Chromium"),
        ("Safari/", "Safari"),
    ];
    const SYSTEMS: [(&str, &str); 6] = [
        ("Android", "Android"),
        ("iPhone", "iPhone"),
        ("iPad", "iPad"),
        ("Windows", "Windows"),
        ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ];
    let find =
        |words: &[(&str, &'static str)]| words.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name);
    match (find(&BROWSERS), find(&SYSTEMS)) {
        (Some(browser), Some(system)) => [browser, " on ", system].concat(),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => "A browser".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_after_its_browser_and_its_system() {
        let agents = [
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0 Safari/537.36",
                "Chromium on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/148.0 Safari/537.36 Edg/148.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/148.0 Mobile Safari/537.36",
                "Chromium on Android",
            ),
            ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox on macOS"),
            ("curl/8", "A browser"),
        ];
        for (agent, name) in agents {
            assert_eq!(guess(agent), name);
        }
    }
}
