//! Records for tests: chained as the journal chains them, with hashes that only have to differ.

use chrono::{DateTime, TimeDelta, Utc};
use journal::{Action, Actor, Digest, Event, FailureKind, Head, Record, RunId, RunKind, StepId, read::StreamHead};
use serde_json::json;
use uuid::Uuid;

pub(crate) const JOURNAL: Uuid = Uuid::from_u128(0x6b8f_7a00_0000_4000_8000_0000_0000_0001);

/// One stream in the making.
#[derive(Debug, Clone)]
pub(crate) struct History {
    pub(crate) stream: String,
    pub(crate) records: Vec<Record>,
}

impl History {
    pub(crate) fn of(stream: &str) -> Self {
        Self { stream: stream.to_owned(), records: Vec::new() }
    }

    pub(crate) fn push(&mut self, event: Event) -> &mut Self {
        let seq = self.records.len() as u64;
        let hash = |seq: u64| Digest(format!("{}-{seq}", self.stream));
        self.records.push(Record {
            v: 1,
            stream: self.stream.clone(),
            seq,
            time: epoch() + TimeDelta::seconds(seq as i64),
            actor: actor(),
            run: Some(RunId(Uuid::from_u128(7))),
            event,
            prev: seq.checked_sub(1).map_or_else(|| Digest("genesis".into()), hash),
            hash: hash(seq),
        });
        self
    }

    pub(crate) fn head(&self) -> Option<StreamHead> {
        let last = self.records.last()?;
        let head = Head { seq: last.seq, hash: last.hash.clone() };
        Some(StreamHead { stream: self.stream.clone(), head })
    }
}

pub(crate) fn epoch() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().expect("a time")
}

fn actor() -> Actor {
    Actor {
        user: "ada".into(),
        host: "lab".into(),
        process: 42,
        version: "0.1.0".into(),
        ci: Some("https://ci/7".into()),
    }
}

pub(crate) fn run_started() -> Event {
    Event::RunStarted {
        kind: RunKind::Deploy,
        definition: Digest("d".into()),
        previous: None,
        target: json!("local"),
        adopt: false,
        trigger: None,
    }
}

pub(crate) fn started(step: &str) -> Event {
    Event::StepStarted { step: StepId::new(step), document: Digest("d".into()) }
}

pub(crate) fn intended(step: &str) -> Event {
    Event::StepIntended { step: StepId::new(step), action: Action::Create, key: Uuid::nil() }
}

pub(crate) fn attempt_failed(step: &str, attempt: u32, kind: FailureKind) -> Event {
    let message = "429 too many requests".to_owned();
    Event::StepAttemptFailed { step: StepId::new(step), attempt, kind, message, retry_in_ms: Some(1500) }
}

pub(crate) fn step_failed(step: &str, message: &str) -> Event {
    let (kind, code) = (FailureKind::Permanent, Some("over-quota".to_owned()));
    Event::StepFailed { step: StepId::new(step), kind, code, message: message.to_owned() }
}
