//! One cloud per folder: a lock that dies with its owner.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Who serves a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Its process id.
    pub pid: u32,
    /// When it took the folder, RFC 3339 in UTC.
    pub since: String,
}

/// The held lock; the system releases it when the process dies, however it dies.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// The file itself, for a process to inherit: the lock is held as long as anybody has it open.
    pub(crate) fn into_file(self) -> File {
        self.file
    }
}

/// What trying to take the lock led to.
#[derive(Debug)]
pub(crate) enum Attempt {
    Taken(Lock),
    Held(Option<Owner>),
}

/// Takes the folder's lock, or says who has it (unknown while that process is still writing its name).
pub(crate) fn take(dir: &Path, since: String) -> io::Result<Attempt> {
    let mut file = open(dir)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Attempt::Held(read(&mut file)?)),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&Owner { pid: std::process::id(), since })?)?;
    Ok(Attempt::Taken(Lock { file }))
}

/// Says who holds the folder now: nobody, or somebody (whose name may not be written yet).
pub(crate) fn holder(dir: &Path) -> io::Result<Option<Option<Owner>>> {
    let mut file = match File::open(dir.join("lock")) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    // A shared lock leaves other lookers alone and is dropped at once.
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => Ok(Some(read(&mut file)?)),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn open(dir: &Path) -> io::Result<File> {
    File::options().create(true).truncate(false).read(true).write(true).open(dir.join("lock"))
}

fn read(file: &mut File) -> io::Result<Option<Owner>> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    Ok(serde_json::from_str(&text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_taker_learns_who_was_first() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        assert!(holder(dir.path()).expect("looks").is_none());
        let Attempt::Taken(lock) = take(dir.path(), "then".into()).expect("tries") else { panic!("free") };
        let Attempt::Held(Some(owner)) = take(dir.path(), "now".into()).expect("tries") else { panic!("held") };
        assert_eq!(owner, Owner { pid: std::process::id(), since: "then".into() });
        assert_eq!(holder(dir.path()).expect("looks"), Some(Some(owner)));
        drop(lock);
        assert!(holder(dir.path()).expect("looks").is_none());
    }
}
