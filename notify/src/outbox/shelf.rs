//! Where a sink's cursor is kept.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
};

use super::cursor::{Cursor, VERSION};
use crate::{Error, durable};

/// Keeps a cursor.
pub(crate) trait Shelf: Send + Sync {
    /// What was saved last; `None` when nothing ever was.
    fn load(&self) -> Result<Option<Cursor>, Error>;

    /// Saves a cursor in place of the one before; it is on disk when this returns.
    fn save(&self, cursor: &Cursor) -> Result<(), Error>;
}

/// A file below the state folder, and the lock that goes with it.
#[derive(Debug)]
pub(crate) struct FileShelf {
    path: PathBuf,
    // Released by the operating system when the process ends, however it does.
    _lock: File,
}

impl FileShelf {
    /// Takes the cursor of a sink for this process alone.
    ///
    /// # Errors
    /// [`Error::Busy`] when another has it.
    pub(crate) fn take(folder: &Path, sink: &str) -> Result<Self, Error> {
        let path = folder.join(format!("{sink}.lock"));
        let lock = File::create(&path).map_err(Error::io("open", &path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: folder.join(format!("{sink}.json")), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(Error::Busy { path }),
            Err(TryLockError::Error(error)) => Err(Error::io("lock", &path)(error)),
        }
    }
}

impl Shelf for FileShelf {
    fn load(&self) -> Result<Option<Cursor>, Error> {
        let cursor: Option<Cursor> = durable::read(&self.path)?;
        match cursor {
            Some(Cursor { version, .. }) if version != VERSION => {
                let what = format!("it is of version {version}, and this program knows {VERSION}");
                Err(Error::Malformed { path: self.path.clone(), what })
            }
            cursor => Ok(cursor),
        }
    }

    fn save(&self, cursor: &Cursor) -> Result<(), Error> {
        durable::replace(&self.path, cursor)
    }
}
