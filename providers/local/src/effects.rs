//! The effect log: what really happened in this cloud, in order, durable.
//!
//! Tests read it to prove that nothing was done twice, so it has one entry per mutating effect, whatever became
//! of the answer. An identical repetition that changed nothing is an entry too, marked `unchanged`.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::lines::{self, Lines};

/// One mutating effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The service that it happened in: `arm`, `adt`, `iot-hub`, `scm`.
    pub service: String,
    /// What was done, as the service calls it: `PutResource`, `DeleteTwin`.
    pub operation: String,
    /// What it was done to: an ARM id, or `instance/digitaltwins/room1` in a data plane.
    pub resource: String,
    /// True when the request was accepted and left everything as it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unchanged: bool,
}

impl Effect {
    /// An effect that changed something.
    pub fn new(service: &str, operation: &str, resource: impl Into<String>) -> Self {
        Self {
            service: service.to_owned(),
            operation: operation.to_owned(),
            resource: resource.into(),
            unchanged: false,
        }
    }

    /// The same effect, marked as having left everything as it was when `unchanged` is true.
    #[must_use]
    pub fn unchanged(mut self, unchanged: bool) -> Self {
        self.unchanged = unchanged;
        self
    }
}

/// An effect with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the log, from 1, without gaps.
    pub sequence: u64,
    /// When it happened, RFC 3339 in UTC.
    pub at: String,
    /// What happened.
    #[serde(flatten)]
    pub effect: Effect,
}

/// The log; cheap to clone, all clones append to the same file.
///
/// An entry survives the death of this process as soon as [`Log::record`] has returned; it is not synced to
/// the disk, so it may be lost in a power failure.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    lines: Lines,
    entries: Vec<Entry>,
}

impl Log {
    /// Opens or creates `effects.jsonl` in `dir`; a last line torn by a kill is cut off.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, lines::Error> {
        let (lines, entries) = Lines::open(&dir.join("effects.jsonl"))?;
        Ok(Self { inner: Arc::new(Mutex::new(Inner { lines, entries })), clock })
    }

    /// Appends one effect and returns its sequence number; it is written when this returns.
    pub fn record(&self, effect: Effect) -> io::Result<u64> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = inner.entries.len() as u64 + 1;
        let entry = Entry { sequence, at: self.clock.timestamp(), effect };
        inner.lines.append(&entry)?;
        inner.entries.push(entry);
        Ok(sequence)
    }

    /// The entries after the given sequence number, oldest first; 0 gives all.
    pub fn since(&self, sequence: u64) -> Vec<Entry> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let from = usize::try_from(sequence).map_or(inner.entries.len(), |n| n.min(inner.entries.len()));
        inner.entries[from..].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_numbered_on_across_a_restart() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let open = || Log::open(dir.path(), Clock::system(None)).expect("the log opens");
        let log = open();
        assert_eq!(log.record(Effect::new("arm", "PutResource", "/a")).expect("appends"), 1);
        drop(log);
        let log = open();
        assert_eq!(log.record(Effect::new("arm", "PutResource", "/a").unchanged(true)).expect("appends"), 2);
        let seen = log.since(1);
        assert_eq!(seen.len(), 1);
        assert!(seen[0].effect.unchanged);
        assert_eq!(log.since(9), []);
    }
}
