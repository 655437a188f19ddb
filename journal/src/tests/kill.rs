//! A killed writer: what it was told is on disk is there, and its lease is gone with it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{block_on, open, replay};
use crate::scenario::{History, STREAM, actor, started};
use crate::verify::Known;
use crate::{Reader, RunKind, Store};

const STATE: &str = "TWINCTL_TEST_STATE";

/// Not a test of its own: the process that [`what_was_acknowledged_survives_a_kill`] kills.
#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let store = Store::open(state.as_ref(), actor(), "twinctl run").unwrap();
    let stream = store.stream(STREAM).unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one");
    replay(&stream, &history.records);
    block_on(async {
        // Bounded, so that the child ends by itself should its parent have died.
        for number in 0..100_000 {
            let record = stream.append(history.run, started(&format!("step {number}"))).await.unwrap();
            println!("appended {}", record.seq);
        }
    });
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let state = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::kill::child_that_appends_until_it_is_killed", "--nocapture"])
        .env(STATE, state.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let seqs = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("appended ")?.parse::<u64>().ok());
    let acknowledged = seqs.take(40).last().expect("the child appends");
    let reader = Reader::open(state.path()).unwrap();
    assert!(reader.owner().is_some(), "readers are served while a run is in progress");
    assert!(reader.verify(STREAM, &Known::default()).unwrap().records > acknowledged);
    child.kill().unwrap();
    child.wait().unwrap();
    let report = Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap();
    assert!(report.records > acknowledged, "{report:?} lacks record {acknowledged}");
    let store = open(state.path());
    assert_eq!(store.stream(STREAM).unwrap().state().head, report.head);
}
