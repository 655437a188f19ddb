//! What the fold makes of histories of schedules, and what it rejects.

use chrono::Duration;
use proptest::prelude::*;
use serde_json::json;

use crate::event::{Event, RunKind, SCHEDULES, ScheduleKind, ScheduleOutcome, SkipReason, Trigger};
use crate::scenario::schedules::*;
use crate::scenario::{History, STREAM, digest, run_id};

fn nightly() -> History {
    let mut it = History::of(SCHEDULES);
    it.push(added(NIGHTLY, ScheduleKind::Redeploy));
    it
}

#[test]
fn an_occurrence_is_open_until_it_ends() {
    let mut it = nightly();
    it.push(due(NIGHTLY, hour(0)));
    let since = it.state.time;
    assert_eq!(it.state.schedules[NIGHTLY].open[&hour(0)].seq, 1);
    it.push(ended(NIGHTLY, hour(0), ScheduleOutcome::Finished));
    let schedule = &it.state.schedules[NIGHTLY];
    assert!(schedule.open.is_empty());
    let last = schedule.last.as_ref().unwrap();
    assert_eq!((last.at, Some(last.since), Some(last.ended)), (hour(0), since, it.state.time));
    assert_eq!((schedule.ended[&ScheduleOutcome::Finished], schedule.from), (1, hour(0)));
}

#[test]
fn what_is_left_out_is_counted_and_decided_on() {
    let mut it = nightly();
    it.push(skipped(NIGHTLY, hour(2), Some(hour(4)), 3)).push(skipped(NIGHTLY, hour(5), None, 1));
    let schedule = &it.state.schedules[NIGHTLY];
    assert_eq!((schedule.skipped[&SkipReason::Missed], schedule.from), (4, hour(5)));
}

#[test]
fn times_of_a_pause_are_decided_on_when_it_ends() {
    let mut it = nightly();
    it.push(changed(NIGHTLY, true)).push(changed(NIGHTLY, false));
    assert_eq!(Some(it.state.schedules[NIGHTLY].from), it.state.time);
}

/// Every event that must not follow a history, with the reason.
#[test]
fn what_is_illegal_is_rejected_and_changes_nothing() {
    let paused = |it: &mut History| _ = it.push(changed(NIGHTLY, true));
    let open = |it: &mut History| _ = it.push(due(NIGHTLY, hour(3)));
    let over =
        |it: &mut History| _ = it.push(due(NIGHTLY, hour(3))).push(ended(NIGHTLY, hour(3), ScheduleOutcome::Failed));
    let hand = |it: &mut History| _ = it.push(by_hand(NIGHTLY, hour(3)));
    let whole_by_hand = Event::ScheduleDue { schedule: NIGHTLY.into(), at: hour(4), manual: true };
    let odd = hour(4) + Duration::milliseconds(1);
    type Prepare<'a> = &'a dyn Fn(&mut History);
    let nothing = |_: &mut History| ();
    let cases: Vec<(Prepare<'_>, Event, &str)> = vec![
        (&nothing, due("other", hour(0)), "there is no schedule other"),
        (&nothing, added(NIGHTLY, ScheduleKind::DriftCheck), "there is a schedule nightly already"),
        (&nothing, added("every night", ScheduleKind::Redeploy), "cannot name a schedule"),
        (&nothing, added("", ScheduleKind::Redeploy), "cannot name a schedule"),
        (&nothing, changed(NIGHTLY, false), "schedule nightly is active"),
        (&nothing, due(NIGHTLY, hour(-1)), "is decided on"),
        (&nothing, due(NIGHTLY, odd), "it is no whole second"),
        (&nothing, whole_by_hand, "one by hand is never a whole second"),
        (&nothing, ended(NIGHTLY, hour(0), ScheduleOutcome::Finished), "is not open"),
        (&nothing, skipped(NIGHTLY, hour(2), Some(hour(1)), 2), "2 times do not fit"),
        (&nothing, skipped(NIGHTLY, hour(2), None, 2), "2 times do not fit"),
        (&nothing, Event::RunFinished, "the stream \"schedules\" holds schedules only"),
        (&paused, changed(NIGHTLY, true), "schedule nightly is paused"),
        (&paused, due(NIGHTLY, hour(0)), "schedule nightly is paused"),
        (&paused, by_hand(NIGHTLY, hour(0)), "schedule nightly is paused"),
        (&paused, skipped(NIGHTLY, hour(0), None, 1), "schedule nightly is paused"),
        (&open, due(NIGHTLY, hour(3)), "is decided on"),
        (&open, due(NIGHTLY, hour(2)), "is decided on"),
        (&open, skipped(NIGHTLY, hour(3), None, 1), "is decided on"),
        (&open, removed(NIGHTLY), "is open"),
        (&over, ended(NIGHTLY, hour(3), ScheduleOutcome::Finished), "is not open"),
        (&over, due(NIGHTLY, hour(3)), "is decided on"),
        (&hand, by_hand(NIGHTLY, hour(3)), "does not come after the last one by hand"),
    ];
    for (prepare, event, reason) in cases {
        let mut it = nightly();
        prepare(&mut it);
        let before = it.state.clone();
        let error = it.try_push(event.clone()).expect_err(event.name());
        assert!(error.contains(reason), "{}: {error}", event.name());
        assert_eq!(it.state, before);
    }
}

