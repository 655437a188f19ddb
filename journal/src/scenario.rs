//! Legal histories for tests: a small engine that runs, fails, resumes and rolls back as its choices tell it.

pub(crate) mod schedules;

use chrono::{DateTime, Duration, TimeZone, Utc};
use serde_json::json;

use crate::event::{Action, Digest, Drift, DriftKind, Event, FailureKind, Outcome, RunId, RunKind, StepId, Undo};
use crate::record::{Actor, Draft, Record, sha256};
use crate::state::{RunStatus, StepStatus, StreamState};

/// The stream of every scenario.
pub(crate) const STREAM: &str = "factory";

/// An actor that is the same everywhere.
pub(crate) fn actor() -> Actor {
    Actor {
        user: "ada".to_owned(),
        host: "lab".to_owned(),
        process: 42,
        version: "0.1.0".to_owned(),
        ci: Some("https://ci/7".to_owned()),
    }
}

/// The digest of some text.
pub(crate) fn digest(text: &str) -> Digest {
    sha256("", text.as_bytes())
}

/// The run of this number.
pub(crate) fn run_id(number: u128) -> RunId {
    RunId(uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + number))
}

/// A history in the making.
pub(crate) struct History {
    pub(crate) state: StreamState,
    pub(crate) records: Vec<Record>,
    pub(crate) run: Option<RunId>,
    stream: String,
    actor: Actor,
}

impl History {
    pub(crate) fn new() -> Self {
        Self::of(STREAM)
    }

    pub(crate) fn of(stream: &str) -> Self {
        let state = StreamState::default();
        Self { state, records: Vec::new(), run: None, stream: stream.to_owned(), actor: actor() }
    }

    /// Appends an event to the run under way.
    pub(crate) fn try_push(&mut self, event: Event) -> Result<(), String> {
        let record = self.draft(event);
        self.state.apply(&record).map_err(|illegal| illegal.to_string())?;
        self.records.push(record);
        Ok(())
    }

    pub(crate) fn push(&mut self, event: Event) -> &mut Self {
        self.try_push(event).expect("the scenario is legal");
        self
    }

    fn draft(&self, event: Event) -> Record {
        let time = epoch() + Duration::milliseconds(self.records.len() as i64);
        let head = self.state.head.as_ref();
        Draft { stream: &self.stream, head, time, actor: &self.actor, run: self.run, event }.seal().0
    }

    /// Starts the next run.
    pub(crate) fn start(&mut self, kind: RunKind, definition: &str) -> &mut Self {
        self.run = Some(run_id(self.state.runs.len() as u128));
        let previous = self.state.definition().cloned();
        self.push(Event::RunStarted {
            kind,
            definition: digest(definition),
            previous,
            target: json!({"name": "local"}),
            adopt: false,
            trigger: None,
        })
    }

    pub(crate) fn begin(&mut self, step: &str) -> &mut Self {
        self.push(started(step))
    }

    pub(crate) fn intend(&mut self, step: &str, action: Action) -> &mut Self {
        self.push(intended(step, action))
    }

    pub(crate) fn complete(&mut self, step: &str, outcome: Outcome) -> &mut Self {
        let output = json!({"run": self.state.runs.len(), "step": step});
        self.push(Event::StepCompleted { step: StepId::new(step), outcome, output, requests: Vec::new() })
    }

    /// A step from its start to its completion.
    pub(crate) fn done(&mut self, step: &str, outcome: Outcome) -> &mut Self {
        self.begin(step);
        match outcome {
            Outcome::Created => self.intend(step, Action::Create),
            Outcome::Updated => self.intend(step, Action::Update),
            Outcome::Deleted => self.intend(step, Action::Delete),
            _ => self,
        };
        self.complete(step, outcome)
    }

    /// A compensation from its intent to its end.
    pub(crate) fn undo(&mut self, step: &str, undo: Undo) -> &mut Self {
        self.push(undoing(step, undo)).push(Event::UndoCompleted {
            step: StepId::new(step),
            undo,
            output: serde_json::Value::Null,
            requests: Vec::new(),
        })
    }

    /// The canonical lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.records.iter().map(Record::line).collect()
    }
}

/// When every scenario starts.
pub(crate) fn epoch() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().expect("a real date")
}

