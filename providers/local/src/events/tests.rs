//! The queue and the pump without processes: a destination that fails as it likes, kills at any point.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::filter::Filter;
use super::ledger::SLACK;
use super::pump::{self, Burial, World};
use super::queue::{Letters, Queue, Taken, Terms};
use super::schedule::Policy;
use super::subscription::{Batch, Container, Destination, Lane, Subscription};
use crate::apps::Delivered;
use crate::clock::Clock;

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

fn lane(name: &str) -> Lane {
    Lane { key: format!("/s/{name}").into(), created: "2026-01-01".into() }
}

fn terms() -> Terms {
    let policy = Policy { attempts: 30, time_to_live: Duration::from_secs(86_400) };
    Terms { batch: Batch { events: 1, bytes: 65_536 }, policy, has_letters: false }
}

fn event(number: usize) -> Value {
    json!({ "id": number.to_string(), "subject": format!("devices/{number}"), "data": { "body": {} } })
}

fn ids(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
}

/// A queue in a scratch folder that can be killed: dropped without a word and opened again.
struct Scratch {
    dir: TempDir,
    clock: Clock,
}

impl Scratch {
    fn new() -> Self {
        let start = chrono::DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        Self { dir: tempfile::tempdir().unwrap(), clock: Clock::manual(start, Some(1.0)) }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("queue.jsonl")
    }

    fn open(&self) -> Queue {
        Queue::open(&self.path(), self.clock.clone()).unwrap()
    }

    fn size(&self) -> u64 {
        std::fs::metadata(self.path()).unwrap().len()
    }
}

fn take(queue: &Queue, name: &str) -> Option<Taken> {
    queue.take(&lane(name), terms())
}

#[test]
fn every_lane_gets_its_own_copy_once() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    queue.publish(&event(1), &[lane("a"), lane("b")]).unwrap();
    queue.publish(&event(2), &[lane("b")]).unwrap();
    let first = take(&queue, "a").unwrap();
    assert_eq!(ids(&first.events), ["1"]);
    assert!(take(&queue, "a").is_none(), "under way, and nothing else is for a");
    queue.delivered(&first);
    let got: Vec<String> = std::iter::from_fn(|| take(&queue, "b")).flat_map(|taken| ids(&taken.events)).collect();
    assert_eq!(got, ["1", "2"]);
    assert_eq!(queue.census(&lane("a")).counts.delivered, 1);
    assert_eq!(queue.census(&lane("b")).in_flight, 2);
}

#[test]
fn batches_are_bounded_by_number_and_size_but_never_empty() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    (0..5).for_each(|number| queue.publish(&event(number), &[lane("a")]).unwrap());
    let bounded = |events, bytes| Terms { batch: Batch { events, bytes }, ..terms() };
    let size = |terms| queue.take(&lane("a"), terms).map_or(0, |taken| taken.events.len());
    assert_eq!(size(bounded(3, 65_536)), 3);
    assert_eq!(size(bounded(3, 1)), 1);
    assert_eq!(size(bounded(3, 65_536)), 1);
    assert_eq!(size(bounded(3, 65_536)), 0);
}

#[test]
fn a_failed_event_waits_for_its_time_and_its_attempts_survive_a_kill() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    queue.publish(&event(1), &[lane("a")]).unwrap();
    queue.failed(&take(&queue, "a").unwrap(), 500, "InternalServerError", terms());
    scratch.clock.advance(Duration::from_millis(9_999));
    assert!(take(&queue, "a").is_none());
    scratch.clock.advance(Duration::from_millis(1));
    queue.failed(&take(&queue, "a").unwrap(), 404, "NotFound", terms());
    scratch.clock.advance(Duration::from_secs(299));
    assert!(take(&queue, "a").is_none());
    drop(queue);
    let queue = scratch.open();
    let mut last = terms();
    last.policy.attempts = 3;
    queue.failed(&take(&queue, "a").expect("all is due after a restart"), 500, "Broken", last);
    let census = queue.census(&lane("a"));
    assert_eq!((census.waiting, census.counts.dropped, census.counts.failed), (0, 1, 3), "the third was the last");
}

