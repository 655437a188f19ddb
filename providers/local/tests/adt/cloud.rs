//! One instance in a scratch folder, and what its tests say to it.

use std::time::Duration;

use axum::http::{HeaderMap, Request};
use bytes::Bytes;
use chrono::DateTime;
use local::adt::Service;
use local::clock::Clock;
use local::effects::{Entry, Log};
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const NAME: &str = "factory-adt";
pub(crate) const LATEST: &str = "2023-10-31";

/// A service with one instance, on a clock that moves only when told.
pub(crate) struct Cloud {
    pub(crate) dir: TempDir,
    pub(crate) clock: Clock,
    pub(crate) service: Service,
    effects: Log,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    /// `error.code` of the body, empty without one.
    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// Status and `error.code`.
    pub(crate) fn verdict(&self) -> (u16, &str) {
        (self.status, self.code())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn etag(&self) -> String {
        self.header("etag").expect("an ETag header").to_owned()
    }
}

impl Cloud {
    pub(crate) fn new() -> Self {
        let clock = Clock::manual(DateTime::from_timestamp(1_700_000_000, 0).unwrap(), None);
        Self::open(tempfile::tempdir().unwrap(), clock, Duration::ZERO)
    }

    pub(crate) fn open(dir: TempDir, clock: Clock, query_lag: Duration) -> Self {
        let effects = Log::open(dir.path(), clock.clone()).unwrap();
        let service = Service::open_lagging(dir.path(), effects.clone(), clock.clone(), query_lag).unwrap();
        service.create_instance(NAME).unwrap();
        Self { dir, clock, service, effects }
    }

    /// The same folder opened by a new service, as after a kill.
    pub(crate) fn reopened(self) -> Self {
        self.lagging(Duration::ZERO)
    }

    /// The same by one whose queries lag behind.
    pub(crate) fn lagging(self, query_lag: Duration) -> Self {
        Self::open(self.dir, self.clock, query_lag)
    }

    /// An instance with the factory's models: a machine with a part, a room, a hall that is a room.
    pub(crate) fn factory() -> Self {
        let cloud = Self::new();
        assert_eq!(cloud.post("/models", factory_models()).status, 201);
        cloud
    }

    pub(crate) fn send(&self, method: &str, target: &str, headers: &[(&str, &str)], body: Option<&Value>) -> Answer {
        let joint = if target.contains('?') { '&' } else { '?' };
        let version =
            if target.contains("api-version=") { String::new() } else { format!("{joint}api-version={LATEST}") };
        let mut request =
            Request::builder().method(method).uri(format!("https://{NAME}.adt.localhost{target}{version}"));
        for (name, value) in [("authorization", "Bearer t")].iter().chain(headers) {
            request = request.header(*name, *value);
        }
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let (head, body) = self.service.handle(NAME, request.body(body).unwrap()).into_parts();
        let body = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        self.send("GET", target, &[], None)
    }

    pub(crate) fn put(&self, target: &str, body: Value) -> Answer {
        self.send("PUT", target, &[], Some(&body))
    }

    pub(crate) fn post(&self, target: &str, body: Value) -> Answer {
        self.send("POST", target, &[], Some(&body))
    }

    pub(crate) fn patch(&self, target: &str, body: Value) -> Answer {
        self.send("PATCH", target, &[], Some(&body))
    }

    pub(crate) fn delete(&self, target: &str) -> Answer {
        self.send("DELETE", target, &[], None)
    }

    /// Runs a query that must work and returns its rows.
    pub(crate) fn rows(&self, query: &str) -> Vec<Value> {
        let answer = self.post("/query", json!({"query": query}));
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
        answer.body["value"].as_array().unwrap().clone()
    }

    /// Writes a twin that must be accepted.
    pub(crate) fn twin(&self, id: &str, model: &str, mut body: Value) -> Answer {
        body["$metadata"] = json!({"$model": model});
        let answer = self.put(&format!("/digitaltwins/{id}"), body);
        assert_eq!(answer.status, 200, "{id}: {}", answer.body);
        answer
    }

    /// The effects of the instance: operation, resource below the instance, `=` when nothing changed.
    pub(crate) fn effects(&self) -> Vec<String> {
        let line = |Entry { effect, .. }: Entry| {
            let resource = effect.resource.strip_prefix(&format!("{NAME}/")).unwrap_or(&effect.resource).to_owned();
            format!("{} {resource}{}", effect.operation, if effect.unchanged { " =" } else { "" })
        };
        self.effects.since(0).unwrap().into_iter().map(line).collect()
    }
}

pub(crate) const MACHINE: &str = "dtmi:factory:Machine;1";
pub(crate) const MOTOR: &str = "dtmi:factory:Motor;1";
pub(crate) const ROOM: &str = "dtmi:factory:Room;1";
pub(crate) const HALL: &str = "dtmi:factory:Hall;1";

/// Models with a component, an object, a map, an enum, inheritance and relationships with properties.
pub(crate) fn factory_models() -> Value {
    let context = "dtmi:dtdl:context;2";
    json!([
        {"@id": MOTOR, "@type": "Interface", "@context": context, "contents": [
            {"@type": "Property", "name": "speed", "schema": "double"},
            {"@type": "Property", "name": "hours", "schema": "integer"},
            {"@type": "Telemetry", "name": "vibration", "schema": "double"},
        ]},
        {"@id": MACHINE, "@type": "Interface", "@context": context, "displayName": "Machine", "contents": [
            {"@type": "Property", "name": "temperature", "schema": "double"},
            {"@type": "Property", "name": "serial", "schema": "string"},
            {"@type": "Property", "name": "running", "schema": "boolean"},
            {"@type": "Property", "name": "place", "schema": {"@type": "Object", "fields": [
                {"name": "x", "schema": "double"}, {"name": "y", "schema": "double"},
            ]}},
            {"@type": "Property", "name": "labels", "schema": {"@type": "Map",
                "mapKey": {"name": "key", "schema": "string"}, "mapValue": {"name": "value", "schema": "string"}}},
            {"@type": "Telemetry", "name": "noise", "schema": "double"},
            {"@type": "Component", "name": "motor", "schema": MOTOR},
        ]},
        {"@id": ROOM, "@type": "Interface", "@context": context, "contents": [
            {"@type": "Property", "name": "area", "schema": "double"},
            {"@type": "Relationship", "name": "contains", "target": MACHINE, "properties": [
                {"@type": "Property", "name": "since", "schema": "date"},
                {"@type": "Property", "name": "fixed", "schema": "boolean"},
            ]},
            {"@type": "Relationship", "name": "nextTo"},
        ]},
        {"@id": HALL, "@type": "Interface", "@context": context, "extends": ROOM, "contents": [
            {"@type": "Property", "name": "height", "schema": "double"},
        ]},
    ])
}
