//! One task, and one attempt at it: look, decide, journal the intent, act.

use journal::event::{Action, Event, FailureKind, Outcome, StepId, Undo};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    context::Run,
    persevere::{Finish, Given, Job, Work, give_up},
    runtime::{Notes, Writes},
    tasks::{Kind, Task},
};
use crate::{
    decide::{self, Decision, Known, Removal, Undoing},
    error::Error,
    graph::AnyStep,
    progress::Progress,
    retry::NOT_OURS,
    step::{self, Change, Observation, Policy},
};

/// Does one task: puts its start on record and perseveres.
pub(super) async fn advance<E: Sync + ?Sized>(run: &Run<'_, E>, task: &Task) -> Result<Given, Error> {
    let (work, policy) = match prepare(run, task) {
        Ok(prepared) => prepared,
        Err(error) => return unbuildable(run, task, error).await,
    };
    let document = match &work {
        Work::Step { step, .. } | Work::Remove { step } | Work::Undo { step, .. } => step.document(),
        Work::Gate { asks } => gate_document(run, asks),
    };
    start(run, task, &document).await?;
    let mut job = Job::new(run, &task.id, &task.layer, work, policy);
    if let Some(carried) = run.carried.get(&task.id) {
        job.attempts = carried.attempts;
        job.intent = carried.intent.as_ref().filter(|_| carried.in_doubt()).map(|intent| intent.action);
        job.notes = Notes::new(carried.checkpoints.clone());
    }
    job.persevere().await
}

fn prepare<E: Sync + ?Sized>(run: &Run<'_, E>, task: &Task) -> Result<(Work<E>, Policy), step::Error> {
    Ok(match task.kind {
        Kind::Step(node) => {
            let step = run.build(node)?;
            let policy = step.policy();
            (Work::Step { previous: run.previous(&task.id)?, step }, policy)
        }
        Kind::Gate(node) => {
            let asks = run.graph.nodes()[node].asks().unwrap_or_default().to_vec();
            (Work::Gate { asks }, run.executor.options.gate)
        }
        Kind::Remove => {
            let step = run.build_earlier(&task.id, &run.before[&task.id])?;
            let policy = step.policy();
            (Work::Remove { step }, policy)
        }
    })
}

fn gate_document<E: ?Sized>(run: &Run<'_, E>, asks: &[usize]) -> Value {
    let ids: Vec<&str> = asks.iter().map(|node| run.graph.nodes()[*node].id().as_str()).collect();
    json!({ "asks": ids })
}

/// Puts the start of a step on record, unless an earlier process did and the step is still open.
async fn start<E: Sync + ?Sized>(run: &Run<'_, E>, task: &Task, document: &Value) -> Result<(), Error> {
    use journal::state::StepStatus::{InDoubt, Started};
    let step = task.id.clone();
    let open = run.carried.get(&step).is_some_and(|carried| matches!(carried.status, Started | InDoubt));
    if !open {
        let document = journal::Definitions::digest(document);
        run.executor.recorder.append(run.id, Event::StepStarted { step: step.clone(), document }).await?;
    }
    run.executor.seams.progress.progress(Progress::Started { step, layer: task.layer.clone() });
    Ok(())
}

/// A step that cannot be built has failed before it could want anything.
async fn unbuildable<E: Sync + ?Sized>(run: &Run<'_, E>, task: &Task, error: step::Error) -> Result<Given, Error> {
    let step::Error::Failed(failure) = error else {
        unreachable!("building a step is pure: it neither journals nor stops")
    };
    start(run, task, &Value::Null).await?;
    give_up(run, &task.id, &task.layer, false, failure).await
}

