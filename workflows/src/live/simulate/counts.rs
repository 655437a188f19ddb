//! Counts that somebody else may read while they grow.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use crate::live::{Histogram, Percentiles};

/// What has happened so far in a simulation.
#[derive(Debug, Default)]
pub struct Counts {
    sent: AtomicU64,
    acknowledged: AtomicU64,
    visible: AtomicU64,
    retries: AtomicU64,
    settling: AtomicBool,
    all_sent: AtomicBool,
    acknowledged_after: Mutex<Histogram>,
    visible_after: Mutex<Histogram>,
}

impl Counts {
    /// Messages that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        self.sent.load(Relaxed)
    }

    /// Messages that the hub has.
    #[must_use]
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Relaxed)
    }

    /// Messages that twins show, or newer ones instead.
    #[must_use]
    pub fn visible(&self) -> u64 {
        self.visible.load(Relaxed)
    }

    /// Attempts beyond the first.
    #[must_use]
    pub fn retries(&self) -> u64 {
        self.retries.load(Relaxed)
    }

    /// Whether no new messages are made any more.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.settling.load(Relaxed)
    }

    pub(super) fn acknowledged_after(&self) -> Option<Percentiles> {
        self.acknowledged_after.lock().unwrap_or_else(PoisonError::into_inner).percentiles()
    }

    pub(super) fn visible_after(&self) -> Option<Percentiles> {
        self.visible_after.lock().unwrap_or_else(PoisonError::into_inner).percentiles()
    }

    pub(super) fn one_sent(&self) {
        self.sent.fetch_add(1, Relaxed);
    }

    pub(super) fn one_acknowledged(&self, after: Duration) {
        self.acknowledged.fetch_add(1, Relaxed);
        self.acknowledged_after.lock().unwrap_or_else(PoisonError::into_inner).add(after);
    }

    pub(super) fn one_retry(&self) {
        self.retries.fetch_add(1, Relaxed);
    }

    pub(super) fn some_visible(&self, messages: u64, after: Duration) {
        self.visible.fetch_add(messages, Relaxed);
        self.visible_after.lock().unwrap_or_else(PoisonError::into_inner).add(after);
    }

    pub(super) fn settling(&self) {
        self.settling.store(true, Relaxed);
    }

    pub(super) fn all_sent(&self) {
        self.all_sent.store(true, Relaxed);
    }

    pub(super) fn is_all_sent(&self) -> bool {
        self.all_sent.load(Relaxed)
    }
}
