//! Pruning: the chain holds, nothing leaves before it is exported, and a kill at any moment is harmless.

use std::path::Path;

use chrono::{DateTime, Duration, Utc};

use super::{block_on, open, replay};
use crate::merkle::Hash;
use crate::scenario::{History, STREAM, epoch};
use crate::verify::{Known, Report, verify};
use crate::{Error, Outcome, Pruned, Reader, Record, RunKind, StreamState};

/// Four runs; when the clock of `open` has come to their ends is asked of the records.
fn runs() -> History {
    let mut it = History::new();
    for (number, outcome) in
        [Outcome::Created, Outcome::Updated, Outcome::Unchanged, Outcome::Updated].into_iter().enumerate()
    {
        it.start(RunKind::Deploy, &format!("definition {number}")).done("setup/group", outcome);
        it.push(crate::Event::RunFinished);
    }
    it
}

fn written() -> (tempfile::TempDir, Vec<Record>) {
    let dir = tempfile::tempdir().unwrap();
    let records = replay(&open(&dir.path().join("state")).stream(STREAM).unwrap(), &runs().records);
    (dir, records)
}

fn start_of(records: &[Record], run: usize) -> &Record {
    records.iter().filter(|record| record.event.name() == "run-started").nth(run).unwrap()
}

fn prune(dir: &Path, before: DateTime<Utc>, export: &str) -> Result<Option<Pruned>, Error> {
    let store = open(&dir.join("state"));
    block_on(store.prune(STREAM, before, u64::MAX, &dir.join(export)))
}

fn report(dir: &Path, known: &Known) -> Result<Report, Error> {
    Reader::open(&dir.join("state")).unwrap().verify(STREAM, known)
}

fn exported(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect()
}

fn left(dir: &Path) -> Vec<String> {
    Reader::open(&dir.join("state")).unwrap().lines(STREAM, 0).unwrap().map(Result::unwrap).collect()
}

#[test]
fn what_leaves_is_exported_and_what_stays_still_proves_itself() {
    let (dir, records) = written();
    let whole = report(dir.path(), &Known::default()).unwrap();
    let state = Reader::open(&dir.path().join("state")).unwrap().state(STREAM).unwrap();
    let cut = start_of(&records, 2);
    let pruned = prune(dir.path(), cut.time, "old.jsonl").unwrap().unwrap();
    assert_eq!((pruned.first, pruned.size), (0, cut.seq));
    let lines: Vec<String> = records.iter().map(Record::line).collect();
    let (old, rest) = (exported(&dir.path().join("old.jsonl")), left(dir.path()));
    assert_eq!(old, lines[..old.len()]);
    assert_eq!(rest[..rest.len() - 1], lines[old.len()..]);
    let checked = report(dir.path(), &Known { heads: vec![], roots: vec![(whole.records, whole.root)] }).unwrap();
    assert_eq!((checked.first, checked.records), (cut.seq, whole.records + 1));
    let together = verify(STREAM, old.iter().chain(&rest).map(Ok::<_, Error>), &Known::default()).unwrap();
    assert_eq!((together.records, together.root, together.head), (checked.records, checked.root, checked.head));
    let now = Reader::open(&dir.path().join("state")).unwrap().state(STREAM).unwrap();
    assert_eq!(now.deployment, state.deployment);
    assert_eq!(now.runs.len(), 3, "of the pruned runs the last is kept");
    assert_eq!(open(&dir.path().join("state")).stream(STREAM).unwrap().state().deployment, state.deployment);
}

#[test]
fn it_can_be_done_again_and_the_exports_join() {
    let (dir, records) = written();
    let _ = prune(dir.path(), start_of(&records, 1).time, "1.jsonl").unwrap().unwrap();
    assert!(prune(dir.path(), start_of(&records, 1).time, "no.jsonl").unwrap().is_none());
    assert!(!dir.path().join("no.jsonl").exists(), "nothing to take away, nothing written");
    let again = prune(dir.path(), start_of(&records, 3).time, "2.jsonl").unwrap().unwrap();
    assert_eq!((again.first, again.size), (start_of(&records, 1).seq, start_of(&records, 3).seq));
    let parts =
        [exported(&dir.path().join("1.jsonl")), exported(&dir.path().join("2.jsonl")), left(dir.path())].concat();
    let together = verify(STREAM, parts.iter().map(Ok::<_, Error>), &Known::default()).unwrap();
    let checked = report(dir.path(), &Known::default()).unwrap();
    assert_eq!((together.records, together.root), (checked.records, checked.root));
}

