//! Times and durations as people read them.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// A moment, UTC, to the second.
pub(crate) fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A duration in the largest units that matter: `0.4s`, `12s`, `3m 05s`, `2h 10m`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1}s", duration.as_secs_f64()),
        10..60 => format!("{seconds}s"),
        60..3600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// The same without tenths: where a time is drawn again and again, they would only flicker.
pub(crate) fn whole(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..10 => format!("{seconds}s"),
        _ => duration(time),
    }
}

/// A latency, as finely as it matters: `0.4ms`, `12ms`, `1.25s`, `3m 05s`.
pub(crate) fn latency(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..9.95 => format!("{millis:.1}ms"),
        ..999.5 => format!("{millis:.0}ms"),
        ..59_995.0 => format!("{:.2}s", millis / 1e3),
        _ => duration(time),
    }
}

/// The time between two moments; nothing when the clock was set back meanwhile.
pub(crate) fn between(from: DateTime<Utc>, to: DateTime<Utc>) -> Duration {
    (to - from).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let texts = [0.42, 12.9, 185.0, 7800.0].map(|seconds| duration(Duration::from_secs_f64(seconds)));
        assert_eq!(texts, ["0.4s", "12s", "3m 05s", "2h 10m"]);
    }

    #[test]
    fn latencies_keep_three_digits() {
        let texts = [0.000_42, 0.012_3, 0.9996, 1.254, 185.0].map(|seconds| latency(Duration::from_secs_f64(seconds)));
        assert_eq!(texts, ["0.4ms", "12ms", "1.00s", "1.25s", "3m 05s"]);
    }

    #[test]
    fn a_clock_set_back_is_no_time() {
        let now = DateTime::UNIX_EPOCH;
        assert_eq!(between(now, now - chrono::Duration::seconds(3)), Duration::ZERO);
    }
}
