//! Moments in the service's own unit: 100 nanoseconds.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

const PER_SECOND: i64 = 10_000_000;

/// A moment: 100 ns since 1970-01-01 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Ticks(i64);

impl Ticks {
    /// The moment of a clock's reading.
    pub(super) fn of(at: DateTime<Utc>) -> Self {
        Self(at.timestamp() * PER_SECOND + i64::from(at.timestamp_subsec_nanos() / 100))
    }

    /// The moment `count` ticks later.
    pub(super) fn later(self, count: usize) -> Self {
        Self(self.0.saturating_add(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// The moment so many minutes later.
    pub(super) fn later_by_minutes(self, minutes: i64) -> Self {
        Self(self.0.saturating_add(minutes.saturating_mul(60 * PER_SECOND)))
    }

    /// As twins show it: always seven digits, `Z`.
    pub(super) fn of_twin(self) -> String {
        format!("{}.{:07}Z", self.seconds(), self.0.rem_euclid(PER_SECOND))
    }

    /// As models show it: trailing zeros trimmed, `+00:00`.
    pub(super) fn of_model(self) -> String {
        let digits = format!("{:07}", self.0.rem_euclid(PER_SECOND));
        match digits.trim_end_matches('0') {
            "" => format!("{}+00:00", self.seconds()),
            digits => format!("{}.{digits}+00:00", self.seconds()),
        }
    }

    fn seconds(self) -> String {
        let at = DateTime::from_timestamp(self.0.div_euclid(PER_SECOND), 0).unwrap_or(DateTime::UNIX_EPOCH);
        at.format("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_and_models_write_the_same_moment_differently() {
        let at = "2020-11-24T21:04:51.4143430Z".parse::<DateTime<Utc>>().unwrap();
        assert_eq!(Ticks::of(at).of_twin(), "2020-11-24T21:04:51.4143430Z");
        assert_eq!(Ticks::of(at).of_model(), "2020-11-24T21:04:51.414343+00:00");
        assert_eq!(Ticks::of(DateTime::UNIX_EPOCH).of_model(), "1970-01-01T00:00:00+00:00");
    }
}
