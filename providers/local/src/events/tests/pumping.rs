//! The pump with a destination in memory that fails as it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::super::filter::Filter;
use super::super::letter;
use super::super::pump::{self, Burial, World};
use super::super::queue::{Letters, Queue};
use super::super::schedule::Policy;
use super::super::subscription::{Container, Destination, Lane, Subscription};
use super::{event, ids, lane, terms};
use crate::apps::Delivered;
use crate::clock::Clock;

/// How long a test waits for what must come.
const DEADLINE: Duration = Duration::from_secs(60);

/// Stands for a destination that panics.
const PANICS: u16 = 0;

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
        assert_ne!(status, PANICS, "a destination that panics");
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
        let content = letter::content(&letters.letters);
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
async fn a_delivery_that_panics_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let world = Arc::new(Fake::new(|call| if call % 4 == 1 { PANICS } else { 200 }));
    let lane = world.subscribe("a", 1);
    let pumping = Pumping::start(&dir, &world);
    pumping.publish(0..20, &lane);
    world.until("every event", |world| all(world, 20)).await;
    assert_eq!(pumping.queue.census(&lane).counts.failed, 0, "a panic of ours is no attempt");
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
