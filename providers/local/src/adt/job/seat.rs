//! A job's hold on its instance: one turn at a time.

use std::fmt::Display;
use std::io;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard, Weak};
use std::time::Duration;

use crate::adt::change::Change;
use crate::adt::instance::Instance;

use super::record::{Failure, Family, Job, Status};
use super::runner::Runner;

/// How long it takes until what could not be written is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Why a job does not go on.
#[derive(Debug)]
pub(super) enum Stop {
    /// The cloud stops, or the instance is gone; the job is left as it is.
    Left,
    /// It was asked to.
    Cancelled,
    /// It cannot.
    Failed(Failure),
}

impl Stop {
    /// A failure of the system's: a blob or the instance's file.
    pub(super) fn of(code: &str, error: &impl Display) -> Self {
        Self::Failed(Failure::new(code, error.to_string()))
    }
}

/// A running job's place at its instance.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) runner: Arc<Runner>,
    pub(super) instance: Weak<RwLock<Instance>>,
    pub(super) family: Family,
    pub(super) id: String,
}

impl Seat {
    /// Whether to go on; asked in the midst of work that needs no turn.
    pub(super) fn go_on(&self) -> Result<(), Stop> {
        self.look().map(drop)
    }

    /// The job as it is now.
    pub(super) fn look(&self) -> Result<Job, Stop> {
        let instance = self.instance()?;
        let instance = instance.read().unwrap_or_else(PoisonError::into_inner);
        self.job(&instance)
    }

    /// Holds the instance while `work` is done.
    pub(super) fn turn<T>(&self, work: impl FnOnce(&mut Instance, Job) -> Result<T, Stop>) -> Result<T, Stop> {
        let instance = self.instance()?;
        let mut instance = write(&instance);
        let job = self.job(&instance)?;
        work(&mut instance, job)
    }

    /// Writes down that the job has ended; `work` is done on its record first. While that cannot be written it is tried again,
    /// until the cloud stops: a job that never ends would let no other one begin.
    pub(super) fn end(&self, status: Status, failure: Option<Failure>, work: impl Fn(&mut Job)) {
        while let Ok(instance) = self.instance() {
            match self.try_end(&instance, status, failure.clone(), &work) {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, job = self.id, "the end of a job could not be written yet"),
            }
            drop(instance);
            std::thread::sleep(PAUSE);
        }
    }

    fn try_end(
        &self,
        instance: &RwLock<Instance>,
        status: Status,
        failure: Option<Failure>,
        work: impl Fn(&mut Job),
    ) -> io::Result<()> {
        let mut instance = write(instance);
        if instance.is_deleted() {
            return Ok(());
        }
        let Some(mut job) = instance.state.jobs.get(&self.key()).cloned() else { return Ok(()) };
        work(&mut job);
        let job = job.ended(status, failure, instance.now());
        instance.commit_turn(vec![self.record(job)], 0)
    }

    /// The change that writes the job's record.
    pub(super) fn record(&self, job: Job) -> Change {
        Change::PutJob(self.family, self.id.clone(), Box::new(job))
    }

    fn key(&self) -> (Family, String) {
        (self.family, self.id.clone())
    }

    fn instance(&self) -> Result<Arc<RwLock<Instance>>, Stop> {
        if self.runner.is_halted() {
            return Err(Stop::Left);
        }
        self.instance.upgrade().ok_or(Stop::Left)
    }

    fn job(&self, instance: &Instance) -> Result<Job, Stop> {
        let job = instance.state.jobs.get(&self.key()).filter(|job| job.is_open() && !instance.is_deleted());
        match job {
            None => Err(Stop::Left),
            Some(job) if job.status == Status::Cancelling => Err(Stop::Cancelled),
            Some(job) => Ok(job.clone()),
        }
    }
}

fn write(instance: &RwLock<Instance>) -> RwLockWriteGuard<'_, Instance> {
    instance.write().unwrap_or_else(PoisonError::into_inner)
}
