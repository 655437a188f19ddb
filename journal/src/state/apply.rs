//! The transitions: what each event needs, and what it changes.
//!
//! Checking comes first and changes nothing, so a rejected record leaves the state as it was.

use super::deployment::Deployed;
use super::run::{RunState, RunStatus};
use super::step::{Failed, Intent, StepState, StepStatus, UndoState};
use super::{Illegal, PrunedState, StreamState, schedule};
use crate::event::{Drift, DriftKind, Event, Outcome, SCHEDULES, StepId};
use crate::record::{Head, Record};

pub(super) type Verdict = Result<(), String>;

impl StreamState {
    /// Checks that `record` is legal as the next one and folds it in.
    ///
    /// # Errors
    /// [`Illegal`] when it is not; the state is then unchanged. Hashes are the reader's affair ([`crate::verify`]);
    /// the sequence number and the link to the head are checked here as well.
    pub fn apply(&mut self, record: &Record) -> Result<(), Illegal> {
        self.check(record).map_err(|reason| Illegal { seq: record.seq, event: record.event.name(), reason })?;
        self.fold(record);
        self.head = Some(Head { seq: record.seq, hash: record.hash.clone() });
        self.time = Some(record.time);
        Ok(())
    }

    fn check(&self, record: &Record) -> Verdict {
        let expected = self.head.as_ref().map_or(0, |head| head.seq + 1);
        demand(record.seq == expected, || format!("sequence number {expected} is due"))?;
        if let Some(head) = &self.head {
            demand(record.prev == head.hash, || "it does not follow the newest record".to_owned())?;
        }
        if record.event.schedule().is_some() || record.stream == SCHEDULES {
            return schedule::check(&self.schedules, record);
        }
        match &record.event {
            Event::Pruned { size, .. } => return self.check_pruned(record, *size),
            Event::NoDrift { .. } => return self.check_at_rest(record),
            Event::DriftFound { steps, .. } => {
                self.check_at_rest(record)?;
                return demand(!steps.is_empty(), || "it names nothing".to_owned());
            }
            Event::DriftAccepted { steps, .. } => {
                self.check_at_rest(record)?;
                return self.check_accepted(steps);
            }
            _ => {}
        }
        let id = record.run.ok_or("it needs a run")?;
        if let Event::RunStarted { trigger: Some(trigger), .. } | Event::RunResumed { trigger: Some(trigger), .. } =
            &record.event
        {
            let other = self.run_of(trigger).filter(|run| run.id != id);
            demand(other.is_none(), || format!("another run is for {} at {}", trigger.schedule, trigger.at))?;
        }
        if let Event::RunStarted { previous, .. } = &record.event {
            demand(self.run(id).is_none(), || format!("run {id} has started before"))?;
            if let Some(last) = self.last_run() {
                demand(last.status.at_rest(), || format!("run {} is {}", last.id, last.status))?;
            }
            return demand(previous == &self.deployment.definition, || {
                "the previous definition is not the one that stands".to_owned()
            });
        }
        let run = self.last_run().filter(|run| run.id == id).ok_or_else(|| format!("{id} is not the last run"))?;
        match record.event.step() {
            Some(step) => check_step(run, step, &record.event),
            None => check_run(run, &record.event),
        }
    }

    /// Checks what is recorded between runs.
    fn check_at_rest(&self, record: &Record) -> Verdict {
        demand(record.run.is_none(), || "it belongs to no run".to_owned())?;
        match self.last_run().filter(|last| !last.status.at_rest()) {
            Some(last) => Err(format!("run {} is {}", last.id, last.status)),
            None => Ok(()),
        }
    }

    fn check_accepted(&self, steps: &[Drift]) -> Verdict {
        demand(!steps.is_empty(), || "it names nothing".to_owned())?;
        let acceptable =
            |drift: &&Drift| drift.seen == DriftKind::Differs && self.deployment.steps.contains_key(&drift.step);
        match steps.iter().find(|drift| !acceptable(drift)) {
            Some(drift) => Err(format!("step {} does not stand and differ", drift.step)),
            None => Ok(()),
        }
    }

    fn check_pruned(&self, record: &Record, size: u64) -> Verdict {
        self.check_at_rest(record)?;
        demand(size <= record.seq, || "it speaks of records that come later".to_owned())?;
        demand(self.pruned.as_ref().is_none_or(|earlier| earlier.size < size), || {
            "as many were pruned before".to_owned()
        })
    }

