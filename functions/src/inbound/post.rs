//! A POST: the envelope, or a bare body.

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::{AHEAD, Malformed, body, envelope};
use crate::telemetry::Telemetry;

/// Reads the body of a POST; `now` is the receiver's clock.
///
/// # Errors
/// [`Malformed`] when it is not JSON, names no device or no time, or a time more than [`AHEAD`] after `now`.
pub fn parse(text: &[u8], now: DateTime<Utc>) -> Result<Telemetry, Malformed> {
    read(serde_json::from_slice(text).map_err(|error| Malformed::syntax(&error))?, now)
}

/// Reads the JSON of a POST, as [`parse`] does.
///
/// # Errors
/// [`Malformed`] as [`parse`] says.
pub fn read(root: Value, now: DateTime<Utc>) -> Result<Telemetry, Malformed> {
    let (body, outer, written) = open(root)?;
    let at = |name: &str| format!("{outer}/{name}");
    let device = body.device.ok_or_else(|| Malformed::new(at("iotDeviceId"), "no device is named"))?;
    let (time, place) = match (body.time, written) {
        (Some(time), _) => (time, at("time")),
        (None, Some(written)) => (written, "/timestamp".to_owned()),
        (None, None) => return Err(Malformed::new(at("time"), "no time is named")),
    };
    if time.signed_duration_since(now) > AHEAD {
        return Err(Malformed::new(place, "more than 5 minutes ahead of this clock"));
    }
    Ok(Telemetry::new(device, time, body.values))
}

/// The device's body, where in the POST it lies, and when its envelope was written.
fn open(root: Value) -> Result<(body::Body, &'static str, Option<DateTime<Utc>>), Malformed> {
    match root {
        Value::Object(root) if envelope::is_envelope(&root) => {
            let opened = envelope::unwrap(root)?;
            let body = body::parse(opened.payload).map_err(|problem| problem.inside("/payload"))?;
            Ok((body, "/payload", opened.timestamp))
        }
        root => Ok((body::parse(root)?, "", None)),
    }
}