#[test]
fn the_last_run_always_stays() {
    let (dir, records) = written();
    let pruned = prune(dir.path(), epoch() + Duration::days(9999), "old.jsonl").unwrap().unwrap();
    assert_eq!(pruned.size, start_of(&records, 3).seq);
}

#[test]
fn what_somebody_still_needs_stays() {
    let (dir, records) = written();
    let second = start_of(&records, 2).seq;
    let store = open(&dir.path().join("state"));
    let never = epoch() + Duration::days(9999);
    let pruned = block_on(store.prune(STREAM, never, second + 1, &dir.path().join("old.jsonl"))).unwrap().unwrap();
    assert_eq!(pruned.size, second);
    assert!(block_on(store.prune(STREAM, never, second, &dir.path().join("no.jsonl"))).unwrap().is_none());
}

#[test]
fn an_export_that_is_there_already_stops_it() {
    let (dir, records) = written();
    std::fs::write(dir.path().join("old.jsonl"), "precious").unwrap();
    let error = prune(dir.path(), start_of(&records, 2).time, "old.jsonl").unwrap_err();
    assert!(error.to_string().starts_with("create "), "{error}");
    assert_eq!(report(dir.path(), &Known::default()).unwrap().first, 0);
    assert_eq!(std::fs::read_to_string(dir.path().join("old.jsonl")).unwrap(), "precious");
}

#[test]
fn nothing_leaves_while_a_run_is_unfinished() {
    let dir = tempfile::tempdir().unwrap();
    let mut history = runs();
    history.start(RunKind::Deploy, "five");
    replay(&open(&dir.path().join("state")).stream(STREAM).unwrap(), &history.records);
    let error = prune(dir.path(), epoch() + Duration::days(9999), "old.jsonl").unwrap_err();
    assert!(matches!(error, Error::Unrested { .. }), "{error}");
}

/// Killed after the record of the prune, before anything was taken away: the next owner finishes it.
#[test]
fn what_a_crash_left_undone_is_finished() {
    let (dir, records) = written();
    let state = dir.path().join("state");
    let kept = dir.path().join("kept");
    let size = start_of(&records, 2).seq;
    let twin = dir.path().join("twin");
    copy(&state, &twin.join("state"));
    let done = prune(&twin, start_of(&records, 2).time, "old.jsonl").unwrap().unwrap();
    {
        let store = open(&state);
        block_on(store.stream(STREAM).unwrap().append(None, done.record.event)).unwrap();
    }
    copy(&state, &kept);
    assert_eq!(report(dir.path(), &Known::default()).unwrap().first, 0, "everything is still there");
    drop(open(&state).stream(STREAM).unwrap());
    assert_eq!(report(dir.path(), &Known::default()).unwrap().first, size);
}

#[test]
fn what_stands_for_pruned_records_cannot_be_exchanged() {
    let (dir, records) = written();
    let _ = prune(dir.path(), start_of(&records, 2).time, "old.jsonl").unwrap().unwrap();
    let folder = dir.path().join("state/journal");
    let forge = |change: &dyn Fn(&mut StreamState)| {
        let database = crate::sled_store::Database::open(&folder).unwrap();
        let base = database.base(STREAM).unwrap().unwrap();
        let mut state = base.state().unwrap();
        change(&mut state);
        database.prune(STREAM, base.size(), &crate::Base::new(base.tree().clone(), state)).unwrap();
        database.flush().unwrap();
    };
    forge(&|state| state.deployment.steps.clear());
    let error = report(dir.path(), &Known::default()).unwrap_err().to_string();
    assert!(error.contains("what stands for the pruned records does not hold"), "{error}");
    assert!(open(&dir.path().join("state")).stream(STREAM).is_err());
}

#[test]
fn a_checkpoint_of_what_was_pruned_asks_for_the_export() {
    let (dir, records) = written();
    let _ = prune(dir.path(), start_of(&records, 2).time, "old.jsonl").unwrap().unwrap();
    let known = Known { heads: vec![], roots: vec![(3, Hash([7; 32]))] };
    let error = report(dir.path(), &known).unwrap_err().to_string();
    assert!(error.contains("were pruned"), "{error}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, target) = {
            let entry = entry.unwrap();
            (entry.path(), to.join(entry.file_name()))
        };
        if path.is_dir() {
            copy(&path, &target)
        } else {
            let _ = std::fs::copy(path, target).unwrap();
        }
    }
}
