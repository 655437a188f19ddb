//! What the daemon stands on: a clock, the journal, and something that does the work. Tests put others in their place.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use journal::{Event, Head, RunId, RunStatus, ScheduleSpec, ScheduleState, Trigger};
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// Tells the time, and waits for one.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> DateTime<Utc>;

    /// Returns once this time is reached, also when the clock is set meanwhile or the machine was asleep.
    async fn sleep_until(&self, at: DateTime<Utc>);
}

/// The schedules as the journal has them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    /// The newest record; absent while there was never a schedule.
    pub head: Option<Head>,
    /// The schedules by name.
    pub schedules: BTreeMap<String, ScheduleState>,
}

/// What became of records that were to be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Appended {
    /// They are on disk.
    Done,
    /// Somebody is at work and holds the lease; nothing was written.
    Held,
    /// Somebody else has written to the schedules since they were read; nothing was written.
    Moved,
}

/// The run that an occurrence led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The run.
    pub run: RunId,
    /// Where it stands.
    pub status: RunStatus,
}

/// The journal, as far as schedules go. The lease is held for moments only.
#[async_trait]
pub trait Book: Send + Sync {
    /// The schedules now; nothing when there is no journal yet.
    ///
    /// # Errors
    /// Whatever keeps the journal from being read.
    async fn read(&self) -> Result<Page, Error>;

    /// Appends to the schedules, in order, unless their newest record is another one than `after`.
    ///
    /// # Errors
    /// Whatever keeps the journal from being written. What was written before that stays.
    async fn append(&self, after: Option<Head>, events: Vec<Event>) -> Result<Appended, Error>;

    /// The run that an occurrence led to, in whichever deployment.
    ///
    /// # Errors
    /// Whatever keeps the journal from being read.
    async fn run_of(&self, trigger: &Trigger) -> Result<Option<Found>, Error>;

    /// Who holds the lease, in words; none when nobody does.
    async fn holder(&self) -> Option<String>;

    /// Returns when nobody holds the lease.
    async fn released(&self);

    /// Returns when the newest record of the schedules is another one than `head`.
    async fn changed(&self, head: Option<Head>);
}

/// What is to be done for an occurrence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The occurrence.
    pub trigger: Trigger,
    /// What its schedule says.
    pub spec: ScheduleSpec,
}

/// How the process that did a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// With this code, one of `docs/exit-codes.md`.
    Code(u8),
    /// By a signal.
    Killed,
}

/// Does jobs.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Does a job and returns when its process has ended; `stop` is the wish that it ends at the next safe point, which is
    /// enforced after a while.
    ///
    /// # Errors
    /// When the process cannot be started or watched.
    async fn run(&self, job: &Job, stop: &CancellationToken) -> std::io::Result<Exit>;
}
