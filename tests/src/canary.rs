//! The canary: the key that every World gives its server, and what else a story names, looked for wherever the
//! server says something.
//!
//! Answers are searched as they are read, log lines (down to what the HTTP client says at its most talkative) as
//! they are written, and metrics when a server ends. Whoever finds it says where, and the test that runs fails.

use std::{
    io::{self, Write},
    sync::{Mutex, Once, PoisonError},
    thread,
};

use backend::telemetry;

/// What every key in a test begins with, and nothing else does.
pub const BEGINNING: &str = "CG-";

/// What else must not be told: keys and passwords of stories.
static ALSO: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// From now on this must not be told either.
pub fn also(secret: &str) {
    let mut also = ALSO.lock().unwrap_or_else(PoisonError::into_inner);
    if !also.iter().any(|known| known == secret) {
        also.push(secret.to_owned());
    }
}

/// Where it was found first.
static FOUND: Mutex<Option<String>> = Mutex::new(None);

/// Watches over the process as long as a server runs in it; fails the test in which it ends if a key was seen.
#[derive(Debug)]
pub struct Canary(());

impl Canary {
    /// Has all that is logged in this process searched, from now on.
    pub fn watch() -> Self {
        static START: Once = Once::new();
        START.call_once(|| {
            // What drives SQLite logs every statement, without a key near it.
            let filter = tracing_subscriber::EnvFilter::new("trace,sqlx=warn");
            let lines = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(|| Searched);
            // Another subscriber, in a binary that brings its own, sees to its own lines.
            drop(tracing::subscriber::set_global_default(lines.finish()));
            drop(telemetry::start_metrics());
        });
        Self(())
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        if let Some(metrics) = telemetry::start_metrics() {
            search("the metrics", metrics.render().as_bytes());
        }
        let found = FOUND.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(found) = found.filter(|_| !thread::panicking()) {
            panic!("a key was told: {found}");
        }
    }
}

/// Searches what was said somewhere.
pub fn search(place: &str, said: &[u8]) {
    let holds = |secret: &str| said.windows(secret.len()).any(|window| window == secret.as_bytes());
    let found =
        holds(BEGINNING) || ALSO.lock().unwrap_or_else(PoisonError::into_inner).iter().any(|secret| holds(secret));
    if found {
        let said = String::from_utf8_lossy(said);
        FOUND.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| format!("{place}: {said}"));
    }
}

/// Where log lines go.
struct Searched;

impl Write for Searched {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        search("a log line", line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_a_log_line_fails_whoever_ends_next() {
        let canary = Canary::watch();
        tracing::debug!(header = "CG-a-key", "on purpose");
        let told = std::panic::catch_unwind(|| drop(canary)).expect_err("it is found");
        let told = told.downcast_ref::<String>().expect("in words");
        assert!(told.contains("a log line") && told.contains("on purpose"), "{told}");
        *FOUND.lock().unwrap_or_else(PoisonError::into_inner) = None;
        drop(Canary::watch());
    }
}