pub(crate) fn started(step: &str) -> Event {
    Event::StepStarted { step: StepId::new(step), document: digest(step) }
}

pub(crate) fn intended(step: &str, action: Action) -> Event {
    Event::StepIntended {
        step: StepId::new(step),
        action,
        key: uuid::Uuid::new_v5(&uuid::Uuid::nil(), step.as_bytes()),
    }
}

pub(crate) fn undoing(step: &str, undo: Undo) -> Event {
    let key = uuid::Uuid::new_v5(&uuid::Uuid::max(), step.as_bytes());
    Event::UndoIntended { step: StepId::new(step), undo, key }
}

pub(crate) fn failed(step: &str) -> Event {
    Event::StepFailed {
        step: StepId::new(step),
        kind: FailureKind::Permanent,
        code: Some("quota".to_owned()),
        message: "the quota is used up".to_owned(),
    }
}

pub(crate) fn attempt_failed(step: &str, attempt: u32) -> Event {
    Event::StepAttemptFailed {
        step: StepId::new(step),
        attempt,
        kind: FailureKind::Throttled,
        message: "429 too many requests".to_owned(),
        retry_in_ms: Some(1500),
    }
}

fn undo_failed(step: &str) -> Event {
    Event::UndoFailed {
        step: StepId::new(step),
        kind: FailureKind::Conflict,
        code: Some("not-ours".to_owned()),
        message: "another deployment has taken it".to_owned(),
    }
}

/// A history in which every kind of event occurs.
pub(crate) fn every_event() -> History {
    let mut it = History::new();
    it.start(RunKind::Deploy, "one").done("setup/group", Outcome::Created);
    it.push(Event::RunInterrupted { reason: "SIGTERM".to_owned() })
        .push(Event::RunResumed { adopt: true, trigger: None });
    it.begin("l4/twins").push(attempt_failed("l4/twins", 1)).intend("l4/twins", Action::Create);
    it.push(Event::StepCheckpoint { step: StepId::new("l4/twins"), data: json!({"poll": "https://arm/operations/1"}) });
    it.push(failed("l4/twins")).push(Event::RunFailed { steps: vec![StepId::new("l4/twins")] });
    it.push(Event::RollbackStarted { automatic: true }).push(undoing("l4/twins", Undo::Delete));
    it.push(Event::UndoCheckpoint {
        step: StepId::new("l4/twins"), data: json!(["batch", 1, 2.5, "ä\u{1F600}\u{1}"])
    });
    it.push(Event::UndoAttemptFailed {
        step: StepId::new("l4/twins"),
        attempt: 1,
        kind: FailureKind::NotYet,
        message: "the role has not reached the data plane".to_owned(),
        retry_in_ms: None,
    });
    it.push(undo_failed("l4/twins")).push(Event::RollbackFailed { steps: vec![StepId::new("l4/twins")] });
    it.push(Event::RollbackStarted { automatic: false });
    it.push(Event::UndoSkipped { step: StepId::new("l4/twins"), reason: "kept for the auditor".to_owned() });
    it.undo("setup/group", Undo::Delete).push(Event::RollbackFinished);
    it.start(RunKind::Deploy, "two").done("setup/group", Outcome::Found).push(Event::RunFinished);
    it
}

/// The same, and then what leaves no stream as it was: for tests that read records only.
pub(crate) fn every_event_and_a_prune() -> History {
    let mut it = every_event();
    it.run = None;
    it.push(pruned(18)).push(Event::NoDrift { unseen: Vec::new(), trigger: None });
    let drift = |seen| Drift { step: StepId::new("setup/group"), seen, paths: vec!["/tags/owner".to_owned()] };
    it.push(Event::DriftFound {
        steps: vec![drift(DriftKind::Differs)],
        unseen: vec![StepId::new("l4/twins")],
        trigger: None,
    });
    it.push(Event::DriftAccepted { steps: vec![drift(DriftKind::Differs)], reason: Some("agreed".to_owned()) });
    it
}

/// The record of a prune that never took place: it is legal, and the records are still there.
fn pruned(size: u64) -> Event {
    let (state, export) = (digest("state"), digest("export"));
    Event::Pruned { size, root: crate::merkle::leaf("root"), state, export, before: epoch() }
}

