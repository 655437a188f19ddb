//! Append-only files of JSON lines, the form in which all state lies on disk.
//!
//! A line counts once its newline is there: appending is one `write(2)` of line and newline, and opening cuts
//! off whatever follows the last newline, since only a killed process leaves such a rest.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What opening a file of lines can run into.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read, cut or created.
    #[error("open {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A complete line is not what this program writes.
    #[error("read line {line} of {path}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// An open file of lines, positioned at its end.
#[derive(Debug)]
pub struct Lines {
    file: File,
}

impl Lines {
    /// Opens or creates the file (mode 0600), cuts a torn last line and returns the lines that it holds.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let mut bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let file = options().create(true).append(true).open(path).map_err(failed)?;
        if whole < bytes.len() {
            file.set_len(whole as u64).map_err(failed)?;
            bytes.truncate(whole);
        }
        Ok((Self { file }, parse(path, &bytes)?))
    }

    /// Appends one value as a line, in a single write: it survives the death of this process.
    pub fn append<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.file.write_all(&line)
    }

    /// Replaces the file by one holding exactly `values`: written beside it, then renamed over it.
    pub fn rewrite<T: Serialize>(path: &Path, values: &[T]) -> Result<Self, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let beside = path.with_extension("jsonl.new");
        let mut bytes = Vec::new();
        for value in values {
            serde_json::to_writer(&mut bytes, value).map_err(|error| failed(error.into()))?;
            bytes.push(b'\n');
        }
        let mut file = options().create(true).truncate(true).write(true).open(&beside).map_err(failed)?;
        file.write_all(&bytes).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)?;
        let file = options().append(true).open(path).map_err(failed)?;
        Ok(Self { file })
    }
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<Vec<T>, Error> {
    bytes
        .split(|byte| *byte == b'\n')
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(at, line)| {
            serde_json::from_slice(line).map_err(|source| Error::Line { path: path.to_owned(), line: at + 1, source })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_last_line_is_cut_off() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, "1\n2\n{\"to").expect("written");
        let (mut lines, values) = Lines::open::<u32>(&path).expect("opens");
        assert_eq!(values, [1, 2]);
        lines.append(&3).expect("appends");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "1\n2\n3\n");
    }

    #[test]
    fn a_damaged_whole_line_is_named() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, "1\nnope\n").expect("written");
        let error = Lines::open::<u32>(&path).expect_err("damaged");
        assert!(error.to_string().starts_with("read line 2 of "), "{error}");
    }

    #[test]
    fn rewriting_replaces_all_lines() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, "1\n2\n3\n").expect("written");
        Lines::rewrite(&path, &[7]).expect("rewritten").append(&8).expect("appends");
        assert_eq!(Lines::open::<u32>(&path).expect("opens").1, [7, 8]);
    }
}
