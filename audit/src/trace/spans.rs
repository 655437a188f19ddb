//! The spans of a run: the run, its steps and compensations, their attempts.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use journal::{RunStatus, StepStatus};
use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use sha2::{Digest as _, Sha256};

use crate::Timeline;
use crate::timeline::{Attempt, AttemptEnd, Break, Cause, Compensation, Continued, Failure, How, Step, Work};
use crate::words::word;

/// The spans of a run, the run's own first, parents before children.
#[must_use]
pub fn spans(timeline: &Timeline) -> Vec<SpanData> {
    let trace = Trace { timeline, scope: scope(timeline) };
    let mut spans = vec![trace.run()];
    for step in &timeline.steps {
        trace.step(step, &mut spans);
        if let Some(compensation) = &step.compensation {
            trace.compensation(step, compensation, &mut spans);
        }
    }
    spans
}

struct Trace<'a> {
    timeline: &'a Timeline,
    scope: InstrumentationScope,
}

/// A span before it has its place in a trace.
struct Draft {
    name: Cow<'static, str>,
    kind: SpanKind,
    time: (DateTime<Utc>, DateTime<Utc>),
    attributes: Vec<KeyValue>,
    events: Vec<Event>,
    status: Status,
}

impl Trace<'_> {
    fn run(&self) -> SpanData {
        let run = self.timeline;
        let breaks = run.breaks.iter().flat_map(break_events);
        let draft = Draft {
            name: format!("{} {}", word(&run.kind), run.stream).into(),
            kind: SpanKind::Internal,
            time: (run.started, run.ended.unwrap_or(run.newest)),
            attributes: run_attributes(run),
            events: breaks.collect(),
            status: run_status(run),
        };
        self.span(draft, self.id(&[]), SpanId::INVALID)
    }

    fn step(&self, step: &Step, spans: &mut Vec<SpanData>) {
        let mut attributes = step_attributes(step);
        attributes.extend(step.action.map(|action| KeyValue::new("twinctl.action", word(&action))));
        attributes.extend(step.outcome.map(|outcome| KeyValue::new("twinctl.outcome", word(&outcome))));
        let completed = step.outcome.is_some();
        let draft = self.work(step.id.to_string(), &step.work, attributes, completed);
        self.add(draft, "do", step, &step.work, spans);
    }

    fn compensation(&self, step: &Step, compensation: &Compensation, spans: &mut Vec<SpanData>) {
        let mut attributes = step_attributes(step);
        attributes.extend(compensation.undo.map(|undo| KeyValue::new("twinctl.undo", word(&undo))));
        let work = &compensation.work;
        let mut draft = self.work(format!("undo {}", step.id), work, attributes, step.status == StepStatus::Undone);
        draft.events.extend(compensation.skipped.iter().map(|skip| {
            let by = format!("{}@{}", skip.by.user, skip.by.host);
            let said = vec![KeyValue::new("twinctl.by", by), KeyValue::new("twinctl.reason", skip.reason.clone())];
            event("twinctl.skipped", skip.at, said)
        }));
        self.add(draft, "undo", step, work, spans);
    }

    fn work(&self, name: String, work: &Work, mut attributes: Vec<KeyValue>, done: bool) -> Draft {
        attributes.push(KeyValue::new("twinctl.attempts", number(work.attempts.len())));
        if !work.requests.is_empty() {
            attributes.push(KeyValue::new("twinctl.requests", strings(&work.requests)));
        }
        let last = work.spells.last().map_or(work.started, |spell| spell.end(self.timeline.newest));
        let checkpoints = work.checkpoints.iter().map(|it| event("twinctl.checkpoint", it.at, Vec::new()));
        Draft {
            name: name.into(),
            kind: SpanKind::Internal,
            time: (work.started, work.ended.unwrap_or(last)),
            attributes,
            events: work.attempts.iter().filter_map(wait_event).chain(checkpoints).collect(),
            status: status(work.failure.as_ref(), done),
        }
    }

    /// Adds the span of some work and those of its attempts.
    fn add(&self, draft: Draft, way: &str, step: &Step, work: &Work, spans: &mut Vec<SpanData>) {
        let id = self.id(&[way, step.id.as_str()]);
        spans.push(self.span(draft, id, self.id(&[])));
        // Numbers start again with each rollback, so it is the place that tells attempts apart.
        for (place, attempt) in work.attempts.iter().enumerate() {
            let own = self.id(&[way, step.id.as_str(), &place.to_string()]);
            spans.push(self.span(self.attempt(step, attempt), own, id));
        }
    }

    fn attempt(&self, step: &Step, attempt: &Attempt) -> Draft {
        let mut attributes = step_attributes(step);
        attributes.push(KeyValue::new("twinctl.attempt", i64::from(attempt.number)));
        let status = match &attempt.end {
            AttemptEnd::Open => Status::Unset,
            AttemptEnd::Succeeded => Status::Ok,
            AttemptEnd::BrokenOff => Status::error("the run broke off under it"),
            AttemptEnd::Failed { kind, message } => {
                attributes.push(KeyValue::new("twinctl.failure.kind", word(kind)));
                Status::error(message.clone())
            }
        };
        Draft {
            name: format!("attempt {}", attempt.number).into(),
            kind: SpanKind::Client,
            time: (attempt.time.from, attempt.time.end(self.timeline.newest)),
            attributes,
            events: Vec::new(),
            status,
        }
    }

    fn span(&self, draft: Draft, id: SpanId, parent: SpanId) -> SpanData {
        let trace = TraceId::from_bytes(*self.timeline.run.0.as_bytes());
        let mut events = SpanEvents::default();
        events.events = draft.events;
        SpanData {
            span_context: SpanContext::new(trace, id, TraceFlags::SAMPLED, false, TraceState::default()),
            parent_span_id: parent,
            parent_span_is_remote: false,
            span_kind: draft.kind,
            name: draft.name,
            start_time: draft.time.0.into(),
            end_time: draft.time.1.max(draft.time.0).into(),
            attributes: draft.attributes,
            dropped_attributes_count: 0,
            events,
            links: SpanLinks::default(),
            status: draft.status,
            instrumentation_scope: self.scope.clone(),
        }
    }

    /// The beginning of a hash of the run and the rest of the path, each with its length so that none runs into the next.
    fn id(&self, path: &[&str]) -> SpanId {
        let mut hasher = Sha256::new_with_prefix(self.timeline.run.0.as_bytes());
        for part in path {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        let mut id = [0; 8];
        id.copy_from_slice(&hasher.finalize()[..8]);
        SpanId::from_bytes(id)
    }
}

