//! What an event is called, and what it is about.

use super::{Event, StepId};

impl Event {
    /// The event's type as it stands in the record.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::RunStarted { .. } => "run-started",
            Self::RunResumed { .. } => "run-resumed",
            Self::RunInterrupted { .. } => "run-interrupted",
            Self::RunFailed { .. } => "run-failed",
            Self::RunFinished => "run-finished",
            Self::RollbackStarted { .. } => "rollback-started",
            Self::RollbackFinished => "rollback-finished",
            Self::RollbackFailed { .. } => "rollback-failed",
            Self::StepStarted { .. } => "step-started",
            Self::StepIntended { .. } => "step-intended",
            Self::StepCheckpoint { .. } => "step-checkpoint",
            Self::StepAttemptFailed { .. } => "step-attempt-failed",
            Self::StepCompleted { .. } => "step-completed",
            Self::StepFailed { .. } => "step-failed",
            Self::UndoIntended { .. } => "undo-intended",
            Self::UndoCheckpoint { .. } => "undo-checkpoint",
            Self::UndoAttemptFailed { .. } => "undo-attempt-failed",
            Self::UndoCompleted { .. } => "undo-completed",
            Self::UndoFailed { .. } => "undo-failed",
            Self::UndoSkipped { .. } => "undo-skipped",
            Self::Pruned { .. } => "pruned",
            Self::NoDrift { .. } => "no-drift",
            Self::DriftFound { .. } => "drift-found",
            Self::DriftAccepted { .. } => "drift-accepted",
            Self::ScheduleAdded { .. } => "schedule-added",
            Self::ScheduleChanged { .. } => "schedule-changed",
            Self::ScheduleRemoved { .. } => "schedule-removed",
            Self::ScheduleDue { .. } => "schedule-due",
            Self::ScheduleSkipped { .. } => "schedule-skipped",
            Self::ScheduleEnded { .. } => "schedule-ended",
        }
    }

    /// The schedule that it is about, if it belongs to the stream of the schedules.
    #[must_use]
    pub fn schedule(&self) -> Option<&str> {
        match self {
            Self::ScheduleAdded { schedule, .. }
            | Self::ScheduleChanged { schedule, .. }
            | Self::ScheduleRemoved { schedule }
            | Self::ScheduleDue { schedule, .. }
            | Self::ScheduleSkipped { schedule, .. }
            | Self::ScheduleEnded { schedule, .. } => Some(schedule),
            _ => None,
        }
    }

    /// The step that it is about, if it is about one.
    #[must_use]
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::StepStarted { step, .. }
            | Self::StepIntended { step, .. }
            | Self::StepCheckpoint { step, .. }
            | Self::StepAttemptFailed { step, .. }
            | Self::StepCompleted { step, .. }
            | Self::StepFailed { step, .. }
            | Self::UndoIntended { step, .. }
            | Self::UndoCheckpoint { step, .. }
            | Self::UndoAttemptFailed { step, .. }
            | Self::UndoCompleted { step, .. }
            | Self::UndoFailed { step, .. }
            | Self::UndoSkipped { step, .. } => Some(step),
            _ => None,
        }
    }
}
