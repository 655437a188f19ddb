//! A query of the local cloud's Azure Digital Twins, or the whole body of such a request, on a small graph.

use std::sync::OnceLock;

use axum::http::Request;
use bytes::Bytes;
use chrono::DateTime;
use local::{adt::Service, clock::Clock, effects::Log};
use serde_json::{Value, json};

const NAME: &str = "fuzz";
const MODEL: &str = "dtmi:fuzz:Node;1";
/// Pages after which a query is left alone: a dense graph has more rows than anybody can read.
const PAGES: usize = 40;

/// What starts with a brace is a body; all else is a query. Whatever it is, it is answered or refused, and its pages hold
/// what one large page holds.
pub fn adt_query(input: &[u8]) -> String {
    let text = String::from_utf8_lossy(input);
    let body = match input.first() {
        Some(b'{') => input.to_vec(),
        _ => json!({"query": text}).to_string().into_bytes(),
    };
    let (status, whole) = ask(&body, None);
    if status != 200 {
        assert!(status == 400 || status == 413, "{status}: {whole}");
        let code = whole["error"]["code"].as_str().unwrap_or_default();
        assert!(!code.is_empty(), "{whole}");
        return format!("{status} {code}");
    }
    let rows = rows(&whole);
    let (mut paged, mut body, mut pages) = (Vec::new(), body, 0);
    loop {
        let (status, page) = ask(&body, Some("2"));
        assert_eq!(status, 200, "a page is refused after others were given: {page}");
        paged.extend(self::rows(&page));
        pages += 1;
        match page["continuationToken"].as_str() {
            Some(token) if pages < PAGES => body = json!({"continuationToken": token}).to_string().into_bytes(),
            _ => break,
        }
    }
    let least = paged.len().min(rows.len());
    assert_eq!(paged[..least], rows[..least], "the pages differ from the whole");
    assert!(pages == PAGES || paged.len() >= rows.len(), "the pages hold less than the whole");
    format!("{} rows", rows.len())
}

fn rows(answer: &Value) -> Vec<Value> {
    answer["value"].as_array().expect("an answer has rows").clone()
}

fn ask(body: &[u8], size: Option<&str>) -> (u16, Value) {
    static SERVICE: OnceLock<(tempfile::TempDir, Service)> = OnceLock::new();
    let (_, service) = SERVICE.get_or_init(graph);
    send(service, "POST", "/query", body.to_vec(), size)
}

fn send(service: &Service, method: &str, path: &str, body: Vec<u8>, size: Option<&str>) -> (u16, Value) {
    let mut request = Request::builder().method(method).uri(format!("https://h{path}?api-version=2023-10-31"));
    request = request.header("authorization", "Bearer t");
    if let Some(size) = size {
        request = request.header("max-items-per-page", size);
    }
    let (head, body) = service.handle(NAME, request.body(Bytes::from(body)).expect("a request")).into_parts();
    (head.status.as_u16(), serde_json::from_slice(&body).unwrap_or_default())
}

/// Five twins with values of every kind; each is related to the next two, around in a circle.
fn graph() -> (tempfile::TempDir, Service) {
    let dir = tempfile::tempdir().expect("a folder");
    let clock = Clock::manual(DateTime::UNIX_EPOCH, None);
    let log = Log::open(dir.path(), clock.clone()).expect("a log of effects");
    let service = Service::open(dir.path(), log, clock).expect("a service");
    service.create_instance(NAME).expect("an instance");
    let write = |method: &str, path: &str, body: Value| {
        let (status, answer) = send(&service, method, path, body.to_string().into_bytes(), None);
        assert!((200..300).contains(&status), "{path}: {answer}");
    };
    write("POST", "/models", models());
    for at in 0..5 {
        let body = json!({
            "$metadata": {"$model": MODEL}, "number": at, "text": format!("it's {at}"), "flag": at % 2 == 0,
            "list": [at, 2], "map": {"key": "value"}, "part": {"$metadata": {}, "speed": at},
        });
        write("PUT", &format!("/digitaltwins/t{at}"), body);
    }
    for at in 0..5 {
        for (name, to) in [("next", (at + 1) % 5), ("over", (at + 2) % 5)] {
            let body = json!({"$relationshipName": name, "$targetId": format!("t{to}"), "weight": at});
            write("PUT", &format!("/digitaltwins/t{at}/relationships/{name}"), body);
        }
    }
    (dir, service)
}

fn models() -> Value {
    let weight = json!([{"@type": "Property", "name": "weight", "schema": "integer"}]);
    let map = json!({"@type": "Map", "mapKey": {"name": "key", "schema": "string"},
        "mapValue": {"name": "value", "schema": "string"}});
    json!([
        {"@id": "dtmi:fuzz:Part;1", "@type": "Interface", "@context": "dtmi:dtdl:context;3", "contents": [
            {"@type": "Property", "name": "speed", "schema": "double"},
        ]},
        {"@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;3", "contents": [
            {"@type": "Property", "name": "number", "schema": "double"},
            {"@type": "Property", "name": "text", "schema": "string"},
            {"@type": "Property", "name": "flag", "schema": "boolean"},
            {"@type": "Property", "name": "list", "schema": {"@type": "Array", "elementSchema": "integer"}},
            {"@type": "Property", "name": "map", "schema": map},
            {"@type": "Component", "name": "part", "schema": "dtmi:fuzz:Part;1"},
            {"@type": "Relationship", "name": "next", "properties": weight},
            {"@type": "Relationship", "name": "over", "properties": weight},
        ]},
    ])
}
