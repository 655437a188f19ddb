//! How a run ended and what to do next; also as data.

use std::time::Duration;

use engine::report::{Counts, Ended, Report, StepFailure};
use journal::{RunKind, event::StepId};
use serde_json::{Value, json};

use super::{journal::outcomes, time::duration};
use crate::{codes, exit::Exit, failure::Failure};

/// A run that has ended, with what its report does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Summary<'a> {
    /// How it ended.
    pub(crate) report: &'a Report,
    /// What it was for.
    pub(crate) kind: RunKind,
    /// Whether a rollback was asked for.
    pub(crate) rollback: bool,
    /// The time that this command took.
    pub(crate) took: Duration,
}

impl Summary<'_> {
    /// The exit code that tells it.
    pub(crate) fn exit(&self) -> Exit {
        match &self.report.ended {
            Ended::Finished => Exit::Done,
            Ended::Interrupted { .. } => Exit::Interrupted,
            Ended::Failed { .. } => Exit::Failed,
            Ended::RolledBack { .. } if self.rollback => Exit::Done,
            Ended::RolledBack { .. } => Exit::RolledBack,
            Ended::PartiallyRolledBack { .. } => Exit::PartiallyRolledBack,
        }
    }

    /// It as people read it, without the errors.
    pub(crate) fn text(&self) -> String {
        let next: Vec<String> = self.next().iter().map(|next| format!("next: {next}\n")).collect();
        format!("{} in {}{}\n{}", self.result(), duration(self.took), self.counted(), next.concat())
    }

    /// It as data.
    pub(crate) fn data(&self) -> Value {
        let (failures, held) = self.failures();
        let failures: Vec<Value> = failures.iter().map(failure_data).collect();
        json!({
            "run": self.report.run,
            "kind": self.kind,
            "result": self.word(),
            "exit": self.exit().code(),
            "outcomes": self.report.counts.outcomes,
            "undone": self.report.counts.undone,
            "failures": failures,
            "held": held,
            "seconds": self.took.as_secs_f64(),
            "next": self.next(),
        })
    }

    /// One failure for each step that failed, ready to be shown.
    pub(crate) fn errors(&self) -> Vec<Failure> {
        let undoing = matches!(self.report.ended, Ended::PartiallyRolledBack { .. });
        let (failures, _) = self.failures();
        failures.iter().map(|failure| step_failure(failure, undoing, self.exit())).collect()
    }

    fn failures(&self) -> (&[StepFailure], &[StepId]) {
        match &self.report.ended {
            Ended::Failed { failures } | Ended::RolledBack { failures } => (failures, &[]),
            Ended::PartiallyRolledBack { failures, held } => (failures, held),
            Ended::Finished | Ended::Interrupted { .. } => (&[], &[]),
        }
    }

    /// The state that the run is in, as one word for scripts.
    fn word(&self) -> &'static str {
        match &self.report.ended {
            Ended::Finished => "finished",
            Ended::Interrupted { rolling_back: false } => "interrupted",
            Ended::Interrupted { rolling_back: true } => "rollback-interrupted",
            Ended::Failed { .. } => "failed",
            Ended::RolledBack { .. } => "rolled-back",
            Ended::PartiallyRolledBack { .. } => "partially-rolled-back",
        }
    }

    fn result(&self) -> &'static str {
        match (&self.report.ended, self.kind) {
            (Ended::Finished, RunKind::Deploy) if self.changed_nothing() => "nothing to do: everything is as wanted",
            (Ended::Finished, RunKind::Deploy) => "deployed",
            (Ended::Finished, RunKind::Destroy) => "destroyed",
            (Ended::Interrupted { rolling_back: false }, _) => "interrupted",
            (Ended::Interrupted { rolling_back: true }, _) => "rollback interrupted",
            (Ended::Failed { .. }, _) => "failed",
            (Ended::RolledBack { .. }, _) => "rolled back",
            (Ended::PartiallyRolledBack { .. }, _) => "partially rolled back",
        }
    }

    fn changed_nothing(&self) -> bool {
        let idle = ["unchanged", "found", "passed", "left"];
        self.report.counts.outcomes.keys().all(|outcome| idle.contains(&outcome.as_str()))
    }

    /// `: 31 created, 2 found`; of a rollback only what it did itself.
    fn counted(&self) -> String {
        let Counts { outcomes: done, undone } = &self.report.counts;
        let undoes = matches!(self.report.ended, Ended::RolledBack { .. } | Ended::PartiallyRolledBack { .. });
        if !undoes {
            return if done.is_empty() { String::new() } else { format!(": {}", outcomes(done)) };
        }
        let parts: Vec<String> = undone.iter().map(|(undo, count)| format!("{count} {}", past(undo))).collect();
        if parts.is_empty() { ": the run had changed nothing".to_owned() } else { format!(": {}", parts.join(", ")) }
    }

    fn next(&self) -> Vec<&'static str> {
        match (&self.report.ended, self.kind) {
            (Ended::Finished, RunKind::Deploy) => vec!["`twinctl status` shows what stands"],
            (Ended::Finished, RunKind::Destroy) => vec!["`twinctl run` deploys again"],
            (Ended::Interrupted { rolling_back: false }, _) => {
                vec!["`twinctl resume` goes on", "`twinctl rollback` undoes what was done"]
            }
            (Ended::Interrupted { rolling_back: true }, _) => vec!["`twinctl rollback` goes on"],
            (Ended::Failed { .. }, _) => {
                vec!["`twinctl resume` once the cause is gone", "`twinctl rollback` undoes what was done"]
            }
            (Ended::RolledBack { .. }, _) if self.rollback && self.report.counts.undone.is_empty() => {
                vec!["`twinctl status` shows what stands", "`twinctl destroy` takes the whole deployment away"]
            }
            (Ended::RolledBack { .. }, _) if self.rollback => {
                vec!["`twinctl status` shows what stands", "`twinctl run` deploys again"]
            }
            (Ended::RolledBack { .. }, _) => vec!["`twinctl run` once the cause is gone"],
            (Ended::PartiallyRolledBack { .. }, _) => vec![
                "`twinctl rollback` once the cause is gone",
                "`twinctl rollback --skip STEP --reason TEXT` leaves a step as it is",
            ],
        }
    }
}

