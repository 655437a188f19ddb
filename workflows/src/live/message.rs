//! A message of a device, and what its twin will make of it.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, SubsecRound, TimeDelta, Utc};
use dtdl::{Primitive, Schema};
use functions::twin_info::ValueSchema;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{Device, nearest};

/// The members of a body that are no values.
const RESERVED: [&str; 6] = ["time", "timestamp", "iotDeviceId", "deviceId", "device_id", "telemetry"];

/// The members that say when the values were true; the first that is there counts.
const TIMES: [&str; 2] = ["time", "timestamp"];

/// Values of a device under one time.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The message's id, the same however often it is sent.
    pub id: String,
    /// When the values were true, to the microsecond.
    pub at: DateTime<Utc>,
    /// What is sent, the time included.
    pub body: Value,
    /// The values by the names that the device gives them.
    pub values: BTreeMap<String, Value>,
}

/// Why a text is no message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It is not JSON.
    #[error("it is not JSON: {0}")]
    Json(String),
    /// It is JSON, and no object.
    #[error("a JSON object is expected, not {0}")]
    NotAnObject(&'static str),
    /// Its `telemetry` is no object.
    #[error("`telemetry` has to be a JSON object, not {0}")]
    Telemetry(&'static str),
    /// Its time is none.
    #[error("`{0}` is no time of RFC 3339, such as 2026-11-23T10:15:30Z")]
    Time(&'static str),
}

/// A property of a message that its twin does not take; the others arrive all the same.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Warning {
    /// The device has no property of that name.
    #[error("the twin takes no `{name}`{}", .nearest.as_ref().map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default())]
    Foreign {
        /// The name.
        name: String,
        /// The property of the device that is most like it.
        nearest: Option<String>,
    },
    /// The model takes values of another type.
    #[error("the twin does not take this value of `{name}`: {why}")]
    Type {
        /// The name.
        name: String,
        /// What is expected.
        why: String,
    },
    /// Nothing in it is a value.
    #[error("the message holds no value")]
    Empty,
}

impl Message {
    /// A message of values, made by us.
    #[must_use]
    pub fn new(at: DateTime<Utc>, values: BTreeMap<String, Value>) -> Self {
        let at = at.trunc_subsecs(6);
        let mut body: Map<String, Value> = values.clone().into_iter().collect();
        body.insert(TIMES[0].into(), rfc3339(at).into());
        Self { id: Uuid::now_v7().to_string(), at, body: body.into(), values }
    }

    /// Reads what somebody wrote. A time that is missing is `now`, and is written into the body: it is what the message is
    /// known by in the twin.
    ///
    /// # Errors
    /// When the text is not one JSON object, or holds a time that is none.
    pub fn parse(text: &str, now: DateTime<Utc>) -> Result<Self, Malformed> {
        let value: Value = serde_json::from_str(text).map_err(|error| Malformed::Json(error.to_string()))?;
        let Value::Object(mut body) = value else { return Err(Malformed::NotAnObject(kind(&value))) };
        let at = match TIMES.into_iter().find(|name| body.contains_key(*name)) {
            Some(name) => time(&body[name]).ok_or(Malformed::Time(name))?,
            None => now,
        };
        let at = at.trunc_subsecs(6);
        if !TIMES.iter().any(|name| body.contains_key(*name)) {
            body.insert(TIMES[0].into(), rfc3339(at).into());
        }
        let values = match body.get("telemetry") {
            Some(Value::Object(nested)) => nested.clone(),
            Some(other) => return Err(Malformed::Telemetry(kind(other))),
            None => body.clone().into_iter().filter(|(name, _)| !RESERVED.contains(&name.as_str())).collect(),
        };
        Ok(Self { id: Uuid::now_v7().to_string(), at, body: body.into(), values: flat(values) })
    }

    /// The time as it is sent.
    #[must_use]
    pub fn time(&self) -> String {
        rfc3339(self.at)
    }

    /// What of it the device's twin does not take.
    #[must_use]
    pub fn warnings(&self, device: &Device) -> Vec<Warning> {
        if self.values.is_empty() {
            return vec![Warning::Empty];
        }
        self.values.iter().filter_map(|(name, value)| warning(device, name, value)).collect()
    }
}

/// A time that no message of the device had before: now, unless the twin shows a later one already (of a device whose
/// clock is ahead), which would make this one too old to count.
pub(super) fn fresh(now: DateTime<Utc>, newest: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let now = now.trunc_subsecs(6);
    newest.map_or(now, |newest| now.max(newest.trunc_subsecs(6) + TimeDelta::microseconds(1)))
}

fn warning(device: &Device, name: &str, value: &Value) -> Option<Warning> {
    let Some(measured) = device.measured.get(name) else {
        let nearest = nearest(name, device.measured.keys().map(String::as_str)).map(str::to_owned);
        return Some(Warning::Foreign { name: name.to_owned(), nearest });
    };
    misfit(&measured.lands.schema, value).map(|why| Warning::Type { name: name.to_owned(), why })
}

/// What is expected instead of a value, if it does not fit.
fn misfit(schema: &ValueSchema, value: &Value) -> Option<String> {
    let primitive = match schema {
        ValueSchema::Enum(values) => {
            let fits = value.as_str().is_some_and(|text| values.iter().any(|value| value == text));
            return (!fits).then(|| format!("one of {} is expected", values.join(", ")));
        }
        ValueSchema::Boolean => Primitive::Boolean,
        ValueSchema::Integer => Primitive::Integer,
        ValueSchema::Long => Primitive::Long,
        ValueSchema::Float => Primitive::Float,
        ValueSchema::Double => Primitive::Double,
        ValueSchema::String => Primitive::String,
        ValueSchema::Date => Primitive::Date,
        ValueSchema::DateTime => Primitive::DateTime,
        ValueSchema::Time => Primitive::Time,
        ValueSchema::Duration => Primitive::Duration,
    };
    let wrong = dtdl::check_value(&Schema::Primitive(primitive), value).err()?;
    Some(format!("{} is expected", wrong.expected))
}

/// `{"battery": {"level": 5}}` and `{"battery.level": 5}` mean the same, and so on inwards.
fn flat(values: Map<String, Value>) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    let mut open: Vec<(String, Value)> = values.into_iter().collect();
    while let Some((name, value)) = open.pop() {
        match value {
            Value::Object(parts) if !parts.is_empty() => {
                open.extend(parts.into_iter().map(|(part, value)| (format!("{name}.{part}"), value)));
            }
            value => drop(flat.insert(name, value)),
        }
    }
    flat
}

