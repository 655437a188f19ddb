//! Event Grid: what is published to a topic is kept until every subscription has it, or has given it up.
//!
//! # Terms
//! | term | means |
//! |---|---|
//! | lane | one incarnation of a subscription, with the events that it still has to get |
//! | standing | how often an event was tried in a lane, how the last attempt failed, whether it was given up |
//! | letter | an event that was given up, on its way to the subscription's dead letter container |
//!
//! What comes in is in the Event Grid schema; at a topic that takes CloudEvents, in that one. A subscription to the former
//! may ask for the latter, and gets the same event said that way.
//!
//! Delivery is at least once and in no order: as on the real service, where that is documented.

mod filter;
mod ledger;
mod letter;
mod outlet;
mod pump;
mod queue;
mod record;
mod routes;
mod schedule;
mod subscription;
#[cfg(test)]
mod tests;
pub(crate) mod webhook;
mod world;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tokio::sync::Notify;
use uuid::Uuid;

use self::queue::Queue;
use self::routes::{Routes, Table};
use self::webhook::Hooks;
use self::world::Around;
use crate::clock::{self, Clock};
use crate::cloud::Cloud;
use crate::lines;
use crate::state::State;

pub(crate) use outlet::Outlet;
pub(crate) use subscription::check;
pub(crate) use webhook::handshake;

/// An event as its source publishes it; topic, id and versions are added here.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    /// `Microsoft.Devices.DeviceTelemetry`.
    pub(crate) event_type: String,
    /// `devices/{id}`.
    pub(crate) subject: String,
    /// When it happened at the source, RFC 3339.
    pub(crate) time: String,
    /// The type's own data.
    pub(crate) data: Value,
}

/// The events under way.
#[derive(Debug)]
pub(crate) struct Grid {
    queue: Arc<Queue>,
    routes: Routes,
    wake: Arc<Notify>,
    hooks: Hooks,
    /// Events that nobody wanted, since the start.
    unmatched: AtomicU64,
}

impl Grid {
    /// Opens what lies in the folder.
    pub(crate) fn open(dir: &Path, clock: Clock) -> Result<Self, lines::Error> {
        let (hooks, dir) = (Hooks::new(dir), dir.join("events"));
        std::fs::create_dir_all(&dir).map_err(|source| lines::Error::Io { path: dir.clone(), source })?;
        let queue = Arc::new(Queue::open(&dir.join("queue.jsonl"), clock)?);
        Ok(Self { queue, routes: Routes::default(), wake: Arc::default(), hooks, unmatched: AtomicU64::new(0) })
    }

    /// Reads the subscriptions and endpoints anew if a resource has changed; to be called before that is answered.
    pub(crate) fn renew(&self, state: &State) {
        self.routes.current(state);
    }

    /// Keeps an event for the subscriptions to a source whose filters it matches; it is dropped when there are none.
    fn take(&self, table: &Table, source: &str, event: &Value) -> io::Result<()> {
        let lanes = table.matching(source, event);
        if lanes.is_empty() {
            self.unmatched.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        self.queue.publish(event, &lanes)?;
        self.wake.notify_one();
        Ok(())
    }

    /// Says that subscriptions may have gone: what they were to get is dropped soon.
    pub(crate) fn look(&self) {
        self.wake.notify_one();
    }
}

/// Takes an event of a resource (its ARM id). When this returns, it survives the death of this process.
///
/// It is kept for the subscriptions whose filters it matches now; when there are none it is dropped. The state
/// must not be locked by the caller.
pub(crate) fn publish(cloud: &Arc<Cloud>, source: &str, event: Event) -> io::Result<()> {
    let grid = &cloud.grid;
    let routes = grid.routes.current(&cloud.state());
    grid.take(&routes, source, &complete(source, event))
}

/// The event in the Event Grid schema.
fn complete(source: &str, event: Event) -> Value {
    // Recorded: a hub's topic is its id in capitals.
    let is_hub = source.to_lowercase().contains("/providers/microsoft.devices/iothubs/");
    json!({
        "id": Uuid::new_v4().to_string(),
        "topic": if is_hub { source.to_uppercase() } else { source.to_owned() },
        "subject": event.subject,
        "eventType": event.event_type,
        "eventTime": event.time,
        "data": event.data,
        "dataVersion": "",
        "metadataVersion": "1",
    })
}

/// Delivers until the cloud stops.
pub(crate) async fn run(cloud: Arc<Cloud>) {
    let (queue, wake) = (Arc::clone(&cloud.grid.queue), Arc::clone(&cloud.grid.wake));
    let (clock, stop) = (cloud.clock.clone(), cloud.stop.clone());
    pump::run(Arc::new(Around(cloud)), queue, wake, clock, stop).await;
}

/// How every subscription's deliveries stand, for people and tests.
///
/// `{unmatched, undelivered, routes, subscriptions: [{subscription, waiting, inFlight, dying, delivered, failedAttempts,
/// deadLettered, dropped, oldest, oldestSeconds}]}`; `undelivered` is the sum of the three states before `delivered`, `routes`
/// are the event routes of digital twins ([`crate::adt::Service::routed`]).
pub(crate) fn show(cloud: &Cloud) -> Value {
    let routes = cloud.grid.routes.current(&cloud.state());
    let mut undelivered = 0;
    let mut shown = Vec::new();
    for subscription in routes.all() {
        let census = cloud.grid.queue.census(&subscription.lane);
        undelivered += census.waiting + census.in_flight + census.dying;
        let age = census.oldest.map(|oldest| (cloud.clock.now() - oldest).to_std().unwrap_or_default());
        shown.push(json!({
            "subscription": subscription.id,
            "waiting": census.waiting,
            "inFlight": census.in_flight,
            "dying": census.dying,
            "delivered": census.counts.delivered,
            "failedAttempts": census.counts.failed,
            "deadLettered": census.counts.buried,
            "dropped": census.counts.dropped,
            "oldest": census.oldest.map(clock::timestamp),
            "oldestSeconds": age.map(|age| age.as_secs_f64()),
        }));
    }
    let unmatched = cloud.grid.unmatched.load(Ordering::Relaxed);
    json!({ "unmatched": unmatched, "undelivered": undelivered, "routes": cloud.twins.routed(), "subscriptions": shown })
}
