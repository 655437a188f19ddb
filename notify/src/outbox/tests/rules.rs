//! Where it begins, when it stops, what it tells of itself; and a real journal.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    super::{
        Lag, Outbox, Pace, Start,
        courier::Courier,
        cursor::Cursor,
        shelf::{FileShelf, Shelf},
    },
    world::{Fate, Hands, World, check, courier, grow, settle},
};
use crate::{
    Error, durable,
    testing::{History, JOURNAL, epoch, run_started},
};

#[tokio::test]
async fn a_first_start_begins_now_or_with_the_beginning_and_new_streams_with_theirs() {
    for (start, told) in [(Start::Now, 0), (Start::Beginning, 2)] {
        let world = Arc::new(World::default());
        grow(&world, "factory", &[0, 10]);
        settle(&world, start).await;
        assert_eq!(world.wire.lock().unwrap().len(), told, "{start:?}");
        grow(&world, "factory", &[0]);
        grow(&world, "plant", &[0, 10]);
        // Only the first start is asked where to begin.
        settle(&world, Start::Now).await;
        assert_eq!(world.wire.lock().unwrap().len(), told + 3, "{start:?}");
    }
}

#[tokio::test]
async fn a_beginning_that_was_pruned_is_what_is_left_also_when_a_batch_of_it_was_on_its_way() {
    let world = Arc::new(World::default());
    grow(&world, "factory", &[0, 10, 0, 10]);
    world.streams.lock().unwrap()[0].records.drain(..2);
    world.fates.lock().unwrap().extend([Fate::Done, Fate::Done, Fate::CrashAfter]);
    assert!(courier(&world, Start::Beginning).unwrap().round().await.is_err());
    settle(&world, Start::Beginning).await;
    let told: std::collections::BTreeSet<_> = world.wire.lock().unwrap().iter().map(|event| event.data.seq).collect();
    assert_eq!(told, [2, 3].into());
}

#[tokio::test]
async fn a_batch_that_was_on_its_way_goes_again_as_it_was_whatever_came_since() {
    let world = Arc::new(World::default());
    settle(&world, Start::Now).await;
    grow(&world, "factory", &[0, 10, 0]);
    world.fates.lock().unwrap().extend([Fate::Done, Fate::CrashAfter]);
    let hands = Hands(Arc::clone(&world));
    let first = courier(&world, Start::Now).unwrap().round().await;
    assert!(first.is_err() && hands.load().unwrap().unwrap().position("factory").sending.is_some());
    grow(&world, "factory", &[10, 0, 10]);
    settle(&world, Start::Now).await;
    let asked = world.asked.lock().unwrap();
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 3]);
    assert!(asked[0] == asked[1] && asked[1] != asked[2], "{asked:?}");
}

#[tokio::test]
async fn long_stretches_without_an_event_are_passed_and_saved_now_and_then() {
    let world = Arc::new(World::default());
    settle(&world, Start::Now).await;
    grow(&world, "factory", &[2; 2_600]);
    settle(&world, Start::Now).await;
    let saved = Hands(Arc::clone(&world)).load().unwrap().unwrap().position("factory").next;
    assert!((1_000..=2_600).contains(&saved), "{saved}");
    grow(&world, "factory", &[0]);
    settle(&world, Start::Now).await;
    check(&world, true);
}

#[tokio::test]
async fn another_journal_and_a_stream_put_back_stop_it() {
    let world = Arc::new(World::default());
    grow(&world, "factory", &[0, 10, 0, 10]);
    settle(&world, Start::Beginning).await;
    let sent = world.wire.lock().unwrap().len();

    let whole = world.streams.lock().unwrap()[0].clone();
    world.streams.lock().unwrap()[0].records.truncate(2);
    let behind = courier(&world, Start::Now).unwrap().round().await.unwrap_err();
    assert!(matches!(behind, Error::Forked { seq: 4, .. }) && behind.is_final(), "{behind}");

    let mut other = History::of("factory");
    whole.records.iter().for_each(|record| {
        other.push(record.event.clone());
    });
    other.push(run_started());
    other.records[4].prev = journal::Digest("another".into());
    world.streams.lock().unwrap()[0] = other;
    let forked = courier(&world, Start::Now).unwrap().round().await.unwrap_err();
    assert!(matches!(forked, Error::Forked { seq: 4, .. }), "{forked}");

    let mut cursor = Hands(Arc::clone(&world)).load().unwrap().unwrap();
    cursor.journal = Some(Uuid::from_u128(1));
    Hands(Arc::clone(&world)).save(&cursor).unwrap();
    let other = courier(&world, Start::Now).unwrap().round().await.unwrap_err();
    assert!(matches!(other, Error::OtherJournal { .. }) && other.is_final(), "{other}");
    assert_eq!(world.wire.lock().unwrap().len(), sent, "nothing is guessed");
}