/// What a compensation did, as a verb of the past.
pub(crate) fn past(undo: &str) -> &str {
    match undo {
        "leave" => "left",
        "delete" => "deleted",
        "restore" => "restored",
        "recreate" => "recreated",
        other => other,
    }
}

fn failure_data(failure: &StepFailure) -> Value {
    json!({ "step": failure.step, "kind": failure.kind, "code": failure.code, "message": failure.message })
}

fn step_failure(failure: &StepFailure, undoing: bool, exit: Exit) -> Failure {
    let tried = if undoing { "undo" } else { "complete" };
    let shown = Failure::new(exit, format!("{tried} step {}", failure.step)).because(&failure.message);
    match &failure.code {
        // A cloud's own code is part of the message already; only ours have a page.
        Some(code) if codes::hint(code).is_some() => shown.code(code),
        _ => shown,
    }
}

#[cfg(test)]
mod tests {
    use journal::{FailureKind, event::RunId};

    use super::*;

    fn report(ended: Ended, outcomes: &[(&str, usize)]) -> Report {
        let outcomes = outcomes.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect();
        Report { run: RunId(uuid::Uuid::nil()), ended, counts: Counts { outcomes, ..Counts::default() } }
    }

    fn summary(report: &Report, rollback: bool) -> Summary<'_> {
        Summary { report, kind: RunKind::Deploy, rollback, took: Duration::from_millis(1500) }
    }

    fn failed(code: &str) -> StepFailure {
        StepFailure {
            step: StepId::new("l1/hub"),
            kind: FailureKind::Conflict,
            code: Some(code.into()),
            message: "it carries no mark".into(),
        }
    }

    #[test]
    fn a_run_that_changed_nothing_says_so() {
        let idle = report(Ended::Finished, &[("passed", 2), ("unchanged", 31)]);
        assert_eq!(
            summary(&idle, false).text(),
            "nothing to do: everything is as wanted in 1.5s: 2 passed, 31 unchanged\nnext: `twinctl status` shows what stands\n"
        );
        let busy = report(Ended::Finished, &[("created", 1), ("unchanged", 31)]);
        assert!(summary(&busy, false).text().starts_with("deployed in 1.5s: 1 created, 31 unchanged\n"));
    }

    #[test]
    fn a_rollback_that_was_asked_for_is_done_and_one_that_was_not_has_its_code() {
        let undone = report(Ended::RolledBack { failures: vec![] }, &[]);
        assert_eq!(summary(&undone, true).exit(), Exit::Done);
        assert_eq!(summary(&undone, false).exit(), Exit::RolledBack);
    }

    #[test]
    fn failures_carry_the_hints_of_our_codes_only() {
        let report = report(Ended::Failed { failures: vec![failed("not-ours"), failed("QuotaExceeded")] }, &[]);
        let errors = summary(&report, false).errors();
        assert_eq!(errors[0].code.as_deref(), Some("not-ours"));
        assert!(errors[0].hint.as_ref().unwrap().contains("--adopt"));
        assert_eq!((errors[1].code.as_deref(), errors[1].exit), (None, Exit::Failed));
    }
}
