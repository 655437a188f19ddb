//! A run recorded through the journal's own store: it crashes, is resumed, retries, fails, rolls back in two goes, and
//! one compensation is skipped on an operator's word. Its messages hold what a page must not execute.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Duration, TimeZone as _, Utc};
use journal::{Action, Actor, Clock, Digest, Event, FailureKind, Outcome, Record, RunId, RunKind, StepId, Store, Undo};
use serde_json::{Value, json};

/// The stream of the run.
pub(crate) const STREAM: &str = "local-factory";
/// What a page that does not escape would execute.
pub(crate) const HOSTILE: &str =
    r#"429 <img src=x onerror="document.title='owned'"> & <script>document.title='owned'</script>"#;

/// A clock that stands still until it is set.
struct HandClock(Mutex<DateTime<Utc>>);

impl Clock for HandClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// The records, the journal's id and the run's.
pub(crate) struct Recorded {
    pub(crate) journal: uuid::Uuid,
    pub(crate) run: RunId,
    pub(crate) records: Vec<Record>,
}

/// When the run starts.
pub(crate) fn epoch() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 2, 3, 4, 5).single().unwrap()
}

pub(crate) fn actor(user: &str, process: u32) -> Actor {
    let (host, version) = ("plant-7".to_owned(), "0.1.0".to_owned());
    let ci = (user == "ci").then(|| "https://ci.example/runs/7".to_owned());
    Actor { user: user.to_owned(), host, process, version, ci }
}

/// Who works on the run, one process after the other, and what each records: milliseconds since the epoch, and events.
fn chapters() -> Vec<(Actor, Vec<(i64, Event)>)> {
    vec![
        (actor("ci", 4242), first()),
        (actor("ada", 77), second()),
        (actor("ada", 78), third()),
        (actor("grace", 91), fourth()),
    ]
}

/// Creates, waits for a role, and is killed with the hub and the twins in doubt.
fn first() -> Vec<(i64, Event)> {
    vec![
        (0, run_started()),
        (20, started("setup/resource-group")),
        (60, intended("setup/resource-group", Action::Create)),
        (900, completed("setup/resource-group", Outcome::Created)),
        (910, started("setup/identity")),
        (915, started("setup/storage")),
        (920, started("l1/hub")),
        (1000, intended("setup/identity", Action::Create)),
        (1040, intended("setup/storage", Action::Create)),
        (1100, intended("l1/hub", Action::Create)),
        (1500, checkpoint("l1/hub", json!({"poll": "https://management.local/operations/1"}))),
        (1900, completed("setup/identity", Outcome::Created)),
        (1950, started("setup/role")),
        (2000, failed("setup/role", 1, FailureKind::NotYet, "403: the role has not reached the data plane", 1500)),
        (2600, failed("setup/storage", 1, FailureKind::Throttled, HOSTILE, 2000)),
        (3600, failed("setup/role", 2, FailureKind::NotYet, "403: the role has not reached the data plane", 3000)),
        (5200, completed("setup/storage", Outcome::Created)),
        (5230, started("l4/adt-instance")),
        (5300, intended("l4/adt-instance", Action::Create)),
        (6700, completed("setup/role", Outcome::Passed)),
        (7400, checkpoint("l1/hub", json!({"poll": "https://management.local/operations/1"}))),
    ]
}

/// Resumed a quarter of an hour later: settles the doubt (as the engine does it, without starting those steps again),
/// updates, and fails at the twins.
fn second() -> Vec<(i64, Event)> {
    let base = 920_000;
    let after = |events: Vec<(i64, Event)>| events.into_iter().map(|(at, event)| (base + at, event)).collect();
    after(vec![
        (0, Event::RunResumed { adopt: true, trigger: None }),
        (300, completed("l4/adt-instance", Outcome::Created)),
        (2400, completed("l1/hub", Outcome::Created)),
        (2420, started("l1/devices")),
        (2425, started("l2/persister")),
        (2430, started("l4/twins")),
        (2435, started("l3/hot")),
        (2500, intended("l2/persister", Action::Update)),
        (2520, completed("l3/hot", Outcome::Found)),
        (2540, intended("l4/twins", Action::Create)),
        (2600, completed("l1/devices", Outcome::Unchanged)),
        (2900, checkpoint("l4/twins", json!(["batch", 1]))),
        (3100, failed("l4/twins", 1, FailureKind::Transient, "connection reset by peer", 1000)),
        (4300, completed("l2/persister", Outcome::Updated)),
        (4900, last_failed("l4/twins", 2, "400 BadRequest: twin `press-4` names no model")),
        (
            4910,
            Event::StepFailed {
                step: StepId::new("l4/twins"),
                kind: FailureKind::Permanent,
                code: Some("twin-model-unknown".to_owned()),
                message: "400 BadRequest: twin `press-4` names no model".to_owned(),
            },
        ),
        (4920, Event::RunFailed { steps: vec![StepId::new("l4/twins")] }),
    ])
}