    fn fold(&mut self, record: &Record) {
        if record.event.schedule().is_some() {
            return schedule::fold(&mut self.schedules, record);
        }
        if let Event::Pruned { size, root, state, .. } = &record.event {
            self.pruned = Some(PrunedState { size: *size, root: *root, state: state.clone() });
            return;
        }
        if let Event::DriftAccepted { steps, .. } = &record.event {
            return self.deployment.accept(steps);
        }
        if matches!(record.event, Event::NoDrift { .. } | Event::DriftFound { .. }) {
            return;
        }
        if let Event::RunStarted { .. } = record.event {
            return self.start_run(record);
        }
        let Some(run) = self.runs.last_mut() else { return };
        let epoch = run.epoch;
        match record.event.step() {
            None => fold_run(run, record),
            Some(id) => {
                let before = self.deployment.steps.get(id);
                let step = run
                    .steps
                    .entry(id.clone())
                    .or_insert_with(|| StepState::started(crate::event::Digest(String::new()), before.cloned(), epoch));
                fold_step(step, record);
                step.epoch = epoch;
            }
        }
        self.fold_deployment(record);
    }

    fn start_run(&mut self, record: &Record) {
        let Event::RunStarted { kind, definition, previous, target, adopt, trigger } = &record.event else { return };
        let Some(id) = record.run else { return };
        if let Some(last) = self.runs.last_mut() {
            last.summarise();
        }
        self.runs.push(RunState {
            id,
            kind: *kind,
            definition: definition.clone(),
            previous: previous.clone(),
            target: target.clone(),
            adopt: *adopt,
            triggers: trigger.iter().cloned().collect(),
            status: RunStatus::Running,
            started: record.time,
            ended: None,
            actor: record.actor.clone(),
            epoch: 0,
            steps: std::collections::BTreeMap::new(),
            outcomes: std::collections::BTreeMap::new(),
        });
    }

    /// Keeps the deployment in step with the run that was just folded.
    fn fold_deployment(&mut self, record: &Record) {
        let Some(run) = self.runs.last_mut() else { return };
        let deployment = &mut self.deployment;
        let mut put = |id: &StepId, entry: Option<Deployed>| match entry {
            Some(entry) => drop(deployment.steps.insert(id.clone(), entry)),
            None => drop(deployment.steps.remove(id)),
        };
        match &record.event {
            Event::StepCompleted { step: id, outcome, output, .. } => {
                *run.outcomes.entry(*outcome).or_default() += 1;
                let Some(step) = run.steps.get(id) else { return };
                put(id, Deployed::after(*outcome, step.before.as_ref(), (&run.definition, &step.document, output)));
            }
            Event::UndoCompleted { step: id, undo, output, .. } => {
                let Some(step) = run.steps.get(id) else { return };
                put(id, Deployed::after_undo(*undo, step.outcome, step.before.clone(), output));
            }
            Event::RollbackFinished => {
                let untouched = run.steps.iter().filter(|(_, step)| step.status == StepStatus::Completed);
                for (id, step) in untouched {
                    put(id, step.before.clone());
                }
                deployment.definition.clone_from(&run.previous);
            }
            Event::RunFinished => {
                deployment.definition = match run.kind {
                    crate::event::RunKind::Deploy => Some(run.definition.clone()),
                    crate::event::RunKind::Destroy => None,
                };
            }
            _ => {}
        }
    }
}

pub(super) fn demand(holds: bool, otherwise: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(otherwise()) }
}

