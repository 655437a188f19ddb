//! Where records come from.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use journal::{Error, Reader, Record, read::StreamHead};
use uuid::Uuid;

/// What one look at a journal tells.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) journal: Uuid,
    pub(crate) heads: Vec<StreamHead>,
}

/// A journal to be read; its calls block.
pub(crate) trait Source: Send + Sync {
    /// Looks at the streams; `None` when there is no journal yet.
    fn look(&self) -> Result<Option<Sight>, Error>;

    /// The records of a stream from one on, so many at most.
    fn records(&self, stream: &str, from: u64, most: usize) -> Result<Vec<Record>, Error>;
}

/// The journal of a state folder.
#[derive(Debug)]
pub(crate) struct FolderSource {
    state: PathBuf,
    // Kept: it copies the store at most once for each owner that has come and gone.
    reader: Mutex<Option<Reader>>,
}

impl FolderSource {
    pub(crate) fn new(state: &Path) -> Self {
        Self { state: state.to_owned(), reader: Mutex::default() }
    }

    fn reader(&self) -> Result<Reader, Error> {
        let mut kept = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(reader) = kept.as_ref() {
            return Ok(reader.clone());
        }
        let reader = Reader::open(&self.state)?;
        *kept = Some(reader.clone());
        Ok(reader)
    }
}

impl Source for FolderSource {
    fn look(&self) -> Result<Option<Sight>, Error> {
        let reader = match self.reader() {
            Err(Error::NoJournal { .. }) => return Ok(None),
            reader => reader?,
        };
        match reader.id()? {
            Some(journal) => Ok(Some(Sight { journal, heads: reader.streams()? })),
            None => Ok(None),
        }
    }

    fn records(&self, stream: &str, from: u64, most: usize) -> Result<Vec<Record>, Error> {
        self.reader()?.records(stream, from)?.take(most).collect()
    }
}
