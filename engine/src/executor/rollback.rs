//! Undoes a run, one step at a time, from the journal alone.

use std::collections::BTreeSet;

use journal::{
    event::{Event, RunId, StepId, Undo},
    state::{RunState, StepState},
};

use super::{Executor, context::Run, persevere::Given, tasks::ancestors, undo::undo_step};
use crate::{
    error::Error,
    report::{Ended, Report, StepFailure},
};

impl<E: Sync + ?Sized> Executor<'_, E> {
    /// Starts the rollback of the last run, or goes on with it.
    pub(super) async fn undo_run(
        &self,
        run: RunId,
        automatic: bool,
        skips: &[(StepId, String)],
    ) -> Result<Report, Error> {
        let state = self.last_run("roll back")?;
        skips.iter().try_for_each(|skip| skippable(&state, skip))?;
        let context = Run::new(self, &state)?;
        self.recorder.append(run, Event::RollbackStarted { automatic }).await?;
        for (step, reason) in skips {
            let (step, reason) = (step.clone(), reason.clone());
            self.recorder.append(run, Event::UndoSkipped { step, reason }).await?;
        }
        let skipped: BTreeSet<&StepId> = skips.iter().map(|(step, _)| step).collect();
        let order = undo_order(&state).into_iter().filter(|(id, _)| !skipped.contains(id));
        let mut held = Held::new(&context);
        let mut failures = Vec::new();
        for (id, step) in order {
            if held.holds(id) {
                continue;
            }
            if self.stop.requested() {
                return self.interrupt(run, true).await;
            }
            match undo_step(&context, id, step).await? {
                Given::Done => {}
                Given::Interrupted => return self.interrupt(run, true).await,
                Given::Failed(failure) => {
                    held.failed(id, expected_undo(step))?;
                    failures.push(failure);
                }
            }
        }
        self.undone(run, failures, held.kept).await
    }

    async fn undone(&self, run: RunId, failures: Vec<StepFailure>, held: Vec<StepId>) -> Result<Report, Error> {
        if failures.is_empty() {
            return self.end(run, Event::RollbackFinished, Ended::RolledBack { failures }).await;
        }
        let steps = failures.iter().map(|failure| failure.step.clone()).collect();
        self.end(run, Event::RollbackFailed { steps }, Ended::PartiallyRolledBack { failures, held }).await
    }
}

fn skippable(run: &RunState, (step, reason): &(StepId, String)) -> Result<(), Error> {
    let refuse = |why| Err(Error::Skip { step: step.clone(), why });
    match run.steps.get(step) {
        None => refuse("the run has no such step"),
        Some(state) if !state.needs_undo() => refuse("there is nothing to undo in it"),
        Some(_) if reason.trim().is_empty() => refuse("a reason is needed"),
        Some(_) => Ok(()),
    }
}

/// The steps to undo: those in doubt, newest intent first; then the others in reverse order of completion.
pub(super) fn undo_order(run: &RunState) -> Vec<(&StepId, &StepState)> {
    let mut order = run.in_doubt_newest_first();
    order.extend(run.completed_newest_first());
    order.retain(|(_, step)| step.needs_undo());
    order
}

/// What undoing a step sets out to do.
pub(super) fn expected_undo(step: &StepState) -> Undo {
    use crate::decide::{Done, undo};
    let intended = step.intent.as_ref().map(|intent| Done::InDoubt(intent.action));
    let done = step.outcome.map(Done::Completed).or(intended);
    done.map_or(Undo::Leave, |done| undo(done, step.before.is_some()))
}

/// Which steps must stay because a compensation failed.
struct Held<'r, E: ?Sized> {
    run: &'r Run<'r, E>,
    /// What failed steps stand on: it would be taken away under them.
    below: BTreeSet<StepId>,
    /// Steps that could not be brought back: what stood on them cannot be either.
    gone: BTreeSet<StepId>,
    kept: Vec<StepId>,
}

impl<'r, E: Sync + ?Sized> Held<'r, E> {
    fn new(run: &'r Run<'r, E>) -> Self {
        Self { run, below: BTreeSet::new(), gone: BTreeSet::new(), kept: Vec::new() }
    }

    fn failed(&mut self, id: &StepId, undo: Undo) -> Result<(), Error> {
        if let Some(node) = self.run.graph.index(id) {
            self.below.extend(ancestors(&self.run.graph, node));
        }
        self.below.extend(self.stood_on(id)?);
        if undo == Undo::Recreate {
            self.gone.insert(id.clone());
        }
        Ok(())
    }

    /// What the earlier deployment's step stood on.
    fn stood_on(&self, id: &StepId) -> Result<BTreeSet<StepId>, Error> {
        let Some(deployed) = self.run.before.get(id) else { return Ok(BTreeSet::new()) };
        let graph = self.run.earlier_graph(deployed)?;
        Ok(graph.index(id).map(|node| ancestors(&graph, node)).unwrap_or_default())
    }

    /// Whether a step must stay; remembers it if so.
    fn holds(&mut self, id: &StepId) -> bool {
        let stood_on_gone = || self.stood_on(id).is_ok_and(|below| !below.is_disjoint(&self.gone));
        let holds = self.below.contains(id) || !self.gone.is_empty() && stood_on_gone();
        if holds {
            self.kept.push(id.clone());
        }
        holds
    }
}
