//! One process: opens the journal, does one thing, and ends or is killed.

use journal::{
    event::{Digest, StepId},
    state::{RunStatus, StreamState},
};
use serde_json::{Value, json};

use super::{CrashPoints, Disturbed, Scenario, World, points};
use crate::{Definitions, Error, Executor, Options, Seams, Stop, report::Ended, report::Report};

/// What a process is started for.
#[derive(Debug, Clone)]
pub(super) enum What {
    Deploy(Digest),
    Destroy,
    Resume,
    Rollback,
}

impl From<&Disturbed> for What {
    fn from(run: &Disturbed) -> Self {
        match run {
            Disturbed::Deploy(definition) => Self::Deploy(definition.clone()),
            Disturbed::Destroy => Self::Destroy,
        }
    }
}

/// One process in a world.
pub(super) struct Process<'w, W: World> {
    pub(super) world: &'w W,
    pub(super) points: &'w CrashPoints,
    pub(super) definitions: &'w dyn Definitions<W::Env>,
    pub(super) options: Options,
}

impl<'w, W: World> Process<'w, W> {
    pub(super) fn new(world: &'w W, points: &'w CrashPoints) -> Self {
        Self { world, points, definitions: world.definitions(), options: world.options() }
    }

    /// Does one thing; `None` when it was killed at the `fatal` point.
    pub(super) async fn run(&self, what: What, fatal: Option<u64>) -> Option<Result<Report, Error>> {
        let (journal, state) = self.world.journal().await;
        self.points.arm(fatal);
        let journal = points::Journal::new(journal, self.points.clone());
        let silent = |_| {};
        let seams =
            Seams { env: self.world.env(), definitions: self.definitions, journal: &journal, progress: &silent };
        let executor = Executor::new(seams, state, self.options.clone(), Stop::new());
        self.points.survive(execute(&executor, what)).await
    }

    /// The same, undisturbed and without an error.
    pub(super) async fn calm(&self, what: What) -> Ended {
        let outcome = self.run(what.clone(), None).await.expect("no point is fatal");
        outcome.unwrap_or_else(|error| panic!("{what:?}: {error}")).ended
    }
}

async fn execute<E: Sync + ?Sized>(executor: &Executor<'_, E>, what: What) -> Result<Report, Error> {
    let nothing: [(StepId, String); 0] = [];
    match what {
        What::Deploy(definition) => executor.deploy(&definition, json!("sweep")).await,
        What::Destroy => executor.destroy(json!("sweep")).await,
        What::Resume => executor.resume().await,
        What::Rollback => executor.rollback(&nothing).await,
    }
}

/// Where an undisturbed scenario starts and ends.
pub(super) struct Calm {
    pub(super) steps: usize,
    pub(super) points: u64,
    pub(super) before: Value,
    pub(super) after: Value,
    pub(super) effects: Vec<String>,
}

/// Deploys what the scenario builds upon.
pub(super) async fn prepare<W: World>(world: &W, points: &CrashPoints, scenario: &Scenario) {
    for definition in &scenario.before {
        let ended = Process::new(world, points).calm(What::Deploy(definition.clone())).await;
        assert_eq!(ended, Ended::Finished, "{}: deploy of {definition}", scenario.name);
    }
}

/// Runs a scenario undisturbed.
pub(super) async fn undisturbed<F: super::Worlds>(worlds: &F, scenario: &Scenario) -> Calm {
    let points = CrashPoints::default();
    let world = worlds.fresh(points.clone()).await;
    prepare(&world, &points, scenario).await;
    let before = world.dump().await;
    let process = Process::new(&world, &points);
    let ended = process.calm(What::from(&scenario.run)).await;
    let passed = points.passed();
    assert_eq!(ended, Ended::Finished, "{}: undisturbed", scenario.name);
    let (_, state) = world.journal().await;
    let steps = state.last_run().map_or(0, |run| run.steps.len());
    Calm { steps, points: passed, before, after: world.dump().await, effects: sorted(world.effects().await) }
}

/// Effects in an order that does not depend on which of two parallel steps came first.
pub(super) fn sorted(mut effects: Vec<String>) -> Vec<String> {
    effects.sort();
    effects
}

/// What a process has to do after one that was killed, so that the run ends well: nothing when the kill came after
/// the last record, the run anew when it came before the first.
pub(super) fn after_kill(state: &StreamState, runs_before: usize, run: &Disturbed) -> Option<What> {
    if state.runs.len() == runs_before {
        return Some(What::from(run));
    }
    let status = state.last_run().map(|run| run.status);
    (status != Some(RunStatus::Finished)).then_some(What::Resume)
}

/// Settles a world after any disturbance: resumes until the last run is at rest.
///
/// # Panics
/// When it is not within a few attempts.
pub async fn settle<W: World>(world: &W, points: &CrashPoints) {
    for _ in 0..20 {
        let (_, state) = world.journal().await;
        if state.last_run().is_none_or(|run| run.status.at_rest()) {
            return;
        }
        Process::new(world, points).calm(What::Resume).await;
    }
    panic!("the last run does not come to rest");
}
