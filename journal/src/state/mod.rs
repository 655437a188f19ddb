//! State: the fold of a stream's records, and the table of legal transitions.
//!
//! The same fold runs before a record is written, when a stream is opened, and when it is verified, so what one of
//! them accepts the others accept. It keeps the detail of the last run only; of older ones a summary stays, so
//! memory does not grow with the number of records.

mod apply;
mod deployment;
mod run;
mod schedule;
#[cfg(test)]
mod schedule_tests;
mod step;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

pub use self::deployment::{Deployed, Deployment, Provenance};
pub use self::run::{RunState, RunStatus};
pub use self::schedule::{Ended, Open, ScheduleState};
pub use self::step::{Failed, Intent, StepState, StepStatus, UndoState};
use crate::event::{Digest, RunId, Trigger};
use crate::merkle::Hash;
use crate::record::Head;

/// Everything that a stream's records add up to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct StreamState {
    /// The newest record; absent while the stream is empty.
    pub head: Option<Head>,
    /// The time of the newest record.
    pub time: Option<DateTime<Utc>>,
    /// The runs, oldest first. All but the last are summaries: their steps and target are gone.
    pub runs: Vec<RunState>,
    /// What stands in the cloud according to the journal.
    pub deployment: Deployment,
    /// How many records have left the journal, as far as its own records say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pruned: Option<PrunedState>,
    /// The schedules by name; only the stream [`crate::SCHEDULES`] has any.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub schedules: BTreeMap<String, ScheduleState>,
}

impl StreamState {
    /// The last run: the only one that can be resumed or rolled back.
    #[must_use]
    pub fn last_run(&self) -> Option<&RunState> {
        self.runs.last()
    }

    /// The run with this id.
    #[must_use]
    pub fn run(&self, id: RunId) -> Option<&RunState> {
        self.runs.iter().rev().find(|run| run.id == id)
    }

    /// Forgets the runs before the last one that pruned records tell of, as what stands for those does.
    pub(crate) fn forget_before(&mut self, last: RunId) {
        let place = self.runs.iter().position(|run| run.id == last).unwrap_or_default();
        drop(self.runs.drain(..place));
    }

    /// The run that this occurrence of a schedule asked for.
    #[must_use]
    pub fn run_of(&self, trigger: &Trigger) -> Option<&RunState> {
        self.runs.iter().rev().find(|run| run.triggers.contains(trigger))
    }

    /// The definition that stands, once every run and rollback is taken into account.
    #[must_use]
    pub fn definition(&self) -> Option<&Digest> {
        self.deployment.definition.as_ref()
    }
}

/// What the newest record of a prune says of the records that left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedState {
    /// How many left.
    pub size: u64,
    /// The root of the Merkle tree over them.
    pub root: Hash,
    /// The digest of the state that they added up to.
    pub state: Digest,
}

/// A record that may not stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} ({event}) is not legal here: {reason}")]
pub struct Illegal {
    /// The sequence number that it has, or would have had.
    pub seq: u64,
    /// The event's type.
    pub event: &'static str,
    /// What forbids it.
    pub reason: String,
}
