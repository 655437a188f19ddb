//! What keeps an executor from working at all. Failures of steps are no errors: they are in the [`crate::report`].

use journal::event::{Digest, DriftKind, RunId, StepId};

/// Why an executor could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The journal could not be written: everything stopped at once, as in a crash.
    #[error("write the journal: {0}")]
    Journal(#[source] journal::Error),
    /// A definition cannot be turned into its graph.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
    /// There is no run that could be resumed or rolled back.
    #[error("find a run to {what}: {why}")]
    NoRun {
        /// "resume" or "roll back".
        what: &'static str,
        /// What there is instead.
        why: String,
    },
    /// An earlier run has to be resumed or rolled back first.
    #[error("start a run: run {run} is unfinished ({status})")]
    Unfinished {
        /// The earlier run.
        run: RunId,
        /// Its state, in a word.
        status: String,
    },
    /// The journal names a step that the graph of its definition does not have.
    #[error("find step {step} in the graph of definition {definition}")]
    UnknownStep {
        /// The step.
        step: StepId,
        /// The definition.
        definition: Digest,
    },
    /// What is not there as a whole, or is not ours, cannot be taken as wanted.
    #[error("accept what was seen of step {step}: it {}", seen_as(*seen))]
    Unacceptable {
        /// The step.
        step: StepId,
        /// What was seen.
        seen: DriftKind,
    },
    /// A step cannot be skipped.
    #[error("skip step {step}: {why}")]
    Skip {
        /// The step.
        step: StepId,
        /// Why not.
        why: &'static str,
    },
}

fn seen_as(seen: DriftKind) -> &'static str {
    match seen {
        DriftKind::Differs => "does not stand in the deployment",
        DriftKind::Partial => "is there in part only",
        DriftKind::Absent => "is gone",
        DriftKind::NotOurs => "is not ours",
    }
}

/// A definition cannot be turned into its graph.
#[derive(Debug, thiserror::Error)]
#[error("rebuild the graph of definition {definition}: {reason}")]
pub struct DefinitionError {
    /// The definition.
    pub definition: Digest,
    /// Why.
    pub reason: String,
}
