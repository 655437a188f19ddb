//! The emulator's folder: which files there are, and what they say.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Error;
use crate::apps::leftover::Identity;

/// Bytes after which a start begins the log anew; the one before is kept.
const LOG_LIMIT: u64 = 1024 * 1024;
/// How many lines of a log are shown.
const TAIL: usize = 5;

/// The emulator that was started last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) process: Identity,
    pub(super) port: u16,
    pub(super) region: String,
}

/// `aws` in a local cloud's folder.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    dir: PathBuf,
}

impl Folder {
    /// That of a cloud. Everything in it is private: state holds the keys of devices.
    pub(super) fn of(cloud: &Path) -> Self {
        Self { dir: cloud.join("aws") }
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(super) fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    pub(super) fn objects(&self) -> PathBuf {
        self.dir.join("s3")
    }

    pub(super) fn scratch(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub(super) fn make(&self) -> Result<(), Error> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir).map_err(|error| self.failed(error))
    }

    /// Empties the folder for what need not outlive the emulator: the code of functions, unpacked.
    pub(super) fn sweep(&self) -> Result<(), Error> {
        absent_is_fine(fs::remove_dir_all(self.scratch())).map_err(|error| self.failed(error))?;
        fs::create_dir(self.scratch()).map_err(|error| self.failed(error))
    }

    pub(super) fn remove(&self) -> Result<(), Error> {
        absent_is_fine(fs::remove_dir_all(&self.dir)).map_err(|error| self.failed(error))
    }

    /// The record; one that cannot be read is as good as none.
    pub(super) fn record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.dir.join("process.json")).ok()?).ok()
    }

    pub(super) fn write_record(&self, record: &Record) -> Result<(), Error> {
        self.write("process.json", &serde_json::to_vec(record).map_err(|error| self.failed(error.into()))?)
    }

    pub(super) fn remove_record(&self) -> Result<(), Error> {
        absent_is_fine(fs::remove_file(self.dir.join("process.json"))).map_err(|error| self.failed(error))
    }

    /// The port that was chosen at the first start, if there was one.
    pub(super) fn port(&self) -> Result<Option<u16>, Error> {
        match fs::read_to_string(self.dir.join("port")) {
            Ok(text) => text.trim().parse().map(Some).map_err(|error| self.failed(io::Error::other(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(super) fn write_port(&self, port: u16) -> Result<(), Error> {
        self.write("port", format!("{port}\n").as_bytes())
    }

    /// The log, to be appended to.
    pub(super) fn open_log(&self) -> Result<fs::File, Error> {
        let opened = fs::File::options().create(true).append(true).mode(0o600).open(self.log());
        opened.map_err(|error| self.failed(error))
    }

    /// The same, begun anew if it has grown large.
    pub(super) fn turn_log(&self) -> Result<fs::File, Error> {
        let turned = match fs::metadata(self.log()) {
            Ok(about) if about.len() > LOG_LIMIT => fs::rename(self.log(), self.dir.join("log.1")),
            _ => Ok(()),
        };
        turned.map_err(|error| self.failed(error))?;
        self.open_log()
    }

    /// The last lines of the log.
    pub(super) fn tail(&self) -> String {
        // A program may print anything.
        let text = fs::read(self.log()).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL)..].join(" | ")
    }

    pub(super) fn failed(&self, source: io::Error) -> Error {
        Error::Folder { dir: self.dir.clone(), source }
    }

    /// Writes a file in one step.
    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let beside = self.dir.join(format!("{name}.new"));
        let written = fs::File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&beside)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| fs::rename(&beside, self.dir.join(name)));
        written.map_err(|error| self.failed(error))
    }
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> (tempfile::TempDir, Folder) {
        let cloud = tempfile::tempdir().unwrap();
        let folder = Folder::of(cloud.path());
        folder.make().unwrap();
        (cloud, folder)
    }

    #[test]
    fn everything_in_it_is_private() {
        let (_cloud, folder) = folder();
        folder.open_log().unwrap().write_all(b"a line\n").unwrap();
        folder.write_port(4711).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.dir.clone()), 0o700);
        assert_eq!((mode(folder.log()), mode(folder.dir.join("port"))), (0o600, 0o600));
        assert_eq!(folder.port().unwrap(), Some(4711));
    }

    #[test]
    fn a_log_that_has_grown_large_is_begun_anew_and_kept_once() {
        let (_cloud, folder) = folder();
        fs::write(folder.log(), "first\n").unwrap();
        folder.turn_log().unwrap().write_all(b"\xff second\n").unwrap();
        assert_eq!(folder.tail(), "first | \u{fffd} second");
        fs::write(folder.log(), vec![b'x'; usize::try_from(LOG_LIMIT).unwrap() + 1]).unwrap();
        folder.turn_log().unwrap().write_all(b"third\n").unwrap();
        assert_eq!(folder.tail(), "third");
        assert_eq!(fs::metadata(folder.dir.join("log.1")).unwrap().len(), LOG_LIMIT + 1);
    }

    #[test]
    fn a_torn_record_is_none_and_a_torn_port_is_an_error() {
        let (_cloud, folder) = folder();
        fs::write(folder.dir.join("process.json"), "{\"process\":").unwrap();
        assert_eq!(folder.record(), None);
        fs::write(folder.dir.join("port"), "").unwrap();
        assert!(folder.port().is_err(), "another port would break every URL that was handed out");
    }
}
