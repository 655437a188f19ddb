//! The queue without processes: kills at any point, clocks that are moved by hand.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its own functions too")]

mod pumping;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::ledger::SLACK;
use super::queue::{Queue, Taken, Terms};
use super::schedule::Policy;
use super::subscription::{Batch, Lane};
use crate::clock::Clock;

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
    queue.publish(&event(2), std::slice::from_ref(&again)).unwrap();
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
