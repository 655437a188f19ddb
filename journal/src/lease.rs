//! The lease: the right to write, held by one process and gone when that process is gone.
//!
//! It is an advisory lock (`flock`) on `<state>/lock`; the file's contents name the owner for humans and are never
//! what decides. The kernel drops the lock with its process, so a dead owner blocks nobody.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::record::Actor;

/// The lock's name below the state folder.
const FILE: &str = "lock";

/// Who holds, or last held, the lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The operating system's user name.
    pub user: String,
    /// The host name.
    pub host: String,
    /// The process id.
    pub process: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What it runs, without arguments that may hold secrets.
    pub command: String,
}

impl Owner {
    pub(crate) fn new(actor: &Actor, command: &str, since: DateTime<Utc>) -> Self {
        let (user, host) = (actor.user.clone(), actor.host.clone());
        Self { user, host, process: actor.process, since, command: command.to_owned() }
    }

    /// The owner that the lock file of a state folder names, dead or alive.
    pub(crate) fn last(state: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(state.join(FILE)).ok()?).ok()
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { user, host, process, command, .. } = self;
        let since = self.since.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "{user}@{host}, process {process} ({command}), since {since}")
    }
}

/// The lease while it is held.
#[derive(Debug)]
pub(crate) struct Lease {
    _file: File,
}

impl Lease {
    /// Takes the lease of a state folder, or says at once who holds it.
    pub(crate) fn take(state: &Path, owner: &Owner) -> Result<Self, Error> {
        let path = state.join(FILE);
        let mut options = OpenOptions::new();
        let mut file = options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(Error::io("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Locked { owner: Owner::last(state).map(Box::new) }),
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path)(source)),
        }
        write_owner(&mut file, owner).map_err(Error::io("write", &path))?;
        Ok(Self { _file: file })
    }
}

fn write_owner(file: &mut File, owner: &Owner) -> std::io::Result<()> {
    let mut text = serde_json::to_vec_pretty(owner)?;
    text.push(b'\n');
    file.seek(SeekFrom::Start(0))?;
    file.write_all(&text)?;
    file.set_len(text.len() as u64)
}
