//! The compensation of one step.

use std::sync::Arc;

use journal::{
    event::{Event, StepId, Undo},
    state::StepState,
};
use serde_json::Value;

use super::{
    attempt::undo_key,
    context::Run,
    persevere::{Given, Job, Work, give_up},
    rollback::expected_undo,
    runtime::Notes,
};
use crate::{error::Error, graph::AnyStep, progress::Progress, step};

/// Compensates one step; its intent is on record before the cloud is asked.
pub(super) async fn undo_step<E: Sync + ?Sized>(
    run: &Run<'_, E>,
    id: &StepId,
    step: &StepState,
) -> Result<Given, Error> {
    let undo = expected_undo(step);
    let key = undo_key(run.id, id, undo);
    let executor = run.executor;
    executor.recorder.append(run.id, Event::UndoIntended { step: id.clone(), undo, key }).await?;
    executor.seams.progress.progress(Progress::Undoing { step: id.clone(), undo });
    if undo == Undo::Leave {
        return left(run, id).await;
    }
    match prepare(run, id, step, undo) {
        Ok((target, newer)) => {
            let certain = step.outcome.is_some();
            let policy = target.policy();
            let work = Work::Undo { undo, step: target, newer, certain };
            carry(Job::new(run, id, "", work, policy), step, key).persevere().await
        }
        Err(step::Error::Failed(failure)) => give_up(run, id, "", true, failure).await,
        Err(step::Error::Interrupted | step::Error::Journal(_)) => {
            unreachable!("building a step is pure: it neither journals nor stops")
        }
    }
}

/// The step to delete or to bring back, and the document that is undone by bringing it back.
#[expect(clippy::type_complexity, reason = "a pair that one function makes and one takes")]
fn prepare<E: Sync + ?Sized>(
    run: &Run<'_, E>,
    id: &StepId,
    step: &StepState,
    undo: Undo,
) -> Result<(Arc<dyn AnyStep<E>>, Option<Value>), step::Error> {
    let newer = run.graph.index(id).map(|node| run.build(node)).transpose();
    match (&step.before, undo) {
        (Some(before), Undo::Restore | Undo::Recreate) => {
            let newer = if undo == Undo::Restore { newer?.map(|step| step.document()) } else { None };
            Ok((run.build_earlier(id, before)?, newer))
        }
        _ => Ok((newer?.ok_or_else(|| not_in_graph(id))?, None)),
    }
}

fn not_in_graph(id: &StepId) -> step::Error {
    let message = format!("build the step: {id} is not in the run's definition");
    step::Error::failed(step::FailureKind::Permanent, message).with_code("step-unbuildable")
}

/// Hands on what earlier attempts left.
fn carry<'r, E: Sync + ?Sized>(mut job: Job<'r, E>, step: &StepState, key: uuid::Uuid) -> Job<'r, E> {
    job.notes = Notes::new(step.checkpoints.clone());
    if let Some(earlier) = step.undo.as_ref().filter(|earlier| earlier.key == key) {
        job.repeated = true;
        job.undo_notes = Notes::new(earlier.checkpoints.clone());
    }
    job
}

/// Nothing to undo: the cloud is not asked.
async fn left<E: Sync + ?Sized>(run: &Run<'_, E>, id: &StepId) -> Result<Given, Error> {
    let event = Event::UndoCompleted { step: id.clone(), undo: Undo::Leave, output: Value::Null, requests: Vec::new() };
    run.executor.recorder.append(run.id, event).await?;
    run.executor.seams.progress.progress(Progress::Undone { step: id.clone(), undo: Undo::Leave });
    Ok(Given::Done)
}
