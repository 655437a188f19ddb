//! The outbox against a world that refuses, takes in part, and crashes at every point where something durable changes.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::Path,
};

use async_trait::async_trait;
use journal::{FailureKind, Record, read::StreamHead};
use proptest::prelude::*;
use uuid::Uuid;

use super::{
    cursor::Cursor,
    shelf::Shelf,
    source::{Sight, Source},
    *,
};
use crate::{
    Event,
    lifecycle::Lifecycle,
    sink,
    testing::{History, JOURNAL, attempt_failed, run_started, started, step_failed},
};

/// What happens at the next point where something durable may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is done.
    Done,
    /// It is not done, and the process is told.
    Refused,
    /// The process ends before it is done.
    CrashBefore,
    /// The process ends after it is done.
    CrashAfter,
    /// A sink takes every second event, and says so.
    Partly,
}

/// What survives a crash of the process.
#[derive(Default)]
struct World {
    fates: Mutex<VecDeque<Fate>>,
    crashed: Mutex<bool>,
    streams: Mutex<Vec<History>>,
    wire: Mutex<Vec<Event>>,
    cursor: Mutex<Option<Vec<u8>>>,
}

impl World {
    fn fate(&self) -> Fate {
        self.fates.lock().unwrap().pop_front().unwrap_or(Fate::Done)
    }

    fn crash(&self) {
        *self.crashed.lock().unwrap() = true;
    }

    /// Does something durable as fate will have it; true when the process is told that it is done.
    fn act(&self, deed: impl FnOnce()) -> bool {
        match self.fate() {
            Fate::Done => deed(),
            Fate::CrashAfter => {
                deed();
                self.crash();
                return false;
            }
            Fate::CrashBefore => {
                self.crash();
                return false;
            }
            Fate::Refused | Fate::Partly => return false,
        }
        true
    }
}

#[derive(Clone)]
struct Hands(Arc<World>);

impl Shelf for Hands {
    fn load(&self) -> Result<Option<Cursor>, Error> {
        let cursor = self.0.cursor.lock().unwrap();
        Ok(cursor.as_ref().map(|text| serde_json::from_slice(text).unwrap()))
    }

    fn save(&self, cursor: &Cursor) -> Result<(), Error> {
        let text = serde_json::to_vec(cursor).unwrap();
        let done = self.0.act(|| *self.0.cursor.lock().unwrap() = Some(text));
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        if done { Ok(()) } else { Err(Error::io("write", "cursor")(full())) }
    }
}

#[async_trait]
impl Sink for Hands {
    fn id(&self) -> String {
        "fake".into()
    }

    async fn send(&self, batch: &[Event]) -> Result<(), sink::Error> {
        assert!(!batch.is_empty() && batch.len() <= 10);
        let partly = self.0.fates.lock().unwrap().front() == Some(&Fate::Partly);
        if partly {
            self.0.fate();
            let (taken, left): (Vec<_>, Vec<_>) = (0..batch.len()).partition(|place| place % 2 == 1);
            self.0.wire.lock().unwrap().extend(taken.into_iter().map(|place| batch[place].clone()));
            return Err(sink::Error::Partly { left, reason: "throttled".into(), retry_after: None });
        }
        let done = self.0.act(|| self.0.wire.lock().unwrap().extend(batch.iter().cloned()));
        if done { Ok(()) } else { Err(sink::Error::Refused { reason: "no".into(), retry_after: None }) }
    }
}

impl Source for Hands {
    fn look(&self) -> Result<Option<Sight>, journal::Error> {
        let heads: Vec<StreamHead> = self.0.streams.lock().unwrap().iter().filter_map(History::head).collect();
        Ok(if heads.is_empty() { None } else { Some(Sight { journal: JOURNAL, heads }) })
    }

    fn records(&self, stream: &str, from: u64, most: usize) -> Result<Vec<Record>, journal::Error> {
        let streams = self.0.streams.lock().unwrap();
        let found = streams.iter().find(|history| history.stream == stream).expect("it was seen");
        Ok(found.records.iter().skip(from as usize).take(most).cloned().collect())
    }
}

fn courier(world: &Arc<World>, start: Start) -> Result<Courier, Error> {
    let hands = Hands(Arc::clone(world));
    Courier::new(Arc::new(hands.clone()), Arc::new(hands.clone()), Box::new(hands), start, Arc::default())
}

/// Runs processes, one after a crash of the other, until one finds nothing left to do.
async fn settle(world: &Arc<World>, start: Start) -> u32 {
    let mut crashes = 0;
    'process: loop {
        let mut courier = courier(world, start).expect("the cursor is whole after every crash");
        for _ in 0..100_000 {
            let round = courier.round().await;
            if std::mem::take(&mut *world.crashed.lock().unwrap()) {
                crashes += 1;
                continue 'process;
            }
            match round {
                Ok(true) => {}
                Ok(false) => return crashes,
                Err(error) => assert!(!error.is_final(), "{error}"),
            }
        }
        panic!("it comes to no end");
    }
}

