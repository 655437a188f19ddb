//! A deployment open for writing.

use std::sync::Arc;

use engine::{Drifted, Executor, Options, Seams, Stop, progress::Sink, report::Report};
use journal::{Append, Digest, Drift, StepId, Store, Stream, StreamState, Trigger};
use serde_json::Value;

use super::{Error, Site, Stored};
use crate::{
    clouds::Clouds,
    definition::{Definition, Target},
};

/// How a run is carried out.
pub struct How<'a> {
    /// How many steps may be in flight at once.
    pub parallelism: std::num::NonZeroUsize,
    /// The operator's word that things made by others may be taken over.
    pub adopt: bool,
    /// Whether a failed run undoes itself at once.
    pub rollback_on_failure: bool,
    /// The occurrence of a schedule that the run is for, for the record.
    pub trigger: Option<Trigger>,
    /// Where progress goes.
    pub progress: &'a dyn Sink,
    /// The wish that the run ends at the next safe point.
    pub stop: Stop,
}

/// A deployment open for writing: holds the lease until it is dropped.
pub struct Session {
    store: Store,
    stream: Stream,
    stored: Stored,
}

impl Session {
    /// Takes the lease and opens the stream of a deployment ([`super::deployment_id`]).
    ///
    /// # Errors
    /// [`journal::Error::Locked`] at once when a living process holds the lease; whatever else keeps a journal from
    /// being opened.
    pub fn open(site: &Site, deployment: &str) -> Result<Self, Error> {
        let store = Store::open(&site.state_dir, site.actor.clone(), &site.command)?;
        let stream = store.stream(deployment)?;
        let stored = Stored(store.definitions());
        Ok(Self { store, stream, stored })
    }

    /// What the journal says.
    #[must_use]
    pub fn state(&self) -> Arc<StreamState> {
        self.stream.state()
    }

    /// The deployment's name, and its stream's.
    #[must_use]
    pub fn name(&self) -> &str {
        self.stream.name()
    }

    /// A definition beside the journal.
    ///
    /// # Errors
    /// When it is missing, damaged or of a newer version.
    pub fn definition(&self, digest: &Digest) -> Result<Definition, Error> {
        self.stored.read(digest)
    }

    /// Brings the deployment to a definition, in a new run. The definition is on disk before the run's first record.
    ///
    /// # Errors
    /// When the definition cannot be deployed, an earlier run is unfinished, or the journal fails.
    pub async fn deploy(&self, clouds: &Clouds, definition: &Definition, how: How<'_>) -> Result<Report, Error> {
        crate::layers::graph(definition)?;
        let json = serde_json::to_value(definition).expect("a definition has string keys only");
        let digest = self.store.definitions().put(&json)?;
        Ok(self.executor(clouds, &self.stream, how).deploy(&digest, target(&definition.target)).await?)
    }

    /// Goes on with the last run, or with its rollback, with the definition that it started with.
    ///
    /// # Errors
    /// When there is nothing to go on with, or the journal fails.
    pub async fn resume(&self, clouds: &Clouds, how: How<'_>) -> Result<Report, Error> {
        Ok(self.executor(clouds, &self.stream, how).resume().await?)
    }

    /// Undoes the last run, or goes on undoing it; `skips` are given up on the operator's word.
    ///
    /// # Errors
    /// When there is nothing to undo, a skip is not possible, or the journal fails.
    pub async fn rollback(&self, clouds: &Clouds, skips: &[(StepId, String)], how: How<'_>) -> Result<Report, Error> {
        Ok(self.executor(clouds, &self.stream, how).rollback(skips).await?)
    }

    /// Removes everything that the deployment created.
    ///
    /// # Errors
    /// When nothing stands, an earlier run is unfinished, or the journal fails.
    pub async fn destroy(&self, clouds: &Clouds, how: How<'_>) -> Result<Report, Error> {
        let state = self.state();
        let standing = state.definition().or_else(|| state.last_run().map(|run| &run.definition));
        let target = match standing {
            Some(digest) => target(&self.definition(digest)?.target),
            None => Value::Null,
        };
        Ok(self.executor(clouds, &self.stream, how).destroy(target).await?)
    }

    /// Looks at everything that stands and puts on record what is not as it was left.
    ///
    /// # Errors
    /// When nothing stands, an earlier run is unfinished, or the journal fails.
    pub async fn check_drift(&self, clouds: &Clouds, how: How<'_>) -> Result<Drifted, Error> {
        let trigger = how.trigger.clone();
        Ok(self.executor(clouds, &self.stream, how).check_drift(trigger).await?)
    }

    /// Takes what was seen as wanted from now on, on the operator's word.
    ///
    /// # Errors
    /// When something of it cannot be, an earlier run is unfinished, or the journal fails.
    pub async fn accept_drift(
        &self,
        clouds: &Clouds,
        steps: Vec<Drift>,
        reason: Option<String>,
        how: How<'_>,
    ) -> Result<(), Error> {
        Ok(self.executor(clouds, &self.stream, how).accept_drift(steps, reason).await?)
    }

    /// The executor behind all of the above, over a journal of the caller's choice: for tests that crash between
    /// records.
    #[doc(hidden)]
    pub fn executor<'a>(&'a self, clouds: &'a Clouds, journal: &'a dyn Append, how: How<'a>) -> Executor<'a, Clouds> {
        let options = Options {
            parallelism: how.parallelism,
            adopt: how.adopt,
            rollback_on_failure: how.rollback_on_failure,
            trigger: how.trigger,
            ..Options::new(self.stream.name(), self.store.id().to_string())
        };
        let seams = Seams { env: clouds, definitions: &self.stored, journal, progress: how.progress };
        Executor::new(seams, StreamState::clone(&self.state()), options, how.stop)
    }
}

/// Where to, for the record.
fn target(target: &Target) -> Value {
    serde_json::to_value(target).expect("a target has string keys only")
}
