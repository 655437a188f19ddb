//! Recorded traffic of the real service, answered again.
//!
//! Scored is what `tools/replay_adt.py` beside the corpus scores: status, error code, body shape, ETag header; and the words of
//! errors, and which things a list shows. That script leaves out a third of the steps, whose answers depend on what earlier
//! recordings had left on the instance: clean-ups, lists of everything, uses of twins that were there. Here that is made
//! first, as the recording shows it to have been (`before`), so that no step is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

mod before;

use before::{Before, Known};

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
    let recordings = std::fs::read_to_string(folder.join("corpus.jsonl")).unwrap();
    let recordings: Vec<Value> = recordings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let known = Known::from(&recordings);
    let cloud = Cloud::new();
    let (mut steps, mut found_something, mut differences) = (0, 0, BTreeMap::new());
    for recording in &recordings {
        cloud.service.delete_instance(NAME).unwrap();
        cloud.service.create_instance(NAME).unwrap();
        let before = Before::of(recording);
        found_something += usize::from(!before.is_empty());
        before.make(&cloud, &known);
        steps += recording["steps"].as_array().unwrap().len();
        replay(&cloud, recording, &mut differences);
    }
    let _ = writeln!(
        std::io::stderr(),
        "{steps} recorded steps, all scored, {} differ; {found_something} of {} recordings began with something there",
        differences.len(),
        recordings.len(),
    );
    assert_eq!(differences, BTreeMap::new());
    assert!(steps > 1200, "there are only {steps} steps");
}

/// Replays one recording on an instance that holds what the recorded one held.
fn replay(cloud: &Cloud, recording: &Value, differences: &mut BTreeMap<(String, usize), String>) {
    let name = recording["recording"].as_str().unwrap();
    let mut etags = BTreeMap::new();
    for (at, step) in recording["steps"].as_array().unwrap().iter().enumerate() {
        let answer = send(cloud, step, &etags);
        remember_etags(&mut etags, &step["expect"], &answer);
        if let Some(difference) = difference(&step["expect"], &answer) {
            differences.insert((name.to_owned(), at), format!("{} {}: {difference}", step["method"], step["path"]));
        }
    }
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
    let (wanted, given) = (listed(&expected["body"]), listed(&answer.body));
    if wanted != given {
        return Some(format!("a list of {wanted:?} became one of {given:?}"));
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

/// The ids of what a body lists; the rows of a query come in no order.
fn listed(body: &Value) -> Vec<&str> {
    let entries = body["value"].as_array().into_iter().flatten();
    let id = |entry| ["$dtId", "$relationshipId", "id"].iter().find_map(|name| Value::get(entry, name)?.as_str());
    let mut ids: Vec<_> = entries.filter_map(id).collect();
    if body.get("continuationToken").is_some() {
        ids.sort_unstable();
    }
    ids
}

/// The keys and types of a body; of a list, those that its entries have, in no order.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(_) => json!("string"),
        Value::Array(values) => {
            let shapes: BTreeSet<_> = values.iter().map(|value| shape(value).to_string()).collect();
            shapes.into_iter().collect()
        }
        Value::Object(members) => {
            let kept =
                members.iter().filter(|(key, _)| !["$lastUpdateTime", "details", "innererror"].contains(&key.as_str()));
            kept.map(|(key, value)| (key.clone(), shape(value))).collect()
        }
    }
}
