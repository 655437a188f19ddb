//! Writing what devices measured into their twins.
//!
//! Many instances may write one twin at the same time, each message may come many times, late and out of order, and an
//! answer may get lost. All the same every property of a twin ends with the newest value that was sent for it.
//!
//! # Why it converges
//!
//! The values of one property are ordered by their stamp: time first, then a digest of the value (so that two values of
//! one time have an order too, the same for everybody). A twin carries the time as the property's `sourceTime` beside the
//! value, so its stamp can be read back.
//!
//! 1. *A write is a compare-and-set.* It carries the version (ETag) of a state whose stamps are known, and holds only
//!    values with greater stamps than that state's. It takes effect only if the twin is still in that state, all of it
//!    or nothing. That holds for writes whose answer was lost and for writes that arrive late, too: the version lets at
//!    most one write follow each state.
//! 2. *So the stamp of a property never falls,* whoever writes in this way, in whatever order.
//! 3. *A caller is told "updated" or "nothing to do" only when the twin has been seen, read or written, in a state with a
//!    stamp at least as great as that of each of its values.* By 2 it stays so. A memory of an earlier state may
//!    serve: the twin's stamps can only have grown since, and where a write follows, its version is checked.
//! 4. Let every message be delivered until one delivery is answered so (that is what the senders do). By 3 each property's
//!    stamp is then at least the greatest that was sent; only sent values are written, so it is that one. Nothing in this
//!    depends on the order, the number of deliveries or the number of writers.
//!
//! A write of something else (an operator's, a new deployment's) may take values back. It changes the version, so the
//! next write notices, reads again, and goes on from there.
//!
//! # Objects
//!
//! A property whose schema is an Object is one value with one source time, as the service sees it: a field of an object
//! that was never set cannot be added. Devices name its fields (`position.x`, `position: {"x": ..}`, deeper too). What one
//! message says of it is put together into one object and written whole, and the last message wins as a whole: a field
//! that it leaves out, or gives a value of another type (which is reported), is absent then. So all of the above holds
//! with the object for the value: its stamp is that of the whole object, and no state mixes the fields of two messages,
//! which would have no time. A device should send the fields of an object together.
//!
//! # What it costs
//!
//! With the twin in memory a write is one PATCH. A stale memory costs one 412 and a GET. A message that is not newer than
//! what is in memory costs nothing. Memory is bounded ([`Options::remembered`]).
//!
//! # The limit of ten a second
//!
//! Each twin has a task while there is something to write, and the task keeps the twin's pace; whoever comes meanwhile is
//! merged into the next write, the newest value of each property. The limit holds per process; where several write one
//! twin, the instance's 429 slows them, and the time that it names is kept.

mod adt;
mod batch;
mod feed;
mod fit;
mod item;
mod known;
mod memory;
mod names;
mod outcome;
mod pace;
mod shared;
mod stamp;
mod store;
mod worker;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::oneshot, time::timeout_at};

use self::{batch::Job, shared::Shared};
pub use self::{
    feed::{Feed, Feeds},
    outcome::{Failure, Names, Report, Written},
    store::{Snapshot, Store, StoreError},
};
use crate::telemetry::Telemetry;

/// How a writer works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many idle twins are remembered (version and times of their values; about 200 bytes each).
    pub remembered: usize,
    /// The time that one request may take.
    pub attempt: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { remembered: 50_000, attempt: Duration::from_secs(10) }
    }
}

/// Writes twins of one instance; cheap to clone, its clones share the work. One per instance and process, since it is what
/// merges and paces.
#[derive(Clone)]
pub struct Writer(Arc<Shared>);

impl Writer {
    /// A writer over a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, options: Options) -> Self {
        Self(Arc::new(Shared::new(store, options)))
    }

    /// Writes what the device's twin can take and does not have yet, and answers by the deadline.
    ///
    /// Must be called within a tokio runtime. A caller that goes away takes nothing back: its values may still be written.
    ///
    /// # Errors
    /// [`Failure`]; whichever it is, sending the same again is safe.
    pub async fn write(&self, feed: &Feed, telemetry: Telemetry, deadline: Instant) -> Result<Written, Failure> {
        let (items, mut report) = item::prepare(feed, telemetry);
        if items.is_empty() {
            return Ok(Written { updated: false, report });
        }
        let (reply, answer) = oneshot::channel();
        let deadline = deadline.into();
        let outcome = match self.0.submit(&feed.twin, Job::new(items, deadline, reply)) {
            Some(outcome) => outcome,
            None => match timeout_at(deadline, answer).await {
                Ok(Ok(outcome)) => outcome,
                // The task is gone with its runtime, or died.
                Ok(Err(_)) => Err(Failure::Upstream),
                Err(_) => Err(Failure::TimedOut),
            },
        };
        match outcome {
            Ok((updated, refused)) => {
                report.refused = refused;
                Ok(Written { updated, report })
            }
            Err(Failure::Refused(refused)) => {
                report.refused = refused.refused;
                Err(Failure::Refused(report))
            }
            Err(failure) => Err(failure),
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("options", &self.0.options).finish_non_exhaustive()
    }
}
