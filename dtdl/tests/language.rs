//! Corners of the language, each as the official parser has it.

use dtdl::{Document, Models, Rules};
use serde_json::{Value, json};

/// The first rule that models break, if they break one.
fn first(rules: Rules, models: &Value) -> Option<&'static str> {
    let document = Document::from_text(&models.to_string()).expect("it is JSON");
    Models::parse(rules, &[document]).err().map(|problems| problems[0].rule)
}

fn broken(models: &Value) -> Option<&'static str> {
    first(Rules::Language, models)
}

fn model(version: u8, members: Value) -> Value {
    let mut model =
        json!({"@context": format!("dtmi:dtdl:context;{version}"), "@id": "dtmi:x:A;1", "@type": "Interface"});
    if let (Value::Object(model), Value::Object(members)) = (&mut model, members) {
        model.extend(members);
    }
    model
}

fn telemetry(schema: &Value) -> Value {
    model(3, json!({"contents": [{"@type": "Telemetry", "name": "t", "schema": schema}]}))
}

#[test]
fn geometries_are_as_deep_as_the_language_defines_them() {
    let inside = |levels: usize, schema: &str| {
        (0..levels).fold(json!(schema), |schema, _| json!({"@type": "Array", "elementSchema": schema}))
    };
    for (schema, most) in [("double", 5), ("point", 3), ("lineString", 2), ("polygon", 1), ("multiPolygon", 0)] {
        assert_eq!(broken(&telemetry(&inside(most, schema))), None, "{schema}");
        assert_eq!(broken(&telemetry(&inside(most + 1, schema))), Some("excessive-depth"), "{schema}");
    }
}

#[test]
fn arrays_in_arrays_are_their_values() {
    let property = json!({"@type": "Property", "name": [["p"]], "schema": [["double"]]});
    assert_eq!(broken(&json!([[model(3, json!({"contents": [[property], []]}))]])), None);
    let text = json!([[{"@value": "x", "@language": "en"}], [[]]]);
    assert_eq!(broken(&model(3, json!({"displayName": text, "comment": [[["x"]]]}))), None);
    assert_eq!(broken(&model(3, json!({"comment": [["x"], ["y"]]}))), Some("multiple-values"));
}

#[test]
fn lengths_are_counted_in_utf16() {
    assert_eq!(broken(&model(3, json!({"comment": "\u{1d11e}".repeat(256)}))), None);
    assert_eq!(broken(&model(3, json!({"comment": "\u{1d11e}".repeat(257)}))), Some("string-too-long"));
}

#[test]
fn whole_numbers_may_be_written_with_a_fraction() {
    let relationship =
        |most: Value| model(3, json!({"contents": [{"@type": "Relationship", "name": "r", "maxMultiplicity": most}]}));
    assert_eq!(broken(&relationship(json!(2.0))), None);
    assert_eq!(broken(&relationship(json!(2.5))), Some("literal-not-valid"));
    assert_eq!(broken(&relationship(json!(2_147_483_648_u32))), Some("literal-not-valid"));
}

