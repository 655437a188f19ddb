//! The embedded executor: runs, resumes, removes and rolls back, with the journal as its only memory.
//!
//! # How failures are handled
//!
//! Once a step has failed no further step starts. Attempts in flight go on to their end (a long operation is followed to
//! its own), since stopping them would only put them in doubt; but what fails then is not tried again, or a run that
//! cannot succeed any more would keep waiting for, say, a role for twenty minutes. The run is then recorded as failed,
//! or undone at once when the operator wished so.
//!
//! # How rollback goes
//!
//! One step at a time, those in doubt first (newest intent first), then strictly in reverse order of completion.
//! Steps that changed nothing are left without a record. When a compensation fails, the steps that the failed one
//! depends on are held back (they would be taken away under it); independent ones are still undone.
//!
//! # Time
//!
//! All waits use tokio's clock, which tests pause. Times in records are the journal's affair.

mod attempt;
mod context;
mod drift;
mod drive;
mod look;
mod persevere;
mod plan;
mod recorder;
mod rollback;
mod runtime;
mod tasks;
mod undo;

use std::sync::Arc;

use journal::{
    Append,
    event::{Digest, Event, RunId, RunKind, StepId},
    state::{RunState, RunStatus, StreamState},
};
use serde_json::Value;

pub use self::drift::Drifted;
use self::{context::Run, recorder::Recorder};
use crate::{
    error::{DefinitionError, Error},
    graph::Graph,
    options::{Options, Stop},
    progress::Sink,
    report::Report,
};

/// Turns stored definitions into graphs: the same definition always into the same graph.
pub trait Definitions<E: ?Sized>: Send + Sync {
    /// The graph of a definition.
    ///
    /// # Errors
    /// [`DefinitionError`] when the definition is not stored, or not readable by this version.
    fn graph(&self, definition: &Digest) -> Result<Arc<Graph<E>>, DefinitionError>;
}

/// What an executor works with.
pub struct Seams<'a, E: ?Sized> {
    /// What steps act through.
    pub env: &'a E,
    /// Turns definitions into graphs.
    pub definitions: &'a dyn Definitions<E>,
    /// Where records go.
    pub journal: &'a dyn Append,
    /// Where progress goes.
    pub progress: &'a dyn Sink,
}

/// Runs deployments of one stream. One at a time: the journal's lease sees to that.
pub struct Executor<'a, E: ?Sized> {
    seams: Seams<'a, E>,
    recorder: Recorder<'a>,
    options: Options,
    stop: Stop,
}

impl<'a, E: Sync + ?Sized> Executor<'a, E> {
    /// An executor over a stream whose fold is `state`.
    pub fn new(seams: Seams<'a, E>, state: StreamState, options: Options, stop: Stop) -> Self {
        let recorder = Recorder::new(seams.journal, state);
        Self { seams, recorder, options, stop }
    }

    /// Brings the deployment to a definition, in a new run.
    ///
    /// `target` says where to, for the record: `local`, or the accounts by name; never credentials.
    ///
    /// # Errors
    /// [`Error::Unfinished`] when the last run has to be resumed or rolled back first; [`Error::Journal`] and
    /// [`Error::Definition`] as everywhere. Steps that fail are no error: see [`Report`].
    pub async fn deploy(&self, definition: &Digest, target: Value) -> Result<Report, Error> {
        self.start(RunKind::Deploy, definition.clone(), target).await
    }

    /// Removes everything that the deployment created, in a new run that needs no project files.
    ///
    /// # Errors
    /// [`Error::NoRun`] when nothing stands; otherwise as [`Self::deploy`].
    pub async fn destroy(&self, target: Value) -> Result<Report, Error> {
        let definition = self.recorder.state(|state| {
            let standing = || state.deployment.steps.values().next().map(|deployed| &deployed.definition);
            state.definition().or_else(standing).cloned()
        });
        let nothing = || Error::NoRun { what: "destroy", why: "nothing stands".into() };
        self.start(RunKind::Destroy, definition.ok_or_else(nothing)?, target).await
    }

