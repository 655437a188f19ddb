//! The fold: what each record adds to the timeline.

use chrono::{DateTime, Utc};
use journal::{Event, Outcome, Record, RunStatus, StepId, StepStatus};
use serde_json::Value;

use super::work::Failed;
use super::{Break, Cause, Compensation, Continued, Error, Failure, How, Period, Skip, Step, Timeline, Work};

pub(super) fn fold(records: &[Record]) -> Result<Timeline, Error> {
    let mut timeline = start(records.first().ok_or(Error::Empty)?)?;
    for (before, record) in records.iter().zip(&records[1..]) {
        let follows = record.run == Some(timeline.run) && record.stream == timeline.stream && record.seq > timeline.to;
        if !follows {
            return Err(Error::Foreign { run: timeline.run, seq: record.seq });
        }
        timeline.add(before, record);
    }
    Ok(timeline)
}

fn start(record: &Record) -> Result<Timeline, Error> {
    let (Some(run), Event::RunStarted { kind, definition, previous, target, adopt, trigger }) =
        (record.run, &record.event)
    else {
        return Err(Error::NoStart { seq: record.seq });
    };
    Ok(Timeline {
        stream: record.stream.clone(),
        run,
        kind: *kind,
        definition: definition.clone(),
        previous: previous.clone(),
        target: target.clone(),
        adopt: *adopt,
        triggers: trigger.iter().cloned().collect(),
        status: RunStatus::Running,
        started: record.time,
        ended: None,
        newest: record.time,
        from: record.seq,
        to: record.seq,
        head: record.hash.clone(),
        actors: vec![record.actor.clone()],
        breaks: Vec::new(),
        steps: Vec::new(),
    })
}

fn moving(status: RunStatus) -> bool {
    matches!(status, RunStatus::Running | RunStatus::RollingBack)
}

impl Timeline {
    fn add(&mut self, before: &Record, record: &Record) {
        self.add_break(before, record);
        match record.event.step() {
            Some(id) => {
                let since = self.at_work_since();
                self.step(id, record.time).add(record, since);
            }
            None => self.add_run(record),
        }
        if !self.actors.contains(&record.actor) {
            self.actors.push(record.actor.clone());
        }
        self.newest = record.time.max(self.newest);
        (self.to, self.head) = (record.seq, record.hash.clone());
    }

    fn add_run(&mut self, record: &Record) {
        let status = match &record.event {
            Event::RunResumed { .. } => RunStatus::Running,
            Event::RunInterrupted { .. } if self.status == RunStatus::RollingBack => RunStatus::RollbackInterrupted,
            Event::RunInterrupted { .. } => RunStatus::Interrupted,
            Event::RunFailed { .. } => RunStatus::Failed,
            Event::RunFinished => RunStatus::Finished,
            Event::RollbackStarted { .. } => RunStatus::RollingBack,
            Event::RollbackFinished => RunStatus::RolledBack,
            Event::RollbackFailed { .. } => RunStatus::PartiallyRolledBack,
            _ => self.status,
        };
        self.status = status;
        self.ended = (!moving(status)).then_some(record.time);
        match &record.event {
            Event::RunInterrupted { reason, .. } => {
                self.break_off(record, Cause::Interrupt { reason: reason.clone() });
            }
            Event::RunResumed { trigger, .. } => self.triggers.extend(trigger.clone()),
            _ => {}
        }
    }

    /// Sees that the work broke off before this record, and that somebody goes on with it.
    fn add_break(&mut self, before: &Record, record: &Record) {
        let (how, adopt) = match &record.event {
            Event::RunResumed { adopt, .. } => (How::Resume, *adopt),
            // The run asked for it itself: its process goes on without a break.
            Event::RollbackStarted { automatic: true, .. } if !moving(self.status) => return,
            Event::RollbackStarted { .. } => (How::Rollback, false),
            _ => return,
        };
        match (moving(self.status), self.status) {
            (true, _) => self.break_off(before, Cause::Crash),
            (_, RunStatus::Interrupted | RunStatus::RollbackInterrupted) => {}
            (_, status) => self.break_off(before, Cause::Rest { status }),
        }
        if let Some(last) = self.breaks.last_mut() {
            last.continued = Some(Continued { at: record.time, how, by: record.actor.clone(), adopt });
        }
    }

    /// When the process that is at work took the run up. It goes on with the steps that it finds open without a record of
    /// that, so the first one that it writes about such a step comes when it has been at it since then.
    fn at_work_since(&self) -> DateTime<Utc> {
        let continued = self.breaks.last().and_then(|it| it.continued.as_ref());
        continued.map_or(self.started, |continued| continued.at)
    }

    fn break_off(&mut self, last: &Record, cause: Cause) {
        let from = last.time;
        self.breaks.push(Break { cause, from, actor: last.actor.clone(), continued: None });
        let compensations = |step: &mut Step| step.compensation.as_mut().map(|it| it.work.break_off(from));
        self.steps.iter_mut().for_each(|step| {
            step.work.break_off(from);
            compensations(step);
        });
    }

    /// The step of this name, new when it is not there yet.
    fn step(&mut self, id: &StepId, at: DateTime<Utc>) -> &mut Step {
        let place = self.steps.iter().position(|step| step.id == *id).unwrap_or_else(|| {
            self.steps.push(Step::new(id, at));
            self.steps.len() - 1
        });
        &mut self.steps[place]
    }
}

