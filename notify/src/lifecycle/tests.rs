use insta::assert_snapshot;
use journal::{Outcome, Undo};
use serde_json::json;

use super::*;
use crate::testing::{History, JOURNAL, attempt_failed, intended, run_started, started, step_failed};

fn events(history: &History) -> Vec<Event> {
    let mut lifecycle = Lifecycle::new(JOURNAL, BTreeSet::new());
    history.records.iter().filter_map(|record| lifecycle.event(record)).collect()
}

fn kinds(history: &History) -> Vec<(u64, String)> {
    events(history).into_iter().map(|event| (event.data.seq, event.kind)).collect()
}

fn expect(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
    pairs.iter().map(|(seq, kind)| (*seq, format!("twinctl.{kind}"))).collect()
}

#[test]
fn an_event_is_a_cloudevent() {
    let mut history = History::of("factory");
    history.push(run_started()).push(started("l4/twins")).push(step_failed("l4/twins", "the quota is used up"));
    let events = events(&history);
    assert_snapshot!(serde_json::to_string_pretty(&events[1]).unwrap(), @r#"
    {
      "specversion": "1.0",
      "id": "6b8f7a00-0000-4000-8000-000000000001/factory/2",
      "source": "urn:twinctl:journal:6b8f7a00-0000-4000-8000-000000000001",
      "type": "twinctl.step.failed",
      "subject": "factory",
      "time": "2026-01-02T03:04:07.000000Z",
      "datacontenttype": "application/json",
      "data": {
        "seq": 2,
        "run": "00000000-0000-0000-0000-000000000007",
        "step": "l4/twins",
        "failure": "permanent",
        "code": "over-quota",
        "message": "the quota is used up",
        "who": "ada@lab",
        "ci": "https://ci/7"
      }
    }
    "#);
}

#[test]
fn the_life_of_a_run_is_told_and_the_rest_is_not() {
    let step = || StepId::new("a");
    let mut history = History::of("factory");
    history.push(run_started()).push(started("a")).push(intended("a"));
    history.push(journal::Event::StepCheckpoint { step: step(), data: json!({}) });
    history.push(journal::Event::StepCompleted {
        step: step(),
        outcome: Outcome::Created,
        output: json!("kept"),
        requests: Vec::new(),
    });
    history.push(journal::Event::RunInterrupted { reason: "SIGTERM".into() });
    history.push(journal::Event::RunResumed { adopt: false, trigger: None });
    history.push(journal::Event::RunFailed { steps: vec![step()] });
    history.push(journal::Event::RollbackStarted { automatic: false });
    history.push(journal::Event::UndoIntended { step: step(), undo: Undo::Delete, key: Uuid::nil() });
    history.push(journal::Event::RollbackFailed { steps: vec![step()] });
    history.push(journal::Event::RollbackFinished).push(run_started()).push(journal::Event::RunFinished);
    let told = [
        (0, "run.started"),
        (5, "run.interrupted"),
        (7, "run.failed"),
        (10, "run.rollback-failed"),
        (11, "run.rolled-back"),
        (12, "run.started"),
        (13, "run.finished"),
    ];
    assert_eq!(kinds(&history), expect(&told));
    let events = events(&history);
    assert_eq!(events[1].data.message.as_deref(), Some("SIGTERM"));
    assert_eq!(events[2].data.steps, [json!("a")]);
    assert!(!format!("{events:?}").contains("kept"), "outputs stay where they are");
}

#[test]
fn a_wait_is_told_once_for_as_long_as_it_lasts() {
    use FailureKind::{NotYet, Throttled, Transient};
    let mut history = History::of("factory");
    history.push(run_started()).push(started("a")).push(started("b"));
    history.push(attempt_failed("a", 1, NotYet)).push(intended("a")).push(attempt_failed("a", 2, Throttled));
    history.push(attempt_failed("b", 1, Transient)).push(attempt_failed("b", 2, NotYet));
    history.push(attempt_failed("a", 3, Transient)).push(attempt_failed("a", 4, NotYet));
    history.push(journal::Event::RunInterrupted { reason: "SIGINT".into() });
    history.push(journal::Event::RunResumed { adopt: false, trigger: None }).push(attempt_failed("a", 1, NotYet));
    let told = [
        (0, "run.started"),
        (3, "run.waiting"),
        (7, "run.waiting"),
        (9, "run.waiting"),
        (10, "run.interrupted"),
        (12, "run.waiting"),
    ];
    assert_eq!(kinds(&history), expect(&told));
}

#[test]
fn it_goes_on_anywhere_with_the_steps_that_were_waiting() {
    let mut history = History::of("factory");
    history.push(run_started()).push(started("a"));
    (1..=6).for_each(|attempt| {
        history.push(attempt_failed("a", attempt, FailureKind::NotYet));
    });
    let whole = events(&history);
    for cut in 0..history.records.len() {
        let (before, after) = history.records.split_at(cut);
        let mut first = Lifecycle::new(JOURNAL, BTreeSet::new());
        let mut told: Vec<Event> = before.iter().filter_map(|record| first.event(record)).collect();
        let mut second = Lifecycle::new(JOURNAL, first.waiting().clone());
        told.extend(after.iter().filter_map(|record| second.event(record)));
        assert_eq!(told, whole, "cut at {cut}");
    }
}

#[test]
fn an_event_fits_every_sink_whatever_the_record_holds() {
    let mut history = History::of("factory");
    history.push(step_failed("a", &"\u{1}".repeat(1_000_000)));
    let steps = (0..10_000).map(|number| StepId::new(format!("step-{number}"))).collect();
    history.push(journal::Event::RunFailed { steps });
    for event in events(&history) {
        let size = serde_json::to_vec(&event).unwrap().len();
        assert!(size < 26_000, "{size}: ten of them fit 256 KB, with room for what goes around them");
    }
}
