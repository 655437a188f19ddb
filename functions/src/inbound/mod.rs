//! The forms in which telemetry arrives, and the one in which it is handed on.
//!
//! | form | read by | written by |
//! |---|---|---|
//! | an Event Grid event of IoT Hub | [`event_grid::parse`] | the hub |
//! | what the rule of IoT Core makes of a message | [`iot::parse`] | the rule, whose SQL is [`iot::rule_sql`] |
//! | the body of a device's message, bare | [`post::parse`] | the device |
//! | the inter-cloud envelope, with such a body as its payload | [`post::parse`] | [`envelope::wrap`] |
//!
//! Everything here is pure and takes any input: what cannot be read is [`Malformed`], which names the place and the
//! reason and never the value.
//!
//! # When the values were true
//!
//! The order of values follows from one time alone, so the choice must come out the same however often and over whatever
//! way a message arrives. The first of these that is there: the body's `time` or `timestamp`, the hub's
//! `iothub-creation-time-utc` and `iothub-enqueuedtime`, the event's own time (of IoT Core: when the message reached the
//! broker), the envelope's `timestamp`. A message
//! without any is malformed: the time of arrival would let a late retry overwrite a newer value.
//!
//! A clock that runs ahead would freeze its twin, since nothing newer could come. [`AHEAD`] is therefore the most that a
//! device may be ahead. Beside the hub's or the broker's time a later one is replaced by that, which is the same for every delivery
//! of the message; a POST has no such reference, and a later one is malformed by the receiver's clock.

pub mod body;
pub mod envelope;
pub mod event_grid;
pub mod iot;
pub mod post;

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use serde_json::{Map, Value};

/// How far a device's clock may be ahead.
pub const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// An input that is not of its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {why}", if at.is_empty() { "the body" } else { at })]
pub struct Malformed {
    /// The place: a JSON pointer (empty for the whole), or line and column where the JSON itself is broken.
    pub at: String,
    /// What is wrong there, a lower-case fragment; never holds what was sent.
    pub why: &'static str,
}

impl Malformed {
    /// Says what is wrong where.
    #[must_use]
    pub fn new(at: impl Into<String>, why: &'static str) -> Self {
        Self { at: at.into(), why }
    }

    /// The same problem in a JSON value, seen from further out.
    #[must_use]
    pub(crate) fn inside(mut self, outer: &str) -> Self {
        let between = if self.at.is_empty() || self.at.starts_with('/') { "" } else { ", " };
        self.at.insert_str(0, between);
        self.at.insert_str(0, outer);
        self
    }

    /// A text that is not JSON.
    pub(crate) fn syntax(error: &serde_json::Error) -> Self {
        let why = if error.is_eof() { "the JSON ends too early" } else { "this is not JSON" };
        Self::new(format!("line {}, column {}", error.line(), error.column()), why)
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq)]
pub enum Inbound {
    /// A device's message.
    Telemetry(crate::telemetry::Telemetry),
    /// The handshake by which Event Grid makes sure of a subscriber.
    Validation {
        /// What to answer as `validationResponse`.
        code: String,
    },
    /// Something else; its event type.
    Other(String),
}

/// A text member; an empty one, and null, count as absent.
pub(crate) fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Malformed> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str()).filter(|text| !text.is_empty())),
        Some(_) => Err(Malformed::new(format!("/{name}"), "not a string")),
    }
}

/// A member that is a time of RFC 3339.
pub(crate) fn time(object: &Map<String, Value>, name: &str) -> Result<Option<DateTime<Utc>>, Malformed> {
    let parse = |text: &str| {
        let parsed = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        // An offset can lead out of the years that can be written down again.
        let parsed = parsed.filter(writable);
        parsed.ok_or_else(|| Malformed::new(format!("/{name}"), "not a time such as 2026-11-23T10:15:30Z"))
    };
    text(object, name)?.map(parse).transpose()
}

/// Whether a time is of the years that RFC 3339 can write.
pub(crate) fn writable(time: &DateTime<Utc>) -> bool {
    (1..=9999).contains(&time.year())
}

/// The time that counts, and the one that was claimed where it is too far ahead of the arrival to count.
fn settle(claimed: Option<DateTime<Utc>>, arrival: DateTime<Utc>) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
    match claimed {
        Some(claimed) if claimed.signed_duration_since(arrival) > AHEAD => (arrival, Some(claimed)),
        Some(claimed) => (claimed, None),
        None => (arrival, None),
    }
}

#[cfg(test)]
mod tests;
