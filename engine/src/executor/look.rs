//! The calls into a step, each with its context and bounded by its deadline; and what a gate asks.

use std::sync::atomic::Ordering;

use journal::{
    event::{FailureKind, Outcome, RunId, StepId},
    state::Provenance,
};
use serde_json::Value;
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    Executor,
    persevere::{Finish, Job, bounded},
    runtime::{Live, Notes, Writes},
};
use crate::{
    graph::AnyStep,
    report::Seen,
    retry::GATE_CLOSED,
    step::{self, Change, Context, Fit, Mark, Observation, Ownership},
};

impl<E: Sync + ?Sized> Executor<'_, E> {
    /// Looks at one step, without leave to write anything. What an operator accepted is no difference.
    pub(super) async fn look(
        &self,
        id: &StepId,
        step: &dyn AnyStep<E>,
        previous: Option<&Value>,
        deadline: Instant,
    ) -> Result<Observation<Value>, step::Error> {
        let notes = Notes::default();
        let live = self.live(RunId(Uuid::nil()), id, Writes::Nothing, deadline, &notes);
        let mark = self.mark(id);
        let cx = Context { previous, ..self.context(&mark, Uuid::nil(), &live) };
        let seen = bounded(step.observe(&cx), deadline, || false).await?;
        Ok(self.accept(id, step, seen))
    }

    /// What was accepted to differ, as long as the step wants the same document, counts as wanted.
    fn accept(&self, id: &StepId, step: &dyn AnyStep<E>, seen: Observation<Value>) -> Observation<Value> {
        let Observation::Present { ownership, fit: Fit::Differs(paths), output } = seen else { return seen };
        let document = || journal::Definitions::digest(&step.document());
        let accepted = self.recorder.state(|state| {
            let entry = state.deployment.steps.get(id).filter(|entry| !entry.accepted.is_empty());
            let entry = entry.filter(|entry| entry.document == document());
            entry.is_some_and(|entry| paths.iter().all(|path| entry.accepted.contains(path)))
        });
        let fit = if accepted { Fit::Exact } else { Fit::Differs(paths) };
        Observation::Present { ownership, fit, output }
    }

    fn live<'l>(
        &'l self,
        run: RunId,
        step: &'l StepId,
        writes: Writes,
        deadline: Instant,
        notes: &'l Notes,
    ) -> Live<'l> {
        let (recorder, sink, stop) = (&self.recorder, self.seams.progress, &self.stop);
        Live { recorder, sink, stop, run, step, writes, deadline, notes, writing: false.into() }
    }

    fn mark(&self, step: &StepId) -> Mark {
        let (deployment, journal) = (self.options.deployment.clone(), self.options.journal.clone());
        Mark { deployment, journal, step: step.to_string() }
    }

    fn context<'c>(&'c self, mark: &'c Mark, key: Uuid, live: &'c Live<'c>) -> Context<'c, E> {
        let (checkpoints, undo_checkpoints) = (Vec::new(), Vec::new());
        Context { env: self.seams.env, mark, key, checkpoints, undo_checkpoints, previous: None, runtime: live }
    }
}

