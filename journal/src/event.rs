//! What can happen in a run, and to a schedule: the typed, versioned events.
//!
//! Events never carry secrets and never carry a resource's properties beyond the outputs that other steps need.
//! The doc of each event states the transition it causes; [`crate::state`] enforces them.

mod about;
mod drift;
mod schedule;

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use self::drift::{Drift, DriftKind};
pub use self::schedule::{
    MAX_SCHEDULE_NAME, Missed, Overlap, SCHEDULES, ScheduleClock, ScheduleKind, ScheduleOutcome, ScheduleSpec,
    SkipReason, Trigger,
};
use crate::merkle::Hash;

/// The identifier of a run (UUIDv7, so that runs sort by their start).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub uuid::Uuid);

impl RunId {
    /// A fresh id, later than those made before it.
    #[must_use]
    pub fn fresh() -> Self {
        Self(uuid::Uuid::now_v7())
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a step, unique within a deployment and stable between definitions (for example `l4/adt-instance`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StepId(pub String);

impl StepId {
    /// A step id from its text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A SHA-256 digest in lower-case hexadecimal, 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(pub String);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunKind {
    /// Brings the deployment to a definition, whether it existed before or not.
    Deploy,
    /// Removes everything that the deployment created.
    Destroy,
}

/// What a step is about to do to its resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Nothing was there.
    Create,
    /// Something of ours was there and differs.
    Update,
    /// Something of somebody else is taken over on the operator's word.
    Adopt,
    /// It left the definition, or the deployment is being destroyed.
    Delete,
}

/// How a step ended well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// This run created it; rollback deletes it.
    Created,
    /// This run changed it; rollback restores the earlier document.
    Updated,
    /// Ours already, and as wanted; rollback leaves it.
    Unchanged,
    /// Not made by us, found as wanted; never changed, never deleted.
    Found,
    /// Not made by us, taken over by `--adopt`; never deleted.
    Adopted,
    /// This run deleted it; rollback creates it again.
    Deleted,
    /// Nothing was left to delete, or what stands there is not ours to delete.
    Left,
    /// A gate: everything that it asked for was there.
    Passed,
}

/// What the compensation of a step is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Delete what the run created.
    Delete,
    /// Put the earlier document back.
    Restore,
    /// Create again what the run deleted.
    Recreate,
    /// Nothing to undo: found, unchanged, adopted or never done.
    Leave,
}

