//! Simulated time, chance, and death.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, Ordering},
};

use async_trait::async_trait;
use chrono::{DateTime, Duration, Utc};
use tokio_util::sync::CancellationToken;

/// SplitMix64: a seed makes the same choices every time.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A clock that moves when everybody waits: tokio's paused one, kept as wall time.
#[derive(Debug)]
pub(crate) struct SimClock(Mutex<DateTime<Utc>>);

impl SimClock {
    pub(crate) fn new(start: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(start)))
    }

    pub(crate) fn time(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    pub(crate) async fn reach(&self, at: DateTime<Utc>) {
        let left = (at - self.time()).to_std().unwrap_or_default();
        tokio::time::sleep(left).await;
        let mut now = self.0.lock().unwrap();
        *now = (*now).max(at);
    }

    pub(crate) async fn pass(&self, time: Duration) {
        self.reach(self.time() + time).await;
    }
}

#[async_trait]
impl scheduler::Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        self.time()
    }

    async fn sleep_until(&self, at: DateTime<Utc>) {
        self.reach(at).await;
    }
}

impl journal::Clock for SimClock {
    fn now(&self) -> DateTime<Utc> {
        self.time()
    }
}

/// Kills at the point of this number, counted down; a negative count never kills.
#[derive(Debug, Clone, Default)]
pub(crate) struct Killer {
    left: Arc<AtomicI64>,
    dead: CancellationToken,
}

impl Killer {
    pub(crate) fn after(points: i64) -> Self {
        Self { left: Arc::new(AtomicI64::new(points)), dead: CancellationToken::new() }
    }

    /// A point at which the process may die: whoever is at it goes no further.
    pub(crate) async fn point(&self) {
        if self.left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.cancel();
            std::future::pending::<()>().await;
        }
    }

    pub(crate) async fn dead(&self) {
        self.dead.cancelled().await;
    }
}
