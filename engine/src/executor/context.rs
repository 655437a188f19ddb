//! One run as the executor sees it: its graph, what stood before it, what it has completed.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use journal::{
    event::{Digest, FailureKind, Outcome, RunId, RunKind, StepId},
    state::{Deployed, RunState, StepState, StepStatus, StreamState},
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Executor;
use crate::{
    error::Error,
    graph::{AnyStep, Graph, InputError},
    report::Counts,
    step,
};

/// One run under way, forward or backward.
pub(super) struct Run<'a, E: ?Sized> {
    pub(super) executor: &'a Executor<'a, E>,
    pub(super) id: RunId,
    pub(super) kind: RunKind,
    pub(super) definition: Digest,
    /// Whether the operator allowed things of others to be taken over.
    pub(super) adopt: bool,
    pub(super) graph: Arc<Graph<E>>,
    /// What stood when the run began.
    pub(super) before: BTreeMap<StepId, Deployed>,
    /// The steps as the fold had them when this process began with the run.
    pub(super) carried: BTreeMap<StepId, StepState>,
    /// What is completed, by this process or an earlier one.
    done: Mutex<BTreeMap<StepId, (Outcome, Value)>>,
    /// Cancelled once a step has failed for good: no other is tried again then.
    pub(super) failing: CancellationToken,
    /// The outputs of what a rollback has brought back.
    restored: Mutex<BTreeMap<StepId, Value>>,
}

impl<'a, E: Sync + ?Sized> Run<'a, E> {
    pub(super) fn new(executor: &'a Executor<'a, E>, state: &RunState) -> Result<Self, Error> {
        let before = executor.recorder.state(|stream| stood_before(stream, state));
        Ok(Self {
            executor,
            id: state.id,
            kind: state.kind,
            definition: state.definition.clone(),
            adopt: state.adopt,
            graph: executor.seams.definitions.graph(&state.definition)?,
            before,
            done: Mutex::new(completed(state)),
            failing: CancellationToken::new(),
            restored: Mutex::new(restored(state)),
            carried: state.steps.clone(),
        })
    }

    /// The outcome of a step that is completed.
    pub(super) fn outcome(&self, id: &StepId) -> Option<Outcome> {
        lock(&self.done).get(id).map(|(outcome, _)| *outcome)
    }

    /// Remembers a step as completed.
    pub(super) fn complete(&self, id: &StepId, outcome: Outcome, output: Value) {
        lock(&self.done).insert(id.clone(), (outcome, output));
    }

    /// Remembers the output of what was brought back.
    pub(super) fn restore(&self, id: &StepId, output: Value) {
        lock(&self.restored).insert(id.clone(), output);
    }

    /// Builds a step of the run's own graph from what the run has completed.
    pub(super) fn build(&self, node: usize) -> Result<Arc<dyn AnyStep<E>>, step::Error> {
        let outputs = |id: &StepId| lock(&self.done).get(id).map(|(_, output)| output.clone());
        built(self.graph.build(node, &outputs), self.graph.nodes()[node].id())
    }

    /// Builds a step as the earlier deployment had it: from its own definition, with the outputs of then (or, in a
    /// rollback, with those of what was brought back since).
    pub(super) fn build_earlier(&self, id: &StepId, deployed: &Deployed) -> Result<Arc<dyn AnyStep<E>>, step::Error> {
        let graph = self.earlier_graph(deployed).map_err(|error| unreadable(&error))?;
        let node = graph.index(id).ok_or_else(|| unreadable(&format!("{id} is not in its own definition")))?;
        let outputs = |id: &StepId| {
            let restored = lock(&self.restored).get(id).cloned();
            restored.or_else(|| self.before.get(id).map(|deployed| deployed.output.clone()))
        };
        built(graph.build(node, &outputs), id)
    }

    /// The graph that a deployed step belongs to.
    pub(super) fn earlier_graph(&self, deployed: &Deployed) -> Result<Arc<Graph<E>>, Error> {
        if deployed.definition == self.definition {
            return Ok(Arc::clone(&self.graph));
        }
        Ok(self.executor.seams.definitions.graph(&deployed.definition)?)
    }

    /// The document that the earlier deployment had for a step, if it had the step.
    pub(super) fn previous(&self, id: &StepId) -> Result<Option<Value>, step::Error> {
        let Some(deployed) = self.before.get(id) else { return Ok(None) };
        Ok(Some(self.build_earlier(id, deployed)?.document()))
    }
}

fn built<E: ?Sized>(
    step: Result<Option<Box<dyn AnyStep<E>>>, InputError>,
    id: &StepId,
) -> Result<Arc<dyn AnyStep<E>>, step::Error> {
    let step = step.map_err(|error| unreadable(&error))?;
    step.map(Arc::from).ok_or_else(|| unreadable(&format!("{id} is a gate, which has no resource")))
}

fn unreadable(cause: &dyn std::fmt::Display) -> step::Error {
    step::Error::failed(FailureKind::Permanent, format!("build the step: {cause}")).with_code("step-unbuildable")
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What stood when the run began: what stands now, with every step that the run touched put back.
fn stood_before(stream: &StreamState, run: &RunState) -> BTreeMap<StepId, Deployed> {
    let mut before = stream.deployment.steps.clone();
    for (id, step) in &run.steps {
        match &step.before {
            Some(deployed) => before.insert(id.clone(), deployed.clone()),
            None => before.remove(id),
        };
    }
    before
}

fn completed(run: &RunState) -> BTreeMap<StepId, (Outcome, Value)> {
    let outcome = |(id, step): (&StepId, &StepState)| Some((id.clone(), (step.outcome?, step.output.clone())));
    run.steps.iter().filter_map(outcome).collect()
}

fn restored(run: &RunState) -> BTreeMap<StepId, Value> {
    let output = |(id, step): (&StepId, &StepState)| {
        let undo = step.undo.as_ref().filter(|undo| step.status == StepStatus::Undone && !undo.output.is_null())?;
        Some((id.clone(), undo.output.clone()))
    };
    run.steps.iter().filter_map(output).collect()
}

/// How many steps of a run ended how.
pub(super) fn counts(run: &RunState) -> Counts {
    let mut counts = Counts::default();
    for step in run.steps.values() {
        if let Some(outcome) = step.outcome {
            counts.add(outcome);
        }
        if let Some(undo) = step.undo.as_ref().filter(|_| step.status == StepStatus::Undone) {
            counts.add_undone(undo.undo);
        }
    }
    counts
}
