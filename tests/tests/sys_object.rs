//! An Object property of a twin, from its first value to what its device sends.

use serde_json::{Value, json};
use tests::twinctl::Sandbox;

const DEVICE: &str = "climate-press-hall";

/// The factory with a `position` on its climate sensors, of which one device sends the fields.
fn factory() -> Sandbox {
    let sandbox = Sandbox::of_example("factory");
    let contents = r#""extends": "dtmi:factory:Sensor;1",
      "contents": ["#;
    let number = |name: &str| json!({"name": name, "schema": "double"});
    let cell = json!({"@type": "Object", "fields": [{"name": "row", "schema": "integer"}]});
    let fields = json!([number("x"), number("y"), {"name": "cell", "schema": cell}]);
    let position = json!({"@type": "Property", "name": "position", "schema": {"@type": "Object", "fields": fields}});
    let climate = format!("\"displayName\": \"Climate sensor\",\n      {contents}");
    sandbox.edit("twin_hierarchy/azure_hierarchy.json", &climate, &format!("{climate}{position},"));
    let sent = r#"{ "name": "temperature", "dataType": "DOUBLE", "initValue": 21.5 }"#;
    let fields = r#"{ "name": "position.x", "dataType": "DOUBLE", "initValue": 1.5 },
      { "name": "position.y", "dataType": "DOUBLE" },
      { "name": "position.cell.row", "dataType": "INTEGER", "initValue": 3 }"#;
    sandbox.edit("config_iot_devices.json", sent, &format!("{sent}, {fields}"));
    sandbox
}

/// What the twin shows of its position: `x`, `y` and the row of the cell.
fn position(sandbox: &Sandbox) -> [Value; 3] {
    let twins = sandbox.run(&["twins", "--json"]).code(0).json();
    ["position.x", "position.y", "position.cell.row"]
        .map(|name| twins["twins"][DEVICE]["values"][name]["value"].clone())
}

#[test]
fn a_device_fills_an_object_of_its_twin() {
    let sandbox = factory();
    sandbox.deploy();
    assert_eq!(position(&sandbox), [json!(1.5), Value::Null, json!(3)], "first values make the first object");
    let message = r#"{"position": {"x": 4.5, "cell": {"row": 7}}, "position.y": 2}"#;
    let _ = sandbox.run(&["send", ".", DEVICE, message, "--wait"]).code(0);
    assert_eq!(position(&sandbox), [json!(4.5), json!(2), json!(7)]);
    // A new deployment leaves the device's object alone.
    sandbox.edit("config_iot_devices.json", r#""initValue": 1.5"#, r#""initValue": 2.5"#);
    sandbox.deploy();
    assert_eq!(position(&sandbox), [json!(4.5), json!(2), json!(7)]);
    let _ = sandbox.run(&["send", ".", DEVICE, r#"{"position.y": 6}"#, "--wait"]).code(0);
    assert_eq!(position(&sandbox), [Value::Null, json!(6), Value::Null], "the last message wins as a whole");
    let simulation = ["simulate", "--rate", "20", "--duration", "1", "--devices", DEVICE, "--settle", "60", "--json"];
    let summary = sandbox.run(&simulation).code(0).json();
    assert_eq!((&summary["live"], &summary["missing"]), (&json!(true), &json!(0)), "{summary:#}");
    assert!(position(&sandbox).iter().all(|value| !value.is_null()), "a simulated device sends all fields");
    let _ = sandbox.run(&["verify", "--timeout", "60"]).code(0);
    assert!(position(&sandbox).iter().all(|value| !value.is_null()), "a mark keeps the fields together");
}
