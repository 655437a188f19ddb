//! Schedules as the fold sees them, and the transitions of their events.
//!
//! An occurrence is open from `schedule-due` to `schedule-ended`: what a process that died left open is found here, and
//! taken up again. Occurrences are decided on in their order, each once: kept, or left out. [`ScheduleState::from`] is
//! how far that has come.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::apply::{Verdict, demand};
use crate::event::{Event, MAX_SCHEDULE_NAME, RunId, SCHEDULES, ScheduleOutcome, ScheduleSpec, SkipReason};
use crate::record::Record;

/// One schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduleState {
    /// What it does, and when.
    pub spec: ScheduleSpec,
    /// When it was added.
    pub added: DateTime<Utc>,
    /// Whether it is paused.
    pub paused: bool,
    /// Occurrences after this moment are not decided on yet; those up to it never will be again.
    pub from: DateTime<Utc>,
    /// The last occurrence that somebody asked for by hand.
    pub manual: Option<DateTime<Utc>>,
    /// The occurrences that are taken up and have not ended.
    pub open: BTreeMap<DateTime<Utc>, Open>,
    /// The occurrence that ended last.
    pub last: Option<Ended>,
    /// How many ended with each outcome.
    pub ended: BTreeMap<ScheduleOutcome, u64>,
    /// How many were left out for each reason.
    pub skipped: BTreeMap<SkipReason, u64>,
}

/// An occurrence that is taken up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// When it was taken up.
    pub since: DateTime<Utc>,
    /// Its place among all that were taken up: the sequence number of the record.
    pub seq: u64,
    /// Whether somebody asked for it by hand.
    pub manual: bool,
}

/// An occurrence that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// The occurrence.
    pub at: DateTime<Utc>,
    /// When it was taken up.
    pub since: DateTime<Utc>,
    /// When it ended.
    pub ended: DateTime<Utc>,
    /// How.
    pub outcome: ScheduleOutcome,
    /// The run that it led to, if it led to one.
    pub run: Option<RunId>,
    /// The exit code of what was started, if it had one.
    pub exit: Option<u8>,
}

type Schedules = BTreeMap<String, ScheduleState>;

impl ScheduleState {
    fn added(spec: &ScheduleSpec, at: DateTime<Utc>) -> Self {
        Self {
            spec: spec.clone(),
            added: at,
            paused: false,
            from: at,
            manual: None,
            open: BTreeMap::new(),
            last: None,
            ended: BTreeMap::new(),
            skipped: BTreeMap::new(),
        }
    }

    fn end(&mut self, ended: Ended) {
        self.open.remove(&ended.at);
        *self.ended.entry(ended.outcome).or_default() += 1;
        self.last = Some(ended);
    }
}

/// Whether an event may happen to the schedules now.
pub(super) fn check(schedules: &Schedules, record: &Record) -> Verdict {
    let Some(name) = record.event.schedule() else {
        return Err(format!("the stream {SCHEDULES:?} holds schedules only"));
    };
    demand(record.stream == SCHEDULES, || format!("it belongs into the stream {SCHEDULES:?}"))?;
    demand(record.run.is_none(), || "it belongs to no run".to_owned())?;
    match (&record.event, schedules.get(name)) {
        (Event::ScheduleAdded { .. }, Some(_)) => Err(format!("there is a schedule {name} already")),
        (Event::ScheduleAdded { .. }, None) => demand(is_name(name), || format!("{name:?} cannot name a schedule")),
        (_, None) => Err(format!("there is no schedule {name}")),
        (event, Some(schedule)) => check_one(schedule, name, event),
    }
}

fn check_one(schedule: &ScheduleState, name: &str, event: &Event) -> Verdict {
    match event {
        Event::ScheduleChanged { paused, .. } => demand(schedule.paused != *paused, || {
            format!("schedule {name} is {}", if schedule.paused { "paused" } else { "active" })
        }),
        Event::ScheduleRemoved { .. } => match schedule.open.keys().next() {
            Some(at) => Err(format!("the occurrence {at} of schedule {name} is open")),
            None => Ok(()),
        },
        Event::ScheduleDue { at, manual, .. } => check_due(schedule, name, *at, *manual),
        Event::ScheduleSkipped { at, until, times, .. } => {
            active(schedule, name)?;
            undecided(schedule, name, *at)?;
            let last = until.unwrap_or(*at);
            demand(is_whole(*at) && is_whole(last), || "it is no whole second".to_owned())?;
            let fits = if until.is_some() { last > *at && *times > 1 } else { *times == 1 };
            demand(fits, || format!("{times} times do not fit from {at} to {last}"))
        }
        Event::ScheduleEnded { at, .. } => {
            demand(schedule.open.contains_key(at), || format!("the occurrence {at} of schedule {name} is not open"))
        }
        _ => Ok(()),
    }
}

fn check_due(schedule: &ScheduleState, name: &str, at: DateTime<Utc>, manual: bool) -> Verdict {
    active(schedule, name)?;
    if !manual {
        demand(is_whole(at), || "it is no whole second".to_owned())?;
        return undecided(schedule, name, at);
    }
    demand(!is_whole(at), || "one by hand is never a whole second".to_owned())?;
    let later = schedule.manual.is_none_or(|last| last < at);
    demand(later, || format!("the occurrence {at} of schedule {name} does not come after the last one by hand"))
}

fn active(schedule: &ScheduleState, name: &str) -> Verdict {
    demand(!schedule.paused, || format!("schedule {name} is paused"))
}

fn undecided(schedule: &ScheduleState, name: &str, at: DateTime<Utc>) -> Verdict {
    demand(schedule.from < at, || format!("the occurrence {at} of schedule {name} is decided on"))
}

fn is_whole(at: DateTime<Utc>) -> bool {
    at.timestamp_subsec_nanos() == 0
}

fn is_name(name: &str) -> bool {
    let letter = |letter: u8| letter.is_ascii_alphanumeric() || b"-_.".contains(&letter);
    (1..=MAX_SCHEDULE_NAME).contains(&name.len()) && name.bytes().all(letter)
}

/// Folds an event in that is legal.
pub(super) fn fold(schedules: &mut Schedules, record: &Record) {
    match &record.event {
        Event::ScheduleAdded { schedule, spec } => {
            schedules.insert(schedule.clone(), ScheduleState::added(spec, record.time));
        }
        Event::ScheduleRemoved { schedule } => drop(schedules.remove(schedule)),
        event => {
            let schedule = event.schedule().and_then(|name| schedules.get_mut(name));
            if let Some(schedule) = schedule {
                fold_one(schedule, record);
            }
        }
    }
}

fn fold_one(schedule: &mut ScheduleState, record: &Record) {
    match &record.event {
        Event::ScheduleChanged { paused, .. } => {
            schedule.paused = *paused;
            schedule.from = schedule.from.max(record.time);
        }
        Event::ScheduleDue { at, manual, .. } => {
            let open = Open { since: record.time, seq: record.seq, manual: *manual };
            schedule.open.insert(*at, open);
            match manual {
                true => schedule.manual = Some(*at),
                false => schedule.from = *at,
            }
        }
        Event::ScheduleSkipped { at, until, times, reason, .. } => {
            schedule.from = until.unwrap_or(*at);
            *schedule.skipped.entry(*reason).or_default() += times;
        }
        Event::ScheduleEnded { at, outcome, run, exit, .. } => {
            let since = schedule.open.get(at).map_or(record.time, |open| open.since);
            let (at, outcome, ended) = (*at, *outcome, record.time);
            schedule.end(Ended { at, since, ended, outcome, run: *run, exit: *exit });
        }
        _ => {}
    }
}
