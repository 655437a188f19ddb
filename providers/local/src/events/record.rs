//! What the queue writes down, a line each; folding the lines in order gives the queue back.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::schedule::Reason;

/// One line. `E` is the event's JSON text: borrowed when written, owned when read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Record<E> {
    /// A subscription has its first event, or is written anew with what it counted.
    Lane { lane: u32, subscription: String, created: String, counts: Counts },
    /// An event is kept for these lanes.
    Event { seq: u64, published: DateTime<Utc>, to: Vec<u32>, event: E },
    /// A delivery of these events has arrived.
    Delivered { lane: u32, events: Vec<u64> },
    /// A delivery of these events has failed.
    Failed { lane: u32, events: Vec<u64>, failure: Failure },
    /// These events are not tried any more: each waits for its dead letter.
    GivenUp { lane: u32, events: Vec<u64>, reason: Reason },
    /// Their dead letters are written.
    Buried { lane: u32, events: Vec<u64> },
    /// They are gone without a trace.
    Dropped { lane: u32, events: Vec<u64> },
    /// How one event stands that has failed before; written when the file is written anew.
    Standing { lane: u32, event: u64, standing: Standing },
    /// The subscription is gone, and its deliveries with it.
    Closed { lane: u32 },
}

/// What a subscription counted so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Events that arrived.
    pub(super) delivered: u64,
    /// Attempts that failed, once per event in them.
    pub(super) failed: u64,
    /// Events whose dead letter is written.
    pub(super) buried: u64,
    /// Events given up without a dead letter.
    pub(super) dropped: u64,
}

/// How an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) at: DateTime<Utc>,
    pub(super) status: u16,
    pub(super) outcome: String,
}

/// How an undelivered event stands in one lane.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// Attempts that failed.
    pub(super) attempts: u32,
    /// The last of them.
    pub(super) last: Option<Failure>,
    /// Why it is not tried any more, and since when.
    pub(super) given_up: Option<(Reason, DateTime<Utc>)>,
}

impl Standing {
    /// One more attempt has failed.
    pub(super) fn failed(&mut self, failure: Failure) {
        self.attempts = self.attempts.saturating_add(1);
        self.last = Some(failure);
    }
}
