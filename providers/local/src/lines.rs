//! Append-only files of JSON lines, the form in which all state lies on disk.
//!
//! A line counts once its newline is there: appending is one `write(2)` of line and newline, and opening cuts
//! off whatever follows the last newline, since only a killed process leaves such a rest.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
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
    /// Bytes of whole lines in the file.
    length: u64,
    /// The line being put together, kept for its memory.
    line: Vec<u8>,
}

impl Lines {
    /// Opens or creates the file (mode 0600), cuts a torn last line and returns the lines that it holds.
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), Error> {
        let mut values = Vec::new();
        let lines = Self::replay(path, |_, line| serde_json::from_slice(line).map(|value| values.push(value)))?;
        Ok((lines, values))
    }

    /// Opens or creates the file, cuts a torn last line, and hands over each whole line with the place where it
    /// starts, in bytes; only one line at a time is held in memory. Empty lines are passed over.
    pub fn replay(path: &Path, mut each: impl FnMut(u64, &[u8]) -> serde_json::Result<()>) -> Result<Self, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let file = options().create(true).append(true).read(true).open(path).map_err(failed)?;
        let mut reader = BufReader::with_capacity(1 << 16, &file);
        let (mut length, mut number, mut line) = (0, 0, Vec::new());
        while reader.read_until(b'\n', &mut line).map_err(failed)? > 0 {
            let Some(whole) = line.strip_suffix(b"\n") else {
                file.set_len(length).map_err(failed)?;
                break;
            };
            number += 1;
            if !whole.is_empty() {
                each(length, whole).map_err(|source| Error::Line { path: path.to_owned(), line: number, source })?;
            }
            length += line.len() as u64;
            line.clear();
        }
        Ok(Self { file, length, line: Vec::new() })
    }

    /// Appends one value as a line, in a single write: it survives the death of this process.
    ///
    /// When that fails the file is cut back, so that a later line does not run on from half of this one.
    pub fn append<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        if let Err(error) = self.file.write_all(&self.line) {
            self.file.set_len(self.length)?;
            return Err(error);
        }
        self.length += self.line.len() as u64;
        Ok(())
    }

    /// How many bytes of whole lines the file holds.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Replaces the file by one holding exactly `values`: written beside it, then renamed over it.
    pub fn rewrite<T: Serialize>(path: &Path, values: &[T]) -> Result<Self, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        let mut fresh = Fresh::beside(path).map_err(failed)?;
        values.iter().try_for_each(|value| fresh.append(value)).map_err(failed)?;
        fresh.replace().map_err(failed)
    }
}

/// A file that is to take the place of another one: written beside it, then renamed over it, whole or not at all.
#[derive(Debug)]
pub struct Fresh {
    path: PathBuf,
    file: BufWriter<File>,
    length: u64,
    line: Vec<u8>,
}

impl Fresh {
    /// Begins a file to replace the one at `path`; what an earlier attempt left beside it is discarded.
    pub fn beside(path: &Path) -> io::Result<Self> {
        Self::forget(path)?;
        let file = options().create_new(true).write(true).open(beside(path))?;
        let file = BufWriter::with_capacity(1 << 16, file);
        Ok(Self { path: path.to_owned(), file, length: 0, line: Vec::new() })
    }

    /// Adds one value as a line.
    pub fn append<T: Serialize + ?Sized>(&mut self, value: &T) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, value)?;
        self.line.push(b'\n');
        self.length += self.line.len() as u64;
        self.file.write_all(&self.line)
    }

    /// Adds whole lines as they stand in another file.
    pub fn copy(&mut self, from: &mut impl io::Read) -> io::Result<()> {
        self.length += io::copy(from, &mut self.file)?;
        Ok(())
    }

    /// How many bytes it holds so far.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Puts it in the other file's place.
    pub fn replace(self) -> io::Result<Lines> {
        drop(self.file.into_inner()?);
        std::fs::rename(beside(&self.path), &self.path)?;
        let file = options().append(true).read(true).open(&self.path)?;
        Ok(Lines { file, length: self.length, line: Vec::new() })
    }

    /// Takes away what an attempt to replace the file at `path` has left beside it. Whoever is still writing there can
    /// not put it in the file's place any more.
    pub fn forget(path: &Path) -> io::Result<()> {
        match std::fs::remove_file(beside(path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("jsonl.new")
}

fn options() -> OpenOptions {
    let mut options = File::options();
    options.mode(0o600);
    options
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
        assert_eq!(lines.length(), 6);
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
        let mut lines = Lines::rewrite(&path, &[7]).expect("rewritten");
        lines.append(&8).expect("appends");
        assert_eq!(lines.length(), 4);
        assert_eq!(Lines::open::<u32>(&path).expect("opens").1, [7, 8]);
    }

    #[test]
    fn a_fresh_file_shows_only_once_it_is_whole() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let path = dir.path().join("x.jsonl");
        std::fs::write(&path, "1\n").expect("written");
        let mut fresh = Fresh::beside(&path).expect("begun");
        fresh.append(&2).expect("appends");
        fresh.copy(&mut &b"3\n4\n"[..]).expect("copies");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), "1\n");
        assert_eq!(fresh.replace().expect("replaces").length(), 6);
        assert_eq!(Lines::open::<u32>(&path).expect("opens").1, [2, 3, 4]);
        let lost = Fresh::beside(&path).expect("begun");
        Fresh::forget(&path).expect("forgotten");
        lost.replace().expect_err("it is not there any more");
        assert_eq!(std::fs::read_dir(dir.path()).expect("listed").count(), 1);
    }
}
