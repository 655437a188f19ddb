//! JSON Patches of a twin, its component and a relationship of the local cloud's Azure Digital Twins, one per line.

use std::{fs, path::Path, sync::OnceLock};

use axum::http::Request;
use bytes::Bytes;
use chrono::DateTime;
use local::{adt::Service, clock::Clock, effects::Log};
use serde_json::{Value, json};
use tempfile::TempDir;

const NAME: &str = "fuzz";
const NODE: &str = "dtmi:fuzz:Node;1";
const OTHER: &str = "dtmi:fuzz:Other;1";
/// Lines after which the rest is left alone.
const LINES: usize = 8;

/// A line begins with what it patches (`t` the twin, `c` its component, `r` a relationship; upper case: in the oldest
/// version), the rest of it is the patch. What was taken can be read and would be taken as a whole, too; what was
/// refused has changed nothing; and the file replays to the same state.
pub fn adt_patch(input: &[u8]) -> String {
    let dir = folder();
    fs::create_dir(dir.path().join("adt")).expect("a folder in it");
    fs::write(file(dir.path()), base()).expect("the file of an instance");
    let service = open(dir.path());
    let mut outcomes = Vec::new();
    for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(LINES) {
        outcomes.push(patch(&service, line[0], &line[1..]));
    }
    let dump = service.dump();
    drop(service);
    assert_eq!(open(dir.path()).dump(), dump, "the file replays to something else");
    outcomes.join(", ")
}

fn patch(service: &Service, what: u8, body: &[u8]) -> String {
    let (read, write, copy) = match what.to_ascii_lowercase() {
        b't' => ("/digitaltwins/t", "/digitaltwins/t", "/digitaltwins/copy"),
        b'c' => ("/digitaltwins/t", "/digitaltwins/t/components/part", "/digitaltwins/copy"),
        _ => {
            ("/digitaltwins/t/relationships/r", "/digitaltwins/t/relationships/r", "/digitaltwins/t/relationships/copy")
        }
    };
    let version = if what.is_ascii_uppercase() { "2020-10-31" } else { "2023-10-31" };
    let before = service.dump();
    let (status, answer) = send(service, "PATCH", write, version, body.to_vec());
    if status != 204 {
        assert!(status == 400 || status == 413, "{status}: {answer}");
        assert_eq!(service.dump(), before, "what was refused has changed something");
        return format!("{status} {}", answer["error"]["code"].as_str().unwrap_or("problem"));
    }
    let (status, whole) = send(service, "GET", read, "2023-10-31", Vec::new());
    assert_eq!(status, 200, "what was patched cannot be read: {whole}");
    let (status, copied) = send(service, "PUT", copy, "2023-10-31", whole.to_string().into_bytes());
    assert_eq!(status, 200, "what was patched is not valid: {copied}");
    assert_eq!(values(copied), values(whole), "what was patched is not what it says");
    "204".to_owned()
}

/// A document without what differs between a thing and its copy: ids, ETags and times of writing.
fn values(mut document: Value) -> Value {
    if let Some(members) = document.as_object_mut() {
        for name in ["$dtId", "$etag", "$relationshipId", "lastUpdateTime", "$lastUpdateTime"] {
            members.remove(name);
        }
        members.values_mut().for_each(|value| *value = values(value.take()));
    }
    document
}

/// A folder in memory, where there is such a thing: this is not about disks.
fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

fn file(dir: &Path) -> std::path::PathBuf {
    dir.join("adt").join(format!("{NAME}.jsonl"))
}

fn open(dir: &Path) -> Service {
    let clock = Clock::manual(DateTime::UNIX_EPOCH, None);
    let log = Log::open(dir, clock.clone()).expect("a log of effects");
    Service::open(dir, log, clock).expect("a file that can be replayed")
}

fn send(service: &Service, method: &str, path: &str, version: &str, body: Vec<u8>) -> (u16, Value) {
    let request = Request::builder().method(method).uri(format!("https://h{path}?api-version={version}"));
    let request = request.header("authorization", "Bearer t").body(Bytes::from(body)).expect("a request");
    let (head, body) = service.handle(NAME, request).into_parts();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

/// The file of an instance with a twin, a component, a relationship, and a model that the twin may change to.
fn base() -> &'static [u8] {
    static BASE: OnceLock<Vec<u8>> = OnceLock::new();
    BASE.get_or_init(|| {
        let dir = folder();
        let service = open(dir.path());
        service.create_instance(NAME).expect("an instance");
        let write = |method: &str, path: &str, body: Value| {
            let (status, answer) = send(&service, method, path, "2023-10-31", body.to_string().into_bytes());
            assert!((200..300).contains(&status), "{path}: {answer}");
        };
        write("POST", "/models", models());
        let body = json!({"$metadata": {"$model": NODE}, "number": 1.5, "object": {"x": 1, "inner": {"flag": true}},
            "list": [1, 2, 3], "map": {"key": "value"}, "part": {"$metadata": {}, "speed": 3}});
        write("PUT", "/digitaltwins/t", body);
        write("PUT", "/digitaltwins/u", json!({"$metadata": {"$model": OTHER}}));
        let link = json!({"$relationshipName": "next", "$targetId": "u", "weight": 1});
        write("PUT", "/digitaltwins/t/relationships/r", link);
        fs::read(file(dir.path())).expect("the file of the instance")
    })
}

/// Two models with the same relationship, one of them with a property of every kind and a component.
fn models() -> Value {
    let context = "dtmi:dtdl:context;3";
    let property = |name: &str, schema: Value| json!({"@type": "Property", "name": name, "schema": schema});
    let map = json!({"@type": "Map", "mapKey": {"name": "key", "schema": "string"},
        "mapValue": {"name": "value", "schema": "string"}});
    let inner = json!({"@type": "Object", "fields": [{"name": "flag", "schema": "boolean"}]});
    let object =
        json!({"@type": "Object", "fields": [{"name": "x", "schema": "double"}, {"name": "inner", "schema": inner}]});
    let choice = json!({"@type": "Enum", "valueSchema": "string", "enumValues": [{"name": "on", "enumValue": "on"}]});
    let next = json!({"@type": "Relationship", "name": "next", "properties": [
        property("weight", json!("integer")), property("note", map.clone()),
    ]});
    json!([
        {"@id": "dtmi:fuzz:Part;1", "@type": "Interface", "@context": context, "contents": [
            property("speed", json!("double")), property("list", json!({"@type": "Array", "elementSchema": "integer"})),
        ]},
        {"@id": OTHER, "@type": "Interface", "@context": context, "contents": [property("number", json!("double")), next]},
        {"@id": NODE, "@type": "Interface", "@context": context, "contents": [
            property("number", json!("double")), property("long", json!("long")), property("text", json!("string")),
            property("flag", json!("boolean")), property("date", json!("date")), property("time", json!("dateTime")),
            property("span", json!("duration")), property("choice", choice), property("object", object),
            property("list", json!({"@type": "Array", "elementSchema": "integer"})), property("map", map),
            {"@type": "Component", "name": "part", "schema": "dtmi:fuzz:Part;1"}, next,
        ]},
    ])
}