#[test]
fn what_is_given_up_becomes_a_letter_and_survives_a_kill() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    let mut terms = terms();
    terms.has_letters = true;
    for number in 0..3 {
        queue.publish(&event(number), &[lane("a")]).unwrap();
        queue.failed(&queue.take(&lane("a"), terms).unwrap(), 400, "BadRequest", terms);
    }
    assert!(queue.letters(&lane("a")).is_none(), "letters are gathered first");
    drop(queue);
    let queue = scratch.open();
    assert!(queue.take(&lane("a"), terms).is_none(), "what is given up is not tried again");
    let letters = queue.letters(&lane("a")).unwrap();
    let content = super::letter::content(&letters.letters);
    assert_eq!(content.as_array().unwrap().len(), 3);
    assert_eq!(content[1]["deadLetterReason"], "UndeliverableDueToHttpBadRequest");
    assert_eq!(
        (&content[1]["deliveryAttempts"], &content[1]["lastDeliveryOutcome"]),
        (&json!(1), &json!("BadRequest"))
    );
    assert_eq!(content[1]["publishTime"], "2023-11-14T22:13:20.0000000Z");
    queue.unburied(&letters);
    assert!(queue.letters(&lane("a")).is_none(), "tried again later");
    scratch.clock.advance(Duration::from_secs(300));
    queue.buried(&queue.letters(&lane("a")).unwrap());
    drop(queue);
    let census = scratch.open().census(&lane("a"));
    assert_eq!((census.dying, census.counts.buried, census.counts.failed), (0, 3, 3));
}

#[test]
fn letters_that_cannot_be_written_for_hours_are_dropped() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    let mut terms = terms();
    terms.has_letters = true;
    queue.publish(&event(1), &[lane("a")]).unwrap();
    queue.failed(&queue.take(&lane("a"), terms).unwrap(), 413, "TooLarge", terms);
    scratch.clock.advance(Duration::from_secs(4 * 3600));
    queue.unburied(&queue.letters(&lane("a")).unwrap());
    let census = queue.census(&lane("a"));
    assert_eq!((census.dying, census.counts.dropped), (0, 1));
}

#[test]
fn an_event_dies_of_old_age_but_does_not_age_while_nobody_serves_it() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    let mut terms = terms();
    terms.policy.time_to_live = Duration::from_secs(60);
    (0..2).for_each(|number| queue.publish(&event(number), &[lane("a")]).unwrap());
    queue.failed(&queue.take(&lane("a"), terms).unwrap(), 404, "NotFound", terms);
    assert_eq!(queue.due(&lane("a")), Some(scratch.clock.now()), "the other one may be tried now");
    drop(queue);
    scratch.clock.advance(Duration::from_secs(3600));
    let queue = scratch.open();
    assert_eq!(ids(&queue.take(&lane("a"), terms).unwrap().events), ["0"], "it is still alive");
    scratch.clock.advance(Duration::from_secs(60));
    assert!(queue.take(&lane("a"), terms).is_none());
    assert_eq!(queue.census(&lane("a")).counts.dropped, 1);
}

#[test]
fn a_subscription_that_is_gone_takes_its_events_along_and_a_new_one_starts_afresh() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    queue.publish(&event(1), &[lane("a"), lane("b")]).unwrap();
    let under_way = take(&queue, "a").unwrap();
    queue.close(&lane("a"));
    queue.delivered(&under_way);
    let again = Lane { created: "2026-01-02".into(), ..lane("a") };
    queue.publish(&event(2), &[again.clone()]).unwrap();
    drop(queue);
    let queue = scratch.open();
    assert_eq!(queue.lanes(), [lane("b"), again.clone()]);
    assert_eq!(ids(&queue.take(&again, terms()).unwrap().events), ["2"]);
    assert_eq!(ids(&take(&queue, "b").unwrap().events), ["1"]);
}

