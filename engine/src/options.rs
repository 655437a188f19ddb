//! How an executor works, and how it is asked to stop.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    time::Duration,
};

use journal::Trigger;
use tokio_util::sync::CancellationToken;

use crate::step::Policy;

/// How an executor works.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many steps may be in flight at once.
    pub parallelism: NonZeroUsize,
    /// The operator's word that things made by others may be taken over. They are never destroyed.
    pub adopt: bool,
    /// The deployment in the ownership mark: the same for every journal of the same twin.
    pub deployment: String,
    /// The journal in the ownership mark.
    pub journal: String,
    /// Whether a failed run undoes itself at once.
    pub rollback_on_failure: bool,
    /// The occurrence of a schedule that the run is for, for the record.
    pub trigger: Option<Trigger>,
    /// How patiently gates wait for what they ask for.
    pub gate: Policy,
}

impl Options {
    /// The defaults with a mark: eight steps at once, nothing adopted, failed runs kept.
    pub fn new(deployment: impl Into<String>, journal: impl Into<String>) -> Self {
        Self {
            parallelism: NonZeroUsize::new(8).expect("eight is not zero"),
            adopt: false,
            deployment: deployment.into(),
            journal: journal.into(),
            rollback_on_failure: false,
            trigger: None,
            gate: Policy { deadline: Duration::from_secs(10 * 60), ..Policy::default() },
        }
    }
}

/// The wish that a run ends at the next safe point. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    token: CancellationToken,
    reason: Arc<OnceLock<String>>,
}

impl Stop {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the stop; the first reason ("SIGTERM") is the one that is journaled.
    pub fn request(&self, reason: impl Into<String>) {
        // A second wish changes nothing: the first reason stands.
        let _ = self.reason.set(reason.into());
        self.token.cancel();
    }

    /// Whether somebody has asked.
    #[must_use]
    pub fn requested(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Returns when somebody asks.
    pub async fn wait(&self) {
        self.token.cancelled().await;
    }

    pub(crate) fn reason(&self) -> String {
        self.reason.get().cloned().unwrap_or_else(|| "a stop was asked for".into())
    }
}
