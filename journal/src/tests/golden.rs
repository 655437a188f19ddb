//! Records of every version stay readable, byte for byte.

use std::collections::BTreeSet;
use std::path::Path;

use crate::Record;
use crate::scenario::{STREAM, every_event_and_a_prune};
use crate::verify::{Known, verify};

/// The names of all events; a new one must be added to the golden file of the version that brings it.
const EVENTS: [&str; 21] = [
    "pruned",
    "rollback-failed",
    "rollback-finished",
    "rollback-started",
    "run-failed",
    "run-finished",
    "run-interrupted",
    "run-resumed",
    "run-started",
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

fn golden(version: u32) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/v{version}.jsonl"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn version_1_reads_back_to_the_same_bytes() {
    let text = golden(1);
    let mut names = BTreeSet::new();
    for line in text.lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.compute_hash(), record.hash);
        assert_eq!(record.line(), line);
        assert_eq!(serde_json::to_value(&record.event).unwrap()["type"], record.event.name());
        names.insert(record.event.name());
    }
    assert_eq!(names, BTreeSet::from(EVENTS));
    let lines = text.lines().map(Ok::<_, std::convert::Infallible>);
    assert_eq!(verify(STREAM, lines, &Known::default()).unwrap().records, text.lines().count() as u64);
}

/// What is written today is what the golden file of today's version holds.
#[test]
fn todays_records_are_those_of_the_golden_file() {
    let written = every_event_and_a_prune().lines().join("\n") + "\n";
    if std::env::var_os("TWINCTL_WRITE_GOLDEN").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.jsonl");
        std::fs::write(path, &written).unwrap();
    }
    assert_eq!(written, golden(crate::record::VERSION));
}
