//! What is changed or deleted behind our back, and what a redeploy finds in its way.

use azure::api;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{by_hand::ByHand, twinctl::Sandbox};

/// The last resource that was put in a place with this in its name.
fn last_made(sandbox: &Sandbox, part: &str) -> String {
    let effects = sandbox.effects();
    let puts = effects.iter().filter(|effect| effect["operation"] == "PutResource");
    let mut ids = puts.filter_map(|effect| effect["resource"].as_str());
    ids.rfind(|id| id.contains(part)).expect("it was made").to_owned()
}

/// A second run in a row changes nothing.
fn settled(sandbox: &Sandbox) {
    let effects = sandbox.effects().len();
    let again = sandbox.run(&["run"]).code(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:#?}");
    assert_eq!(sandbox.effects().len(), effects);
}

#[test]
fn a_filter_that_keeps_values_from_the_twins_shows_and_is_put_right() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    sandbox.deploy();
    let deployed = sandbox.dump();
    by_hand.narrow_the_filter(&sandbox);
    let seen = sandbox.run(&["status"]).code(16);
    assert!(seen.stdout.contains("telemetry"), "{seen:#?}");
    sandbox.deploy();
    assert_eq!(sandbox.dump(), deployed);
    settled(&sandbox);
}

#[test]
fn a_destroy_does_not_need_what_is_gone_already() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    let before = sandbox.dump();
    sandbox.deploy();
    for (part, version) in [("/digitalTwinsInstances/", api::DIGITAL_TWINS), ("/IotHubs/", api::DEVICES)] {
        let id = last_made(&sandbox, part);
        let id = id.split("/providers/Microsoft.Authorization").next().unwrap();
        let (status, _) = by_hand.arm(Method::DELETE, id, version, None);
        assert!(matches!(status, 200 | 202), "{status}");
    }
    let _ = sandbox.run(&["destroy"]).code(0);
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn a_component_leaves_with_its_model_version_and_comes_back_by_rollback() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = sandbox.dump();
    without_drive(&sandbox);
    sandbox.deploy();
    assert_ne!(sandbox.dump(), before);
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_eq!(sandbox.dump(), before);
    sandbox.deploy();
    settled(&sandbox);
}

/// A new version of the one model that has a component `drive`, without it; its twin and device follow.
fn without_drive(sandbox: &Sandbox) {
    let mut newer = Vec::new();
    change(sandbox, "twin_hierarchy/azure_hierarchy.json", |hierarchy| {
        for model in hierarchy["models"].as_array_mut().unwrap() {
            let contents = model["contents"].as_array_mut().unwrap();
            let all = contents.len();
            contents.retain(|content| content["name"] != "drive");
            if contents.len() < all {
                model["@id"] = json!(model["@id"].as_str().unwrap().replace(";1", ";2"));
                newer.push(model["@id"].clone());
            }
        }
        for twin in hierarchy["twins"].as_array_mut().unwrap() {
            if twin.as_object_mut().unwrap().remove("drive").is_some() {
                twin["$metadata"]["$model"] = newer[0].clone();
            }
        }
    });
    assert_eq!(newer.len(), 1, "one model has a drive");
    change(sandbox, "config_iot_devices.json", |devices| {
        for device in devices.as_array_mut().unwrap() {
            let properties = device["properties"].as_array_mut().unwrap();
            properties.retain(|property| !property["name"].as_str().unwrap().starts_with("drive."));
        }
    });
}

fn change(sandbox: &Sandbox, file: &str, edit: impl FnOnce(&mut Value)) {
    let path = sandbox.project().join(file);
    let mut value: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    edit(&mut value);
    std::fs::write(path, value.to_string()).unwrap();
}

#[test]
fn a_model_that_changed_under_its_version_is_refused_and_the_run_undone() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let before = sandbox.dump();
    sandbox.edit("twin_hierarchy/azure_hierarchy.json", r#""displayName": "Asset""#, r#""displayName": "Thing""#);
    let refused = sandbox.run(&["run"]).code(10);
    assert!(refused.stderr.contains("error[model-changed]"), "{refused:#?}");
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn an_operation_that_failed_is_asked_for_again_by_a_resume() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let undisturbed = sandbox.dump();
    let _ = sandbox.run(&["rollback"]).code(0);
    sandbox.fault("operation-fails,code=SkuNotAvailable,method=PUT,path=/subscriptions/*/IotHubs/*,times=1");
    let failed = sandbox.run(&["run"]).code(10);
    assert!(failed.stderr.contains("SkuNotAvailable"), "{failed:#?}");
    let _ = sandbox.run(&["resume"]).code(0);
    assert_eq!(sandbox.dump(), undisturbed);
    settled(&sandbox);
}
