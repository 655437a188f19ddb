//! The store on disk: one sled tree with a key per record, and what makes it durable.
//!
//! A record is durable in the write-ahead file first ([`crate::wal`]) and here from the next checkpoint on.
//!
//! sled 0.34's own flush calls `sync_file_range`, which reaches neither the disk's cache nor the file's metadata, so
//! [`Disk::sync`] follows it with `fdatasync` on the database file. sled keeps items above an eighth of a megabyte in
//! files of their own, which it never syncs: these are synced here as well.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::base::Base;
use crate::definitions::sync_dir;
use crate::error::Error;
use crate::load::damaged;
use crate::verify::{Damage, DamageKind};

/// The page cache, in bytes. Appends touch the newest leaf only; reads go straight through.
const CACHE: u64 = 8 * 1024 * 1024;

/// sled's unit of allocation, in bytes. Items larger than a quarter of it leave the log for files of their own.
const SEGMENT: usize = 512 * 1024;

/// How long an earlier handle of this process may take to let go of the database file.
const RELEASE: Duration = Duration::from_secs(2);

/// What separates a stream's name from a record's number in a key. Names hold no control characters.
const SEPARATOR: u8 = 0;

/// The key of the journal's id; no stream's name is empty.
const ID: &[u8] = b"\0id";

/// What the keys begin with of what stands for pruned records.
const BASE: &[u8] = b"\0base\0";

/// The database, open.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    db: sled::Db,
}

/// What it takes to put the database's writes on disk; used by whoever may write, one at a time.
#[derive(Debug)]
pub(crate) struct Disk {
    file: File,
    path: PathBuf,
    large: PathBuf,
    synced: HashSet<OsString>,
}

impl Database {
    /// Opens the database in `dir`, creating it when it is missing.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        let deadline = Instant::now() + RELEASE;
        loop {
            match catch_unwind(AssertUnwindSafe(|| config(dir).open())) {
                Ok(Ok(db)) => return Ok(Self { db }),
                Ok(Err(sled::Error::Io(error))) if locked(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(5));
                }
                Ok(Err(error)) => return Err(unreadable(dir, &error.to_string())),
                Err(panic) => return Err(unreadable(dir, &panic_text(panic.as_ref()))),
            }
        }
    }

    /// Creates the folder of a database, open to its owner alone.
    pub(crate) fn create_dir(dir: &Path) -> Result<(), Error> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(Error::io("create", dir))
    }

    /// The journal's id, made on first use (and durable with the first sync).
    pub(crate) fn id(&self) -> Result<uuid::Uuid, Error> {
        if let Some(id) = self.stored_id()? {
            return Ok(id);
        }
        let id = uuid::Uuid::new_v4();
        self.db.insert(ID, id.as_bytes()).map_err(|error| broken(&error))?;
        Ok(id)
    }

    /// The journal's id, if it has one.
    pub(crate) fn stored_id(&self) -> Result<Option<uuid::Uuid>, Error> {
        let value = self.db.get(ID).map_err(|error| broken(&error))?;
        Ok(value.and_then(|value| uuid::Uuid::from_slice(&value).ok()))
    }

    /// Puts a record's line at its place. Not durable before the next [`Disk::sync`].
    pub(crate) fn insert(&self, stream: &str, seq: u64, line: &[u8]) -> Result<(), Error> {
        let earlier = self.db.insert(key(stream, seq), line).map_err(|error| broken(&error))?;
        assert!(earlier.is_none(), "record {seq} of {stream:?} would be overwritten");
        Ok(())
    }

    /// Takes a record away, as damage would.
    #[cfg(test)]
    pub(crate) fn remove(&self, stream: &str, seq: u64) {
        assert!(self.db.remove(key(stream, seq)).unwrap().is_some(), "it was there");
    }

    /// The raw lines of a stream from `from` on, in order, with the place that each has in the store.
    pub(crate) fn lines(
        &self,
        stream: &str,
        from: u64,
    ) -> impl Iterator<Item = Result<(u64, String), Error>> + Send + use<> {
        let range = key(stream, from)..=key(stream, u64::MAX);
        self.db.range(range).map(|item| {
            let (key, line) = item.map_err(|error| broken(&error))?;
            Ok((seq_of(&key), String::from_utf8_lossy(&line).into_owned()))
        })
    }

    /// The line at this place.
    pub(crate) fn line(&self, stream: &str, seq: u64) -> Result<Option<String>, Error> {
        let line = self.db.get(key(stream, seq)).map_err(|error| broken(&error))?;
        Ok(line.map(|line| String::from_utf8_lossy(&line).into_owned()))
    }

    /// The newest line of a stream.
    pub(crate) fn newest(&self, stream: &str) -> Result<Option<(u64, String)>, Error> {
        self.newest_before(stream, u64::MAX)
    }

    /// The newest line of a stream before this place.
    pub(crate) fn newest_before(&self, stream: &str, seq: u64) -> Result<Option<(u64, String)>, Error> {
        let range = key(stream, 0)..key(stream, seq);
        let newest = self.db.range(range).next_back().transpose().map_err(|error| broken(&error))?;
        Ok(newest.map(|(key, line)| (seq_of(&key), String::from_utf8_lossy(&line).into_owned())))
    }

    /// What stands for the records of a stream that were pruned.
    pub(crate) fn base(&self, stream: &str) -> Result<Option<Base>, Error> {
        let Some(value) = self.db.get(base_key(stream)).map_err(|error| broken(&error))? else { return Ok(None) };
        let unread = |error: serde_json::Error| Damage {
            seq: 0,
            kind: DamageKind::BadBase { reason: format!("it cannot be read: {error}") },
        };
        serde_json::from_slice(&value).map(Some).map_err(|error| damaged(stream, unread(error)))
    }

    /// Puts what stands for the first records of a stream in their place, at once or not at all.
    pub(crate) fn prune(&self, stream: &str, from: u64, base: &Base) -> Result<(), Error> {
        let mut batch = sled::Batch::default();
        (from..base.size()).for_each(|seq| batch.remove(key(stream, seq)));
        batch.insert(base_key(stream), serde_json::to_vec(base).expect("a base is plain data"));
        self.db.apply_batch(batch).map_err(|error| broken(&error))
    }

    /// The names of the streams, in order.
    pub(crate) fn streams(&self) -> Result<Vec<String>, Error> {
        let mut names = Vec::new();
        let mut after = vec![SEPARATOR + 1];
        while let Some(item) = self.db.range(after..).next() {
            let (key, _) = item.map_err(|error| broken(&error))?;
            let name = &key[..key.len().saturating_sub(9)];
            names.push(String::from_utf8_lossy(name).into_owned());
            after = [name, &[SEPARATOR + 1]].concat();
        }
        Ok(names)
    }

    /// Hands everything written so far to the operating system.
    pub(crate) fn flush(&self) -> Result<(), Error> {
        self.db.flush().map(drop).map_err(|error| broken(&error))
    }
}

