//! Any interleaving of messages, duplicates, retries, faults and writers ends with the newest values.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::future::join_all;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{at, device, telemetry, within};
use crate::twin::{
    Feed, Options, Writer,
    stamp::Stamp,
    testing::{Fault, Seen, Twins},
};

const WRITERS: usize = 3;
const TWINS: [&str; 2] = ["a", "b"];

/// A device's message: its twin, its time in milliseconds, and values by property.
#[derive(Debug, Clone)]
struct Message {
    twin: usize,
    time: i64,
    values: BTreeMap<&'static str, u8>,
    /// By which writer and how many milliseconds after the start it is delivered; each delivery is repeated until it
    /// succeeds.
    deliveries: Vec<(usize, u64)>,
}

fn message() -> impl Strategy<Value = Message> {
    let names = prop::sample::select(vec!["temperature", "count", "motor.speed", "place.x", "place.floor"]);
    let values = prop::collection::btree_map(names, 0u8..3, 1..4);
    // Few times and few values: ties and superseded values are the rule.
    let deliveries = prop::collection::vec((0..WRITERS, 0u64..3_000), 1..4);
    (0..TWINS.len(), 0i64..6, values, deliveries).prop_map(|(twin, time, values, deliveries)| Message {
        twin,
        time,
        values,
        deliveries,
    })
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => (0u64..80).prop_map(Fault::Slow),
        2 => Just(Fault::Failed),
        2 => Just(Fault::Lost),
        1 => Just(Fault::Late),
        1 => prop::option::of(0u64..3_000).prop_map(Fault::Throttled),
        1 => Just(Fault::Denied),
        2 => Just(Fault::Foreign),
    ]
}

impl Message {
    fn json(&self) -> Value {
        json!(self.values)
    }

    /// The stamps of the values; the fields of an object are one value.
    fn stamps(&self) -> impl Iterator<Item = ((usize, &'static str), Stamp)> {
        let mut values: BTreeMap<&'static str, Value> = BTreeMap::new();
        for (name, value) in &self.values {
            match name.strip_prefix("place.") {
                Some(field) => values.entry("place").or_insert(json!({}))[field] = json!(value),
                None => drop(values.insert(name, json!(value))),
            }
        }
        values.into_iter().map(|(name, value)| ((self.twin, name), Stamp::new(at(self.time), &value)))
    }

    /// Delivers it through one writer until it succeeds; then the twin must show it, or something newer.
    async fn deliver(&self, writer: &Writer, twins: &Twins, after: u64) {
        sleep(Duration::from_millis(after)).await;
        let id = TWINS[self.twin];
        for _ in 0..100 {
            if writer.write(&Feed::from(device(id)), telemetry(id, self.time, self.json()), within(4)).await.is_ok() {
                for ((_, name), stamp) in self.stamps() {
                    let shown = shown(twins, self.twin, name).expect("a value");
                    assert!(shown >= stamp, "{name} of {id} was called updated before it was");
                }
                return;
            }
            sleep(Duration::from_millis(700)).await;
        }
        panic!("{self:?} does not arrive");
    }
}

/// What a twin shows of a property.
fn shown(twins: &Twins, twin: usize, name: &str) -> Option<Stamp> {
    let (outer, own) = name.split_once('.').map_or((String::new(), name), |(outer, own)| (format!("/{outer}"), own));
    let value = twins.value(TWINS[twin], &format!("{outer}/{own}"))?;
    let time = twins.value(TWINS[twin], &format!("{outer}/$metadata/{own}/sourceTime"))?;
    Some(Stamp::new(time.as_str()?.parse().ok()?, &value))
}

async fn play(messages: &[Message], faults: Vec<Fault>) -> (Twins, Vec<Writer>) {
    let twins = Twins::of(&TWINS);
    twins.fault(faults);
    let options = || Options { attempt: Duration::from_secs(2), ..Options::default() };
    let writers: Vec<_> = (0..WRITERS).map(|by| Writer::new(Arc::new(twins.seen_by(by)), options())).collect();
    let deliveries = messages.iter().flat_map(|message| {
        let (twins, writers) = (&twins, &writers);
        message.deliveries.iter().map(move |(by, after)| message.deliver(&writers[*by], twins, *after))
    });
    join_all(deliveries).await;
    // What takes effect late still has to come.
    sleep(Duration::from_secs(60)).await;
    (twins, writers)
}

fn check_pace(seen: &[Seen]) {
    let mut turns: BTreeMap<(usize, &str), Vec<Instant>> = BTreeMap::new();
    for one in seen {
        turns.entry((one.by, &one.twin)).or_default().push(one.at);
    }
    for ((by, twin), turns) in turns {
        let fits = turns.windows(11).all(|eleven| eleven[10] - eleven[0] >= Duration::from_secs(1));
        assert!(fits, "the writer {by} asks {twin} more than ten times in a second");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_interleaving_ends_with_the_newest_values(
        messages in prop::collection::vec(message(), 1..60),
        faults in prop::collection::vec(fault(), 0..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (twins, writers) = runtime.block_on(play(&messages, faults));
        let mut newest = BTreeMap::new();
        for (property, stamp) in messages.iter().flat_map(Message::stamps) {
            let entry = newest.entry(property).or_insert(stamp);
            *entry = stamp.max(*entry);
        }
        for ((twin, name), stamp) in newest {
            prop_assert_eq!(shown(&twins, twin, name), Some(stamp), "{} of {}", name, TWINS[twin]);
        }
        check_pace(&twins.seen());
        prop_assert!(writers.iter().all(|writer| writer.0.tasks() == 0), "no task is left");
    }
}
