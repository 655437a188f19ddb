//! One step of a run as the fold sees it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::deployment::Deployed;
use crate::event::{Action, Digest, FailureKind, Outcome, Undo};

/// One step of the last run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepState {
    /// Where it stands.
    pub status: StepStatus,
    /// Digest of the document that it wants.
    pub document: Digest,
    /// The newest intent; kept when the step completes or fails.
    pub intent: Option<Intent>,
    /// The checkpoints of that intent, oldest first; kept for the compensation.
    pub checkpoints: Vec<Value>,
    /// The number of the last failed attempt, from 1 within the run; 0 when none failed.
    pub attempts: u32,
    /// How it completed.
    pub outcome: Option<Outcome>,
    /// What later steps take from it; null until it completed.
    pub output: Value,
    /// The sequence number of its completion: the order of completion.
    pub completed_at: Option<u64>,
    /// The last failure, of the step or of its compensation.
    pub failure: Option<Failed>,
    /// The deployment's entry before the run touched the step: what a rollback puts back.
    pub before: Option<Deployed>,
    /// The compensation, once intended.
    pub undo: Option<UndoState>,
    /// The reason that an operator gave for skipping the compensation.
    pub skipped: Option<String>,
    /// The run's epoch in which the step last moved.
    pub epoch: u32,
}

/// Where a step stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepStatus {
    /// Looking; nothing was sent that could change the cloud.
    Started,
    /// The intent is on disk, the outcome is not.
    InDoubt,
    /// Done.
    Completed,
    /// Given up; in doubt as well when there was an intent.
    Failed,
    /// Its compensation is under way, or its process is gone.
    Undoing,
    /// Compensated, or nothing was left to compensate.
    Undone,
    /// Its compensation was given up.
    UndoFailed,
    /// Its compensation was skipped on an operator's word.
    Skipped,
}

/// What a step was about to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The action.
    pub action: Action,
    /// Its idempotency key.
    pub key: uuid::Uuid,
    /// The sequence number of the record.
    pub seq: u64,
}

/// A compensation under way or ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct UndoState {
    /// What it is about to do, and in the end what it did.
    pub undo: Undo,
    /// Its idempotency key.
    pub key: uuid::Uuid,
    /// Its checkpoints under this key, oldest first.
    pub checkpoints: Vec<Value>,
    /// The number of the last failed attempt, from 1 within the rollback; 0 when none failed.
    pub attempts: u32,
    /// What was restored or created again; null until it completed.
    pub output: Value,
}

/// Why a step or its compensation was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The kind of the last failure.
    pub kind: FailureKind,
    /// The stable error code.
    pub code: Option<String>,
    /// The cause chain, without secrets.
    pub message: String,
}

impl StepState {
    /// A step that is only about to look.
    pub(super) fn started(document: Digest, before: Option<Deployed>, epoch: u32) -> Self {
        Self {
            status: StepStatus::Started,
            document,
            intent: None,
            checkpoints: Vec::new(),
            attempts: 0,
            outcome: None,
            output: Value::Null,
            completed_at: None,
            failure: None,
            before,
            undo: None,
            skipped: None,
            epoch,
        }
    }

    /// Whether an intent is on disk, no outcome is, and no compensation has settled it.
    #[must_use]
    pub fn in_doubt(&self) -> bool {
        let settled = matches!(self.status, StepStatus::Undone | StepStatus::Skipped);
        self.intent.is_some() && self.outcome.is_none() && !settled
    }

    /// Whether the step changed the cloud or may have, so that a rollback must settle it.
    #[must_use]
    pub fn needs_undo(&self) -> bool {
        match self.status {
            StepStatus::Undone | StepStatus::Skipped => false,
            StepStatus::Undoing | StepStatus::UndoFailed => true,
            _ => {
                self.in_doubt() || matches!(self.outcome, Some(Outcome::Created | Outcome::Updated | Outcome::Deleted))
            }
        }
    }
}

impl std::fmt::Display for StepStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Started => "started",
            Self::InDoubt => "in doubt",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Undoing => "being undone",
            Self::Undone => "undone",
            Self::UndoFailed => "not undone",
            Self::Skipped => "skipped",
        })
    }
}
