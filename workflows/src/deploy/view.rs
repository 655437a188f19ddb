//! A deployment as somebody sees it who only reads.

use std::{path::Path, sync::Arc};

use engine::{
    DefinitionError, Definitions, Executor, Options, Seams, Stop,
    graph::Graph,
    progress::Progress,
    report::{Observed, Plan, ResumePlan, Seen},
};
use journal::{Definitions as Documents, Digest, Owner, Reader, RunState, SCHEDULES, StreamState};
use serde::Serialize;

use super::{Error, ReadOnly, Stored, deployment_id, prefix};
use crate::{
    clouds::Clouds,
    definition::{Definition, TargetKind},
    layers::LAYERS,
};

/// A deployment's journal, open for reading.
pub struct View {
    reader: Reader,
    deployment: String,
    state: StreamState,
    stored: Stored,
}

/// Whether everything is correctly deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Every layer.
    pub deployed: bool,
    /// Layer by layer, in order.
    pub layers: Vec<LayerStatus>,
}

/// Whether everything of a layer is correctly deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerStatus {
    /// The layer.
    pub layer: String,
    /// Yes or no; a layer without steps is deployed.
    pub deployed: bool,
    /// The details.
    pub steps: Vec<StepStatus>,
}

/// What a look at one step showed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StepStatus {
    /// The step.
    pub step: String,
    /// What it is, in words.
    pub title: String,
    /// `deployed`, `differs`, `partial`, `absent`, `not-ours`, `unknown` or `failed`.
    pub seen: &'static str,
    /// What differs, is missing or failed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
}

impl View {
    /// Opens the deployment that was worked on last, of the given kind of target if one is given.
    ///
    /// # Errors
    /// [`Error::Nothing`] when there is none; whatever keeps a journal from being read.
    pub fn latest(state_dir: &Path, kind: Option<TargetKind>) -> Result<Self, Error> {
        let nothing = || Error::Nothing(state_dir.to_owned());
        let reader = match Reader::open(state_dir) {
            Err(journal::Error::NoJournal { .. }) => return Err(nothing()),
            reader => reader?,
        };
        let mut latest: Option<(String, StreamState)> = None;
        for stream in reader.streams()?.into_iter().filter(|stream| stream.stream != SCHEDULES) {
            if kind.is_some_and(|kind| !stream.stream.starts_with(&format!("{}-", prefix(kind)))) {
                continue;
            }
            let state = reader.state(&stream.stream)?;
            let started = |state: &StreamState| state.last_run().map(|run| run.started);
            if latest.as_ref().is_none_or(|(_, other)| started(other) < started(&state)) {
                latest = Some((stream.stream, state));
            }
        }
        let (deployment, state) = latest.ok_or_else(nothing)?;
        Ok(Self { reader, deployment, state, stored: Stored(Documents::of(state_dir)) })
    }

    /// Opens the deployment of a definition; `None` when it was never deployed from this state folder.
    ///
    /// # Errors
    /// Whatever keeps a journal from being read.
    pub fn of(state_dir: &Path, definition: &Definition) -> Result<Option<Self>, Error> {
        let deployment = deployment_id(definition);
        let reader = match Reader::open(state_dir) {
            Err(journal::Error::NoJournal { .. }) => return Ok(None),
            reader => reader?,
        };
        if !reader.streams()?.iter().any(|stream| stream.stream == deployment) {
            return Ok(None);
        }
        let state = reader.state(&deployment)?;
        Ok(Some(Self { reader, deployment, state, stored: Stored(Documents::of(state_dir)) }))
    }

    /// The deployment's name.
    #[must_use]
    pub fn deployment(&self) -> &str {
        &self.deployment
    }

    /// What the journal said when the view was opened.
    #[must_use]
    pub fn state(&self) -> &StreamState {
        &self.state
    }

    /// The last run.
    #[must_use]
    pub fn last_run(&self) -> Option<&RunState> {
        self.state.last_run()
    }

    /// Who is at work on it right now.
    #[must_use]
    pub fn owner(&self) -> Option<Owner> {
        self.reader.owner()
    }

    /// A definition beside the journal.
    ///
    /// # Errors
    /// When it is missing, damaged or of a newer version.
    pub fn definition(&self, digest: &Digest) -> Result<Definition, Error> {
        self.stored.read(digest)
    }

    /// The definition that the last run carries.
    ///
    /// # Errors
    /// As [`Self::definition`]; [`Error::Nothing`] when there was no run.
    pub fn last_definition(&self) -> Result<Definition, Error> {
        let run = self.last_run().ok_or_else(|| Error::Nothing(self.deployment.clone().into()))?;
        self.definition(&run.definition)
    }

