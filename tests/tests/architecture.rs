//! The dependency rule of ARCHITECTURE.md: downwards only, never sideways.

use std::{collections::BTreeMap, process::Command};

use serde_json::Value;

/// Each crate with the crates of ours that it may depend on.
const MAY_USE: &[(&str, &[&str])] = &[
    ("twinctl-journal", &[]),
    ("twinctl-dtdl", &[]),
    ("twinctl-audit", &["twinctl-journal"]),
    ("twinctl-engine", &["twinctl-journal"]),
    ("twinctl-scheduler", &["twinctl-journal"]),
    ("twinctl-aws", &[]),
    ("twinctl-azure", &[]),
    ("twinctl-notify", &["twinctl-journal", "twinctl-aws"]),
    ("twinctl-local", &["twinctl-dtdl"]),
    ("twinctl-functions", &["twinctl-azure", "twinctl-dtdl"]),
    (
        "twinctl-workflows",
        &["twinctl-engine", "twinctl-journal", "twinctl-aws", "twinctl-azure", "twinctl-functions", "twinctl-dtdl"],
    ),
    ("twinctl-twin-functions", &["twinctl-functions"]),
    (
        "twinctl",
        &[
            "twinctl-workflows",
            "twinctl-engine",
            "twinctl-scheduler",
            "twinctl-journal",
            "twinctl-audit",
            "twinctl-notify",
            "twinctl-aws",
            "twinctl-azure",
            "twinctl-local",
            "twinctl-functions",
            "twinctl-twin-functions",
            "twinctl-dtdl",
        ],
    ),
];

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Our crates that `package` depends on in what is shipped (tests may look wherever they like).
fn ours(package: &Value) -> Vec<String> {
    let dependencies = package["dependencies"].as_array().unwrap().iter();
    dependencies
        .filter(|dependency| dependency["kind"].as_str() != Some("dev"))
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|name| *name == "twinctl" || name.starts_with("twinctl-"))
        .map(String::from)
        .collect()
}

#[test]
fn crates_depend_downwards_only() {
    let metadata = metadata();
    let rule: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name == "twinctl-tests" {
            continue;
        }
        let Some(allowed) = rule.get(name) else {
            wrong.push(format!("{name} is not in the table: decide where it stands"));
            continue;
        };
        for used in ours(package) {
            if !allowed.contains(&used.as_str()) {
                wrong.push(format!("{name} may not use {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_built_on_the_tests() {
    for package in metadata()["packages"].as_array().unwrap() {
        assert!(!ours(package).contains(&"twinctl-tests".to_string()), "{} uses the tests", package["name"]);
    }
}
