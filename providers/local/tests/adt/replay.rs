//! Recorded traffic of the real service, answered again.
//!
//! Scored is what `tools/replay_adt.py` beside the corpus scores: status, error code, body shape, ETag header;
//! and the words of errors, too.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::cloud::{Answer, Cloud, NAME};

fn corpus() -> Option<PathBuf> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let shared = std::env::var_os("TWINCTL_SHARED").map_or_else(beside, PathBuf::from);
    let folder = shared.join("data/adt-recordings");
    folder.is_dir().then_some(folder)
}

#[test]
fn the_recorded_service_is_matched() {
    let Some(folder) = corpus() else {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: the recordings are not there; set TWINCTL_SHARED to the folder that holds data/adt-recordings"
        );
        return;
    };
    let carried = std::fs::read_to_string(folder.join("state_carryover.json")).unwrap();
    let carried: BTreeSet<(String, usize)> = serde_json::from_str(&carried).unwrap();
    let recordings = std::fs::read_to_string(folder.join("corpus.jsonl")).unwrap();
    let cloud = Cloud::new();
    let (mut scored, mut differences) = (0, BTreeMap::new());
    for line in recordings.lines() {
        cloud.service.delete_instance(NAME).unwrap();
        cloud.service.create_instance(NAME).unwrap();
        let recording: Value = serde_json::from_str(line).unwrap();
        scored += replay(&cloud, &recording, &carried, &mut differences);
    }
    let _ = writeln!(std::io::stderr(), "{scored} recorded steps scored, {} differ", differences.len());
    assert_eq!(differences, BTreeMap::new());
    assert!(scored > 800, "only {scored} steps were scored");
}

/// Replays one recording on an empty instance and returns how many of its steps were scored.
fn replay(
    cloud: &Cloud,
    recording: &Value,
    carried: &BTreeSet<(String, usize)>,
    differences: &mut BTreeMap<(String, usize), String>,
) -> usize {
    let name = recording["recording"].as_str().unwrap();
    let steps = recording["steps"].as_array().unwrap();
    let first_write = steps.iter().position(|step| step["method"] == "POST" || step["method"] == "PUT");
    let mut etags = BTreeMap::new();
    let mut scored = 0;
    for (at, step) in steps.iter().enumerate() {
        let answer = send(cloud, step, &etags);
        remember_etags(&mut etags, &step["expect"], &answer);
        let key = (name.to_owned(), at);
        // What was cleaned up before the first write depends on what the recorded instance happened to hold.
        let is_cleanup = first_write.is_some_and(|first| at < first);
        if carried.contains(&key) || is_cleanup || shows_whole_instance(step) {
            continue;
        }
        scored += 1;
        if let Some(difference) = difference(&step["expect"], &answer) {
            differences.insert(key, format!("{} {}: {difference}", step["method"], step["path"]));
        }
    }
    scored
}

fn send(cloud: &Cloud, step: &Value, etags: &BTreeMap<String, String>) -> Answer {
    let sent =
        step["headers"].as_object().unwrap().iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap()));
    let headers: Vec<_> = sent.map(|(name, value)| (name, etags.get(value).map_or(value, String::as_str))).collect();
    let body = Some(&step["body"]).filter(|body| !body.is_null());
    cloud.send(step["method"].as_str().unwrap(), step["path"].as_str().unwrap(), &headers, body)
}

/// Maps the recorded ETags to the ones given here.
fn remember_etags(etags: &mut BTreeMap<String, String>, expected: &Value, answer: &Answer) {
    if let (Some(recorded), Some(given)) = (expected["body"]["$etag"].as_str(), answer.body["$etag"].as_str()) {
        etags.insert(recorded.to_owned(), given.to_owned());
    }
    if let (Some(recorded), Some(given)) = (expected["headers"]["etag"].as_str(), answer.header("etag")) {
        etags.insert(recorded.to_owned(), given.to_owned());
    }
}

/// Lists of models and queries show what else was in the recorded instance.
fn shows_whole_instance(step: &Value) -> bool {
    let path = step["path"].as_str().unwrap();
    let resource = path.split('?').next().unwrap_or_default();
    path.starts_with("/query") || (step["method"] == "GET" && resource == "/models")
}

fn difference(expected: &Value, answer: &Answer) -> Option<String> {
    let code = expected["body"]["error"]["code"].as_str().unwrap_or_default();
    if expected["status"] != answer.status {
        return Some(format!("status {} {code} became {} {}", expected["status"], answer.status, answer.body));
    }
    if code != answer.code() {
        return Some(format!("code {code} became {}", answer.code()));
    }
    let (wanted, given) = (shape(&expected["body"]), shape(&answer.body));
    if answer.status < 300 && wanted != given {
        return Some(format!("shape {wanted} became {given}"));
    }
    let (wanted, given) = (words(&expected["body"]), words(&answer.body));
    if wanted != given {
        return Some(format!("message {wanted} became {given}"));
    }
    let tagged = |there: bool| if there { "an ETag" } else { "no ETag" };
    let (wanted, given) = (expected["headers"].get("etag").is_some(), answer.header("etag").is_some());
    (wanted != given).then(|| format!("{} became {}", tagged(wanted), tagged(given)))
}

/// The message of an error body with its details, spelt as the service has since 2022.
fn words(body: &Value) -> String {
    let details = body["error"]["details"].as_array().into_iter().flatten();
    let messages = std::iter::once(&body["error"]).chain(details).filter_map(|error| error["message"].as_str());
    messages.collect::<Vec<_>>().join(" | ").replace("http://", "https://").replace("exist Please", "exist. Please")
}

/// The keys and types of a body; of a list, its first entry's.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(values) => values.first().map(shape).into_iter().collect(),
        Value::Object(members) => {
            let kept =
                members.iter().filter(|(key, _)| !["$lastUpdateTime", "details", "innererror"].contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), shape(value))).collect()
        }
    }
}
