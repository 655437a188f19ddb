//! What the fuzz target of import jobs does with an input: it is imported into an empty instance, and what came of it is held
//! against the log. A test of the local cloud replays the corpus through the same code.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::Request;
use bytes::Bytes;
use local::adt::{BlobError, Blobs, Input, Output, Service};
use local::clock::Clock;
use local::effects::Log;
use serde_json::{Value, json};

const INSTANCE: &str = "fuzz";
const INPUT: &str = "https://a.blob.localhost/c/in";
const OUTPUT: &str = "https://a.blob.localhost/c/out";

/// Imports an input and checks that the job ends, that every entity is there or has a line in the log, and that
/// the instance's file holds all that is there. Returns the outcome in one line.
pub fn adt_import(input: &[u8]) -> String {
    let dir = tempfile::tempdir().expect("there is room for a folder");
    let storage = Memory { input: input.to_vec(), output: Arc::default() };
    let service = open(dir.path());
    service.create_instance(INSTANCE).expect("the name is one");
    service.attach(Arc::new(storage.clone()));
    let body = json!({"inputBlobUri": INPUT, "outputBlobUri": OUTPUT});
    assert_eq!(call(&service, "PUT", "/jobs/imports/j", &body)["status"], "notstarted");
    let job = ended(&service);
    let dump = service.dump()[INSTANCE].take();
    drop(service);
    assert_eq!(open(dir.path()).dump()[INSTANCE], dump, "the file holds what was there");
    let log = storage.log();
    check(input, &job, &dump, &log);
    let count = |kind: &str| dump[kind].as_array().map_or(0, Vec::len);
    let (models, twins, relationships) = (count("models"), count("twins"), count("relationships"));
    let status = job["error"]["code"].as_str().or(job["status"].as_str()).unwrap_or_default();
    format!(
        "{status}: {models} models, {twins} twins, {relationships} relationships, {} lines refused",
        refused(&log).len()
    )
}

fn open(dir: &Path) -> Service {
    let clock = Clock::system(None);
    let log = Log::open(dir, clock.clone()).expect("the log is whole");
    Service::open(dir, log, clock).expect("the file is whole")
}

fn call(service: &Service, method: &str, path: &str, body: &Value) -> Value {
    let request = Request::builder().method(method).uri(format!("http://h{path}?api-version=2023-10-31"));
    let request = request.header("authorization", "Bearer t").body(Bytes::from(body.to_string()));
    let answer = service.handle(INSTANCE, request.expect("it is a request"));
    serde_json::from_slice(answer.body()).expect("jobs are JSON")
}

/// The job once it has ended.
fn ended(service: &Service) -> Value {
    let started = Instant::now();
    loop {
        let job = call(service, "GET", "/jobs/imports/j", &Value::Null);
        if matches!(job["status"].as_str(), Some("succeeded" | "failed")) {
            return job;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "the job does not end: {job}");
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn check(input: &[u8], job: &Value, dump: &Value, log: &[Value]) {
    let refused = refused(log);
    let lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    assert!(refused.iter().all(|line| *line <= lines.len() as u64), "{refused:?} of {} lines", lines.len());
    assert_ne!(job["error"]["code"], "InternalServerError", "{job}");
    if job["status"] == "succeeded" {
        assert!(refused.is_empty(), "{log:?}");
    } else {
        assert!(!refused.is_empty(), "{log:?}");
    }
    if job["error"]["code"] == "UnsupportedFileFormat" {
        let kinds = ["models", "twins", "relationships"];
        return assert!(kinds.iter().all(|kind| dump[kind] == json!([])), "{dump}");
    }
    let there = keys(dump);
    for (at, line) in lines.iter().enumerate() {
        if let Some(key) = key(line) {
            assert!(there.contains(&key) || refused.contains(&(at as u64 + 1)), "line {} is lost: {key:?}", at + 1);
        }
    }
}

/// The numbers of the lines that the log names.
fn refused(log: &[Value]) -> BTreeSet<u64> {
    log.iter().filter_map(|line| line["details"]["line"].as_u64()).collect()
}

/// What the line of an entity is found by.
fn key(line: &[u8]) -> Option<Vec<String>> {
    let entity: Value = serde_json::from_slice(line.trim_ascii()).ok()?;
    let text = |name: &str| entity[name].as_str().map(str::to_owned);
    let relationship =
        text("$relationshipId").filter(|_| text("$targetId").is_some() && text("$relationshipName").is_some());
    match (text("@id"), text("$dtId"), relationship) {
        // A line with marks of two kinds is what its section says.
        (Some(_), Some(_), _) | (None, None, _) => None,
        (Some(model), None, _) => Some(vec![model]),
        (None, Some(twin), None) => Some(vec![twin]),
        (None, Some(source), Some(relationship)) if entity.get("$metadata").is_none() => {
            Some(vec![source, relationship])
        }
        (None, Some(_), Some(_)) => None,
    }
}

fn keys(dump: &Value) -> BTreeSet<Vec<String>> {
    let of = |kind: &str, names: &[&str]| -> Vec<Vec<String>> {
        let entities = dump[kind].as_array().into_iter().flatten();
        let key =
            |entity: &Value| names.iter().map(|name| entity[*name].as_str().unwrap_or_default().to_owned()).collect();
        entities.map(key).collect()
    };
    let all = [of("models", &["id"]), of("twins", &["$dtId"]), of("relationships", &["$sourceId", "$relationshipId"])];
    all.into_iter().flatten().collect()
}

/// One blob to read and one to write.
#[derive(Clone, Debug)]
struct Memory {
    input: Vec<u8>,
    output: Arc<Mutex<Vec<u8>>>,
}

impl Memory {
    fn log(&self) -> Vec<Value> {
        let output = self.output.lock().expect("nobody panics with it");
        let lines = output.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).expect("the log is NDJSON")).collect()
    }
}

impl Blobs for Memory {
    fn names_blob(&self, uri: &str) -> bool {
        [INPUT, OUTPUT].contains(&uri)
    }

    fn read(&self, _: &str, from: u64) -> Result<Input, BlobError> {
        let from = usize::try_from(from).expect("it is in memory");
        Ok(Input { bytes: Box::new(io::Cursor::new(self.input[from..].to_vec())), etag: "1".to_owned() })
    }

    fn append(&self, _: &str, length: Option<u64>) -> Result<Output, BlobError> {
        let mut output = self.output.lock().expect("nobody panics with it");
        if let Some(length) = length {
            output.truncate(usize::try_from(length).expect("it is in memory"));
        }
        let length = output.len() as u64;
        Ok(Output { bytes: Box::new(Appended(Arc::clone(&self.output))), length })
    }
}

struct Appended(Arc<Mutex<Vec<u8>>>);

impl Write for Appended {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
