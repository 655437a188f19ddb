//! Places where a process can be killed, counted.

use std::{
    future::{Future, pending},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use journal::{
    Append,
    event::{Event, RunId},
    record::Record,
};
use tokio_util::sync::CancellationToken;

/// No crash point has this number.
const NEVER: u64 = u64::MAX;

/// Counts the places where a process can be killed, and kills it at one of them: from there on none of its futures
/// resolves. Clones share the count.
#[derive(Debug, Clone, Default)]
pub struct CrashPoints {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    passed: AtomicU64,
    fatal: AtomicU64,
    killed: std::sync::Mutex<CancellationToken>,
}

impl Default for Inner {
    fn default() -> Self {
        Self { passed: AtomicU64::new(0), fatal: AtomicU64::new(NEVER), killed: std::sync::Mutex::default() }
    }
}

impl CrashPoints {
    /// Counts from zero again, for a new process; `fatal` is the point that kills it, if one does.
    pub fn arm(&self, fatal: Option<u64>) {
        self.inner.passed.store(0, Ordering::SeqCst);
        self.inner.fatal.store(fatal.unwrap_or(NEVER), Ordering::SeqCst);
        *self.inner.killed.lock().expect("nothing panics while it holds this lock") = CancellationToken::new();
    }

    /// One point: passes, or never returns.
    pub async fn pass(&self) {
        let killed = self.killed();
        let number = self.inner.passed.fetch_add(1, Ordering::SeqCst);
        if number == self.inner.fatal.load(Ordering::SeqCst) {
            killed.cancel();
        }
        if killed.is_cancelled() {
            pending::<()>().await;
        }
    }

    /// The points passed since the last [`Self::arm`].
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.inner.passed.load(Ordering::SeqCst)
    }

    /// Runs what a process does until it ends or is killed; `None` when it was killed.
    pub async fn survive<T>(&self, process: impl Future<Output = T>) -> Option<T> {
        let killed = self.killed();
        tokio::select! {
            biased;
            () = killed.cancelled() => None,
            result = process => Some(result),
        }
    }

    fn killed(&self) -> CancellationToken {
        self.inner.killed.lock().expect("nothing panics while it holds this lock").clone()
    }
}

/// A journal with a crash point before and after each record.
pub struct Journal {
    inner: Box<dyn Append>,
    points: CrashPoints,
}

impl Journal {
    /// Wraps a journal.
    #[must_use]
    pub fn new(inner: Box<dyn Append>, points: CrashPoints) -> Self {
        Self { inner, points }
    }
}

#[async_trait]
impl Append for Journal {
    async fn append(&self, run: Option<RunId>, event: Event) -> Result<Record, journal::Error> {
        self.points.pass().await;
        let record = self.inner.append(run, event).await;
        self.points.pass().await;
        record
    }
}
