//! Schedules as people read them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use journal::ScheduleState;
use scheduler::policy::coming;
use serde_json::{Value, json};

use super::{journal::word, table::table, time::moment};

type Schedules = BTreeMap<String, ScheduleState>;

/// A line per schedule: what, when, next and last.
pub(crate) fn text(schedules: &Schedules, now: DateTime<Utc>) -> String {
    if schedules.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 7]> = schedules.iter().map(|(name, schedule)| row(name, schedule, now)).collect();
    table(["name", "kind", "pattern", "time zone", "next", "last", "outcome"], &rows)
}

fn row(name: &str, schedule: &ScheduleState, now: DateTime<Utc>) -> [String; 7] {
    let spec = &schedule.spec;
    let last = schedule.last.as_ref();
    [
        name.to_owned(),
        word(&spec.kind),
        spec.cron.clone(),
        spec.timezone.clone(),
        told_next(name, schedule, now),
        last.map(|last| moment(last.at)).unwrap_or_default(),
        last.map(|last| last.outcome.to_string()).unwrap_or_default(),
    ]
}

fn told_next(name: &str, schedule: &ScheduleState, now: DateTime<Utc>) -> String {
    match schedule.open.keys().next() {
        _ if schedule.paused => "paused".to_owned(),
        Some(at) => format!("{}, open", moment(*at)),
        None => next(name, schedule, now).map(moment).unwrap_or_default(),
    }
}

/// The next time after now that a schedule names.
fn next(name: &str, schedule: &ScheduleState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    coming(name, schedule).map(|coming| coming.at).find(|at| *at > now)
}

/// The same as data, and more.
pub(crate) fn data(schedules: &Schedules, now: DateTime<Utc>) -> Value {
    schedules.iter().map(|(name, schedule)| one(name, schedule, now)).collect()
}

fn one(name: &str, schedule: &ScheduleState, now: DateTime<Utc>) -> Value {
    let spec = &schedule.spec;
    json!({
        "name": name,
        "project": spec.project,
        "kind": spec.kind,
        "cron": spec.cron,
        "timezone": spec.timezone,
        "jitter_seconds": spec.jitter,
        "overlap": spec.overlap,
        "missed": spec.missed,
        "target": spec.target,
        "paused": schedule.paused,
        "next": next(name, schedule, now),
        "open": schedule.open.keys().collect::<Vec<_>>(),
        "last": schedule.last,
        "ended": schedule.ended,
        "skipped": schedule.skipped,
    })
}

/// What was added.
pub(crate) fn added(name: &str, next: Option<DateTime<Utc>>) -> String {
    format!("{name} is added{}", next.map(|next| format!(", next at {}", moment(next))).unwrap_or_default())
}
