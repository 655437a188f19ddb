//! Runs and records as people read them.

use std::collections::BTreeMap;

use journal::{Digest, Event, Outcome, Record, RunId, RunKind, RunState, StepId, Trigger};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    table::table,
    time::{between, duration, moment},
};

/// The runs, oldest first.
pub(crate) fn runs(runs: &[RunState]) -> String {
    let rows: Vec<[String; 8]> = runs.iter().map(run_row).collect();
    table(["run", "started", "took", "kind", "definition", "status", "by", "steps"], &rows)
}

/// The same as data.
pub(crate) fn runs_data(runs: &[RunState]) -> Value {
    let data = |run: &RunState| {
        json!({
            "run": run.id,
            "kind": run.kind,
            "definition": run.definition,
            "previous": run.previous,
            "status": run.status,
            "started": run.started,
            "ended": run.ended,
            "actor": run.actor,
            "triggers": run.triggers,
            "outcomes": run.outcomes,
        })
    };
    runs.iter().map(data).collect()
}

/// One record on one line.
pub(crate) fn record(record: &Record) -> String {
    let about = record.event.step().map(StepId::as_str).or_else(|| record.event.schedule());
    let step = about.map(|about| format!(" {about}")).unwrap_or_default();
    let line =
        format!("{:>6}  {}  {}{step}{}", record.seq, moment(record.time), record.event.name(), detail(&record.event));
    let who = match &record.event {
        // Only where somebody decided something does it matter who did.
        Event::RunStarted { .. }
        | Event::RunResumed { .. }
        | Event::RollbackStarted { .. }
        | Event::UndoSkipped { .. }
        | Event::Pruned { .. }
        | Event::NoDrift { .. }
        | Event::DriftFound { .. }
        | Event::DriftAccepted { .. }
        | Event::ScheduleAdded { .. }
        | Event::ScheduleChanged { .. }
        | Event::ScheduleRemoved { .. }
        | Event::ScheduleDue { manual: true, .. } => {
            let actor = &record.actor;
            let ci = actor.ci.as_ref().map(|run| format!(", CI run {run}")).unwrap_or_default();
            format!(" by {}@{}, process {}, twinctl {}{ci}", actor.user, actor.host, actor.process, actor.version)
        }
        _ => String::new(),
    };
    line + &who
}

/// The beginning of a run's id: its time to the millisecond, enough to name it.
pub(crate) fn short_run(run: RunId) -> String {
    run.to_string().chars().take(13).collect()
}

/// The beginning of a digest, enough to tell two apart.
pub(crate) fn short(digest: &Digest) -> String {
    digest.0.chars().take(12).collect()
}

/// `31 created, 2 found`.
pub(crate) fn outcomes<W: Serialize, N: std::fmt::Display>(outcomes: &BTreeMap<W, N>) -> String {
    let parts: Vec<String> = outcomes.iter().map(|(outcome, count)| format!("{count} {}", word(outcome))).collect();
    parts.join(", ")
}

/// The word that the journal writes for a value of an enum.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}

fn run_row(run: &RunState) -> [String; 8] {
    let took = run.ended.map(|ended| duration(between(run.started, ended))).unwrap_or_default();
    let kind = match run.kind {
        RunKind::Deploy => "deploy",
        RunKind::Destroy => "destroy",
    };
    [
        short_run(run.id),
        moment(run.started),
        took,
        kind.to_owned(),
        short(&run.definition),
        run.status.to_string(),
        format!("{}@{}", run.actor.user, run.actor.host),
        outcomes::<Outcome, u32>(&run.outcomes),
    ]
}

fn drifts(steps: &[journal::event::Drift]) -> String {
    let one =
        |drift: &journal::event::Drift| format!("{} {} {}", drift.step, word(&drift.seen), drift.paths.join(", "));
    steps.iter().map(|drift| one(drift).trim_end().to_owned()).collect::<Vec<_>>().join("; ")
}

