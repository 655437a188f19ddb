//! Latencies in bounded memory: counts in buckets that are 3 % wide.

use std::time::Duration;

use serde::Serialize;

/// Each power of two of microseconds is cut into this many buckets.
const PARTS: u64 = 32;

/// Buckets up to 2^36 microseconds, 19 hours.
const BUCKETS: usize = (36 * PARTS) as usize;

/// Many durations, of which only how many fell into which bucket is kept.
#[derive(Debug, Clone)]
pub struct Histogram {
    buckets: Vec<u64>,
    count: u64,
    longest: Duration,
}

/// What a histogram says, in milliseconds; each value is at most 3 % above the true one.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many there were.
    pub count: u64,
    /// Half of them took no longer.
    pub p50: f64,
    /// 90 % of them took no longer.
    pub p90: f64,
    /// 99 % of them took no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { buckets: vec![0; BUCKETS], count: 0, longest: Duration::ZERO }
    }
}

impl Histogram {
    /// Counts a duration.
    pub fn add(&mut self, duration: Duration) {
        self.buckets[bucket(duration)] += 1;
        self.count += 1;
        self.longest = self.longest.max(duration);
    }

    /// What it says so far; `None` while it is empty.
    #[must_use]
    pub fn percentiles(&self) -> Option<Percentiles> {
        // To a tenth of a millisecond: more is not known.
        let millis = |duration: Duration| (duration.as_secs_f64() * 1e4).round() / 10.0;
        let at = |share: f64| millis(self.at(share));
        (self.count > 0).then(|| Percentiles {
            count: self.count,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            max: millis(self.longest),
        })
    }

    /// The duration that this share did not exceed.
    fn at(&self, share: f64) -> Duration {
        let rank = (self.count as f64 * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        let found = self.buckets.iter().position(|count| {
            seen += count;
            seen >= rank
        });
        found.map_or(self.longest, |index| upper(index).min(self.longest))
    }
}

fn bucket(duration: Duration) -> usize {
    let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    if micros < PARTS {
        return micros as usize;
    }
    // The power of two, and the next five bits below its own.
    let power = u64::from(micros.ilog2()) - u64::from(PARTS.ilog2());
    let index = (power + 1) * PARTS + ((micros >> power) - PARTS);
    usize::try_from(index).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

/// The longest duration of a bucket.
fn upper(index: usize) -> Duration {
    let (power, part) = (index as u64 / PARTS, index as u64 % PARTS);
    let micros = match power {
        0 => part,
        power => ((PARTS + part + 1) << (power - 1)) - 1,
    };
    Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_in_order_and_hold_what_falls_into_them() {
        let mut last = 0;
        for micros in (0..5_000).chain((1..3_000).map(|n| n * 97_001)) {
            let duration = Duration::from_micros(micros);
            let index = bucket(duration);
            assert!(index >= last, "{micros}");
            assert!(upper(index) >= duration && upper(index).as_secs_f64() <= duration.as_secs_f64() * 1.035 + 1e-6);
            last = index;
        }
        assert_eq!(bucket(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn percentiles_are_within_their_error() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentiles(), None);
        for millis in 1..=1_000 {
            histogram.add(Duration::from_millis(millis));
        }
        let said = histogram.percentiles().unwrap();
        assert_eq!((said.count, said.max), (1_000, 1_000.0));
        for (value, truth) in [(said.p50, 500.0), (said.p90, 900.0), (said.p99, 990.0)] {
            assert!(value >= truth && value <= truth * 1.035, "{value} for {truth}");
        }
    }

    #[test]
    fn one_is_every_percentile() {
        let mut histogram = Histogram::default();
        histogram.add(Duration::from_millis(7));
        let said = histogram.percentiles().unwrap();
        assert_eq!((said.p50, said.p99, said.max), (7.0, 7.0, 7.0));
    }
}
