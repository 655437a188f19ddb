//! What a page of a query costs over 100,000 twins, and what the densest of graphs costs at most.
//!
//! `cargo bench -p twinctl-local --bench query` prints a table; nothing is asserted, since machines differ.
#![allow(clippy::print_stdout, reason = "the table is what this is for")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on has failed")]

use std::time::{Duration, Instant};

use axum::http::Request;
use bytes::Bytes;
use local::adt::Service;
use local::clock::Clock;
use local::effects::Log;
use serde_json::{Value, json};

const NAME: &str = "bench";
const MODEL: &str = "dtmi:bench:Node;1";
/// Twins in a tree: every one has ten below it.
const TWINS: usize = 100_000;
const CHILDREN: usize = 10;
/// Twins in a graph in which every one is related to every other.
const DENSE: usize = 60;

const QUERIES: [(&str, &str); 12] = [
    ("one twin by its id", "SELECT * FROM DIGITALTWINS WHERE $dtId = 't50000'"),
    ("three twins by their ids", "SELECT * FROM DIGITALTWINS T WHERE T.$dtId IN ['t1', 't99999', 't50000']"),
    ("the first 1,000 twins", "SELECT * FROM DIGITALTWINS"),
    ("one twin by its value", "SELECT * FROM DIGITALTWINS WHERE value = 99999"),
    ("a count of everything", "SELECT COUNT() FROM DIGITALTWINS"),
    ("a count with a condition", "SELECT COUNT() FROM DIGITALTWINS WHERE value > 50000"),
    ("relationships into a twin", "SELECT * FROM RELATIONSHIPS WHERE $targetId = 't50000'"),
    (
        "JOIN from the top, 3 levels",
        "SELECT c FROM DIGITALTWINS a JOIN b RELATED a.has JOIN x RELATED b.has JOIN c RELATED x.has WHERE a.$dtId = 't0'",
    ),
    (
        "JOIN from the bottom up",
        "SELECT a FROM DIGITALTWINS a JOIN b RELATED a.has JOIN c RELATED b.has WHERE c.$dtId = 't99999'",
    ),
    ("MATCH, up to 4 hops", "SELECT b.$dtId FROM DIGITALTWINS MATCH (a)-[:has*..4]->(b) WHERE a.$dtId = 't0'"),
    (
        "dense: 10 hops, no row",
        "SELECT b FROM DIGITALTWINS MATCH (a)-[:near*10]-(b) WHERE a.$dtId = 'd0' AND b.value < 0",
    ),
    (
        "dense: a count, refused",
        "SELECT COUNT() FROM DIGITALTWINS MATCH (a)-[:near*10]-(b) WHERE a.$dtId = 'd0' AND b.value < 0",
    ),
];

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Clock::system(None);
    let service = Service::open(dir.path(), Log::open(dir.path(), clock.clone()).unwrap(), clock).unwrap();
    fill(&service);
    println!("{:30} {:>6} {:>9} {:>9}", "query", "rows", "median", "slowest");
    for (title, query) in QUERIES {
        let body = json!({"query": query});
        let rows = send(&service, "POST", "/query", &body)["value"].as_array().map_or(0, Vec::len);
        let mut took: Vec<_> = (0..9).map(|_| once(&service, &body)).collect();
        took.sort();
        println!("{title:30} {rows:>6} {:>9} {:>9}", shown(took[4]), shown(took[8]));
    }
    println!("peak memory {}", peak());
}

fn fill(service: &Service) {
    service.create_instance(NAME).unwrap();
    let contents = json!([
        {"@type": "Property", "name": "value", "schema": "integer"},
        {"@type": "Relationship", "name": "has"},
        {"@type": "Relationship", "name": "near"},
    ]);
    let model = json!({"@id": MODEL, "@type": "Interface", "@context": "dtmi:dtdl:context;2", "contents": contents});
    send(service, "POST", "/models", &json!([model]));
    let twin = |id: String, value: usize| {
        let body = json!({"$metadata": {"$model": MODEL}, "value": value});
        send(service, "PUT", &format!("/digitaltwins/{id}"), &body);
    };
    let link = |name: &str, from: String, to: String| {
        let body = json!({"$relationshipName": name, "$targetId": to});
        send(service, "PUT", &format!("/digitaltwins/{from}/relationships/{to}"), &body);
    };
    (0..TWINS).for_each(|at| twin(format!("t{at}"), at));
    (1..TWINS).for_each(|at| link("has", format!("t{}", (at - 1) / CHILDREN), format!("t{at}")));
    (0..DENSE).for_each(|at| twin(format!("d{at}"), at));
    for from in 0..DENSE {
        (0..DENSE).filter(|to| *to != from).for_each(|to| link("near", format!("d{from}"), format!("d{to}")));
    }
}

fn once(service: &Service, body: &Value) -> Duration {
    let start = Instant::now();
    send(service, "POST", "/query", body);
    start.elapsed()
}

fn send(service: &Service, method: &str, path: &str, body: &Value) -> Value {
    let request = Request::builder().method(method).uri(format!("https://h{path}?api-version=2023-10-31"));
    let request = request.header("authorization", "Bearer t").body(Bytes::from(body.to_string())).unwrap();
    serde_json::from_slice(service.handle(NAME, request).body()).unwrap_or_default()
}

fn shown(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1000.0)
}

/// As Linux counts it; empty elsewhere.
fn peak() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map(|value| value.trim().to_owned()).unwrap_or_default()
}
