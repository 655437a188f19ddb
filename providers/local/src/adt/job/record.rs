//! The record of a job.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::adt::ticks::Ticks;

use super::section::Section;

/// How long a job is kept after it was created.
const KEPT_MINUTES: i64 = 30 * 24 * 60;

/// The two kinds of jobs; ids are unique within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::adt) enum Family {
    Imports,
    Deletions,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    NotStarted,
    Running,
    Cancelling,
    Cancelled,
    Failed,
    Succeeded,
}

/// What a job does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Work {
    Import { input: String, output: String, progress: Progress },
    Deletion { timeout_minutes: i64 },
}

/// How far an import has got.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// The ETag of the input that was looked through and found to be in order; nothing before that.
    pub(super) etag: Option<String>,
    /// Bytes of the input that are done with.
    pub(super) bytes: u64,
    /// Lines of the input that are done with.
    pub(super) lines: u64,
    /// The section that these bytes end in.
    pub(super) section: Option<Section>,
    /// Models of the present section that are done with, in the order of their dependencies.
    #[serde(default)]
    pub(super) models: usize,
    /// Whether the log says that the job has started.
    #[serde(default)]
    pub(super) is_started: bool,
    /// Bytes of the log; nothing before it was begun.
    pub(super) log: Option<u64>,
    /// Entities imported.
    pub(super) imported: u64,
    /// Entities that were refused.
    pub(super) refused: u64,
    /// Entities of the present section that were refused.
    pub(super) refused_in_section: u64,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) code: String,
    pub(super) message: String,
}

/// A job; its family and id are the key that it is stored under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(in crate::adt) struct Job {
    pub(super) status: Status,
    pub(super) work: Work,
    pub(super) created: Ticks,
    /// When the job last did anything.
    pub(super) acted: Ticks,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) finished: Option<Ticks>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "notstarted",
            Self::Running => "running",
            Self::Cancelling => "cancelling",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Succeeded => "succeeded",
        }
    }

    /// Whether a job of this status does nothing any more.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Cancelled | Self::Failed | Self::Succeeded)
    }
}

impl Failure {
    pub(super) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Job {
    /// A job that has not begun.
    pub(super) fn new(work: Work, now: Ticks) -> Self {
        Self { status: Status::NotStarted, work, created: now, acted: now, finished: None, failure: None }
    }

    /// Whether it has yet to end.
    pub(super) fn is_open(&self) -> bool {
        !self.status.is_final()
    }

    /// When the service forgets it.
    fn purged(&self) -> Ticks {
        self.created.later_by_minutes(KEPT_MINUTES)
    }

    /// Whether the service has forgotten it; never before it has ended.
    pub(super) fn is_purged(&self, now: Ticks) -> bool {
        !self.is_open() && self.purged() <= now
    }

    /// The same, ended.
    pub(super) fn ended(mut self, status: Status, failure: Option<Failure>, now: Ticks) -> Self {
        (self.status, self.failure, self.acted, self.finished) = (status, failure, now, Some(now));
        self
    }

    /// As the service shows it.
    pub(super) fn document(&self, id: &str) -> Value {
        let mut document = Map::new();
        let mut set = |name: &str, value: Value| document.insert(name.to_owned(), value);
        set("id", id.into());
        if let Work::Import { input, output, .. } = &self.work {
            set("inputBlobUri", input.as_str().into());
            set("outputBlobUri", output.as_str().into());
            set("lastActionDateTime", self.acted.of_twin().into());
        }
        set("status", self.status.name().into());
        set("createdDateTime", self.created.of_twin().into());
        if let Some(finished) = self.finished {
            set("finishedDateTime", finished.of_twin().into());
        }
        set("purgeDateTime", self.purged().of_twin().into());
        if let Some(Failure { code, message }) = &self.failure {
            set("error", json!({"code": code, "message": message}));
        }
        document.into()
    }
}
