//! One stream, as those who append to it see it.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::Error;
use crate::event::{Event, RunId};
use crate::record::Record;
use crate::state::StreamState;
use crate::writer::Desk;

/// Appends events to a stream. [`Stream`] is the real one; tests wrap it to crash before or after a record.
#[async_trait]
pub trait Append: Send + Sync {
    /// Appends an event and returns its record once it is on disk.
    ///
    /// # Errors
    /// [`Error::Illegal`] when the event may not happen now (nothing was written); any other error means that the
    /// journal cannot be relied upon any more.
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, Error>;
}

/// The records of one deployment, open for appending. Cheap to clone; outlives its [`crate::Store`] as a closed one.
#[derive(Clone)]
pub struct Stream {
    shared: Arc<Shared>,
    desk: Arc<Desk>,
}

/// What a stream's handles and the writer share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) name: String,
    state: Mutex<Arc<StreamState>>,
}

impl Shared {
    pub(crate) fn new(name: &str, state: StreamState) -> Self {
        Self { name: name.to_owned(), state: Mutex::new(Arc::new(state)) }
    }

    pub(crate) fn state(&self) -> Arc<StreamState> {
        Arc::clone(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Folds in a record that is on disk now, and that was legal when it was written.
    pub(crate) fn settle(&self, record: &Record) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut state).apply(record).expect("the writer has applied it to the same state before");
    }
}

impl Stream {
    pub(crate) fn new(shared: Arc<Shared>, desk: Arc<Desk>) -> Self {
        Self { shared, desk }
    }

    /// Forgets the runs before this one: their records were pruned.
    pub(crate) fn forget_before(&self, last: RunId) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::make_mut(&mut state).forget_before(last);
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What its durable records add up to: a snapshot that later appends do not change.
    #[must_use]
    pub fn state(&self) -> Arc<StreamState> {
        self.shared.state()
    }

    /// Appends an event and returns its record once it is on disk. Concurrent appends share one sync.
    ///
    /// An append that is alone syncs on the caller's thread, which waits for the disk meanwhile. Dropping the future
    /// leaves open whether the event is appended.
    ///
    /// # Errors
    /// [`Error::Illegal`] when the event may not happen now (nothing was written); [`Error::Broken`] when this or an
    /// earlier write failed; [`Error::Closed`] when the store is gone.
    pub async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, Error> {
        self.desk.append(&self.shared, run, event).await
    }
}

#[async_trait]
impl Append for Stream {
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, Error> {
        Self::append(self, run, event).await
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream").field("name", &self.shared.name).finish_non_exhaustive()
    }
}
