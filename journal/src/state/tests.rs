//! What the fold makes of histories, and what it rejects.

use serde_json::json;

use super::*;
use crate::event::{Action, Event, Outcome, RunKind, StepId, Undo};
use crate::scenario::*;

fn entry(it: &History, step: &str) -> Option<(Digest, serde_json::Value, Provenance)> {
    let deployed = it.state.deployment.steps.get(&StepId::new(step))?;
    Some((deployed.definition.clone(), deployed.output.clone(), deployed.provenance))
}

fn finish(it: &mut History) {
    it.push(Event::RunFinished);
}

fn roll_back(it: &mut History, undos: &[(&str, Undo)]) {
    it.push(Event::RollbackStarted { automatic: false });
    for (step, undo) in undos {
        it.undo(step, *undo);
    }
    it.push(Event::RollbackFinished);
}

/// One finished deployment: `a` created, `b` found, `c` adopted, a gate passed.
fn deployed() -> History {
    let mut it = History::new();
    it.start(RunKind::Deploy, "one").done("a", Outcome::Created).done("b", Outcome::Found);
    it.done("c", Outcome::Adopted).done("gate", Outcome::Passed);
    finish(&mut it);
    it
}

#[test]
fn a_finished_run_is_what_stands() {
    let it = deployed();
    assert_eq!(it.state.definition(), Some(&digest("one")));
    let out = |step: &str| json!({"run": 1, "step": step});
    assert_eq!(entry(&it, "a"), Some((digest("one"), out("a"), Provenance::Created)));
    assert_eq!(entry(&it, "b"), Some((digest("one"), out("b"), Provenance::Found)));
    assert_eq!(entry(&it, "c"), Some((digest("one"), out("c"), Provenance::Adopted)));
    assert_eq!(entry(&it, "gate"), None, "a gate leaves nothing in the cloud");
    let run = it.state.last_run().unwrap();
    assert_eq!(run.status, RunStatus::Finished);
    assert_eq!(run.ended, it.state.time);
    let order: Vec<_> = run.completed_newest_first().into_iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(order, ["gate", "c", "b", "a"]);
}

#[test]
fn a_rolled_back_first_run_leaves_nothing() {
    let mut it = deployed();
    roll_back(&mut it, &[("a", Undo::Delete)]);
    assert_eq!(it.state.deployment, Deployment::default());
    assert_eq!(it.state.last_run().unwrap().status, RunStatus::RolledBack);
}

#[test]
fn a_rolled_back_redeploy_leaves_what_stood_before() {
    let mut it = deployed();
    let before = it.state.deployment.clone();
    it.start(RunKind::Deploy, "two").done("a", Outcome::Updated).done("b", Outcome::Unchanged);
    it.done("d", Outcome::Created).done("c", Outcome::Left);
    finish(&mut it);
    assert_eq!(it.state.definition(), Some(&digest("two")));
    assert_eq!(entry(&it, "a").map(|it| (it.0, it.2)), Some((digest("two"), Provenance::Created)));
    assert_eq!(entry(&it, "b").map(|it| (it.0, it.2)), Some((digest("two"), Provenance::Found)));
    assert_eq!(entry(&it, "c"), None);
    roll_back(&mut it, &[("d", Undo::Delete), ("a", Undo::Restore)]);
    assert_eq!(it.state.deployment, before);
}

#[test]
fn a_rolled_back_destroy_brings_back_with_new_outputs() {
    let mut it = deployed();
    it.start(RunKind::Destroy, "one").done("c", Outcome::Left).done("b", Outcome::Left).done("a", Outcome::Deleted);
    finish(&mut it);
    assert_eq!(it.state.deployment, Deployment::default());
    it.push(Event::RollbackStarted { automatic: false }).push(undoing("a", Undo::Recreate));
    it.push(Event::UndoCompleted {
        step: StepId::new("a"),
        undo: Undo::Recreate,
        output: json!("new"),
        requests: Vec::new(),
    });
    it.push(Event::RollbackFinished);
    assert_eq!(it.state.definition(), Some(&digest("one")));
    assert_eq!(entry(&it, "a"), Some((digest("one"), json!("new"), Provenance::Created)));
    assert_eq!(entry(&it, "b").map(|it| it.2), Some(Provenance::Found));
    assert_eq!(entry(&it, "c").map(|it| it.2), Some(Provenance::Adopted));
}

