//! The official parser and this crate, side by side: both must accept, or both refuse, whatever they are given.
//!
//! Cases come of a seed. `TWINCTL_DTDL_SEED` is another than the usual one, `TWINCTL_DTDL_CASES` more cases than the usual few
//! thousand. The official parser is DTDLParser (.NET) in WebAssembly, with its default options. Those let models of version 2 use
//! extensions that it does not know, and no others; our rules are chosen to match.
#![allow(clippy::print_stderr, reason = "how far both agree is this test's result")]

mod case;
mod differences;
#[path = "../documented/mod.rs"]
mod documented;
mod generate;
mod limits;
mod mutate;
mod official;
mod tally;

use std::env;
use std::fmt::Write as _;
use std::time::Instant;

use differences::Difference;
use dtdl::{Document, Models, Rules};
use fastrand::Rng;
use official::{Official, Verdict};
use serde_json::Value;
use tally::Tally;

const CASES: u64 = 6000;
const SEED: u64 = 20_261_127;
/// In how many of a hundred cases with one change that both refuse they must name the same mistake.
const SAME_MISTAKE: f64 = 90.0;
/// How many kinds of unexplained differences are shown, each by its smallest case.
const SHOWN: usize = 10;
/// How often both parsers are asked while one case is made smaller.
const ATTEMPTS: usize = 500;

/// A number out of the environment.
fn number(variable: &str, usual: u64) -> u64 {
    let given = env::var(variable).ok();
    given.map_or(usual, |text| text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}

/// The case of a seed: its models, and what was changed in them.
fn case_of(seed: u64) -> (Value, Vec<&'static str>) {
    let mut random = Rng::with_seed(seed);
    // Sets at the limits are left as they are: that is what they are for.
    if random.u8(0..10) == 0 {
        return (limits::models(&mut random).into(), vec!["put to a limit"]);
    }
    let mut models = Value::from(generate::models(&mut random));
    let count = [0, 0, 1, 1, 1, 1, 2, 3][random.usize(0..8)];
    let changes = (0..count).map(|_| mutate::mutate(&mut random, &mut models)).collect();
    (models, changes)
}

/// The rules that the official parser's default options come to.
fn rules(text: &str) -> Rules {
    let only_old = !text.contains("dtmi:dtdl:context;3");
    if only_old { Rules::LanguageWithUnknownExtensions } else { Rules::Language }
}

/// What this crate says of models: the rules that are broken.
fn ours(text: &str) -> Result<(), Vec<&'static str>> {
    let outcome = Document::from_text(text).and_then(|document| Models::parse(rules(text), &[document]));
    outcome.map(drop).map_err(|problems| problems.iter().map(|problem| problem.rule).collect())
}

/// How both differ on models, if they do. Where the official parser itself fails there is nothing to compare.
fn difference(official: &mut Official, models: &Value) -> Option<Difference> {
    let text = case::text(models);
    Difference::between(&official.judge(&text), &ours(&text), text)
}

#[test]
fn both_parsers_accept_the_same_models() {
    let Some(mut official) = Official::start() else { return };
    let (seed, cases) = (number("TWINCTL_DTDL_SEED", SEED), number("TWINCTL_DTDL_CASES", CASES));
    let started = Instant::now();
    let mut tally = Tally::new(documented::rules());
    for seed in (0..cases).map(|number| seed.wrapping_add(number)) {
        let (models, changes) = case_of(seed);
        let text = case::text(&models);
        let (theirs, ours) = (official.judge(&text), ours(&text));
        tally.add(seed, &changes, &theirs, &ours, text);
    }
    eprintln!("{}, {cases} cases of seed {seed} in {:?}\n{tally}", official.version, started.elapsed());
    let share = tally.same_mistake();
    // A share of few cases says little.
    assert!(
        cases < CASES || share >= SAME_MISTAKE,
        "{share:.1} % name the same mistake; the table of rules misses validation ids"
    );
    assert!(tally.spoiled.is_empty(), "what is made to be valid is not: {:?}", tally.spoiled);
    assert!(tally.unexplained.is_empty(), "the parsers differ:\n{}", smallest(&mut official, &tally));
}

/// The smallest case of each kind of unexplained difference.
fn smallest(official: &mut Official, tally: &Tally) -> String {
    let mut report = String::new();
    for (kind, (seed, count)) in tally.unexplained.iter().take(SHOWN) {
        let (models, changes) = case_of(*seed);
        let same_kind = |models: &Value| difference(official, models).is_some_and(|other| other.kind() == *kind);
        let text = case::text(&case::shrink(&models, ATTEMPTS, same_kind));
        let changes = changes.join(", ");
        let _ = writeln!(
            report,
            "{count} times {kind}\n  first with TWINCTL_DTDL_SEED={seed} ({changes}), at its smallest\n  {text}"
        );
    }
    report
}

#[test]
fn both_parsers_let_a_model_be_of_the_same_size() {
    let Some(mut official) = Official::start() else { return };
    for (version, bytes, valid) in [(3, 1 << 20, true), (3, (1 << 20) + 1, false), (2, (1 << 20) + 1, true)] {
        let start =
            format!(r#"{{"@context": "dtmi:dtdl:context;{version}", "@id": "dtmi:gen:m0;1", "@type": "Interface""#);
        let text = format!("[{start}{}}}]", " ".repeat(bytes - start.len() - 1));
        assert_eq!(official.judge(&text) == Verdict::Valid, valid, "version {version}, {bytes} bytes");
        assert_eq!(ours(&text).is_ok(), valid, "version {version}, {bytes} bytes");
    }
}

#[test]
fn a_seed_always_makes_the_same_case() {
    for seed in 0..200 {
        assert_eq!(case_of(seed), case_of(seed));
    }
}

#[test]
fn a_difference_is_found_and_made_small() {
    let Some(mut official) = Official::start() else { return };
    let mut models = Value::from(generate::models(&mut Rng::with_seed(1)));
    assert_eq!(difference(&mut official, &models).map(|difference| difference.kind()), None);
    // A difference that is there on purpose, so that there always is one.
    models[0]["contents"] = serde_json::json!([
        {"@type": "Property", "name": "a", "schema": "double"},
        {"@type": "Property", "name": "b\n", "schema": "double"},
    ]);
    let found = difference(&mut official, &models).expect("the official parser lets a name end in a line break");
    assert!(found.explained().is_some());
    let small = case::shrink(&models, ATTEMPTS, |models| difference(&mut official, models).is_some());
    let contents = small[0]["contents"].as_array().expect("the content that differs is left");
    assert_eq!((contents.len(), &contents[0]["name"]), (1, &Value::from("b\n")));
}
