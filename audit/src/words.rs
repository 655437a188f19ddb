//! Times, durations and the journal's words as people read them.

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::Value;

/// A moment, UTC, to the second.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The time of day, UTC, to the millisecond.
pub(crate) fn clock(at: DateTime<Utc>) -> String {
    at.format("%H:%M:%S%.3f").to_string()
}

/// A duration in the largest units that matter: `4ms`, `0.4s`, `12s`, `3m 05s`, `2h 10m`, `3d 04h`.
pub(crate) fn duration(time: Duration) -> String {
    let millis = time.num_milliseconds().max(0);
    let seconds = millis / 1000;
    match seconds {
        0 if millis < 100 => format!("{millis}ms"),
        0..10 => format!("{}.{}s", seconds, millis % 1000 / 100),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// The word that the journal writes for a value of an enum.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

/// `1 step`, `2 steps`.
pub(crate) fn count(number: usize, thing: &str) -> String {
    let s = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{s}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let texts =
            [-5, 4, 420, 12_900, 185_000, 7_800_000, 273_600_000].map(|ms| duration(Duration::milliseconds(ms)));
        assert_eq!(texts, ["0ms", "4ms", "0.4s", "12s", "3m 05s", "2h 10m", "3d 04h"]);
    }

    #[test]
    fn words_are_the_journal_s() {
        assert_eq!(word(&journal::FailureKind::NotYet), "not-yet");
        assert_eq!((count(1, "step"), count(0, "step")), ("1 step".to_owned(), "0 steps".to_owned()));
    }
}
