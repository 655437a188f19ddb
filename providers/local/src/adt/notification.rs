//! Notifications: what an instance tells the world of one change or one telemetry message [D].

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::call::{Call, Version};
use super::change::{Change, Relationship};
use super::part::{Part, Twin};
use super::patch::{Edit, Operation};
use super::relationship;
use super::state::State;
use super::ticks::Ticks;

/// What Event Grid's own schema shows for the time of an event that has none [D].
const NO_TIME: &str = "0001-01-01T00:00:00Z";

/// One notification, in whichever schema it leaves; its source is known only where it leaves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    /// What it is known by; the same however often it is sent.
    id: Cow<'static, str>,
    kind: Cow<'static, str>,
    /// The twin, `{twin}/relationships/{id}`, or the component that telemetry comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// The twin that telemetry comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emitter: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// The model that telemetry is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    content_type: Cow<'static, str>,
    trace: String,
    data: Value,
}

impl Notification {
    /// What is told of a change of `subject` that happened at `at`.
    fn of_change(kind: &'static str, subject: String, at: Ticks, data: Value, call: &Call<'_>) -> Self {
        Self {
            id: Uuid::new_v4().to_string().into(),
            kind: kind.into(),
            subject: Some(subject),
            emitter: None,
            time: Some(at.of_twin()),
            schema: None,
            content_type: "application/json".into(),
            trace: trace(call),
            data,
        }
    }

    /// A telemetry message of a twin, or of one of its components, as it was sent; `model` is the model of either.
    pub(super) fn of_telemetry(twin: &str, component: Option<&str>, model: &str, data: Value, call: &Call<'_>) -> Self {
        let header = |name| call.header(name).map(str::to_owned);
        Self {
            id: header("message-id").unwrap_or_default().into(),
            kind: "microsoft.iot.telemetry".into(),
            subject: component.map(str::to_owned),
            emitter: Some(twin.to_owned()),
            // Recorded: any text is taken for a source time. One that is none cannot be told.
            time: header("telemetry-source-time").filter(|time| DateTime::parse_from_rfc3339(time).is_ok()),
            schema: Some(model.to_owned()),
            content_type: header("content-type").map_or("application/json".into(), Cow::Owned),
            trace: trace(call),
            data,
        }
    }

    /// In the schema of CloudEvents 1.0, in which the data is not wrapped; `host` is the instance's.
    pub fn cloud_event(&self, host: &str) -> Value {
        let source = match &self.emitter {
            Some(twin) => format!("{host}/digitaltwins/{twin}"),
            None => host.to_owned(),
        };
        let mut event = json!({
            "specversion": "1.0",
            "id": self.id,
            "type": self.kind,
            "source": source,
            "data": self.data,
            "datacontenttype": self.content_type,
            "traceparent": self.trace,
        });
        let optional = [("subject", &self.subject), ("time", &self.time), ("dataschema", &self.schema)];
        for (name, value) in optional {
            if let Some(value) = value {
                event[name] = value.clone().into();
            }
        }
        event
    }

    /// In the Event Grid schema, in which the data is wrapped once more; `topic` is the topic's id.
    ///
    /// It cannot name its source, so the subject of telemetry is the twin, with its component behind it.
    pub fn grid_event(&self, topic: &str) -> Value {
        let subject = match (&self.emitter, &self.subject) {
            (Some(twin), Some(component)) => format!("{twin}/components/{component}"),
            (Some(twin), None) => twin.clone(),
            (None, subject) => subject.clone().unwrap_or_default(),
        };
        let mut data = json!({ "data": self.data, "contenttype": self.content_type, "traceparent": self.trace });
        if let Some(schema) = &self.schema {
            data["dataschema"] = schema.clone().into();
        }
        json!({
            "id": self.id,
            "topic": topic,
            "subject": subject,
            "eventType": self.kind,
            "eventTime": self.time.as_deref().unwrap_or(NO_TIME),
            "data": data,
            "dataVersion": "1.0",
            "metadataVersion": "1",
        })
    }
}

/// What the world is told of a change, given the state before it; nothing when it changes nothing.
///
/// A patch is told of as it was asked for, even where it writes what was there already: that is an update too, with a
/// time of its own. Whoever writes a whole over another one is told of with what differs.
pub(super) fn of(
    before: &State,
    change: &Change,
    patch: Option<&[Operation]>,
    call: &Call<'_>,
    now: Ticks,
) -> Option<Notification> {
    let told = |kind, subject: String, data| Some(Notification::of_change(kind, subject, now, data, call));
    let model = |twin: &str| before.twins.get(twin).map(|twin| &*twin.model).unwrap_or_default();
    let edge = |source: &str, id: &str| format!("{source}/relationships/{id}");
    match change {
        Change::PutTwin(id, twin) => match before.twins.get(id) {
            None => told("Microsoft.DigitalTwins.Twin.Create", id.to_string(), shown(id, twin)),
            Some(known) => {
                let data = update(&twin.model, patch.map_or_else(|| between(known, twin), asked))?;
                told("Microsoft.DigitalTwins.Twin.Update", id.to_string(), data)
            }
        },
        Change::DeleteTwin(id) => {
            let data = shown(id, before.twins.get(id)?);
            told("Microsoft.DigitalTwins.Twin.Delete", id.to_string(), data)
        }
        Change::PutRelationship(source, id, one) => match before.relationships.get(&(source.clone(), id.clone())) {
            None => {
                let data = relationship::document(source, id, one);
                told("Microsoft.DigitalTwins.Relationship.Create", edge(source, id), data)
            }
            Some(known) => {
                let data = update(model(source), patch.map_or_else(|| between_relationships(known, one), asked))?;
                told("Microsoft.DigitalTwins.Relationship.Update", edge(source, id), data)
            }
        },
        Change::DeleteRelationship(source, id) => {
            let data = relationship::document(source, id, before.relationships.get(&(source.clone(), id.clone()))?);
            told("Microsoft.DigitalTwins.Relationship.Delete", edge(source, id), data)
        }
        _ => None,
    }
}

