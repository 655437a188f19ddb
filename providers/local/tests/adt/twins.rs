//! Twins and their components.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloud::{Cloud, HALL, MACHINE, ROOM};

fn machine() -> Value {
    json!({"temperature": 20, "serial": "m-1", "motor": {"$metadata": {}, "speed": 1.5}})
}

#[test]
fn a_twin_comes_back_with_its_times() {
    let cloud = Cloud::factory();
    let put = cloud.twin("m1", MACHINE, machine());
    let get = cloud.get("/digitaltwins/m1");
    assert_eq!(put.body, get.body);
    assert_eq!(get.etag(), get.body["$etag"]);
    let time = "2023-11-14T22:13:20.0000000Z";
    assert_eq!(
        get.body["$metadata"],
        json!({"$model": MACHINE, "$lastUpdateTime": time, "serial": {"lastUpdateTime": time}, "temperature": {"lastUpdateTime": time}})
    );
    assert_eq!(
        get.body["motor"],
        json!({"speed": 1.5, "$metadata": {"$lastUpdateTime": time, "speed": {"lastUpdateTime": time}}})
    );
    let oldest = cloud.get("/digitaltwins/m1?api-version=2020-10-31").body;
    assert_eq!(oldest["$metadata"].get("$lastUpdateTime"), None);
    let component = cloud.get("/digitaltwins/m1/components/motor");
    assert_eq!((component.etag(), &component.body), (get.etag(), &get.body["motor"]));
}

#[test]
fn what_the_model_does_not_allow_is_refused() {
    let cloud = Cloud::factory();
    let refused = |body: Value| {
        let answer = cloud.put("/digitaltwins/m1", body);
        assert_eq!(answer.verdict(), (400, "ValidationFailed"), "{}", answer.body);
        assert_eq!(answer.header("x-ms-error-code"), Some("ValidationFailed"));
        answer.body["error"]["details"][0]["message"].as_str().unwrap().to_owned()
    };
    let of = |model: &str, mut body: Value| {
        body["$metadata"] = json!({"$model": model});
        body
    };
    assert_eq!(refused(of("dtmi:no;1", json!({}))), "dtmi:no;1 or one of its dependencies does not exist.");
    assert_eq!(refused(of(ROOM, json!({"colour": "red"}))), "colour does not appear on the DTDL for Twin.");
    assert!(refused(of(ROOM, json!({"area": "wide"}))).starts_with("The value of area is not valid for Twin: "));
    assert!(refused(of(MACHINE, json!({}))).starts_with("The component motor of the DTDL is missing"));
    let unknown = json!({"motor": {"$metadata": {}, "colour": 1}});
    assert_eq!(refused(of(MACHINE, unknown)), "colour does not appear on the DTDL for motor.");
    let telemetry = json!({"noise": 1.0, "motor": {"$metadata": {}}});
    assert_eq!(refused(of(MACHINE, telemetry)), "noise does not appear on the DTDL for Twin.");
    assert!(refused(json!({"area": 1})).contains("$model"));
    assert_eq!(cloud.put("/digitaltwins/m1", json!([{}])).verdict(), (400, "InvalidArgument"));
    assert_eq!(cloud.put("/digitaltwins/a%20b", of(ROOM, json!({}))).verdict(), (400, "InvalidArgument"));
    assert_eq!(cloud.get("/digitaltwins/m1").verdict(), (404, "DigitalTwinNotFound"));
    assert_eq!(cloud.effects().len(), 4, "nothing but the models was written");
}

#[test]
fn inherited_properties_are_properties() {
    let cloud = Cloud::factory();
    cloud.twin("h1", HALL, json!({"area": 10, "height": 4}));
    assert_eq!(cloud.get("/digitaltwins/h1").body["area"], 10);
}

