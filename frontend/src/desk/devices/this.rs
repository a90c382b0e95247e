//! This device: an id of its own making, and what its owner calls it.

use crate::io::preferences::{self, Preference};
use crate::io::random;

/// The id by which the server tells this device from others: the same in all tabs of this browser.
pub fn id() -> String {
    preferences::get(Preference::Device).filter(|id| !id.is_empty()).unwrap_or_else(|| {
        // Without chance, and so without an account of its own, any name will do.
        let id = random::device_id().unwrap_or_else(|_| "device".to_owned());
        preferences::set(Preference::Device, Some(&id));
        id
    })
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
