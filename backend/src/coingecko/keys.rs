//! The key CoinGecko is asked with, which may change while the server runs.
//!
//! A key of the environment stays. One in a file is read again before every call, of which there are a few a
//! minute: whoever rotates it writes the file, and the next call takes the new one. What cannot be read, or is
//! no key (a file half written), leaves the last one in its place and is told once.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::config::Secret;

/// Bytes of a key's file that are read: keys are short.
const MOST_BYTES: u64 = 4_096;

/// The key.
#[derive(Debug)]
pub struct Keys {
    file: Option<PathBuf>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    key: Option<Secret>,
    /// The last reading failed, and that was told.
    told: bool,
}

/// Why a file gives no key. None of it tells what is in the file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It holds no key.
    #[error("it does not hold one key of printable characters without spaces, on a line of its own")]
    NoKey,
}

impl Keys {
    /// A key of the environment, or of a file, which then wins.
    pub fn new(key: Option<Secret>, file: Option<PathBuf>) -> Keys {
        Keys { file, held: Mutex::new(Held { key, told: false }) }
    }

    /// Whether it may change.
    pub const fn are_in_a_file(&self) -> bool {
        self.file.is_some()
    }

    /// The key as it is now, and whether it is another than the last time.
    pub async fn now(&self) -> (Option<Secret>, bool) {
        let read = match self.file.clone() {
            None => None,
            // Off the runtime's own threads: a file may lie on a disk that is slow.
            Some(path) => tokio::task::spawn_blocking(move || read(&path)).await.ok(),
        };
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            None => {}
            Some(Ok(key)) => {
                held.told = false;
                if held.key.as_ref() != Some(&key) {
                    if held.key.is_some() {
                        tracing::info!(
                            event = "key_rotated",
                            upstream = "coingecko",
                            "The key's file holds another one"
                        );
                    }
                    held.key = Some(key.clone());
                    return (Some(key), true);
                }
            }
            Some(Err(error)) => {
                if !held.told {
                    tracing::warn!(
                        event = "key_unreadable",
                        upstream = "coingecko",
                        %error,
                        "The key's file gives no key: the last one is used on"
                    );
                }
                held.told = true;
            }
        }
        (held.key.clone(), false)
    }
}

/// The key in a file: its only line.
///
/// # Errors
/// [`KeyFileError`].
pub fn read(path: &Path) -> Result<Secret, KeyFileError> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(MOST_BYTES).read_to_string(&mut text)?;
    Some(text.trim()).filter(|text| is_key(text)).map(Secret::new).ok_or(KeyFileError::NoKey)
}

/// Whether a text can travel in a header as it is.
pub fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::tests::Captured;

    /// A file of this test's own, gone with it.
    struct KeyFile(PathBuf);

    impl KeyFile {
        fn new(name: &str, text: &str) -> KeyFile {
            let path = std::env::temp_dir().join(format!("foolscap-{name}-{}", std::process::id()));
            std::fs::write(&path, text).unwrap();
            KeyFile(path)
        }

        fn write(&self, text: &str) {
            std::fs::write(&self.0, text).unwrap();
        }
    }

    impl Drop for KeyFile {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    #[test]
    fn a_key_is_taken_from_its_file_whenever_that_changes_and_kept_when_there_is_none_in_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let file = KeyFile::new("keys", "CG-one\n");
        let keys = Keys::new(None, Some(file.0.clone()));
        let now = || {
            let (key, changed) = runtime.block_on(keys.now());
            (key.unwrap().reveal().to_owned(), changed)
        };
        let lines = Captured::during(|| {
            assert_eq!(now(), ("CG-one".into(), true));
            assert_eq!(now(), ("CG-one".into(), false));
            for unusable in ["", "two words", "\u{e4}"] {
                file.write(unusable);
                assert_eq!(now(), ("CG-one".into(), false), "{unusable:?}");
            }
            file.write("  CG-two  ");
            assert_eq!(now(), ("CG-two".into(), true));
            std::fs::remove_file(&file.0).unwrap();
            assert_eq!(now(), ("CG-two".into(), false));
        });
        let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
        assert_eq!(events, ["key_unreadable", "key_rotated", "key_unreadable"]);
        assert!(lines.iter().all(|line| !line.to_string().contains("CG-")), "{lines:?}");
    }
}
