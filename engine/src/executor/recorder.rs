//! The executor's hand on the journal: every record goes through here, and the fold follows.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use journal::{
    Append,
    event::{Event, RunId},
    record::Record,
    state::{RunState, StreamState},
};

use crate::error::Error;

/// Appends records and keeps the fold up to date with them.
pub(super) struct Recorder<'a> {
    journal: &'a dyn Append,
    fold: Mutex<Fold>,
}

struct Fold {
    state: StreamState,
    /// Records whose predecessors were appended by another step that has not been polled since.
    early: BTreeMap<u64, Record>,
    /// The first failure: nothing is written after it.
    broken: Option<journal::Error>,
}

impl<'a> Recorder<'a> {
    pub(super) fn new(journal: &'a dyn Append, state: StreamState) -> Self {
        Self { journal, fold: Mutex::new(Fold { state, early: BTreeMap::new(), broken: None }) }
    }

    /// Appends one record; returns once it is on disk.
    ///
    /// # Errors
    /// [`Error::Journal`]; everything has to stop then.
    pub(super) async fn append(&self, run: RunId, event: Event) -> Result<(), Error> {
        let record = self.journal.append(Some(run), event).await.map_err(Error::Journal)?;
        self.follow(record)
    }

    /// The same for what belongs to no run.
    pub(super) async fn append_between_runs(&self, event: Event) -> Result<(), Error> {
        let record = self.journal.append(None, event).await.map_err(Error::Journal)?;
        self.follow(record)
    }

    /// The same for a step, which gets the message only: the error itself is kept for [`Self::check`].
    pub(super) async fn append_for_step(&self, run: RunId, event: Event) -> Result<(), crate::step::Error> {
        self.append(run, event).await.map_err(|error| {
            let message = error.to_string();
            if let Error::Journal(error) = error {
                self.lock().broken.get_or_insert(error);
            }
            crate::step::Error::Journal(message)
        })
    }

    /// Fails when a step's append has failed, whatever the step made of it.
    pub(super) fn check(&self) -> Result<(), Error> {
        self.lock().broken.take().map_or(Ok(()), |error| Err(Error::Journal(error)))
    }

    /// Looks at the fold.
    pub(super) fn state<T>(&self, look: impl FnOnce(&StreamState) -> T) -> T {
        look(&self.lock().state)
    }

    /// The last run, as far as the fold has come.
    pub(super) fn last_run(&self) -> Option<RunState> {
        self.state(|state| state.last_run().cloned())
    }

    fn follow(&self, record: Record) -> Result<(), Error> {
        let mut fold = self.lock();
        fold.early.insert(record.seq, record);
        loop {
            let next = fold.state.head.as_ref().map_or(0, |head| head.seq + 1);
            let Some(record) = fold.early.remove(&next) else { return Ok(()) };
            fold.state.apply(&record).map_err(|illegal| Error::Journal(illegal.into()))?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Fold> {
        self.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