fn check_run(run: &RunState, event: &Event) -> Verdict {
    use RunStatus::{Failed, Interrupted, RollingBack, Running};
    let status = run.status;
    let from = |allowed: bool| demand(allowed, || format!("the run is {status}"));
    match event {
        Event::RunResumed { .. } => from(matches!(status, Running | Interrupted | Failed)),
        Event::RunInterrupted { .. } => from(matches!(status, Running | RollingBack)),
        Event::RunFailed { steps } => {
            from(status == Running)?;
            none_in_flight(run)?;
            all_are(run, steps, StepStatus::Failed, "failed")
        }
        Event::RunFinished => {
            from(status == Running)?;
            match run.steps.iter().find(|(_, step)| step.status != StepStatus::Completed) {
                Some((id, _)) => Err(format!("step {id} is not completed")),
                None => Ok(()),
            }
        }
        Event::RollbackStarted { .. } => from(status.revertible()),
        Event::RollbackFinished => {
            from(status == RollingBack)?;
            match run.steps.iter().find(|(_, step)| step.needs_undo()) {
                Some((id, _)) => Err(format!("step {id} is not undone")),
                None => Ok(()),
            }
        }
        Event::RollbackFailed { steps } => {
            from(status == RollingBack)?;
            none_in_flight(run)?;
            all_are(run, steps, StepStatus::UndoFailed, "failed to be undone")
        }
        _ => Ok(()),
    }
}

/// In flight is what moved in this epoch and has not come to an end; what an earlier process left is in doubt only.
fn none_in_flight(run: &RunState) -> Verdict {
    let in_flight = |step: &StepState| {
        let open = match run.status {
            RunStatus::RollingBack => step.status == StepStatus::Undoing,
            _ => matches!(step.status, StepStatus::Started | StepStatus::InDoubt),
        };
        open && step.epoch == run.epoch
    };
    match run.steps.iter().find(|(_, step)| in_flight(step)) {
        Some((id, _)) => Err(format!("step {id} is in flight")),
        None => Ok(()),
    }
}

fn all_are(run: &RunState, steps: &[StepId], status: StepStatus, word: &str) -> Verdict {
    demand(!steps.is_empty(), || format!("it names no step that {word}"))?;
    match steps.iter().find(|id| run.steps.get(*id).is_none_or(|step| step.status != status)) {
        Some(id) => Err(format!("step {id} has not {word}")),
        None => Ok(()),
    }
}

fn check_step(run: &RunState, id: &StepId, event: &Event) -> Verdict {
    use StepStatus::{Completed, Failed, InDoubt, Started, UndoFailed, Undoing};
    let compensating = matches!(
        event,
        Event::UndoIntended { .. }
            | Event::UndoCheckpoint { .. }
            | Event::UndoAttemptFailed { .. }
            | Event::UndoCompleted { .. }
            | Event::UndoFailed { .. }
            | Event::UndoSkipped { .. }
    );
    let needed = if compensating { RunStatus::RollingBack } else { RunStatus::Running };
    demand(run.status == needed, || format!("the run is {}", run.status))?;
    let Some(step) = run.steps.get(id) else {
        return demand(matches!(event, Event::StepStarted { .. }), || format!("step {id} has not started"));
    };
    // A step that an earlier process left open may be taken up again by the event that opens it.
    let left_open = step.epoch < run.epoch;
    let from = |allowed: bool| demand(allowed, || format!("step {id} is {}", step.status));
    match event {
        Event::StepStarted { .. } => from(step.status == Failed || left_open && open(step.status)),
        Event::StepIntended { .. } => from(open(step.status)),
        Event::StepCheckpoint { .. } => from(step.status == InDoubt),
        Event::StepAttemptFailed { attempt, .. } => {
            from(open(step.status))?;
            demand(*attempt > step.attempts, || format!("attempt {} of step {id} comes before it", step.attempts))
        }
        Event::StepCompleted { outcome, .. } => {
            from(open(step.status))?;
            let acted = matches!(outcome, Outcome::Created | Outcome::Updated | Outcome::Deleted);
            demand(!acted || step.intent.is_some(), || format!("step {id} acted without an intent"))
        }
        Event::StepFailed { .. } => from(open(step.status)),
        Event::UndoIntended { .. } => from(
            matches!(step.status, Started | Completed | InDoubt | Failed | UndoFailed)
                || left_open && step.status == Undoing,
        ),
        Event::UndoAttemptFailed { attempt, .. } => {
            from(step.status == Undoing)?;
            let last = step.undo.as_ref().map_or(0, |undo| undo.attempts);
            demand(*attempt > last, || format!("attempt {last} to undo step {id} comes before it"))
        }
        Event::UndoCheckpoint { .. } | Event::UndoCompleted { .. } | Event::UndoFailed { .. } => {
            from(step.status == Undoing)
        }
        Event::UndoSkipped { reason, .. } => {
            from(
                matches!(step.status, Started | Completed | InDoubt | Failed | UndoFailed)
                    || left_open && step.status == Undoing,
            )?;
            demand(!reason.trim().is_empty(), || "it gives no reason".to_owned())
        }
        _ => Ok(()),
    }
}

