//! No document makes the reader panic, whatever it holds.

use std::mem::ManuallyDrop;

use dtdl::{Document, Models, Rules};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Keys and texts that mean something to the language, so that arbitrary documents get past the first check.
const WORDS: [&str; 34] = [
    "@context",
    "@id",
    "@type",
    "@value",
    "@language",
    "@graph",
    "contents",
    "extends",
    "schemas",
    "name",
    "schema",
    "fields",
    "enumValues",
    "enumValue",
    "valueSchema",
    "mapKey",
    "mapValue",
    "elementSchema",
    "unit",
    "target",
    "properties",
    "request",
    "annotates",
    "Interface",
    "Property",
    "Component",
    "Object",
    "Enum",
    "Map",
    "Array",
    "string",
    "integer",
    "dtmi:x:A;1",
    "dtmi:dtdl:context;3",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => proptest::sample::select(&WORDS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 6, |inner| {
        let members = proptest::collection::vec((text(), inner.clone()), 0..6);
        prop_oneof![
            proptest::collection::vec(inner, 0..5).prop_map(Value::from),
            members.prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// A value of arrays, each the only element of the next; it is never dropped, since `serde_json` would do so by recursion.
fn nested(levels: usize) -> ManuallyDrop<Value> {
    ManuallyDrop::new((0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner])))
}

#[test]
fn no_value_is_nested_too_deep_to_be_answered() {
    for (levels, answer) in [(126, "ref-not-string-or-object"), (127, "json-too-deep"), (1_000_000, "json-too-deep")] {
        let contents = ManuallyDrop::into_inner(nested(levels));
        let model = ManuallyDrop::new(Value::from_iter([
            ("@context", Value::from("dtmi:dtdl:context;3")),
            ("@id", Value::from("dtmi:x:A;1")),
            ("@type", Value::from("Interface")),
            ("contents", contents),
        ]));
        let problems = Models::parse(Rules::Adt, &[Document::from_value(&model)]).expect_err("null is no content");
        assert!(problems.iter().any(|problem| problem.rule == answer), "{levels}: {problems:?}");
    }
}

#[test]
fn the_deepest_models_that_are_read_are_answered() {
    let schema = (0..60).fold(json!("double"), |inner, _| json!({"@type": "Array", "elementSchema": inner}));
    let object =
        (0..20).fold(schema, |inner, _| json!({"@type": "Object", "fields": [{"name": "f", "schema": inner}]}));
    let model = json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface",
        "contents": [{"@type": "Telemetry", "name": "t", "schema": object}]});
    let problems = Models::parse(Rules::Adt, &[Document::from_value(&model)]).expect_err("five levels are allowed");
    assert!(problems.iter().any(|problem| problem.rule == "excessive-depth"), "{problems:?}");
}

proptest! {
    #[test]
    fn any_document_is_answered(value in value()) {
        let _ = Models::parse(Rules::Adt, &[Document::from_value(&value)]);
    }

    #[test]
    fn any_contents_are_answered(contents in value(), schemas in value(), extends in value()) {
        let model = json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface",
            "contents": contents, "schemas": schemas, "extends": extends});
        let _ = Models::parse(Rules::LanguageWithUnknownExtensions, &[Document::from_value(&model)]);
    }

    #[test]
    fn any_text_is_answered(text in any::<String>()) {
        if let Ok(document) = Document::from_text(&text) {
            let _ = Models::parse(Rules::Adt, &[document]);
        }
    }
}
