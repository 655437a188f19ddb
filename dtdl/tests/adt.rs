//! What Azure Digital Twins asks of models beyond the language, and what it does not ask. Source: its documentation, "Learn about twin
//! models: DTDL in Azure Digital Twins" and "Service limits".

use dtdl::{Document, Models, Rules};
use serde_json::{Value, json};

fn model(version: u8, name: &str, members: Value) -> Value {
    let mut model = json!({"@context": format!("dtmi:dtdl:context;{version}"), "@id": format!("dtmi:x:{name};1"),
        "@type": "Interface"});
    if let (Value::Object(model), Value::Object(members)) = (&mut model, members) {
        model.extend(members);
    }
    model
}

/// The rules that models break, each once: Azure Digital Twins' and the language's.
fn broken(models: &Value) -> [Vec<&'static str>; 2] {
    [Rules::Adt, Rules::Language].map(|rules| {
        let problems = Models::parse(rules, &[Document::from_value(models)]).err().unwrap_or_default();
        let mut broken: Vec<_> = problems.iter().map(|problem| problem.rule).collect();
        broken.dedup();
        broken
    })
}

#[test]
fn there_are_no_commands() {
    for version in [2, 3] {
        let command = model(version, "A", json!({"contents": [{"@type": "Command", "name": "open"}]}));
        assert_eq!(broken(&command), [vec!["adt-no-commands"], vec![]]);
        // An inherited one is reported where it is defined.
        let heir = model(version, "B", json!({"extends": "dtmi:x:A;1"}));
        assert_eq!(broken(&json!([heir, command])), [vec!["adt-no-commands"], vec![]]);
    }
}

#[test]
fn no_interface_is_inside_another() {
    for version in [2, 3] {
        let inner = model(version, "B", json!({}));
        let component = json!([{"@type": "Component", "name": "c", "schema": inner}]);
        for members in [json!({"contents": component}), json!({"extends": inner}), json!({"extends": [inner]})] {
            assert_eq!(broken(&model(version, "A", members)), [vec!["adt-no-inline-interface"], vec![]]);
        }
    }
}

#[test]
fn components_go_one_level_deep_however_they_come() {
    let component = |name: &str| json!({"contents": [{"@type": "Component", "name": "part", "schema": name}]});
    for version in [2, 3] {
        let leaf = model(version, "C", json!({}));
        let one = json!([model(version, "B", component("dtmi:x:C;1")), leaf]);
        assert_eq!(broken(&one), [Vec::<&str>::new(), vec![]]);
        let two = json!([model(version, "A", component("dtmi:x:B;1")), one[0], leaf]);
        assert_eq!(broken(&two), [vec!["excluded-type"], vec!["excluded-type"]]);
        let inherited = json!([
            model(version, "A", component("dtmi:x:D;1")),
            one[0],
            leaf,
            model(version, "D", json!({"extends": "dtmi:x:B;1"}))
        ]);
        assert_eq!(broken(&inherited), [vec!["excluded-type"], vec!["excluded-type"]]);
        let itself = model(version, "A", component("dtmi:x:A;1"));
        assert_eq!(broken(&itself)[0], ["excluded-type"]);
    }
}

#[test]
fn a_model_has_an_id_and_is_an_interface() {
    let mut nameless = model(3, "A", json!({}));
    nameless.as_object_mut().expect("it is one").remove("@id");
    assert_eq!(broken(&nameless)[0], ["missing-required-id"]);
    let property = json!({"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:p;1", "@type": "Property", "name": "p",
        "schema": "double"});
    assert_eq!(broken(&property)[0], ["type-not-rootable"]);
}

#[test]
fn version_three_takes_version_two_and_not_the_other_way() {
    for (outer, inner, expected) in [(3, 2, vec![]), (2, 3, vec!["disallowed-version-reference"])] {
        let part = model(inner, "B", json!({}));
        let extends = model(outer, "A", json!({"extends": "dtmi:x:B;1"}));
        assert_eq!(broken(&json!([extends, part]))[0], expected);
        let contents = json!([{"@type": "Component", "name": "c", "schema": "dtmi:x:B;1"}]);
        let contains = model(outer, "A", json!({"contents": contents}));
        assert_eq!(broken(&json!([contains, part]))[0], expected);
        // The same with a part that was uploaded before.
        let models = Models::parse(Rules::Adt, &[Document::from_value(&part)]).expect("it is valid");
        for later in [&extends, &contains] {
            let found = models.extend(&[Document::from_value(later)]).err().unwrap_or_default();
            assert_eq!(found.iter().map(|problem| problem.rule).collect::<Vec<_>>(), expected);
        }
        // The target of a relationship is no part.
        let contents = json!([{"@type": "Relationship", "name": "r", "target": "dtmi:x:B;1"}]);
        assert_eq!(broken(&json!([model(outer, "A", json!({"contents": contents})), part]))[0], Vec::<&str>::new());
    }
}

#[test]
fn what_a_model_is_made_of_exists_and_what_it_points_at_need_not() {
    for version in [2, 3] {
        let absent = "dtmi:x:Absent;1";
        let component = json!([{"@type": "Component", "name": "c", "schema": absent}]);
        for members in [json!({"extends": absent}), json!({"contents": component})] {
            assert_eq!(broken(&model(version, "A", members))[0], ["undefined-reference"]);
        }
        let relationship = json!([{"@type": "Relationship", "name": "r", "target": absent}]);
        assert_eq!(broken(&model(version, "A", json!({"contents": relationship})))[0], Vec::<&str>::new());
    }
}

#[test]
fn versions_of_ids_are_relaxed_from_version_three_on() {
    for id in ["dtmi:x:A", "dtmi:x:A;1.2"] {
        let mut three = model(3, "A", json!({}));
        three["@id"] = json!(id);
        assert_eq!(broken(&three)[0], Vec::<&str>::new());
        let mut two = model(2, "A", json!({}));
        two["@id"] = json!(id);
        assert_eq!(broken(&two)[0], ["invalid-id"]);
    }
}

#[test]
fn other_versions_of_the_language_are_refused() {
    for version in [1, 4] {
        assert_eq!(broken(&model(version, "A", json!({})))[0], ["unrecognized-context-version"]);
    }
}
