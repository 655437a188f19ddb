//! One device of a simulation: makes messages at its pace and sends each until it is acknowledged.

use std::{collections::BTreeMap, time::Duration};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use super::{Stage, track::Track};
use crate::live::{Line, Message, Refused, Sight, delivery::persevere, message::fresh, series::Series, sight::newest};

/// Longer than any simulation: the stage ends every wait of a device.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// A device that sends.
pub(super) struct Sender<'a> {
    stage: &'a Stage<'a>,
    track: &'a Track<'a>,
    /// Its place among the devices, which take turns evenly.
    index: usize,
    devices: usize,
}

/// What a device needs to send.
struct Ready {
    line: Box<dyn Line>,
    series: Series,
    newest: Option<DateTime<Utc>>,
}

impl<'a> Sender<'a> {
    pub(super) fn new(stage: &'a Stage<'a>, track: &'a Track<'a>, index: usize, devices: usize) -> Self {
        Self { stage, track, index, devices }
    }

    /// Sends until the stage has sent enough; a message that is under way then is finished.
    pub(super) async fn run(self) {
        if let Err(refused) = self.sends().await {
            self.track.refused(refused);
        }
    }

    async fn sends(&self) -> Result<(), Refused> {
        if self.track.device.measured.is_empty() {
            return Ok(());
        }
        let mut ready = tokio::select! {
            ready = self.open() => ready?,
            () = self.stage.over() => return Err(Refused::late()),
        };
        let mut turns = interval_at(self.first_turn(), self.between_turns());
        // A device that was held up does not catch up: it goes on with what it measures now.
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                biased;
                () = self.stage.sent_enough() => return Ok(()),
                _ = turns.tick() => {}
            }
            let at = fresh(Utc::now(), ready.newest);
            ready.newest = Some(at);
            self.send(ready.line.as_ref(), &Message::new(at, ready.series.next(at))).await?;
        }
    }

    /// Opens the line and starts the series where the twin stands.
    async fn open(&self) -> Result<Ready, Refused> {
        let (stage, device) = (self.stage, self.track.device);
        let until = stage.begun + FOREVER;
        let line = || async {
            let _turn = stage.sending.acquire().await.expect("nobody closes it");
            stage.world.line(&device.id).await
        };
        let read = || async {
            let _turn = stage.reading.acquire().await.expect("nobody closes it");
            stage.world.twin(&device.twin).await
        };
        let (line, _) = persevere(&device.id, until, line, |_| {}).await?;
        let (twin, _) = persevere(&device.id, until, read, |_| {}).await?;
        let twin = twin.ok_or_else(|| Refused::permanent(format!("there is no twin {}", device.twin)))?;
        let shown: BTreeMap<String, Value> = device
            .measured
            .iter()
            .filter_map(|(name, measured)| Some((name.clone(), Sight::of(&twin, &measured.lands).value?)))
            .collect();
        Ok(Ready { line, series: Series::new(stage.plan.seed, device, &shown), newest: newest(&twin, device) })
    }

    async fn send(&self, line: &dyn Line, message: &Message) -> Result<(), Refused> {
        let stage = self.stage;
        self.track.sends(message);
        stage.counts.one_sent();
        let begun = Instant::now();
        let attempt = || async {
            let _turn = stage.sending.acquire().await.expect("nobody closes it");
            line.send(message).await
        };
        tokio::select! {
            done = persevere(&message.id, begun + FOREVER, attempt, |_| stage.counts.one_retry()) => done?,
            () = stage.over() => return Err(Refused::late()),
        };
        stage.counts.one_acknowledged(begun.elapsed());
        self.track.acknowledged();
        Ok(())
    }

    /// Devices take turns: the first at once, the last when a round is nearly over.
    fn first_turn(&self) -> Instant {
        self.stage.begun + Duration::from_secs_f64(self.index as f64 / self.stage.plan.rate)
    }

    fn between_turns(&self) -> Duration {
        Duration::from_secs_f64(self.devices as f64 / self.stage.plan.rate).max(Duration::from_micros(1))
    }
}
