//! Microsoft's own Python clients of digital twins against the local cloud: all of the data plane client's own tests, and the
//! control plane client.
//!
//! The tests wipe the instance that they are given, and each file relies on what its tests left behind. So the synchronous and the
//! asynchronous ones run side by side, each in a cloud of their own, each in the order of their names.

use std::{collections::BTreeMap, path::PathBuf, thread};

use local::endpoints::Endpoints;
use reqwest::Method;
use serde_json::{Value, json};
use tests::{by_hand::ByHand, python::Python, twinctl::Sandbox};

/// How many tests version 1.3.0 carries.
const TESTS: usize = 176;

#[test]
fn microsofts_own_tests_pass_over_tls() {
    all_pass(|endpoints| endpoints.adt.as_str());
}

/// The SDK sends no token over plain HTTP unless it is told to (`enforce_https`).
#[test]
fn microsofts_own_tests_pass_over_plain_http() {
    all_pass(|endpoints| endpoints.adt_http.as_str());
}

fn all_pass(url: fn(&Endpoints) -> &str) {
    let Some(python) = Python::with_digital_twins() else { return };
    let Some(files) = python.digital_twins_tests() else { return };
    let (asynchronous, synchronous): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| file.to_string_lossy().ends_with("_async.py"));
    let ran = thread::scope(|scope| {
        let groups = [synchronous, asynchronous].map(|files| scope.spawn(|| run(&python, files, url)));
        groups.map(|group| group.join().expect("the tests ran to their end"))
    });
    judge(&ran.concat());
}

/// What became of the tests of some files, in a cloud of their own.
fn run(python: &Python, files: Vec<PathBuf>, url: fn(&Endpoints) -> &str) -> Vec<Value> {
    let sandbox = Sandbox::empty();
    let _ = sandbox.run(&["cloud", "up"]).code(0);
    let endpoints = Endpoints::read(&sandbox.cloud()).expect("the endpoints are readable").expect("the cloud is up");
    let given = json!({
        "tests": files,
        "twins": url(&endpoints),
        "login": endpoints.login,
        "tenant": endpoints.tenant,
        "ca": endpoints.ca_pem,
    });
    let ran = python.run("digitaltwins.py", &given).code(0);
    let tests = ran.json().as_array().expect("it prints a list").clone();
    let failed: Vec<_> = tests.iter().filter(|test| test["outcome"] == "failed").map(|test| &test["id"]).collect();
    assert!(failed.is_empty(), "{failed:#?} failed:\n{}", ran.stderr);
    let written = sandbox.effects().len();
    assert!(written > tests.len(), "{} tests wrote only {written} times to this cloud", tests.len());
    tests
}

/// Every test passed, or was skipped by its own mark.
fn judge(tests: &[Value]) {
    let mut outcomes = BTreeMap::new();
    for test in tests {
        *outcomes.entry(test["outcome"].as_str().expect("a test has an outcome")).or_insert(0) += 1;
    }
    println!("{} tests: {outcomes:?}", tests.len());
    for test in tests.iter().filter(|test| test["outcome"] == "skipped") {
        println!("skipped: {}: {}", test["id"], test["reason"]);
        assert_eq!(test["marked"], true, "{test} was skipped by something else than its own mark");
    }
    assert!(outcomes.keys().all(|outcome| ["passed", "skipped"].contains(outcome)), "{outcomes:?}");
    assert_eq!(tests.len(), TESTS, "{outcomes:?}");
}

/// Microsoft's control plane client makes an instance, and what it made is there for their data plane client.
#[test]
fn microsofts_management_sdk_makes_and_takes_away_an_instance() {
    let Some(python) = Python::with_digital_twins() else { return };
    let sandbox = Sandbox::empty();
    let cloud = ByHand::at(&sandbox);
    let endpoints = cloud.endpoints();
    let group = format!("/subscriptions/{}/resourceGroups/by-sdk", endpoints.subscription);
    assert_eq!(cloud.arm(Method::PUT, &group, "2024-07-01", Some(json!({ "location": "westeurope" }))).0, 201);
    let given = json!({
        "arm": endpoints.arm,
        "twins": endpoints.adt,
        "login": endpoints.login,
        "tenant": endpoints.tenant,
        "subscription": endpoints.subscription,
        "group": "by-sdk",
        "ca": endpoints.ca_pem,
    });
    let seen = python.run("digitaltwins_mgmt.py", &given).code(0).json();
    let host = format!("by-sdk-twins.adt.localhost:{}", endpoints.adt.port().expect("it has one of its own"));
    let gone = json!({ "status": 404, "code": "ResourceNotFound" });
    let expected = json!({
        "available before": true,
        "instance": { "name": "by-sdk-twins", "state": "Succeeded", "host": host },
        "available after": false,
        "tags": { "by": "sdk", "more": "yes" },
        "listed": ["by-sdk-twins"],
        "listed everywhere": ["by-sdk-twins"],
        "endpoint": { "name": "events", "type": "EventGrid", "state": "Succeeded", "key": "****" },
        "endpoints": ["events"],
        "routes": ["events"],
        "endpoint gone": gone,
        "instance gone": gone,
        "listed after": [],
    });
    assert_eq!(seen, expected);
}
