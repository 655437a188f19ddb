//! From records to events: what each record of a stream means to somebody outside.
//!
//! Events are CloudEvents 1.0 in structured JSON (<https://github.com/cloudevents/spec>, `cloudevents/formats/json-format.md`).
//! An event's id is its record's place, `<journal id>/<stream>/<seq>`: the same record has the same id for ever.
//!
//! | type | record |
//! |---|---|
//! | `twinctl.run.started` | a run started |
//! | `twinctl.step.failed` | a step failed for good |
//! | `twinctl.run.waiting` | the first attempt in a row at a step that ended in "not yet" or "throttled" |
//! | `twinctl.run.finished` | a run finished |
//! | `twinctl.run.failed` | a run failed |
//! | `twinctl.run.interrupted` | a run, or its rollback, was interrupted |
//! | `twinctl.run.rolled-back` | a rollback finished |
//! | `twinctl.run.rollback-failed` | a rollback left something behind |
//! | `twinctl.drift.found` | the cloud is not as it was deployed |

use std::collections::BTreeSet;

use chrono::{DateTime, SecondsFormat, Utc};
use journal::{Event as Happening, FailureKind, Record, RunId, StepId};
use serde::{Serialize, Serializer};
use serde_json::Value;
use uuid::Uuid;

/// The longest message that an event carries, in characters; an event must fit every sink.
const LONGEST_MESSAGE: usize = 4_000;
/// The most steps that an event lists.
const MOST_STEPS: usize = 100;

/// The name of the record that tells of drift.
const DRIFT: &str = "drift-found";

/// A lifecycle event; serialises as a CloudEvent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// The version of CloudEvents, `1.0`.
    pub specversion: &'static str,
    /// Its id, `<journal id>/<stream>/<seq>`.
    pub id: String,
    /// Whose event it is, `urn:twinctl:journal:<journal id>`.
    pub source: String,
    /// What happened, `twinctl.run.started`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The deployment.
    pub subject: String,
    /// When the record was appended, UTC.
    #[serde(serialize_with = "rfc3339")]
    pub time: DateTime<Utc>,
    /// What `data` is, `application/json`.
    pub datacontenttype: &'static str,
    /// The rest.
    pub data: Data,
}

/// What an event says besides; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Data {
    /// The record's place in its stream, by which events of one deployment are put in order.
    pub seq: u64,
    /// The run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// The steps, a hundred at most.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Value>,
    /// The kind of failure: `throttled`, `permanent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<FailureKind>,
    /// The stable error code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The cause, or why it was interrupted; without secrets, cut to a readable length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Who caused it, `user@host`.
    pub who: String,
    /// The CI run that it happened in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ci: Option<String>,
    /// The occurrence of a schedule that asked for the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Value>,
}

/// Reads a stream's records in their order and tells which of them are events.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    journal: Uuid,
    waiting: BTreeSet<StepId>,
}

impl Lifecycle {
    /// A reader of a journal's stream, from where these steps were waiting (none, at the start of a stream).
    #[must_use]
    pub fn new(journal: Uuid, waiting: BTreeSet<StepId>) -> Self {
        Self { journal, waiting }
    }

    /// The steps whose wait was told and goes on.
    #[must_use]
    pub fn waiting(&self) -> &BTreeSet<StepId> {
        &self.waiting
    }

    /// The event that the next record is, if it is one.
    pub fn event(&mut self, record: &Record) -> Option<Event> {
        let waits = self.begins_to_wait(&record.event);
        let kind = kind(&record.event, waits)?;
        Some(Event {
            specversion: "1.0",
            id: format!("{}/{}/{}", self.journal, record.stream, record.seq),
            source: format!("urn:twinctl:journal:{}", self.journal),
            kind: format!("twinctl.{kind}"),
            subject: record.stream.clone(),
            time: record.time,
            datacontenttype: "application/json",
            data: data(record),
        })
    }

    /// Keeps the steps that are waiting; true for the first record of a wait. Intents and checkpoints do not end one: an
    /// attempt may write them before it fails like the one before.
    fn begins_to_wait(&mut self, event: &Happening) -> bool {
        match event {
            Happening::StepAttemptFailed { step, kind: FailureKind::NotYet | FailureKind::Throttled, .. } => {
                self.waiting.insert(step.clone())
            }
            Happening::StepIntended { .. } | Happening::StepCheckpoint { .. } => false,
            other => {
                match other.step() {
                    Some(step) => drop(self.waiting.remove(step)),
                    None => self.waiting.clear(),
                }
                false
            }
        }
    }
}

fn kind(event: &Happening, waits: bool) -> Option<&'static str> {
    Some(match event {
        Happening::RunStarted { .. } => "run.started",
        Happening::StepFailed { .. } => "step.failed",
        Happening::StepAttemptFailed { .. } if waits => "run.waiting",
        Happening::RunFinished => "run.finished",
        Happening::RunFailed { .. } => "run.failed",
        Happening::RunInterrupted { .. } => "run.interrupted",
        Happening::RollbackFinished => "run.rolled-back",
        Happening::RollbackFailed { .. } => "run.rollback-failed",
        other if other.name() == DRIFT => "drift.found",
        _ => return None,
    })
}

/// Taken from the record's own JSON by name, so that every event that has a code, a message or a trigger tells it.
fn data(record: &Record) -> Data {
    let fields = serde_json::to_value(&record.event).expect("events are plain data");
    let text = |name: &str| fields[name].as_str().map(cut);
    let steps = fields["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    let actor = &record.actor;
    Data {
        seq: record.seq,
        run: record.run,
        step: record.event.step().cloned(),
        steps: steps.iter().take(MOST_STEPS).cloned().collect(),
        failure: failure(&record.event),
        code: text("code"),
        message: text("message").or_else(|| text("reason")),
        who: format!("{}@{}", actor.user, actor.host),
        ci: actor.ci.clone(),
        trigger: fields.get("trigger").filter(|trigger| !trigger.is_null()).cloned(),
    }
}

fn failure(event: &Happening) -> Option<FailureKind> {
    match event {
        Happening::StepFailed { kind, .. } | Happening::StepAttemptFailed { kind, .. } => Some(*kind),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

fn rfc3339<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Micros, true))
}

#[cfg(test)]
mod tests;