/// Rolled back two minutes later, interrupted on the way.
fn third() -> Vec<(i64, Event)> {
    let base = 1_045_000;
    let after = |events: Vec<(i64, Event)>| events.into_iter().map(|(at, event)| (base + at, event)).collect();
    after(vec![
        (0, Event::RollbackStarted { automatic: false }),
        (40, undoing("l4/twins", Undo::Delete)),
        (45, undoing("l2/persister", Undo::Restore)),
        (900, undone("l4/twins", Undo::Delete)),
        (950, undoing("l1/hub", Undo::Delete)),
        (1200, undone("l2/persister", Undo::Restore)),
        (1250, undo_failed_once("l1/hub", "409: another operation is in progress", 800)),
        (2900, undone("l1/hub", Undo::Delete)),
        (2950, undoing("l4/adt-instance", Undo::Delete)),
        (3300, Event::RunInterrupted { reason: "SIGINT".to_owned() }),
    ])
}

/// Goes on with the rollback; the storage account is kept on an operator's word.
fn fourth() -> Vec<(i64, Event)> {
    let base = 4_800_000;
    let after = |events: Vec<(i64, Event)>| events.into_iter().map(|(at, event)| (base + at, event)).collect();
    let reason = "kept for the auditor <b>until March</b>".to_owned();
    after(vec![
        (0, Event::RollbackStarted { automatic: false }),
        (10, Event::UndoSkipped { step: StepId::new("setup/storage"), reason }),
        (30, undoing("l4/adt-instance", Undo::Delete)),
        (1400, undone("l4/adt-instance", Undo::Delete)),
        (1420, undoing("setup/identity", Undo::Delete)),
        (1800, undone("setup/identity", Undo::Delete)),
        (1820, undoing("setup/resource-group", Undo::Delete)),
        (2900, undone("setup/resource-group", Undo::Delete)),
        (2910, Event::RollbackFinished),
    ])
}

/// Records the run in a store of its own.
pub(crate) async fn run() -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let run = RunId(uuid::Uuid::from_u128(0x019b_7c61_23a8_7000_8000_0000_0000_0007));
    let mut recorded = Recorded { journal: uuid::Uuid::nil(), run, records: Vec::new() };
    for (actor, events) in chapters() {
        record(folder.path(), actor, events, &mut recorded).await;
    }
    recorded
}

/// One process: it opens the journal, writes, and is gone.
async fn record(folder: &Path, actor: Actor, events: Vec<(i64, Event)>, into: &mut Recorded) {
    let clock = Arc::new(HandClock(Mutex::new(epoch())));
    let store = Store::open_with(folder, actor, "run", Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let stream = store.stream(STREAM).unwrap();
    into.journal = store.id();
    for (at, event) in events {
        *clock.0.lock().unwrap() = epoch() + Duration::milliseconds(at);
        into.records.push(stream.append(Some(into.run), event).await.unwrap());
    }
}

fn key(step: &str) -> uuid::Uuid {
    uuid::Uuid::new_v5(&uuid::Uuid::nil(), step.as_bytes())
}

fn run_started() -> Event {
    let (kind, definition, target) = (RunKind::Deploy, "5f".repeat(32), json!({"name": "local"}));
    let event = json!({"type": "run-started", "kind": kind, "definition": definition, "target": target});
    serde_json::from_value(event).unwrap()
}

fn started(step: &str) -> Event {
    Event::StepStarted { step: StepId::new(step), document: Digest("ab".repeat(32)) }
}

fn intended(step: &str, action: Action) -> Event {
    Event::StepIntended { step: StepId::new(step), action, key: key(step) }
}

fn checkpoint(step: &str, data: Value) -> Event {
    Event::StepCheckpoint { step: StepId::new(step), data }
}

fn completed(step: &str, outcome: Outcome) -> Event {
    serde_json::from_value(json!({
        "type": "step-completed", "step": step, "outcome": outcome, "output": {"id": step},
    }))
    .unwrap()
}

fn failed(step: &str, attempt: u32, kind: FailureKind, message: &str, wait: u64) -> Event {
    let event = json!({
        "type": "step-attempt-failed", "step": step, "attempt": attempt, "kind": kind, "message": message,
        "retry_in_ms": wait,
    });
    serde_json::from_value(event).unwrap()
}

fn last_failed(step: &str, attempt: u32, message: &str) -> Event {
    let event = json!({
        "type": "step-attempt-failed", "step": step, "attempt": attempt, "kind": "permanent", "message": message,
    });
    serde_json::from_value(event).unwrap()
}

fn undoing(step: &str, undo: Undo) -> Event {
    Event::UndoIntended { step: StepId::new(step), undo, key: key(&format!("undo {step}")) }
}

fn undone(step: &str, undo: Undo) -> Event {
    serde_json::from_value(json!({"type": "undo-completed", "step": step, "undo": undo})).unwrap()
}

fn undo_failed_once(step: &str, message: &str, wait: u64) -> Event {
    let event = json!({
        "type": "undo-attempt-failed", "step": step, "attempt": 1, "kind": "conflict", "message": message,
        "retry_in_ms": wait,
    });
    serde_json::from_value(event).unwrap()
}
