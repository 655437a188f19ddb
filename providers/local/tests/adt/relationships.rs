//! Relationships.

use serde_json::{Value, json};

use crate::cloud::{Answer, Cloud, HALL, MACHINE, ROOM};

const CONTAINS: &str = "/digitaltwins/r1/relationships/c1";

fn linked() -> Cloud {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({}));
    cloud.twin("h1", HALL, json!({}));
    cloud.twin("m1", MACHINE, json!({"motor": {"$metadata": {}}}));
    let link = json!({"$relationshipName": "contains", "$targetId": "m1", "$sourceId": "nobody", "fixed": false});
    assert_eq!(cloud.put(CONTAINS, link).status, 200);
    cloud
}

fn link(cloud: &Cloud, name: &str, target: &str, properties: Value) -> Answer {
    let mut body = properties;
    body["$relationshipName"] = json!(name);
    body["$targetId"] = json!(target);
    cloud.put("/digitaltwins/r1/relationships/x", body)
}

#[test]
fn both_ends_show_a_relationship() {
    let cloud = linked();
    let shown = cloud.get(CONTAINS);
    assert_eq!(
        shown.body,
        json!({"$relationshipId": "c1", "$etag": shown.etag(), "$sourceId": "r1", "$relationshipName": "contains",
            "$targetId": "m1", "fixed": false})
    );
    assert_eq!(cloud.get("/digitaltwins/r1/relationships").body, json!({"value": [shown.body], "nextLink": null}));
    assert_eq!(cloud.get("/digitaltwins/r1/relationships?relationshipName=nextTo").body["value"], json!([]));
    let incoming = json!([{"$relationshipId": "c1", "$sourceId": "r1", "$relationshipName": "contains",
        "$relationshipLink": "/digitaltwins/r1/relationships/c1"}]);
    assert_eq!(cloud.get("/digitaltwins/m1/incomingrelationships").body["value"], incoming);
    assert_eq!(cloud.get("/digitaltwins/no/incomingrelationships").verdict(), (404, "DigitalTwinNotFound"));
    assert_eq!(cloud.get("/digitaltwins/r1/relationships/no").verdict(), (404, "RelationshipNotFound"));
}

#[test]
fn what_the_source_model_does_not_allow_is_refused() {
    let cloud = linked();
    let verdict = |name: &str, target: &str, properties: Value| {
        let answer = link(&cloud, name, target, properties);
        (answer.status, answer.code().to_owned())
    };
    let bad = |code: &str| (400, code.to_owned());
    assert_eq!(verdict("owns", "m1", json!({})), bad("InvalidRelationship"));
    assert_eq!(verdict("contains", "h1", json!({})), bad("InvalidRelationship"), "a hall is no machine");
    assert_eq!(verdict("contains", "m1", json!({"colour": 1})), bad("ValidationFailed"));
    assert_eq!(verdict("contains", "m1", json!({"fixed": "yes"})), bad("ValidationFailed"));
    assert_eq!(verdict("nextTo", "r1", json!({})), bad("OperationNotAllowed"));
    assert_eq!(verdict("nextTo", "no", json!({})), (404, "TargetDigitalTwinNotFound".to_owned()));
    assert_eq!(verdict("nextTo", "h1", json!({})), (200, String::new()), "without a target any model will do");
    let nameless = cloud.put("/digitaltwins/r1/relationships/y", json!({"$targetId": "m1"}));
    assert_eq!(nameless.verdict(), (400, "InvalidArgument"));
}

#[test]
fn linked_twins_stay() {
    let cloud = linked();
    assert_eq!(cloud.delete("/digitaltwins/r1").verdict(), (400, "RelationshipsNotDeleted"));
    assert_eq!(cloud.delete("/digitaltwins/m1").verdict(), (400, "RelationshipsNotDeleted"));
    assert_eq!(cloud.delete(CONTAINS).status, 204);
    assert_eq!(cloud.delete(CONTAINS).verdict(), (404, "RelationshipNotFound"));
    assert_eq!(cloud.delete("/digitaltwins/m1").status, 204);
}

#[test]
fn a_relationship_that_is_put_anew_leaves_its_old_target() {
    let cloud = linked();
    cloud.twin("m2", MACHINE, json!({"motor": {"$metadata": {}}}));
    let body = json!({"$relationshipName": "contains", "$targetId": "m2"});
    let refused = cloud.send("PUT", CONTAINS, &[("if-none-match", "*")], Some(&body));
    assert_eq!(refused.verdict(), (412, "PreconditionFailed"));
    assert_eq!(cloud.put(CONTAINS, body).status, 200);
    assert_eq!(cloud.get("/digitaltwins/m1/incomingrelationships").body["value"], json!([]));
    assert_eq!(cloud.delete("/digitaltwins/m1").status, 204);
}

#[test]
fn properties_are_patched_and_checked() {
    let cloud = linked();
    let patch = |op: &str, path: &str, value: Value| {
        let answer = cloud.patch(CONTAINS, json!([{"op": op, "path": path, "value": value}]));
        (answer.status, answer.code().to_owned())
    };
    assert_eq!(patch("replace", "/fixed", json!(true)).0, 204);
    assert_eq!(patch("replace", "/since", json!("2024-02-29")), (400, "JsonPatchInvalid".to_owned()));
    assert_eq!(patch("add", "/since", json!("2024-02-29")).0, 204);
    assert_eq!(patch("add", "/since", json!("soon")), (400, "ValidationFailed".to_owned()));
    assert_eq!(patch("replace", "/$targetId", json!("h1")), (400, "JsonPatchInvalid".to_owned()));
    let old = cloud.get(CONTAINS).etag();
    assert_eq!(cloud.patch(CONTAINS, json!([])).status, 204);
    let stale = cloud.send("PATCH", CONTAINS, &[("if-match", &old)], Some(&json!([])));
    assert_eq!(stale.verdict(), (412, "PreconditionFailed"));
    assert_eq!(cloud.send("DELETE", CONTAINS, &[("if-match", &old)], None).verdict(), (412, "PreconditionFailed"));
}

#[test]
fn many_relationships_come_in_pages() {
    let cloud = linked();
    for at in 0..120 {
        let body = json!({"$relationshipName": "nextTo", "$targetId": "h1"});
        assert_eq!(cloud.put(&format!("/digitaltwins/r1/relationships/n{at}"), body).status, 200);
    }
    for list in ["/digitaltwins/r1/relationships?relationshipName=nextTo", "/digitaltwins/h1/incomingrelationships"] {
        let first = cloud.get(list).body;
        let link = first["nextLink"].as_str().unwrap().strip_prefix("https://factory-adt.adt.localhost").unwrap();
        let second = cloud.get(link).body;
        let count = |page: &Value| page["value"].as_array().unwrap().len();
        assert_eq!((count(&first), count(&second), &second["nextLink"]), (100, 20, &Value::Null), "{list}");
    }
}
