//! What the fuzz target `dtdl` does with an input, and what comes of it in one line. The corpus is replayed through the same
//! code by a test of the crate.

use std::collections::BTreeSet;

use ::dtdl::{Document, Models, Problem, Rules};
use serde_json::Value;

const RULES: [(&str, Rules); 3] =
    [("adt", Rules::Adt), ("language", Rules::Language), ("unknown extensions", Rules::LanguageWithUnknownExtensions)];

/// Reads models and checks what holds for every text:
///
/// - the answer is the same each time, and each problem's place is inside the text;
/// - text and value of the same JSON have the same problems;
/// - models that are valid together are valid one after the other, and the other way round.
pub(crate) fn check(input: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(input) else { return "not UTF-8".into() };
    let document = match Document::from_text(text) {
        Ok(document) => document,
        Err(problems) => {
            inside(text, &problems);
            return rules_of(&problems);
        }
    };
    let value: Value = serde_json::from_str(text).expect("the document was read from it");
    let answers = RULES.map(|(name, rules)| {
        let outcome = Models::parse(rules, std::slice::from_ref(&document));
        assert_eq!(shown(&outcome), shown(&Models::parse(rules, std::slice::from_ref(&document))));
        if let Err(problems) = &outcome {
            inside(text, problems);
        }
        of_a_value(rules, &value);
        one_by_one(rules, &value);
        let answer = outcome.map_or_else(|problems| rules_of(&problems), |models| format!("{} valid", models.len()));
        (name, answer)
    });
    if answers.iter().all(|(_, answer)| *answer == answers[0].1) {
        return answers[0].1.clone();
    }
    answers.map(|(name, answer)| format!("{name}: {answer}")).join("; ")
}

/// The place of each problem is inside the text, between characters.
fn inside(text: &str, problems: &[Problem]) {
    assert!(!problems.is_empty());
    for problem in problems {
        let span = problem.span.clone().expect("the document was read from text");
        assert!(text.get(span.clone()).is_some(), "{problem} is at {span:?} of {} bytes", text.len());
    }
}

/// The rules that are broken, each once, in their order.
fn rules_of(problems: &[Problem]) -> String {
    let mut seen = BTreeSet::new();
    let rules = problems.iter().map(|problem| problem.rule).filter(|rule| seen.insert(*rule));
    rules.collect::<Vec<_>>().join(", ")
}

/// Everything but the places in the text.
fn shown(outcome: &Result<Models, Vec<Problem>>) -> Vec<String> {
    match outcome {
        Ok(models) => models.iter().map(|interface| format!("{interface:?}")).collect(),
        Err(problems) => {
            let mut shown: Vec<_> =
                problems.iter().map(|problem| format!("{} {} {problem}", problem.document, problem.path)).collect();
            shown.sort();
            shown
        }
    }
}

/// The value and its text have the same outcome. (Not the text that was given: a value has no repeated members.)
fn of_a_value(rules: Rules, value: &Value) {
    let read = Document::from_text(&value.to_string()).expect("it is the text of a value");
    let (read, value) = (Models::parse(rules, &[read]), Models::parse(rules, &[Document::from_value(value)]));
    assert_eq!(shown(&read), shown(&value));
}

/// Whether models are valid does not depend on whether they come together or each after those that it needs.
fn one_by_one(rules: Rules, value: &Value) {
    let Value::Array(list) = value else { return };
    let mut open: Vec<Document> = list.iter().map(Document::from_value).collect();
    let whole = Models::parse(rules, &open);
    let mut models = Models::empty(rules);
    loop {
        let before = open.len();
        open.retain(|document| match models.extend(std::slice::from_ref(document)) {
            Ok(extended) => {
                models = extended;
                false
            }
            Err(_) => true,
        });
        if open.is_empty() || open.len() == before {
            break;
        }
    }
    match whole {
        // An interface inside one model may be what another needs, and need that one itself; so neither can come first.
        Ok(whole) if whole.len() != top_level(value) => {}
        Ok(whole) => assert_eq!(shown(&Ok(whole)), shown(&Ok(models)), "{} models come only together", open.len()),
        Err(problems) => assert!(!open.is_empty(), "valid one by one, but together {}", rules_of(&problems)),
    }
}

/// How many models a document has, those inside others not counted.
fn top_level(value: &Value) -> usize {
    match value {
        Value::Array(values) => values.iter().map(top_level).sum(),
        _ => 1,
    }
}
