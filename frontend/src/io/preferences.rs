//! Small choices of this device: theme, filter, the account last open. Losing them costs nothing, so a
//! browser that refuses to keep them is not worth a word.

/// A choice that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preference {
    /// `light`, `dark`, or absent for the system's.
    Theme,
    /// The id of the account last open.
    Account,
    /// The chain the market list is filtered by; absent for all.
    Chain,
    /// The starred tokens, by their keys, with commas between.
    Favourites,
    /// The marks between digits; absent for the browser's.
    Numbers,
    /// The colours of gain and loss; absent for green and red.
    Colours,
    /// `off` where single keys are not taken.
    Keys,
    /// This device's id, by which the server tells devices apart.
    Device,
    /// What its owner calls it.
    DeviceName,
}

impl Preference {
    const fn key(self) -> &'static str {
        match self {
            Preference::Theme => "foolscap.theme",
            Preference::Account => "foolscap.account",
            Preference::Chain => "foolscap.chain",
            Preference::Favourites => "foolscap.favourites",
            Preference::Numbers => "foolscap.numbers",
            Preference::Colours => "foolscap.colours",
            Preference::Keys => "foolscap.keys",
            Preference::Device => "foolscap.device",
            Preference::DeviceName => "foolscap.device-name",
        }
    }
}

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok()?
}

/// Whether this device could keep such a choice, and keeps none.
pub fn is_free(preference: Preference) -> bool {
    storage().is_some_and(|storage| matches!(storage.get_item(preference.key()), Ok(None)))
}

/// What was chosen, if anything was.
pub fn get(preference: Preference) -> Option<String> {
    storage()?.get_item(preference.key()).ok()?
}

/// Keeps a choice; `None` forgets it.
pub fn set(preference: Preference, value: Option<&str>) {
    let Some(storage) = storage() else { return };
    let _ = match value {
        Some(value) => storage.set_item(preference.key(), value),
        None => storage.remove_item(preference.key()),
    };
}
