//! The step: one idempotent unit of work on one resource.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::progress::Waiting;

pub use journal::event::FailureKind;

/// One idempotent unit of work on one resource.
///
/// A step value is complete: its inputs were put into it when it was built ([`crate::graph`]), so it can be observed,
/// applied and compensated at any time, by any executor. It holds no secrets in what it serialises.
///
/// A step's id must change with whatever identifies its resource (its name, its region): to the engine a new id is a
/// new thing and the old one leaves the definition, while the same id with another document is the same thing changed.
#[async_trait]
pub trait Step<E: ?Sized>: Send + Sync {
    /// What later steps take from this one. Never a secret: outputs are journaled.
    type Output: Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The document that this step wants, without secrets (a secret stands as a reference with its fingerprint).
    /// Its digest decides whether a step has changed between two definitions.
    fn document(&self) -> Value;

    /// Looks: is the effect there, is it ours, does it match. Never changes anything, and journals no checkpoint.
    async fn observe(&self, cx: &Context<'_, E>) -> Result<Observation<Self::Output>, Error>;

    /// Makes it so. Safe to repeat under the same [`Context::key`].
    async fn apply(&self, cx: &Context<'_, E>, change: Change<'_>) -> Result<Self::Output, Error>;

    /// Undoes an apply that created: deletes exactly what this step made, succeeds when nothing is left to delete.
    /// (What an apply changed is restored by the engine, which applies the earlier step again.)
    async fn compensate(&self, cx: &Context<'_, E>) -> Result<(), Error>;

    /// Deadlines and retries; the default suits control-plane calls.
    fn policy(&self) -> Policy {
        Policy::default()
    }
}

/// How long a step may take and how patiently it is retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// The whole step, all attempts and waits included.
    pub deadline: Duration,
    /// The first retry delay; doubled with jitter up to `max_delay`.
    pub initial_delay: Duration,
    /// The longest retry delay.
    pub max_delay: Duration,
    /// Retries of transient failures; throttling and not-yet are bounded by the deadline alone.
    pub max_transient_attempts: u32,
    /// The usual duration on the real cloud: the weight of the node on the critical path.
    pub expected: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(30 * 60),
            initial_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(15),
            max_transient_attempts: 10,
            expected: Duration::from_secs(2),
        }
    }
}

/// What [`Step::apply`] starts from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Change<'a> {
    /// The document of the deployment's earlier definition of this step, if it had one. Bulk steps delete what left it.
    pub previous: Option<&'a Value>,
    /// Whether an earlier attempt may have taken effect.
    pub in_doubt: bool,
}

/// What a look at the cloud showed.
#[derive(Debug, Clone, PartialEq)]
pub enum Observation<T> {
    /// Nothing is there.
    Absent,
    /// Something is there.
    Present {
        /// Whose it is.
        ownership: Ownership,
        /// How it compares with the wanted document.
        fit: Fit,
        /// The output, as far as it could be read; always there when `fit` is [`Fit::Exact`].
        output: Option<T>,
    },
}

/// Whose an observed resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It carries our mark: this deployment, this journal.
    Ours,
    /// It carries the mark of another deployment or journal; the text names it.
    Theirs(String),
    /// Its type can carry a mark and it carries none.
    Unmarked,
    /// Its type cannot carry a mark: the journal decides.
    Unmarkable,
}

/// How an observed resource compares with the wanted document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// As wanted.
    Exact,
    /// Other than wanted; the paths that differ.
    Differs(Vec<String>),
    /// Begun and not finished (provisioning, some of a batch); what is missing.
    Partial(String),
}

