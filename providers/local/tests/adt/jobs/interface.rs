//! The interface of jobs, whatever they do.

use std::time::Duration;

use serde_json::json;

use super::storage::{INPUT, OUTPUT};
use super::{cloud, ended, input, models, put, room};
use crate::cloud::Cloud;

#[test]
fn a_job_is_shown_as_the_service_shows_it() {
    let (cloud, storage) = cloud();
    storage.write(INPUT, &input(&[]));
    let created = "2023-11-14T22:13:20.0000000Z";
    let mut shown = json!({
        "id": "j", "inputBlobUri": INPUT, "outputBlobUri": OUTPUT, "status": "notstarted",
        "createdDateTime": created, "lastActionDateTime": created, "purgeDateTime": "2023-12-14T22:13:20.0000000Z",
    });
    assert_eq!(put(&cloud, "j").body, shown);
    shown["status"] = json!("succeeded");
    shown["finishedDateTime"] = json!(created);
    assert_eq!(ended(&cloud, "imports/j"), shown);
    assert_eq!(cloud.get("/jobs/imports").body, json!({"value": [shown], "nextLink": null}));
    assert_eq!(cloud.delete("/jobs/imports/j").status, 204);
    assert_eq!(cloud.effects(), ["PutImportJob jobs/imports/j", "DeleteImportJob jobs/imports/j"]);
}

#[test]
fn refusals_are_those_recorded() {
    let (cloud, storage) = cloud();
    storage.write(INPUT, &input(&[]));
    for answer in [
        cloud.get("/jobs/imports/no"),
        cloud.delete("/jobs/imports/no"),
        cloud.post("/jobs/imports/no/cancel", json!(null)),
        cloud.get("/jobs/deletions/no"),
    ] {
        assert_eq!(answer.verdict(), (404, "JobNotFound"));
        assert_eq!(answer.header("x-ms-error-code"), None);
    }
    put(&cloud, "j");
    let again = put(&cloud, "j");
    assert_eq!((again.verdict(), again.header("x-ms-error-code")), ((409, "JobIdAlreadyExists"), None));
    for (uris, words) in [
        (
            json!({"inputBlobUri": "invalidUri", "outputBlobUri": OUTPUT}),
            "Azure Storage Blob URI 'invalidUri' failed validation. ",
        ),
        (
            json!({"inputBlobUri": INPUT, "outputBlobUri": "https://x/y"}),
            "Azure Storage Blob URI 'https://x/y' failed validation. ",
        ),
        (json!({"inputBlobUri": INPUT}), "The outputBlobUri field is required."),
        (
            json!({"inputBlobUri": INPUT, "outputBlobUri": INPUT}),
            "The inputBlobUri and the outputBlobUri must name two",
        ),
        (json!([]), "The inputBlobUri field is required."),
    ] {
        let answer = cloud.put("/jobs/imports/k", uris);
        assert_eq!(answer.verdict(), (400, "InvalidArgument"));
        assert!(answer.body["error"]["message"].as_str().unwrap().starts_with(words), "{}", answer.body);
        assert_eq!(answer.header("x-ms-error-code"), Some("InvalidArgument"));
    }
    assert_eq!(cloud.put("/jobs/imports/a%20b", json!({})).verdict(), (400, "InvalidArgument"));
}

#[test]
fn one_bulk_job_at_a_time_of_whatever_kind() {
    let (cloud, storage) = cloud();
    storage.write(INPUT, &input(&[("Models", models()), ("Twins", vec![room("r1")])]));
    storage.open_gate(10);
    assert_eq!(put(&cloud, "j").status, 201);
    assert_eq!(put(&cloud, "k").verdict(), (400, "JobLimitReached"));
    assert_eq!(cloud.post("/jobs/deletions", json!(null)).verdict(), (400, "JobLimitReached"));
    storage.open_gate(u64::MAX);
    ended(&cloud, "imports/j");
    assert_eq!(put(&cloud, "k").status, 201);
    ended(&cloud, "imports/k");
}

#[test]
fn older_versions_have_no_jobs() {
    let (cloud, _storage) = cloud();
    let verdict = |path: &str, version: &str| cloud.get(&format!("{path}?api-version={version}")).status;
    let unsupported = cloud.get("/jobs/imports?api-version=2022-05-31");
    assert_eq!(unsupported.verdict(), (400, "UnsupportedApiVersion"));
    assert_eq!(verdict("/jobs/imports", "2023-06-30"), 200);
    assert_eq!(verdict("/jobs/deletions", "2023-06-30"), 400);
    assert_eq!(verdict("/jobs/deletions", "2023-10-31"), 200);
    assert_eq!(cloud.get("/jobs/exports").status, 501);
}

#[test]
fn lists_have_pages_and_jobs_are_forgotten_after_thirty_days() {
    let (cloud, storage) = cloud();
    storage.write(INPUT, &input(&[]));
    for id in ["a", "b", "c"] {
        assert_eq!(put(&cloud, id).status, 201);
        ended(&cloud, &format!("imports/{id}"));
    }
    let ids = |page: &crate::cloud::Answer| -> Vec<_> {
        page.body["value"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect()
    };
    let page = |target: &str| cloud.send("GET", target, &[("max-items-per-page", "2")], None);
    let first = page("/jobs/imports");
    assert_eq!(ids(&first), ["a", "b"]);
    let next = first.body["nextLink"].as_str().unwrap().split_once("localhost").unwrap().1.to_owned();
    let second = page(&next);
    assert_eq!((ids(&second), &second.body["nextLink"]), (vec!["c".to_owned()], &json!(null)));
    cloud.clock.advance(Duration::from_secs(30 * 24 * 3600));
    assert_eq!(cloud.get("/jobs/imports").body["value"], json!([]));
    assert_eq!(cloud.get("/jobs/imports/a").status, 404);
    assert_eq!(put(&cloud, "a").status, 201, "its id is free again");
    ended(&cloud, "imports/a");
}

#[test]
fn without_storage_no_import_is_taken() {
    let cloud = Cloud::new();
    assert_eq!(put(&cloud, "j").verdict(), (501, "NotImplemented"));
}