#[test]
fn conditions_are_kept() {
    let cloud = Cloud::factory();
    let etag = cloud.twin("r1", ROOM, json!({"area": 1})).etag();
    let body = json!({"$metadata": {"$model": ROOM}, "area": 2});
    let put = |header| cloud.send("PUT", "/digitaltwins/r1", &[("if-none-match", header)], Some(&body));
    assert_eq!(put("*").verdict(), (412, "PreconditionFailed"));
    assert_eq!(put(&etag).verdict(), (400, "InvalidArgument"));
    let patch = json!([{"op": "replace", "path": "/area", "value": 3}]);
    let update = |header: &str| cloud.send("PATCH", "/digitaltwins/r1", &[("if-match", header)], Some(&patch));
    let updated = update(&etag);
    assert_eq!((updated.status, &updated.body), (204, &Value::Null));
    assert_ne!(updated.etag(), etag);
    assert_eq!(update(&etag).verdict(), (412, "PreconditionFailed"));
    assert_eq!(update("XXX").verdict(), (400, "InvalidArgument"));
    assert_eq!(update("*").status, 204);
    let delete = |header: &str| cloud.send("DELETE", "/digitaltwins/r1", &[("if-match", header)], None);
    assert_eq!(delete(&etag).verdict(), (412, "PreconditionFailed"));
    assert_eq!(delete(&cloud.get("/digitaltwins/r1").etag()).status, 204);
    assert_eq!(delete("*").verdict(), (404, "DigitalTwinNotFound"));
}