    /// Goes on with the last run, or with its rollback if it was being rolled back.
    ///
    /// # Errors
    /// [`Error::NoRun`] when there is nothing to go on with; otherwise as [`Self::deploy`].
    pub async fn resume(&self) -> Result<Report, Error> {
        let run = self.last_run("resume")?;
        match run.status {
            RunStatus::RollingBack | RunStatus::RollbackInterrupted | RunStatus::PartiallyRolledBack => {
                self.undo_run(run.id, false, &[]).await
            }
            RunStatus::Running | RunStatus::Interrupted | RunStatus::Failed => {
                self.recorder.append(run.id, self.resumed()).await?;
                self.go(run.id).await
            }
            status @ (RunStatus::Finished | RunStatus::RolledBack) => {
                Err(Error::NoRun { what: "resume", why: format!("the last run is {status}") })
            }
        }
    }

    /// Undoes the last run, or goes on undoing it. `skips` are steps that the operator gives up, with the reason.
    ///
    /// # Errors
    /// [`Error::NoRun`] when there is nothing to undo, [`Error::Skip`] when a skip is not possible; otherwise as
    /// [`Self::deploy`].
    pub async fn rollback(&self, skips: &[(StepId, String)]) -> Result<Report, Error> {
        let run = self.last_run("roll back")?;
        if run.status == RunStatus::RolledBack {
            return Err(Error::NoRun { what: "roll back", why: format!("the last run is {}", run.status) });
        }
        self.undo_run(run.id, false, skips).await
    }

    /// The fold as far as this executor has come.
    pub fn state(&self) -> StreamState {
        self.recorder.state(Clone::clone)
    }

    fn resumed(&self) -> Event {
        Event::RunResumed { adopt: self.options.adopt, trigger: self.options.trigger.clone() }
    }

    async fn start(&self, kind: RunKind, definition: Digest, target: Value) -> Result<Report, Error> {
        if let Some(last) = self.recorder.last_run().filter(|run| !run.status.at_rest()) {
            return Err(Error::Unfinished { run: last.id, status: last.status.to_string() });
        }
        // Before anything is written: a definition that cannot be read must not leave a run behind.
        self.seams.definitions.graph(&definition)?;
        let previous = self.recorder.state(|state| state.definition().cloned());
        let run = RunId::fresh();
        let (adopt, trigger) = (self.options.adopt, self.options.trigger.clone());
        self.recorder.append(run, Event::RunStarted { kind, definition, previous, target, adopt, trigger }).await?;
        self.go(run).await
    }

    /// Drives a run that is on record as running to where it ends.
    async fn go(&self, run: RunId) -> Result<Report, Error> {
        let state = self.last_run("resume")?;
        let context = Run::new(self, &state)?;
        let failures = match drive::drive(&context).await? {
            drive::Ended::Done => return self.end(run, Event::RunFinished, crate::report::Ended::Finished).await,
            drive::Ended::Stopped => return self.interrupt(run, false).await,
            drive::Ended::Failed(failures) => failures,
        };
        let steps = failures.iter().map(|failure| failure.step.clone()).collect();
        let failed = self.end(run, Event::RunFailed { steps }, crate::report::Ended::Failed { failures }).await?;
        if self.options.rollback_on_failure && !self.stop.requested() {
            return self.undo_failed(failed).await;
        }
        Ok(failed)
    }

    /// Undoes a run that has just failed, and says so in its report.
    async fn undo_failed(&self, failed: Report) -> Result<Report, Error> {
        use crate::report::Ended;
        let mut report = self.undo_run(failed.run, true, &[]).await?;
        if let (Ended::RolledBack { failures }, Ended::Failed { failures: why }) = (&mut report.ended, failed.ended) {
            *failures = why;
        }
        Ok(report)
    }

    async fn interrupt(&self, run: RunId, rolling_back: bool) -> Result<Report, Error> {
        let event = Event::RunInterrupted { reason: self.stop.reason() };
        self.end(run, event, crate::report::Ended::Interrupted { rolling_back }).await
    }

    /// Records how a run ended and reports it.
    async fn end(&self, run: RunId, event: Event, ended: crate::report::Ended) -> Result<Report, Error> {
        self.recorder.append(run, event).await?;
        let state = self.last_run("report")?;
        Ok(Report { run, ended, counts: context::counts(&state) })
    }

    fn last_run(&self, what: &'static str) -> Result<RunState, Error> {
        self.recorder.last_run().ok_or_else(|| Error::NoRun { what, why: "there is none".into() })
    }
}