fn open(status: StepStatus) -> bool {
    matches!(status, StepStatus::Started | StepStatus::InDoubt)
}

fn fold_run(run: &mut RunState, record: &Record) {
    use RunStatus::{Failed, Finished, Interrupted, PartiallyRolledBack, RolledBack, RollingBack, Running};
    run.status = match &record.event {
        Event::RunResumed { adopt, trigger } => {
            run.adopt |= adopt;
            run.epoch += 1;
            if let Some(trigger) = trigger.as_ref().filter(|trigger| !run.triggers.contains(trigger)) {
                run.triggers.push(trigger.clone());
            }
            Running
        }
        Event::RunInterrupted { .. } if run.status == RollingBack => RunStatus::RollbackInterrupted,
        Event::RunInterrupted { .. } => Interrupted,
        Event::RunFailed { .. } => Failed,
        Event::RunFinished => Finished,
        Event::RollbackStarted { .. } => {
            run.epoch += 1;
            run.steps.values_mut().filter_map(|step| step.undo.as_mut()).for_each(|undo| undo.attempts = 0);
            RollingBack
        }
        Event::RollbackFinished => RolledBack,
        Event::RollbackFailed { .. } => PartiallyRolledBack,
        _ => run.status,
    };
    let moving = matches!(run.status, Running | RollingBack);
    run.ended = (!moving).then_some(record.time);
}

fn fold_step(step: &mut StepState, record: &Record) {
    match &record.event {
        Event::StepStarted { document, .. } => {
            step.status = if step.in_doubt() { StepStatus::InDoubt } else { StepStatus::Started };
            step.document = document.clone();
        }
        Event::StepIntended { action, key, .. } => {
            if step.intent.as_ref().is_some_and(|intent| intent.key != *key) {
                step.checkpoints.clear();
            }
            step.intent = Some(Intent { action: *action, key: *key, seq: record.seq });
            step.status = StepStatus::InDoubt;
        }
        Event::StepCheckpoint { data, .. } => step.checkpoints.push(data.clone()),
        Event::StepAttemptFailed { attempt, .. } => step.attempts = *attempt,
        Event::StepCompleted { outcome, output, .. } => {
            step.status = StepStatus::Completed;
            step.outcome = Some(*outcome);
            step.output = output.clone();
            step.completed_at = Some(record.seq);
            step.failure = None;
        }
        Event::StepFailed { kind, code, message, .. } => {
            step.status = StepStatus::Failed;
            step.failure = Some(Failed { kind: *kind, code: code.clone(), message: message.clone() });
        }
        _ => fold_undo(step, &record.event),
    }
}

fn fold_undo(step: &mut StepState, event: &Event) {
    match event {
        Event::UndoIntended { undo, key, .. } => {
            let earlier = step.undo.take().filter(|earlier| earlier.key == *key);
            let (checkpoints, attempts) = earlier.map_or_else(Default::default, |it| (it.checkpoints, it.attempts));
            let output = serde_json::Value::Null;
            step.undo = Some(UndoState { undo: *undo, key: *key, checkpoints, attempts, output });
            step.status = StepStatus::Undoing;
        }
        Event::UndoFailed { kind, code, message, .. } => {
            step.status = StepStatus::UndoFailed;
            step.failure = Some(Failed { kind: *kind, code: code.clone(), message: message.clone() });
        }
        Event::UndoSkipped { reason, .. } => {
            step.status = StepStatus::Skipped;
            step.skipped = Some(reason.clone());
        }
        _ => fold_undo_progress(step, event),
    }
}

fn fold_undo_progress(step: &mut StepState, event: &Event) {
    let Some(state) = step.undo.as_mut() else { return };
    match event {
        Event::UndoCheckpoint { data, .. } => state.checkpoints.push(data.clone()),
        Event::UndoAttemptFailed { attempt, .. } => state.attempts = *attempt,
        Event::UndoCompleted { undo, output, .. } => {
            *state = UndoState { undo: *undo, output: output.clone(), ..state.clone() };
            step.status = StepStatus::Undone;
            step.failure = None;
        }
        _ => {}
    }
}
