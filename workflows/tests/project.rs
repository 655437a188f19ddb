//! Projects with mistakes, and what is said about them: every mistake at once, each in its place.

use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use workflows::{
    definition::{Definition, Target, TargetKind},
    problem::{Code, Severity},
    project::{
        self, AWS_HIERARCHY, Access, CONFIG, CREDENTIALS, DEVICES, Files, HIERARCHY_JSON, HIERARCHY_NDJSON, PROVIDERS,
        Report,
    },
};

const CONFIG_TEXT: &str = r#"{"digital_twin_name": "factory", "hot_storage_size_in_days": 7, "cold_storage_size_in_days": 30, "mode": "DEBUG"}"#;
const PROVIDERS_TEXT: &str = r#"{"layer_1_provider": "azure", "layer_2_provider": "azure", "layer_3_hot_provider": "azure", "layer_3_cold_provider": "azure", "layer_3_archive_provider": "azure", "layer_4_provider": "azure"}"#;

fn model(name: &str, contents: Value) -> Value {
    json!({
        "@context": "dtmi:dtdl:context;3", "@id": format!("dtmi:example:{name};1"), "@type": "Interface", "contents": contents
    })
}

fn models() -> Vec<Value> {
    vec![
        model("Motor", json!([{"@type": "Property", "name": "speed", "schema": "double"}])),
        model(
            "Room",
            json!([
                {"@type": "Property", "name": "temperature", "schema": "double"},
                {"@type": "Property", "name": "doors", "schema": "integer"},
                {"@type": "Telemetry", "name": "noise", "schema": "double"},
                {"@type": "Component", "name": "motor", "schema": "dtmi:example:Motor;1"},
                {"@type": "Relationship", "name": "near", "target": "dtmi:example:Room;1",
                 "properties": [{"@type": "Property", "name": "metres", "schema": "double"}]}
            ]),
        ),
    ]
}

fn room(id: &str) -> Value {
    json!({"$dtId": id, "$metadata": {"$model": "dtmi:example:Room;1"}, "motor": {"$metadata": {}}})
}

fn hierarchy(models: Vec<Value>, twins: Value, relationships: Value) -> String {
    format!("{:#}", json!({"models": models, "relationships": relationships, "twins": twins}))
}

