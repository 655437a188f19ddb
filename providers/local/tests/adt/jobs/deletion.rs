//! What a deletion does.

use serde_json::json;

use super::storage::INPUT;
use super::{cloud, ended, input, models, next_to, put, room};
use crate::cloud::NAME;

#[test]
fn everything_goes_but_routes_and_endpoints() {
    let (cloud, storage) = cloud();
    let rooms: Vec<_> = (0..300).map(|number| room(&format!("r{number}"))).collect();
    let links = (1..300).map(|number| next_to(&format!("r{number}"), "r0")).collect();
    storage.write(INPUT, &input(&[("Models", models()), ("Twins", rooms), ("Relationships", links)]));
    put(&cloud, "j");
    assert_eq!(ended(&cloud, "imports/j")["status"], "succeeded");
    cloud.service.put_endpoint(NAME, "hub").unwrap();
    let begun = cloud.send("POST", "/jobs/deletions?timeoutInMinutes=15", &[("operation-id", "d 1")], None);
    assert_eq!(begun.verdict(), (400, "InvalidArgument"));
    let begun = cloud.send("POST", "/jobs/deletions?timeoutInMinutes=15", &[("operation-id", "d1")], None);
    assert_eq!(begun.status, 202);
    let place = "https://factory-adt.adt.localhost/jobs/deletions/d1?api-version=2023-10-31";
    assert_eq!((begun.header("operation-location"), begun.header("operation-id")), (Some(place), Some("d1")));
    let created = "2023-11-14T22:13:20.0000000Z";
    let shown = json!({"id": "d1", "status": "succeeded", "createdDateTime": created, "finishedDateTime": created, "purgeDateTime": "2023-12-14T22:13:20.0000000Z"});
    assert_eq!(ended(&cloud, "deletions/d1"), shown);
    assert_eq!(cloud.get("/jobs/deletions").body["value"], json!([shown]));
    let empty = json!({"models": [], "twins": [], "relationships": [], "routes": [], "endpoints": ["hub"]});
    assert_eq!(cloud.service.dump()[NAME], empty);
    assert_eq!(cloud.effects().last().unwrap(), "PutDeletionJob jobs/deletions/d1");
    let again = cloud.send("POST", "/jobs/deletions", &[("operation-id", "d1")], None);
    assert_eq!(again.verdict(), (400, "ValidationFailed"));
    assert_eq!(put(&cloud, "d1").status, 201, "ids of the two kinds do not meet");
    assert_eq!(ended(&cloud, "imports/d1")["status"], "succeeded", "into an instance that is empty");
    let before = cloud.service.dump();
    assert_eq!(cloud.reopened().service.dump(), before);
}

#[test]
fn an_id_is_made_up_and_a_timeout_is_within_bounds() {
    let (cloud, _storage) = cloud();
    for wrong in ["14", "1441", "x"] {
        let answer = cloud.post(&format!("/jobs/deletions?timeoutInMinutes={wrong}"), json!(null));
        assert_eq!(answer.verdict(), (400, "InvalidArgument"), "{wrong}");
    }
    let begun = cloud.post("/jobs/deletions", json!(null));
    let id = begun.header("operation-id").unwrap().to_owned();
    assert_eq!(begun.body["id"], id);
    assert_eq!(ended(&cloud, &format!("deletions/{id}"))["status"], "succeeded");
}
