//! Reading: with an owner, without one, while owners come and go; and nothing is ever written.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use super::{block_on, open, replay};
use crate::scenario::{History, STREAM, every_event, started};
use crate::{Error, Reader, Record, RunKind};

fn names_and_times(dir: &Path) -> BTreeMap<String, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        found.insert(entry.path().display().to_string(), (metadata.len(), metadata.modified().unwrap()));
        if metadata.is_dir() {
            found.extend(names_and_times(&entry.path()));
        }
    }
    found
}

fn read_all(reader: &Reader) -> Vec<Record> {
    reader.records(STREAM, 0).unwrap().collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_folder_without_a_journal_is_named_and_left_alone() {
    let state = tempfile::tempdir().unwrap();
    for dir in [state.path().to_owned(), state.path().join("missing")] {
        assert!(matches!(Reader::open(&dir), Err(Error::NoJournal { .. })));
    }
    assert_eq!(std::fs::read_dir(state.path()).unwrap().count(), 0);
}

#[test]
fn the_same_records_are_read_with_an_owner_and_without() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path());
    let appended = replay(&store.stream(STREAM).unwrap(), &every_event().records);
    let reader = Reader::open(state.path()).unwrap();
    assert_eq!(reader.owner().as_ref(), Some(store.owner()));
    assert_eq!(reader.id().unwrap(), Some(store.id()));
    assert_eq!(read_all(&reader), appended);
    let folded = store.stream(STREAM).unwrap().state();
    assert_eq!(reader.state(STREAM).unwrap(), *folded);
    let id = store.id();
    drop(store);
    assert_eq!(reader.owner(), None);
    let before = names_and_times(state.path());
    assert_eq!(read_all(&reader), appended);
    assert_eq!(reader.id().unwrap(), Some(id));
    assert_eq!(reader.state(STREAM).unwrap(), *folded);
    assert_eq!(reader.streams().unwrap()[0].head, appended.last().unwrap().head());
    assert_eq!(reader.records(STREAM, 20).unwrap().count(), appended.len() - 20);
    assert_eq!(reader.records("other", 0).unwrap().count(), 0);
    assert_eq!(names_and_times(state.path()), before, "reading must write nothing");
}

#[test]
fn a_state_folder_may_have_a_long_path() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("x".repeat(120)).join("y".repeat(120));
    let store = open(&state);
    replay(&store.stream(STREAM).unwrap(), &every_event().records);
    let reader = Reader::open(&state).unwrap();
    assert!(reader.owner().is_some());
    assert_eq!(read_all(&reader).len(), every_event().records.len());
}

#[test]
fn an_iteration_goes_on_when_the_owner_ends_under_it() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path());
    let stream = store.stream(STREAM).unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one");
    (0..400).for_each(|number| {
        history.begin(&format!("step {number} {}", "x".repeat(1000)));
    });
    let events: Vec<_> = history.records.iter().map(|record| record.event.clone()).collect();
    block_on(async {
        let appends = events.into_iter().map(|event| {
            let (stream, run) = (stream.clone(), history.run);
            async move { stream.append(run, event).await }
        });
        let mut waiting = Vec::new();
        for append in appends {
            waiting.push(tokio::spawn(append));
            if waiting.len() == 1 {
                tokio::task::yield_now().await;
                waiting.pop().unwrap().await.unwrap().unwrap();
            }
        }
    });
    let reader = Reader::open(state.path()).unwrap();
    let mut records = reader.records(STREAM, 0).unwrap();
    let first: Vec<_> = records.by_ref().take(3).map(Result::unwrap).collect();
    drop(store);
    let seqs: Vec<_> = first.into_iter().map(Ok).chain(records).map(|record| record.unwrap().seq).collect();
    assert_eq!(seqs, (0..401).collect::<Vec<_>>());
}

#[test]
fn a_follower_sees_records_as_they_come_while_owners_come_and_go() {
    let state = tempfile::tempdir().unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one");
    replay(&open(state.path()).stream(STREAM).unwrap(), &history.records);
    let mut follow = Reader::open(state.path()).unwrap().follow(STREAM, 0).unwrap();
    let patience = Duration::from_secs(10);
    assert_eq!(follow.next(patience).unwrap().unwrap().seq, 0);
    assert_eq!(follow.next(Duration::from_millis(60)).unwrap(), None);
    for number in 1..=4_u64 {
        let store = open(state.path());
        let stream = store.stream(STREAM).unwrap();
        let record = block_on(stream.append(history.run, started(&format!("step {number}")))).unwrap();
        // Odd owners are gone before the follower looks; even ones are still there.
        let store = (number % 2 == 0).then_some(store);
        assert_eq!(follow.next(patience).unwrap(), Some(record));
        if let Some(store) = store {
            let stream = store.stream(STREAM).unwrap();
            let begun = Instant::now();
            let append = stream.append(history.run, started(&format!("again {number}")));
            let record = block_on(append).unwrap();
            assert_eq!(follow.next(patience).unwrap().map(|it| it.event), Some(record.event));
            assert!(begun.elapsed() < patience);
            // The odd owner that comes next goes on after both.
            assert!(record.seq > number);
        }
    }
}
