//! Models.

use serde_json::{Value, json};

use crate::cloud::{Cloud, HALL, MACHINE, MOTOR, ROOM, factory_models};

fn interface(id: &str) -> Value {
    json!({"@id": id, "@type": "Interface", "@context": "dtmi:dtdl:context;2"})
}

fn ids(list: &Value) -> Vec<&str> {
    list["value"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect()
}

#[test]
fn models_are_listed_as_they_were_uploaded() {
    let cloud = Cloud::factory();
    let list = cloud.get("/models").body;
    assert_eq!(ids(&list), [MOTOR, MACHINE, ROOM, HALL]);
    assert_eq!(
        list["value"][1],
        json!({"id": MACHINE, "displayName": {"en": "Machine"}, "description": {}, "decommissioned": false,
            "uploadTime": "2023-11-14T22:13:20.0000001+00:00"})
    );
    assert_eq!(list["nextLink"], Value::Null);
    let model = cloud.get("/models/dtmi%3Afactory%3AMachine%3B1?includeModelDefinition=true").body;
    assert_eq!(model["model"]["@context"], json!(["dtmi:dtdl:context;2"]));
    assert_eq!(model["model"]["contents"], factory_models()[1]["contents"]);
    assert_eq!(ids(&cloud.get(&format!("/models?dependenciesFor={HALL}")).body), [ROOM, HALL]);
    assert_eq!(cloud.get("/models?dependenciesFor=dtmi:no;1").verdict(), (404, "ModelNotFound"));
    assert_eq!(cloud.get("/models/nothing").verdict(), (400, "InvalidArgument"));
}

#[test]
fn lists_come_in_pages() {
    let cloud = Cloud::factory();
    let first = cloud.send("GET", "/models", &[("max-items-per-page", "3")], None).body;
    assert_eq!(ids(&first), [MOTOR, MACHINE, ROOM]);
    let link = first["nextLink"].as_str().unwrap();
    let host = "https://factory-adt.adt.localhost";
    let second = cloud.get(link.strip_prefix(host).unwrap()).body;
    assert_eq!((ids(&second), &second["nextLink"]), (vec![HALL], &Value::Null));
}

#[test]
fn a_batch_is_taken_whole_or_not_at_all() {
    let cloud = Cloud::factory();
    let upload = |models: Value| cloud.post("/models", models);
    assert_eq!(upload(json!([])).verdict(), (400, "InvalidArgument"));
    assert_eq!(cloud.send("POST", "/models", &[], None).verdict(), (400, "BadRequest"));
    assert_eq!(upload(json!([{}])).verdict(), (400, "DTDLParserError"));
    let again = upload(json!([interface("dtmi:new;1"), interface(ROOM), interface(HALL)]));
    assert_eq!(again.verdict(), (409, "ModelIdAlreadyExists"));
    assert!(again.body["error"]["message"].as_str().unwrap().contains(&format!("already exist: {ROOM},{HALL}.")));
    let mut missing = interface("dtmi:other;1");
    missing["extends"] = json!("dtmi:no;1");
    assert_eq!(upload(json!([interface("dtmi:new;1"), missing])).verdict(), (400, "DTDLParserError"));
    let mut newer = interface("dtmi:new;1");
    newer["@context"] = json!("dtmi:dtdl:context;4");
    assert_eq!(upload(json!([newer])).verdict(), (400, "ModelVersionNotSupported"));
    let many: Value = (1..=251).map(|at| interface(&format!("dtmi:many;{at}"))).collect();
    assert_eq!(upload(many).verdict(), (400, "LimitExceeded"));
    assert_eq!(cloud.get("/models/dtmi:new;1").verdict(), (404, "ModelNotFound"));
}

#[test]
fn a_model_goes_when_no_other_needs_it() {
    let cloud = Cloud::factory();
    cloud.twin("h1", HALL, json!({}));
    let delete = |id: &str| cloud.delete(&format!("/models/{id}"));
    let refused = delete(ROOM);
    assert_eq!(refused.verdict(), (409, "ModelReferencesNotDeleted"));
    assert!(refused.body["error"]["message"].as_str().unwrap().contains(HALL));
    assert_eq!(delete(MOTOR).verdict(), (409, "ModelReferencesNotDeleted"));
    assert_eq!(delete(MACHINE).status, 204, "being a relationship's target does not hold it");
    assert_eq!(delete(HALL).status, 204, "nor does a twin");
    assert_eq!(delete(HALL).verdict(), (404, "ModelNotFound"));
    assert_eq!(cloud.get("/digitaltwins/h1").status, 200);
    let patch = json!([{"op": "add", "path": "/area", "value": 1}]);
    assert_eq!(cloud.patch("/digitaltwins/h1", patch).verdict(), (400, "ValidationFailed"));
    assert_eq!(cloud.delete("/digitaltwins/h1").status, 204);
}

#[test]
fn a_decommissioned_model_takes_no_new_twins() {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({}));
    let set = |value: bool| {
        cloud.patch(&format!("/models/{ROOM}"), json!([{"op": "replace", "path": "/decommissioned", "value": value}]))
    };
    assert_eq!((set(true).status, set(true).status), (204, 204));
    assert_eq!(cloud.get(&format!("/models/{ROOM}")).body["decommissioned"], true);
    let body = json!({"$metadata": {"$model": ROOM}});
    assert_eq!(cloud.put("/digitaltwins/r2", body.clone()).verdict(), (400, "ModelDecommissioned"));
    assert_eq!(cloud.put("/digitaltwins/r1", body).status, 200);
    let other = json!([{"op": "replace", "path": "/displayName", "value": "x"}]);
    assert_eq!(cloud.patch(&format!("/models/{ROOM}"), other).verdict(), (400, "JsonPatchInvalid"));
    let changes: Vec<_> = cloud.effects().into_iter().filter(|effect| effect.starts_with("Decommission")).collect();
    assert_eq!(changes, [format!("DecommissionModel models/{ROOM}"), format!("DecommissionModel models/{ROOM} =")]);
}

#[test]
fn a_page_goes_on_where_it_stopped_whatever_was_deleted() {
    let cloud = Cloud::factory();
    let first = cloud.send("GET", "/models", &[("max-items-per-page", "2")], None).body;
    assert_eq!(ids(&first), [MOTOR, MACHINE]);
    assert_eq!(cloud.delete(&format!("/models/{MACHINE}")).status, 204);
    let link = first["nextLink"].as_str().unwrap().strip_prefix("https://factory-adt.adt.localhost").unwrap();
    assert_eq!(ids(&cloud.get(link).body), [ROOM, HALL]);
}
