//! Dead letters: the events that were given up, as they are written to a blob container.

use chrono::{DateTime, Datelike, Timelike, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::queue::Letter;
use super::subscription::Subscription;
use crate::clock;

/// The blob's name: `{topic}/{SUBSCRIPTION}/{year}/{month}/{day}/{hour}/{guid}.json`, numbers without leading zeros [D].
pub(super) fn path(subscription: &Subscription, at: DateTime<Utc>) -> String {
    let (topic, name) = (&subscription.topic, subscription.name().to_uppercase());
    format!("{topic}/{name}/{}/{}/{}/{}/{}.json", at.year(), at.month(), at.day(), at.hour(), Uuid::new_v4())
}

/// The blob's content: the events, each with what became of it.
pub(super) fn content(letters: &[Letter]) -> Value {
    letters.iter().map(one).collect()
}

fn one(letter: &Letter) -> Value {
    let mut event = letter.event.clone();
    event["deadLetterReason"] = serde_json::to_value(letter.reason).expect("a reason is written as its name");
    event["deliveryAttempts"] = letter.attempts.into();
    event["publishTime"] = clock::timestamp(letter.published).into();
    if let Some(last) = &letter.last {
        event["lastDeliveryOutcome"] = last.outcome.clone().into();
        event["lastHttpStatusCode"] = last.status.into();
        event["lastDeliveryAttemptTime"] = clock::timestamp(last.at).into();
    }
    event
}
