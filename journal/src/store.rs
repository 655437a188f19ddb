//! The store: the writing side of the journal, held by one process.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::Base;
use crate::clock::{Clock, SystemClock};
use crate::definitions::Definitions;
use crate::error::Error;
use crate::heads::{self, Heads};
use crate::index::{Index, Overview};
use crate::lease::{Lease, Owner};
use crate::load;
use crate::published::Published;
use crate::record::{Actor, Head, VERSION};
use crate::server::Server;
use crate::sled_store::{Database, Disk};
use crate::stream::{Shared, Stream};
use crate::verify::{Damage, DamageKind, reaches};
use crate::wal::{self, Wal};
use crate::work::{Files, Work};
use crate::writer::Writer;

/// The folder of the database below the state folder.
pub(crate) const DATABASE: &str = "journal";

/// The journal of a state folder, open for writing. Dropping it closes everything before it returns.
pub struct Store {
    dir: PathBuf,
    owner: Owner,
    id: uuid::Uuid,
    known: BTreeMap<String, Head>,
    streams: Arc<Streams>,
    /// Present until the store is dropped.
    open: Option<Open>,
}

/// What is closed, in this order: no more writes, no more readers, then the database, then the lease.
struct Open {
    writer: Writer,
    server: Server,
    database: Database,
    lease: Lease,
}

/// The streams that were opened, and what an earlier owner noted of the others.
#[derive(Debug)]
pub(crate) struct Streams {
    opened: Mutex<BTreeMap<String, Arc<Shared>>>,
    noted: Index,
}

impl Streams {
    /// What was done in a stream, as far as it is known without reading its records.
    pub(crate) fn overview(&self, stream: &str) -> Option<Overview> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner).get(stream).cloned();
        opened.map(|shared| Overview::of(&shared.state())).or_else(|| self.noted.0.get(stream).cloned())
    }

    /// The overviews of all.
    fn index(&self) -> Index {
        let mut index = self.noted.clone();
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        index.0.extend(opened.iter().map(|(name, shared)| (name.clone(), Overview::of(&shared.state()))));
        index
    }
}

impl Store {
    /// Takes the lease of a state folder and opens its journal, creating both when they are missing.
    ///
    /// `command` is what the process runs, without arguments that may hold secrets: it is shown to whoever is refused.
    ///
    /// # Errors
    /// [`Error::Locked`] at once when another process holds the lease; [`Error::Unreadable`], [`Error::Damaged`] or
    /// [`Error::NewerFormat`] when the store must not be written; [`Error::Io`].
    pub fn open(dir: &Path, actor: Actor, command: &str) -> Result<Self, Error> {
        Self::open_with(dir, actor, command, Arc::new(SystemClock))
    }

