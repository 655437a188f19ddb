//! Every record is a CloudEvent with an OCSF event in it, by the schemas that those who define them publish.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod recorded;

use audit::cloudevents::event;
use journal::{Event, FailureKind, Record, StepId};
use jsonschema::Validator;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn validator(text: &str) -> Validator {
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

fn cloudevents() -> Validator {
    validator(include_str!("schemas/cloudevents-1.0.json"))
}

fn api_activity() -> Validator {
    validator(include_str!("schemas/ocsf-1.8.0-api_activity.json"))
}

fn complaints(validator: &Validator, value: &Value) -> Vec<String> {
    validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path)).collect()
}

/// Events that the recorded run lacks.
fn others(record: &Record) -> Vec<Record> {
    let step = StepId::new("l1/hub");
    let (kind, code, message) = (FailureKind::Conflict, Some("not-ours".to_owned()), "it carries no mark".to_owned());
    let events = [
        Event::RunFinished,
        Event::UndoCheckpoint { step: step.clone(), data: json!(1) },
        Event::UndoFailed { step: step.clone(), kind, code, message },
        Event::RollbackFailed { steps: vec![step] },
    ];
    let with = |event| Record { event, run: None, ..record.clone() };
    events.into_iter().map(with).collect()
}

#[tokio::test]
async fn every_event_is_what_its_schemas_say() {
    let recorded = recorded::run().await;
    let (envelope, class) = (cloudevents(), api_activity());
    let mut names = std::collections::BTreeSet::new();
    for record in recorded.records.iter().chain(&others(&recorded.records[9])) {
        let event = event(recorded.journal, record);
        assert_eq!(complaints(&envelope, &event), [""; 0], "{event:#}");
        assert_eq!(complaints(&class, &event["data"]), [""; 0], "{event:#}");
        let _ = names.insert(record.event.name());
    }
    assert!(names.len() >= 20, "not every event was tried: {names:?}");
}

/// The journal's golden files hold every event that there is, also those that this crate has no word for.
#[test]
fn every_event_that_the_journal_knows_is_what_its_schemas_say() {
    let golden = [
        include_str!("../../journal/tests/golden/v1.jsonl"),
        include_str!("../../journal/tests/golden/v1-schedules.jsonl"),
        include_str!("../../journal/tests/golden/v1-triggers.jsonl"),
    ];
    let (envelope, class) = (cloudevents(), api_activity());
    let mut names = std::collections::BTreeSet::new();
    for line in golden.iter().flat_map(|text| text.lines()) {
        let record: Record = serde_json::from_str(line).unwrap();
        let event = event(uuid::Uuid::nil(), &record);
        assert_eq!(complaints(&envelope, &event), [""; 0], "{event:#}");
        assert_eq!(complaints(&class, &event["data"]), [""; 0], "{event:#}");
        let _ = names.insert(record.event.name());
    }
    assert!(names.contains("pruned") && names.contains("drift-found") && names.contains("schedule-due"), "{names:?}");
}

/// The schemas notice what is wrong: otherwise the test above says nothing.
#[tokio::test]
async fn the_schemas_refuse_what_is_missing_or_mistyped() {
    let recorded = recorded::run().await;
    let whole = event(recorded.journal, &recorded.records[2]);
    for name in ["specversion", "id", "source", "type"] {
        let mut event = whole.clone();
        let _ = event.as_object_mut().unwrap().remove(name);
        assert!(!cloudevents().is_valid(&event), "an event without {name} passes");
    }
    let class = api_activity();
    for name in ["activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint"]
    {
        let mut data = whole["data"].clone();
        let _ = data.as_object_mut().unwrap().remove(name);
        assert!(!class.is_valid(&data), "data without {name} passes");
    }
    for (name, value) in [("sevrity", json!("Low")), ("type_uid", json!(600_305)), ("time", json!("2026-01-02"))] {
        let mut data = whole["data"].clone();
        data[name] = value;
        assert!(!class.is_valid(&data), "data with a wrong {name} passes");
    }
}

#[tokio::test]
async fn an_event_says_who_did_what_to_which_resource() {
    let recorded = recorded::run().await;
    let of = |name: &str| recorded.records.iter().find(|record| record.event.name() == name).unwrap();
    let intended = event(recorded.journal, of("step-intended"));
    assert_eq!(intended["id"], format!("{}/2", recorded::STREAM));
    assert_eq!(intended["source"], format!("urn:twinctl:journal:{}", recorded.journal));
    assert_eq!(intended["type"], "twinctl.step-intended");
    assert_eq!(intended["subject"], "setup/resource-group");
    assert_eq!(intended["time"], "2026-01-02T03:04:05.060Z");
    assert_eq!(intended["sequence"], "00000000000000000002");
    let data = &intended["data"];
    assert_eq!((&data["activity_name"], &data["type_uid"]), (&json!("Create"), &json!(600_301)));
    assert_eq!(data["actor"]["user"]["name"], "ci");
    assert_eq!(data["actor"]["process"]["pid"], 4242);
    assert_eq!(data["time"], 1_767_323_045_060_i64);
    assert_eq!(data["metadata"]["correlation_uid"], recorded.run.to_string());
    let failed = event(recorded.journal, of("step-failed"));
    assert_eq!(failed["data"]["status"], "Failure");
    assert_eq!(failed["data"]["status_code"], "twin-model-unknown");
    let started = event(recorded.journal, of("run-started"));
    assert_eq!(started["subject"], recorded.run.to_string());
}

/// Whoever holds the export can check the chain: no journal, no twinctl.
#[tokio::test]
async fn the_export_alone_proves_its_records() {
    let recorded = recorded::run().await;
    for record in &recorded.records {
        let event = event(recorded.journal, record);
        let line = event["data"]["raw_data"].as_str().unwrap();
        let again: Record = serde_json::from_str(line).unwrap();
        assert_eq!((&again, &again.compute_hash()), (record, &record.hash));
        assert_eq!(event["data"]["unmapped"]["hash"], json!(record.hash));
        let digest: String = Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(event["data"]["raw_data_hash"]["value"], digest);
    }
}