#[test]
fn an_adopted_thing_stays_adopted_when_a_later_run_changes_it() {
    let mut it = deployed();
    it.start(RunKind::Deploy, "two").done("c", Outcome::Updated);
    assert_eq!(entry(&it, "c").map(|it| it.2), Some(Provenance::Adopted));
}

#[test]
fn a_skipped_compensation_leaves_the_thing_known() {
    let mut it = deployed();
    it.push(Event::RollbackStarted { automatic: false });
    it.push(Event::UndoSkipped { step: StepId::new("a"), reason: "kept".to_owned() }).push(Event::RollbackFinished);
    assert_eq!(it.state.definition(), None);
    assert_eq!(entry(&it, "a").map(|it| it.2), Some(Provenance::Created), "the next run must know it as ours");
    assert_eq!(it.state.deployment.steps.len(), 1);
}

#[test]
fn a_step_in_doubt_survives_failure_resume_and_a_look_that_finds_nothing() {
    let mut it = History::new();
    it.start(RunKind::Deploy, "one").begin("a").intend("a", Action::Create);
    it.push(Event::StepCheckpoint { step: StepId::new("a"), data: json!(1) }).push(failed("a"));
    it.push(Event::RunFailed { steps: vec![StepId::new("a")] }).push(Event::RunResumed { adopt: false, trigger: None });
    let step = |it: &History| it.state.last_run().unwrap().steps[&StepId::new("a")].clone();
    assert!(step(&it).in_doubt());
    it.begin("a");
    assert_eq!(step(&it).status, StepStatus::InDoubt, "a step in doubt is never merely started");
    it.intend("a", Action::Create);
    assert_eq!(step(&it).checkpoints, [json!(1)], "the same key goes on where it was");
    it.push(Event::RunInterrupted { reason: "SIGTERM".to_owned() });
    roll_back(&mut it, &[("a", Undo::Leave)]);
    assert_eq!(it.state.deployment, Deployment::default());
    assert!(!step(&it).in_doubt());
}

#[test]
fn only_the_last_run_keeps_its_steps() {
    let mut it = deployed();
    it.start(RunKind::Deploy, "two");
    let summary = &it.state.runs[0];
    assert!(summary.steps.is_empty() && summary.target.is_null());
    assert_eq!(summary.outcomes[&Outcome::Created], 1);
}

