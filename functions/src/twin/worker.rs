//! The task that writes one twin; there is one only while there is something to write.

use std::{sync::Arc, time::Duration};

use backoff::{ExponentialBackoff, backoff::Backoff};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    batch::{self, Batch, Job, Newest},
    known::Known,
    memory::Memory,
    outcome::Failure,
    shared::Shared,
    store::StoreError,
};

/// The wait after the first failure; it doubles with every further one.
const FIRST_DELAY: Duration = Duration::from_millis(100);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

pub(super) struct Worker {
    shared: Arc<Shared>,
    twin: Arc<str>,
    memory: Memory,
    batch: Batch,
    /// When the next attempt is due after a failure.
    again: Option<Instant>,
    delays: Option<ExponentialBackoff>,
    /// What those are told whose time is up.
    trouble: Failure,
    finished: bool,
}

impl Worker {
    pub(super) fn new(shared: Arc<Shared>, twin: Arc<str>, memory: Memory, job: Job) -> Self {
        let mut batch = Batch::default();
        batch.add([job]);
        let trouble = Failure::TimedOut;
        Self { shared, twin, memory, batch, again: None, delays: None, trouble, finished: false }
    }

    /// Works until nothing is left to do.
    pub(super) async fn run(mut self) {
        loop {
            self.admit();
            let now = Instant::now();
            let turn = self.turn(now);
            // Who cannot wait that long is told at once.
            self.batch.expire(turn, &self.trouble);
            if self.batch.is_empty() {
                if self.finish() {
                    return;
                }
            } else if turn > now {
                sleep_until(turn).await;
            } else {
                self.again = None;
                self.step().await;
            }
        }
    }

    /// Lets those join who came while the twin was busy.
    fn admit(&mut self) {
        if self.batch.is_open() {
            self.batch.add(self.shared.waiting(&self.twin));
        }
    }

    /// When the next request may be sent; never before `now`.
    fn turn(&self, now: Instant) -> Instant {
        let pace = self.memory.pace.turn(now);
        [self.again, self.memory.closed].into_iter().flatten().fold(pace, Instant::max)
    }

    /// One request: a read where nothing is known of the twin, else a write where there is something newer.
    async fn step(&mut self) {
        let Some(known) = &self.memory.known else { return self.read().await };
        self.batch.settle(known);
        let newest = self.batch.newest(known);
        if !newest.is_empty() {
            self.write(&newest).await;
        }
    }

    async fn read(&mut self) {
        self.memory.pace.take(Instant::now());
        let store = Arc::clone(&self.shared.store);
        match limited(self.shared.options.attempt, store.get(&self.twin)).await {
            Ok(Some(snapshot)) => {
                self.recovered();
                let known = Known::read(&snapshot, &self.shared.names);
                self.batch.settle(&known);
                self.memory.known = Some(known);
            }
            Ok(None) => self.batch.fail(&Failure::NoTwin),
            Err(StoreError::Rejected) => self.batch.fail(&Failure::Upstream),
            Err(error) => self.failed(error),
        }
    }

    async fn write(&mut self, newest: &[Newest]) {
        let Some(known) = &mut self.memory.known else { return };
        self.memory.pace.take(Instant::now());
        let patch = self.batch.patch(newest);
        let request = self.shared.store.patch(&self.twin, patch, &known.etag);
        match limited(self.shared.options.attempt, request).await {
            Ok(etag) => {
                batch::note(known, newest, &self.shared.names);
                self.batch.mark_written(newest);
                self.batch.settle(known);
                match etag {
                    Some(etag) => known.etag = etag.into(),
                    None => self.memory.known = None,
                }
                self.recovered();
            }
            Err(StoreError::Rejected) => {
                self.batch.refuse(newest);
                self.recovered();
            }
            Err(error) => {
                if matches!(error, StoreError::Failed(_)) {
                    self.batch.mark_written(newest);
                }
                self.failed(error);
            }
        }
    }

    fn recovered(&mut self) {
        self.shared.succeeded();
        (self.delays, self.trouble) = (None, Failure::TimedOut);
    }

    fn failed(&mut self, error: StoreError) {
        match error {
            StoreError::Stale => self.memory.known = None,
            StoreError::NotFound => {
                self.memory.known = None;
                self.batch.fail(&Failure::NoTwin);
            }
            StoreError::Throttled { retry_after } => {
                self.shared.failed(&self.twin, &error);
                let wait = retry_after.unwrap_or_else(|| self.delay());
                let until = Instant::now() + wait;
                self.memory.closed = Some(until);
                self.shared.close(&self.twin, until);
                self.trouble = Failure::Throttled { retry_after: wait };
            }
            StoreError::Rejected | StoreError::Denied | StoreError::Failed(_) => {
                self.shared.failed(&self.twin, &error);
                self.again = Some(Instant::now() + self.delay());
                self.trouble = Failure::Upstream;
            }
        }
    }

    fn delay(&mut self) -> Duration {
        let delays = self.delays.get_or_insert_with(|| ExponentialBackoff {
            current_interval: FIRST_DELAY,
            initial_interval: FIRST_DELAY,
            max_interval: LONGEST_DELAY,
            multiplier: 2.0,
            randomization_factor: 0.5,
            // The deadlines are the callers'.
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        });
        delays.next_backoff().unwrap_or(LONGEST_DELAY)
    }

    /// Ends if nobody has come meanwhile; else takes them in.
    fn finish(&mut self) -> bool {
        match self.shared.finish(&self.twin, &mut self.memory) {
            Some(jobs) => self.batch.add(jobs),
            None => self.finished = true,
        }
        self.finished
    }
}

/// A task that is torn down must not leave a lane behind that nobody works on.
impl Drop for Worker {
    fn drop(&mut self) {
        if !self.finished {
            self.shared.abandon(&self.twin);
        }
    }
}

/// An attempt that takes too long has failed; the patch may still take effect.
async fn limited<T>(time: Duration, attempt: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    timeout(time, attempt).await.unwrap_or_else(|_| Err(StoreError::Failed("no answer in time".into())))
}
