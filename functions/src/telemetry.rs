//! What a device measured, freed of the form in which it came.

use chrono::{DateTime, SubsecRound, Utc};
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
}

impl Telemetry {
    /// Puts one together; `at` is cut to microseconds, so that what was written can be compared with what is read back.
    #[must_use]
    pub fn new(device: impl Into<String>, at: DateTime<Utc>, values: Map<String, Value>) -> Self {
        Self { device: device.into(), at: at.trunc_subsecs(6), values }
    }
}