#[test]
fn patches_follow_the_service_rules() {
    let cloud = Cloud::factory();
    cloud.twin("m1", MACHINE, machine());
    let patch = |element: Value| {
        let answer = cloud.patch("/digitaltwins/m1", json!([element]));
        (
            answer.status,
            answer.code().to_owned(),
            answer.body["error"]["message"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let refused = |element: Value, code: &str, words: &str| {
        let (status, given, message) = patch(element);
        assert_eq!((status, given.as_str()), (400, code));
        assert!(message.starts_with(words), "{message}");
    };
    let set = |op: &str, path: &str, value: Value| json!({"op": op, "path": path, "value": value});
    refused(set("replace", "/running", json!(true)), "JsonPatchInvalid", "running does not exist on component.");
    assert_eq!(patch(set("add", "/running", json!(true))).0, 204);
    assert_eq!(patch(set("replace", "/running", json!(false))).0, 204);
    refused(set("add", "/running", json!("yes")), "ValidationFailed", "Invalid twin specified");
    refused(set("add", "/colour", json!(1)), "ValidationFailed", "Invalid twin specified");
    refused(set("add", "/place/x", json!(1)), "JsonPatchInvalid", "Could not resolve path /place/x.");
    assert_eq!(patch(set("add", "/place", json!({"x": 1}))).0, 204);
    assert_eq!(patch(set("add", "/place/y", json!(2))).0, 204);
    assert_eq!(patch(set("replace", "/motor/speed", json!(9))).0, 204);
    refused(set("add", "/engine/speed", json!(9)), "JsonPatchInvalid", "Could not resolve path /engine/speed.");
    refused(
        json!({"op": "remove", "path": "/labels"}),
        "JsonPatchInvalid",
        "The target location specified by path segment",
    );
    refused(json!({"op": "remove", "path": "/motor"}), "ValidationFailed", "Invalid twin specified");
    refused(set("test", "/running", json!(1)), "JsonPatchInvalid", "Unsupported operation type test.");
    refused(set("add", "/$dtId", json!("x")), "JsonPatchInvalid", "The path /$dtId cannot be patched.");
    let problem = cloud.patch("/digitaltwins/m1", json!(["running"]));
    assert_eq!(problem.header("content-type"), Some("application/problem+json; charset=utf-8"));
    assert_eq!((problem.status, problem.body.get("error")), (400, None));
    let twin = cloud.get("/digitaltwins/m1").body;
    assert_eq!((&twin["place"], &twin["motor"]["speed"]), (&json!({"x": 1, "y": 2}), &json!(9)));
    let before = cloud.get("/digitaltwins/m1").etag();
    assert_ne!(cloud.patch("/digitaltwins/m1", json!([])).etag(), before, "an empty patch is a write, too");
}

#[test]
fn a_refused_patch_changes_nothing() {
    let cloud = Cloud::factory();
    cloud.twin("m1", MACHINE, machine());
    let before = cloud.get("/digitaltwins/m1").body;
    let patch = json!([
        {"op": "replace", "path": "/serial", "value": "m-2"},
        {"op": "replace", "path": "/temperature", "value": "hot"},
    ]);
    assert_eq!(cloud.patch("/digitaltwins/m1", patch).verdict(), (400, "ValidationFailed"));
    assert_eq!(cloud.get("/digitaltwins/m1").body, before);
}

#[test]
fn only_what_was_written_gets_new_times() {
    let cloud = Cloud::factory();
    cloud.twin("m1", MACHINE, machine());
    cloud.clock.advance(Duration::from_secs(5));
    let (old, new) = ("2023-11-14T22:13:20.0000000Z", "2023-11-14T22:13:25.0000000Z");
    let patch = json!([{"op": "add", "path": "/temperature", "value": 20}]);
    assert_eq!(cloud.patch("/digitaltwins/m1", patch).status, 204);
    let metadata = cloud.get("/digitaltwins/m1").body["$metadata"].clone();
    assert_eq!(metadata["temperature"]["lastUpdateTime"], new, "even with the value that it had");
    assert_eq!(metadata["serial"]["lastUpdateTime"], old);
    assert_eq!(metadata["$lastUpdateTime"], new);
    assert_eq!(cloud.get("/digitaltwins/m1").body["motor"]["$metadata"]["$lastUpdateTime"], old);
    let patch = json!([{"op": "replace", "path": "/speed", "value": 2}]);
    assert_eq!(cloud.patch("/digitaltwins/m1/components/motor", patch).status, 204);
    assert_eq!(cloud.get("/digitaltwins/m1").body["motor"]["$metadata"]["$lastUpdateTime"], new);
    let missing = json!([{"op": "replace", "path": "/speed", "value": 2}]);
    assert_eq!(cloud.patch("/digitaltwins/m1/components/pump", missing).verdict(), (400, "JsonPatchInvalid"));
    assert_eq!(cloud.get("/digitaltwins/m1/components/pump").verdict(), (404, "ComponentNotFound"));
}

#[test]
fn source_times_stay_until_their_property_goes() {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({"area": 1}));
    let path = "/$metadata/area/sourceTime";
    let time = "2023-11-14T20:00:00Z";
    let patch = |element: Value| cloud.patch("/digitaltwins/r1", json!([element])).status;
    let source_time = || cloud.get("/digitaltwins/r1").body["$metadata"]["area"]["sourceTime"].clone();
    assert_eq!(patch(json!({"op": "replace", "path": path, "value": time})), 204, "although it was never set");
    assert_eq!(source_time(), time);
    assert_eq!(patch(json!({"op": "replace", "path": "/area", "value": 2})), 204);
    assert_eq!(source_time(), time);
    assert_eq!(patch(json!({"op": "add", "path": path, "value": "yesterday"})), 400);
    let old = cloud.get("/digitaltwins/r1?api-version=2020-10-31").body;
    assert_eq!(old["$metadata"]["area"].get("sourceTime"), None);
    let element = json!([{"op": "add", "path": path, "value": time}]);
    assert_eq!(cloud.patch("/digitaltwins/r1?api-version=2020-10-31", element).verdict(), (400, "JsonPatchInvalid"));
    assert_eq!(patch(json!({"op": "remove", "path": "/area"})), 204);
    assert_eq!(patch(json!({"op": "add", "path": "/area", "value": 3})), 204);
    assert_eq!(source_time(), Value::Null);
}

#[test]
fn a_twin_changes_its_model_when_the_result_fits() {
    let cloud = Cloud::factory();
    cloud.twin("r1", ROOM, json!({"area": 1}));
    let model = |id: &str| json!({"op": "replace", "path": "/$metadata/$model", "value": id});
    assert_eq!(cloud.patch("/digitaltwins/r1", json!([model(MACHINE)])).verdict(), (400, "ValidationFailed"));
    let height = json!({"op": "add", "path": "/height", "value": 4});
    assert_eq!(cloud.patch("/digitaltwins/r1", json!([model(HALL), height])).status, 204);
    assert_eq!(cloud.get("/digitaltwins/r1").body["$metadata"]["$model"], HALL);
}

#[test]
fn large_twins_are_refused() {
    let cloud = Cloud::factory();
    let labels: Value = (0..9).map(|at| (format!("l{at}"), json!("x".repeat(3900)))).collect();
    let body = json!({"$metadata": {"$model": MACHINE}, "motor": {"$metadata": {}}, "labels": labels});
    assert_eq!(cloud.put("/digitaltwins/m1", body).status, 413);
}

#[test]
fn telemetry_needs_a_twin_and_a_message_id() {
    let cloud = Cloud::factory();
    cloud.twin("m1", MACHINE, machine());
    let send = |path: &str, id: &str| cloud.send("POST", path, &[("message-id", id)], Some(&json!({"any": "thing"})));
    assert_eq!(send("/digitaltwins/m1/telemetry", "1").status, 204);
    assert_eq!(send("/digitaltwins/m1/components/motor/telemetry", "1").status, 204);
    assert_eq!(send("/digitaltwins/m1/telemetry", "").verdict(), (400, "InvalidArgument"));
    assert_eq!(send("/digitaltwins/m2/telemetry", "1").verdict(), (404, "DigitalTwinNotFound"));
    assert_eq!(send("/digitaltwins/m1/components/pump/telemetry", "1").verdict(), (404, "ComponentNotFound"));
}

#[test]
fn effects_say_what_changed() {
    let cloud = Cloud::factory();
    let before = cloud.effects().len();
    cloud.twin("r1", ROOM, json!({"area": 1}));
    cloud.twin("r1", ROOM, json!({"area": 1}));
    cloud.twin("r1", ROOM, json!({"area": 2}));
    assert_eq!(cloud.patch("/digitaltwins/r1", json!([{"op": "add", "path": "/area", "value": 2}])).status, 204);
    assert_eq!(cloud.delete("/digitaltwins/r1").status, 204);
    let expected = ["PutTwin", "PutTwin =", "PutTwin", "PatchTwin =", "DeleteTwin"].map(|effect| {
        effect
            .split_once(' ')
            .map_or(format!("{effect} digitaltwins/r1"), |(name, _)| format!("{name} digitaltwins/r1 ="))
    });
    assert_eq!(cloud.effects()[before..], expected);
}

#[test]
fn a_string_and_a_whole_have_a_greatest_length() {
    let cloud = Cloud::factory();
    let body = |bytes: usize| json!({"serial": "s".repeat(bytes), "motor": {"$metadata": {}}});
    cloud.twin("press", MACHINE, body(4096));
    let mut long = body(4097);
    long["$metadata"] = json!({"$model": MACHINE});
    assert_eq!(cloud.put("/digitaltwins/press", long).verdict(), (400, "ValidationFailed"));
    let longer = json!([{"op": "add", "path": "/serial", "value": "s".repeat(4097)}]);
    assert_eq!(cloud.patch("/digitaltwins/press", longer).verdict(), (400, "ValidationFailed"));
    let label = |number: usize| (format!("label{number}"), Value::from("l".repeat(4000)));
    let labels: Value = (0..9).map(label).collect::<serde_json::Map<_, _>>().into();
    let mut patch = vec![json!({"op": "add", "path": "/labels", "value": {}})];
    patch.extend((0..9).map(|number| {
        json!({"op": "add", "path": format!("/labels/label{number}"), "value": labels[format!("label{number}")]})
    }));
    assert_eq!(cloud.patch("/digitaltwins/press", patch[..8].to_vec().into()).status, 204);
    assert_eq!(cloud.patch("/digitaltwins/press", json!([patch[8], patch[9]])).verdict(), (400, "ValidationFailed"));
}
