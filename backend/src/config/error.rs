//! What is wrong with the settings, all of it at once.

use std::fmt;

/// A setting that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {}: expected {expected}", Shown(.value))]
pub struct ConfigError {
    /// The flag or variable.
    pub name: String,
    /// What it was; `None` where that is a secret.
    pub value: Option<String>,
    /// What would have been right.
    pub expected: String,
}

struct Shown<'a>(&'a Option<String>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => write!(f, "`{value}`"),
            None => f.write_str("set, but does not fit"),
        }
    }
}

/// Every setting that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for ConfigErrors {}
