//! How a run ended.

use std::collections::BTreeMap;

use journal::event::{Action, Digest, FailureKind, Outcome, RunId, RunKind, StepId, Undo};

/// How a run, or the rollback of one, ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The run.
    pub run: RunId,
    /// The state that it is in now.
    pub ended: Ended,
    /// What was done, over all its resumes.
    pub counts: Counts,
}

/// The state that a run is in when the executor returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Every step is completed.
    Finished,
    /// It was asked to stop; `resume` goes on.
    Interrupted {
        /// Whether it was being rolled back.
        rolling_back: bool,
    },
    /// Some steps failed; `resume` or `rollback` go on.
    Failed {
        /// Which, and why.
        failures: Vec<StepFailure>,
    },
    /// Everything is undone.
    RolledBack {
        /// The failures that made the run undo itself; empty when the operator asked for it.
        failures: Vec<StepFailure>,
    },
    /// Some compensations failed; `rollback` goes on.
    PartiallyRolledBack {
        /// Which, and why.
        failures: Vec<StepFailure>,
        /// Steps that were left standing because a failed one needs them.
        held: Vec<StepId>,
    },
}

/// A step that failed, or whose compensation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFailure {
    /// The step.
    pub step: StepId,
    /// The kind of its last failure.
    pub kind: FailureKind,
    /// The stable error code, if it has one.
    pub code: Option<String>,
    /// The cause, without secrets.
    pub message: String,
}

/// How many steps ended how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Steps by outcome (as [`Outcome`] is written: `created`, `unchanged`, ...).
    pub outcomes: BTreeMap<String, usize>,
    /// Compensations by what was done.
    pub undone: BTreeMap<String, usize>,
}

impl Counts {
    /// The number of steps with an outcome.
    #[must_use]
    pub fn of(&self, outcome: Outcome) -> usize {
        self.outcomes.get(&name(outcome)).copied().unwrap_or_default()
    }

    /// The number of compensations that did this.
    #[must_use]
    pub fn undone(&self, undo: Undo) -> usize {
        self.undone.get(&name(undo)).copied().unwrap_or_default()
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        *self.outcomes.entry(name(outcome)).or_default() += 1;
    }

    pub(crate) fn add_undone(&mut self, undo: Undo) {
        *self.undone.entry(name(undo)).or_default() += 1;
    }
}

/// The word that the journal writes.
fn name(word: impl serde::Serialize) -> String {
    match serde_json::to_value(word) {
        Ok(serde_json::Value::String(word)) => word,
        other => unreachable!("outcomes are written as words, not as {other:?}"),
    }
}

/// What a deploy of a definition would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The definition that was planned.
    pub definition: Digest,
    /// One entry per step, in an order in which they could run; removals last.
    pub steps: Vec<PlannedStep>,
}

impl Plan {
    /// Whether a run would change nothing, as far as can be told.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.iter().all(|step| matches!(step.change, Planned::Unchanged | Planned::Leave | Planned::Gate))
    }
}

/// One step of a [`Plan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// The step.
    pub step: StepId,
    /// Its layer.
    pub layer: String,
    /// What it is, in words.
    pub title: String,
    /// What would happen to it.
    pub change: Planned,
    /// The paths that differ, or what is known about it otherwise; may be empty.
    pub details: Vec<String>,
}

/// What would happen to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planned {
    /// It would be created.
    Create,
    /// It would be changed.
    Update,
    /// Nothing.
    Unchanged,
    /// It would be taken over, on the operator's word.
    Adopt,
    /// It would be deleted.
    Delete,
    /// It left the definition and is not ours to delete: it would stay.
    Leave,
    /// It would be refused: something that is not ours stands in its place.
    Refuse,
    /// A gate would observe what it asks for.
    Gate,
    /// It takes what a step that changes will put out: known only then.
    Unknown,
}

/// What a resume would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumePlan {
    /// The run that would go on.
    pub run: RunId,
    /// What it is for.
    pub kind: RunKind,
    /// The definition that it carries.
    pub definition: Digest,
    /// Whether it is its rollback that would go on.
    pub rolling_back: bool,
    /// One entry per step; for a rollback, in the order in which they would be undone.
    pub steps: Vec<ResumeStep>,
}

/// One step of a [`ResumePlan`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeStep {
    /// The step.
    pub step: StepId,
    /// Its layer.
    pub layer: String,
    /// What it is, in words.
    pub title: String,
    /// What would be done with it.
    pub next: Next,
}

/// What a resume would do with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is done.
    Done(Outcome),
    /// Look first: the intent is on record, its outcome is not.
    Settle(Action),
    /// Run it.
    Run,
    /// Remove it.
    Remove,
    /// Undo it.
    Undo(Undo),
}

/// A step as a look at the cloud showed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// The step.
    pub step: StepId,
    /// Its layer.
    pub layer: String,
    /// What it is, in words.
    pub title: String,
    /// What was seen.
    pub seen: Seen,
}

/// What was seen of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is there, as wanted, and may be relied on.
    Exact,
    /// It is there and differs; the paths.
    Differs(Vec<String>),
    /// It is begun and not finished; what is missing.
    Partial(String),
    /// It is not there.
    Absent,
    /// Something of somebody else is there; whose.
    NotOurs(String),
    /// It cannot be asked for: a step whose output it takes does not stand.
    Unknown(String),
    /// The look failed; why.
    Failed(String),
}