#[test]
fn the_file_stays_bounded_and_a_torn_end_is_forgotten() {
    let scratch = Scratch::new();
    let queue = scratch.open();
    let mut large = event(0);
    large["data"]["body"] = "x".repeat(100_000).into();
    for _ in 0..60 {
        queue.publish(&large, &[lane("a")]).unwrap();
        queue.delivered(&take(&queue, "a").unwrap());
        assert!(scratch.size() < SLACK + 300_000, "{} bytes for nothing", scratch.size());
    }
    queue.publish(&event(7), &[lane("a")]).unwrap();
    drop(queue);
    let mut text = std::fs::read(scratch.path()).unwrap();
    text.extend_from_slice(b"{\"event\":{\"seq\":");
    std::fs::write(scratch.path(), text).unwrap();
    let queue = scratch.open();
    assert!(scratch.size() < 10_000, "opening writes it anew");
    assert_eq!(queue.census(&lane("a")).counts.delivered, 60, "counts survive");
    assert_eq!(ids(&take(&queue, "a").unwrap().events), ["7"]);
}

/// What a property test does to a queue.
#[derive(Clone, Debug)]
enum Act {
    Publish(bool, bool),
    /// Takes from a lane; the delivery ends in this status later, or never.
    Take(usize),
    Land(u16),
    Bury,
    Advance(u64),
    Kill,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (any::<bool>(), any::<bool>()).prop_map(|(a, b)| Act::Publish(a, b)),
        8 => (0..2_usize).prop_map(Act::Take),
        8 => prop::sample::select(vec![200_u16, 204, 400, 404, 500, 503]).prop_map(Act::Land),
        1 => Just(Act::Bury),
        3 => (1..1000_u64).prop_map(Act::Advance),
        1 => Just(Act::Kill),
    ];
    prop::collection::vec(act, 1..150)
}

/// What the other side of the queue has seen, per lane.
#[derive(Default)]
struct Seen {
    published: BTreeMap<usize, BTreeSet<String>>,
    ended: BTreeMap<usize, BTreeSet<String>>,
}

const NAMES: [&str; 2] = ["a", "b"];

fn model_terms() -> Terms {
    let policy = Policy { attempts: 4, time_to_live: Duration::from_secs(86_400) };
    Terms { batch: Batch { events: 3, bytes: 65_536 }, policy, has_letters: true }
}

fn bury_all(queue: &Queue, seen: &mut Seen) {
    for (at, name) in NAMES.iter().enumerate() {
        while let Some(letters) = queue.letters(&lane(name)) {
            let buried = letters.letters.iter().map(|letter| letter.event["id"].as_str().unwrap().to_owned());
            seen.ended.entry(at).or_default().extend(buried);
            queue.buried(&letters);
        }
    }
}