#[test]
fn members_of_literals_are_given_once() {
    for member in [
        r#""comment": {"@value": "a", "@value": "b"}"#,
        r#""description": [{"@value": "a", "@language": "en", "@language": "en"}]"#,
    ] {
        let text =
            format!(r#"{{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface", {member}}}"#);
        let document = Document::from_text(&text).expect("it is JSON");
        let problems = Models::parse(Rules::Language, &[document]).expect_err("a member is given twice");
        assert!(problems.iter().any(|problem| problem.rule == "duplicate-property-name"), "{problems:?}");
    }
}

#[test]
fn one_value_is_one_even_if_it_is_the_same_again() {
    assert_eq!(broken(&telemetry(&json!(["string", "string"]))), Some("object-count"));
    let twice = json!({"extends": ["dtmi:x:B;1", "dtmi:x:C;1", "dtmi:x:B;1"]});
    let others = ["dtmi:x:B;1", "dtmi:x:C;1"].map(|id| model(2, json!({"@id": id})));
    assert_eq!(broken(&json!([model(2, twice), others[0], others[1]])), None);
}

#[test]
fn an_override_is_named_by_plain_text() {
    let other = Some("identifier-not-dtmi");
    for (overrides, rule) in [(json!(["unit"]), None), (json!({"@value": "unit"}), other), (json!("colour"), other)] {
        let contents = json!([
            {"@type": ["Telemetry", "Temperature"], "name": "heat", "schema": "double", "unit": "kelvin"},
            {"@type": ["Property", "ValueAnnotation", "Override"], "name": "heatUnit", "annotates": "heat",
             "overrides": overrides, "schema": "TemperatureUnit"}]);
        let mut model = model(3, json!({"contents": contents}));
        let extensions = ["quantitativeTypes", "annotation", "overriding"];
        let extensions = extensions.map(|name| format!("dtmi:dtdl:extension:{name};1"));
        model["@context"] = json!(["dtmi:dtdl:context;3", extensions[0], extensions[1], extensions[2]]);
        assert_eq!(broken(&model), rule);
    }
}

#[test]
fn relationships_have_no_history() {
    let context = json!(["dtmi:dtdl:context;3", "dtmi:dtdl:extension:historization;2"]);
    for (class, rule) in [("Property", None), ("Telemetry", None), ("Relationship", Some("invalid-cotype"))] {
        let mut content = json!({"@type": [class, "Historized"], "name": "x"});
        if class != "Relationship" {
            content["schema"] = json!("double");
        }
        assert_eq!(broken(&model(3, json!({"@context": context, "contents": [content]}))), rule, "{class}");
    }
}

#[test]
fn a_member_is_written_in_one_way() {
    let twice = json!({"@type": "Property", "name": "p", "dtmi:dtdl:property:name;3": "q", "schema": "double"});
    assert_eq!(broken(&model(3, json!({"contents": [twice]}))), Some("repeated-property"));
}

#[test]
fn extensions_stay_in_use_inside_an_element_of_another_version() {
    let inside = |version: u8| {
        let property = json!({"@context": format!("dtmi:dtdl:context;{version}"),
            "@type": ["Property", "Historized"], "name": "p", "schema": "double"});
        let mut model = model(3, json!({"contents": [property]}));
        model["@context"] = json!(["dtmi:dtdl:context;3", "dtmi:dtdl:extension:historization;1"]);
        model
    };
    assert_eq!(broken(&inside(3)), None);
    assert_eq!(broken(&inside(2)), Some("invalid-cotype-version"));
}

#[test]
fn minor_versions_of_contexts_are_those_of_version_three() {
    let with = |language: &str, extension: &str| {
        let mut model = model(3, json!({}));
        model["@context"] = json!([language, extension]);
        model
    };
    assert_eq!(broken(&with("dtmi:dtdl:context;3.1", "dtmi:dtdl:extension:annotation;1.2")), None);
    let old = with("dtmi:dtdl:context;2", "dtmi:dtdl:extension:annotation;1.2");
    assert_eq!(broken(&old), Some("invalid-context-specifier-for-version"));
    assert_eq!(broken(&with("dtmi:dtdl:context;2", "dtmi:dtdl:extension:annotation;1")), None);
}

/// An interface with an annotation of `x`, and one that extends it and has `x`.
fn annotated(class: &str) -> [Value; 2] {
    let context = json!(["dtmi:dtdl:context;3", "dtmi:dtdl:extension:annotation;1"]);
    let mut base = model(
        3,
        json!({"contents": [
            {"@type": ["Telemetry", "ValueAnnotation"], "name": "error", "annotates": "x", "schema": "float"}]}),
    );
    base["@context"] = context;
    let contents = match class {
        "Relationship" => json!([{"@type": class, "name": "x"}]),
        _ => json!([{"@type": class, "name": "x", "schema": "double"}]),
    };
    let mut derived = model(3, json!({"extends": "dtmi:x:A;1", "contents": contents}));
    derived["@id"] = json!("dtmi:x:B;1");
    [base, derived]
}

#[test]
fn inherited_annotations_are_checked_whenever_the_models_come() {
    for (class, rule) in [("Property", None), ("Relationship", Some("not-sibling-required-type"))] {
        let [base, derived] = annotated(class);
        assert_eq!(broken(&json!([base, derived])), rule);
        let models = Models::parse(Rules::Language, &[Document::from_value(&base)]).expect("the base is valid");
        let later = models.extend(&[Document::from_value(&derived)]);
        assert_eq!(later.err().map(|problems| problems[0].rule), rule);
    }
}

#[test]
fn an_annotation_without_a_name_annotates_nothing() {
    let [mut base, _] = annotated("Property");
    base["contents"][0]["annotates"] = json!([]);
    assert_eq!(broken(&base), Some("missing-supplemental-property"));
}

#[test]
fn units_of_version_two_cannot_be_overridden() {
    let extensions =
        ["quantitativeTypes", "annotation", "overriding"].map(|name| format!("dtmi:dtdl:extension:{name};1"));
    for (version, rule) in [(3, None), (2, Some("no-matching-supplemental-property"))] {
        let context: Vec<_> = [format!("dtmi:dtdl:context;{version}")].into_iter().chain(extensions.clone()).collect();
        let quantity = json!([
            {"@type": ["Property", "Temperature"], "name": "heat", "schema": "double", "unit": "kelvin"}]);
        let mut base = model(version, json!({"contents": quantity}));
        base["@context"] = json!(context);
        let annotation = json!([{"@type": ["Property", "ValueAnnotation", "Override"], "name": "heatUnit",
            "annotates": "heat", "overrides": "unit", "schema": "TemperatureUnit"}]);
        let mut derived = model(3, json!({"@id": "dtmi:x:B;1", "extends": "dtmi:x:A;1", "contents": annotation}));
        derived["@context"] = json!(["dtmi:dtdl:context;3", extensions[0], extensions[1], extensions[2]]);
        assert_eq!(broken(&json!([base, derived])), rule);
        let models = Models::parse(Rules::Language, &[Document::from_value(&base)]).expect("the base is valid");
        let later = models.extend(&[Document::from_value(&derived)]);
        assert_eq!(later.err().map(|problems| problems[0].rule), rule);
    }
}

#[test]
fn a_content_that_is_listed_twice_is_one() {
    let content = json!({"@id": "dtmi:x:A:c;1", "@type": "Property", "name": "c", "schema": "double"});
    assert_eq!(broken(&model(3, json!({"contents": [content, "dtmi:x:A:c;1"]}))), None);
    let relationship = json!({"@type": "Relationship", "name": "r", "properties": [content, "dtmi:x:A:c;1"]});
    assert_eq!(broken(&model(3, json!({"contents": [relationship]}))), Some("non-unique-property-value"));
}

#[test]
fn overrides_go_with_annotations_of_the_same_version() {
    let with = |annotation: u8, overriding: u8| {
        let mut model = model(
            3,
            json!({"contents": [
            {"@type": ["Telemetry", "Temperature"], "name": "heat", "schema": "double", "unit": "kelvin"},
            {"@type": ["Property", "ValueAnnotation", "Override"], "name": "heatUnit", "annotates": "heat",
             "overrides": "unit", "schema": "TemperatureUnit"}]}),
        );
        model["@context"] = json!([
            "dtmi:dtdl:context;3",
            "dtmi:dtdl:extension:quantitativeTypes;1",
            format!("dtmi:dtdl:extension:annotation;{annotation}"),
            format!("dtmi:dtdl:extension:overriding;{overriding}")
        ]);
        model
    };
    assert_eq!((broken(&with(1, 1)), broken(&with(2, 2))), (None, None));
    assert_eq!(broken(&with(1, 2)), Some("missing-cocotype"));
    assert_eq!(broken(&with(2, 1)), Some("missing-cocotype"));
}

#[test]
fn classes_of_other_versions_are_no_types() {
    let typed = |version: u8, name: &str| model(version, json!({"@type": ["Interface", name]}));
    for (version, name) in [(2, "CommandRequest"), (3, "CommandPayload"), (2, "Uuid"), (2, "Double"), (3, "Entity")] {
        assert_eq!(broken(&typed(version, name)), Some("bad-type"), "{name}");
    }
    let full = typed(2, "dtmi:dtdl:class:Property;3");
    assert_eq!(first(Rules::LanguageWithUnknownExtensions, &full), Some("bad-type"));
    assert_eq!(broken(&typed(2, "Concentration")), None, "version 2 tolerates types that it does not know");
}

#[test]
fn version_two_limits_the_size_of_models_in_azure_digital_twins_only() {
    let values: Vec<_> = (0..90).map(|n| json!({"name": format!("{}{n}", "v".repeat(50)), "enumValue": n})).collect();
    let schema = json!({"@type": "Enum", "valueSchema": "integer", "enumValues": values});
    let contents: Vec<_> =
        (0..200).map(|number| json!({"@type": "Telemetry", "name": format!("t{number}"), "schema": schema})).collect();
    let large = |version: u8| model(version, json!({"contents": contents}));
    assert_eq!(first(Rules::Language, &large(2)), None);
    assert_eq!(first(Rules::Adt, &large(2)), Some("model-too-large"));
    assert_eq!(first(Rules::Language, &large(3)), Some("model-too-large"));
}
