//! Worlds for the sweeps, and a bench for single runs.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use engine::{
    Definitions, Error, Executor, Options, Seams, Stop,
    progress::Progress,
    report::{Ended, Report},
    sweep::{CrashPoints, World, Worlds, memory},
};
use journal::{
    Append,
    event::{Event, StepId},
    state::StreamState,
};
use serde_json::{Value, json};

use crate::fake::{
    cloud::Cloud,
    specs::{Library, Part, digest},
};

/// Makes worlds that share a set of definitions.
pub(crate) struct Fakes {
    pub(crate) library: Arc<Library>,
}

impl Fakes {
    pub(crate) fn new(definitions: &[Vec<Part>]) -> Self {
        Self { library: Arc::new(Library::new(definitions)) }
    }
}

/// One cloud in memory with its journal.
pub(crate) struct Fake {
    library: Arc<Library>,
    cloud: Cloud,
    journal: memory::Journal,
}

#[async_trait]
impl Worlds for Fakes {
    type World = Fake;

    async fn fresh(&self, points: CrashPoints) -> Fake {
        let library = Arc::clone(&self.library);
        Fake { library, cloud: Cloud::new(points), journal: memory::Journal::default() }
    }
}

#[async_trait]
impl World for Fake {
    type Env = Cloud;

    fn env(&self) -> &Cloud {
        &self.cloud
    }

    fn definitions(&self) -> &dyn Definitions<Cloud> {
        &*self.library
    }

    fn options(&self) -> Options {
        options()
    }

    async fn journal(&self) -> (Box<dyn Append>, StreamState) {
        (Box::new(self.journal.clone()), self.journal.fold())
    }

    async fn dump(&self) -> Value {
        self.cloud.dump()
    }

    async fn effects(&self) -> Vec<String> {
        self.cloud.effects()
    }
}

fn options() -> Options {
    let mut options = Options::new("twin", "ours");
    options.parallelism = NonZeroUsize::new(4).expect("four");
    options.gate = crate::fake::steps::quick();
    options
}

/// One world, for tests that look at single runs.
pub(crate) struct Bench {
    pub(crate) library: Library,
    pub(crate) cloud: Cloud,
    pub(crate) journal: memory::Journal,
    pub(crate) options: Options,
    pub(crate) stop: Stop,
    pub(crate) progress: Arc<Mutex<Vec<Progress>>>,
}

impl Bench {
    pub(crate) fn new(definitions: &[Vec<Part>]) -> Self {
        Self {
            library: Library::new(definitions),
            cloud: Cloud::default(),
            journal: memory::Journal::default(),
            options: options(),
            stop: Stop::new(),
            progress: Arc::default(),
        }
    }

    /// Lets a fresh executor over the reopened journal do something.
    pub(crate) async fn with<T>(&self, act: impl AsyncFnOnce(&Executor<'_, Cloud>) -> T) -> T {
        let told = Arc::clone(&self.progress);
        let sink = move |progress| told.lock().expect("no test panics in a sink").push(progress);
        let seams = Seams { env: &self.cloud, definitions: &self.library, journal: &self.journal, progress: &sink };
        let executor = Executor::new(seams, self.journal.fold(), self.options.clone(), self.stop.clone());
        act(&executor).await
    }

    pub(crate) async fn deploy(&self, number: usize) -> Ended {
        self.try_deploy(number).await.expect("the journal is in memory").ended
    }

    pub(crate) async fn try_deploy(&self, number: usize) -> Result<Report, Error> {
        self.with(async |executor| executor.deploy(&digest(number), json!("test")).await).await
    }

    pub(crate) async fn destroy(&self) -> Ended {
        self.with(async |executor| executor.destroy(json!("test")).await).await.expect("something stands").ended
    }

    pub(crate) async fn resume(&self) -> Ended {
        self.with(async |executor| executor.resume().await).await.expect("a run to resume").ended
    }

    pub(crate) async fn rollback(&self) -> Ended {
        self.try_rollback(&[]).await.expect("a run to roll back").ended
    }

    pub(crate) async fn try_rollback(&self, skips: &[(StepId, String)]) -> Result<Report, Error> {
        self.with(async |executor| executor.rollback(skips).await).await
    }

    /// The events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.journal.records().into_iter().map(|record| record.event).collect()
    }

    /// The types of the events about one step.
    pub(crate) fn story(&self, step: &str) -> Vec<&'static str> {
        let about = |event: &&Event| event.step().is_some_and(|id| id.as_str() == step);
        self.events().iter().filter(about).map(Event::name).collect()
    }
}

/// The only failure of a run that failed.
pub(crate) fn failure(ended: &Ended) -> &engine::report::StepFailure {
    match ended {
        Ended::Failed { failures } | Ended::PartiallyRolledBack { failures, .. } if failures.len() == 1 => &failures[0],
        other => panic!("one step should have failed: {other:?}"),
    }
}
