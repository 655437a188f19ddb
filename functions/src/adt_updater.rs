//! `adt-updater`: takes IoT Hub's telemetry from Event Grid and writes it into Azure Digital Twins.
//!
//! Event Grid delivers again whatever is not answered with success, so what a repetition cannot mend is answered with
//! success and counted: events of other types, and devices without a twin in this deployment (a hub may serve others). A
//! device whose twin is missing in the instance is not among them: a deployment can put it back. What cannot be read is
//! malformed (400), for Event Grid to keep among its dead letters. Of a batch the answer most in need of a repetition
//! counts; repeating the whole batch is safe.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use async_trait::async_trait;
use futures::future::join_all;
use serde_json::Value;

use crate::{
    answer::{Answer, Code},
    call::{Call, Handler, What},
    inbound::{Inbound, event_grid},
    telemetry::Telemetry,
    twin::{Feeds, Writer},
    twin_info::TwinInfo,
};

/// The function.
#[derive(Debug)]
pub struct AdtUpdater {
    feeds: Feeds,
    writer: Writer,
    counts: Counts,
}

/// What was set aside since the process started.
#[derive(Debug, Default)]
pub struct Counts {
    /// Messages of devices that feed no twin.
    pub unknown_devices: AtomicU64,
    /// Events that are no telemetry.
    pub other_events: AtomicU64,
    /// Messages that cannot be read.
    pub malformed: AtomicU64,
    /// Messages of devices whose clock is too far ahead, written with the hub's time.
    pub clocks_ahead: AtomicU64,
}

/// Counts one more, and says so at the first, the second, the fourth: a flood of them must not flood the log.
fn count(counter: &AtomicU64, device: &str, what: &'static str) {
    let count = counter.fetch_add(1, Ordering::Relaxed) + 1;
    if count.is_power_of_two() {
        tracing::warn!(count, device, "{what}");
    }
}

impl AdtUpdater {
    /// The function with the map of devices and the writer of their twins.
    #[must_use]
    pub fn new(info: TwinInfo, writer: Writer) -> Self {
        Self { feeds: info.into(), writer, counts: Counts::default() }
    }

    /// What was set aside.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.counts
    }

    async fn event(&self, event: &Value, deadline: Instant) -> Answer {
        match event_grid::parse(event) {
            Ok(Inbound::Telemetry(telemetry)) => self.telemetry(telemetry, deadline).await,
            Ok(Inbound::Validation { code }) => {
                Answer::new(Code::Validated, "this is the subscriber").detail("validationResponse", code)
            }
            Ok(Inbound::Other(_)) => {
                count(&self.counts.other_events, "", "event set aside: it is no telemetry");
                Answer::new(Code::NothingToDo, "the event is no telemetry").detail("otherEvents", 1)
            }
            Err(_) if self.is_stranger(event) => self.stranger(event_grid::device(event).unwrap_or_default()),
            Err(problem) => {
                let device = event_grid::device(event);
                count(&self.counts.malformed, device.unwrap_or_default(), "event not readable");
                let answer = Answer::new(Code::Malformed, problem.to_string()).detail("at", problem.at);
                match device {
                    Some(device) => answer.about(device),
                    None => answer,
                }
            }
        }
    }

    async fn telemetry(&self, telemetry: Telemetry, deadline: Instant) -> Answer {
        let Some(feed) = self.feeds.of(&telemetry.device) else { return self.stranger(&telemetry.device) };
        let (device, claimed) = (telemetry.device.clone(), telemetry.claimed);
        if claimed.is_some() {
            count(&self.counts.clocks_ahead, &device, "the device's clock is ahead: the hub's time is taken");
        }
        let answer = match self.writer.write(feed, telemetry, deadline).await {
            Ok(written) => written.answer(),
            Err(failure) => failure.answer(),
        }
        .about(device);
        if claimed.is_some() { answer.detail("clockAhead", true) } else { answer }
    }

    fn is_stranger(&self, event: &Value) -> bool {
        event_grid::device(event).is_some_and(|device| self.feeds.of(device).is_none())
    }

    fn stranger(&self, device: &str) -> Answer {
        count(&self.counts.unknown_devices, device, "message set aside: the device feeds no twin");
        Answer::new(Code::NothingToDo, "no twin is fed by this device").detail("unknownDevices", 1).about(device)
    }
}

#[async_trait]
impl Handler for AdtUpdater {
    async fn call(&self, call: Call) -> Answer {
        let What::Events(events) = call.what else {
            return Answer::new(Code::MethodNotAllowed, "adt-updater takes events");
        };
        let answers = join_all(events.iter().map(|event| self.event(event, call.deadline))).await;
        let nothing = || Answer::new(Code::NothingToDo, "there was no event");
        answers.into_iter().max_by_key(|answer| urgency(answer.code)).unwrap_or_else(nothing)
    }
}

/// Which answer of a batch counts: what a repetition can mend, then what it cannot, then what went well.
const fn urgency(code: Code) -> u8 {
    match code {
        Code::NothingToDo => 0,
        Code::Updated => 1,
        // It is for the one event of a handshake; nothing else may hide it.
        Code::Validated => 2,
        Code::Malformed => 3,
        Code::Throttled => 5,
        _ => 4,
    }
}

#[cfg(test)]
mod tests;
