//! Deploying: the journal, the definitions beside it and the engine, put together.
//!
//! A [`Session`] holds the lease and writes. A [`View`] reads, takes no lease and writes nothing, also while a session of
//! another process is at work.

mod session;
mod view;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use engine::{DefinitionError, Definitions, graph::Graph};
use journal::{Actor, Append, Digest, Event, Record, RunId};

pub use session::{How, Session};
pub use view::{LayerStatus, Status, StepStatus, View, plan};

use crate::{
    clouds::Clouds,
    definition::{self, Definition, TargetKind},
    layers,
    naming::Names,
};

/// Where the state is, and who is at work.
#[derive(Debug, Clone)]
pub struct Site {
    /// The folder that holds journal, locks and keys.
    pub state_dir: PathBuf,
    /// Who.
    pub actor: Actor,
    /// The command, for whoever finds the journal locked; without arguments that could hold a secret.
    pub command: String,
}

/// Why a deployment could not be worked on. Failures of steps are no errors: they are in the report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal.
    #[error(transparent)]
    Journal(#[from] journal::Error),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A definition beside the journal.
    #[error(transparent)]
    Definition(#[from] definition::Error),
    /// A definition that this version cannot deploy.
    #[error(transparent)]
    Unsupported(#[from] layers::Unsupported),
    /// Nothing was ever deployed from this state folder.
    #[error("find a deployment in {}: nothing was ever deployed from here", .0.display())]
    Nothing(PathBuf),
}

/// The name of a deployment, also of its stream and in ownership marks: derived from target and twin name alone, so that
/// a second journal for the same twin is noticed.
#[must_use]
pub fn deployment_id(definition: &Definition) -> String {
    let azure = definition.target.azure.as_ref().map(|account| account.subscription.as_str());
    let aws = definition.target.aws.as_ref().map(|account| account.account.as_str());
    let names = Names::new(&definition.twin_name, azure.or(aws).unwrap_or_default());
    format!("{}-{}-{}", prefix(definition.target.kind), definition.twin_name, names.suffix())
}

fn prefix(kind: TargetKind) -> &'static str {
    match kind {
        TargetKind::Local => "local",
        TargetKind::Cloud => "cloud",
    }
}

/// The definitions beside the journal, and the graphs that they make.
struct Stored(journal::Definitions);

impl Stored {
    fn read(&self, digest: &Digest) -> Result<Definition, Error> {
        let value = self.0.get(digest)?;
        Ok(Definition::from_json(&value.to_string())?)
    }
}

impl Definitions<Clouds> for Stored {
    fn graph(&self, definition: &Digest) -> Result<Arc<Graph<Clouds>>, DefinitionError> {
        let wrong = |reason: String| DefinitionError { definition: definition.clone(), reason };
        let read = self.read(definition).map_err(|error| wrong(error.to_string()))?;
        layers::graph(&read).map(Arc::new).map_err(|error| wrong(error.to_string()))
    }
}

/// For executors that only look: appending is refused.
struct ReadOnly;

#[async_trait]
impl Append for ReadOnly {
    async fn append(&self, _run: Option<RunId>, _event: Event) -> Result<Record, journal::Error> {
        Err(journal::Error::Closed)
    }
}
