//! A run that `twinctl serve` asks for: once for each occurrence, whatever died in between.

use journal::{Digest, RunKind, RunState, RunStatus, StreamState, Trigger};

use super::Course;
use crate::{exit::Exit, output::Output};

/// How the run for an occurrence begins. The lease is held, so nothing can come in between.
pub(super) fn course(state: &StreamState, definition: &Digest, trigger: &Trigger, replace: bool) -> Course {
    if let Some(run) = state.run_of(trigger).filter(|run| run.status.at_rest()) {
        return Course::Over(if run.status == RunStatus::Finished { Exit::Done } else { Exit::RolledBack });
    }
    match state.last_run().filter(|run| !run.status.at_rest()) {
        None => Course::Deploy,
        Some(run) if run.triggers.contains(trigger) => Course::Resume,
        Some(run) if replace && is_same(run, definition) => Course::Resume,
        Some(_) => Course::SettleFirst { roll_back: replace },
    }
}

/// Whether going on with a run leads to where a new one would.
fn is_same(run: &RunState, definition: &Digest) -> bool {
    run.status.resumable() && run.kind == RunKind::Deploy && run.definition == *definition
}

/// Says what is done about an earlier run.
pub(super) fn tell(course: Course, state: &StreamState, output: Output) {
    let Some(run) = state.last_run() else { return };
    let what = match course {
        Course::Deploy => return,
        Course::Resume => "going on with",
        Course::SettleFirst { roll_back: false } => "first going on with",
        Course::SettleFirst { roll_back: true } => "first rolling back",
        Course::Over(_) => "nothing is left to do of",
    };
    output.say(&format!("{what} run {}, which is {}", run.id, run.status));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chrono::{DateTime, Duration};
    use journal::{Actor, RunId};

    use super::*;

    fn trigger(number: i64) -> Trigger {
        Trigger { schedule: "nightly".into(), at: DateTime::UNIX_EPOCH + Duration::hours(number) }
    }

    fn state(status: RunStatus, triggers: Vec<Trigger>) -> StreamState {
        let run = RunState {
            id: RunId(uuid::Uuid::nil()),
            kind: RunKind::Deploy,
            definition: Digest("one".into()),
            previous: None,
            target: serde_json::Value::Null,
            adopt: false,
            triggers,
            status,
            started: DateTime::UNIX_EPOCH,
            ended: None,
            actor: Actor { user: "ann".into(), host: "host".into(), process: 1, version: "0".into(), ci: None },
            epoch: 0,
            steps: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        };
        StreamState { runs: vec![run], ..StreamState::default() }
    }

    #[test]
    fn an_occurrence_leads_to_one_run() {
        use RunStatus::{Failed, Finished, Interrupted, PartiallyRolledBack, RolledBack, Running};
        let (one, two) = (Digest("one".into()), Digest("two".into()));
        let (ours, others) = (vec![trigger(1)], vec![trigger(0)]);
        let first = |roll_back| Course::SettleFirst { roll_back };
        let table = [
            (state(Finished, others.clone()), &one, false, Course::Deploy),
            (state(Finished, ours.clone()), &one, false, Course::Over(Exit::Done)),
            (state(RolledBack, ours.clone()), &two, true, Course::Over(Exit::RolledBack)),
            (state(Running, ours.clone()), &two, false, Course::Resume),
            (state(PartiallyRolledBack, ours), &one, true, Course::Resume),
            (state(Interrupted, others.clone()), &one, false, first(false)),
            (state(Interrupted, others.clone()), &one, true, Course::Resume),
            (state(Interrupted, others.clone()), &two, true, first(true)),
            (state(Failed, Vec::new()), &two, false, first(false)),
            (state(PartiallyRolledBack, others), &one, true, first(true)),
            (StreamState::default(), &one, true, Course::Deploy),
        ];
        for (state, definition, replace, expected) in table {
            let run = state.last_run().map(|run| run.status);
            assert_eq!(course(&state, definition, &trigger(1), replace), expected, "{run:?}, replace {replace}");
        }
    }
}