impl Disk {
    /// Puts a database that was just opened, and its folders, on disk.
    pub(crate) fn establish(database: &Database, dir: &Path) -> Result<Self, Error> {
        let path = dir.join("db");
        let file = OpenOptions::new().read(true).write(true).open(&path).map_err(Error::io("open", &path))?;
        let mut disk = Self { file, path, large: dir.join("blobs"), synced: HashSet::new() };
        disk.sync(database)?;
        let conf = dir.join("conf");
        File::open(&conf).and_then(|file| file.sync_all()).map_err(Error::io("sync", &conf))?;
        dir.ancestors().take(3).filter(|dir| dir.is_dir()).try_for_each(sync_dir)?;
        Ok(disk)
    }

    /// Returns once everything inserted so far is on disk.
    pub(crate) fn sync(&mut self, database: &Database) -> Result<(), Error> {
        database.flush()?;
        self.sync_large()?;
        self.file.sync_data().map_err(Error::io("sync", &self.path))
    }

    fn sync_large(&mut self) -> Result<(), Error> {
        let names = match std::fs::read_dir(&self.large) {
            Ok(entries) => entries.filter_map(|entry| entry.ok().map(|entry| entry.file_name())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(Error::io("read", &self.large)(error)),
        };
        let present: HashSet<_> = names.collect();
        let fresh: Vec<_> = present.difference(&self.synced).collect();
        for name in &fresh {
            let path = self.large.join(name);
            match File::open(&path).and_then(|file| file.sync_all()) {
                // sled removed it meanwhile: what it held stands elsewhere in the log.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                outcome => outcome.map_err(Error::io("sync", &path))?,
            }
        }
        if !fresh.is_empty() {
            sync_dir(&self.large)?;
        }
        self.synced = present;
        Ok(())
    }
}

fn config(dir: &Path) -> sled::Config {
    sled::Config::new()
        .path(dir)
        .cache_capacity(CACHE)
        .segment_size(SEGMENT)
        .mode(sled::Mode::HighThroughput)
        .flush_every_ms(None)
        .use_compression(false)
}

fn key(stream: &str, seq: u64) -> Vec<u8> {
    [stream.as_bytes(), &[SEPARATOR], &seq.to_be_bytes()].concat()
}

/// No stream's name begins with the separator.
fn base_key(stream: &str) -> Vec<u8> {
    [BASE, stream.as_bytes()].concat()
}

fn seq_of(key: &[u8]) -> u64 {
    let tail = key.last_chunk::<8>().copied().unwrap_or_default();
    u64::from_be_bytes(tail)
}

/// sled reports a database that is in use as an error of kind `Other` that says so.
fn locked(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::WouldBlock || error.to_string().contains("could not acquire lock")
}

fn broken(error: &sled::Error) -> Error {
    Error::Broken(error.to_string())
}

/// A database that cannot be read, and what can be done about it.
pub(crate) fn unreadable(dir: &Path, what: &str) -> Error {
    let remedy = format!(
        "keep a copy of {0}, then put an earlier copy of the folder back, or move it away and let the next `run` \
         recognise what stands by its marks (`--adopt`)",
        dir.display()
    );
    Error::Unreadable { what: what.to_owned(), remedy }
}

/// The message of a panic that sled raised.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("the store panicked").to_owned()
}