fn perform(acts: Vec<Act>) -> (Seen, Queue, Scratch) {
    let scratch = Scratch::new();
    let (mut queue, mut seen, mut flying) = (scratch.open(), Seen::default(), Vec::<(usize, Taken)>::new());
    for (number, act) in acts.into_iter().enumerate() {
        match act {
            Act::Publish(a, b) => {
                let to: Vec<usize> = [a, b].iter().enumerate().filter(|(_, to)| **to).map(|(at, _)| at).collect();
                let lanes: Vec<Lane> = to.iter().map(|at| lane(NAMES[*at])).collect();
                queue.publish(&event(number), &lanes).unwrap();
                for at in to {
                    seen.published.entry(at).or_default().insert(number.to_string());
                }
            }
            Act::Take(at) => flying.extend(queue.take(&lane(NAMES[at]), model_terms()).map(|taken| (at, taken))),
            Act::Land(status) if !flying.is_empty() => {
                let (at, taken) = flying.remove(0);
                if status < 300 {
                    seen.ended.entry(at).or_default().extend(ids(&taken.events));
                    queue.delivered(&taken);
                } else {
                    queue.failed(&taken, status, "Failed", model_terms());
                }
            }
            Act::Land(_) => {}
            Act::Bury => bury_all(&queue, &mut seen),
            Act::Advance(seconds) => scratch.clock.advance(Duration::from_secs(seconds)),
            Act::Kill => {
                flying.clear();
                drop(queue);
                queue = scratch.open();
            }
        }
    }
    drop(queue);
    let queue = scratch.open();
    (seen, queue, scratch)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever happens, an event ends in every lane that it was for, delivered or buried, and in no other.
    #[test]
    fn nothing_is_lost_whenever_the_process_dies(acts in acts()) {
        let (mut seen, queue, scratch) = perform(acts);
        for (at, name) in NAMES.iter().enumerate() {
            while let Some(taken) = queue.take(&lane(name), model_terms()) {
                seen.ended.entry(at).or_default().extend(ids(&taken.events));
                queue.delivered(&taken);
            }
        }
        scratch.clock.advance(Duration::from_secs(300));
        bury_all(&queue, &mut seen);
        prop_assert_eq!(&seen.published, &seen.ended);
        for name in NAMES {
            let census = queue.census(&lane(name));
            prop_assert_eq!((census.waiting, census.in_flight, census.dying, census.oldest), (0, 0, 0, None));
        }
        drop((queue, scratch.open()));
        prop_assert!(scratch.size() < 1_000, "{} bytes for nothing", scratch.size());
    }
}

/// A destination in memory.
struct Fake {
    subscriptions: Mutex<BTreeMap<Lane, Arc<Subscription>>>,
    /// The status of the n-th call, counted from 0.
    answers: fn(usize) -> u16,
    calls: AtomicUsize,
    busy: AtomicUsize,
    busiest: AtomicUsize,
    delivered: Mutex<Vec<String>>,
    letters: Mutex<Vec<Value>>,
    news: Notify,
}

impl Fake {
    fn new(answers: fn(usize) -> u16) -> Self {
        Self {
            subscriptions: Mutex::default(),
            answers,
            calls: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
            delivered: Mutex::default(),
            letters: Mutex::default(),
            news: Notify::new(),
        }
    }

    fn subscribe(&self, name: &str, attempts: u32) -> Lane {
        let lane = lane(name);
        let subscription = Subscription {
            lane: lane.clone(),
            id: lane.key.to_string(),
            source: "/hub".to_owned(),
            topic: "hub".to_owned(),
            ready: true,
            destination: Destination::Function { app: "app".to_owned(), function: "fn".to_owned() },
            filter: Filter::default(),
            policy: Policy { attempts, ..terms().policy },
            batch: terms().batch,
            cloud_events: false,
            letters: Some(Container { account: "acc".to_owned(), name: "dead".to_owned() }),
        };
        self.subscriptions.lock().unwrap().insert(lane.clone(), Arc::new(subscription));
        lane
    }

    /// Waits until `done` holds.
    async fn until(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let waiting = async {
            loop {
                let news = self.news.notified();
                if done(self) {
                    return;
                }
                news.await;
            }
        };
        assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "{what} never came");
    }
}

impl World for Fake {
    fn subscription(&self, lane: &Lane) -> Option<Arc<Subscription>> {
        self.subscriptions.lock().unwrap().get(lane).cloned()
    }

