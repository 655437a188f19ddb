//! Moves events from the queue to their destinations, several deliveries of a subscription at a time.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::{Id, JoinSet};
use tokio_util::sync::CancellationToken;

use super::queue::{Letters, Queue, Taken, Terms};
use super::schedule::ACKNOWLEDGEMENT;
use super::subscription::{Lane, Subscription};
use crate::apps::Delivered;
use crate::clock::Clock;

/// Deliveries of one subscription that are under way at the same time.
const WORKERS: usize = 32;

/// What the pump needs to know of, and have done by, the cloud around it.
pub(super) trait World: Send + Sync + 'static {
    /// The subscription of a lane as it is now; `None` when it is gone.
    fn subscription(&self, lane: &Lane) -> Option<Arc<Subscription>>;

    /// Hands events to the subscription's destination.
    fn deliver(&self, subscription: &Subscription, events: &[Value]) -> impl Future<Output = Delivered> + Send;

    /// Writes dead letters to the subscription's container.
    fn bury(&self, subscription: &Subscription, letters: &Letters) -> Burial;
}

/// What became of dead letters.
#[derive(Debug)]
pub(super) enum Burial {
    Written,
    /// The subscription has no container for them, or it is gone.
    Nowhere,
    Failed(io::Error),
}

/// Delivers until told to stop; what is under way then is delivered again when the queue is opened next.
pub(super) async fn run(
    world: Arc<impl World>,
    queue: Arc<Queue>,
    wake: Arc<Notify>,
    clock: Clock,
    stop: CancellationToken,
) {
    let mut workers = Workers::default();
    loop {
        let next = step(&world, &queue, &mut workers);
        let pause = next.map(|due| (due - clock.now()).to_std().unwrap_or(Duration::ZERO));
        tokio::select! {
            () = stop.cancelled() => return,
            () = wake.notified() => {}
            Some(ended) = workers.tasks.join_next_with_id() => workers.ended(ended),
            () = tokio::time::sleep(pause.unwrap_or_default()), if pause.is_some() => {}
        }
    }
}

/// The deliveries under way.
#[derive(Debug, Default)]
struct Workers {
    tasks: JoinSet<()>,
    lanes: HashMap<Id, Lane>,
    busy: HashMap<Lane, usize>,
}

impl Workers {
    fn has_room(&self, lane: &Lane) -> bool {
        self.busy.get(lane).is_none_or(|busy| *busy < WORKERS)
    }

    fn start(&mut self, lane: &Lane, work: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.lanes.insert(id, lane.clone());
        *self.busy.entry(lane.clone()).or_default() += 1;
    }

    fn ended(&mut self, ended: Result<(Id, ()), tokio::task::JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                tracing::error!(%error, "a delivery broke off");
                error.id()
            }
        };
        let Some(lane) = self.lanes.remove(&id) else { return };
        if let Some(busy) = self.busy.get_mut(&lane) {
            *busy -= 1;
            if *busy == 0 {
                self.busy.remove(&lane);
            }
        }
    }
}

/// Starts all that is due and can be started; returns when to look again at the latest.
fn step(world: &Arc<impl World>, queue: &Arc<Queue>, workers: &mut Workers) -> Option<DateTime<Utc>> {
    let mut next: Option<DateTime<Utc>> = None;
    for lane in queue.lanes() {
        let Some(subscription) = world.subscription(&lane) else {
            queue.close(&lane);
            continue;
        };
        while workers.has_room(&lane) {
            let Some(taken) = queue.take(&lane, terms(&subscription)) else { break };
            let (world, queue, subscription) = (Arc::clone(world), Arc::clone(queue), Arc::clone(&subscription));
            workers.start(&lane, work(world, queue, subscription, taken));
        }
        if let Some(letters) = queue.letters(&lane) {
            bury(&**world, queue, &subscription, &letters);
        }
        let due = if workers.has_room(&lane) { queue.due(&lane) } else { None };
        next = [next, due, queue.letters_due(&lane)].into_iter().flatten().min();
    }
    next
}

fn terms(subscription: &Subscription) -> Terms {
    Terms { batch: subscription.batch, policy: subscription.policy, has_letters: subscription.letters.is_some() }
}

/// A delivery under way: one that is dropped before its end, by a panic or because the cloud stops, is not lost.
struct Flight {
    queue: Arc<Queue>,
    taken: Taken,
    landed: bool,
}

impl Drop for Flight {
    fn drop(&mut self) {
        if !self.landed {
            self.queue.broke_off(&self.taken);
        }
    }
}

/// Delivers, and goes on with the lane's next events as long as there are any.
async fn work(world: Arc<impl World>, queue: Arc<Queue>, mut subscription: Arc<Subscription>, mut taken: Taken) {
    loop {
        let mut flight = Flight { queue: Arc::clone(&queue), taken, landed: false };
        let delivery = tokio::time::timeout(ACKNOWLEDGEMENT, world.deliver(&subscription, &flight.taken.events));
        let (status, outcome) = match delivery.await {
            Ok(delivered) => (delivered.status, delivered.outcome),
            Err(_) => (408, "TimedOut".to_owned()),
        };
        flight.landed = true;
        if (200..=204).contains(&status) {
            queue.delivered(&flight.taken);
        } else {
            tracing::debug!(subscription = subscription.id, status, outcome, "a delivery of events failed");
            queue.failed(&flight.taken, status, &outcome, terms(&subscription));
        }
        let lane = &flight.taken.lane;
        let Some(now) = world.subscription(lane) else { return };
        subscription = now;
        let Some(more) = queue.take(lane, terms(&subscription)) else { return };
        taken = more;
    }
}

fn bury(world: &impl World, queue: &Queue, subscription: &Subscription, letters: &Letters) {
    match world.bury(subscription, letters) {
        Burial::Written => queue.buried(letters),
        Burial::Nowhere => queue.dropped(letters),
        Burial::Failed(error) => {
            tracing::warn!(subscription = subscription.id, %error, "dead letters could not be written");
            queue.unburied(letters);
        }
    }
}
