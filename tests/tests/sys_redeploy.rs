//! Deploying again: what changed is applied, a rollback returns to the deployment before, `destroy` leaves nothing.

use std::fs;

use serde_json::{Value, json};
use tests::{outcome::assert_same_dump, twinctl::Sandbox};

const HIERARCHY: &str = "twin_hierarchy/azure_hierarchy.json";
const DEVICES: &str = "config_iot_devices.json";
const CONFIG: &str = "config.json";

/// Changes a JSON file of the project.
fn change(sandbox: &Sandbox, file: &str, change: impl FnOnce(&mut Value)) {
    let path = sandbox.project().join(file);
    let text = fs::read_to_string(&path).expect("the project has the file");
    let mut value = serde_json::from_str(&text).expect("it is JSON");
    change(&mut value);
    let text = serde_json::to_string_pretty(&value).expect("JSON can be written");
    fs::write(&path, text).expect("the project is writable");
}

fn list<'v>(value: &'v mut Value, name: &str) -> &'v mut Vec<Value> {
    value[name].as_array_mut().unwrap_or_else(|| panic!("{name} is a list"))
}

/// A device and twin more, a device and twin less, another value, another retention, a newer version of a model.
fn change_everything(sandbox: &Sandbox) {
    change(sandbox, CONFIG, |config| config["hot_storage_size_in_days"] = json!(9));
    change(sandbox, DEVICES, |devices| {
        let devices = devices.as_array_mut().expect("devices are a list");
        devices.retain(|device| device["id"] != "vibration-press-1");
        let mut added = devices[0].clone();
        added["id"] = json!("climate-roof");
        devices.push(added);
    });
    change(sandbox, HIERARCHY, |hierarchy| {
        let newer = hierarchy.to_string().replace("dtmi:factory:Robot;1", "dtmi:factory:Robot;2");
        *hierarchy = serde_json::from_str(&newer).expect("replacing a name leaves JSON");
        let twins = list(hierarchy, "twins");
        twins.retain(|twin| twin["$dtId"] != "vibration-press-1");
        twins.iter_mut().find(|twin| twin["$dtId"] == "site").expect("there is a site")["city"] = json!("Graz");
        let mut added =
            twins.iter().find(|twin| twin["$dtId"] == "climate-press-hall").expect("there is a sensor").clone();
        added["$dtId"] = json!("climate-roof");
        twins.push(added);
        list(hierarchy, "relationships").retain(|one| one["$targetId"] != "vibration-press-1");
        list(hierarchy, "relationships").push(json!({
            "$relationshipId": "press-hall-monitoredBy-climate-roof", "$sourceId": "press-hall",
            "$targetId": "climate-roof", "$relationshipName": "monitoredBy"
        }));
    });
}

#[test]
fn changes_are_applied_and_rolled_back_to_the_deployment_before() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let empty = sandbox.dump();
    sandbox.deploy();
    let first = sandbox.dump();
    change_everything(&sandbox);
    sandbox.deploy();
    let second = sandbox.dump();
    let text = second.to_string();
    for there in ["climate-roof", "Graz", "dtmi:factory:Robot;2"] {
        assert!(text.contains(there), "{there} was not deployed");
    }
    assert!(!text.contains("vibration-press-1\""), "the device that left the project is still there");
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_same_dump(&first, &sandbox.dump(), "a redeploy, rolled back");

    // The files still hold the change: it can be deployed again, and everything be removed.
    sandbox.deploy();
    assert_same_dump(&second, &sandbox.dump(), "deployed again");
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    assert_same_dump(&empty, &sandbox.dump(), "destroyed");
}

/// The resources of a project and the changes of its files in one go are as a first deployment of those files.
#[test]
fn a_redeploy_ends_where_a_first_deployment_would() {
    let changed = Sandbox::of_example("factory");
    changed.deploy();
    change(&changed, CONFIG, |config| config["hot_storage_size_in_days"] = json!(9));
    change(&changed, HIERARCHY, |hierarchy| list(hierarchy, "twins")[0]["city"] = json!("Graz"));
    changed.deploy();
    let fresh = Sandbox::of_example("factory");
    change(&fresh, CONFIG, |config| config["hot_storage_size_in_days"] = json!(9));
    change(&fresh, HIERARCHY, |hierarchy| list(hierarchy, "twins")[0]["city"] = json!("Graz"));
    fresh.deploy();
    assert_same_dump(&fresh.dump(), &changed.dump(), "changed, not deployed anew");
}

#[test]
fn a_first_deployment_is_rolled_back_to_the_empty_cloud() {
    let sandbox = Sandbox::of_example("factory");
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let empty = sandbox.dump();
    sandbox.deploy();
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_same_dump(&empty, &sandbox.dump(), "rolled back");
    sandbox.deploy();
    let _ = sandbox.run(&["destroy", "--yes"]).code(0);
    assert_same_dump(&empty, &sandbox.dump(), "deployed again, destroyed");
}

#[test]
fn a_run_without_changes_makes_no_mutating_call() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = sandbox.effects();
    let again = sandbox.run(&["run", "--json"]).code(0).json();
    assert_eq!(again["outcomes"]["created"], Value::Null, "{again}");
    assert_eq!(again["outcomes"]["updated"], Value::Null, "{again}");
    assert_eq!(sandbox.effects(), before, "the second run changed something");
}