/// Every event that must not follow a history, with the reason.
#[test]
fn what_is_illegal_is_rejected_and_changes_nothing() {
    let a = || StepId::new("a");
    let running = |it: &mut History| {
        it.start(RunKind::Deploy, "one");
    };
    let begun = |it: &mut History| {
        it.start(RunKind::Deploy, "one").begin("a");
    };
    let in_doubt = |it: &mut History| {
        it.start(RunKind::Deploy, "one").begin("a").intend("a", Action::Create);
    };
    let failed_run = |it: &mut History| {
        it.start(RunKind::Deploy, "one").begin("a").intend("a", Action::Create).push(failed("a"));
        it.push(Event::RunFailed { steps: vec![StepId::new("a")] });
    };
    let rolling = |it: &mut History| {
        it.start(RunKind::Deploy, "one").done("a", Outcome::Created).push(Event::RollbackStarted { automatic: false });
    };
    let rolled_back = |it: &mut History| {
        it.start(RunKind::Deploy, "one").done("a", Outcome::Created);
        roll_back(it, &[("a", Undo::Delete)]);
    };
    let start = |previous: Option<Digest>| Event::RunStarted {
        kind: RunKind::Deploy,
        definition: digest("x"),
        previous,
        target: json!(null),
        adopt: false,
        trigger: None,
    };
    let skipped = |reason: &str| Event::UndoSkipped { step: StepId::new("a"), reason: reason.to_owned() };
    let completed =
        |outcome| Event::StepCompleted { step: StepId::new("a"), outcome, output: json!(null), requests: Vec::new() };
    let undone = || Event::UndoCompleted {
        step: StepId::new("a"),
        undo: Undo::Delete,
        output: json!(null),
        requests: Vec::new(),
    };
    type Prepare<'a> = &'a dyn Fn(&mut History);
    let cases: Vec<(Prepare<'_>, Event, &str)> = vec![
        (&|_| (), start(None), "it needs a run"),
        (&running, start(None), "has started before"),
        (&running, Event::RollbackFinished, "the run is running"),
        (&running, Event::RunFailed { steps: vec![] }, "it names no step that failed"),
        (&running, Event::RunFailed { steps: vec![a()] }, "step a has not failed"),
        (&running, intended("a", Action::Create), "step a has not started"),
        (&running, undoing("a", Undo::Delete), "the run is running"),
        (&begun, started("a"), "step a is started"),
        (&begun, Event::RunFinished, "step a is not completed"),
        (&begun, Event::StepCheckpoint { step: a(), data: json!(1) }, "step a is started"),
        (&begun, completed(Outcome::Created), "step a acted without an intent"),
        (&begun, completed(Outcome::Deleted), "step a acted without an intent"),
        (&begun, attempt_failed("a", 0), "attempt 0 of step a comes before it"),
        (&in_doubt, Event::RunFailed { steps: vec![a()] }, "step a is in flight"),
        (&in_doubt, started("a"), "step a is in doubt"),
        (&failed_run, completed(Outcome::Created), "the run is failed"),
        (&failed_run, Event::RunFinished, "the run is failed"),
        (&failed_run, Event::RunInterrupted { reason: "x".to_owned() }, "the run is failed"),
        (&rolling, Event::RollbackFinished, "step a is not undone"),
        (&rolling, started("b"), "the run is rolling back"),
        (&rolling, Event::RunResumed { adopt: false, trigger: None }, "the run is rolling back"),
        (&rolling, undone(), "step a is completed"),
        (&rolling, skipped("  "), "it gives no reason"),
        (&rolling, undoing("b", Undo::Delete), "step b has not started"),
        (&rolling, Event::RollbackFailed { steps: vec![a()] }, "step a has not failed to be undone"),
        (&rolled_back, Event::RollbackStarted { automatic: false }, "the run is rolled back"),
        (&rolled_back, Event::RunResumed { adopt: false, trigger: None }, "the run is rolled back"),
    ];
    for (prepare, event, reason) in cases {
        let mut it = History::new();
        prepare(&mut it);
        let before = it.state.clone();
        let error = it.try_push(event.clone()).expect_err(event.name());
        assert!(error.ends_with(reason), "{}: {error}", event.name());
        assert_eq!(it.state, before);
    }
}

#[test]
fn a_new_run_needs_the_last_one_at_rest_and_the_definition_that_stands() {
    let mut it = History::new();
    it.start(RunKind::Deploy, "one");
    let start = |previous| Event::RunStarted {
        kind: RunKind::Deploy,
        definition: digest("two"),
        previous,
        target: json!(null),
        adopt: false,
        trigger: None,
    };
    it.run = Some(run_id(99));
    assert!(it.try_push(start(None)).unwrap_err().ends_with("is running"));
    assert!(it.try_push(Event::RunFinished).unwrap_err().ends_with("is not the last run"));
    it.run = Some(run_id(0));
    finish(&mut it);
    it.run = Some(run_id(99));
    assert!(it.try_push(start(None)).unwrap_err().ends_with("is not the one that stands"));
    it.push(start(Some(digest("one"))));
}