fn scope(timeline: &Timeline) -> InstrumentationScope {
    let version = timeline.actors.last().map(|actor| actor.version.clone()).unwrap_or_default();
    InstrumentationScope::builder("twinctl").with_version(version).build()
}

fn run_attributes(run: &Timeline) -> Vec<KeyValue> {
    let users: Vec<String> = run.actors.iter().map(|actor| format!("{}@{}", actor.user, actor.host)).collect();
    vec![
        KeyValue::new("twinctl.stream", run.stream.clone()),
        KeyValue::new("twinctl.run", run.run.to_string()),
        KeyValue::new("twinctl.run.kind", word(&run.kind)),
        KeyValue::new("twinctl.run.status", word(&run.status)),
        KeyValue::new("twinctl.definition", run.definition.to_string()),
        KeyValue::new("twinctl.actors", strings(&users)),
        KeyValue::new("twinctl.records.from", number(run.from)),
        KeyValue::new("twinctl.records.to", number(run.to)),
        KeyValue::new("twinctl.records.head", run.head.to_string()),
    ]
}

fn step_attributes(step: &Step) -> Vec<KeyValue> {
    vec![
        KeyValue::new("twinctl.step", step.id.to_string()),
        KeyValue::new("twinctl.layer", step.layer.clone()),
        KeyValue::new("twinctl.step.status", word(&step.status)),
    ]
}

fn run_status(run: &Timeline) -> Status {
    match run.status {
        RunStatus::Finished => Status::Ok,
        RunStatus::Failed | RunStatus::PartiallyRolledBack => Status::error(run.status.to_string()),
        _ => Status::Unset,
    }
}

fn status(failure: Option<&Failure>, done: bool) -> Status {
    match failure {
        Some(failure) => Status::error(failure.message.clone()),
        None if done => Status::Ok,
        None => Status::Unset,
    }
}

/// The beginning of a break, and its end.
fn break_events(it: &Break) -> Vec<Event> {
    let (name, reason) = match &it.cause {
        Cause::Crash => ("twinctl.crash", String::new()),
        Cause::Interrupt { reason } => ("twinctl.interrupted", reason.clone()),
        Cause::Rest { status } => ("twinctl.at_rest", status.to_string()),
    };
    let mut began = vec![KeyValue::new("twinctl.process", i64::from(it.actor.process))];
    began.extend((!reason.is_empty()).then(|| KeyValue::new("twinctl.reason", reason)));
    let mut events = vec![event(name, it.from, began)];
    events.extend(it.continued.as_ref().map(continued_event));
    events
}

fn continued_event(continued: &Continued) -> Event {
    let name = match continued.how {
        How::Resume => "twinctl.resumed",
        How::Rollback => "twinctl.rollback",
    };
    let by = format!("{}@{}", continued.by.user, continued.by.host);
    let process = KeyValue::new("twinctl.process", i64::from(continued.by.process));
    event(name, continued.at, vec![KeyValue::new("twinctl.by", by), process])
}

fn wait_event(attempt: &Attempt) -> Option<Event> {
    let wait = attempt.wait?;
    let millis = wait.until.map_or(0, |until| (until - wait.from).num_milliseconds());
    let attributes =
        vec![KeyValue::new("twinctl.attempt", i64::from(attempt.number)), KeyValue::new("twinctl.wait.ms", millis)];
    Some(event("twinctl.wait", wait.from, attributes))
}

fn event(name: &'static str, at: DateTime<Utc>, attributes: Vec<KeyValue>) -> Event {
    Event::new(name, at.into(), attributes, 0)
}

fn strings(texts: &[String]) -> Value {
    Value::Array(Array::String(texts.iter().map(|text| StringValue::from(text.clone())).collect()))
}

fn number(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}
