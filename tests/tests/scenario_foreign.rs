//! Things that somebody else made: refused, taken over, left alone.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use azure::api;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{
    by_hand::ByHand,
    twinctl::{self, Sandbox},
};

/// The ids of the resources that were made so far and lie in a place with this in its name, in order.
fn made(sandbox: &Sandbox, part: &str) -> Vec<String> {
    let effects = sandbox.effects();
    let resources = effects.iter().filter(|effect| effect["operation"] == "PutResource");
    resources
        .filter_map(|effect| effect["resource"].as_str())
        .filter(|id| id.contains(part))
        .map(String::from)
        .collect()
}

fn group(sandbox: &Sandbox) -> String {
    made(sandbox, "/resourceGroups/").swap_remove(0)
}

/// A command on the same project and cloud, with another journal.
fn elsewhere(sandbox: &Sandbox, folder: &std::path::Path, arguments: &[&str]) -> Command {
    let mut command = sandbox.command(arguments);
    command.env("TWINCTL_STATE_DIR", folder);
    command
}

#[test]
fn what_was_adopted_from_another_journal_stays_adopted() {
    let sandbox = Sandbox::of_example("factory");
    sandbox.deploy();
    let deployed = sandbox.dump();
    let other = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| twinctl::run(elsewhere(&sandbox, other.path(), arguments));
    let refused = run(&["run"]).code(10);
    assert!(refused.stderr.contains("error[not-ours]"), "{refused:#?}");
    let _ = run(&["rollback"]).code(0);
    let _ = run(&["run", "--adopt"]).code(0);
    let effects = sandbox.effects().len();
    let again = run(&["run"]).code(0);
    assert!(again.stdout.starts_with("nothing to do"), "{again:#?}");
    let _ = run(&["status"]).code(0);
    let _ = run(&["destroy"]).code(0);
    assert_eq!(sandbox.effects().len(), effects, "adopted things are left, whatever is done");
    assert_eq!(sandbox.dump(), deployed);
}

#[test]
fn what_others_put_into_our_group_keeps_it_and_is_named_at_once() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    let before = sandbox.dump();
    sandbox.deploy();
    let foreign = format!("{}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/theirs", group(&sandbox));
    let body = json!({ "location": "westeurope" });
    assert_eq!(by_hand.arm(Method::PUT, &foreign, api::MANAGED_IDENTITY, Some(body)).0, 201);
    let begun = Instant::now();
    let kept = sandbox.run(&["destroy"]).code(10);
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    assert!(kept.stderr.contains("error[group-not-empty]") && kept.stderr.contains("theirs is in it"), "{kept:#?}");
    assert_eq!(by_hand.arm(Method::GET, &foreign, api::MANAGED_IDENTITY, None).0, 200, "it is still there");
    assert_eq!(by_hand.arm(Method::DELETE, &foreign, api::MANAGED_IDENTITY, None).0, 200);
    let _ = sandbox.run(&["resume"]).code(0);
    assert_eq!(sandbox.dump(), before);
}

#[test]
fn a_role_that_somebody_else_assigned_is_used_and_left() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    sandbox.deploy();
    let ours = made(&sandbox, "/roleAssignments/").into_iter().find(|id| id.contains("/IotHubs/")).unwrap();
    let (_, found) = by_hand.arm(Method::GET, &ours, api::AUTHORIZATION, None);
    let mut properties = serde_json::Map::new();
    for name in ["roleDefinitionId", "principalId", "principalType"] {
        properties.insert(name.into(), found["properties"][name].clone());
    }
    let theirs = format!("{}/aaaaaaaa-0000-4000-8000-000000000001", ours.rsplit_once('/').unwrap().0);
    assert_eq!(by_hand.arm(Method::DELETE, &ours, api::AUTHORIZATION, None).0, 200);
    let body = json!({ "properties": Value::Object(properties) });
    assert_eq!(by_hand.arm(Method::PUT, &theirs, api::AUTHORIZATION, Some(body)).0, 201);
    let effects = sandbox.effects().len();
    sandbox.deploy();
    let _ = sandbox.run(&["status"]).code(0);
    assert_eq!(sandbox.effects().len(), effects, "whoever wants the role has it");
}

#[test]
fn settings_of_others_survive_a_redeploy_and_its_rollback() {
    let sandbox = Sandbox::of_example("factory");
    let by_hand = ByHand::at(&sandbox);
    sandbox.deploy();
    let app = made(&sandbox, "/Microsoft.Web/sites/").into_iter().find(|id| id.contains("-l4-functions")).unwrap();
    let app = app.split("/config/").next().unwrap().to_owned();
    let settings = || {
        let list = format!("{app}/config/appsettings/list");
        by_hand.arm(Method::POST, &list, api::WEB, Some(json!({}))).1["properties"].clone()
    };
    let mut all = settings();
    all["THEIRS"] = json!("kept");
    let body = json!({ "properties": all });
    assert_eq!(by_hand.arm(Method::PUT, &format!("{app}/config/appsettings"), api::WEB, Some(body)).0, 200);
    sandbox.edit("config_iot_devices.json", r#""id": "vibration-press-1""#, r#""id": "vibration-press-9""#);
    sandbox.edit(
        "twin_hierarchy/azure_hierarchy.json",
        r#""$dtId": "vibration-press-1""#,
        r#""$dtId": "vibration-press-9""#,
    );
    sandbox.edit("twin_hierarchy/azure_hierarchy.json", r#""vibration-press-1""#, r#""vibration-press-9""#);
    sandbox.deploy();
    assert_ne!(settings(), all, "the redeploy changes settings of ours");
    assert_eq!(settings()["THEIRS"], "kept");
    let _ = sandbox.run(&["rollback"]).code(0);
    assert_eq!(settings(), all);
}