    /// The same with a clock of the caller's.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_with(dir: &Path, actor: Actor, command: &str, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Database::create_dir(dir)?;
        let owner = Owner::new(&actor, command, clock.now());
        // Before anything is touched: afterwards it is not known any more whether it still counts.
        let noted = Index::read(dir).unwrap_or_default();
        let lease = Lease::take(dir, &owner)?;
        // From here on readers find the owner, so none of them copies a database that is being opened.
        let listener = Server::bind(dir)?;
        let (database, mut disk) = open_database(dir)?;
        let folder = dir.join(DATABASE);
        let replayed = wal::replay(&database, &folder)?;
        if let Some(fault) = replayed.fault {
            return Err(fault.error(&folder));
        }
        let known = heads::known(dir)?;
        let present = present_heads(&database, &known)?;
        let id = database.id()?;
        // Only now: what is on disk stays as it is while anything about it is wrong.
        let wal = open_wal(replayed.empty, &database, &mut disk, &folder)?;
        let published = Arc::new(Published::new(present));
        let streams = Arc::new(Streams { opened: Mutex::default(), noted: noted.at(&published.heads()) });
        let server = Server::start(listener, dir, &owner, &database, &published, &streams)?;
        let heads = Heads::open(dir)?.0;
        let files = Files { database: database.clone(), disk, wal, heads };
        let writer = Writer::start(Work::new(files, published, actor, clock))?;
        let dir = dir.to_owned();
        Ok(Self { dir, owner, id, known, streams, open: Some(Open { writer, server, database, lease }) })
    }

    /// The stream of this name: loaded, checked and folded on first use, empty when it is new.
    ///
    /// # Errors
    /// [`Error::Damaged`] when a record does not hold; [`Error::BadStreamName`].
    pub fn stream(&self, name: &str) -> Result<Stream, Error> {
        check_name(name)?;
        let mut streams = self.streams.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shared) = streams.get(name) {
            return Ok(self.parts().writer.stream(Arc::clone(shared)));
        }
        let load = || load::load(self.database(), name, self.known.get(name));
        let mut state = load()?;
        if let Some(said) = &state.pruned
            && self.finish_prune(name, said)?
        {
            state = load()?;
        }
        let shared = Arc::new(Shared::new(name, state));
        streams.insert(name.to_owned(), Arc::clone(&shared));
        Ok(self.parts().writer.stream(shared))
    }

    fn parts(&self) -> &Open {
        self.open.as_ref().expect("only dropping the store takes it")
    }

    pub(crate) fn database(&self) -> &Database {
        &self.parts().database
    }

    /// Puts what stands for records in their place, on disk.
    pub(crate) fn take_away(&self, stream: &str, from: u64, base: &Base) -> Result<(), Error> {
        self.parts().writer.prune(stream, from, base)
    }

    /// The journal's id: random, made with the store, the same ever after. Marks name it.
    #[must_use]
    pub fn id(&self) -> uuid::Uuid {
        self.id
    }

    /// The definitions beside the journal.
    #[must_use]
    pub fn definitions(&self) -> Definitions {
        Definitions::of(&self.dir)
    }

    /// Who holds the lease: this process.
    #[must_use]
    pub fn owner(&self) -> &Owner {
        &self.owner
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let Some(Open { writer, server, database, lease }) = self.open.take() else { return };
        drop((writer, server));
        drop(database);
        // Without it the records are read.
        if let Err(error) = self.streams.index().write(&self.dir) {
            tracing::warn!(%error, "the index of the runs was not written");
        }
        drop(lease);
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("dir", &self.dir).field("id", &self.id).finish_non_exhaustive()
    }
}

fn open_database(state: &Path) -> Result<(Database, Disk), Error> {
    let dir = state.join(DATABASE);
    Database::create_dir(&dir)?;
    remove_unfinished_snapshots(&dir)?;
    let database = Database::open(&dir)?;
    database.id()?;
    let disk = Disk::establish(&database, &dir)?;
    Ok((database, disk))
}

/// The write-ahead file, empty: what it held is put on disk in the database first.
fn open_wal(empty: bool, database: &Database, disk: &mut Disk, dir: &Path) -> Result<Wal, Error> {
    if empty {
        return Wal::reuse(dir, database.id()?);
    }
    disk.sync(database)?;
    Wal::create(dir, database.id()?)
}

/// Removes what sled was writing when its process ended: it was never in use, and sled cannot open beside it.
fn remove_unfinished_snapshots(dir: &Path) -> Result<(), Error> {
    for entry in std::fs::read_dir(dir).map_err(Error::io("read", dir))? {
        let path = entry.map_err(Error::io("read", dir))?.path();
        if unfinished_snapshot(&path) {
            tracing::warn!(path = %path.display(), "removing a snapshot that an ended process did not finish");
            std::fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        }
    }
    Ok(())
}

/// Whether this is a snapshot of sled's that it had not finished.
pub(crate) fn unfinished_snapshot(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.starts_with("snap.") && name.ends_with(".generating")
}

/// The newest record of each stream, checked against what is known to have been on disk.
fn present_heads(database: &Database, known: &BTreeMap<String, Head>) -> Result<BTreeMap<String, Head>, Error> {
    let mut present = BTreeMap::new();
    for stream in database.streams()? {
        let Some((seq, line)) = database.newest(&stream)? else { continue };
        let record = crate::verify::parse(&line).map_err(|kind| match kind {
            DamageKind::NewerFormat { found } => Error::NewerFormat { found, known: VERSION },
            kind => Error::Damaged { stream: stream.clone(), damage: Box::new(Damage { seq, kind }) },
        })?;
        present.insert(stream, record.head());
    }
    for (stream, head) in known {
        let records = present.get(stream).map_or(0, |head| head.seq + 1);
        reaches(Some(head), records)
            .map_err(|damage| Error::Damaged { stream: stream.clone(), damage: Box::new(damage) })?;
    }
    Ok(present)
}

fn check_name(name: &str) -> Result<(), Error> {
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err(Error::BadStreamName { stream: name.to_owned() });
    }
    Ok(())
}
