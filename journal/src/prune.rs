//! Pruning: old records leave the journal, and what they added up to stands in their place.
//!
//! The order makes every moment safe to be killed in: the records are exported and the export is on disk; a record says
//! that they leave, and what stands for them; only then are they taken away, all at once. What a crash left undone
//! between the last two is finished when the stream is opened next.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::base::Base;
use crate::check::Depth;
use crate::definitions::sync_dir;
use crate::error::Error;
use crate::event::{Digest, Event};
use crate::load::{damaged, failed};
use crate::record::{Record, hex};
use crate::sled_store::Database;
use crate::state::PrunedState;
use crate::store::Store;
use crate::verify::{Damage, DamageKind, Known, parse};

/// What a prune did.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Pruned {
    /// The record that says so.
    pub record: Record,
    /// The first record that the export holds.
    pub first: u64,
    /// How many records left in all; the first that is left has this number.
    pub size: u64,
    /// The SHA-256 of the export.
    pub export: Digest,
}

impl Store {
    /// Takes the records from before a time out of a stream, up to where a run began, after writing them to `export`
    /// (JSON Lines of the records themselves), a file that must not be there yet. Those from `keep` on stay in any case.
    /// None when there is nothing to take.
    ///
    /// # Errors
    /// [`Error::Unrested`] while a run is unfinished; [`Error::Damaged`] when what is to leave does not hold, of which
    /// then nothing leaves; [`Error::Io`].
    pub async fn prune(
        &self,
        stream: &str,
        before: DateTime<Utc>,
        keep: u64,
        export: &Path,
    ) -> Result<Option<Pruned>, Error> {
        let handle = self.stream(stream)?;
        if let Some(run) = handle.state().last_run().filter(|run| !run.status.at_rest()) {
            return Err(Error::Unrested { run: run.id.to_string(), status: run.status.to_string() });
        }
        let database = self.database();
        let first = database.base(stream)?.map_or(0, |base| base.size());
        let size = cut(database, stream, before, keep)?;
        if size <= first {
            return Ok(None);
        }
        let mut file = Export::create(export)?;
        let base = base_of(database, stream, size, |line| file.put(line))?;
        let last = base.state().ok().and_then(|state| Some(state.last_run()?.id));
        let export = file.close()?;
        let (root, state) = (base.tree().root(), base.digest());
        let event = Event::Pruned { size, root, state, export: export.clone(), before };
        let record = handle.append(None, event).await?;
        self.take_away(stream, first, &base)?;
        if let Some(last) = last {
            handle.forget_before(last);
        }
        Ok(Some(Pruned { record, first, size, export }))
    }

    /// Finishes a prune that a crash interrupted; tells whether there was something left to do.
    pub(crate) fn finish_prune(&self, stream: &str, said: &PrunedState) -> Result<bool, Error> {
        let first = self.database().base(stream)?.map_or(0, |base| base.size());
        if said.size <= first {
            return Ok(false);
        }
        tracing::warn!(stream, size = said.size, "finishing a prune that an ended process did not finish");
        let base = base_of(self.database(), stream, said.size, |_| Ok(()))?;
        let bad = |reason| damaged(stream, Damage { seq: said.size, kind: DamageKind::BadBase { reason } });
        base.confirmed(said).map_err(bad)?;
        self.take_away(stream, first, &base).map(|()| true)
    }
}

/// How many of the first records can leave: all are older than `before`, and a run begins after them.
fn cut(database: &Database, stream: &str, before: DateTime<Utc>, keep: u64) -> Result<u64, Error> {
    let mut cut = 0;
    for item in database.lines(stream, 0) {
        let (seq, line) = item?;
        let record = parse(&line).map_err(|kind| damaged(stream, Damage { seq, kind }))?;
        if record.seq > keep {
            break;
        }
        if matches!(record.event, Event::RunStarted { .. }) {
            cut = record.seq;
        }
        if record.time >= before {
            break;
        }
    }
    Ok(cut)
}

/// What the first `size` records add up to; each line is checked, and handed out.
fn base_of(
    database: &Database,
    stream: &str,
    size: u64,
    mut each: impl FnMut(&str) -> Result<(), Error>,
) -> Result<Base, Error> {
    let earlier = database.base(stream)?;
    let lines = database.lines(stream, 0).take_while(|item| item.as_ref().map_or(true, |(seq, _)| *seq < size));
    let lines = lines.map(|item| item.and_then(|(_, line)| each(&line).map(|()| line)));
    let known = Known::default();
    let fold = crate::verify::fold_part(stream, earlier.as_ref(), lines, Depth::Everything, &known);
    let fold = fold.map_err(|failure| failed(stream, failure))?;
    Ok(Base::new(fold.tree, fold.state))
}

/// The file that takes the records that leave.
struct Export {
    path: PathBuf,
    file: BufWriter<File>,
    hasher: Sha256,
}

impl Export {
    fn create(path: &Path) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = BufWriter::new(file.map_err(Error::io("create", path))?);
        Ok(Self { path: path.to_owned(), file, hasher: Sha256::new() })
    }

    fn put(&mut self, line: &str) -> Result<(), Error> {
        for part in [line.as_bytes(), b"\n"] {
            self.hasher.update(part);
            self.file.write_all(part).map_err(Error::io("write", &self.path))?;
        }
        Ok(())
    }

    /// Returns the digest of what was written, once it is on disk.
    fn close(self) -> Result<Digest, Error> {
        let Self { path, file, hasher } = self;
        let file = file.into_inner().map_err(|error| Error::io("write", &path)(error.into_error()))?;
        file.sync_all().map_err(Error::io("sync", &path))?;
        let parent = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        sync_dir(parent)?;
        Ok(hex(&hasher.finalize()))
    }
}