/// A source of choices: proptest's bytes, so that a failing history shrinks.
pub(crate) struct Choices<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Choices<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    /// A number below `n`; 0 once the choices are used up.
    fn below(&mut self, n: usize) -> usize {
        usize::from(*self.bytes.next().unwrap_or(&0)) % n
    }
}

/// A legal history of several runs: what an engine does is decided by the choices, that it is legal is not.
pub(crate) fn random(bytes: &[u8]) -> History {
    let mut choices = Choices::new(bytes);
    let mut it = History::new();
    for number in 0..=choices.below(3) {
        let kind = if number > 0 && choices.below(4) == 3 { RunKind::Destroy } else { RunKind::Deploy };
        it.start(kind, &format!("definition {number}"));
        random_run(&mut it, &mut choices, kind);
    }
    it
}

fn random_run(it: &mut History, choices: &mut Choices<'_>, kind: RunKind) {
    let mut failures = Vec::new();
    for number in 0..=choices.below(4) {
        let step = format!("step-{number}");
        if !random_step(it, choices, &step, kind) {
            failures.push(StepId::new(step));
        }
        if choices.below(6) == 5 {
            it.push(Event::RunInterrupted { reason: "SIGINT".to_owned() })
                .push(Event::RunResumed { adopt: false, trigger: None });
        }
    }
    match (failures.is_empty(), choices.below(2)) {
        (true, 0) => {
            it.push(Event::RunFinished);
        }
        (true, _) => random_rollback(it, choices),
        (false, _) => {
            it.push(Event::RunFailed { steps: failures });
            random_rollback(it, choices);
        }
    }
}

/// Whether it ended well.
fn random_step(it: &mut History, choices: &mut Choices<'_>, step: &str, kind: RunKind) -> bool {
    it.begin(step);
    for number in 0..choices.below(3) {
        it.push(attempt_failed(step, number as u32 + 1));
    }
    let acts = choices.below(3) > 0;
    let (action, outcome) = match (kind, choices.below(2)) {
        (RunKind::Destroy, _) => (Action::Delete, Outcome::Deleted),
        (_, 0) => (Action::Create, Outcome::Created),
        _ => (Action::Update, Outcome::Updated),
    };
    if acts {
        it.intend(step, action);
        (0..choices.below(3)).for_each(|number| {
            it.push(Event::StepCheckpoint { step: StepId::new(step), data: json!({"batch": number}) });
        });
    }
    if choices.below(5) == 4 {
        it.push(failed(step));
        return false;
    }
    it.complete(step, if acts { outcome } else { Outcome::Unchanged });
    true
}

fn random_rollback(it: &mut History, choices: &mut Choices<'_>) {
    it.push(Event::RollbackStarted { automatic: choices.below(2) == 0 });
    if choices.below(4) == 3 {
        it.push(Event::RunInterrupted { reason: "SIGINT".to_owned() })
            .push(Event::RollbackStarted { automatic: false });
    }
    let mut stuck = Vec::new();
    for id in to_undo(it) {
        match choices.below(6) {
            4 => {
                it.push(Event::UndoSkipped { step: id, reason: "known".to_owned() });
            }
            5 => {
                it.push(undoing(id.as_str(), Undo::Delete)).push(undo_failed(id.as_str()));
                stuck.push(id);
            }
            _ => {
                it.undo(id.as_str(), Undo::Delete);
            }
        }
    }
    if !stuck.is_empty() {
        it.push(Event::RollbackFailed { steps: stuck.clone() }).push(Event::RollbackStarted { automatic: false });
        for id in &stuck {
            it.undo(id.as_str(), Undo::Leave);
        }
    }
    it.push(Event::RollbackFinished);
    assert_eq!(it.state.last_run().map(|run| run.status), Some(RunStatus::RolledBack));
}

fn to_undo(it: &History) -> Vec<StepId> {
    let run = it.state.last_run().expect("a run is under way");
    let steps = run.completed_newest_first().into_iter().chain(run.in_doubt_newest_first());
    let open = steps.filter(|(_, step)| step.needs_undo() && step.status != StepStatus::Undone);
    open.map(|(id, _)| id.clone()).collect()
}
