//! One piece of work with its deadline: attempts, failures on record, waits that a stop cuts short.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::Arc,
    task::Poll,
};

use journal::event::{Action, Event, FailureKind, Outcome, StepId, Undo};
use serde_json::Value;
use tokio::time::Instant;

use super::{context::Run, runtime::Notes};
use crate::{
    error::Error,
    graph::AnyStep,
    progress::Progress,
    report::StepFailure,
    requests::Requests,
    retry::{DEADLINE, Retries},
    step::{self, Failure, Policy},
};

/// What there is to do.
pub(super) enum Work<E: ?Sized> {
    /// Bring a step about.
    Step { step: Arc<dyn AnyStep<E>>, previous: Option<Value> },
    /// Look whether everything that a gate asks for is there.
    Gate { asks: Vec<usize> },
    /// Delete what left the definition.
    Remove { step: Arc<dyn AnyStep<E>> },
    /// Compensate: delete `step`, or bring it back.
    Undo {
        undo: Undo,
        step: Arc<dyn AnyStep<E>>,
        /// The document that is undone, for the apply that brings the earlier one back.
        newer: Option<Value>,
        /// False for a step in doubt.
        certain: bool,
    },
}

impl<E: ?Sized> Clone for Work<E> {
    fn clone(&self) -> Self {
        match self {
            Self::Step { step, previous } => Self::Step { step: Arc::clone(step), previous: previous.clone() },
            Self::Gate { asks } => Self::Gate { asks: asks.clone() },
            Self::Remove { step } => Self::Remove { step: Arc::clone(step) },
            Self::Undo { undo, step, newer, certain } => {
                Self::Undo { undo: *undo, step: Arc::clone(step), newer: newer.clone(), certain: *certain }
            }
        }
    }
}

/// What a successful attempt leads to.
pub(super) enum Finish {
    /// `StepCompleted`.
    Step(Outcome, Value),
    /// `UndoCompleted`.
    Undo(Undo, Value),
}

/// How a piece of work ended.
pub(super) enum Given {
    /// Done and on record.
    Done,
    /// Given up and on record.
    Failed(StepFailure),
    /// The run is being stopped; a resume goes on.
    Interrupted,
}

/// A piece of work and what is known of it.
pub(super) struct Job<'r, E: ?Sized> {
    pub(super) run: &'r Run<'r, E>,
    pub(super) id: &'r StepId,
    pub(super) layer: &'r str,
    pub(super) work: Work<E>,
    pub(super) deadline: Instant,
    pub(super) retries: Retries,
    /// Failed attempts on record.
    pub(super) attempts: u32,
    /// The intent on record whose outcome is not.
    pub(super) intent: Option<Action>,
    /// Whether the compensation may have had an effect before.
    pub(super) repeated: bool,
    /// The checkpoints of the step's intent.
    pub(super) notes: Notes,
    /// The checkpoints of its compensation.
    pub(super) undo_notes: Notes,
    /// The clouds' ids of what it asked for.
    pub(super) requests: Requests,
}

impl<'r, E: Sync + ?Sized> Job<'r, E> {
    /// A piece of work that nothing is known of yet. Its deadline counts from now.
    pub(super) fn new(run: &'r Run<'r, E>, id: &'r StepId, layer: &'r str, work: Work<E>, policy: Policy) -> Self {
        Self {
            run,
            id,
            layer,
            work,
            deadline: Instant::now() + policy.deadline,
            retries: Retries::new(policy),
            attempts: 0,
            intent: None,
            repeated: false,
            notes: Notes::default(),
            undo_notes: Notes::default(),
            requests: Requests::default(),
        }
    }

    /// Tries until it is done, given up, or stopped.
    pub(super) async fn persevere(mut self) -> Result<Given, Error> {
        loop {
            let tried = self.attempt().await;
            // A step cannot hide that the journal is gone.
            self.run.executor.recorder.check()?;
            match tried {
                Ok(finish) => return self.complete(finish).await,
                Err(step::Error::Interrupted) => return Ok(Given::Interrupted),
                Err(step::Error::Failed(failure)) => {
                    if let Some(given) = self.fail(failure).await? {
                        return Ok(given);
                    }
                }
                Err(error @ step::Error::Journal(_)) => {
                    let failure = Failure {
                        kind: FailureKind::Permanent,
                        code: None,
                        message: error.to_string(),
                        retry_after: None,
                    };
                    return self.give_up(failure).await;
                }
            }
        }
    }

    fn undoing(&self) -> bool {
        matches!(self.work, Work::Undo { .. })
    }