impl Step {
    fn new(id: &StepId, at: DateTime<Utc>) -> Self {
        let layer = id.as_str().split_once('/').map_or(id.as_str(), |(layer, _)| layer).to_owned();
        Self {
            id: id.clone(),
            layer,
            document: journal::Digest(String::new()),
            status: StepStatus::Started,
            action: None,
            outcome: None,
            in_doubt: Vec::new(),
            work: Work::new(at),
            compensation: None,
        }
    }

    fn add(&mut self, record: &Record, since: DateTime<Utc>) {
        let at = record.time;
        if self.goes_on_with(&record.event) {
            self.work.take_up(since);
        }
        match &record.event {
            Event::StepStarted { document, .. } => {
                self.document = document.clone();
                self.status = if self.doubtful() { StepStatus::InDoubt } else { StepStatus::Started };
                self.work.take_up(at);
            }
            Event::StepIntended { action, .. } => {
                self.action = Some(*action);
                self.status = StepStatus::InDoubt;
                self.doubt(at);
            }
            Event::StepCheckpoint { data, .. } => self.work.note(at, data),
            Event::StepAttemptFailed { attempt, kind, message, retry_in_ms, .. } => {
                let failed = Failed { number: *attempt, kind: *kind, message, retry_in_ms: *retry_in_ms };
                self.work.fail_attempt(at, &failed);
            }
            Event::StepCompleted { outcome, .. } => self.complete(at, *outcome),
            Event::StepFailed { kind, code, message, .. } => {
                self.status = StepStatus::Failed;
                self.work.fail(Failure { at, kind: *kind, code: code.clone(), message: message.clone() });
            }
            _ => return self.add_undo(record),
        }
        self.work.requests.extend(requests(&record.event));
    }

    /// Whether the event goes on with the step where an earlier process may have left it open.
    fn goes_on_with(&self, event: &Event) -> bool {
        let open = matches!(self.status, StepStatus::Started | StepStatus::InDoubt);
        let forwards = matches!(
            event,
            Event::StepIntended { .. }
                | Event::StepCheckpoint { .. }
                | Event::StepAttemptFailed { .. }
                | Event::StepCompleted { .. }
                | Event::StepFailed { .. }
        );
        open && forwards
    }

    fn add_undo(&mut self, record: &Record) {
        let at = record.time;
        let compensation = self.compensation.get_or_insert_with(|| Compensation::new(at));
        compensation.add(record);
        compensation.work.requests.extend(requests(&record.event));
        self.status = match &record.event {
            Event::UndoIntended { .. } => StepStatus::Undoing,
            Event::UndoCompleted { .. } => StepStatus::Undone,
            Event::UndoFailed { .. } => StepStatus::UndoFailed,
            Event::UndoSkipped { .. } => StepStatus::Skipped,
            _ => self.status,
        };
        if matches!(self.status, StepStatus::Undone | StepStatus::Skipped) {
            self.settle(at);
        }
    }

    fn complete(&mut self, at: DateTime<Utc>, outcome: Outcome) {
        self.status = StepStatus::Completed;
        self.outcome = Some(outcome);
        self.work.succeed(at);
        self.settle(at);
    }

    fn doubtful(&self) -> bool {
        self.in_doubt.last().is_some_and(|doubt| doubt.until.is_none())
    }

    fn doubt(&mut self, at: DateTime<Utc>) {
        if !self.doubtful() {
            self.in_doubt.push(Period { from: at, until: None });
        }
    }

    fn settle(&mut self, at: DateTime<Utc>) {
        let open = self.in_doubt.last_mut().filter(|doubt| doubt.until.is_none());
        open.into_iter().for_each(|doubt| doubt.until = Some(at));
    }
}

impl Compensation {
    fn new(at: DateTime<Utc>) -> Self {
        Self { undo: None, work: Work::new(at), skipped: None }
    }

    fn add(&mut self, record: &Record) {
        let at = record.time;
        match &record.event {
            Event::UndoIntended { undo, .. } => {
                self.undo = Some(*undo);
                self.work.take_up_anew(at);
            }
            Event::UndoCheckpoint { data, .. } => self.work.note(at, data),
            Event::UndoAttemptFailed { attempt, kind, message, retry_in_ms, .. } => {
                let failed = Failed { number: *attempt, kind: *kind, message, retry_in_ms: *retry_in_ms };
                self.work.fail_attempt(at, &failed);
            }
            Event::UndoCompleted { undo, .. } => {
                self.undo = Some(*undo);
                self.work.succeed(at);
            }
            Event::UndoFailed { kind, code, message, .. } => {
                self.work.fail(Failure { at, kind: *kind, code: code.clone(), message: message.clone() });
            }
            Event::UndoSkipped { reason, .. } => {
                self.work.ended = Some(at);
                self.skipped = Some(Skip { at, by: record.actor.clone(), reason: reason.clone() });
            }
            _ => {}
        }
    }
}

/// The ids of requests that a record names. They are read from what the record says, not from the type of its event:
/// events of most kinds have none.
fn requests(event: &Event) -> Vec<String> {
    let Ok(Value::Object(said)) = serde_json::to_value(event) else { return Vec::new() };
    let Some(Value::Array(ids)) = said.get("requests") else { return Vec::new() };
    ids.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
