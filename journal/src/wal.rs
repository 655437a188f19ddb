//! The write-ahead file: where an append becomes durable, with one write and one `fdatasync`.
//!
//! sled hands each flush to threads of its own and grows its file by it, which costs more than the disk does. So
//! records go into `<state>/journal/wal` first, and into sled without a flush. Only a checkpoint puts sled on disk,
//! and then replaces the file by an empty one: when the store is closed, when it is opened after a crash, and when
//! the file has grown. At any time sled's durable records and the file's lines together are the whole journal.
//!
//! | part | bytes |
//! |---|---|
//! | header | `{"journal":"<id>","v":1}` and a line feed |
//! | batch | what one sync put on disk: records, one canonical line each; an empty line ends it |
//! | rest | zeros, so that the next sync changes neither the file's length nor where it lies on disk |
//!
//! A batch is written only after the sync of the one before it. So only the last one can be torn by a crash; it was
//! not acknowledged, and what it lacks is cut off. A torn batch with another after it is damage, and so is every
//! complete line that does not hold. Should an acknowledged batch at the end be torn, the heads file tells.

mod replay;

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub(crate) use self::replay::{Fault, replay};
use crate::definitions::sync_dir;
use crate::error::Error;
use crate::record::canonical;

/// The file's name below the database's folder.
pub(crate) const FILE: &str = "wal";

/// The version of the file's format.
const VERSION: u32 = 1;

/// The file grows by so many bytes at a time: some 500 records.
const CHUNK: u64 = 256 * 1024;

/// The size in bytes from which on a checkpoint is due. It bounds what is read anew after a crash.
const WORN: u64 = 1024 * 1024;

/// The first line: whose file this is.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    journal: uuid::Uuid,
    v: u32,
}

impl Header {
    fn line(journal: uuid::Uuid) -> String {
        canonical(&Self { journal, v: VERSION }) + "\n"
    }
}

/// The write-ahead file, open for writing.
#[derive(Debug)]
pub(crate) struct Wal {
    file: File,
    dir: PathBuf,
    journal: uuid::Uuid,
    /// Where the next batch goes.
    end: u64,
    /// The file's length; between the end and it are zeros.
    length: u64,
}

impl Wal {
    /// Puts an empty file in the place of the one in `dir`, if there is one. What that held must be durable elsewhere.
    pub(crate) fn create(dir: &Path, journal: uuid::Uuid) -> Result<Self, Error> {
        // Replaced as a whole, so that a crash leaves either the old one or the new one, never a part.
        let (path, fresh) = (dir.join(FILE), dir.join("wal.new"));
        let mut options = OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh);
        let file = file.map_err(Error::io("open", &fresh))?;
        let header = Header::line(journal);
        let mut wal = Self { file, dir: dir.to_owned(), journal, end: 0, length: 0 };
        wal.put(header.into_bytes()).map_err(Error::io("write", &fresh))?;
        std::fs::rename(&fresh, &path).map_err(Error::io("replace", &path))?;
        sync_dir(dir)?;
        Ok(wal)
    }

    /// Opens a file that holds nothing but its header.
    pub(crate) fn reuse(dir: &Path, journal: uuid::Uuid) -> Result<Self, Error> {
        let path = dir.join(FILE);
        let file = OpenOptions::new().write(true).open(&path).map_err(Error::io("open", &path))?;
        let length = file.metadata().map_err(Error::io("look at", &path))?.len();
        let end = Header::line(journal).len() as u64;
        Ok(Self { file, dir: dir.to_owned(), journal, end, length })
    }

    /// Returns once these lines, one batch, are on disk.
    pub(crate) fn append<'a>(&mut self, lines: impl IntoIterator<Item = &'a str>) -> Result<(), Error> {
        let mut batch = Vec::new();
        for line in lines {
            batch.extend_from_slice(line.as_bytes());
            batch.push(b'\n');
        }
        batch.push(b'\n');
        self.put(batch).map_err(|source| Error::io("write", self.dir.join(FILE))(source))
    }

    /// Empties the file, now that everything in it is durable elsewhere.
    pub(crate) fn renew(&mut self) -> Result<(), Error> {
        *self = Self::create(&self.dir, self.journal)?;
        Ok(())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end == Header::line(self.journal).len() as u64
    }

    /// Whether a checkpoint is due.
    pub(crate) fn is_worn(&self) -> bool {
        self.end >= WORN
    }

    fn put(&mut self, mut bytes: Vec<u8>) -> std::io::Result<()> {
        let (at, end) = (self.end, self.end + bytes.len() as u64);
        if end > self.length {
            self.length = end.next_multiple_of(CHUNK);
            bytes.resize(usize::try_from(self.length - at).expect("a batch fits into memory"), 0);
        }
        self.file.write_all_at(&bytes, at)?;
        self.file.sync_data()?;
        self.end = end;
        Ok(())
    }
}
