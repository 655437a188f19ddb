//! A world that refuses, takes in part, and crashes where it is told to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use journal::{FailureKind, Record, read::StreamHead};

use super::super::{
    Start,
    courier::Courier,
    cursor::Cursor,
    shelf::Shelf,
    source::{Sight, Source},
};
use crate::{
    Error, Event, Sink,
    lifecycle::Lifecycle,
    sink,
    testing::{History, JOURNAL, attempt_failed, run_started, started, step_failed},
};

/// What happens at the next point where something durable may change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
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
pub(super) struct World {
    pub(super) fates: Mutex<VecDeque<Fate>>,
    crashed: Mutex<bool>,
    pub(super) streams: Mutex<Vec<History>>,
    /// What the sink has taken.
    pub(super) wire: Mutex<Vec<Event>>,
    /// The ids of what the sink was asked to take.
    pub(super) asked: Mutex<Vec<Vec<String>>>,
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
pub(super) struct Hands(pub(super) Arc<World>);

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
        self.0.asked.lock().unwrap().push(batch.iter().map(|event| event.id.clone()).collect());
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
        Ok(found.records.iter().filter(|record| record.seq >= from).take(most).cloned().collect())
    }
}

pub(super) fn courier(world: &Arc<World>, start: Start) -> Result<Courier, Error> {
    let hands = Hands(Arc::clone(world));
    Courier::new(Arc::new(hands.clone()), Arc::new(hands.clone()), Box::new(hands), start, Arc::default())
}

/// Runs processes, one after a crash of the other, until one finds nothing left to do.
pub(super) async fn settle(world: &Arc<World>, start: Start) -> u32 {
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

pub(super) fn grow(world: &World, stream: &str, choices: &[u8]) {
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
pub(super) fn expected(world: &World) -> BTreeMap<String, Event> {
    let streams = world.streams.lock().unwrap();
    let told = streams.iter().flat_map(|history| {
        let mut lifecycle = Lifecycle::new(JOURNAL, BTreeSet::new());
        history.records.iter().filter_map(move |record| lifecycle.event(record)).collect::<Vec<_>>()
    });
    told.map(|event| (event.id.clone(), event)).collect()
}

/// What arrived, each event when it came first. The same id must never come with another content.
pub(super) fn arrived(world: &World) -> Vec<Event> {
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

pub(super) fn check(world: &World, ordered: bool) {
    let arrived = arrived(world);
    let by_id: BTreeMap<_, _> = arrived.iter().map(|event| (event.id.clone(), event.clone())).collect();
    assert_eq!(by_id, expected(world), "none is lost, none is made up");
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for event in arrived.iter().filter(|_| ordered) {
        let before = last.insert(&event.subject, event.data.seq);
        assert!(before.is_none_or(|before| before < event.data.seq), "{} is out of order", event.id);
    }
}
