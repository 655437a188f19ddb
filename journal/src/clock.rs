//! The clock that stamps records.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Duration, Utc};

/// Tells the time that a record carries.
pub trait Clock: Send + Sync {
    /// Now, UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock for tests: it starts at a given time and moves by a given step each time it is asked.
#[derive(Debug)]
pub struct FixedClock {
    next: Mutex<DateTime<Utc>>,
    step: Duration,
}

impl FixedClock {
    /// A clock that says `start`, then `start + step`, and so on.
    #[must_use]
    pub fn new(start: DateTime<Utc>, step: Duration) -> Self {
        Self { next: Mutex::new(start), step }
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = *next;
        *next += self.step;
        now
    }
}
