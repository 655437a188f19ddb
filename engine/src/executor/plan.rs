//! What a run would do, and what stands: looks only, nothing is written.

use std::collections::BTreeMap;

use journal::{
    Definitions as Stored,
    event::{Digest, StepId},
    state::{Deployed, Provenance, RunStatus},
};
use serde_json::Value;
use tokio::time::Instant;

use super::{
    Executor,
    context::Run,
    look::saw,
    rollback::{expected_undo, undo_order},
    tasks::{Kind, Task, tasks},
};
use crate::{
    decide::{Decision, Known, forward},
    error::Error,
    graph::{AnyStep, Graph},
    report::{Next, Observed, Plan, Planned, PlannedStep, ResumePlan, ResumeStep, Seen},
    step::{Fit, Observation},
};

impl<E: Sync + ?Sized> Executor<'_, E> {
    /// Says what a deploy of a definition would do. With `look` the cloud is asked, which changes nothing;
    /// without, the journal alone answers.
    ///
    /// # Errors
    /// [`Error::Definition`].
    pub async fn plan(&self, definition: &Digest, look: bool) -> Result<Plan, Error> {
        let graph = self.seams.definitions.graph(definition)?;
        let standing = self.recorder.state(|state| state.deployment.steps.clone());
        let mut steps: Vec<PlannedStep> = Vec::new();
        for index in 0..graph.nodes().len() {
            let changing = graph.nodes()[index].takes().iter().any(|node| changes(steps[*node].change));
            let (change, details) = self.plan_node(&graph, index, &standing, changing, look).await;
            steps.push(planned(&graph, index, change, details));
        }
        let leaving = standing.iter().filter(|(id, _)| graph.index(id).is_none());
        for (id, deployed) in leaving {
            steps.push(self.plan_removal(id, deployed)?);
        }
        Ok(Plan { definition: definition.clone(), steps })
    }

    async fn plan_node(
        &self,
        graph: &Graph<E>,
        index: usize,
        standing: &BTreeMap<StepId, Deployed>,
        changing: bool,
        look: bool,
    ) -> (Planned, Vec<String>) {
        let id = graph.nodes()[index].id();
        let deployed = standing.get(id);
        let outputs = |id: &StepId| standing.get(id).map(|deployed| deployed.output.clone());
        match graph.build(index, &outputs) {
            Ok(None) => (Planned::Gate, Vec::new()),
            Err(_) if deployed.is_none() => (Planned::Create, Vec::new()),
            Err(error) => (Planned::Unknown, vec![error.to_string()]),
            Ok(Some(step)) if look => self.plan_look(id, &*step, deployed, changing).await,
            Ok(Some(step)) => (from_journal(&*step, deployed, changing), Vec::new()),
        }
    }

    async fn plan_look(
        &self,
        id: &StepId,
        step: &dyn AnyStep<E>,
        deployed: Option<&Deployed>,
        changing: bool,
    ) -> (Planned, Vec<String>) {
        let deadline = Instant::now() + step.policy().deadline;
        let seen = match self.look(id, step, None, deadline).await {
            Ok(seen) => seen,
            Err(error) => return (Planned::Unknown, vec![error.to_string()]),
        };
        let known = Known { deployed: deployed.map(|deployed| deployed.provenance), in_doubt: None };
        let change = match forward(known, &seen, self.options.adopt) {
            Decision::Refuse { owner } => return (Planned::Refuse, vec![format!("{owner} stands there")]),
            // Found, or remembered by its mark: it would be used as it is.
            Decision::Take(_) if deployed.is_none() => Planned::Unchanged,
            Decision::Take(_) => from_journal(step, deployed, changing),
            Decision::Act { action, .. } => planned_action(action),
        };
        (change, differences(&seen))
    }

    fn plan_removal(&self, id: &StepId, deployed: &Deployed) -> Result<PlannedStep, Error> {
        let graph = self.seams.definitions.graph(&deployed.definition)?;
        let unknown = || Error::UnknownStep { step: id.clone(), definition: deployed.definition.clone() };
        let index = graph.index(id).ok_or_else(unknown)?;
        let change = if deployed.provenance == Provenance::Created { Planned::Delete } else { Planned::Leave };
        Ok(planned(&graph, index, change, Vec::new()))
    }

    /// Says what a resume would do, from the journal alone.
    ///
    /// # Errors
    /// [`Error::NoRun`] when there is nothing to resume; [`Error::Definition`].
    pub fn resume_plan(&self) -> Result<ResumePlan, Error> {
        let state = self.last_run("resume")?;
        if state.status.at_rest() {
            return Err(Error::NoRun { what: "resume", why: format!("the last run is {}", state.status) });
        }
        let run = Run::new(self, &state)?;
        let rolling_back = !matches!(state.status, RunStatus::Running | RunStatus::Interrupted | RunStatus::Failed);
        let tasks = tasks(&run)?;
        let steps = if rolling_back {
            let named = |id: &StepId| tasks.iter().find(|task| task.id == *id);
            let undo = |(id, step)| resume_step(id, named(id), Next::Undo(expected_undo(step)));
            undo_order(&state).into_iter().map(undo).collect()
        } else {
            tasks.iter().map(|task| resume_step(&task.id, Some(task), next(&run, task))).collect()
        };
        let (kind, definition) = (state.kind, state.definition.clone());
        Ok(ResumePlan { run: state.id, kind, definition, rolling_back, steps })
    }

    /// Looks at every step of a definition, built from what the journal says was put out. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Definition`].
    pub async fn observe(&self, definition: &Digest) -> Result<Vec<Observed>, Error> {
        let graph = self.seams.definitions.graph(definition)?;
        let standing = self.recorder.state(|state| state.deployment.steps.clone());
        let steps = (0..graph.nodes().len()).filter(|index| graph.nodes()[*index].asks().is_none());
        let mut looks = Vec::new();
        for index in steps {
            looks.push(self.observe_node(&graph, index, &standing));
        }
        let at_once = self.options.parallelism.get();
        Ok(futures::StreamExt::collect(futures::StreamExt::buffered(futures::stream::iter(looks), at_once)).await)
    }

    async fn observe_node(&self, graph: &Graph<E>, index: usize, standing: &BTreeMap<StepId, Deployed>) -> Observed {
        let node = &graph.nodes()[index];
        let outputs = |id: &StepId| standing.get(id).map(|deployed| deployed.output.clone());
        let adopted = standing.get(node.id()).is_some_and(|deployed| deployed.provenance == Provenance::Adopted);
        let seen = match graph.build(index, &outputs) {
            Ok(None) => Seen::Unknown("a gate has no resource".into()),
            Err(error) => Seen::Unknown(error.to_string()),
            Ok(Some(step)) => match self.look(node.id(), &*step, None, Instant::now() + step.policy().deadline).await {
                Ok(seen) => saw(&seen, adopted),
                Err(error) => Seen::Failed(error.to_string()),
            },
        };
        Observed { step: node.id().clone(), layer: node.layer().into(), title: node.title().into(), seen }
    }
}