fn time(value: &Value) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(value.as_str()?).ok()?.to_utc())
}

/// A time as devices write it here.
pub(super) fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::fake, *};

    fn now() -> DateTime<Utc> {
        "2026-11-23T10:15:30.1234567Z".parse().expect("it is a time")
    }

    fn warnings(text: &str) -> Vec<String> {
        let message = Message::parse(text, now()).expect("it is a message");
        message.warnings(&fake::sensor("room-1")).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_body_without_a_time_gets_one() {
        let message = Message::parse(r#"{"temperature": 21.5}"#, now()).unwrap();
        assert_eq!(message.body, json!({"temperature": 21.5, "time": "2026-11-23T10:15:30.123456Z"}));
        assert_eq!(message.values, [("temperature".to_owned(), json!(21.5))].into());
    }

    #[test]
    fn a_body_keeps_its_own_time() {
        let message = Message::parse(r#"{"timestamp": "2026-01-01T00:00:00+01:00", "humidity": 4}"#, now()).unwrap();
        assert_eq!(message.time(), "2025-12-31T23:00:00.000000Z");
        assert_eq!(message.body["timestamp"], "2026-01-01T00:00:00+01:00", "it is sent as it was written");
        assert_eq!(message.body.get("time"), None);
    }

    #[test]
    fn nested_telemetry_and_components_are_found() {
        let text = r#"{"deviceId": "x", "telemetry": {"battery": {"level": 5, "at": {"row": 1}}, "on": true}}"#;
        let message = Message::parse(text, now()).unwrap();
        let values = [("battery.level", json!(5)), ("battery.at.row", json!(1)), ("on", json!(true))];
        assert_eq!(message.values, values.map(|(name, value)| (name.to_owned(), value)).into());
    }

    #[test]
    fn what_is_no_message_is_refused_with_the_reason() {
        let refused = |text: &str| Message::parse(text, now()).unwrap_err().to_string();
        assert_eq!(refused("[1]"), "a JSON object is expected, not a list");
        assert_eq!(refused("{"), "it is not JSON: EOF while parsing an object at line 1 column 1");
        assert_eq!(refused(r#"{"telemetry": 4}"#), "`telemetry` has to be a JSON object, not a number");
        assert!(refused(r#"{"time": "noon"}"#).starts_with("`time` is no time of RFC 3339"));
    }

    #[test]
    fn what_the_twin_does_not_take_is_warned_of() {
        assert_eq!(warnings(r#"{"temperature": 1, "state": "on"}"#), [""; 0]);
        assert_eq!(warnings(r#"{"temperatur": 1}"#), ["the twin takes no `temperatur`; did you mean `temperature`?"]);
        assert_eq!(warnings(r#"{"colour": 1}"#), ["the twin takes no `colour`"]);
        let wrong = "the twin does not take this value of `state`: one of off, on is expected";
        assert_eq!(warnings(r#"{"state": "broken"}"#), [wrong]);
        assert!(
            warnings(r#"{"temperature": "warm"}"#)[0].contains("double"),
            "{:?}",
            warnings(r#"{"temperature": "warm"}"#)
        );
        assert_eq!(warnings("{}"), ["the message holds no value"]);
    }

    #[test]
    fn a_fresh_time_is_newer_than_what_the_twin_shows() {
        let later = now() + TimeDelta::seconds(60);
        assert_eq!(fresh(now(), None), now().trunc_subsecs(6));
        assert_eq!(fresh(later, Some(now())), later.trunc_subsecs(6));
        assert!(fresh(now(), Some(later)) > later.trunc_subsecs(6));
    }
}
