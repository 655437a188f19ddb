//! What an executor tells while it works: for people, never for decisions.

use std::time::Duration;

use journal::event::{FailureKind, Outcome, StepId, Undo};

/// What a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// In words: "Azure to provision the instance".
    pub what: String,
    /// The time after which the wait is given up.
    pub for_at_most: Duration,
}

/// One thing to show.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// A step began (its first record is on disk).
    Started {
        /// The step.
        step: StepId,
        /// Its layer.
        layer: String,
    },
    /// A step waits.
    Waiting {
        /// The step.
        step: StepId,
        /// For what.
        waiting: Waiting,
    },
    /// An attempt failed and will be repeated.
    Retrying {
        /// The step.
        step: StepId,
        /// The attempt that failed, from 1.
        attempt: u32,
        /// The kind of failure.
        kind: FailureKind,
        /// The cause.
        message: String,
        /// The wait before the next attempt.
        delay: Duration,
    },
    /// A step completed.
    Completed {
        /// The step.
        step: StepId,
        /// Its layer.
        layer: String,
        /// How.
        outcome: Outcome,
    },
    /// A step failed.
    Failed {
        /// The step.
        step: StepId,
        /// Its layer.
        layer: String,
        /// The cause.
        message: String,
    },
    /// A compensation began.
    Undoing {
        /// The step.
        step: StepId,
        /// What it is about to do.
        undo: Undo,
    },
    /// A compensation ended well.
    Undone {
        /// The step.
        step: StepId,
        /// What was done.
        undo: Undo,
    },
    /// A compensation failed.
    UndoFailed {
        /// The step.
        step: StepId,
        /// The cause.
        message: String,
    },
    /// The run is being stopped: no new step starts.
    Stopping,
}

/// Where progress goes.
pub trait Sink: Send + Sync {
    /// Takes one; must not block.
    fn progress(&self, progress: Progress);
}

impl<F: Fn(Progress) + Send + Sync> Sink for F {
    fn progress(&self, progress: Progress) {
        self(progress);
    }
}
