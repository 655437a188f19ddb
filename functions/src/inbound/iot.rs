//! AWS IoT Core: the topic on which a device sends, the rule that selects its messages, and what the rule makes of one.
//!
//! Deployer, device and function have all three from here, so that they cannot disagree.
//!
//! The rule does not look into a message: it passes the bytes on in base64, beside the device of the topic and the time of
//! arrival. So nothing of the content is lost to the rule engine's own reading of JSON, what is no JSON fails here with a
//! reason instead of being dropped there, and no member of a message can pass for the device or the arrival. A device's
//! policy binds it to its own topic, which makes the topic's device the authenticated one.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Malformed, body, settle, text};
use crate::telemetry::Telemetry;

/// The version of the rule's SQL (`awsIotSqlVersion`).
pub const SQL_VERSION: &str = "2016-03-23";

/// The level of a topic that names the device, counted from one.
const DEVICE_LEVEL: usize = 3;

/// The topic on which a device of a twin sends its messages.
#[must_use]
pub fn topic(twin: &str, device: &str) -> String {
    format!("{twin}/devices/{device}/telemetry")
}

/// The SQL of the rule that takes the messages of all devices of a twin.
#[must_use]
pub fn rule_sql(twin: &str) -> String {
    let filter = topic(twin, "+");
    format!(
        "SELECT encode(*, 'base64') AS payload, topic({DEVICE_LEVEL}) AS device, timestamp() AS received FROM '{filter}'"
    )
}

/// Whether an event has the form that the rule gives it.
#[must_use]
pub fn is_event(event: &Value) -> bool {
    ["payload", "device", "received"].iter().all(|name| event.get(name).is_some())
}

/// The device whose message an event is.
#[must_use]
pub fn device(event: &Value) -> Option<&str> {
    event.get("device")?.as_str().filter(|device| !device.is_empty())
}

/// Reads one event: the message in it, or each message of a list, on its own. What a message says of its device does not
/// count; its time is its own, unless that is too far ahead of its arrival.
///
/// # Errors
/// [`Malformed`] when the event is not the rule's, or its payload is not JSON. A list is as good as its messages are.
pub fn parse(event: &Value) -> Result<Vec<Result<Telemetry, Malformed>>, Malformed> {
    let Value::Object(members) = event else { return Err(Malformed::new("", "not a JSON object")) };
    let device = device(event).ok_or_else(|| Malformed::new("/device", "no device is named"))?;
    let received = received(members)?;
    let read = |message| telemetry(device, received, message);
    Ok(match payload(members).map_err(|problem| problem.inside("/payload"))? {
        Value::Array(messages) => {
            let place =
                |(index, message)| read(message).map_err(|problem| problem.inside(&format!("/payload/{index}")));
            messages.into_iter().enumerate().map(place).collect()
        }
        message => vec![read(message).map_err(|problem| problem.inside("/payload"))],
    })
}

fn telemetry(device: &str, received: DateTime<Utc>, message: Value) -> Result<Telemetry, Malformed> {
    let body = body::parse(message)?;
    let (at, claimed) = settle(body.time, received);
    Ok(Telemetry { claimed, ..Telemetry::new(device, at, body.values) })
}

fn payload(event: &Map<String, Value>) -> Result<Value, Malformed> {
    let encoded = text(event, "payload").map_err(|_| Malformed::new("", "not a string"))?.unwrap_or_default();
    let message = STANDARD.decode(encoded).map_err(|_| Malformed::new("", "not base64"))?;
    serde_json::from_slice(&message).map_err(|error| Malformed::syntax(&error))
}

/// When the message reached the broker, in milliseconds since 1970: the same for every delivery of the event.
fn received(event: &Map<String, Value>) -> Result<DateTime<Utc>, Malformed> {
    let millis = event.get("received").and_then(Value::as_i64);
    let time = millis.and_then(DateTime::from_timestamp_millis).filter(super::writable);
    time.ok_or_else(|| Malformed::new("/received", "not a time in milliseconds"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: &str = "2026-11-23T10:15:30Z";

    fn now() -> DateTime<Utc> {
        NOW.parse().unwrap()
    }

    fn event(payload: &str) -> Value {
        json!({"payload": STANDARD.encode(payload), "device": "press-1", "received": now().timestamp_millis()})
    }

    fn one(payload: &str) -> Result<Telemetry, String> {
        let read = parse(&event(payload)).and_then(|mut messages| messages.remove(0));
        read.map_err(|problem| problem.to_string())
    }

    #[test]
    fn the_rule_takes_what_a_device_sends() {
        assert_eq!(topic("factory", "press-1"), "factory/devices/press-1/telemetry");
        assert_eq!(topic("factory", "press-1").split('/').nth(DEVICE_LEVEL - 1), Some("press-1"));
        let sql = "SELECT encode(*, 'base64') AS payload, topic(3) AS device, timestamp() AS received \
                   FROM 'factory/devices/+/telemetry'";
        assert_eq!(rule_sql("factory"), sql);
    }

    #[test]
    fn the_device_is_the_topics_and_the_time_is_the_messages() {
        let read = one(r#"{"deviceId": "other", "time": "2026-11-23T10:00:00Z", "temperature": 21.5}"#).unwrap();
        assert_eq!((read.device.as_str(), read.time_text().as_str()), ("press-1", "2026-11-23T10:00:00.000000Z"));
        assert_eq!(json!(read.values), json!({"temperature": 21.5}));
        assert_eq!(one(r#"{"temperature": 1}"#).unwrap().at, now(), "without a time of its own the arrival counts");
        let ahead = one(r#"{"time": "2026-11-23T11:00:00Z"}"#).unwrap();
        assert_eq!((ahead.at, ahead.claimed.is_some()), (now(), true), "a clock that is ahead does not count");
    }

    #[test]
    fn a_list_is_as_good_as_its_messages() {
        let read = parse(&event(r#"[{"a": 1}, 7, {"time": "noon"}, {"a": 2}]"#)).unwrap();
        let outcomes: Vec<_> = read.into_iter().map(|message| message.map_err(|problem| problem.at)).collect();
        assert!(matches!(outcomes[..], [Ok(_), Err(_), Err(_), Ok(_)]));
        assert_eq!(outcomes[1].as_ref().unwrap_err(), "/payload/1");
        assert_eq!(outcomes[2].as_ref().unwrap_err(), "/payload/2/time");
        assert_eq!(parse(&event("[]")), Ok(vec![]));
    }

    #[test]
    fn what_is_no_message_is_refused_with_its_place() {
        assert_eq!(one("not json").unwrap_err(), "/payload, line 1, column 2: this is not JSON");
        assert_eq!(one("7").unwrap_err(), "/payload: not a JSON object");
        let refused = |event: Value| parse(&event).unwrap_err().at;
        assert_eq!(refused(json!([])), "");
        assert_eq!(refused(json!({"payload": "", "device": 7, "received": 1})), "/device");
        assert_eq!(refused(json!({"payload": "e30=", "device": "d", "received": "noon"})), "/received");
        assert_eq!(refused(json!({"payload": "e30=", "device": "d", "received": i64::MAX})), "/received");
        assert_eq!(refused(json!({"payload": "??", "device": "d", "received": 1})), "/payload");
        assert_eq!(refused(json!({"payload": {"a": 1}, "device": "d", "received": 1})), "/payload");
    }

    #[test]
    fn events_of_the_rule_are_told_from_others() {
        assert!(is_event(&event("{}")));
        assert!(!is_event(&json!({"payload": "", "device": "d"})) && !is_event(&json!([1])));
    }
}