    /// What a resume would do.
    ///
    /// # Errors
    /// When there is nothing to resume.
    pub fn resume_plan(&self, clouds: &Clouds) -> Result<ResumePlan, Error> {
        Ok(self.looking(clouds).resume_plan()?)
    }

    /// Looks at every resource of the deployment.
    ///
    /// # Errors
    /// [`Error::Nothing`] when nothing was ever deployed.
    pub async fn status(&self, clouds: &Clouds) -> Result<Status, Error> {
        let last = || self.last_run().map(|run| &run.definition);
        let digest =
            self.state.definition().or_else(last).ok_or_else(|| Error::Nothing(self.deployment.clone().into()))?;
        Ok(Status::of(&self.looking(clouds).observe(digest).await?))
    }

    fn looking<'a>(&'a self, clouds: &'a Clouds) -> Executor<'a, Clouds> {
        let options = Options::new(&self.deployment, self.journal_id());
        looking(&self.stored, clouds, self.state.clone(), options)
    }

    /// The journal's id, for the mark; a journal that cannot be asked owns nothing.
    fn journal_id(&self) -> String {
        self.reader.id().ok().flatten().map(|id| id.to_string()).unwrap_or_default()
    }
}

/// What a run of `definition` would do; with `look` the clouds are asked, which changes nothing. A state folder without
/// a journal counts as one from which nothing was deployed.
///
/// # Errors
/// When the definition cannot be deployed; whatever keeps a journal from being read.
pub async fn plan(state_dir: &Path, clouds: &Clouds, definition: &Definition, look: bool) -> Result<Plan, Error> {
    crate::layers::graph(definition)?;
    let view = View::of(state_dir, definition)?;
    let (state, journal) = view.map_or_else(Default::default, |view| (view.state.clone(), view.journal_id()));
    let given = Given { stored: Stored(Documents::of(state_dir)), digest: definition.digest(), definition };
    let executor = looking(&given, clouds, state, Options::new(deployment_id(definition), journal));
    Ok(executor.plan(&given.digest, look).await?)
}

/// An executor that cannot write.
fn looking<'a>(
    definitions: &'a dyn Definitions<Clouds>,
    clouds: &'a Clouds,
    state: StreamState,
    options: Options,
) -> Executor<'a, Clouds> {
    let seams = Seams { env: clouds, definitions, journal: &ReadOnly, progress: &silence };
    Executor::new(seams, state, options, Stop::new())
}

fn silence(_: Progress) {}

/// The stored definitions, and one that is not stored (yet).
struct Given<'a> {
    stored: Stored,
    digest: Digest,
    definition: &'a Definition,
}

impl Definitions<Clouds> for Given<'_> {
    fn graph(&self, digest: &Digest) -> Result<Arc<Graph<Clouds>>, DefinitionError> {
        if *digest != self.digest {
            return self.stored.graph(digest);
        }
        let wrong = |error: crate::layers::Unsupported| DefinitionError {
            definition: digest.clone(),
            reason: error.to_string(),
        };
        crate::layers::graph(self.definition).map(Arc::new).map_err(wrong)
    }
}

impl Status {
    fn of(observed: &[Observed]) -> Self {
        let layer = |layer: &str| {
            let steps: Vec<StepStatus> = observed.iter().filter(|one| one.layer == layer).map(StepStatus::of).collect();
            LayerStatus { layer: layer.to_owned(), deployed: steps.iter().all(|step| step.seen == "deployed"), steps }
        };
        let layers: Vec<LayerStatus> = LAYERS.iter().map(|name| layer(name)).collect();
        Self { deployed: layers.iter().all(|layer| layer.deployed), layers }
    }
}

impl StepStatus {
    fn of(observed: &Observed) -> Self {
        let (seen, details) = match &observed.seen {
            Seen::Exact => ("deployed", Vec::new()),
            Seen::Differs(paths) => ("differs", paths.clone()),
            Seen::Partial(missing) => ("partial", vec![missing.clone()]),
            Seen::Absent => ("absent", Vec::new()),
            Seen::NotOurs(owner) => ("not-ours", vec![owner.clone()]),
            Seen::Unknown(why) => ("unknown", vec![why.clone()]),
            Seen::Failed(why) => ("failed", vec![why.clone()]),
        };
        Self { step: observed.step.to_string(), title: observed.title.clone(), seen, details }
    }
}
