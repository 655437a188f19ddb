//! The outbox: brings what happens in a state folder to one sink, across crashes of this process and absences of the sink.
//!
//! The journal is read like any reader does: without its lease, while owners come and go. It is looked at now and then
//! rather than followed stream by stream: one look tells the heads of all streams, new ones included, and thereby the lag.
//!
//! What is kept beside the journal is `<state>/outbox/<sink id>.json`, the cursor. A batch goes in three steps, each of which
//! may be the last that this process does:
//!
//! 1. the batch's first and last record are noted as on their way (fsync);
//! 2. the events are sent, again and again until all are taken;
//! 3. the place after them is noted (fsync).
//!
//! A start that finds a batch on its way sends it again, the same events with the same ids. So an event is lost only with the
//! journal, and comes twice only when a process ended between 2 and 3, or an answer was lost; the id tells.

mod batch;
mod courier;
mod cursor;
mod shelf;
mod source;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use backoff::{ExponentialBackoff, backoff::Backoff as _};
use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use self::{courier::Courier, shelf::FileShelf, source::FolderSource};
use crate::{Error, Sink, durable};

/// How long a batch that is being sent may take after the outbox was told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// The longest that a sink can make us wait.
const LONGEST_ASKED: Duration = Duration::from_secs(10 * 60);

/// How the names of files begin that are no cursors: what was heard.
pub(crate) const LEDGER: &str = "asks-";

/// Where a sink begins that was never sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// After what has happened so far.
    Now,
    /// With the first record of each stream.
    Beginning,
}

/// How often is looked, and how often tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at a journal that has nothing new.
    pub look: Duration,
    /// After the first failure; doubled from one to the next, with jitter.
    pub first_delay: Duration,
    /// The longest that the doubling leads to.
    pub longest_delay: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_millis(500),
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(5 * 60),
        }
    }
}

/// How far a sink is behind the journal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lag {
    /// The records that are still to be read or sent; most are no events.
    pub records: u64,
    /// When the oldest of them was appended, when it is known: a batch of it is on its way.
    pub oldest: Option<DateTime<Utc>>,
    /// The failures since the last success.
    pub failures: u32,
    /// The events that the sink has taken since this process began.
    pub sent: u64,
}

/// The first record of a stream that some sink has still to get, and which cursor says so; none when no sink was ever
/// sent to. Records from it on must stay in the journal.
///
/// # Errors
/// [`Error::Io`], and [`Error::Malformed`] when a cursor cannot be read.
pub fn still_needed(state: &Path, stream: &str) -> Result<Option<(u64, PathBuf)>, Error> {
    let mut needed: Option<(u64, PathBuf)> = None;
    for path in durable::files(state)? {
        let is_ledger = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(LEDGER));
        if is_ledger {
            continue;
        }
        let Some(cursor) = durable::read::<cursor::Cursor>(&path)? else { continue };
        let next = cursor.position(stream).next;
        if needed.as_ref().is_none_or(|(least, _)| next < *least) {
            needed = Some((next, path));
        }
    }
    Ok(needed)
}

/// What brings a state folder's events to one sink.
pub struct Outbox {
    state: PathBuf,
    sink: Arc<dyn Sink>,
    start: Start,
    pace: Pace,
    lag: Arc<Mutex<Lag>>,
}

impl Outbox {
    /// The outbox of a state folder, where a journal need not be yet, and a sink; does nothing yet.
    #[must_use]
    pub fn new(state: &Path, sink: Arc<dyn Sink>, start: Start) -> Self {
        Self { state: state.to_owned(), sink, start, pace: Pace::default(), lag: Arc::default() }
    }

    /// The same at another pace.
    #[must_use]
    pub fn at_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// How far the sink is behind, as of the last look.
    #[must_use]
    pub fn lag(&self) -> Lag {
        self.lag.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The sink's name.
    #[must_use]
    pub fn sink(&self) -> String {
        self.sink.id()
    }

    /// Brings events to the sink until it is told to stop. A batch on its way then has five seconds more.
    ///
    /// Failures are logged and tried again without end. Dropping the future is as a crash: nothing is lost.
    ///
    /// # Errors
    /// Only what a person must look at ([`Error::is_final`]): another process sends to the same sink, or the cursor does not
    /// fit the journal.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Error> {
        let mut courier = self.courier()?;
        let mut delays = self.delays();
        tracing::info!(sink = %self.sink.id(), state = %self.state.display(), "events are brought to the sink");
        while !stop.is_cancelled() {
            let moved = tokio::select! {
                moved = courier.round() => moved,
                () = given_up(&stop) => break,
            };
            let pause = match moved {
                Ok(moved) => {
                    delays.reset();
                    if moved { Duration::ZERO } else { self.pace.look }
                }
                Err(error) if error.is_final() => return Err(error),
                Err(error) => self.delay(&mut delays, &error),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => {}
            }
        }
        courier.rest()
    }

    fn courier(&self) -> Result<Courier, Error> {
        let shelf = FileShelf::take(&durable::folder(&self.state)?, &self.sink.id())?;
        let source = Arc::new(FolderSource::new(&self.state));
        Courier::new(source, Arc::clone(&self.sink), Box::new(shelf), self.start, Arc::clone(&self.lag))
    }

    fn delays(&self) -> ExponentialBackoff {
        let mut delays = ExponentialBackoff {
            initial_interval: self.pace.first_delay,
            max_interval: self.pace.longest_delay,
            multiplier: 2.0,
            randomization_factor: 0.5,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        };
        delays.reset();
        delays
    }

    /// The wait after a failure; never shorter than what the sink asked for, within reason.
    fn delay(&self, delays: &mut ExponentialBackoff, error: &Error) -> Duration {
        let own = delays.next_backoff().unwrap_or(self.pace.longest_delay);
        let asked = match error {
            Error::Sink { source, .. } => source.retry_after().unwrap_or_default().min(LONGEST_ASKED),
            _ => Duration::ZERO,
        };
        let delay = own.max(asked);
        let failures = self.lag().failures;
        tracing::warn!(sink = %self.sink.id(), failures, retry_in = ?delay, "failed to {error}; trying again");
        delay
    }
}

impl std::fmt::Debug for Outbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbox").field("state", &self.state).field("sink", &self.sink.id()).finish_non_exhaustive()
    }
}

async fn given_up(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(GRACE).await;
}

#[cfg(test)]
mod tests;
