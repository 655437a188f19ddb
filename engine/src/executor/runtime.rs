//! What a running step gets from the executor.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use journal::event::{Event, FailureKind, RunId, StepId};
use serde_json::Value;
use tokio::time::Instant;

use super::recorder::Recorder;
use crate::{
    options::Stop,
    progress::{Progress, Sink, Waiting},
    step::{Error, Runtime},
};

/// Which records a step may cause at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writes {
    /// It only looks: no intent is on disk yet.
    Nothing,
    /// Checkpoints of its intent.
    Checkpoints,
    /// Checkpoints of its compensation.
    UndoCheckpoints,
}

/// What outlives an attempt: the checkpoints, oldest first.
#[derive(Debug, Default)]
pub(super) struct Notes(Mutex<Vec<Value>>);

impl Notes {
    pub(super) fn new(checkpoints: Vec<Value>) -> Self {
        Self(Mutex::new(checkpoints))
    }

    pub(super) fn all(&self) -> Vec<Value> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn push(&self, checkpoint: Value) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(checkpoint);
    }
}

/// The [`Runtime`] of the embedded executor.
pub(super) struct Live<'a> {
    pub(super) recorder: &'a Recorder<'a>,
    pub(super) sink: &'a dyn Sink,
    pub(super) stop: &'a Stop,
    pub(super) run: RunId,
    pub(super) step: &'a StepId,
    pub(super) writes: Writes,
    pub(super) deadline: Instant,
    pub(super) notes: &'a Notes,
    /// Whether a record is on its way to the disk.
    pub(super) writing: AtomicBool,
}

#[async_trait]
impl Runtime for Live<'_> {
    async fn checkpoint(&self, data: Value) -> Result<(), Error> {
        let step = self.step.clone();
        let event = match self.writes {
            Writes::Checkpoints => Event::StepCheckpoint { step, data: data.clone() },
            Writes::UndoCheckpoints => Event::UndoCheckpoint { step, data: data.clone() },
            Writes::Nothing => {
                return Err(Error::failed(FailureKind::Permanent, "journal a checkpoint while only observing"));
            }
        };
        self.writing.store(true, Ordering::Relaxed);
        let written = self.recorder.append_for_step(self.run, event).await;
        self.writing.store(false, Ordering::Relaxed);
        written?;
        self.notes.push(data);
        if self.stop.requested() { Err(Error::Interrupted) } else { Ok(()) }
    }

    fn waiting(&self, waiting: Waiting) {
        self.sink.progress(Progress::Waiting { step: self.step.clone(), waiting });
    }

    fn stopping(&self) -> bool {
        self.stop.requested()
    }

    async fn stopped(&self) {
        self.stop.wait().await;
    }

    fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
