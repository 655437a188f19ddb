//! One run as a timeline: what each step did, when, and where the work broke off.
//!
//! A timeline is folded from the records of its run, in their order; [`journal::state`] has already decided that they
//! are legal. Times are those of the records, so a timeline cannot say what happened between two of them: a crash is
//! placed at the last record that its process wrote.

mod fold;
mod work;

use chrono::{DateTime, Duration, Utc};
use journal::{Action, Actor, Digest, Outcome, Record, RunId, RunKind, RunStatus, StepId, StepStatus, Trigger, Undo};
use serde::Serialize;
use serde_json::Value;

pub use self::work::{Attempt, AttemptEnd, Checkpoint, Failure, Period, Work};

/// One run, folded from its records.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Timeline {
    /// The deployment's stream.
    pub stream: String,
    /// The run.
    pub run: RunId,
    /// What it is for.
    pub kind: RunKind,
    /// The definition that it brings about, or removes.
    pub definition: Digest,
    /// The definition of the deployment as the run found it.
    pub previous: Option<Digest>,
    /// Where to: `local`, or the accounts by name.
    pub target: Value,
    /// Whether the operator who started it allowed things made by others to be taken over.
    pub adopt: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// The occurrences of schedules that it is for, oldest first.
    pub triggers: Vec<Trigger>,
    /// When it started.
    pub started: DateTime<Utc>,
    /// When it last came to rest; absent while it is running or rolling back.
    pub ended: Option<DateTime<Utc>>,
    /// The time of its newest record.
    pub newest: DateTime<Utc>,
    /// The sequence number of its first record.
    pub from: u64,
    /// The sequence number of its newest record.
    pub to: u64,
    /// The hash of its newest record.
    pub head: Digest,
    /// Everybody who wrote a record of it, in the order of their first.
    pub actors: Vec<Actor>,
    /// Where the work broke off, oldest first.
    pub breaks: Vec<Break>,
    /// Its steps, in the order of their first record.
    pub steps: Vec<Step>,
}

/// A time in which nobody worked on the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Break {
    /// What it began with.
    #[serde(flatten)]
    pub cause: Cause,
    /// The newest record before it.
    pub from: DateTime<Utc>,
    /// Who was at work until then.
    pub actor: Actor,
    /// How it ended; absent when nobody has gone on.
    pub continued: Option<Continued>,
}

/// What a break began with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "cause", rename_all = "kebab-case")]
pub enum Cause {
    /// The process was gone without a record of it: another one went on.
    Crash,
    /// The run was asked to stop.
    Interrupt {
        /// The signal, or what else asked for it.
        reason: String,
    },
    /// The run had come to its end, and somebody went on later.
    Rest {
        /// The end that it had come to.
        status: RunStatus,
    },
}

/// The end of a break.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Continued {
    /// When.
    pub at: DateTime<Utc>,
    /// Forwards or backwards.
    pub how: How,
    /// Who.
    pub by: Actor,
    /// Whether they allowed things made by others to be taken over.
    pub adopt: bool,
}

/// How somebody went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// The run was resumed.
    Resume,
    /// A rollback was started.
    Rollback,
}

/// One step of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    /// Its name.
    pub id: StepId,
    /// The part of its name before the first `/`; the whole name when there is none.
    pub layer: String,
    /// Digest of the document that it wants.
    pub document: Digest,
    /// Where it stands.
    pub status: StepStatus,
    /// What it was about to do, once it had decided.
    pub action: Option<Action>,
    /// How it completed.
    pub outcome: Option<Outcome>,
    /// When its intent was on disk and its outcome was not. That nobody worked on it meanwhile shows in the breaks.
    pub in_doubt: Vec<Period>,
    /// The work on it.
    #[serde(flatten)]
    pub work: Work,
    /// The work on undoing it, if there was any.
    pub compensation: Option<Compensation>,
}

/// The compensation of a step, over all rollbacks of the run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compensation {
    /// What it is about to do, and in the end what it did; absent when it was skipped at once.
    pub undo: Option<Undo>,
    /// The work on it.
    #[serde(flatten)]
    pub work: Work,
    /// Who left it out, and why.
    pub skipped: Option<Skip>,
}

/// That the compensation of a step was left out on somebody's word.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Skip {
    /// When.
    pub at: DateTime<Utc>,
    /// Who said so.
    pub by: Actor,
    /// Why, in their words.
    pub reason: String,
}

/// Why records are no timeline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There are none.
    #[error("fold a run: it has no records")]
    Empty,
    /// The first one does not start a run: the records before it are missing.
    #[error("fold a run: record {seq} comes first and does not start it")]
    NoStart {
        /// Its sequence number.
        seq: u64,
    },
    /// One is of another run or stream, or not in order.
    #[error("fold run {run}: record {seq} is of another run or out of order")]
    Foreign {
        /// The run that the first record started.
        run: RunId,
        /// The sequence number of the other record.
        seq: u64,
    },
}

impl Timeline {
    /// Folds the records of one run, all of them and in order.
    ///
    /// # Errors
    /// [`Error`] when they are not the records of one run from its start on.
    pub fn fold(records: &[Record]) -> Result<Self, Error> {
        fold::fold(records)
    }

    /// The time in which somebody worked on it: all of it without its breaks.
    #[must_use]
    pub fn worked(&self) -> Duration {
        self.breaks.iter().fold(self.newest - self.started, |time, it| time - it.lasted(self.newest))
    }

    /// The crashes.
    pub fn crashes(&self) -> impl Iterator<Item = &Break> {
        self.breaks.iter().filter(|it| it.cause == Cause::Crash)
    }
}

impl Break {
    /// Its end; `now` when nobody has gone on.
    #[must_use]
    pub fn until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.continued.as_ref().map_or(now, |continued| continued.at)
    }

    /// How long it lasted, until `now` when nobody has gone on; never negative.
    #[must_use]
    pub fn lasted(&self, now: DateTime<Utc>) -> Duration {
        (self.until(now) - self.from).max(Duration::zero())
    }
}
