//! A record as an OCSF event of class API Activity (6003).
//!
//! Everything that the class requires is there: who (`actor`), from where (`src_endpoint`), what (`api`, `activity_id`,
//! `resources`), when (`time`), how it went (`status_id`, `severity_id`), and by which product (`metadata`). What OCSF has
//! no word for stands in `unmapped`.

use chrono::SecondsFormat;
use journal::{Action, Event, FailureKind, Outcome, Record, Undo};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::words::word;

/// The version of OCSF that the events are made for.
pub const VERSION: &str = "1.8.0";

const CLASS: u32 = 6003;
const CATEGORY: u32 = 6;

/// What was done to the resource; the discriminants are OCSF's `activity_id`.
#[derive(Clone, Copy)]
enum Activity {
    Create = 1,
    Read = 2,
    Update = 3,
    Delete = 4,
    Other = 99,
}

/// How much it matters; the discriminants are OCSF's `severity_id`.
#[derive(Clone, Copy)]
enum Severity {
    Informational = 1,
    Low = 2,
    Medium = 3,
    High = 4,
}

/// How it went; the discriminants are OCSF's `status_id`.
#[derive(Clone, Copy)]
enum Status {
    Unknown = 0,
    Success = 1,
    Failure = 2,
}

/// What a record says of a failure.
struct Fault<'a> {
    kind: Option<FailureKind>,
    code: Option<&'a str>,
    message: &'a str,
}

pub(super) fn event(journal_id: Uuid, record: &Record) -> Value {
    let (activity, severity, status) = (activity(&record.event), severity(&record.event), status(&record.event));
    let name = activity_name(activity, &record.event);
    let mut event = members(json!({
        "category_uid": CATEGORY,
        "category_name": "Application Activity",
        "class_uid": CLASS,
        "class_name": "API Activity",
        "activity_id": activity as u32,
        "activity_name": name,
        "type_uid": CLASS * 100 + activity as u32,
        "type_name": format!("API Activity: {name}"),
        "severity_id": severity as u32,
        "severity": severity_name(severity),
        "status_id": status as u32,
        "status": status_name(status),
        "time": record.time.timestamp_millis(),
        "message": message(record),
        "actor": actor(record),
        "api": api(record),
        "src_endpoint": src_endpoint(record),
        "resources": [resource(record)],
        "metadata": metadata(record),
        "unmapped": unmapped(journal_id, record),
    }));
    event.extend(raw(record));
    if let Some(fault) = fault(&record.event) {
        event.extend(failure(&fault));
    }
    Value::Object(event)
}

fn activity(event: &Event) -> Activity {
    match event {
        Event::StepIntended { action, .. } => match action {
            Action::Create => Activity::Create,
            Action::Update | Action::Adopt => Activity::Update,
            Action::Delete => Activity::Delete,
        },
        Event::StepCompleted { outcome, .. } => match outcome {
            Outcome::Created => Activity::Create,
            Outcome::Updated | Outcome::Adopted => Activity::Update,
            Outcome::Deleted => Activity::Delete,
            Outcome::Unchanged | Outcome::Found | Outcome::Left | Outcome::Passed => Activity::Read,
        },
        Event::UndoIntended { undo, .. } | Event::UndoCompleted { undo, .. } => match undo {
            Undo::Delete => Activity::Delete,
            Undo::Restore => Activity::Update,
            Undo::Recreate => Activity::Create,
            Undo::Leave => Activity::Read,
        },
        Event::StepStarted { .. } | Event::NoDrift { .. } | Event::DriftFound { .. } => Activity::Read,
        Event::Pruned { .. } => Activity::Delete,
        _ => Activity::Other,
    }
}

/// Where OCSF has no name for it, the event's own.
fn activity_name(activity: Activity, event: &Event) -> &'static str {
    match activity {
        Activity::Create => "Create",
        Activity::Read => "Read",
        Activity::Update => "Update",
        Activity::Delete => "Delete",
        Activity::Other => event.name(),
    }
}

fn severity(event: &Event) -> Severity {
    match event {
        Event::StepAttemptFailed { .. } | Event::UndoAttemptFailed { .. } => Severity::Low,
        Event::StepFailed { .. }
        | Event::RunInterrupted { .. }
        | Event::UndoSkipped { .. }
        | Event::DriftFound { .. }
        | Event::DriftAccepted { .. }
        | Event::Pruned { .. } => Severity::Medium,
        Event::UndoFailed { .. } | Event::RunFailed { .. } | Event::RollbackFailed { .. } => Severity::High,
        _ => Severity::Informational,
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Informational => "Informational",
        Severity::Low => "Low",
        Severity::Medium => "Medium",
        Severity::High => "High",
    }
}

