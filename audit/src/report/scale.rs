//! Where a moment lies on the drawing.
//!
//! A run takes seconds, and its breaks may take days. So time is drawn to scale only where somebody was at work; each
//! break has the same small width, whatever it lasted.

use chrono::{DateTime, Duration, Utc};

use crate::Timeline;

/// The widest that a break is drawn, and the room that all of them may take.
const BREAK: f64 = 30.0;
const BREAKS: f64 = 240.0;
/// The narrowest that a time of work is drawn, and the room that is given out so.
const NARROWEST: f64 = 36.0;
const NARROWEST_ALL: f64 = 180.0;

/// Time along the horizontal axis.
#[derive(Debug)]
pub(super) struct Scale {
    /// The times of work, oldest first, with a break between each and the next.
    pub(super) stretches: Vec<Stretch>,
    /// The left and the right edge of each break.
    pub(super) breaks: Vec<(f64, f64)>,
}

/// A time in which somebody was at work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    pub(super) left: f64,
    pub(super) right: f64,
}

impl Scale {
    /// The scale of a run between two edges.
    pub(super) fn new(timeline: &Timeline, left: f64, right: f64) -> Self {
        let times = stretches(timeline);
        let (count, breaks) = (times.len() as f64, timeline.breaks.len() as f64);
        let gap = BREAK.min(BREAKS / breaks.max(1.0));
        let narrowest = NARROWEST.min(NARROWEST_ALL / count);
        let room = right - left - gap * breaks - narrowest * count;
        let total: f64 = times.iter().map(|(from, until)| millis(*until - *from)).sum();
        let mut scale = Self { stretches: Vec::new(), breaks: Vec::new() };
        let mut edge = left;
        for (from, until) in times {
            let share = if total > 0.0 { millis(until - from) / total } else { 1.0 / count };
            let end = edge + narrowest + room * share;
            scale.stretches.push(Stretch { from, until, left: edge, right: end });
            if scale.breaks.len() < timeline.breaks.len() {
                scale.breaks.push((end, end + gap));
            }
            edge = end + gap;
        }
        scale
    }

    /// Where a moment lies; one within a break lies at its right edge.
    pub(super) fn x(&self, at: DateTime<Utc>) -> f64 {
        let stretch = self.stretches.iter().find(|stretch| at <= stretch.until).or(self.stretches.last());
        stretch.map_or(0.0, |stretch| stretch.x(at))
    }
}

impl Stretch {
    fn x(&self, at: DateTime<Utc>) -> f64 {
        let whole = millis(self.until - self.from);
        let part = if whole > 0.0 { (millis(at - self.from) / whole).clamp(0.0, 1.0) } else { 0.0 };
        self.left + (self.right - self.left) * part
    }

    /// The moments to mark, at least `apart` from each other, with how long after the beginning they are.
    pub(super) fn ticks(&self, apart: f64) -> Vec<(f64, Duration)> {
        let whole = millis(self.until - self.from);
        let per_milli = (self.right - self.left) / whole.max(1.0);
        let Some(step) = STEPS.iter().find(|step| **step as f64 * per_milli >= apart) else { return Vec::new() };
        let count = (whole / *step as f64) as i64;
        (1..=count).map(|number| number * step).map(|ms| (self.left + ms as f64 * per_milli, ms)).map(tick).collect()
    }
}

fn tick((x, ms): (f64, i64)) -> (f64, Duration) {
    (x, Duration::milliseconds(ms))
}

/// The distances of marks in milliseconds: round ones, from a millisecond to thirty days.
const STEPS: &[i64] = &[
    1,
    2,
    5,
    10,
    20,
    50,
    100,
    200,
    500,
    1_000,
    2_000,
    5_000,
    10_000,
    15_000,
    30_000,
    60_000,
    120_000,
    300_000,
    600_000,
    900_000,
    1_800_000,
    3_600_000,
    7_200_000,
    10_800_000,
    21_600_000,
    43_200_000,
    86_400_000,
    604_800_000,
    2_592_000_000,
];

/// The times of work; a run that broke off and was not continued ends with its last break.
fn stretches(timeline: &Timeline) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut times = Vec::new();
    let mut from = Some(timeline.started);
    for it in &timeline.breaks {
        times.extend(from.map(|from| (from, it.from.max(from))));
        from = it.continued.as_ref().map(|continued| continued.at);
    }
    times.extend(from.map(|from| (from, timeline.newest.max(from))));
    times
}

fn millis(time: Duration) -> f64 {
    time.num_milliseconds() as f64
}