fn happening(choice: u8) -> journal::Event {
    let step = ["a", "b"][usize::from(choice) % 2];
    match choice / 2 % 6 {
        0 => run_started(),
        1 => started(step),
        2 => step_failed(step, "no"),
        3 => attempt_failed(step, 1, FailureKind::NotYet),
        4 => attempt_failed(step, 1, FailureKind::Transient),
        _ => journal::Event::RunFinished,
    }
}

fn grow(world: &World, stream: &str, choices: &[u8]) {
    let mut streams = world.streams.lock().unwrap();
    if !streams.iter().any(|history| history.stream == stream) {
        streams.push(History::of(stream));
    }
    let history = streams.iter_mut().find(|history| history.stream == stream).unwrap();
    choices.iter().for_each(|choice| {
        history.push(happening(*choice));
    });
}

/// What ought to arrive, by id: no more is said of a record than its place in its stream.
fn expected(world: &World) -> BTreeMap<String, Event> {
    let streams = world.streams.lock().unwrap();
    let told = streams.iter().flat_map(|history| {
        let mut lifecycle = Lifecycle::new(JOURNAL, BTreeSet::new());
        history.records.iter().filter_map(move |record| lifecycle.event(record)).collect::<Vec<_>>()
    });
    told.map(|event| (event.id.clone(), event)).collect()
}

/// What arrived, each event when it came first. The same id must never come with another content.
fn arrived(world: &World) -> Vec<Event> {
    let mut seen: BTreeMap<String, Event> = BTreeMap::new();
    let mut order = Vec::new();
    for event in world.wire.lock().unwrap().iter() {
        match seen.get(&event.id) {
            Some(before) => assert_eq!(before, event, "an id stands for one content"),
            None => {
                seen.insert(event.id.clone(), event.clone());
                order.push(event.clone());
            }
        }
    }
    order
}

fn check(world: &World, ordered: bool) {
    let arrived = arrived(world);
    let by_id: BTreeMap<_, _> = arrived.iter().map(|event| (event.id.clone(), event.clone())).collect();
    assert_eq!(by_id, expected(world), "none is lost, none is made up");
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for event in arrived.iter().filter(|_| ordered) {
        let before = last.insert(&event.subject, event.data.seq);
        assert!(before.is_none_or(|before| before < event.data.seq), "{} is out of order", event.id);
    }
}

fn fates(crashes: bool, parts: bool) -> impl Strategy<Value = Vec<Fate>> {
    let mut all = vec![Fate::Done, Fate::Done, Fate::Refused];
    all.extend(crashes.then_some([Fate::CrashBefore, Fate::CrashAfter]).into_iter().flatten());
    all.extend(parts.then_some([Fate::Partly, Fate::Partly]).into_iter().flatten());
    prop::collection::vec(prop::sample::select(all), 0..60)
}

fn growths() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let stream = prop::sample::select(vec!["factory", "plant", "mill"]);
    prop::collection::vec((stream, prop::collection::vec(any::<u8>(), 0..40)), 1..6)
}

fn simulate(growths: &[(&str, Vec<u8>)], fates: Vec<Fate>) -> (Arc<World>, u32) {
    let world = Arc::new(World { fates: Mutex::new(fates.into()), ..World::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut crashes = runtime.block_on(settle(&world, Start::Now));
    for (stream, choices) in growths {
        grow(&world, stream, choices);
        crashes += runtime.block_on(settle(&world, Start::Now));
    }
    (world, crashes)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_crashes_no_event_is_lost_changed_or_out_of_order(growths in growths(), fates in fates(true, false)) {
        let (world, crashes) = simulate(&growths, fates);
        check(&world, true);
        let sent = world.wire.lock().unwrap().len();
        let repeated = sent - arrived(&world).len();
        prop_assert!(repeated <= crashes as usize * batch::MOST_EVENTS, "a crash repeats one batch at most");
    }

    #[test]
    fn what_is_taken_in_part_is_finished_crashes_or_not(growths in growths(), fates in fates(true, true)) {
        check(&simulate(&growths, fates).0, false);
    }

    #[test]
    fn without_a_crash_nothing_is_sent_twice(growths in growths(), fates in fates(false, true)) {
        let (world, crashes) = simulate(&growths, fates);
        prop_assert_eq!(crashes, 0);
        prop_assert_eq!(world.wire.lock().unwrap().len(), expected(&world).len());
    }
}

/// Every point in turn, rather than by chance.
#[test]
fn a_crash_before_and_after_every_single_point_is_made_good() {
    let growths =
        [("factory", (0..60).collect::<Vec<u8>>()), ("plant", (0..25).collect()), ("factory", (0..7).collect())];
    for fate in [Fate::CrashBefore, Fate::CrashAfter, Fate::Refused] {
        let mut point = 0;
        loop {
            let mut fates = vec![Fate::Done; point];
            fates.push(fate);
            let (world, _) = simulate(&growths, fates);
            check(&world, true);
            if !world.fates.lock().unwrap().is_empty() {
                break;
            }
            point += 1;
        }
        assert!(point > 20, "{point} points are too few for so many batches");
    }
}

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
        let expected = Lag { records: 3, oldest: Some(crate::testing::epoch()), failures, sent: 0 };
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
    let started = journal::Event::RunStarted { kind, definition, previous, target, adopt };
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