/// What only begins has no status yet.
fn status(event: &Event) -> Status {
    match event {
        Event::StepCompleted { .. }
        | Event::UndoCompleted { .. }
        | Event::RunFinished
        | Event::RollbackFinished
        | Event::UndoSkipped { .. } => Status::Success,
        _ if fault(event).is_some() => Status::Failure,
        _ => Status::Unknown,
    }
}

fn status_name(status: Status) -> &'static str {
    match status {
        Status::Unknown => "Unknown",
        Status::Success => "Success",
        Status::Failure => "Failure",
    }
}

fn fault(event: &Event) -> Option<Fault<'_>> {
    match event {
        Event::StepAttemptFailed { kind, message, .. } | Event::UndoAttemptFailed { kind, message, .. } => {
            Some(Fault { kind: Some(*kind), code: None, message })
        }
        Event::StepFailed { kind, code, message, .. } | Event::UndoFailed { kind, code, message, .. } => {
            Some(Fault { kind: Some(*kind), code: code.as_deref(), message })
        }
        Event::RunFailed { .. } => Some(Fault { kind: None, code: None, message: "steps failed" }),
        Event::RollbackFailed { .. } => Some(Fault { kind: None, code: None, message: "compensations failed" }),
        Event::RunInterrupted { reason, .. } => Some(Fault { kind: None, code: None, message: reason }),
        _ => None,
    }
}

fn failure(fault: &Fault<'_>) -> Map<String, Value> {
    let code = fault.code.map(str::to_owned).or_else(|| fault.kind.map(|kind| word(&kind)));
    let mut failure = members(json!({ "status_detail": fault.message }));
    failure.extend(code.map(|code| ("status_code".to_owned(), code.into())));
    failure
}

fn message(record: &Record) -> String {
    let step = record.event.step().map(|step| format!(" {step}")).unwrap_or_default();
    let fault = fault(&record.event).map(|fault| format!(": {}", fault.message)).unwrap_or_default();
    format!("{}{step}{fault}", record.event.name())
}

fn actor(record: &Record) -> Value {
    let actor = &record.actor;
    json!({
        "app_name": "twinctl",
        "user": { "name": actor.user },
        "process": { "name": "twinctl", "pid": actor.process },
    })
}

/// The request is the one that the record names: the idempotency key of what it announces, or a cloud's own id.
fn api(record: &Record) -> Value {
    let mut api = members(json!({
        "operation": record.event.name(),
        "service": { "name": "twinctl", "version": record.actor.version },
    }));
    let said = said(&record.event);
    let named = said["requests"][0].as_str().or(said["key"].as_str());
    api.extend(named.map(|uid| ("request".to_owned(), json!({ "uid": uid }))));
    if let Some(fault) = fault(&record.event) {
        let mut response = members(json!({ "error_message": fault.message }));
        response.extend(fault.kind.map(|kind| ("error".to_owned(), word(&kind).into())));
        api.insert("response".to_owned(), response.into());
    }
    api.into()
}

fn src_endpoint(record: &Record) -> Value {
    json!({ "name": record.actor.host, "hostname": record.actor.host })
}

fn resource(record: &Record) -> Value {
    let stream = &record.stream;
    match (record.event.step(), record.run) {
        (Some(step), _) => json!({ "name": step, "type": "step", "namespace": stream }),
        (None, Some(run)) => json!({ "name": stream, "uid": run, "type": "run", "namespace": stream }),
        (None, None) => json!({ "name": stream, "type": "deployment" }),
    }
}

fn metadata(record: &Record) -> Value {
    let actor = &record.actor;
    let mut metadata = members(json!({
        "version": VERSION,
        "uid": super::id(record),
        "event_code": record.event.name(),
        "log_name": record.stream,
        "log_version": record.v.to_string(),
        "sequence": record.seq,
        "original_time": record.time.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        "product": { "name": "twinctl", "vendor_name": "twinctl", "version": actor.version },
    }));
    metadata.extend(record.run.map(|run| ("correlation_uid".to_owned(), run.to_string().into())));
    metadata.extend(actor.ci.as_ref().map(|ci| ("labels".to_owned(), json!([format!("ci:{ci}")]))));
    metadata.into()
}

fn unmapped(journal_id: Uuid, record: &Record) -> Value {
    json!({
        "journal": journal_id,
        "stream": record.stream,
        "seq": record.seq,
        "run": record.run,
        "event": record.event,
        "prev": record.prev,
        "hash": record.hash,
    })
}

/// The record as it is stored. OCSF's hash of it is of the line as it stands, which is not the record's own hash.
fn raw(record: &Record) -> Map<String, Value> {
    const SHA_256: u32 = 3;
    let line = record.line();
    let digest: String = Sha256::digest(line.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    members(json!({
        "raw_data_size": line.len(),
        "raw_data_hash": { "algorithm_id": SHA_256, "algorithm": "SHA-256", "value": digest },
        "raw_data": line,
    }))
}

/// The members of an event as its record says them.
fn said(event: &Event) -> Value {
    serde_json::to_value(event).unwrap_or_default()
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}
