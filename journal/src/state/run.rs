//! One run as the fold sees it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::step::{StepState, StepStatus};
use crate::event::{Digest, Outcome, RunId, RunKind, StepId, Trigger};
use crate::record::Actor;

/// One attempt to bring the deployment to a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunState {
    /// Its id.
    pub id: RunId,
    /// What it is for.
    pub kind: RunKind,
    /// The definition that it brings about, or removes.
    pub definition: Digest,
    /// The definition of the deployment as the run found it.
    pub previous: Option<Digest>,
    /// Where to; null in the summary of an older run.
    pub target: Value,
    /// Whether things made by others may be taken over.
    pub adopt: bool,
    /// The occurrences of schedules that started it and went on with it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// Where it stands.
    pub status: RunStatus,
    /// When it started.
    pub started: DateTime<Utc>,
    /// When it last came to rest; absent while it is running or rolling back.
    pub ended: Option<DateTime<Utc>>,
    /// Who started it.
    pub actor: Actor,
    /// Counts resumes and (re)started rollbacks: what is older than the current one was left by a process that is gone.
    pub epoch: u32,
    /// The steps that were started; empty in the summary of an older run.
    pub steps: BTreeMap<StepId, StepState>,
    /// How many steps completed with each outcome, also in a summary.
    pub outcomes: BTreeMap<Outcome, u32>,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStatus {
    /// Under way, or its process is gone: the lease tells which.
    Running,
    /// Stopped on request.
    Interrupted,
    /// A step failed.
    Failed,
    /// Every step completed.
    Finished,
    /// A rollback is under way, or its process is gone.
    RollingBack,
    /// A rollback was stopped on request.
    RollbackInterrupted,
    /// Everything is undone, left or skipped.
    RolledBack,
    /// A compensation failed.
    PartiallyRolledBack,
}

impl RunStatus {
    /// Whether a new run may start.
    #[must_use]
    pub fn at_rest(self) -> bool {
        matches!(self, Self::Finished | Self::RolledBack)
    }

    /// Whether the run may be resumed.
    #[must_use]
    pub fn resumable(self) -> bool {
        matches!(self, Self::Running | Self::Interrupted | Self::Failed)
    }

    /// Whether a rollback may start or go on.
    #[must_use]
    pub fn revertible(self) -> bool {
        !matches!(self, Self::RolledBack)
    }
}

impl std::fmt::Display for RunStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Finished => "finished",
            Self::RollingBack => "rolling back",
            Self::RollbackInterrupted => "rollback interrupted",
            Self::RolledBack => "rolled back",
            Self::PartiallyRolledBack => "partially rolled back",
        })
    }
}

impl RunState {
    /// The steps that completed, newest first: the order of rollback.
    #[must_use]
    pub fn completed_newest_first(&self) -> Vec<(&StepId, &StepState)> {
        let mut steps: Vec<_> = self.steps.iter().filter(|(_, step)| step.completed_at.is_some()).collect();
        steps.sort_by_key(|(_, step)| std::cmp::Reverse(step.completed_at));
        steps
    }

    /// The steps whose intent is on disk and whose outcome is not, newest intent first.
    #[must_use]
    pub fn in_doubt_newest_first(&self) -> Vec<(&StepId, &StepState)> {
        let mut steps: Vec<_> = self.steps.iter().filter(|(_, step)| step.in_doubt()).collect();
        steps.sort_by_key(|(_, step)| std::cmp::Reverse(step.intent.as_ref().map(|intent| intent.seq)));
        steps
    }

    /// The steps with this status.
    pub fn with_status(&self, status: StepStatus) -> impl Iterator<Item = &StepId> {
        self.steps.iter().filter(move |(_, step)| step.status == status).map(|(id, _)| id)
    }

    /// Drops what only the last run needs.
    pub(crate) fn summarise(&mut self) {
        self.steps.clear();
        self.target = Value::Null;
    }
}