impl<E: Sync + ?Sized> Job<'_, E> {
    /// One attempt. Every attempt looks first: the one before may have taken effect.
    pub(super) async fn attempt(&mut self) -> Result<Finish, step::Error> {
        match self.work.clone() {
            Work::Step { step, previous } => self.bring_about(&*step, previous.as_ref()).await,
            Work::Gate { asks } => self.ask(&asks).await,
            Work::Remove { step } => self.remove(&*step).await,
            Work::Undo { undo, step, newer, certain } => self.undo(undo, &*step, newer.as_ref(), certain).await,
        }
    }

    async fn bring_about(&mut self, step: &dyn AnyStep<E>, previous: Option<&Value>) -> Result<Finish, step::Error> {
        let seen = self.look(step, previous).await?;
        match decide::forward(self.known(), &seen, self.run.adopt) {
            Decision::Take(outcome) => Ok(Finish::Step(outcome, output(seen))),
            Decision::Refuse { owner } => Err(not_ours(&owner)),
            Decision::Act { action, outcome } => {
                let in_doubt = self.intent.is_some();
                self.intend(action).await?;
                let change = Change { previous, in_doubt };
                let made = self.apply(step, self.key(action), change, Writes::Checkpoints).await?;
                Ok(Finish::Step(outcome, made))
            }
        }
    }

    async fn remove(&mut self, step: &dyn AnyStep<E>) -> Result<Finish, step::Error> {
        if !decide::deletable(self.known()) {
            return Ok(Finish::Step(Outcome::Left, Value::Null));
        }
        let seen = self.look(step, None).await?;
        match decide::removal(self.known(), &seen) {
            Removal::Take(outcome) => Ok(Finish::Step(outcome, Value::Null)),
            Removal::Delete => {
                self.intend(Action::Delete).await?;
                // The checkpoints of this intent are those of a removal: the apply's own went with its run.
                self.compensate(step, self.key(Action::Delete), Writes::Checkpoints).await?;
                Ok(Finish::Step(Outcome::Deleted, Value::Null))
            }
        }
    }

    async fn undo(
        &mut self,
        undo: Undo,
        step: &dyn AnyStep<E>,
        newer: Option<&Value>,
        certain: bool,
    ) -> Result<Finish, step::Error> {
        let seen = self.look(step, newer).await?;
        let repeated = std::mem::replace(&mut self.repeated, true);
        match decide::undoing(undo, &seen, certain, repeated) {
            Undoing::Record(Undo::Restore | Undo::Recreate) => Ok(Finish::Undo(undo, output(seen))),
            Undoing::Record(done) => Ok(Finish::Undo(done, Value::Null)),
            Undoing::Refuse { owner } => Err(not_ours(&owner)),
            Undoing::Delete => {
                self.compensate(step, undo_key(self.run.id, self.id, undo), Writes::UndoCheckpoints).await?;
                Ok(Finish::Undo(Undo::Delete, Value::Null))
            }
            Undoing::Apply => {
                let change = Change { previous: newer, in_doubt: repeated };
                let key = undo_key(self.run.id, self.id, undo);
                Ok(Finish::Undo(undo, self.apply(step, key, change, Writes::UndoCheckpoints).await?))
            }
        }
    }

    /// Puts the intent on record, unless it is there already.
    async fn intend(&mut self, action: Action) -> Result<(), step::Error> {
        if self.intent == Some(action) {
            return Ok(());
        }
        let (step, key) = (self.id.clone(), self.key(action));
        let event = Event::StepIntended { step, action, key };
        self.run.executor.recorder.append_for_step(self.run.id, event).await?;
        self.intent = Some(action);
        self.notes.clear();
        Ok(())
    }

    fn known(&self) -> Known {
        let deployed = self.run.before.get(self.id).map(|deployed| deployed.provenance);
        Known { deployed, in_doubt: self.intent }
    }

    fn key(&self, action: Action) -> Uuid {
        key(self.run.id, self.id, &format!("{action:?}"))
    }
}

/// The idempotency key of a compensation: the same however often it is repeated.
pub(super) fn undo_key(run: journal::event::RunId, step: &StepId, undo: Undo) -> Uuid {
    key(run, step, &format!("undo {undo:?}"))
}

/// A name-based id, so that a resume repeats under the same key.
fn key(run: journal::event::RunId, step: &StepId, what: &str) -> Uuid {
    Uuid::new_v5(&run.0, format!("{step}\n{what}").as_bytes())
}

fn output(seen: Observation<Value>) -> Value {
    match seen {
        Observation::Present { output, .. } => output.unwrap_or_default(),
        Observation::Absent => Value::Null,
    }
}

fn not_ours(owner: &str) -> step::Error {
    step::Error::failed(FailureKind::Conflict, format!("it is not ours: {owner} stands there")).with_code(NOT_OURS)
}
