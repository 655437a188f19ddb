//! No document makes the reader panic, whatever it holds.

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
