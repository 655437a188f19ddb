//! The inter-cloud envelope: how telemetry crosses from one cloud, or one app, to another.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::{Malformed, text, time};
use crate::telemetry::Telemetry;

/// Which cloud a message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Microsoft Azure.
    Azure,
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Google,
}

/// Which layer a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layer {
    /// Compute: the persister.
    L2,
    /// Storage: the writers.
    L3,
    /// The twin: the pusher.
    L4,
}

impl Cloud {
    /// Its name on the wire, `azure`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Azure => "azure",
            Self::Aws => "aws",
            Self::Google => "google",
        }
    }
}

impl Layer {
    /// Its name on the wire, `L4`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
        }
    }
}

/// Puts telemetry into an envelope; `trace` is the id under which one message is followed across clouds, `now` when the
/// envelope is written.
///
/// The values are nested under `telemetry`, so that none of them can be taken for a reserved member.
#[must_use]
pub fn wrap(from: Cloud, to: Layer, trace: &str, now: DateTime<Utc>, telemetry: &Telemetry) -> Value {
    json!({
        "source_cloud": from.name(),
        "target_layer": to.name(),
        "message_type": "telemetry",
        "timestamp": now.to_rfc3339_opts(SecondsFormat::Micros, true),
        "trace_id": trace,
        "payload": {
            "iotDeviceId": telemetry.device,
            "time": telemetry.time_text(),
            "telemetry": telemetry.values,
        },
    })
}

/// What is in an envelope.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// The body of a device's message.
    pub payload: Value,
    /// When the envelope was written; the last resort where the body has no time.
    pub timestamp: Option<DateTime<Utc>>,
    /// The id under which the message is followed.
    pub trace: Option<String>,
}

/// Whether this is an envelope, and not a bare body.
#[must_use]
pub fn is_envelope(root: &Map<String, Value>) -> bool {
    root.contains_key("payload") && root.contains_key("source_cloud")
}

/// Opens an envelope.
///
/// # Errors
/// [`Malformed`] when its payload is not there or not an object, or when its message is not telemetry.
pub fn unwrap(mut root: Map<String, Value>) -> Result<Envelope, Malformed> {
    if text(&root, "message_type")?.is_some_and(|kind| kind != "telemetry") {
        return Err(Malformed::new("/message_type", "not telemetry"));
    }
    let timestamp = time(&root, "timestamp")?;
    let trace = text(&root, "trace_id")?.map(str::to_owned);
    match root.remove("payload") {
        Some(payload @ Value::Object(_)) => Ok(Envelope { payload, timestamp, trace }),
        _ => Err(Malformed::new("/payload", "not a JSON object")),
    }
}