impl<E: Sync + ?Sized> Job<'_, E> {
    pub(super) async fn look(
        &self,
        step: &dyn AnyStep<E>,
        previous: Option<&Value>,
    ) -> Result<Observation<Value>, step::Error> {
        self.run.executor.look(self.id, step, previous, self.deadline).await
    }

    /// Applies; checkpoints of an apply within a compensation are the compensation's.
    pub(super) async fn apply(
        &self,
        step: &dyn AnyStep<E>,
        key: Uuid,
        change: Change<'_>,
        writes: Writes,
    ) -> Result<Value, step::Error> {
        let notes = if writes == Writes::UndoCheckpoints { &self.undo_notes } else { &self.notes };
        let executor = self.run.executor;
        let live = executor.live(self.run.id, self.id, writes, self.deadline, notes);
        let mark = executor.mark(self.id);
        let cx = Context { checkpoints: notes.all(), previous: change.previous, ..executor.context(&mark, key, &live) };
        bounded(self.requests.of(step.apply(&cx, change)), self.deadline, || live.writing.load(Ordering::Relaxed)).await
    }

    /// Compensates, within a rollback or as a removal.
    pub(super) async fn compensate(&self, step: &dyn AnyStep<E>, key: Uuid, writes: Writes) -> Result<(), step::Error> {
        let rollback = writes == Writes::UndoCheckpoints;
        let notes = if rollback { &self.undo_notes } else { &self.notes };
        let executor = self.run.executor;
        let live = executor.live(self.run.id, self.id, writes, self.deadline, notes);
        let mark = executor.mark(self.id);
        let cx = Context {
            checkpoints: if rollback { self.notes.all() } else { Vec::new() },
            undo_checkpoints: notes.all(),
            ..executor.context(&mark, key, &live)
        };
        bounded(self.requests.of(step.compensate(&cx)), self.deadline, || live.writing.load(Ordering::Relaxed)).await
    }

    /// Observes everything that a gate asks for: all there, or what is missing.
    pub(super) async fn ask(&self, asks: &[usize]) -> Result<Finish, step::Error> {
        let mut missing = Vec::new();
        for &node in asks {
            // A gate that asks for a gate waits for it; there is nothing to observe.
            if self.run.graph.nodes()[node].asks().is_some() {
                continue;
            }
            let id = self.run.graph.nodes()[node].id();
            let step = self.run.build(node)?;
            let seen = self.run.executor.look(id, &*step, None, self.deadline).await?;
            if let Some(lack) = lack(&seen, self.held(id)) {
                missing.push(format!("{id} {lack}"));
            }
        }
        if missing.is_empty() { Ok(Finish::Step(Outcome::Passed, Value::Null)) } else { Err(self.closed(&missing)) }
    }

    /// Not yet, until the next wait would pass the deadline: then the gate stays closed.
    fn closed(&self, missing: &[String]) -> step::Error {
        let message = format!("find everything in place: {}", missing.join("; "));
        step::Error::failed(FailureKind::NotYet, message).with_code(GATE_CLOSED)
    }

    /// Whether the step holds something by the operator's word, whatever mark it carries.
    fn held(&self, id: &StepId) -> bool {
        let adopted = |provenance| provenance == Provenance::Adopted;
        self.run.outcome(id) == Some(Outcome::Adopted)
            || self.run.before.get(id).is_some_and(|deployed| adopted(deployed.provenance))
    }
}

/// What is wrong with what was seen; nothing when it may be relied on.
fn lack(seen: &Observation<Value>, held: bool) -> Option<String> {
    match saw(seen, held) {
        Seen::Exact => None,
        Seen::Absent => Some("is missing".into()),
        Seen::Differs(paths) => Some(format!("differs in {}", paths.join(", "))),
        Seen::Partial(what) => Some(format!("is unfinished: {what}")),
        Seen::NotOurs(owner) => Some(format!("belongs to {owner}")),
        Seen::Unknown(why) | Seen::Failed(why) => Some(why),
    }
}

/// An observation in the words of a report. `held` things are relied on whatever mark they carry.
pub(super) fn saw(seen: &Observation<Value>, held: bool) -> Seen {
    let Observation::Present { ownership, fit, .. } = seen else { return Seen::Absent };
    match (ownership, fit) {
        (Ownership::Theirs(owner), _) if !held => Seen::NotOurs(owner.clone()),
        (Ownership::Unmarked, _) if !held => Seen::NotOurs("nobody that we know: it carries no mark".into()),
        (_, Fit::Exact) => Seen::Exact,
        (_, Fit::Differs(paths)) => Seen::Differs(paths.clone()),
        (_, Fit::Partial(what)) => Seen::Partial(what.clone()),
    }
}