/// What a step sees while it works.
pub struct Context<'a, E: ?Sized> {
    /// What it acts through.
    pub env: &'a E,
    /// The mark that it puts on what it makes and looks for on what it finds.
    pub mark: &'a Mark,
    /// The idempotency key of this intent.
    pub key: uuid::Uuid,
    /// The checkpoints of this intent so far, oldest first. A compensation gets those of the apply that it undoes, so
    /// that it deletes exactly what that one made; none when the step is removed by a later run than made it.
    pub checkpoints: Vec<Value>,
    /// The checkpoints of this compensation or removal so far, oldest first.
    pub undo_checkpoints: Vec<Value>,
    /// The document of the deployment's earlier definition of this step, if it had one: a bulk step's look must also
    /// find what left it.
    pub previous: Option<&'a Value>,
    pub(crate) runtime: &'a dyn Runtime,
}

/// The ownership mark: how a resource of ours is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Mark {
    /// The deployment, derived from target and twin name: the same for every journal of the same twin.
    pub deployment: String,
    /// The journal that made it: a second or a lost journal is told apart by it.
    pub journal: String,
    /// The step.
    pub step: String,
}

/// What the executor offers to a running step.
#[async_trait]
pub(crate) trait Runtime: Send + Sync {
    async fn checkpoint(&self, data: Value) -> Result<(), Error>;
    fn waiting(&self, waiting: Waiting);
    fn stopping(&self) -> bool;
    async fn stopped(&self);
    fn remaining(&self) -> Duration;
}

impl<E: ?Sized> Context<'_, E> {
    /// Journals what a resume needs; returns once it is on disk.
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the run is being stopped: the checkpoint is safe, the step ends here.
    pub async fn checkpoint(&self, data: Value) -> Result<(), Error> {
        self.runtime.checkpoint(data).await
    }

    /// Says what the step waits for; shown with its elapsed time until the next call or the step's end.
    pub fn waiting(&self, waiting: Waiting) {
        self.runtime.waiting(waiting);
    }

    /// Whether the run is being stopped: a step with a checkpoint on disk ends with [`Error::Interrupted`].
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.runtime.stopping()
    }

    /// The time that is left until the step's deadline.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.runtime.remaining()
    }

    /// Waits visibly for `delay` inside a step whose checkpoint is on disk (between two polls of a long operation).
    ///
    /// # Errors
    /// [`Error::Interrupted`] when the run is being stopped; a not-yet failure when the deadline would pass.
    pub async fn pause(&self, what: impl Into<String>, delay: Duration) -> Result<(), Error> {
        let what = what.into();
        if delay > self.remaining() {
            return Err(Error::failed(FailureKind::Permanent, format!("{what}: the step's deadline has passed"))
                .with_code("deadline"));
        }
        self.waiting(Waiting { what, for_at_most: self.remaining() });
        tokio::select! {
            () = tokio::time::sleep(delay) => Ok(()),
            () = self.runtime.stopped() => Err(Error::Interrupted),
        }
    }
}

/// Why a step did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cloud or the input said no; the kind decides what happens next.
    #[error("{0}")]
    Failed(Failure),
    /// The run is being stopped and the step has reached a checkpoint.
    #[error("interrupted at a checkpoint")]
    Interrupted,
    /// The journal could not be written: the run stops at once, as a crash would.
    #[error("failed to journal: {0}")]
    Journal(String),
}

/// A failure with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Decides between retry, wait and stop.
    pub kind: FailureKind,
    /// The service's or our stable error code.
    pub code: Option<String>,
    /// The cause chain as text, lower-case, without secrets.
    pub message: String,
    /// What the service asked us to wait.
    pub retry_after: Option<Duration>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.code {
            Some(code) if !self.message.contains(code.as_str()) => write!(f, " ({code})"),
            _ => Ok(()),
        }
    }
}

impl Error {
    /// A failure of the given kind.
    pub fn failed(kind: FailureKind, message: impl Into<String>) -> Self {
        Self::Failed(Failure { kind, code: None, message: message.into(), retry_after: None })
    }

    /// The same with a stable code.
    #[must_use]
    pub fn with_code(mut self, text: impl Into<String>) -> Self {
        if let Self::Failed(failure) = &mut self {
            failure.code = Some(text.into());
        }
        self
    }
}