    async fn deliver(&self, _: &Subscription, events: &[Value]) -> Delivered {
        let status = (self.answers)(self.calls.fetch_add(1, Ordering::SeqCst));
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.busiest.fetch_max(busy, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.busy.fetch_sub(1, Ordering::SeqCst);
        if status == 200 {
            self.delivered.lock().unwrap().extend(ids(events));
        }
        self.news.notify_one();
        Delivered { status, outcome: "Fake".to_owned() }
    }

    fn bury(&self, _: &Subscription, letters: &Letters) -> Burial {
        let content = super::letter::content(&letters.letters);
        self.letters.lock().unwrap().extend(content.as_array().unwrap().clone());
        self.news.notify_one();
        Burial::Written
    }
}

/// A pump at work.
struct Pumping {
    queue: Arc<Queue>,
    wake: Arc<Notify>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Pumping {
    fn start(dir: &TempDir, world: &Arc<Fake>) -> Self {
        // Every pause of the schedule is the shortest there is.
        let clock = Clock::system(Some(0.000_1));
        let queue = Arc::new(Queue::open(&dir.path().join("queue.jsonl"), clock.clone()).unwrap());
        let (wake, stop) = (Arc::new(Notify::new()), CancellationToken::new());
        let task = pump::run(Arc::clone(world), Arc::clone(&queue), Arc::clone(&wake), clock, stop.clone());
        Self { queue, wake, stop, task: tokio::spawn(task) }
    }

    fn publish(&self, numbers: std::ops::Range<usize>, lane: &Lane) {
        for number in numbers {
            self.queue.publish(&event(number), std::slice::from_ref(lane)).unwrap();
            self.wake.notify_one();
        }
    }

    /// Ends it as a kill would: what is under way is not waited for.
    async fn kill(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

fn all(world: &Fake, count: usize) -> bool {
    world.delivered.lock().unwrap().iter().collect::<BTreeSet<_>>().len() == count
}

#[tokio::test]
async fn failures_are_retried_until_every_event_has_arrived_and_few_go_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(Fake::new(|call| if call % 3 == 0 { 503 } else { 200 }));
    let lane = world.subscribe("a", 30);
    let pumping = Pumping::start(&dir, &world);
    pumping.publish(0..300, &lane);
    world.until("every event", |world| all(world, 300)).await;
    assert!(world.busiest.load(Ordering::SeqCst) <= 32);
    pumping.kill().await;
}

#[tokio::test]
async fn a_killed_pump_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(Fake::new(|call| if call % 7 == 0 { 500 } else { 200 }));
    let lane = world.subscribe("a", 30);
    for round in 0..4 {
        let pumping = Pumping::start(&dir, &world);
        pumping.publish(round * 50..(round + 1) * 50, &lane);
        // Killed while most of them are still waiting.
        let some = round * 20;
        world.until("some events", |world| world.delivered.lock().unwrap().len() >= some).await;
        pumping.kill().await;
    }
    let pumping = Pumping::start(&dir, &world);
    world.until("every event", |world| all(world, 200)).await;
    pumping.kill().await;
}

#[tokio::test]
async fn what_never_arrives_becomes_a_dead_letter_after_the_last_attempt() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(Fake::new(|_| 500));
    let lane = world.subscribe("a", 3);
    let pumping = Pumping::start(&dir, &world);
    pumping.publish(0..5, &lane);
    world.until("the letters", |world| world.letters.lock().unwrap().len() == 5).await;
    for letter in world.letters.lock().unwrap().iter() {
        assert_eq!(letter["deadLetterReason"], "MaxDeliveryAttemptsExceeded");
        assert_eq!((&letter["deliveryAttempts"], &letter["lastHttpStatusCode"]), (&json!(3), &json!(500)));
    }
    assert_eq!(world.calls.load(Ordering::SeqCst), 15);
    pumping.kill().await;
}

#[tokio::test]
async fn a_deleted_subscription_is_not_delivered_to_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(Fake::new(|_| 500));
    let (gone, stays) = (world.subscribe("gone", 30), world.subscribe("stays", 30));
    let pumping = Pumping::start(&dir, &world);
    pumping.publish(0..3, &gone);
    world.until("an attempt", |world| world.calls.load(Ordering::SeqCst) >= 3).await;
    world.subscriptions.lock().unwrap().remove(&gone);
    pumping.publish(3..4, &stays);
    let queue = Arc::clone(&pumping.queue);
    world.until("the end of the lane", |_| queue.lanes() == [stays.clone()]).await;
    pumping.kill().await;
}
