//! What a device measured, freed of the form in which it came.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

/// Values of one device at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// The device's id.
    pub device: String,
    /// When the values were true, to the microsecond: the order of values follows from it alone.
    pub at: DateTime<Utc>,
    /// The values under the names that the device gives them; nested objects as they came.
    pub values: Map<String, Value>,
    /// What the device said the time was, where its clock is too far ahead and the hub's time stands in `at`.
    pub claimed: Option<DateTime<Utc>>,
}

impl Telemetry {
    /// Puts one together; `at` is cut to microseconds, so that what was written can be compared with what is read back.
    #[must_use]
    pub fn new(device: impl Into<String>, at: DateTime<Utc>, values: Map<String, Value>) -> Self {
        Self { device: device.into(), at: to_micros(at), values, claimed: None }
    }

    /// When the values were true, as text: RFC 3339 in UTC with six digits.
    #[must_use]
    pub fn time_text(&self) -> String {
        self.at.to_rfc3339_opts(SecondsFormat::Micros, true)
    }
}

/// Cuts to microseconds; a leap second becomes the second after it, as it does in every count of seconds.
fn to_micros(at: DateTime<Utc>) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at.timestamp_micros()).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_to_what_a_twin_can_hold() {
        let at = |text: &str| Telemetry::new("d", text.parse().unwrap(), Map::new()).time_text();
        assert_eq!(at("2026-11-23T10:15:30.1234567Z"), "2026-11-23T10:15:30.123456Z");
        assert_eq!(at("2026-11-23T12:15:30+02:00"), "2026-11-23T10:15:30.000000Z");
        assert_eq!(at("2016-12-31T23:59:60.5Z"), "2017-01-01T00:00:00.500000Z");
    }
}
