//! Two public ontologies are valid under the rules of Azure Digital Twins, and validating them is cheap.
#![allow(clippy::print_stderr)] // The time taken is part of this test's result.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use dtdl::{Document, Models, Problem, Rules};

fn shared(path: &str) -> Option<String> {
    let root = std::env::var_os("TWINCTL_SHARED")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared")), PathBuf::from);
    let path = root.join(path);
    if !path.exists() {
        let _ = writeln!(std::io::stderr(), "skipped: {} is missing (set TWINCTL_SHARED)", path.display());
        return None;
    }
    Some(std::fs::read_to_string(path).expect("the ontology is readable"))
}

fn models(text: &str) -> Models {
    let document = Document::from_text(text).unwrap_or_else(|problems| panic!("{}", list(&problems)));
    let started = Instant::now();
    let outcome = Models::parse(Rules::Adt, &[document]);
    eprintln!("validated in {:?}", started.elapsed());
    outcome.unwrap_or_else(|problems| panic!("{}", list(&problems)))
}

fn list(problems: &[Problem]) -> String {
    problems.iter().take(20).map(|problem| format!("{problem}\n")).collect()
}

#[test]
fn real_estate_core_is_valid() {
    let Some(text) = shared("data/ontologies/realestatecore.json") else { return };
    let models = models(&text);
    assert_eq!(models.len(), 767);
    let mut before = std::collections::BTreeSet::new();
    for interface in models.dependency_order() {
        assert!(interface.dependencies().all(|id| before.contains(id)), "{} comes too early", interface.id);
        before.insert(&interface.id);
    }
}

#[test]
fn the_energy_grid_is_valid() {
    let Some(text) = shared("data/ontologies/energygrid.json") else { return };
    assert_eq!(models(&text).len(), 113);
}

#[test]
fn real_estate_core_goes_up_in_batches() {
    let Some(text) = shared("data/ontologies/realestatecore.json") else { return };
    let whole = models(&text);
    let texts: Vec<serde_json::Value> = serde_json::from_str(&text).expect("the ontology is an array");
    let find = |id: &str| texts.iter().find(|model| model["@id"] == id).expect("the model is in the text");
    let order = whole.dependency_order();
    let started = Instant::now();
    let mut models = Models::empty(Rules::Adt);
    for batch in order.chunks(250) {
        let documents: Vec<_> = batch.iter().map(|model| Document::from_value(find(model.id.as_str()))).collect();
        models = models.extend(&documents).unwrap_or_else(|problems| panic!("{}", list(&problems)));
    }
    eprintln!("extended {} times in {:?}", order.len().div_ceil(250), started.elapsed());
    assert_eq!(models.len(), whole.len());
    assert!(models.iter().zip(whole.iter()).all(|(left, right)| left.flattened == right.flattened));
}
