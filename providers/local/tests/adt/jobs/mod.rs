//! Bulk jobs.

mod deletion;
mod import;
mod interface;
mod restart;
mod storage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cloud::{Answer, Cloud, factory_models};

use storage::{INPUT, OUTPUT, Storage};

/// A cloud with storage.
fn cloud() -> (Cloud, Storage) {
    let cloud = Cloud::new();
    let storage = Storage::new(cloud.dir.path());
    cloud.service.attach(Arc::new(storage.clone()));
    (cloud, storage)
}

fn put(cloud: &Cloud, id: &str) -> Answer {
    cloud.put(&format!("/jobs/imports/{id}"), json!({"inputBlobUri": INPUT, "outputBlobUri": OUTPUT}))
}

/// The job once it has ended.
fn ended(cloud: &Cloud, job: &str) -> Value {
    until(cloud, job, |job| ["succeeded", "failed", "cancelled"].contains(&job["status"].as_str().unwrap()))
}

/// The job once it is as wanted.
fn until(cloud: &Cloud, job: &str, is: impl Fn(&Value) -> bool) -> Value {
    let start = Instant::now();
    loop {
        let answer = cloud.get(&format!("/jobs/{job}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        if is(&answer.body) {
            return answer.body;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{}", answer.body);
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Waits until there are so many twins.
fn until_twins(cloud: &Cloud, count: u64) {
    let start = Instant::now();
    while cloud.rows("SELECT COUNT() FROM DIGITALTWINS")[0]["COUNT"].as_u64().unwrap() < count {
        assert!(start.elapsed() < Duration::from_secs(60), "the twins do not come");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// An input: each section with its lines.
fn input(sections: &[(&str, Vec<Value>)]) -> String {
    let mut lines = vec![json!({"Section": "Header"}), json!({"fileVersion": "1.0.0", "author": "a"})];
    for (section, entities) in sections {
        lines.push(json!({"Section": section}));
        lines.extend(entities.iter().cloned());
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

fn models() -> Vec<Value> {
    factory_models().as_array().unwrap().clone()
}

fn room(id: &str) -> Value {
    json!({"$dtId": id, "$metadata": {"$model": crate::cloud::ROOM}, "area": 1})
}

fn next_to(source: &str, target: &str) -> Value {
    json!({"$dtId": source, "$relationshipId": format!("to-{target}"), "$targetId": target, "$relationshipName": "nextTo"})
}

/// Level and details of every line of the log; a message that is not empty is `...`.
fn log(storage: &Storage, job: &str) -> Vec<Value> {
    let shown = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        assert_eq!((&line["jobId"], &line["jobType"]), (&json!(job), &json!("Import")));
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        let mut details = line["details"].take();
        if details["message"].as_str().is_some_and(|message| !message.is_empty()) {
            details["message"] = json!("...");
        }
        details["logType"] = line["logType"].take();
        details
    };
    storage.text(OUTPUT).lines().map(shown).collect()
}

fn info(section: Option<&str>, status: &str) -> Value {
    let level = if status == "Failed" { "Error" } else { "Info" };
    match section {
        Some(section) => json!({"section": section, "status": status, "logType": level}),
        None => json!({"status": status, "logType": level}),
    }
}

fn refused(section: &str, line: u64, code: &str) -> Value {
    json!({"section": section, "line": line, "exceptionType": code, "message": "...", "logType": "Error"})
}
