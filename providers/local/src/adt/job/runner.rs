//! Lets jobs run, each on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::thread::JoinHandle;

use crate::adt::instance::Instance;
use crate::adt::ticks::Ticks;
use crate::clock::Clock;

use super::blobs::Blobs;
use super::record::{Failure, Family, Status, Work};
use super::seat::{Seat, Stop};
use super::{deletion, import};

/// What lets the jobs of all instances run.
#[derive(Debug)]
pub(in crate::adt) struct Runner {
    clock: Clock,
    blobs: OnceLock<Arc<dyn Blobs>>,
    halted: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Runner {
    /// Lets nothing run yet.
    pub(in crate::adt) fn new(clock: Clock) -> Self {
        Self { clock, blobs: OnceLock::new(), halted: AtomicBool::new(false), threads: Mutex::default() }
    }

    /// The present moment.
    pub(super) fn now(&self) -> Ticks {
        Ticks::of(self.clock.now())
    }

    /// Tells where blobs are; only the first time counts.
    pub(in crate::adt) fn attach(&self, blobs: Arc<dyn Blobs>) {
        let _ = self.blobs.set(blobs);
    }

    /// Where blobs are, if that was told.
    pub(super) fn blobs(&self) -> Option<&Arc<dyn Blobs>> {
        self.blobs.get()
    }

    /// Lets the jobs go on that had not ended when the instance was opened.
    pub(in crate::adt) fn resume(self: &Arc<Self>, instance: &Arc<RwLock<Instance>>) {
        let open: Vec<_> = {
            let instance = instance.read().unwrap_or_else(PoisonError::into_inner);
            instance.state.jobs.iter().filter(|(_, job)| job.is_open()).map(|(key, _)| key.clone()).collect()
        };
        for (family, id) in open {
            self.start(Arc::downgrade(instance), family, &id);
        }
    }

    /// Lets a job begin or go on. When there is no thread for it, it fails.
    pub(super) fn start(self: &Arc<Self>, instance: Weak<RwLock<Instance>>, family: Family, id: &str) {
        let seat = Seat { runner: Arc::clone(self), instance, family, id: id.to_owned() };
        let own = seat.clone();
        let started = std::thread::Builder::new().name("job".to_owned()).spawn(move || run(&own));
        match started {
            Ok(thread) => self.keep(thread),
            Err(error) => fail(&seat, &error),
        }
    }

    /// Stops all jobs after their turns and waits for that; they go on when the instances are opened again.
    pub(in crate::adt) fn halt(&self) {
        self.halted.store(true, Ordering::SeqCst);
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let me = std::thread::current().id();
        // A job may be the last to hold the cloud that halts it.
        for thread in threads.into_iter().filter(|thread| thread.thread().id() != me) {
            // Its panic was reported and its job ended as failed.
            let _ = thread.join();
        }
    }

    pub(super) fn is_halted(&self) -> bool {
        self.halted.load(Ordering::SeqCst)
    }

    fn keep(&self, thread: JoinHandle<()>) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
    }
}

fn run(seat: &Seat) {
    // A job that panics must end nevertheless, or no other could ever run.
    if catch_unwind(AssertUnwindSafe(|| work(seat))).is_err() {
        seat.end(Status::Failed, Some(Failure::new("InternalServerError", "The job could not go on.")), |_| ());
    }
}

fn work(seat: &Seat) {
    let job = match seat.look() {
        Ok(job) => job,
        Err(Stop::Cancelled) => return seat.end(Status::Cancelled, None, |_| ()),
        Err(_) => return,
    };
    match job.work {
        Work::Deletion { timeout_minutes } => deletion::run(seat, job.created.later_by_minutes(timeout_minutes)),
        Work::Import { input, output, progress } => match seat.runner.blobs() {
            Some(blobs) => import::run(seat, &**blobs, &input, &output, progress),
            None => fail(seat, &io::Error::other("there is no blob storage")),
        },
    }
}

fn fail(seat: &Seat, error: &io::Error) {
    seat.end(
        Status::Failed,
        Some(Failure::new("InternalServerError", format!("The job could not start: {error}."))),
        |_| (),
    );
}