/// A twin as notifications show it: without the times of parts, as in the documentation [D].
fn shown(id: &str, twin: &Twin) -> Value {
    twin.document(id, Version::V2020_10_31)
}

/// The W3C trace context of a notification: a new span in the caller's trace, or in a trace of its own.
fn trace(call: &Call<'_>) -> String {
    let random = || Uuid::new_v4().simple().to_string();
    let of_caller = call.header("traceparent").and_then(|parent| parent.split('-').nth(1));
    let is_trace = |trace: &&str| trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    let trace = of_caller.filter(is_trace).map_or_else(random, str::to_ascii_lowercase);
    format!("00-{trace}-{}-01", &random()[..16])
}

/// The data that tells of an update: the model and a JSON Patch; an empty patch says nothing.
fn update(model: &str, patch: Vec<Value>) -> Option<Value> {
    (!patch.is_empty()).then(|| json!({ "modelId": model, "patch": patch }))
}

/// The patch as it was asked for.
fn asked(operations: &[Operation]) -> Vec<Value> {
    let shown = |Operation { path, value }: &Operation| match value {
        Edit::Add(value) => edit("add", path, Some(value)),
        Edit::Replace(value) => edit("replace", path, Some(value)),
        Edit::Remove => edit("remove", path, None),
    };
    operations.iter().map(shown).collect()
}

fn edit<S: AsRef<str>>(kind: &str, path: &[S], value: Option<&Value>) -> Value {
    let path: String =
        path.iter().map(|part| format!("/{}", part.as_ref().replace('~', "~0").replace('/', "~1"))).collect();
    match value {
        Some(value) => json!({ "value": value, "path": path, "op": kind }),
        None => json!({ "path": path, "op": kind }),
    }
}

/// The patch that leads from one twin to another: what a twin that was written whole is told of with.
fn between(before: &Twin, after: &Twin) -> Vec<Value> {
    let mut patch = Vec::new();
    if before.model != after.model {
        patch.push(edit("replace", &["$metadata", "$model"], Some(&Value::from(&*after.model))));
    }
    between_parts(&[], Some(&before.root), Some(&after.root), &mut patch);
    let components = before.components.iter().chain(&after.components);
    for name in components.map(|(name, _)| &**name).collect::<BTreeSet<_>>() {
        between_parts(&[name], before.component(name), after.component(name), &mut patch);
    }
    patch
}

fn between_parts(at: &[&str], before: Option<&Part>, after: Option<&Part>, patch: &mut Vec<Value>) {
    let values = |part: Option<&Part>| -> Map<String, Value> {
        let properties = part.into_iter().flat_map(|part| &part.properties);
        properties.map(|property| (property.name.to_string(), property.value.clone())).collect()
    };
    patch.extend(between_values(at, &values(before), &values(after)));
    for property in after.into_iter().flat_map(|part| &part.properties) {
        let known = before.and_then(|part| part.property(&property.name)).and_then(|known| known.source_time.as_ref());
        if let Some(time) = property.source_time.as_ref().filter(|time| Some(*time) != known) {
            let path = [at, &["$metadata", &*property.name, "sourceTime"]].concat();
            patch.push(edit("replace", &path, Some(&Value::from(&**time))));
        }
    }
}

fn between_values(at: &[&str], before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Value> {
    let path = |name: &str| -> Vec<String> { at.iter().copied().chain([name]).map(str::to_owned).collect() };
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| edit("remove", &path(name), None));
    let written = after.iter().filter_map(|(name, value)| match before.get(name) {
        Some(known) if known == value => None,
        Some(_) => Some(edit("replace", &path(name), Some(value))),
        None => Some(edit("add", &path(name), Some(value))),
    });
    gone.chain(written).collect()
}

/// The patch that leads from one relationship to another under the same id.
fn between_relationships(before: &Relationship, after: &Relationship) -> Vec<Value> {
    let ends = [("$relationshipName", &before.name, &after.name), ("$targetId", &before.target, &after.target)];
    let moved = ends.into_iter().filter(|(_, before, after)| before != after);
    let moved = moved.map(|(name, _, after)| edit("replace", &[name], Some(&Value::from(&**after))));
    moved.chain(between_values(&[], &before.properties, &after.properties)).collect()
}
