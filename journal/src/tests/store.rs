//! Writing: what is appended is there again, in order, and only one process writes.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::{block_on, open, replay};
use crate::scenario::{History, STREAM, actor, every_event, run_id, started};
use crate::verify::Known;
use crate::{Append, Error, Event, Reader, RunKind, Store};

#[test]
fn what_was_appended_is_there_after_reopening() {
    let state = tempfile::tempdir().unwrap();
    let history = every_event();
    let (id, appended, folded) = {
        let store = open(state.path());
        let stream = store.stream(STREAM).unwrap();
        let appended = replay(&stream, &history.records);
        (store.id(), appended, stream.state())
    };
    assert_eq!(folded.deployment, history.state.deployment);
    let store = open(state.path());
    assert_eq!(store.id(), id);
    assert_eq!(store.stream(STREAM).unwrap().state(), folded);
    assert_eq!(folded.head, appended.last().map(crate::Record::head));
}

#[test]
fn dropping_a_store_releases_it_at_once_again_and_again() {
    let state = tempfile::tempdir().unwrap();
    for number in 0..10 {
        let store = open(state.path());
        let stream = store.stream(&format!("stream {number}")).unwrap();
        let run = Some(run_id(1));
        let record = block_on(stream.append(run, every_event().records[0].event.clone())).unwrap();
        assert_eq!(record.seq, 0);
        drop(store);
        let late = block_on(stream.append(run, Event::RunFinished));
        assert!(matches!(late, Err(Error::Closed)), "{late:?}");
    }
    assert_eq!(Reader::open(state.path()).unwrap().streams().unwrap().len(), 10);
}

#[test]
fn a_second_writer_is_refused_with_the_name_of_the_first() {
    let state = tempfile::tempdir().unwrap();
    let first = open(state.path());
    let error = Store::open(state.path(), actor(), "twinctl destroy").unwrap_err();
    insta::assert_snapshot!(error, @"the journal is locked by ada@lab, process 42 (twinctl run), since 2026-01-02T03:04:05Z");
    assert!(error.hint().unwrap().contains("wait until it ends"));
    drop(first);
    Store::open(state.path(), actor(), "twinctl destroy").unwrap();
}

#[test]
fn an_illegal_event_is_refused_and_nothing_is_written() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path());
    let stream = store.stream(STREAM).unwrap();
    let error = block_on(stream.append(Some(run_id(1)), started("a"))).unwrap_err();
    insta::assert_snapshot!(error, @"record 0 (step-started) is not legal here: 01900000-0000-7000-8000-000000000001 is not the last run");
    assert_eq!(stream.state().head, None);
    assert_eq!(replay(&stream, &every_event().records)[0].seq, 0);
}

#[test]
fn an_oversized_record_is_refused_and_a_large_one_survives() {
    let state = tempfile::tempdir().unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one").begin("a").intend("a", crate::Action::Create);
    let checkpoint =
        |size: usize| Event::StepCheckpoint { step: crate::StepId::new("a"), data: "x".repeat(size).into() };
    let folded = {
        let store = open(state.path());
        let stream = store.stream(STREAM).unwrap();
        replay(&stream, &history.records);
        let error = block_on(stream.append(history.run, checkpoint(2 << 20))).unwrap_err();
        assert!(matches!(error, Error::TooLarge { .. }), "{error}");
        for _ in 0..4 {
            block_on(stream.append(history.run, checkpoint(700 << 10))).unwrap();
        }
        stream.state()
    };
    assert_eq!(open(state.path()).stream(STREAM).unwrap().state(), folded);
}

#[test]
fn concurrent_appends_are_numbered_without_gaps() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path());
    let stream = store.stream(STREAM).unwrap();
    let mut history = History::new();
    history.start(RunKind::Deploy, "one");
    replay(&stream, &history.records);
    let run = history.run;
    block_on(async {
        let steps = (0..64).map(|number| {
            let stream: Arc<dyn Append> = Arc::new(stream.clone());
            tokio::spawn(async move { stream.append(run, started(&format!("step {number}"))).await.unwrap().seq })
        });
        let mut seqs = Vec::new();
        for step in steps.collect::<Vec<_>>() {
            seqs.push(step.await.unwrap());
        }
        seqs.sort_unstable();
        assert_eq!(seqs, (1..=64).collect::<Vec<_>>());
    });
    assert_eq!(Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap().records, 65);
}

#[test]
fn streams_do_not_mix_and_names_are_checked() {
    let state = tempfile::tempdir().unwrap();
    let store = open(state.path());
    for name in ["a", "ab", "a b", "ä"] {
        replay(&store.stream(name).unwrap(), &every_event().records[..3]);
    }
    let reader = Reader::open(state.path()).unwrap();
    let names: Vec<_> = reader.streams().unwrap().into_iter().map(|it| (it.stream, it.head.seq)).collect();
    assert_eq!(names, [("a", 2), ("a b", 2), ("ab", 2), ("ä", 2)].map(|(name, seq)| (name.to_owned(), seq)));
    for name in ["", "a\0b", "a\nb", &"x".repeat(201)] {
        assert!(matches!(store.stream(name), Err(Error::BadStreamName { .. })), "{name:?}");
    }
}

#[test]
fn nothing_in_the_state_folder_is_open_to_others() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    let _store = open(&state);
    let mode = |name: &str| std::fs::metadata(state.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(""), 0o700);
    assert_eq!(mode("journal"), 0o700);
    for name in ["lock", "heads", "reader.sock", "journal/wal"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
}

#[test]
fn a_snapshot_that_sled_did_not_finish_does_not_stand_in_the_way() {
    let state = tempfile::tempdir().unwrap();
    replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    let unfinished = state.path().join("journal/snap.FFFFFFFFFFFFFFF0.generating");
    std::fs::write(&unfinished, b"half").unwrap();
    assert_eq!(
        Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap().records,
        every_event().records.len() as u64
    );
    assert!(unfinished.exists(), "readers write nothing");
    assert!(open(state.path()).stream(STREAM).unwrap().state().head.is_some());
    assert!(!unfinished.exists());
}