/// Why an attempt failed, which decides what happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// A fault that passes by itself: connection lost, 5xx, time-out. Retried with backoff.
    Transient,
    /// The service asks for patience (429). Retried after what it asks for.
    Throttled,
    /// The cloud is not there yet: role propagation, eventual consistency. A visible wait until the deadline.
    NotYet,
    /// The resource is held by another operation, or is not ours.
    Conflict,
    /// Trying again would not help.
    Permanent,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// (no run, or the last run finished or rolled back) → running.
    RunStarted {
        /// What the run is for.
        kind: RunKind,
        /// The definition that the run brings about; for [`RunKind::Destroy`] the one that it removes.
        definition: Digest,
        /// The definition of the deployment as the run found it, if there was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        previous: Option<Digest>,
        /// Where to: `local`, or the accounts by name, never credentials.
        target: Value,
        /// Whether the operator allowed things made by others to be taken over.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        adopt: bool,
        /// The occurrence of a schedule that asked for it, if one did. No other run of the stream has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Trigger>,
    },
    /// running (its process gone) | interrupted | failed → running.
    RunResumed {
        /// Whether the operator allowed things made by others to be taken over from now on.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        adopt: bool,
        /// The occurrence of a schedule that going on with it is for. No other run of the stream has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Trigger>,
    },
    /// running → interrupted; rolling back → rollback interrupted.
    RunInterrupted {
        /// The signal, or what else asked for it.
        reason: String,
    },
    /// running → failed: no step is in flight, at least one failed, the rest was done, never started, or is still in
    /// doubt from a process that is gone.
    RunFailed {
        /// The steps that failed.
        steps: Vec<StepId>,
    },
    /// running → finished: every step is completed.
    RunFinished,
    /// running (its process gone) | interrupted | failed | finished | partially rolled back | rolling back (its
    /// process gone) | rollback interrupted → rolling back.
    RollbackStarted {
        /// Whether the run asked for it itself (`--rollback-on-failure`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        automatic: bool,
    },
    /// rolling back → rolled back: everything that changed a cloud, or may have, is undone or skipped on somebody's
    /// word. Steps that changed nothing need no record: their entries go back to what they were before the run.
    RollbackFinished,
    /// rolling back → partially rolled back: no compensation is in flight, at least one failed.
    RollbackFailed {
        /// The steps whose compensation failed.
        steps: Vec<StepId>,
    },

    /// (step) idle | failed → started (still in doubt when it was); after a resume also started | in doubt → the same.
    /// Written before the step first looks at the cloud.
    StepStarted {
        /// The step.
        step: StepId,
        /// Digest of the document that the step wants.
        document: Digest,
    },
    /// (step) started | in doubt → in doubt. Written before the first byte that can change the cloud.
    StepIntended {
        /// The step.
        step: StepId,
        /// What it is about to do.
        action: Action,
        /// The idempotency key under which it may be repeated.
        key: uuid::Uuid,
    },
    /// (step) in doubt → in doubt: what a resume needs to go on rather than to ask again.
    StepCheckpoint {
        /// The step.
        step: StepId,
        /// Opaque to the journal: the URL of a long-running operation, the number of a finished batch.
        data: Value,
    },
    /// (step) started | in doubt → the same.
    StepAttemptFailed {
        /// The step.
        step: StepId,
        /// Counted from 1 within this run.
        attempt: u32,
        /// The kind of failure.
        kind: FailureKind,
        /// The cause chain, without secrets.
        message: String,
        /// The wait before the next attempt; absent when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// (step) started | in doubt → completed. Created, updated and deleted need an intent on disk.
    StepCompleted {
        /// The step.
        step: StepId,
        /// How.
        outcome: Outcome,
        /// What later steps take from it. Never a secret.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// The clouds' ids of the last requests that it made to bring this about, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        requests: Vec<String>,
    },
    /// (step) started | in doubt → failed (still in doubt when it was).
    StepFailed {
        /// The step.
        step: StepId,
        /// The kind of the last failure.
        kind: FailureKind,
        /// The stable error code, if the failure has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The cause chain, without secrets.
        message: String,
    },

    /// (step) started | completed | in doubt | failed | undo failed → undoing; undoing → undoing in a later rollback.
    /// Written before the compensation's first byte.
    UndoIntended {
        /// The step.
        step: StepId,
        /// What the compensation is about to do.
        undo: Undo,
        /// The idempotency key under which it may be repeated.
        key: uuid::Uuid,
    },
    /// (step) undoing → undoing.
    UndoCheckpoint {
        /// The step.
        step: StepId,
        /// Opaque to the journal.
        data: Value,
    },
    /// (step) undoing → undoing.
    UndoAttemptFailed {
        /// The step.
        step: StepId,
        /// Counted from 1 within this rollback.
        attempt: u32,
        /// The kind of failure.
        kind: FailureKind,
        /// The cause chain, without secrets.
        message: String,
        /// The wait before the next attempt; absent when there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_in_ms: Option<u64>,
    },
    /// (step) undoing → undone.
    UndoCompleted {
        /// The step.
        step: StepId,
        /// What was done in the end (`leave` where a look showed that nothing was there).
        undo: Undo,
        /// The outputs of what was restored or created again.
        #[serde(default, skip_serializing_if = "Value::is_null")]
        output: Value,
        /// The clouds' ids of the last requests that it made to bring this about, oldest first.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        requests: Vec<String>,
    },
    /// (step) undoing → undo failed.
    UndoFailed {
        /// The step.
        step: StepId,
        /// The kind of the last failure.
        kind: FailureKind,
        /// The stable error code, if the failure has one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The cause chain, without secrets.
        message: String,
    },
    /// (no run, or the last run finished or rolled back) → the same. The records before `size` leave the journal: what
    /// they added up to stands beside those that are left. Belongs to no run.
    Pruned {
        /// How many records left, from the first on.
        size: u64,
        /// The root of the Merkle tree over them.
        root: Hash,
        /// The digest of the state that they added up to.
        state: Digest,
        /// The SHA-256 of the file to which they were exported.
        export: Digest,
        /// The time before which records were to leave.
        before: DateTime<Utc>,
    },

    /// (step) started | completed | in doubt | failed | undo failed → skipped, on an operator's word; undoing → skipped
    /// in a later rollback. What the step did stays. The record's actor says who.
    UndoSkipped {
        /// The step.
        step: StepId,
        /// Why, in the operator's words; never empty.
        reason: String,
    },

    /// (no run, or the last run finished or rolled back) → the same. Somebody looked at everything that stands, and it is
    /// as the last run left it. Belongs to no run.
    NoDrift {
        /// Steps whose resources could not be looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unseen: Vec<StepId>,
        /// The occurrence of a schedule that asked for it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Trigger>,
    },
    /// (no run, or the last run finished or rolled back) → the same. Somebody looked at everything that stands, and some of
    /// it is not as the last run left it. Belongs to no run.
    DriftFound {
        /// What is other than it was left; never empty.
        steps: Vec<Drift>,
        /// Steps whose resources could not be looked at.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unseen: Vec<StepId>,
        /// The occurrence of a schedule that asked for it, if one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trigger: Option<Trigger>,
    },
    /// (no run, or the last run finished or rolled back) → the same. What the cloud holds is what is wanted from now on, on
    /// an operator's word: the named paths of a step do not count while its document stays the same. Belongs to no run.
    DriftAccepted {
        /// What is accepted: steps that stand and differ; never empty.
        steps: Vec<Drift>,
        /// Why, in the operator's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },

    /// (schedule) absent → active. It keeps the times after this record's.
    ScheduleAdded {
        /// Its name: letters, digits, `-`, `_` and `.`, at most [`MAX_SCHEDULE_NAME`].
        schedule: String,
        /// What it does, and when.
        spec: ScheduleSpec,
    },
    /// (schedule) active → paused, or paused → active: times that pass meanwhile are neither kept nor made up for.
    ScheduleChanged {
        /// The schedule.
        schedule: String,
        /// Whether it is paused from now on.
        paused: bool,
    },
    /// (schedule) active | paused → absent. No occurrence of it is open.
    ScheduleRemoved {
        /// The schedule.
        schedule: String,
    },
    /// (schedule) active → the same, with one more open occurrence. Written before anything is done for it.
    ScheduleDue {
        /// The schedule.
        schedule: String,
        /// The occurrence, later than all that the schedule has decided on. One that the schedule names is a whole
        /// second, one by hand never is, so that the two are never the same.
        at: DateTime<Utc>,
        /// Whether somebody asked for it by hand.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        manual: bool,
    },
    /// (schedule) active → the same: occurrences are decided on, and left out.
    ScheduleSkipped {
        /// The schedule.
        schedule: String,
        /// The first of them, later than all that the schedule has decided on.
        at: DateTime<Utc>,
        /// The last of them, when there are several.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
        /// How many there are.
        times: u64,
        /// Why.
        reason: SkipReason,
    },
    /// (occurrence) open → ended.
    ScheduleEnded {
        /// The schedule.
        schedule: String,
        /// The occurrence.
        at: DateTime<Utc>,
        /// How it ended.
        outcome: ScheduleOutcome,
        /// The run that it led to, if it led to one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunId>,
        /// The exit code of what was started, if it had one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exit: Option<u8>,
    },
}
