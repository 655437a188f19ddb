//! The journal of a state folder, as far as schedules go.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use journal::{Actor, Event, Head, Reader, SCHEDULES, Store, Trigger};

use crate::{
    error::Error,
    seams::{Appended, Book, Found, Page},
};

/// How often the file beside the journal that tells the newest records is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// What the lease's owner is shown to run, while records are appended.
const COMMAND: &str = "twinctl serve";

/// The journal of a state folder.
#[derive(Clone)]
pub struct JournalBook(Arc<Inner>);

struct Inner {
    state: PathBuf,
    actor: Actor,
    clock: Arc<dyn journal::Clock>,
    /// Kept from read to read, since it keeps its copy of the journal while nothing changes.
    reader: Mutex<Option<Reader>>,
}

impl JournalBook {
    /// The journal of this folder, which need not be there yet. Records carry the actor and the clock's times.
    #[must_use]
    pub fn new(state: &Path, actor: Actor, clock: Arc<dyn journal::Clock>) -> Self {
        Self(Arc::new(Inner { state: state.to_owned(), actor, clock, reader: Mutex::new(None) }))
    }

    /// Does what waits for the disk on a thread that may wait.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| Error::GoingDown)?
    }
}

#[async_trait]
impl Book for JournalBook {
    async fn read(&self) -> Result<Page, Error> {
        self.apart(Inner::read).await
    }

    async fn append(&self, after: Option<Head>, events: Vec<Event>) -> Result<Appended, Error> {
        self.apart(move |inner| inner.append(after.as_ref(), events)).await
    }

    async fn run_of(&self, trigger: &Trigger) -> Result<Option<Found>, Error> {
        let trigger = trigger.clone();
        self.apart(move |inner| inner.run_of(&trigger)).await
    }

    async fn holder(&self) -> Option<String> {
        let holder =
            |inner: &Inner| Ok(inner.reader()?.and_then(|reader| reader.owner()).map(|owner| owner.to_string()));
        self.apart(holder).await.ok().flatten()
    }

    async fn released(&self) {
        while self.holder().await.is_some() {
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn changed(&self, head: Option<Head>) {
        loop {
            tokio::time::sleep(LOOK).await;
            // What cannot be read now is read, and reported, by whoever is woken for another reason.
            if self.apart(Inner::newest).await.is_ok_and(|newest| newest != head) {
                return;
            }
        }
    }
}

impl Inner {
    fn append(&self, after: Option<&Head>, events: Vec<Event>) -> Result<Appended, Error> {
        let opened = Store::open_with(&self.state, self.actor.clone(), COMMAND, Arc::clone(&self.clock));
        let store = match opened {
            Err(journal::Error::Locked { .. }) => return Ok(Appended::Held),
            opened => opened?,
        };
        let stream = store.stream(SCHEDULES)?;
        if stream.state().head.as_ref() != after {
            return Ok(Appended::Moved);
        }
        let runtime = tokio::runtime::Handle::current();
        for event in events {
            runtime.block_on(stream.append(None, event))?;
        }
        Ok(Appended::Done)
    }

    fn reader(&self) -> Result<Option<Reader>, Error> {
        let mut kept = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = match Reader::open(&self.state) {
                Err(journal::Error::NoJournal { .. }) => None,
                reader => Some(reader?),
            };
        }
        Ok(kept.clone())
    }

    fn read(&self) -> Result<Page, Error> {
        let Some(reader) = self.reader()? else { return Ok(Page::default()) };
        let state = reader.state(SCHEDULES)?;
        Ok(Page { head: state.head, schedules: state.schedules })
    }

    fn run_of(&self, trigger: &Trigger) -> Result<Option<Found>, Error> {
        let Some(reader) = self.reader()? else { return Ok(None) };
        for stream in reader.streams()?.into_iter().filter(|stream| stream.stream != SCHEDULES) {
            let state = reader.state(&stream.stream)?;
            if let Some(run) = state.run_of(trigger) {
                return Ok(Some(Found { run: run.id, status: run.status }));
            }
        }
        Ok(None)
    }

    fn newest(&self) -> Result<Option<Head>, Error> {
        match self.reader()? {
            Some(reader) => Ok(reader.known_head(SCHEDULES)?),
            None => Ok(None),
        }
    }
}
