//! What hot storage holds: one item per device and moment.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::telemetry::Telemetry;

/// Bytes of the hash that an id carries.
const HASH: usize = 16;

/// An item of hot storage, partitioned by device.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its id: equal for equal telemetry, so that an event that comes twice is stored once.
    pub id: String,
    /// What was measured.
    pub telemetry: Telemetry,
}

impl Item {
    /// The item of a telemetry.
    ///
    /// The id is the moment and a hash over device, moment and values: ids sort by time, and hold none of the characters
    /// of device ids that Cosmos DB refuses.
    #[must_use]
    pub fn of(telemetry: Telemetry) -> Self {
        let moment = moment(telemetry.at);
        let mut hasher = Sha256::new();
        for part in [telemetry.device.as_bytes(), moment.as_bytes(), &canonical(&telemetry)] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let hash: String = hasher.finalize()[..HASH].iter().map(|byte| format!("{byte:02x}")).collect();
        Self { id: format!("{moment}-{hash}"), telemetry }
    }

    /// The document as it is stored.
    #[must_use]
    pub fn document(&self) -> Value {
        json!({
            "id": self.id,
            "iotDeviceId": self.telemetry.device,
            "time": self.telemetry.at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
            "telemetry": self.telemetry.values,
        })
    }
}

/// A moment as ids begin with it: the order of moments is that of their texts.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y%m%dT%H%M%S%.6fZ").to_string()
}

/// The values in one spelling (RFC 8785), whatever the order of their keys.
fn canonical(telemetry: &Telemetry) -> Vec<u8> {
    let spelled = serde_json_canonicalizer::to_vec(&telemetry.values);
    // Numbers beyond what the RFC spells: another spelling, and as stable.
    spelled.unwrap_or_else(|_| Value::Object(telemetry.values.clone()).to_string().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn telemetry(device: &str, time: &str, values: &str) -> Telemetry {
        let at = time.parse().unwrap();
        Telemetry::new(device, at, serde_json::from_str(values).unwrap())
    }

    #[test]
    fn equal_telemetry_has_one_id() {
        let one = Item::of(telemetry("a/b#?", "2026-11-23T10:00:00.1234567Z", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#));
        let two =
            Item::of(telemetry("a/b#?", "2026-11-23T10:00:00.123456+00:00", r#"{"b": {"d": 3, "c": 2}, "a": 1}"#));
        assert_eq!(one.id, two.id);
        assert!(one.id.starts_with("20261123T100000.123456Z-") && one.id.len() == 56, "{}", one.id);
        assert!(!one.id.contains(['/', '\\', '?', '#']));
    }

    #[test]
    fn another_device_moment_or_value_is_another_item() {
        let ids: std::collections::BTreeSet<String> = [
            telemetry("a", "2026-11-23T10:00:00Z", r#"{"a": 1}"#),
            telemetry("b", "2026-11-23T10:00:00Z", r#"{"a": 1}"#),
            telemetry("a", "2026-11-23T10:00:00.000001Z", r#"{"a": 1}"#),
            telemetry("a", "2026-11-23T10:00:00Z", r#"{"a": 2}"#),
        ]
        .map(|telemetry| Item::of(telemetry).id)
        .into();
        assert_eq!(ids.len(), 4);
    }

    #[test]
    fn a_document_names_device_time_and_values() {
        let item = Item::of(telemetry("d", "2026-11-23T10:00:00.5Z", r#"{"t": 20.5}"#));
        let wanted = json!({
            "id": item.id, "iotDeviceId": "d", "time": "2026-11-23T10:00:00.500Z", "telemetry": {"t": 20.5}
        });
        assert_eq!(item.document(), wanted);
    }
}