/// Whether what a step puts out may be another than before.
fn changes(change: Planned) -> bool {
    matches!(change, Planned::Create | Planned::Unknown)
}

/// What the journal alone says; `changing` when a step that it takes from will put out something new.
fn from_journal<E: ?Sized>(step: &dyn AnyStep<E>, deployed: Option<&Deployed>, changing: bool) -> Planned {
    match deployed {
        None => Planned::Create,
        Some(_) if changing => Planned::Unknown,
        Some(deployed) if deployed.document == Stored::digest(&step.document()) => Planned::Unchanged,
        Some(_) => Planned::Update,
    }
}

fn planned_action(action: journal::event::Action) -> Planned {
    use journal::event::Action;
    match action {
        Action::Create => Planned::Create,
        Action::Update => Planned::Update,
        Action::Adopt => Planned::Adopt,
        Action::Delete => Planned::Delete,
    }
}

fn differences(seen: &Observation<Value>) -> Vec<String> {
    match seen {
        Observation::Present { fit: Fit::Differs(paths), .. } => paths.clone(),
        Observation::Present { fit: Fit::Partial(what), .. } => vec![what.clone()],
        Observation::Present { fit: Fit::Exact, .. } | Observation::Absent => Vec::new(),
    }
}

fn planned<E: ?Sized>(graph: &Graph<E>, index: usize, change: Planned, details: Vec<String>) -> PlannedStep {
    let node = &graph.nodes()[index];
    PlannedStep { step: node.id().clone(), layer: node.layer().into(), title: node.title().into(), change, details }
}

fn next<E: Sync + ?Sized>(run: &Run<'_, E>, task: &Task) -> Next {
    let carried = run.carried.get(&task.id);
    let in_doubt = carried.filter(|step| step.in_doubt()).and_then(|step| step.intent.as_ref());
    match (run.outcome(&task.id), in_doubt, task.kind) {
        (Some(outcome), ..) => Next::Done(outcome),
        (None, Some(intent), _) => Next::Settle(intent.action),
        (None, None, Kind::Remove) => Next::Remove,
        (None, None, Kind::Step(_) | Kind::Gate(_)) => Next::Run,
    }
}

fn resume_step(id: &StepId, task: Option<&Task>, next: Next) -> ResumeStep {
    let (layer, title) = task.map(|task| (task.layer.clone(), task.title.clone())).unwrap_or_default();
    ResumeStep { step: id.clone(), layer, title, next }
}
