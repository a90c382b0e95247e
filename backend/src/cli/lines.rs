//! JSON in and out, a line each.

use std::fs;
use std::io::{self, BufRead, Read as _, Write};
use std::path::Path;

use serde::Serialize;

use super::Exit;

/// The longest line that is read: no request is nearly as long.
const LONGEST: u64 = 1024 * 1024;

/// An error line.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ErrorLine {
    /// What went wrong.
    pub error: LineError,
}

/// What is wrong with a line or a file.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct LineError {
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// What kind of error: `json`, `input`, `too_long`, `file`, `journal`, `fills`, `pool`, `ledger`.
    pub kind: &'static str,
    /// In words.
    pub message: String,
}

/// Writes lines to standard output.
pub struct Output<W: Write>(W);

impl Output<io::BufWriter<io::StdoutLock<'static>>> {
    /// Standard output.
    pub fn stdout() -> Self {
        Output(io::BufWriter::new(io::stdout().lock()))
    }
}

impl<W: Write> Output<W> {
    /// Writes anywhere.
    #[cfg(test)]
    pub fn to(writer: W) -> Self {
        Output(writer)
    }

    /// Writes one line.
    ///
    /// # Errors
    /// When the reader has gone.
    pub fn line(&mut self, value: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, value)?;
        self.0.write_all(b"\n")
    }

    /// Writes one error line.
    ///
    /// # Errors
    /// When the reader has gone.
    pub fn error(&mut self, line: Option<usize>, kind: &'static str, message: &str) -> io::Result<()> {
        self.line(&ErrorLine { error: LineError { line, kind, message: message.to_owned() } })
    }

    /// Everything is out.
    ///
    /// # Errors
    /// When the reader has gone.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A line of input: its number, and its text or what is wrong with it as a line.
pub type Line = (usize, Result<String, &'static str>);

/// Reads lines; empty ones are left out. It stops where reading fails.
pub fn lines(mut reader: impl BufRead) -> impl Iterator<Item = Line> {
    let mut number = 0;
    std::iter::from_fn(move || {
        loop {
            let mut bytes = Vec::new();
            let read = reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut bytes).ok()?;
            if read == 0 {
                return None;
            }
            number += 1;
            if read as u64 > LONGEST {
                // The rest of the line is read past, not kept.
                while !bytes.ends_with(b"\n") {
                    bytes.clear();
                    if reader.by_ref().take(LONGEST).read_until(b'\n', &mut bytes).ok()? == 0 {
                        break;
                    }
                }
                return Some((number, Err("the line is longer than a megabyte")));
            }
            match String::from_utf8(bytes) {
                Ok(text) if text.trim().is_empty() => {}
                Ok(text) => return Some((number, Ok(text))),
                Err(_) => return Some((number, Err("the line is not UTF-8"))),
            }
        }
    })
}

/// Reads a file, or standard input for `-`.
///
/// # Errors
/// The reason, with the file's name.
pub fn read_file(path: &Path) -> Result<Vec<u8>, String> {
    let result = if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(path)
    };
    result.map_err(|error| format!("{}: {error}", path.display()))
}

/// Reads a JSON file.
///
/// # Errors
/// The reason, with the file's name.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, String> {
    serde_json::from_slice(&read_file(path)?).map_err(|error| format!("{}: {error}", path.display()))
}

/// How a command ends that failed to write: a reader who has gone, as `head` does, is no failure.
pub fn written(result: io::Result<Exit>) -> Exit {
    match result {
        Ok(exit) => exit,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Ok,
        Err(error) => {
            eprintln!("foolscap: cannot write: {error}");
            Exit::Failed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_numbers_and_bad_ones_do_not_stop_the_rest() {
        let long = "x".repeat(LONGEST as usize + 10);
        let text = [b"a\n\n".as_slice(), long.as_bytes(), b"\n\xff\nb"].concat();
        let read: Vec<Line> = lines(text.as_slice()).collect();
        let expected = [
            (1, Ok("a\n".to_owned())),
            (3, Err("the line is longer than a megabyte")),
            (4, Err("the line is not UTF-8")),
            (5, Ok("b".to_owned())),
        ];
        assert_eq!(read, expected);
    }
}
