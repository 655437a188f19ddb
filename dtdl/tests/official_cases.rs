//! Agreement with the official parser on its own cases.
#![allow(clippy::print_stderr, reason = "how far both agree is this test's result")]

mod documented;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::PathBuf;

use dtdl::{Document, Models, Rules};
use serde_json::Value;

/// Vocabulary that Azure Digital Twins does not have, and so this crate neither.
const CENTRAL: &str = "IoT Central's semantic types and vectors";
const MQTT: &str = "the mqtt extension";
/// Options of the official parser that this crate does not offer.
const CAP: &str = "the option that caps the version of the language";
const TOLERANCE: &str = "the quirk that tolerates what version 2 forbids";

/// In how many of a hundred cases that both refuse they must name the same mistake.
const SAME_MISTAKE: usize = 97;

/// The cases that differ, each with what they would need.
const DIFFERING: [(&str, &str); 18] = [
    ("doc-examples/mqttDocExample-en-US-5-V4.json#0", MQTT),
    ("generated/DtdlContextNotFirstAtTopLevelV2.json#0", CENTRAL),
    ("generated/DtdlContextNotFirstV2.json#0", CENTRAL),
    ("generated/InterfaceCommandWithAdjunctTypeCacheableNotIdempotentV3.json#0", MQTT),
    ("generated/InterfaceCommandWithAdjunctTypeIdempotentAndPropertyTtlV3.json#0", MQTT),
    ("generated/InterfaceCommandWithAdjunctTypesIdempotentAndCacheableInvalidTtlV3.json#0", MQTT),
    ("generated/InterfaceTelemetryWithAdjunctTypeIndexedStringIndexV3.json#0", MQTT),
    ("generated/InterfaceWithAdjunctTypeMqttEmptyCommandTopicV3.json#0", MQTT),
    ("generated/InterfaceWithAdjunctTypeMqttInvalidCommandTopicV3.json#0", MQTT),
    ("generated/InterfaceWithAdjunctTypeMqttWithoutPayloadFormatV3.json#0", MQTT),
    ("generated/MaxDtdlVersionExceededV3.json#0", CAP),
    ("generated/TelemetryWithSemanticTypeLocationIntegerV2.json#0", CENTRAL),
    ("generated/TelemetryWithSemanticTypeStateIntegerV2.json#0", CENTRAL),
    ("generated/TelemetryWithSemanticTypeVelocityVectorV2.json#0", CENTRAL),
    ("solecisms/InterfaceExtendsIdReferenceOnParseWithParseToleratingV2.json#0", TOLERANCE),
    ("solecisms/InterfaceIdDtdlPrefixWithQuirkToTolerateV2.json#0", TOLERANCE),
    ("solecisms/InterfaceIdStandardPrefixWithQuirkToTolerateV2.json#0", TOLERANCE),
    ("solecisms/InterfaceTelemetryIdStandardPrefixWithQuirkToTolerateV2.json#0", TOLERANCE),
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

/// The ids of the validations that fail, without their common prefix.
fn ids(case: &Value) -> Vec<String> {
    let ids = case["validationIds"].as_array().into_iter().flatten().filter_map(Value::as_str);
    ids.map(|id| id.trim_start_matches("dtmi:dtdl:parsingError:").to_owned()).collect()
}

/// What came of the cases.
#[derive(Default)]
struct Tally {
    total: usize,
    agree: usize,
    /// The cases that need an option which is not offered.
    unavailable: usize,
    /// Cases that both refuse and that state why, and those among them for which both name the same mistake.
    refused: usize,
    same_mistake: usize,
    otherwise: BTreeMap<String, usize>,
}

impl Tally {
    fn print(&self) {
        let share = |part: usize, whole: usize| 100.0 * part as f64 / whole.max(1) as f64;
        let (agree, available) = (self.agree, self.total - self.unavailable);
        eprintln!("agreement {agree} of {} ({:.2} %)", self.total, share(agree, self.total));
        eprintln!(
            "of those that need no option we do not offer: {agree} of {available} ({:.2} %)",
            share(agree, available)
        );
        let (same, refused) = (self.same_mistake, self.refused);
        eprintln!("both name the same mistake: {same} of {refused} ({:.1} %)", share(same, refused));
        let mut pairs: Vec<_> = self.otherwise.iter().collect();
        pairs.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (pair, count) in pairs.iter().take(25) {
            eprintln!("{count:6} {pair}");
        }
    }
}

#[test]
fn agrees_with_the_official_parser() {
    let Some(path) = shared("data/dtdl-cases.jsonl") else { return };
    let text = std::fs::read_to_string(path).expect("the cases are readable");
    let table = documented::rules();
    let mut tally = Tally::default();
    let mut differing = Vec::new();
    for line in text.lines() {
        let case: Value = serde_json::from_str(line).expect("a case is JSON");
        let outcome = Models::parse(rules(&case), &documents(&case));
        tally.total += 1;
        let name = case["case"].as_str().expect("a case has a name").to_owned();
        let known = DIFFERING.iter().find(|(known, _)| *known == name);
        tally.unavailable += usize::from(known.is_some_and(|(_, why)| [CAP, TOLERANCE].contains(why)));
        if outcome.is_ok() != (case["valid"] == true) {
            differing.push(name);
            continue;
        }
        tally.agree += 1;
        // The specification's cases do not say which validation fails.
        let stated = ids(&case);
        if let (Err(problems), false) = (outcome, stated.is_empty()) {
            let rules: Vec<_> = problems.iter().map(|problem| problem.rule).collect();
            tally.refused += 1;
            if documented::same(&table, &rules, &stated) {
                tally.same_mistake += 1;
            } else {
                *tally.otherwise.entry(format!("{} for {}", rules.join(", "), stated.join(", "))).or_default() += 1;
            }
        }
    }
    tally.print();
    let share = 100 * tally.same_mistake / tally.refused;
    assert!(share >= SAME_MISTAKE, "{share} % name the same mistake; the table of rules misses validation ids");
    let known: Vec<_> = DIFFERING.iter().map(|(name, _)| (*name).to_owned()).collect();
    differing.sort();
    assert_eq!(differing, known, "the cases that differ are not those that are known to");
}
