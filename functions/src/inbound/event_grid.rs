//! Event Grid: device telemetry from IoT Hub, and the subscription's handshake.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Inbound, Malformed, body, settle, text, time};
use crate::telemetry::Telemetry;

/// The event type of a device's message.
pub const TELEMETRY: &str = "Microsoft.Devices.DeviceTelemetry";
/// The event type of the handshake.
pub const VALIDATION: &str = "Microsoft.EventGrid.SubscriptionValidationEvent";

/// Reads one event, in Event Grid's own schema or as a CloudEvent.
///
/// The device is the one that the hub has authenticated; what the body says of it does not count.
///
/// # Errors
/// [`Malformed`] when it is not an event, or the telemetry has no device, no hub time or no readable body.
pub fn parse(event: &Value) -> Result<Inbound, Malformed> {
    let Value::Object(members) = event else { return Err(Malformed::new("", "not a JSON object")) };
    match either(members, "eventType", "type", text)? {
        None => Err(Malformed::new("/eventType", "no event type is named")),
        Some(TELEMETRY) => {
            let device = device(event).ok_or_else(|| Malformed::new("/subject", "no device is named"))?;
            telemetry(device, members).map(Inbound::Telemetry)
        }
        Some(VALIDATION) => validation(members),
        Some(other) => Ok(Inbound::Other(other.to_owned())),
    }
}

/// The device whose message an event is, as the hub says, or else the subject.
#[must_use]
pub fn device(event: &Value) -> Option<&str> {
    let by_hub = || event.pointer("/data/systemProperties/iothub-connection-device-id")?.as_str();
    let by_subject = || event.get("subject")?.as_str()?.strip_prefix("devices/")?.split('/').next();
    let named = |id: &&str| !id.is_empty();
    by_hub().filter(named).or_else(|| by_subject().filter(named))
}

fn validation(event: &Map<String, Value>) -> Result<Inbound, Malformed> {
    let code = text(object(event, "data")?, "validationCode").map_err(|problem| problem.inside("/data"))?;
    let code = code.ok_or_else(|| Malformed::new("/data/validationCode", "no code is given"))?;
    Ok(Inbound::Validation { code: code.to_owned() })
}

fn telemetry(device: &str, event: &Map<String, Value>) -> Result<Telemetry, Malformed> {
    let data = object(event, "data")?;
    let properties = object(data, "systemProperties").map_err(|problem| problem.inside("/data"))?;
    let body = message(data.get("body")).map_err(|problem| problem.inside("/data/body"))?;
    let hub = hub_time(event, properties)?;
    let (at, claimed) = settle(body.time.or_else(|| of_hub(properties, "iothub-creation-time-utc")), hub);
    Ok(Telemetry { claimed, ..Telemetry::new(device, at, body.values) })
}

/// When the message reached the hub: the same for every delivery of it.
fn hub_time(event: &Map<String, Value>, properties: &Map<String, Value>) -> Result<DateTime<Utc>, Malformed> {
    match of_hub(properties, "iothub-enqueuedtime") {
        Some(enqueued) => Ok(enqueued),
        None => either(event, "eventTime", "time", time)?
            .ok_or_else(|| Malformed::new("/data/systemProperties/iothub-enqueuedtime", "no time is named")),
    }
}

/// A time among the system properties; those that are not readable count as absent, as a device cannot help it.
fn of_hub(properties: &Map<String, Value>, name: &str) -> Option<DateTime<Utc>> {
    time(properties, name).ok().flatten()
}

/// The body: JSON as it is, or as text in base64 (what the hub makes of a message that does not say that it is JSON).
fn message(body: Option<&Value>) -> Result<body::Body, Malformed> {
    match body {
        Some(Value::String(encoded)) => match STANDARD.decode(encoded) {
            Ok(text) => body::parse_text(&text),
            // No JSON object is base64, so nothing can be taken for the other.
            Err(_) => body::parse_text(encoded.as_bytes()),
        },
        Some(body) => body::parse(body.clone()),
        None => Err(Malformed::new("", "not a JSON object")),
    }
}

fn object<'a>(outer: &'a Map<String, Value>, name: &str) -> Result<&'a Map<String, Value>, Malformed> {
    outer.get(name).and_then(Value::as_object).ok_or_else(|| Malformed::new(format!("/{name}"), "not a JSON object"))
}

/// A member by Event Grid's name, or else by that of CloudEvents.
fn either<'a, T>(
    event: &'a Map<String, Value>,
    own: &str,
    cloud: &str,
    read: impl Fn(&'a Map<String, Value>, &str) -> Result<Option<T>, Malformed>,
) -> Result<Option<T>, Malformed> {
    Ok(match read(event, own)? {
        Some(found) => Some(found),
        None => read(event, cloud)?,
    })
}
