//! What the events of schedules carry.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The stream that holds every schedule of a state folder, beside those of its deployments.
pub const SCHEDULES: &str = "schedules";

/// The longest name of a schedule, in characters.
pub const MAX_SCHEDULE_NAME: usize = 63;

/// Which occurrence of which schedule asked for a run. No two runs of a stream have the same one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Trigger {
    /// The schedule's name.
    pub schedule: String,
    /// The occurrence: the time that the schedule names, without jitter.
    pub at: DateTime<Utc>,
}

/// What a schedule does, when, and what becomes of times that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduleSpec {
    /// The project folder, absolute.
    pub project: String,
    /// What is done.
    pub kind: ScheduleKind,
    /// The cron pattern, five fields. Opaque to the journal.
    pub cron: String,
    /// The time zone in which the pattern is meant, by its IANA name. Opaque to the journal.
    pub timezone: String,
    /// The most that a start is put off, in seconds, so that many schedules do not start at once.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub jitter: u64,
    /// What becomes of a time that comes while the deployment is being worked on.
    pub overlap: Overlap,
    /// What becomes of times that passed while nobody was there to keep them.
    pub missed: Missed,
    /// Where to deploy to: `local` or `cloud`.
    pub target: String,
    /// Whose clock tells the time.
    #[serde(default, skip_serializing_if = "ScheduleClock::is_own")]
    pub clock: ScheduleClock,
}

/// Whose clock tells that a time of a schedule has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleClock {
    /// The daemon's.
    #[default]
    Own,
    /// A rule of AWS's EventBridge, which asks the daemon through a queue.
    Eventbridge,
}

impl ScheduleClock {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
    fn is_own(&self) -> bool {
        *self == Self::Own
    }
}

/// What a schedule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// Brings the deployment to what the project's files say then.
    Redeploy,
    /// Looks whether the cloud is as the journal says; changes nothing.
    DriftCheck,
}

/// What becomes of a time that comes while the deployment is being worked on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overlap {
    /// It is left out.
    Skip,
    /// It waits for its turn.
    Queue,
    /// What is in progress is stopped and makes room for it.
    Replace,
}

/// What becomes of times that passed while nobody was there to keep them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missed {
    /// The latest of them is caught up; the others are left out.
    Once,
    /// All of them are left out.
    Skip,
}

/// Why a time was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// The deployment was being worked on.
    Overlap,
    /// A later time of the same schedule took its place.
    Replaced,
    /// It passed while nobody was there to keep it.
    Missed,
}

/// How an occurrence ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleOutcome {
    /// The run finished.
    Finished,
    /// It failed, or could not begin.
    Failed,
    /// Somebody stopped it; the next occurrence goes on with it first.
    Interrupted,
    /// The run failed or was given up, and everything that it did is undone.
    RolledBack,
    /// A rollback could not undo everything.
    PartiallyRolledBack,
    /// A drift check found the cloud as the journal says.
    NoDrift,
    /// A drift check found that the cloud is not as the journal says.
    Drift,
    /// A later occurrence took its place.
    Replaced,
    /// The schedule was removed before it had its turn, or before it was gone on with.
    Cancelled,
}

impl std::fmt::Display for ScheduleOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::RolledBack => "rolled back",
            Self::PartiallyRolledBack => "partially rolled back",
            Self::NoDrift => "no drift",
            Self::Drift => "drift",
            Self::Replaced => "replaced",
            Self::Cancelled => "cancelled",
        })
    }
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Overlap => "overlap",
            Self::Replaced => "replaced",
            Self::Missed => "missed",
        })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
