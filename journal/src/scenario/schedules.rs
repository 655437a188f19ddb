//! Legal histories of schedules.

use chrono::{DateTime, Duration, Utc};

use serde_json::json;

use super::{Choices, History, digest, epoch, run_id};
use crate::event::{
    Event, Missed, Overlap, RunKind, SCHEDULES, ScheduleKind, ScheduleOutcome, ScheduleSpec, SkipReason, Trigger,
};

/// The first schedule of every history.
pub(crate) const NIGHTLY: &str = "nightly";

/// What a schedule does.
pub(crate) fn spec(kind: ScheduleKind) -> ScheduleSpec {
    ScheduleSpec {
        project: "/projects/factory".to_owned(),
        kind,
        cron: "0 3 * * *".to_owned(),
        timezone: "Europe/Vienna".to_owned(),
        jitter: if kind == ScheduleKind::Redeploy { 300 } else { 0 },
        overlap: Overlap::Queue,
        missed: Missed::Once,
        target: "local".to_owned(),
        clock: crate::event::ScheduleClock::Own,
    }
}

/// This many hours after the history's first full hour.
pub(crate) fn hour(number: i64) -> DateTime<Utc> {
    epoch() + Duration::minutes(55) + Duration::seconds(55) + Duration::hours(number)
}

pub(crate) fn added(schedule: &str, kind: ScheduleKind) -> Event {
    Event::ScheduleAdded { schedule: schedule.to_owned(), spec: spec(kind) }
}

pub(crate) fn changed(schedule: &str, paused: bool) -> Event {
    Event::ScheduleChanged { schedule: schedule.to_owned(), paused }
}

pub(crate) fn removed(schedule: &str) -> Event {
    Event::ScheduleRemoved { schedule: schedule.to_owned() }
}

pub(crate) fn due(schedule: &str, at: DateTime<Utc>) -> Event {
    Event::ScheduleDue { schedule: schedule.to_owned(), at, manual: false }
}

pub(crate) fn by_hand(schedule: &str, at: DateTime<Utc>) -> Event {
    Event::ScheduleDue { schedule: schedule.to_owned(), at: at + Duration::microseconds(1), manual: true }
}

pub(crate) fn skipped(schedule: &str, at: DateTime<Utc>, until: Option<DateTime<Utc>>, times: u64) -> Event {
    Event::ScheduleSkipped { schedule: schedule.to_owned(), at, until, times, reason: SkipReason::Missed }
}

pub(crate) fn ended(schedule: &str, at: DateTime<Utc>, outcome: ScheduleOutcome) -> Event {
    let run = (outcome == ScheduleOutcome::Finished).then(|| run_id(7));
    let exit = (outcome == ScheduleOutcome::Failed).then_some(10);
    Event::ScheduleEnded { schedule: schedule.to_owned(), at, outcome, run, exit }
}

/// A history in which every kind of event occurs.
pub(crate) fn every_schedule_event() -> History {
    let mut it = History::of(SCHEDULES);
    it.push(added(NIGHTLY, ScheduleKind::Redeploy)).push(added("drift", ScheduleKind::DriftCheck));
    it.push(due(NIGHTLY, hour(0))).push(ended(NIGHTLY, hour(0), ScheduleOutcome::Finished));
    it.push(skipped(NIGHTLY, hour(1), None, 1)).push(skipped(NIGHTLY, hour(2), Some(hour(4)), 3));
    it.push(changed(NIGHTLY, true)).push(changed(NIGHTLY, false));
    it.push(by_hand("drift", hour(0))).push(due("drift", hour(1)));
    it.push(ended("drift", hour(1), ScheduleOutcome::Failed));
    it.push(ended("drift", hour(0) + Duration::microseconds(1), ScheduleOutcome::Drift)).push(removed("drift"));
    it
}

/// A history of runs that schedules asked for: one started, one gone on with for the occurrence after it.
pub(crate) fn triggered() -> History {
    let mut it = History::new();
    it.run = Some(run_id(0));
    let trigger = |number: i64| Some(Trigger { schedule: NIGHTLY.to_owned(), at: hour(number) });
    it.push(Event::RunStarted {
        kind: RunKind::Deploy,
        definition: digest("one"),
        previous: None,
        target: json!({"name": "local"}),
        adopt: false,
        trigger: trigger(0),
    });
    it.push(Event::RunInterrupted { reason: "SIGTERM".to_owned() });
    it.push(Event::RunResumed { adopt: false, trigger: trigger(1) }).push(Event::RunFinished);
    it
}

/// A legal history of one schedule, decided by choices.
pub(crate) fn random_schedule(bytes: &[u8]) -> History {
    let mut choices = Choices::new(bytes);
    let mut it = History::of(SCHEDULES);
    it.push(added(NIGHTLY, ScheduleKind::Redeploy));
    for number in 0..choices.below(24) as i64 {
        let at = hour(number * 10);
        match choices.below(5) {
            0 => it.push(skipped(NIGHTLY, at, None, 1)),
            1 => it.push(skipped(NIGHTLY, at, Some(at + Duration::hours(3)), 3)),
            2 => it.push(by_hand(NIGHTLY, at)),
            3 => it.push(changed(NIGHTLY, true)).push(changed(NIGHTLY, false)),
            _ => it.push(due(NIGHTLY, at)),
        };
        let open = it.state.schedules[NIGHTLY].open.keys().next().copied();
        if let Some(at) = open.filter(|_| choices.below(2) == 0) {
            it.push(ended(NIGHTLY, at, ScheduleOutcome::Finished));
        }
    }
    it
}
