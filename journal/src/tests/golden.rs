//! Records of every version stay readable, byte for byte.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::Record;
use crate::SCHEDULES;
use crate::scenario::schedules::{every_schedule_event, triggered};
use crate::scenario::{History, STREAM, every_event_and_a_prune};
use crate::verify::{Known, verify};

/// The names of all events; a new one must be added to the golden file of the version that brings it.
const EVENTS: [&str; 30] = [
    "drift-accepted",
    "drift-found",
    "no-drift",
    "pruned",
    "rollback-failed",
    "rollback-finished",
    "rollback-started",
    "run-failed",
    "run-finished",
    "run-interrupted",
    "run-resumed",
    "run-started",
    "schedule-added",
    "schedule-changed",
    "schedule-due",
    "schedule-ended",
    "schedule-removed",
    "schedule-skipped",
    "step-attempt-failed",
    "step-checkpoint",
    "step-completed",
    "step-failed",
    "step-intended",
    "step-started",
    "undo-attempt-failed",
    "undo-checkpoint",
    "undo-completed",
    "undo-failed",
    "undo-intended",
    "undo-skipped",
];

/// The golden files of a version: one per kind of stream.
const FILES: [(&str, &str); 3] =
    [("v1.jsonl", STREAM), ("v1-schedules.jsonl", SCHEDULES), ("v1-triggers.jsonl", STREAM)];

fn path(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(file)
}

fn golden(file: &str) -> String {
    std::fs::read_to_string(path(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn version_1_reads_back_to_the_same_bytes() {
    let mut names = BTreeSet::new();
    for (file, stream) in FILES {
        let text = golden(file);
        for line in text.lines() {
            let record: Record = serde_json::from_str(line).unwrap();
            assert_eq!(record.compute_hash(), record.hash);
            assert_eq!(record.line(), line);
            assert_eq!(serde_json::to_value(&record.event).unwrap()["type"], record.event.name());
            names.insert(record.event.name());
        }
        let lines = text.lines().map(Ok::<_, std::convert::Infallible>);
        assert_eq!(verify(stream, lines, &Known::default()).unwrap().records, text.lines().count() as u64);
    }
    assert_eq!(names, BTreeSet::from(EVENTS));
}

/// What is written today is what the golden files of today's version hold.
#[test]
fn todays_records_are_those_of_the_golden_files() {
    let histories: [fn() -> History; 3] = [every_event_and_a_prune, every_schedule_event, triggered];
    for ((file, _), history) in FILES.into_iter().zip(histories) {
        let written = history().lines().join("\n") + "\n";
        if std::env::var_os("TWINCTL_WRITE_GOLDEN").is_some() {
            std::fs::write(path(file), &written).unwrap();
        }
        assert_eq!(written, golden(file));
    }
}
