//! One daemon per state folder: a lock of the operating system's, gone with its owner. It is not the journal's lease.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use crate::error::Error;

/// The lock's name below the state folder.
const FILE: &str = "serve.lock";

/// The right to serve a state folder, while it is held.
#[derive(Debug)]
pub struct Instance {
    _file: File,
}

impl Instance {
    /// Takes the lock of a state folder, which is created if need be; `who` is shown to whoever is refused.
    ///
    /// # Errors
    /// [`Error::Served`] at once when another process holds it; [`Error::Io`].
    pub fn take(state: &Path, who: &str) -> Result<Self, Error> {
        let path = state.join(FILE);
        let io = |what| Error::io(what, &path);
        std::fs::create_dir_all(state).map_err(io("create the folder of"))?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let mut file = options.open(&path).map_err(io("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let who = std::fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(Error::Served { state: state.to_owned(), who });
            }
            Err(TryLockError::Error(source)) => return Err(io("lock")(source)),
        }
        file.set_len(0).and_then(|()| writeln!(file, "{who}")).map_err(io("write"))?;
        Ok(Self { _file: file })
    }

    /// Whether somebody serves a state folder right now. Nothing is created.
    #[must_use]
    pub fn is_taken(state: &Path) -> bool {
        let file = File::open(state.join(FILE));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_served_once_and_free_again_afterwards() {
        let state = tempfile::tempdir().unwrap();
        let first = Instance::take(state.path(), "ann@host, process 7").unwrap();
        assert!(Instance::is_taken(state.path()));
        let refused = Instance::take(state.path(), "another").unwrap_err().to_string();
        assert!(refused.ends_with("is served by ann@host, process 7 already"), "{refused}");
        drop(first);
        assert!(!Instance::is_taken(state.path()));
        assert!(Instance::take(state.path(), "another").is_ok());
    }
}
