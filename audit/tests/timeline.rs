//! A timeline says what its records say.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod recorded;

use audit::Timeline;
use audit::timeline::{AttemptEnd, Cause, Error, How, Step};
use chrono::{DateTime, Utc};
use journal::{Outcome, RunStatus, StepStatus, Undo};

async fn timeline() -> Timeline {
    Timeline::fold(&recorded::run().await.records).unwrap()
}

fn step<'a>(timeline: &'a Timeline, id: &str) -> &'a Step {
    timeline.steps.iter().find(|step| step.id.as_str() == id).unwrap()
}

/// Milliseconds since the run started.
fn ms(at: DateTime<Utc>) -> i64 {
    (at - recorded::epoch()).num_milliseconds()
}

#[tokio::test]
async fn the_run_is_told_from_its_start_to_its_end() {
    let recorded = recorded::run().await;
    let timeline = Timeline::fold(&recorded.records).unwrap();
    assert_eq!((timeline.stream.as_str(), timeline.run), (recorded::STREAM, recorded.run));
    assert_eq!(timeline.status, RunStatus::RolledBack);
    assert_eq!((ms(timeline.started), timeline.ended.map(ms)), (0, Some(4_802_910)));
    assert_eq!((timeline.from, timeline.to), (0, recorded.records.len() as u64 - 1));
    assert_eq!(timeline.head, recorded.records.last().unwrap().hash);
    let users: Vec<_> = timeline.actors.iter().map(|actor| (actor.user.as_str(), actor.process)).collect();
    assert_eq!(users, [("ci", 4242), ("ada", 77), ("ada", 78), ("grace", 91)]);
    assert_eq!(timeline.worked().num_milliseconds(), 7400 + 4920 + 3300 + 2910);
}

#[tokio::test]
async fn breaks_tell_a_crash_from_a_failure_and_an_interrupt() {
    let timeline = timeline().await;
    let told: Vec<_> = timeline.breaks.iter().map(|it| (ms(it.from), it.actor.process)).collect();
    assert_eq!(told, [(7400, 4242), (924_920, 77), (1_048_300, 78)]);
    assert_eq!(timeline.breaks[0].cause, Cause::Crash);
    assert_eq!(timeline.breaks[1].cause, Cause::Rest { status: RunStatus::Failed });
    assert_eq!(timeline.breaks[2].cause, Cause::Interrupt { reason: "SIGINT".to_owned() });
    let continued: Vec<_> = timeline.breaks.iter().filter_map(|it| it.continued.as_ref()).collect();
    let ways: Vec<_> = continued.iter().map(|it| (it.how, it.by.user.as_str(), it.adopt)).collect();
    assert_eq!(ways, [(How::Resume, "ada", true), (How::Rollback, "ada", false), (How::Rollback, "grace", false)]);
}

#[tokio::test]
async fn a_step_under_which_the_run_broke_off_has_two_spells_and_one_doubt() {
    let timeline = timeline().await;
    let hub = step(&timeline, "l1/hub");
    assert_eq!((hub.layer.as_str(), hub.status, hub.outcome), ("l1", StepStatus::Undone, Some(Outcome::Created)));
    let spells: Vec<_> = hub.work.spells.iter().map(|it| (ms(it.from), it.until.map(ms))).collect();
    assert_eq!(spells, [(920, Some(7400)), (920_000, Some(922_400))]);
    let doubts: Vec<_> = hub.in_doubt.iter().map(|it| (ms(it.from), it.until.map(ms))).collect();
    assert_eq!(doubts, [(1100, Some(922_400))]);
    let ends: Vec<_> = hub.work.attempts.iter().map(|it| (it.number, &it.end)).collect();
    assert_eq!(ends, [(1, &AttemptEnd::BrokenOff), (2, &AttemptEnd::Succeeded)]);
    assert_eq!(hub.work.checkpoints.len(), 2);
}

#[tokio::test]
async fn attempts_have_their_waits() {
    let timeline = timeline().await;
    let role = step(&timeline, "setup/role");
    let attempts: Vec<_> = role.work.attempts.iter().map(|it| (it.number, ms(it.time.from))).collect();
    assert_eq!(attempts, [(1, 1950), (2, 3500), (3, 6600)]);
    let waits: Vec<_> = role.work.attempts.iter().filter_map(|it| it.wait).collect();
    assert_eq!(waits.iter().map(|it| it.until.map(ms)).collect::<Vec<_>>(), [Some(3500), Some(6600)]);
    assert_eq!(role.work.attempts[2].end, AttemptEnd::Succeeded);
    let twins = step(&timeline, "l4/twins");
    assert_eq!(twins.work.failed_attempts().count(), 2);
    assert_eq!(twins.work.attempts.len(), 2, "the failure of a step is no further attempt");
    assert_eq!(twins.work.failure.as_ref().unwrap().code.as_deref(), Some("twin-model-unknown"));
}

#[tokio::test]
async fn compensations_say_who_left_them_out_and_why() {
    let timeline = timeline().await;
    let storage = step(&timeline, "setup/storage");
    let skipped = storage.compensation.as_ref().unwrap().skipped.as_ref().unwrap();
    assert_eq!((skipped.by.user.as_str(), ms(skipped.at)), ("grace", 4_800_010));
    assert!(skipped.reason.starts_with("kept for the auditor"));
    let instance = step(&timeline, "l4/adt-instance").compensation.as_ref().unwrap();
    assert_eq!(instance.undo, Some(Undo::Delete));
    let numbers: Vec<_> = instance.work.attempts.iter().map(|it| (it.number, &it.end)).collect();
    assert_eq!(numbers, [(1, &AttemptEnd::BrokenOff), (1, &AttemptEnd::Succeeded)], "each rollback counts for itself");
}

/// The beginning of a run is a timeline too: what an auditor sees while it is under way.
#[tokio::test]
async fn every_beginning_is_a_timeline() {
    let records = recorded::run().await.records;
    for length in 1..=records.len() {
        let timeline = Timeline::fold(&records[..length]).unwrap();
        for work in timeline.steps.iter().map(|step| &step.work) {
            let open = work.spells.iter().filter(|spell| spell.until.is_none()).count();
            assert!(open <= 1, "{timeline:#?}");
            assert!(work.spells.iter().all(|spell| spell.end(timeline.newest) <= timeline.newest));
        }
        assert!(serde_json::to_value(&timeline).unwrap().is_object());
    }
}

#[tokio::test]
async fn what_is_no_run_is_refused() {
    let records = recorded::run().await.records;
    assert_eq!(Timeline::fold(&[]), Err(Error::Empty));
    assert_eq!(Timeline::fold(&records[3..]), Err(Error::NoStart { seq: 3 }));
    let mut foreign = records.clone();
    foreign[5].run = None;
    let run = records[0].run.unwrap();
    assert_eq!(Timeline::fold(&foreign), Err(Error::Foreign { run, seq: 5 }));
    foreign = records;
    foreign.swap(7, 8);
    assert_eq!(Timeline::fold(&foreign), Err(Error::Foreign { run, seq: 7 }));
}