    async fn complete(&self, finish: Finish) -> Result<Given, Error> {
        let (step, layer) = (self.id.clone(), self.layer.to_owned());
        match finish {
            Finish::Step(outcome, output) => {
                let requests = self.requests.all();
                self.append(Event::StepCompleted { step: step.clone(), outcome, output: output.clone(), requests })
                    .await?;
                self.run.complete(self.id, outcome, output);
                self.tell(Progress::Completed { step, layer, outcome });
            }
            Finish::Undo(undo, output) => {
                let requests = self.requests.all();
                self.append(Event::UndoCompleted { step: step.clone(), undo, output: output.clone(), requests })
                    .await?;
                if !output.is_null() {
                    self.run.restore(self.id, output);
                }
                self.tell(Progress::Undone { step, undo });
            }
        }
        Ok(Given::Done)
    }

    /// Records a failed attempt; waits when it is to be repeated.
    async fn fail(&mut self, failure: Failure) -> Result<Option<Given>, Error> {
        self.attempts += 1;
        let delay = self.retries.after(&failure, self.deadline.saturating_duration_since(Instant::now()));
        self.append(self.attempt_failed(&failure, delay)).await?;
        let Some(delay) = delay else { return self.give_up(failure).await.map(Some) };
        self.tell(Progress::Retrying {
            step: self.id.clone(),
            attempt: self.attempts,
            kind: failure.kind,
            message: failure.to_string(),
            delay,
        });
        tokio::select! {
            biased;
            () = self.run.executor.stop.wait() => Ok(Some(Given::Interrupted)),
            () = self.run.failing.cancelled(), if !self.undoing() => self.give_up(pointless(failure)).await.map(Some),
            () = tokio::time::sleep(delay) => Ok(None),
        }
    }

    fn attempt_failed(&self, failure: &Failure, delay: Option<std::time::Duration>) -> Event {
        let (step, attempt, kind, message) = (self.id.clone(), self.attempts, failure.kind, failure.to_string());
        // A delay of more than half a billion years is not worth a wider type.
        let retry_in_ms = delay.map(|delay| u64::try_from(delay.as_millis()).unwrap_or(u64::MAX));
        if self.undoing() {
            Event::UndoAttemptFailed { step, attempt, kind, message, retry_in_ms }
        } else {
            Event::StepAttemptFailed { step, attempt, kind, message, retry_in_ms }
        }
    }

    async fn give_up(&self, failure: Failure) -> Result<Given, Error> {
        give_up(self.run, self.id, self.layer, self.undoing(), failure).await
    }

    async fn append(&self, event: Event) -> Result<(), Error> {
        self.run.executor.recorder.append(self.run.id, event).await
    }

    fn tell(&self, progress: Progress) {
        self.run.executor.seams.progress.progress(progress);
    }
}

/// The last failure of a step that is not tried again because the run has failed elsewhere.
fn pointless(mut failure: Failure) -> Failure {
    failure.message.push_str("; it is not tried again, since another step has failed");
    failure
}

/// Records a step, or its compensation, as failed.
pub(super) async fn give_up<E: Sync + ?Sized>(
    run: &Run<'_, E>,
    id: &StepId,
    layer: &str,
    undoing: bool,
    failure: Failure,
) -> Result<Given, Error> {
    let Failure { kind, code, message, .. } = failure;
    let failure = StepFailure { step: id.clone(), kind, code: code.clone(), message: message.clone() };
    let (step, executor) = (id.clone(), run.executor);
    let (event, progress) = if undoing {
        let event = Event::UndoFailed { step: step.clone(), kind, code, message: message.clone() };
        (event, Progress::UndoFailed { step, message })
    } else {
        let event = Event::StepFailed { step: step.clone(), kind, code, message: message.clone() };
        (event, Progress::Failed { step, layer: layer.to_owned(), message })
    };
    executor.recorder.append(run.id, event).await?;
    executor.seams.progress.progress(progress);
    Ok(Given::Failed(failure))
}

/// Ends a call when its deadline passes; not while a record of it is on its way to the disk, which the fold would miss.
pub(super) async fn bounded<T>(
    call: impl Future<Output = Result<T, step::Error>>,
    deadline: Instant,
    writing: impl Fn() -> bool,
) -> Result<T, step::Error> {
    let mut call = pin!(call);
    let mut late = pin!(tokio::time::sleep_until(deadline));
    poll_fn(|cx| {
        if let Poll::Ready(result) = call.as_mut().poll(cx) {
            return Poll::Ready(result);
        }
        if late.as_mut().poll(cx).is_ready() && !writing() {
            let error = step::Error::failed(FailureKind::Permanent, "finish before the step's deadline");
            return Poll::Ready(Err(error.with_code(DEADLINE)));
        }
        Poll::Pending
    })
    .await
}