/// What an event says beyond its name and step.
fn detail(event: &Event) -> String {
    match event {
        Event::RunStarted { kind, definition, trigger, .. } => {
            format!(" {} of definition {}{}", word(kind), short(definition), asked(trigger.as_ref()))
        }
        Event::RunResumed { adopt, trigger } => {
            format!("{}{}", if *adopt { " adopting" } else { "" }, asked(trigger.as_ref()))
        }
        Event::RunInterrupted { reason } => format!(": {reason}"),
        Event::RunFailed { steps } | Event::RollbackFailed { steps } => {
            let steps: Vec<&str> = steps.iter().map(journal::StepId::as_str).collect();
            format!(": {}", steps.join(", "))
        }
        Event::RollbackStarted { automatic: true } => " by itself".into(),
        Event::StepIntended { action, .. } => format!(" {}", word(action)),
        Event::StepCompleted { outcome, .. } => format!(" {}", word(outcome)),
        Event::StepAttemptFailed { attempt, kind, message, .. }
        | Event::UndoAttemptFailed { attempt, kind, message, .. } => {
            format!(" attempt {attempt}, {}: {message}", word(kind))
        }
        Event::StepFailed { code, message, .. } | Event::UndoFailed { code, message, .. } => {
            let code = code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
            format!("{code}: {message}")
        }
        Event::UndoIntended { undo, .. } | Event::UndoCompleted { undo, .. } => format!(" {}", word(undo)),
        Event::StepCheckpoint { data, .. } | Event::UndoCheckpoint { data, .. } => format!(" {data}"),
        Event::UndoSkipped { reason, .. } => format!(" because: {reason}"),
        Event::Pruned { size, export, .. } => {
            format!(": {size} records left in all, exported with the SHA-256 {}", short(export))
        }
        Event::NoDrift { unseen, .. } if unseen.is_empty() => String::new(),
        Event::NoDrift { unseen, .. } => format!(", though {} steps could not be looked at", unseen.len()),
        Event::DriftFound { steps, .. } => format!(": {}", drifts(steps)),
        Event::DriftAccepted { steps, reason } => {
            let reason = reason.as_ref().map(|reason| format!(" because: {reason}")).unwrap_or_default();
            format!(": {}{reason}", drifts(steps))
        }
        Event::ScheduleAdded { spec, .. } => {
            format!(" {} of {} at {} {}", word(&spec.kind), spec.project, spec.cron, spec.timezone)
        }
        Event::ScheduleChanged { paused, .. } => if *paused { " paused" } else { " active again" }.into(),
        Event::ScheduleDue { at, manual, .. } => format!(" {}{}", moment(*at), if *manual { " by hand" } else { "" }),
        Event::ScheduleSkipped { at, until, times, reason, .. } => {
            let until = until.map(|until| format!(" to {}, {times} times", moment(until))).unwrap_or_default();
            format!(" {}{until}: {reason}", moment(*at))
        }
        Event::ScheduleEnded { at, outcome, run, .. } => {
            let run = run.map(|run| format!(", run {}", short_run(run))).unwrap_or_default();
            format!(" {} {outcome}{run}", moment(*at))
        }
        Event::StepStarted { .. }
        | Event::ScheduleRemoved { .. }
        | Event::RunFinished
        | Event::RollbackStarted { .. }
        | Event::RollbackFinished => String::new(),
    }
}

/// The occurrence of a schedule that asked for it.
fn asked(trigger: Option<&Trigger>) -> String {
    trigger.map(|trigger| format!(" for {} {}", trigger.schedule, moment(trigger.at))).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use journal::Actor;

    use super::*;

    fn of(event: Event) -> Record {
        Record {
            v: 1,
            stream: "factory".into(),
            seq: 7,
            time: DateTime::UNIX_EPOCH,
            actor: Actor {
                user: "ann".into(),
                host: "host".into(),
                process: 1,
                version: "0.1.0".into(),
                ci: Some("https://ci/1".into()),
            },
            run: None,
            event,
            prev: Digest("0".into()),
            hash: Digest("1".into()),
        }
    }

    #[test]
    fn a_skip_names_who_and_why() {
        let line = record(&of(Event::UndoSkipped { step: StepId::new("l1/hub"), reason: "it is needed".into() }));
        assert_eq!(
            line,
            "     7  1970-01-01T00:00:00Z  undo-skipped l1/hub because: it is needed by ann@host, process 1, \
             twinctl 0.1.0, CI run https://ci/1"
        );
    }

    #[test]
    fn a_failure_shows_its_code() {
        let failed = Event::StepFailed {
            step: StepId::new("l1/hub"),
            kind: journal::FailureKind::Conflict,
            code: Some("not-ours".into()),
            message: "it carries no mark".into(),
        };
        assert!(record(&of(failed)).ends_with("step-failed l1/hub [not-ours]: it carries no mark"));
    }
}
