//! Agreement with the official parser on its own cases.
#![allow(clippy::print_stderr)] // What differs is this test's result.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use dtdl::{Document, Models, Rules};
use serde_json::Value;

/// The number of cases on which both agree, at least; raise it as agreement grows.
const AGREEMENT: usize = 9550;

/// The cases that may differ, by the start of their names, and why.
const DIFFERING: [(&str, &str); 8] = [
    ("generated/DtdlContextNotFirst", "IoT Central's vector schemas, which Azure Digital Twins does not have"),
    ("generated/TelemetryWithSemanticType", "IoT Central's semantic types, which Azure Digital Twins does not have"),
    ("generated/InterfaceCommandWithAdjunctType", "the mqtt extension, which Azure Digital Twins does not have"),
    ("generated/InterfaceTelemetryWithAdjunctTypeIndexed", "the mqtt extension"),
    ("generated/InterfaceWithAdjunctTypeMqtt", "the mqtt extension"),
    ("doc-examples/mqttDocExample", "the mqtt extension"),
    ("generated/MaxDtdlVersionExceeded", "needs the option to cap the version of the language, which is not offered"),
    ("solecisms/Interface", "needs the quirk to tolerate what the language forbids, which is not offered"),
];

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TWINCTL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join(path);
    if !path.exists() {
        let _ = writeln!(std::io::stderr(), "skipped: {} is missing (set TWINCTL_SHARED)", path.display());
        return None;
    }
    Some(path)
}

/// The rules that a case's options ask for; without any, the official parser tolerates unknown extensions.
fn rules(case: &Value) -> Rules {
    let options = case["options"].as_array().map(Vec::as_slice).unwrap_or_default();
    if options.iter().any(|option| option == "DisallowUndefinedExtensions") {
        Rules::Language
    } else {
        Rules::LanguageWithUnknownExtensions
    }
}

fn documents(case: &Value) -> Vec<Document> {
    let answers = case["resolution"].as_array().into_iter().flatten().map(|step| &step["response"]);
    let lists = answers.chain([&case["input"]]);
    lists.filter_map(Value::as_array).flatten().map(Document::from_value).collect()
}

#[test]
fn agrees_with_the_official_parser() {
    let Some(path) = shared("data/dtdl-cases.jsonl") else { return };
    let text = std::fs::read_to_string(path).expect("the cases are readable");
    let (mut agree, mut total) = (0_usize, 0_usize);
    let mut unexplained = Vec::new();
    let mut differing: BTreeMap<String, usize> = BTreeMap::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let outcome = Models::parse(rules(&case), &documents(&case));
        total += 1;
        if outcome.is_ok() == (case["valid"] == true) {
            agree += 1;
            continue;
        }
        let name = case["case"].as_str().unwrap_or_default();
        let why = match &outcome {
            Ok(_) => format!("accepted, should be {}", case["validationIds"]),
            Err(problems) => format!("rejected as {}", problems[0].rule),
        };
        if !DIFFERING.iter().any(|(start, _)| name.starts_with(start)) {
            unexplained.push(format!("{name}: {why}"));
        }
        *differing.entry(why).or_default() += 1;
    }
    let mut top: Vec<_> = differing.into_iter().collect();
    top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let _ = writeln!(std::io::stderr(), "agreement {agree} of {total} ({:.2} %)", 100.0 * agree as f64 / total as f64);
    for (why, count) in top.iter().take(15) {
        eprintln!("{count:6} {why}");
    }
    assert!(agree >= AGREEMENT, "agreement fell from {AGREEMENT} to {agree}");
    assert!(unexplained.is_empty(), "cases differ without a reason: {unexplained:#?}");
}
