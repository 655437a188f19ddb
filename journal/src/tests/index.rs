//! The index tells what the records tell, or is not asked.

use super::{open, replay};
use crate::scenario::{STREAM, every_event};
use crate::verify::Known;
use crate::{Overview, Reader};

fn written() -> tempfile::TempDir {
    let state = tempfile::tempdir().unwrap();
    replay(&open(state.path()).stream(STREAM).unwrap(), &every_event().records);
    state
}

fn overview(state: &std::path::Path) -> Overview {
    Reader::open(state).unwrap().overview(STREAM).unwrap()
}

fn expected(state: &std::path::Path) -> Overview {
    Overview::of(&Reader::open(state).unwrap().state(STREAM).unwrap())
}

#[test]
fn it_tells_what_the_records_tell_with_an_owner_and_without() {
    let state = written();
    let known = expected(state.path());
    assert_eq!((known.runs.len(), known.head.as_ref().unwrap().seq), (2, every_event().records.len() as u64 - 1));
    assert_eq!(overview(state.path()), known);
    let store = open(state.path());
    assert_eq!(overview(state.path()), known, "from the owner, who has not opened the stream");
    let stream = store.stream(STREAM).unwrap();
    assert_eq!(overview(state.path()), known);
    super::block_on(async {
        let run = crate::RunId::fresh();
        let event = crate::scenario::History::new().start(crate::RunKind::Deploy, "three").records[0].event.clone();
        let crate::Event::RunStarted { kind, definition, target, adopt, .. } = event else { panic!("it starts") };
        let previous = stream.state().definition().cloned();
        stream
            .append(Some(run), crate::Event::RunStarted { kind, definition, previous, target, adopt, trigger: None })
            .await
            .unwrap();
    });
    assert_eq!(overview(state.path()).runs.len(), 3, "the owner knows of what is under way");
    drop((store, stream));
    assert_eq!(overview(state.path()), expected(state.path()));
}

#[test]
fn a_stream_that_a_later_owner_left_alone_stays_in_it() {
    let state = written();
    drop(open(state.path()).stream("other").unwrap());
    assert!(crate::index::Index::read(state.path()).unwrap().0.contains_key(STREAM));
    assert_eq!(overview(state.path()), expected(state.path()));
}

#[test]
fn it_is_not_asked_when_anything_has_changed_since() {
    let state = written();
    let known = expected(state.path());
    assert!(crate::index::Index::read(state.path()).is_some());
    let heads = std::fs::read(state.path().join("heads")).unwrap();
    std::fs::write(state.path().join("heads"), b"").unwrap();
    assert!(crate::index::Index::read(state.path()).is_none(), "another head");
    std::fs::write(state.path().join("heads"), heads).unwrap();
    let database = state.path().join("journal/db");
    let bytes = std::fs::read(&database).unwrap();
    std::fs::write(&database, bytes).unwrap();
    assert!(crate::index::Index::read(state.path()).is_none(), "another database, as far as anybody can tell");
    assert_eq!(overview(state.path()), known, "the records are read instead");
    std::fs::remove_file(state.path().join("index")).unwrap();
    assert_eq!(overview(state.path()), known);
}

#[test]
fn one_that_lies_is_found_by_verifying() {
    let state = written();
    let path = state.path().join("index");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("rolled-back", "finished")).unwrap();
    assert_eq!(overview(state.path()), expected(state.path()), "its check does not hold: it is not asked");
    let mut index: crate::index::Index = serde_json::from_str::<serde_json::Value>(&text)
        .and_then(|stored| serde_json::from_value(stored["streams"].clone()))
        .unwrap();
    index.0.get_mut(STREAM).unwrap().runs[0].status = crate::RunStatus::Finished;
    index.write(state.path()).unwrap();
    assert_eq!(overview(state.path()).runs[0].status, crate::RunStatus::Finished, "a forger can make the check right");
    let error = Reader::open(state.path()).unwrap().verify(STREAM, &Known::default()).unwrap_err();
    assert!(error.to_string().contains("the index of the runs says something else"), "{error}");
}

#[test]
fn questions_are_answered_while_owners_come_and_go() {
    let state = written();
    let known = expected(state.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::SeqCst) {
                drop(open(state.path()));
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
        let reader = Reader::open(state.path()).unwrap();
        for _ in 0..300 {
            let asked = reader
                .overview(STREAM)
                .and_then(|overview| Ok((overview, reader.streams()?.len(), reader.base(STREAM)?.is_none())));
            // Ended first: a panic would leave the other thread running.
            if !matches!(&asked, Ok((overview, 1, true)) if *overview == known) {
                done.store(true, std::sync::atomic::Ordering::SeqCst);
                panic!("{asked:?}");
            }
        }
        done.store(true, std::sync::atomic::Ordering::SeqCst);
    });
}
