//! Where settings are read from: this process's environment, and an `.env` file beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// The environment as text. What is empty counts as absent.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// This process's environment; where it says nothing, the `.env` file in the working folder.
    ///
    /// # Errors
    /// [`EnvFileError`] when there is such a file and it cannot be read.
    pub fn of_process() -> Result<Environment, EnvFileError> {
        let path = Path::new(".env");
        let mut all = match std::fs::read_to_string(path) {
            Ok(text) => parse_env_file(&text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(EnvFileError::Unreadable(error)),
        };
        let process = std::env::vars_os().filter_map(|(name, value)| {
            // A value that is no UTF-8 is shown as such by the parser of that setting.
            Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
        });
        all.extend(process.filter(|(_, value)| !value.is_empty()));
        Ok(Environment(all))
    }

    /// What an `.env` file of this text says.
    ///
    /// # Errors
    /// [`EnvFileError::Line`].
    pub fn parse(text: &str) -> Result<Environment, EnvFileError> {
        parse_env_file(text).map(Environment)
    }

    /// A variable without the spaces around it; nothing where nothing is left.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(pairs: [(&str, &str); N]) -> Environment {
        Environment(pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }
}

/// Why an `.env` file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// It cannot be read.
    #[error("cannot read .env: {0}")]
    Unreadable(io::Error),
    /// A line is not `NAME=value`.
    #[error("line {0} of .env is not NAME=value")]
    Line(usize),
}

/// Reads `NAME=value` lines; empty lines and those that start with `#` are skipped, and quotes
/// around a value are taken off.
fn parse_env_file(text: &str) -> Result<BTreeMap<String, String>, EnvFileError> {
    let mut pairs = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (name, value) = line.split_once('=').ok_or(EnvFileError::Line(at + 1))?;
        let name = name.trim().trim_start_matches("export ").trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(EnvFileError::Line(at + 1));
        }
        let value = value.trim();
        let unquoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote));
        pairs.insert(name.to_owned(), unquoted.unwrap_or(value).to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_env_file_is_read_as_people_write_it() {
        let text = "# a comment\n\nA=1\nexport B = \"two words\"\nC='x'\nD=\n";
        let pairs = parse_env_file(text).unwrap();
        let values: Vec<_> = pairs.values().map(String::as_str).collect();
        assert_eq!(values, ["1", "two words", "x", ""]);
        assert!(matches!(parse_env_file("A=1\nnothing"), Err(EnvFileError::Line(2))));
    }
}