#[test]
fn schedules_and_deployments_keep_apart() {
    let mut it = History::of(STREAM);
    let error = it.try_push(added(NIGHTLY, ScheduleKind::Redeploy)).unwrap_err();
    assert!(error.ends_with("it belongs into the stream \"schedules\""), "{error}");
    let mut it = nightly();
    it.run = Some(run_id(0));
    assert!(it.try_push(due(NIGHTLY, hour(0))).unwrap_err().ends_with("it belongs to no run"));
}

#[test]
fn an_occurrence_asks_for_one_run_only() {
    let trigger = |number: i64| Some(Trigger { schedule: NIGHTLY.to_owned(), at: hour(number) });
    let start = |previous, trigger| Event::RunStarted {
        kind: RunKind::Deploy,
        definition: digest("one"),
        previous,
        target: json!(null),
        adopt: false,
        trigger,
    };
    let mut it = History::new();
    it.run = Some(run_id(0));
    it.push(start(None, trigger(0)));
    it.push(Event::RunInterrupted { reason: "SIGTERM".to_owned() });
    it.push(Event::RunResumed { adopt: false, trigger: trigger(0) });
    it.push(Event::RunInterrupted { reason: "SIGTERM".to_owned() });
    it.push(Event::RunResumed { adopt: false, trigger: trigger(1) }).push(Event::RunFinished);
    assert_eq!(it.state.last_run().unwrap().triggers, [trigger(0).unwrap(), trigger(1).unwrap()]);
    it.run = Some(run_id(1));
    for taken in [trigger(0), trigger(1)] {
        let error = it.try_push(start(Some(digest("one")), taken)).unwrap_err();
        assert!(error.contains("another run is for nightly at"), "{error}");
    }
    it.push(start(Some(digest("one")), trigger(2)));
    assert_eq!(it.state.run_of(&trigger(1).unwrap()).map(|run| run.id), Some(run_id(0)));
}

proptest! {
    /// Nothing can be repeated, whatever the history; what is decided on only grows.
    #[test]
    fn nothing_happens_twice(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let history = random_schedule(&bytes);
        let mut it = History::of(SCHEDULES);
        let mut from = None;
        for record in &history.records {
            it.push(record.event.clone());
            let now = it.state.schedules[NIGHTLY].from;
            prop_assert!(from <= Some(now));
            from = Some(now);
            prop_assert!(it.try_push(record.event.clone()).is_err(), "{:?} happened twice", record.event);
        }
        prop_assert_eq!(it.state, history.state);
    }
}
