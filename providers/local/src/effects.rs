//! The effect log: what really happened in this cloud, in order, durable.
//!
//! Tests read it to prove that nothing was done twice, so it has one entry per mutating effect, whatever became
//! of the answer. An identical repetition that changed nothing is an entry too, marked `unchanged`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::lines::{self, Lines};

/// One mutating effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Effect {
    /// The service that it happened in: `arm`, `adt`, `iot-hub`, `scm`, `twinmaker`.
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
/// the disk, so it may be lost in a power failure. Entries are kept in the file alone: live data makes millions.
#[derive(Clone, Debug)]
pub struct Log {
    inner: Arc<Mutex<Inner>>,
    path: Arc<Path>,
    clock: Clock,
}

#[derive(Debug)]
struct Inner {
    lines: Lines,
    count: u64,
    /// Where every [`STRIDE`]th entry starts in the file, from the first on.
    marks: Vec<u64>,
}

/// How many entries lie between two marks.
const STRIDE: u64 = 1024;

/// What of an entry is read when the log is opened.
#[derive(Deserialize)]
struct Numbered {
    sequence: u64,
}

impl Log {
    /// Opens or creates `effects.jsonl` in `dir`; a last line torn by a kill is cut off.
    pub fn open(dir: &Path, clock: Clock) -> Result<Self, lines::Error> {
        let path = dir.join("effects.jsonl");
        let (mut count, mut marks) = (0, Vec::new());
        let lines = Lines::replay(&path, |at, line| {
            if serde_json::from_slice::<Numbered>(line)?.sequence != count + 1 {
                return Err(serde::de::Error::custom(format!("entry {} is missing", count + 1)));
            }
            mark(&mut marks, count, at);
            count += 1;
            Ok(())
        })?;
        Ok(Self { inner: Arc::new(Mutex::new(Inner { lines, count, marks })), path: path.into(), clock })
    }

    /// Appends one effect and returns its sequence number; it is written when this returns.
    pub fn record(&self, effect: Effect) -> io::Result<u64> {
        let mut inner = self.inner();
        let Inner { lines, count, marks } = &mut *inner;
        let (sequence, at) = (*count + 1, lines.length());
        lines.append(&Entry { sequence, at: self.clock.timestamp(), effect })?;
        mark(marks, *count, at);
        *count = sequence;
        Ok(sequence)
    }

    /// The entries after the given sequence number, oldest first; 0 gives all.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn since(&self, sequence: u64) -> io::Result<Vec<Entry>> {
        Ok(serde_json::from_str(&self.json_since(sequence)?)?)
    }

    /// The same as the text of a JSON array, straight from the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn json_since(&self, sequence: u64) -> io::Result<String> {
        let (from, skipped, to) = {
            let inner = self.inner();
            let place = usize::try_from(sequence / STRIDE).ok().and_then(|place| inner.marks.get(place));
            // Without a mark there is nothing so late.
            let from = place.copied().unwrap_or(inner.lines.length());
            (from, sequence % STRIDE, inner.lines.length())
        };
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut text = String::new();
        file.take(to - from).read_to_string(&mut text)?;
        let lines = text.split_terminator('\n').skip(usize::try_from(skipped).unwrap_or(usize::MAX));
        Ok(format!("[{}]", lines.collect::<Vec<_>>().join(",")))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn mark(marks: &mut Vec<u64>, before: u64, at: u64) {
    if before.is_multiple_of(STRIDE) {
        marks.push(at);
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
        let seen = log.since(1).expect("readable");
        assert_eq!(seen.len(), 1);
        assert!(seen[0].effect.unchanged);
        assert_eq!(log.since(9).expect("readable"), []);
    }

    #[test]
    fn any_place_is_found_in_a_long_log_also_after_a_restart() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let mut log = Log::open(dir.path(), Clock::system(None)).expect("the log opens");
        for number in 1..=STRIDE * 2 + 3 {
            log.record(Effect::new("adt", "PatchTwin", number.to_string())).expect("appends");
        }
        for _ in 0..2 {
            for since in [0, 1, STRIDE - 1, STRIDE, STRIDE + 1, STRIDE * 2, STRIDE * 2 + 2, STRIDE * 2 + 3, u64::MAX] {
                let seen: Vec<u64> = log.since(since).expect("readable").iter().map(|entry| entry.sequence).collect();
                assert_eq!(seen, (since.saturating_add(1)..=STRIDE * 2 + 3).collect::<Vec<_>>(), "since {since}");
            }
            log = Log::open(dir.path(), Clock::system(None)).expect("the log opens");
        }
    }

    #[test]
    fn a_missing_entry_is_named() {
        let dir = tempfile::tempdir().expect("a scratch folder");
        let log = Log::open(dir.path(), Clock::system(None)).expect("the log opens");
        for _ in 0..3 {
            log.record(Effect::new("arm", "PutResource", "/a")).expect("appends");
        }
        let path = dir.path().join("effects.jsonl");
        let text = std::fs::read_to_string(&path).expect("readable");
        let kept: Vec<&str> = text.lines().enumerate().filter(|(at, _)| *at != 1).map(|(_, line)| line).collect();
        std::fs::write(&path, kept.join("\n") + "\n").expect("written");
        let error = Log::open(dir.path(), Clock::system(None)).expect_err("there is a gap");
        assert!(error.to_string().starts_with("read line 2 of "), "{error}");
    }
}
