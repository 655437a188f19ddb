//! Many devices that send at the same time, and whether their twins follow to the last value.
//!
//! Every device sends one message at a time, in order, each with all of its values, and sends it again until it is
//! acknowledged. A watcher reads the twins meanwhile. When sending has ended, what is on its way gets time to settle.

mod counts;
mod sender;
mod track;
mod watcher;

use std::{future::Future, time::Duration};

use futures::{FutureExt, future::join_all};
use serde::Serialize;
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, sleep_until},
};

use super::{Device, Percentiles, World};
use sender::Sender;
use track::Track;

pub use counts::Counts;

/// How many messages are under way at the same time, and how many twins are read.
const AT_ONCE: usize = 64;

/// How many properties that lag behind are named.
const NAMED: usize = 20;

/// What to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// Messages per second, of all devices together.
    pub rate: f64,
    /// How long to send.
    pub duration: Duration,
    /// How long what is on its way may take after that.
    pub settle: Duration,
    /// Between two looks at one twin.
    pub look: Duration,
    /// Equal seeds make equal series.
    pub seed: u64,
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Whether every twin shows the last value of every property.
    pub live: bool,
    /// Whether sending ended before its time.
    pub interrupted: bool,
    /// How many devices took part.
    pub devices: usize,
    /// How many of them had no turn to send, since rate and time were too small for so many.
    pub silent: usize,
    /// Messages that were made and sent.
    pub sent: u64,
    /// Messages that the hub acknowledged.
    pub acknowledged: u64,
    /// Messages whose values, or newer ones, a twin was seen to have.
    pub visible: u64,
    /// Attempts beyond the first.
    pub retries: u64,
    /// How long was sent.
    pub seconds: f64,
    /// Messages per second, as they really were sent: a device waits for each acknowledgment.
    pub rate: f64,
    /// Messages per second, as they were asked for.
    pub asked_rate: f64,
    /// From the first attempt to the acknowledgment, in milliseconds.
    pub acknowledged_after: Option<Percentiles>,
    /// From the first attempt to the first look that showed it, in milliseconds.
    pub visible_after: Option<Percentiles>,
    /// The seed.
    pub seed: u64,
    /// How many properties do not show their last value.
    pub missing: usize,
    /// The first of them.
    pub lagging: Vec<Missing>,
}

/// A property whose last value is not visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// The device.
    pub device: String,
    /// Its twin.
    pub twin: String,
    /// The property, by the device's name; absent when the device could not send at all.
    pub property: Option<String>,
    /// What kept it, in words.
    pub why: String,
}

/// What the parts of a simulation share.
struct Stage<'a> {
    world: &'a dyn World,
    plan: &'a Plan,
    counts: &'a Counts,
    /// When everything ends; unknown while devices send.
    end: watch::Sender<Option<Instant>>,
    /// Turns to ask the hub for something, and to read a twin: looks must not keep devices from sending.
    sending: Semaphore,
    reading: Semaphore,
    begun: Instant,
}

impl Stage<'_> {
    /// Resolves when devices are to stop sending.
    async fn sent_enough(&self) {
        // The sender lives as long as the stage.
        let _ = self.end.subscribe().wait_for(Option::is_some).await;
    }

    /// Resolves when the time to settle is over, too.
    async fn over(&self) {
        let mut end = self.end.subscribe();
        let until = end.wait_for(Option::is_some).await.ok().and_then(|end| *end);
        if let Some(until) = until {
            sleep_until(until).await;
        }
    }
}

/// Simulates devices until the plan's time is over or `stop` resolves, then lets it settle.
pub async fn simulate(
    world: &dyn World,
    devices: &[Device],
    plan: &Plan,
    counts: &Counts,
    stop: impl Future<Output = ()>,
) -> Summary {
    let stage = Stage {
        world,
        plan,
        counts,
        end: watch::Sender::new(None),
        sending: Semaphore::new(AT_ONCE),
        reading: Semaphore::new(AT_ONCE),
        begun: Instant::now(),
    };
    let tracks: Vec<Track<'_>> = devices.iter().map(Track::new).collect();
    let time = async {
        let interrupted = tokio::select! {
            () = sleep_until(stage.begun + plan.duration) => false,
            () = stop => true,
        };
        let sent_for = stage.begun.elapsed();
        counts.settling();
        stage.end.send_replace(Some(Instant::now() + plan.settle));
        (interrupted, sent_for)
    };
    let senders = tracks.iter().enumerate().map(|(index, track)| Sender::new(&stage, track, index, tracks.len()).run());
    let sending = join_all(senders).map(|_| counts.all_sent());
    let ((interrupted, sent_for), (), ()) = futures::join!(time, sending, watcher::watch(&stage, &tracks));
    summary(&stage, &tracks, interrupted, sent_for)
}

fn summary(stage: &Stage<'_>, tracks: &[Track<'_>], interrupted: bool, sent_for: Duration) -> Summary {
    let mut lagging: Vec<Missing> = tracks.iter().flat_map(Track::missing).collect();
    let missing = lagging.len();
    lagging.truncate(NAMED);
    let counts = stage.counts;
    let seconds = sent_for.as_secs_f64();
    Summary {
        live: missing == 0,
        interrupted,
        devices: tracks.len(),
        silent: tracks.iter().filter(|track| track.is_silent()).count(),
        sent: counts.sent(),
        acknowledged: counts.acknowledged(),
        visible: counts.visible(),
        retries: counts.retries(),
        seconds: (seconds * 1e3).round() / 1e3,
        rate: if seconds > 0.0 { (counts.sent() as f64 / seconds * 10.0).round() / 10.0 } else { 0.0 },
        asked_rate: stage.plan.rate,
        acknowledged_after: counts.acknowledged_after(),
        visible_after: counts.visible_after(),
        seed: stage.plan.seed,
        missing,
        lagging,
    }
}

#[cfg(test)]
mod tests;
