//! A copy of the store, for reading while nobody owns it.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::owner::Conversation;
use crate::base::Base;
use crate::error::Error;
use crate::index::Stamp;
use crate::protocol::StreamHead;
use crate::sled_store::{Database, unreadable};
use crate::store::{DATABASE, unfinished_snapshot};
use crate::verify::parse;
use crate::wal::{self, Fault};

/// A copied store, open, with what its write-ahead file held. The database is dropped before its folder.
#[derive(Debug)]
pub(crate) struct Copy {
    database: Database,
    /// What is wrong with the write-ahead file. Records before that can be read, and then the reader is told.
    fault: Option<Fault>,
    stamp: Stamp,
    /// The folder that was copied.
    original: PathBuf,
    _dir: TempDir,
}

impl Copy {
    /// Copies the store of a state folder and opens the copy; none when an owner was there meanwhile.
    pub(crate) fn make(state: &Path) -> Result<Option<Self>, Error> {
        let (stamp, original) = (Stamp::of(state), state.join(DATABASE));
        let dir = tempfile::Builder::new()
            .prefix("twinctl-journal-")
            .tempdir()
            .map_err(Error::io("create", "a temporary folder"))?;
        let copied = copy_folder(&original, dir.path());
        let disturbed = stamp != Stamp::of(state) || Conversation::open(state)?.is_some();
        if disturbed {
            return Ok(None);
        }
        copied?;
        let database = Database::open(dir.path()).map_err(|error| match error {
            // What can be done concerns the original.
            Error::Unreadable { what, .. } => unreadable(&original, &what),
            error => error,
        })?;
        let fault = wal::replay(&database, dir.path())?.fault;
        Ok(Some(Self { database, fault, stamp, original, _dir: dir }))
    }

    /// The lines of a stream from `from` on; where what is left cannot be known, the last item says so.
    pub(crate) fn lines(&self, stream: &str, from: u64) -> impl Iterator<Item = Result<String, Error>> + Send + use<> {
        let fault = self.fault.as_ref().filter(|fault| fault.concerns(stream));
        let end = fault.map(|fault| Err(fault.error(&self.original)));
        self.database.lines(stream, from).map(|item| item.map(|(_, line)| line)).chain(end)
    }

    pub(crate) fn is_current(&self, state: &Path) -> bool {
        self.stamp == Stamp::of(state)
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// What stands for the records of a stream that were pruned.
    pub(crate) fn base(&self, stream: &str) -> Result<Option<Base>, Error> {
        self.database.base(stream)
    }

    /// The streams and their newest records.
    pub(crate) fn streams(&self) -> Result<Vec<StreamHead>, Error> {
        let mut heads = Vec::new();
        for stream in self.database.streams()? {
            let Some((seq, line)) = self.database.newest(&stream)? else { continue };
            let record =
                parse(&line).map_err(|kind| crate::load::damaged(&stream, crate::verify::Damage { seq, kind }))?;
            heads.push(StreamHead { stream, head: record.head() });
        }
        Ok(heads)
    }
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(from).map_err(Error::io("read", from))? {
        let path = entry.map_err(Error::io("read", from))?.path();
        let target = to.join(path.file_name().unwrap_or_default());
        if path.is_dir() {
            std::fs::create_dir(&target).map_err(Error::io("create", &target))?;
            copy_folder(&path, &target)?;
        } else if !unfinished_snapshot(&path) {
            std::fs::copy(&path, &target).map_err(Error::io("copy", &path))?;
        }
    }
    Ok(())
}
