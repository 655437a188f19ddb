//! The body of a device's message: values at the root, or under `telemetry`.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::{Malformed, text, time};

/// Members of the root that are never values.
pub(crate) const RESERVED: [&str; 6] = ["time", "timestamp", "iotDeviceId", "deviceId", "device_id", "telemetry"];

/// What a body says.
#[derive(Debug, Clone, PartialEq)]
pub struct Body {
    /// The device that it names (`iotDeviceId`, `deviceId` or `device_id`).
    pub device: Option<String>,
    /// The time that it names (`time` or `timestamp`).
    pub time: Option<DateTime<Utc>>,
    /// The values: the members of `telemetry`, and of the root without the reserved ones.
    pub values: Map<String, Value>,
}

/// Reads a body.
///
/// # Errors
/// [`Malformed`] when it is not an object, or a reserved member is not what it should be.
pub fn parse(body: Value) -> Result<Body, Malformed> {
    let Value::Object(mut root) = body else { return Err(Malformed::new("", "not a JSON object")) };
    let device = first(["iotDeviceId", "deviceId", "device_id"].map(|name| text(&root, name)))?.map(str::to_owned);
    let time = first(["time", "timestamp"].map(|name| time(&root, name)))?;
    let nested = root.remove("telemetry");
    for name in RESERVED {
        root.remove(name);
    }
    match nested {
        None | Some(Value::Null) => {}
        Some(Value::Object(nested)) => root.extend(nested),
        Some(_) => return Err(Malformed::new("/telemetry", "not a JSON object")),
    }
    Ok(Body { device, time, values: root })
}

/// The first that is there; those after it do not matter, whatever they are.
fn first<T, const N: usize>(found: [Result<Option<T>, Malformed>; N]) -> Result<Option<T>, Malformed> {
    found.into_iter().find_map(Result::transpose).transpose()
}

/// Reads a body from its text.
///
/// # Errors
/// [`Malformed`] with line and column when it is not JSON, and as [`parse`] does.
pub fn parse_text(text: &[u8]) -> Result<Body, Malformed> {
    parse(serde_json::from_slice(text).map_err(|error| Malformed::syntax(&error))?)
}