#[tokio::test]
async fn the_lag_tells_what_is_behind_and_since_when() {
    let world = Arc::new(World::default());
    settle(&world, Start::Now).await;
    grow(&world, "factory", &[0, 2, 10]);
    world.fates.lock().unwrap().extend([Fate::Done, Fate::Refused, Fate::Refused]);
    let hands = Hands(Arc::clone(&world));
    let lag: Arc<Mutex<Lag>> = Arc::default();
    let shelf = Box::new(hands.clone());
    let mut courier =
        Courier::new(Arc::new(hands.clone()), Arc::new(hands), shelf, Start::Now, Arc::clone(&lag)).unwrap();
    for failures in 1..=2 {
        assert!(courier.round().await.is_err());
        let expected = Lag { records: 3, oldest: Some(epoch()), failures, sent: 0 };
        assert_eq!(*lag.lock().unwrap(), expected);
    }
    assert!(courier.round().await.unwrap());
    assert_eq!(*lag.lock().unwrap(), Lag { records: 0, oldest: None, failures: 0, sent: 2 });
}

#[test]
fn a_sink_has_one_outbox_at_a_time_and_a_cursor_that_is_understood() {
    let state = tempfile::tempdir().unwrap();
    let folder = durable::folder(state.path()).unwrap();
    let shelf = FileShelf::take(&folder, "fake").unwrap();
    assert!(matches!(FileShelf::take(&folder, "fake"), Err(Error::Busy { .. })));
    assert!(FileShelf::take(&folder, "other").is_ok());
    assert_eq!(shelf.load().unwrap(), None);
    let cursor = Cursor::begin(Some(JOURNAL), &[], Start::Now);
    shelf.save(&cursor).unwrap();
    assert_eq!(shelf.load().unwrap(), Some(cursor));
    std::fs::write(folder.join("fake.json"), r#"{"version": 2, "journal": null, "streams": {}}"#).unwrap();
    assert!(matches!(shelf.load(), Err(Error::Malformed { .. })));
    drop(shelf);
    assert!(FileShelf::take(&folder, "fake").is_ok());
}

/// The whole of it over a real journal, while owners come and go, with a sink that refuses now and then.
#[tokio::test(flavor = "multi_thread")]
async fn a_real_journal_is_told_while_owners_come_and_go() {
    let state = tempfile::tempdir().unwrap();
    let world = Arc::new(World::default());
    world.fates.lock().unwrap().extend([Fate::Refused, Fate::Done, Fate::Refused]);
    let pace = Pace {
        look: Duration::from_millis(10),
        first_delay: Duration::from_millis(5),
        longest_delay: Duration::from_millis(20),
    };
    let outbox = Outbox::new(state.path(), Arc::new(Hands(Arc::clone(&world))), Start::Now).at_pace(pace);
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { outbox.run(stop).await.map(|()| outbox.lag()) }
    });
    eventually("it has begun", || state.path().join("outbox/fake.json").exists()).await;
    for _ in 0..3 {
        run(state.path()).await;
    }
    eventually("all is told", || world.wire.lock().unwrap().len() == 6).await;
    stop.cancel();
    let lag = running.await.unwrap().unwrap();
    assert_eq!((lag.records, lag.sent), (0, 6));
    let told: Vec<String> = world.wire.lock().unwrap().iter().map(|event| event.kind.clone()).collect();
    assert_eq!(told, ["twinctl.run.started", "twinctl.run.finished"].repeat(3));
}

/// A run of an owner that is gone afterwards.
async fn run(state: &Path) {
    let actor = journal::Actor { user: "ada".into(), host: "lab".into(), process: 1, version: "0".into(), ci: None };
    let store = journal::Store::open(state, actor, "run").unwrap();
    let stream = store.stream("factory").unwrap();
    let run = Some(journal::RunId::fresh());
    let previous = stream.state().definition().cloned();
    let journal::Event::RunStarted { kind, target, adopt, .. } = run_started() else { unreachable!("it is one") };
    let definition = journal::Digest("ab".repeat(32));
    let started = journal::Event::RunStarted { kind, definition, previous, target, adopt, trigger: None };
    stream.append(run, started).await.unwrap();
    stream.append(run, journal::Event::RunFinished).await.unwrap();
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(tokio::time::Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
