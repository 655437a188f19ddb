//! The writer's work: an event becomes a record, the record durable, and then known to everybody.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::base::Base;
use crate::clock::Clock;
use crate::error::Error;
use crate::event::{Event, RunId};
use crate::heads::Heads;
use crate::published::Published;
use crate::record::{Actor, Draft, Head, Record};
use crate::sled_store::{Database, Disk, panic_text};
use crate::state::StreamState;
use crate::stream::Shared;
use crate::wal::Wal;

/// The largest record, in bytes. Bulk work belongs into documents, its checkpoints into the journal.
pub(crate) const MAX_RECORD: usize = 1024 * 1024;

/// Everything that is written to.
pub(crate) struct Files {
    pub(crate) database: Database,
    pub(crate) disk: Disk,
    pub(crate) wal: Wal,
    pub(crate) heads: Heads,
}

/// A record that is checked and waits to be put on disk.
pub(crate) struct Written {
    stream: Arc<Shared>,
    pub(crate) record: Record,
    pub(crate) line: String,
}

/// The files with what it takes to write to them; whoever holds it is the only one who writes.
pub(crate) struct Work {
    files: Files,
    published: Arc<Published>,
    actor: Actor,
    clock: Arc<dyn Clock>,
    /// The states with the records that wait for the sync.
    pending: BTreeMap<String, StreamState>,
    /// Why nothing may be written any more: what is on disk is not certain.
    broken: Option<String>,
}

impl Work {
    pub(crate) fn new(files: Files, published: Arc<Published>, actor: Actor, clock: Arc<dyn Clock>) -> Self {
        Self { files, published, actor, clock, pending: BTreeMap::new(), broken: None }
    }

    /// Checks an event against what is written so far and makes its record. It must be committed next.
    pub(crate) fn write(&mut self, stream: &Arc<Shared>, run: Option<RunId>, event: Event) -> Result<Written, Error> {
        self.sound()?;
        let pending = self.pending.entry(stream.name.clone()).or_insert_with(|| (*stream.state()).clone());
        let (head, time) = (pending.head.as_ref(), self.clock.now());
        let draft = Draft { stream: &stream.name, head, time, actor: &self.actor, run, event };
        let (record, line) = draft.seal();
        if line.len() > MAX_RECORD {
            return Err(Error::TooLarge { bytes: line.len(), most: MAX_RECORD });
        }
        pending.apply(&record)?;
        Ok(Written { stream: Arc::clone(stream), record, line })
    }

    /// Puts what is written on disk; then it is in the streams' states, and readers see it. [`Work::sound`] tells
    /// whether it is.
    pub(crate) fn commit(&mut self, written: &[Written]) {
        if written.is_empty() || self.broken.is_some() {
            return;
        }
        match unbroken(|| self.files.put(written)) {
            Ok(newest) => {
                self.published.publish(newest);
                written.iter().for_each(|written| written.stream.settle(&written.record));
            }
            Err(error) => self.broken = Some(error.to_string()),
        }
    }

    /// Whether everything that was committed is on disk.
    pub(crate) fn sound(&self) -> Result<(), Error> {
        self.broken.as_ref().map_or(Ok(()), |broken| Err(Error::Broken(broken.clone())))
    }

    /// Whether the write-ahead file has grown so far that it should be emptied.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        self.broken.is_none() && self.files.wal.is_worn()
    }

    /// Makes a checkpoint if one is due.
    pub(crate) fn tidy(&mut self) {
        if self.is_checkpoint_due() {
            let outcome = unbroken(|| self.files.checkpoint());
            self.broken = outcome.err().map(|error| error.to_string());
        }
    }

    /// Puts what stands for records in their place, on disk.
    pub(crate) fn prune(&mut self, stream: &str, from: u64, base: &Base) -> Result<(), Error> {
        self.sound()?;
        let files = &mut self.files;
        // The write-ahead file first: what it holds would otherwise be put back when it is replayed.
        let outcome = unbroken(|| files.checkpoint())
            .and_then(|()| unbroken(|| files.database.prune(stream, from, base)))
            .and_then(|()| unbroken(|| files.disk.sync(&files.database)));
        self.broken = outcome.as_ref().err().map(ToString::to_string);
        outcome
    }

    /// Leaves everything in the database, and the write-ahead file empty.
    pub(crate) fn close(mut self) {
        if self.broken.is_some() || self.files.wal.is_empty() {
            return;
        }
        if let Err(error) = unbroken(|| self.files.checkpoint()) {
            tracing::warn!(%error, "the journal's records stay in its write-ahead file until it is opened again");
        }
    }
}

impl Files {
    /// Puts records on disk, then into the database and the heads; tells the new heads.
    fn put(&mut self, written: &[Written]) -> Result<BTreeMap<String, Head>, Error> {
        self.wal.append(written.iter().map(|written| written.line.as_str()))?;
        let mut newest = BTreeMap::new();
        for Written { stream, record, line } in written {
            self.database.insert(&stream.name, record.seq, line.as_bytes())?;
            newest.insert(stream.name.clone(), record.head());
        }
        newest.iter().try_for_each(|(stream, head)| self.heads.put(stream, head))?;
        Ok(newest)
    }

    /// Puts the database on disk, and empties the write-ahead file.
    fn checkpoint(&mut self) -> Result<(), Error> {
        self.disk.sync(&self.database)?;
        self.wal.renew()
    }
}

/// Turns a panic of the database into an error: the writer must live to tell it.
fn unbroken<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(Error::Broken(panic_text(panic.as_ref()))))
}