/// A good project with some files replaced.
fn with(changes: &[(&str, &str)]) -> Report {
    let graph = hierarchy(models(), json!([room("room-1")]), json!([]));
    let mut texts = vec![
        (CONFIG, CONFIG_TEXT),
        (PROVIDERS, PROVIDERS_TEXT),
        (DEVICES, r#"[{"id": "room-1", "properties": [{"name": "temperature", "dataType": "DOUBLE"}]}]"#),
        (HIERARCHY_JSON, &graph),
    ];
    for (name, text) in changes {
        texts.retain(|(kept, _)| kept != name);
        texts.push((name, text));
    }
    project::check(Files::from_texts(texts))
}

fn listing(report: &Report) -> String {
    report.problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn codes(report: &Report) -> Vec<Code> {
    report.problems.iter().map(|problem| problem.code).collect()
}

fn local() -> Target {
    Target { kind: TargetKind::Local, azure: None, aws: None }
}

fn factory() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/factory")
}

#[test]
fn a_good_project_has_no_problems() {
    let report = with(&[]);
    assert_eq!(listing(&report), "");
    let definition = report.project.unwrap().define(local());
    assert_eq!(definition.feeds["room-1"].properties["temperature"].path(), "/temperature");
}

#[test]
fn the_factory_has_no_problems_and_every_device_feeds_a_twin() {
    let report = project::read(&factory(), Access::Local);
    assert_eq!(listing(&report), "");
    let definition = report.project.unwrap().define(local());
    assert_eq!(definition.feeds.len(), 6);
    assert_eq!(definition.feeds.len(), definition.devices.len());
    let sent: usize = definition.devices.iter().map(|device| device.properties.len()).sum();
    let landed: usize = definition.feeds.values().map(|feed| feed.properties.len()).sum();
    assert_eq!(sent, landed, "every property lands");
    let sensor = definition.twins.iter().find(|twin| twin.id == "climate-press-hall").unwrap();
    assert_eq!(sensor.body["battery"]["level"], 100, "an initial value in a component");
    assert_eq!(sensor.body["serialNumber"], "CL-0001", "a constant value");
}

/// Rooms with a `position`: an Object of two numbers and an object within.
fn with_positions(device: Value, twin: Value) -> Report {
    let number = |name: &str| json!({"name": name, "schema": "double"});
    let cell = json!({"@type": "Object", "fields": [{"name": "row", "schema": "integer"}]});
    let fields = json!([number("x"), number("y"), number("z"), {"name": "cell", "schema": cell}]);
    let position = json!({"@type": "Property", "name": "position", "schema": {"@type": "Object", "fields": fields}});
    let mut models = models();
    models[0]["contents"].as_array_mut().expect("contents are a list").push(position.clone());
    models[1]["contents"].as_array_mut().expect("contents are a list").push(position);
    let mut room = room("room-1");
    for (name, value) in twin.as_object().expect("a twin is an object") {
        room[name] = value.clone();
    }
    let mut device = device;
    device["id"] = json!("room-1");
    let (devices, graph) = (json!([device]).to_string(), hierarchy(models, json!([room]), json!([])));
    with(&[(DEVICES, &devices), (HIERARCHY_JSON, &graph)])
}

#[test]
fn fields_of_objects_land_and_their_first_values_make_one_object() {
    let device = json!({
        "properties": [
            {"name": "position.x", "dataType": "DOUBLE", "initValue": 1.5},
            {"name": "position.y", "dataType": "INTEGER", "initValue": 7},
            {"name": "position.cell.row", "dataType": "INTEGER", "initValue": 3},
            {"name": "motor.position.x", "dataType": "DOUBLE", "initValue": 2}
        ]
    });
    let report = with_positions(device, json!({"position": {"y": 2}}));
    assert_eq!(listing(&report), "");
    let definition = report.project.unwrap().define(local());
    let properties = &definition.feeds["room-1"].properties;
    let row = json!({"property": "position", "field": ["cell", "row"], "schema": "integer"});
    assert_eq!(serde_json::to_value(&properties["position.cell.row"]).unwrap(), row);
    let inner = json!({"component": "motor", "property": "position", "field": ["x"], "schema": "double"});
    assert_eq!(serde_json::to_value(&properties["motor.position.x"]).unwrap(), inner);
    let body = &definition.twins[0].body;
    assert_eq!(body["position"], json!({"x": 1.5, "y": 2, "cell": {"row": 3}}), "what the twin says itself stays");
    assert_eq!(body["motor"]["position"], json!({"x": 2}));
    let live: Vec<_> = definition.live_paths("room-1").into_iter().collect();
    assert_eq!(live, ["/motor/position", "/position"], "redeploys leave the whole objects alone");
    assert_eq!(Definition::from_json(&definition.to_json()).unwrap(), definition);
}

#[test]
fn fields_that_do_not_land_are_reported() {
    let device = json!({
        "properties": [
            {"name": "position", "dataType": "DOUBLE"},
            {"name": "position.x", "dataType": "STRING"},
            {"name": "position.w", "dataType": "DOUBLE"},
            {"name": "position.cell", "dataType": "DOUBLE"},
            {"name": "position.y.z", "dataType": "DOUBLE"},
            {"name": "temperature.x", "dataType": "DOUBLE"},
            {"name": "position.y", "dataType": "DOUBLE"}
        ],
        "constProperties": [{"name": "position.z", "dataType": "DOUBLE", "value": 1}]
    });
    let report = with_positions(device, json!({}));
    let expected = [
        Code::DevicePropertyType,
        Code::DevicePropertyType,
        Code::DevicePropertyHasNoHome,
        Code::DevicePropertyType,
        Code::DevicePropertyHasNoHome,
        Code::DevicePropertyHasNoHome,
        Code::DevicePropertiesCollide,
    ];
    let sorted = |codes: &[Code]| {
        let mut names: Vec<String> = codes.iter().map(|code| format!("{code:?}")).collect();
        names.sort();
        names
    };
    assert_eq!(sorted(&codes(&report)), sorted(&expected), "{}", listing(&report));
    assert!(listing(&report).contains("did you mean \"position.z\""), "{}", listing(&report));
}

#[test]
fn models_stand_after_those_that_they_build_on() {
    let definition = project::read(&factory(), Access::Local).project.unwrap().define(local());
    let ids: Vec<&str> = definition.models.iter().map(|model| model["@id"].as_str().unwrap()).collect();
    for (at, model) in definition.models.iter().enumerate() {
        if let Some(base) = model.get("extends").and_then(Value::as_str) {
            assert!(ids[..at].contains(&base), "{base} before {}", ids[at]);
        }
    }
}

#[test]
fn reading_twice_gives_one_digest() {
    let define = || project::read(&factory(), Access::Local).project.unwrap().define(local());
    assert_eq!(define().digest(), define().digest());
    // The factory has 20.0 in it, which canonical JSON writes as 20.
    assert_eq!(Definition::from_json(&define().to_json()).unwrap(), define());
}

#[test]
fn everything_wrong_with_the_configuration_at_once() {
    let report = with(&[
        (
            CONFIG,
            "{\n  \"digital_twin_name\": \"My Factory_1\",\n  \"hot_storage_size_in_days\": 40,\n  \"cold_storage_size_in_days\": 30,\n  \"mod\": \"DEBUG\"\n}",
        ),
        (
            PROVIDERS,
            "{\n  \"layer_1_provider\": \"azur\",\n  \"layer_2_provider\": \"gcp\",\n  \"layer_3_hot_provider\": 3,\n  \"layer_3_cold_provider\": \"azure\",\n  \"layer_4_provider\": \"google\",\n  \"layer_5_provider\": \"aws\"\n}",
        ),
    ]);
    assert!(report.project.is_none());
    insta::assert_snapshot!(listing(&report), @r#"
config.json:2:24: error[name-not-carried]: the digital twin cannot be called "My Factory_1": 1 to 35 characters, lower-case letters, digits and single hyphens between them, a letter first
  why: every resource is named after the twin, so its name must do for all of them
  fix: write for example "my-factory-1"
config.json:4:32: error[retention-order]: cold storage keeps data 30 days, hot storage 40
  why: data moves from hot to cold storage and would be older than cold storage keeps when it arrives
  fix: write 40 or more here, or less for "hot_storage_size_in_days"
config.json:5:3: warning[unknown-key]: the configuration has no use for "mod"
  why: nothing reads it, so it has no effect
  fix: did you mean "mode"? otherwise remove it
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_3_archive_provider"
  why: nothing can stand in for it
  fix: add "layer_3_archive_provider"
config_providers.json:2:23: error[bad-value]: "layer_1_provider" is "azur"
  why: that is no cloud that twinctl knows
  fix: did you mean "azure"? otherwise write "aws", "azure" or "google"
config_providers.json:4:27: error[wrong-type]: "layer_3_hot_provider" is a number, not a string
  why: it cannot be read as anything else
  fix: write a string
config_providers.json:6:23: error[layer-not-on-cloud]: Google Cloud has no service for layer 4
  why: there would be no twin
  fix: write "azure" (Azure Digital Twins) or "aws" (TwinMaker)
config_providers.json:7:23: warning[layer-not-deployed]: layer 5 is not deployed
  why: twinctl deploys layers 0 to 4; dashboards are left to you
  fix: nothing, or remove the line
"#);
}

#[test]
fn everything_wrong_with_devices_at_once() {
    let report = with(&[(
        DEVICES,
        r#"[
  {"id": "room-1", "properties": [
    {"name": "temperatur", "dataType": "DOUBLE"},
    {"name": "noise", "dataType": "DOUBLE"},
    {"name": "speed", "dataType": "DOUBLE"},
    {"name": "doors", "dataType": "DOUBLE"},
    {"name": "motor.speed", "dataType": "double", "initValue": "1.5"},
    {"name": "motor.speed", "dataType": "DOUBEL"}
  ], "constProperties": [{"name": "colour", "dataType": "STRING", "value": "red"}]},
  {"id": "room-1", "properties": []},
  {"id": "room 2", "properties": [{"name": "temperature", "dataType": "INTEGER", "initValue": "warm"}]}
]"#,
    )]);
    assert!(report.project.is_none());
    insta::assert_snapshot!(listing(&report), @r#"
config_iot_devices.json:3:14: error[device-property-has-no-home]: no property of the twin "room-1" can take "temperatur"
  why: its model dtmi:example:Room;1 has no property of that name, so live data would never land
  fix: did you mean "temperature"? otherwise declare "temperatur" in the model
config_iot_devices.json:4:14: error[device-property-is-telemetry]: dtmi:example:Room;1 has "noise" as Telemetry only
  why: Azure Digital Twins passes telemetry on and does not store it, so the twin would never show the value
  fix: declare "noise" as a Property in the model
config_iot_devices.json:5:14: error[device-property-has-no-home]: no property of the twin "room-1" can take "speed"
  why: its model dtmi:example:Room;1 has no property of that name, so live data would never land
  fix: did you mean "motor.speed"? otherwise declare "speed" in the model
config_iot_devices.json:6:35: error[device-property-type]: "doors" is sent as DOUBLE, and the model takes integer
  why: Azure Digital Twins rejects a DOUBLE for integer
  fix: let both be of one type
config_iot_devices.json:7:64: warning[quoted-value]: "initValue" is in quotes
  why: it is read as 1.5, since the type is DOUBLE
  fix: remove the quotes
config_iot_devices.json:8:41: error[bad-value]: there is no data type "DOUBEL"
  why: the type decides which property of a twin can take the values
  fix: did you mean "DOUBLE"? otherwise write one of STRING, DOUBLE, FLOAT, INTEGER, LONG, BOOLEAN
config_iot_devices.json:9:35: warning[const-property-has-no-home]: no property of the twin "room-1" can take "colour"
  why: its model cannot hold the constant, so the twin will not show it
  fix: declare "colour" as a Property in the model, or remove it from the device
config_iot_devices.json:10:10: error[duplicate-device]: there are two devices "room-1"
  why: both would be one device in the hub, and would feed one twin
  fix: rename one, or put their properties together
config_iot_devices.json:10:10: warning[device-sends-nothing]: the device "room-1" sends nothing
  why: without properties no live data of it reaches its twin
  fix: add its properties, or remove the device
config_iot_devices.json:11:10: error[name-not-carried]: a device of an IoT Hub cannot be called "room 2": 1 to 128 characters, letters, digits and - . % _ * ? ! ( ) , : = @ $ '
  why: the device could not be registered
  fix: write for example "room-2"
config_iot_devices.json:11:10: error[device-has-no-twin]: the device "room 2" has no twin
  why: a device feeds the twin of its own id, so what it sends would land nowhere
  fix: give the device the id of its twin, perhaps "room-1", or add a twin "room 2"
config_iot_devices.json:11:95: error[bad-value]: "initValue" is "warm", which is no INTEGER
  why: the property's values are of one type, the first one too
  fix: write a value of type INTEGER, or change "dataType"
"#);
}

#[test]
fn everything_wrong_with_twins_and_relationships_at_once() {
    let twins = json!([
        room("room-1"),
        room("room-1"),
        {"$dtId": "room-2", "$metadata": {"$model": "dtmi:example:Rom;1"}},
        {"$dtId": "room-3", "$metadata": {"$model": "dtmi:example:Room;1"},
         "temperature": "warm", "noise": 3, "door": 1},
        {"$dtId": "motor-1", "$metadata": {"$model": "dtmi:example:Motor;1"}}
    ]);
    let link = |id: &str, from: &str, to: &str, name: &str| json!({"$relationshipId": id, "$sourceId": from, "$targetId": to, "$relationshipName": name});
    let relationships = json!([
        link("a", "room-1", "room-9", "near"),
        link("a", "room-1", "room-3", "nearby"),
        link("b", "room-1", "motor-1", "near"),
        {"$relationshipId": "c", "$sourceId": "room-1", "$targetId": "room-3", "$relationshipName": "near", "metres": "far"}
    ]);
    let report = with(&[(HIERARCHY_JSON, &hierarchy(models(), twins, relationships))]);
    assert!(report.project.is_none());
    insta::assert_snapshot!(listing(&report), @r#"
twin_hierarchy/azure_hierarchy.json:60:20: error[relationship-twin-unknown]: there is no twin "room-9"
  why: a relationship needs a twin at both ends
  fix: did you mean "room-3"? otherwise add the twin, or remove the relationship
twin_hierarchy/azure_hierarchy.json:63:26: error[duplicate-relationship]: "room-1" has two relationships "a"
  why: the later one would replace the earlier one
  fix: rename one of them
twin_hierarchy/azure_hierarchy.json:64:28: error[relationship-name-unknown]: dtmi:example:Room;1 has no relationship "nearby"
  why: "room-1" is of that model, and only what the model declares can start there
  fix: did you mean "near"? otherwise declare it in the model
twin_hierarchy/azure_hierarchy.json:72:20: error[relationship-target-model]: "motor-1" is a dtmi:example:Motor;1, not a dtmi:example:Room;1
  why: "near" of dtmi:example:Room;1 ends at twins of dtmi:example:Room;1 alone
  fix: choose another target, or widen the relationship's target in the model
twin_hierarchy/azure_hierarchy.json:79:17: error[relationship-property-invalid]: "metres": "far" is not a number
  why: Azure Digital Twins checks the properties of a relationship against the source's model
  fix: declare it in the model as it is meant, or remove it
twin_hierarchy/azure_hierarchy.json:93:16: error[duplicate-twin]: there are two twins "room-1"
  why: the later one would replace the earlier one
  fix: rename one of them
twin_hierarchy/azure_hierarchy.json:104:19: error[twin-model-unknown]: there is no model "dtmi:example:Rom;1"
  why: a twin can only be made of a model that is uploaded before it
  fix: did you mean "dtmi:example:Room;1"? otherwise add the model to the hierarchy
twin_hierarchy/azure_hierarchy.json:107:5: error[twin-component-missing]: the twin "room-3" has no component "motor"
  why: every component of the model must be there when a twin is created
  fix: add "motor": {"$metadata": {}}
twin_hierarchy/azure_hierarchy.json:112:7: error[twin-property-unknown]: the twin "room-3" has "door", which is no property of dtmi:example:Room;1
  why: Azure Digital Twins rejects a twin with a property that its model does not have
  fix: did you mean "doors"? otherwise declare it as a Property in the model, or remove it
twin_hierarchy/azure_hierarchy.json:113:7: error[twin-property-unknown]: the twin "room-3" has "noise", which is no property of dtmi:example:Room;1
  why: it is telemetry, which Azure Digital Twins passes on and does not store
  fix: declare it as a Property in the model, or remove it
twin_hierarchy/azure_hierarchy.json:114:22: error[twin-value-type]: "temperature": "warm" is not a number
  why: Azure Digital Twins checks every value against the model
  fix: write a value of schema double
"#);
}

#[test]
fn everything_wrong_with_models_at_once() {
    let mut models = models();
    models.push(json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:my-room;1", "@type": "Interface"}));
    models.push(model(
        "Hall",
        json!([
            {"@type": "Telemetry", "name": "temperature", "schema": "double"},
            {"@type": "Property", "name": "temperature", "schema": "double"}
        ]),
    ));
    let report = with(&[(HIERARCHY_JSON, &hierarchy(models, json!([room("room-1")]), json!([])))]);
    assert!(report.project.is_none());
    insta::assert_snapshot!(listing(&report), @r#"
twin_hierarchy/azure_hierarchy.json:56:14: error[model-id-segment]: dtmi:example:my-room;1: @id "dtmi:example:my-room;1" is not a valid DTMI: the segment "my-room" is not allowed: segments start with a letter, hold letters, digits and underscores, and do not end in an underscore
  why: segments of a model id hold letters, digits and underscores; hyphens are not allowed
  fix: write "dtmi:example:my_room;1"
twin_hierarchy/azure_hierarchy.json:69:9: error[duplicate-content-name]: dtmi:example:Hall;1: the name "temperature" is taken
  why: names of contents are unique within a model and all that it extends, telemetry included
  fix: choose another name
"#);
}

#[test]
fn missing_and_broken_files_are_all_reported() {
    let report = project::check(Files::from_texts([
        (CONFIG, "{\"digital_twin_name\": \"a\" \"mode\": 1}"),
        (PROVIDERS, "{\"layer_1_provider\": \"azure\", \"layer_1_provider\": \"aws\"}"),
    ]));
    insta::assert_snapshot!(listing(&report), @r#"
config.json:1:27: error[json-syntax]: this is not JSON: expected `,` or `}`
  why: nothing of it can be read until it is
  fix: write strict JSON, without comments and trailing commas
config_iot_devices.json: error[file-missing]: config_iot_devices.json is missing
  why: a project is not whole without it
  fix: add config_iot_devices.json to the project folder
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_2_provider"
  why: nothing can stand in for it
  fix: add "layer_2_provider"
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_3_archive_provider"
  why: nothing can stand in for it
  fix: add "layer_3_archive_provider"
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_3_cold_provider"
  why: nothing can stand in for it
  fix: add "layer_3_cold_provider"
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_3_hot_provider"
  why: nothing can stand in for it
  fix: add "layer_3_hot_provider"
config_providers.json:1:1: error[key-missing]: the list of providers has no "layer_4_provider"
  why: nothing can stand in for it
  fix: add "layer_4_provider"
config_providers.json:1:31: error[duplicate-key]: "layer_1_provider" stands twice in one object
  why: one of the two values would be lost
  fix: remove one of them
"#);
}

#[test]
fn ndjson_is_the_same_project() {
    let mut lines = vec![
        json!({"Section": "Header"}),
        json!({"fileVersion": "1.0.0", "author": "me"}),
        json!({"Section": "Models"}),
    ];
    lines.extend(models());
    lines.extend([json!({"Section": "Twins"}), room("room-1"), room("room-2"), json!({"Section": "Relationships"})]);
    lines.push(json!({"$dtId": "room-1", "$relationshipId": "a", "$targetId": "room-2", "$relationshipName": "near"}));
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let relationships =
        json!([{"$sourceId": "room-1", "$relationshipId": "a", "$targetId": "room-2", "$relationshipName": "near"}]);
    let graph = hierarchy(models(), json!([room("room-1"), room("room-2")]), relationships);
    let as_json = with(&[(HIERARCHY_JSON, &graph)]).project.unwrap().define(local());
    let devices = r#"[{"id": "room-1", "properties": [{"name": "temperature", "dataType": "DOUBLE"}]}]"#;
    let files = [(CONFIG, CONFIG_TEXT), (PROVIDERS, PROVIDERS_TEXT), (DEVICES, devices), (HIERARCHY_NDJSON, &text)];
    let report = project::check(Files::from_texts(files));
    assert_eq!(listing(&report), "");
    assert_eq!(report.project.unwrap().define(local()).digest(), as_json.digest());
}

#[test]
fn problems_in_ndjson_name_the_line() {
    let text = "{\"fileVersion\": \"1.0.0\"}\n\n{\"Section\": \"Twin\"}\n{\"Section\": \"Twins\"}\n{\"$dtId\": 1}\nnot json\n{\"Section\": \"Models\"}\n";
    let files = [(CONFIG, CONFIG_TEXT), (PROVIDERS, PROVIDERS_TEXT), (DEVICES, "[]"), (HIERARCHY_NDJSON, text)];
    insta::assert_snapshot!(listing(&project::check(Files::from_texts(files))), @r#"
twin_hierarchy/azure_hierarchy.ndjson:1:1: error[bad-value]: this line stands before the first section
  why: the section says what a line is
  fix: put {"Section": "Header"} (or Models, Twins, Relationships) before it
twin_hierarchy/azure_hierarchy.ndjson:3:13: error[bad-value]: there is no section "Twin"
  why: the lines after it belong to no section
  fix: did you mean "Twins"? otherwise write one of Header, Models, Twins, Relationships
twin_hierarchy/azure_hierarchy.ndjson:5:1: error[key-missing]: a twin has no "$metadata"
  why: nothing can stand in for it
  fix: add "$metadata"
twin_hierarchy/azure_hierarchy.ndjson:5:11: error[wrong-type]: "$dtId" is a number, not a string
  why: it cannot be read as anything else
  fix: write a string
twin_hierarchy/azure_hierarchy.ndjson:6:2: error[json-syntax]: this is not JSON: expected ident
  why: nothing of it can be read until it is
  fix: write strict JSON, without comments and trailing commas
twin_hierarchy/azure_hierarchy.ndjson:7:13: error[bad-value]: the section "Models" comes too late
  why: sections stand in the order Header, Models, Twins, Relationships, each at most once
  fix: move the section to its place
"#);
}

#[test]
fn two_hierarchies_are_one_too_many() {
    assert!(codes(&with(&[(HIERARCHY_NDJSON, "{\"Section\": \"Twins\"}")])).contains(&Code::TwoHierarchies));
}

#[test]
fn credentials_are_not_opened_for_the_local_target() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(CREDENTIALS), "canary").unwrap();
    let report = project::read(folder.path(), Access::Local);
    assert!(report.problems.iter().all(|problem| problem.file != CREDENTIALS));
    let report = project::read(folder.path(), Access::Cloud);
    assert_eq!(report.files.text(CREDENTIALS), None);
    assert!(!format!("{report:?}").contains("canary"));
}

#[test]
fn credentials_give_the_account_and_its_regions() {
    let text = r#"{"aws": {"anything": 1}, "azure": {"azure_subscription_id": "s", "azure_tenant_id": "t",
        "azure_client_secret": "canary", "azure_region": "West Europe", "azure_region_digital_twin": "italynorth"}}"#;
    let report = with(&[(CREDENTIALS, text)]);
    assert_eq!(codes(&report), [Code::RegionUnknown]);
    assert!(!format!("{report:?}").contains("canary"));
    let azure = report.project.unwrap().azure.unwrap();
    let regions = azure.regions.unwrap();
    assert_eq!((regions.default.as_str(), regions.iot_hub.as_str()), ("westeurope", "westeurope"));
    assert_eq!(regions.digital_twin, "italynorth");
}

/// A good project whose L4 is on AWS, with some files replaced.
fn with_entities(hierarchy: &str, changes: &[(&str, &str)]) -> Report {
    let providers = PROVIDERS_TEXT.replace("\"layer_4_provider\": \"azure\"", "\"layer_4_provider\": \"aws\"");
    let mut all = vec![(PROVIDERS, providers.as_str()), (AWS_HIERARCHY, hierarchy)];
    all.extend_from_slice(changes);
    with(&all)
}

const SENSOR: &str = r#"{"type": "component", "name": "sensor", "iotDeviceId": "room-1"}"#;

#[test]
fn entities_stand_after_their_parents_whatever_the_order_of_the_file() {
    let room = format!(r#"{{"type": "entity", "id": "room-1", "name": "Room 1", "children": [{SENSOR}]}}"#);
    let hall = |children: &str| format!(r#"{{"type": "entity", "id": "hall", "children": [{children}]}}"#);
    let attic = r#"{"type": "entity", "id": "attic"}"#;
    let one = with_entities(&format!("[{}, {attic}]", hall(&room)), &[(HIERARCHY_JSON, "not json")]);
    assert_eq!(listing(&one), "", "the other cloud's hierarchy is not read");
    let other = with_entities(&format!("[{attic}, {}]", hall(&room)), &[]);
    let define = |report: Report| report.project.unwrap().define(local());
    let definition = define(one);
    assert_eq!(definition.digest(), define(other).digest());
    assert!(definition.feeds.is_empty(), "TwinMaker pulls");
    let expected = json!({"entities": [
        {"id": "attic", "name": "attic"},
        {"id": "hall", "name": "hall"},
        {"id": "room-1", "name": "Room 1", "parent": "hall", "components": [{"name": "sensor", "device": "room-1"}]}
    ]});
    assert_eq!(serde_json::to_value(definition.aws_hierarchy).unwrap(), expected);
}

#[test]
fn with_aws_in_layer_4_its_hierarchy_must_be_there_and_without_it_is_not_read() {
    let providers = PROVIDERS_TEXT.replace("\"layer_4_provider\": \"azure\"", "\"layer_4_provider\": \"aws\"");
    insta::assert_snapshot!(listing(&with(&[(PROVIDERS, &providers)])), @r#"
twin_hierarchy/aws_hierarchy.json: error[file-missing]: twin_hierarchy/aws_hierarchy.json is missing
  why: a project is not whole without it
  fix: add twin_hierarchy/aws_hierarchy.json to the project folder
"#);
    let report = with(&[(AWS_HIERARCHY, "not json")]);
    assert_eq!(listing(&report), "");
    let definition = report.project.unwrap().define(local());
    assert!(!definition.to_json().contains("aws_hierarchy"), "earlier snapshots keep their digests");
}

#[test]
fn everything_wrong_with_entities_at_once() {
    let report = with_entities(
        r#"[
  {"type": "entity", "id": "hall", "nam": "Hall", "children": [
    {"type": "component", "name": "sensor 1", "iotDeviceId": "room-2"},
    {"type": "component", "name": "own", "componentTypeId": "my type"},
    {"type": "component", "name": "none"},
    {"type": "component", "name": "both", "iotDeviceId": "device-1", "componentTypeId": "sensors"},
    {"type": "component", "name": "both", "iotDeviceId": "device-1"},
    {"type": "entity", "id": "-room", "name": "", "children": {}},
    {"type": "entity", "id": "hall"},
    {"type": "entity", "id": 7},
    {"type": "entiti", "id": "room-3"}
  ]},
  {"type": "component", "name": "sensor", "iotDeviceId": "room-1"},
  {"id": "x"},
  3
]"#,
        &[(
            DEVICES,
            r#"[{"id": "room-1", "properties": [{"name": "temperature", "dataType": "DOUBLE"}]},
 {"id": "device-1", "properties": [{"name": "temperature", "dataType": "DOUBLE"}]}]"#,
        )],
    );
    assert!(report.project.is_none());
    insta::assert_snapshot!(listing(&report), @r#"
config_iot_devices.json:1:9: warning[device-has-no-component]: no component shows the device "room-1"
  why: its values are stored, and TwinMaker never asks for them
  fix: name it as the "iotDeviceId" of a component of the hierarchy
twin_hierarchy/aws_hierarchy.json:2:36: warning[unknown-key]: an entity has no use for "nam"
  why: nothing reads it, so it has no effect
  fix: did you mean "name"? otherwise remove it
twin_hierarchy/aws_hierarchy.json:3:35: error[name-not-carried]: a component cannot be called "sensor 1": 1 to 256 characters, letters, digits and - _
  why: TwinMaker would refuse it
  fix: use letters, digits and hyphens
twin_hierarchy/aws_hierarchy.json:3:62: error[component-device-unknown]: there is no device "room-2"
  why: the component would show the values of nothing
  fix: did you mean "room-1"? otherwise add it to config_iot_devices.json
twin_hierarchy/aws_hierarchy.json:4:61: error[name-not-carried]: a component type cannot be called "my type": 1 to 256 characters, letters, digits and - _ . :
  why: TwinMaker would refuse it
  fix: use letters, digits and hyphens
twin_hierarchy/aws_hierarchy.json:4:61: warning[component-has-no-device]: no device feeds the component of type "my type", so it is left out
  why: component types are made of the devices' properties, with the hot reader as their connector
  fix: name the device in "iotDeviceId", or remove the component
twin_hierarchy/aws_hierarchy.json:5:5: error[key-missing]: a component has no "iotDeviceId"
  why: nothing can stand in for it
  fix: add "iotDeviceId"
twin_hierarchy/aws_hierarchy.json:7:35: error[duplicate-component]: the entity has two components "both"
  why: an entity's components are told apart by name
  fix: rename one of them
twin_hierarchy/aws_hierarchy.json:8:30: error[name-not-carried]: an entity cannot be called "-room": 2 to 128 characters, letters, digits and - _ . :, a letter or digit at either end
  why: TwinMaker would refuse it
  fix: use letters, digits and hyphens
twin_hierarchy/aws_hierarchy.json:8:47: error[name-not-carried]: an entity cannot be called "": 1 to 256 characters, no control characters
  why: TwinMaker would refuse it
  fix: use letters, digits and hyphens
twin_hierarchy/aws_hierarchy.json:8:63: error[wrong-type]: "children" is an object, not an array
  why: it cannot be read as anything else
  fix: write an array
twin_hierarchy/aws_hierarchy.json:9:30: error[duplicate-entity]: there are two entities "hall"
  why: an id is unique in the whole workspace, wherever in the tree it stands
  fix: rename one of them
twin_hierarchy/aws_hierarchy.json:10:30: error[wrong-type]: "id" is a number, not a string
  why: it cannot be read as anything else
  fix: write a string
twin_hierarchy/aws_hierarchy.json:11:14: error[bad-value]: "type" is "entiti"
  why: a node of the hierarchy is an entity or a component of one
  fix: did you mean "entity"? otherwise write "entity" or "component"
twin_hierarchy/aws_hierarchy.json:13:3: error[bad-value]: a component stands outside of every entity
  why: a component is a part of an entity
  fix: put it into an entity's "children"
twin_hierarchy/aws_hierarchy.json:14:3: error[key-missing]: a node has no "type"
  why: nothing can stand in for it
  fix: add "type"
twin_hierarchy/aws_hierarchy.json:15:3: error[wrong-type]: a node is a number, not an object
  why: it cannot be read as anything else
  fix: write an object
"#);
}

#[test]
fn what_goes_beyond_the_default_quotas_is_a_warning() {
    let components = (0..11).map(|n| json!({"type": "component", "name": format!("c-{n}"), "iotDeviceId": "room-1"}));
    let rooms = (0..101).map(|n| json!({"type": "entity", "id": format!("child-{n}")}));
    let children: Vec<Value> = components.chain(rooms).collect();
    let deepest = json!({"type": "entity", "id": "level-11"});
    let deep = (1..11)
        .rev()
        .fold(deepest, |inner, level| json!({"type": "entity", "id": format!("level-{level}"), "children": [inner]}));
    let wide = json!({"type": "entity", "id": "wide", "children": children});
    let report = with_entities(&json!([wide, deep]).to_string(), &[]);
    assert!(report.project.is_some(), "quotas can be raised");
    assert_eq!(codes(&report), [Code::OverQuota; 3]);
    let text = listing(&report);
    for expected in [
        "101 entities right below one are more than 100",
        "11 components in one entity are more than 10",
        "11 entities one below the other are more than 10",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn problems_are_sorted_and_complete() {
    let report = with(&[(DEVICES, "[{\"id\": 1}, {}, 3]"), (CONFIG, "{}"), (HIERARCHY_JSON, "{\"twins\": [{}]}")]);
    let places: Vec<_> = report.problems.iter().map(|problem| (&problem.file, problem.span.start)).collect();
    assert!(places.is_sorted(), "{places:?}");
    for problem in &report.problems {
        assert!(!problem.why.is_empty() && !problem.remedy.is_empty(), "{problem}");
    }
}

/// JSON of any shape whose keys and strings are those that are read, so that it gets past the first look.
fn any_json() -> impl Strategy<Value = Value> {
    let words = [
        "id",
        "properties",
        "name",
        "dataType",
        "DOUBLE",
        "initValue",
        "constProperties",
        "value",
        "models",
        "twins",
        "relationships",
        "header",
        "$dtId",
        "$metadata",
        "$model",
        "dtmi:example:Room;1",
        "room-1",
        "motor",
        "motor.speed",
        "$relationshipId",
        "$sourceId",
        "$targetId",
        "$relationshipName",
        "near",
        "@id",
        "@type",
        "@context",
        "Interface",
        "dtmi:dtdl:context;3",
        "contents",
        "temperature",
        "Section",
        "Twins",
        "digital_twin_name",
        "type",
        "entity",
        "component",
        "children",
        "iotDeviceId",
        "componentTypeId",
        "é\u{1F600}",
    ];
    let word = prop::sample::select(words.to_vec()).prop_map(str::to_owned);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(5, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(word.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn well_formed(report: &Report) -> Result<(), TestCaseError> {
    for problem in &report.problems {
        let text = report.files.text(&problem.file);
        let marked = text.is_none_or(|text| text.get(problem.span.start..problem.span.end).is_some());
        prop_assert!(marked, "the span is not within the text: {problem:?}");
        prop_assert!(!problem.why.is_empty() && !problem.remedy.is_empty(), "{problem:?}");
    }
    let broken = report.of(Severity::Error).next().is_some();
    prop_assert_eq!(report.project.is_none(), broken);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_json_is_judged(config in any_json(), providers in any_json(), devices in any_json(), graph in any_json()) {
        let texts = [(CONFIG, config), (PROVIDERS, providers), (DEVICES, devices), (HIERARCHY_JSON, graph)];
        let report = project::check(Files::from_texts(texts.map(|(name, value)| (name, value.to_string()))));
        well_formed(&report)?;
    }

    #[test]
    fn any_devices_and_graph_are_judged(devices in prop::collection::vec(any_json(), 0..4), twins in prop::collection::vec(any_json(), 0..4)) {
        let graph = hierarchy(models(), json!(twins), json!(twins));
        well_formed(&with(&[(DEVICES, &json!(devices).to_string()), (HIERARCHY_JSON, &graph)]))?;
    }

    #[test]
    fn any_entities_are_judged(devices in any_json(), nodes in prop::collection::vec(any_json(), 0..5)) {
        let hierarchy = json!([{"type": "entity", "id": "hall", "children": nodes.clone()}, nodes]).to_string();
        well_formed(&with_entities(&hierarchy, &[(DEVICES, &json!([devices]).to_string())]))?;
    }

    #[test]
    fn any_text_is_judged(text in ".{0,80}", lines in prop::collection::vec(any_json(), 0..6)) {
        let ndjson: String = lines.iter().map(|line| format!("{line}\n")).chain([text.clone()]).collect();
        well_formed(&project::check(Files::from_texts([(CONFIG, text), (HIERARCHY_NDJSON, ndjson), (DEVICES, "[".repeat(5000))])))?;
    }
}
