//! What is reported for models that break rules, and what a valid set answers.

use dtdl::{Content, Document, Models, Primitive, Problem, Rules, Schema};
use serde_json::{Value, json};

fn parse(models: &Value) -> Result<Models, Vec<Problem>> {
    Models::parse(Rules::Adt, &[Document::from_value(models)])
}

fn listing(outcome: Result<Models, Vec<Problem>>) -> String {
    let problems = outcome.expect_err("the models break rules");
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn model(id: &str, contents: Value) -> Value {
    json!({"@context": "dtmi:dtdl:context;3", "@id": id, "@type": "Interface", "contents": contents})
}

fn house() -> Models {
    let room = model("dtmi:x:Room;1", json!([{"@type": "Property", "name": "area", "schema": "double"}]));
    let mut kitchen = model(
        "dtmi:x:Kitchen;1",
        json!([
            {"@type": "Component", "name": "oven", "schema": "dtmi:x:Oven;1"},
            {"@type": "Relationship", "name": "leadsTo", "target": "dtmi:elsewhere:Hall;1",
             "properties": [{"@type": "Property", "name": "width", "schema": "integer"}]},
        ]),
    );
    kitchen["extends"] = json!(["dtmi:x:Room;1"]);
    let oven = model("dtmi:x:Oven;1", json!([{"@type": "Telemetry", "name": "heat", "schema": "float"}]));
    parse(&json!([kitchen, room, oven])).expect("the house is valid")
}

#[test]
fn all_problems_are_reported_at_once() {
    let telemetry = json!({"@type": "Telemetry", "name": "heat", "schema": "double"});
    let bad = model(
        "dtmi:x:my-room;1",
        json!([
            telemetry,
            {"@type": "Property", "name": "heat", "schema": "double"},
            {"@type": "Property", "name": "_size", "schema": "dobule"},
            {"@type": "Property", "schema": "string", "colour": 1},
            {"@type": "Component", "name": "part", "schema": "dtmi:x:Missing;1"},
            {"@type": "Command", "name": "open"},
        ]),
    );
    insta::assert_snapshot!(listing(parse(&bad)), @r#"
    dtmi:x:my-room;1: @id "dtmi:x:my-room;1" is not a valid DTMI: the segment "my-room" is not allowed: segments start with a letter, hold letters, digits and underscores, and do not end in an underscore (invalid-id); write "dtmi:x:my_room;1"
    dtmi:x:my-room;1 at /contents/2/name: the name "_size" is not allowed (string-invalid); use letters, digits and underscores, starting with a letter, not ending in an underscore
    dtmi:x:my-room;1 at /contents/2/schema: "dobule" is neither a DTMI nor a term of the language (bad-dtmi-or-term); use boolean, date, dateTime, double, duration, float, integer, long, string, time, point, lineString, polygon, multiPoint, multiLineString, multiPolygon, or define a schema
    dtmi:x:my-room;1 at /contents/3/colour: Property has no "colour" (property-undefined-term); remove it; Property takes displayName, description, comment, name, schema, writable
    dtmi:x:my-room;1 at /contents/3: Property has no name (missing-property); add "name"
    dtmi:x:my-room;1 at /contents/1: the name "heat" is taken (non-unique-property-value); choose another name
    dtmi:x:my-room;1 at /contents/4/schema: dtmi:x:Missing;1 is not defined (undefined-reference); define it, or refer to an Interface that is
    dtmi:x:my-room;1 at /contents/5: Command "open" cannot be used: Azure Digital Twins has no commands (adt-no-commands); remove it, or model what it sets as a Property
    "#);
}

#[test]
fn inherited_names_may_not_be_taken_again() {
    let base = model("dtmi:x:Base;1", json!([{"@type": "Telemetry", "name": "heat", "schema": "double"}]));
    let mut derived = model("dtmi:x:Derived;1", json!([{"@type": "Property", "name": "heat", "schema": "double"}]));
    derived["extends"] = json!("dtmi:x:Base;1");
    let both = listing(parse(&json!([base, derived])));
    assert!(both.contains("non-unique-imported-property-value"), "{both}");
    // The same clash with a model that was there before.
    let models = parse(&base).expect("the base is valid");
    let later = listing(models.extend(&[Document::from_value(&derived)]));
    assert!(later.contains("non-unique-imported-property-value"), "{later}");
}

#[test]
fn cycles_and_depths_end() {
    let chain = |count: usize, last: usize| -> Value {
        let link = |number: usize| {
            let mut model = model(&format!("dtmi:x:M{number};1"), json!([]));
            model["extends"] = json!(format!("dtmi:x:M{};1", if number + 1 == count { last } else { number + 1 }));
            model
        };
        (0..count).map(link).collect()
    };
    assert!(listing(parse(&chain(3, 0))).contains("recursive-structure"));
    assert!(listing(parse(&chain(1, 0))).contains("recursive-structure"));
    assert!(listing(parse(&chain(5000, 0))).contains("excessive-depth"));
}

#[test]
fn densely_layered_interfaces_cost_no_more_than_their_links() {
    let layer = |number: usize| -> Vec<Value> {
        let parents: Vec<_> = (0..10).map(|column| format!("dtmi:x:L{}_{column}x;1", number.wrapping_sub(1))).collect();
        let extends = if number == 0 { json!([]) } else { json!(parents) };
        (0..10)
            .map(|column| {
                let mut model = model(&format!("dtmi:x:L{number}_{column}x;1"), json!([]));
                model["extends"] = extends.clone();
                model
            })
            .collect()
    };
    let mut models = Models::empty(Rules::Adt);
    for number in 0..=10 {
        let documents: Vec<_> = layer(number).iter().map(Document::from_value).collect();
        models = models.extend(&documents).expect("ten levels are allowed");
    }
    assert_eq!(models.get("dtmi:x:L10_0x;1").expect("it is there").ancestors.len(), 100);
    let documents: Vec<_> = layer(11).iter().map(Document::from_value).collect();
    assert!(listing(models.extend(&documents)).contains("excessive-depth"));
}

#[test]
fn a_model_is_at_most_one_mebibyte() {
    let mut large = model("dtmi:x:A;1", json!([]));
    large["contents"] = (0..20_000)
        .map(|number| json!({"@type": "Telemetry", "name": format!("t{number}"), "schema": "double"}))
        .collect();
    assert!(listing(parse(&large)).contains("model-too-large"));
}

#[test]
fn azure_digital_twins_has_one_level_of_components() {
    let models = house();
    let outer = model("dtmi:x:Flat;1", json!([{"@type": "Component", "name": "cook", "schema": "dtmi:x:Kitchen;1"}]));
    let listed = listing(models.extend(&[Document::from_value(&outer)]));
    insta::assert_snapshot!(listed, @r#"dtmi:x:Flat;1 at /contents/0/schema: the component's interface has a component itself, "oven" (excluded-type); components go one level deep; use a relationship below"#);
}

#[test]
fn version_two_neither_extends_nor_contains_version_three() {
    let models = house();
    let old = json!({"@context": "dtmi:dtdl:context;2", "@id": "dtmi:x:Old;1", "@type": "Interface",
        "extends": "dtmi:x:Room;1",
        "contents": [{"@type": "Component", "name": "oven", "schema": "dtmi:x:Oven;1"}]});
    let listed = listing(models.extend(&[Document::from_value(&old)]));
    assert_eq!(listed.matches("disallowed-version-reference").count(), 2, "{listed}");
}

#[test]
fn version_two_properties_hold_no_arrays() {
    let property = json!([{"@type": "Property", "name": "p", "schema": {"@type": "Array", "elementSchema": "double"}}]);
    let mut models = model("dtmi:x:A;1", property);
    assert!(parse(&models).is_ok());
    models["@context"] = json!("dtmi:dtdl:context;2");
    assert!(listing(parse(&models)).contains("excluded-type"));
}

#[test]
fn version_four_is_refused_by_name() {
    let mut four = model("dtmi:x:A;1", json!([]));
    four["@context"] = json!("dtmi:dtdl:context;4");
    let listed = listing(parse(&four));
    assert!(listed.contains("version 4 of the language is not supported"), "{listed}");
}

#[test]
fn spans_point_at_the_offending_text() {
    let text = r#"{"@context": "dtmi:dtdl:context;3", "@id": "dtmi:x:A;1", "@type": "Interface",
        "contents": [{"@type": "Property", "name": "a-b", "schema": "strin"}]}"#;
    let problems = Models::parse(Rules::Adt, &[Document::from_text(text).expect("it is JSON")]).unwrap_err();
    let spans: Vec<_> = problems.iter().map(|problem| (problem.rule, &text[problem.span.clone().unwrap()])).collect();
    assert_eq!(spans, [("string-invalid", "\"a-b\""), ("bad-dtmi-or-term", "\"strin\"")]);
}

#[test]
fn a_set_answers_with_what_is_inherited() {
    let models = house();
    let names = |id| models.contents(id).map(Content::name).collect::<Vec<_>>();
    assert_eq!(names("dtmi:x:Kitchen;1"), ["area", "leadsTo", "oven"]);
    assert_eq!(models.properties("dtmi:x:Kitchen;1").count(), 1);
    assert_eq!(models.telemetries("dtmi:x:Oven;1").count(), 1);
    assert!(models.is_a("dtmi:x:Kitchen;1", "dtmi:x:Room;1"));
    assert!(!models.is_a("dtmi:x:Room;1", "dtmi:x:Kitchen;1"));
    let relationship = models.relationships("dtmi:x:Kitchen;1").next().expect("there is one");
    assert_eq!(relationship.properties["width"].schema, Schema::Primitive(Primitive::Integer));
    let order: Vec<_> = models.dependency_order().into_iter().map(|interface| interface.id.as_str()).collect();
    assert_eq!(order, ["dtmi:x:Room;1", "dtmi:x:Oven;1", "dtmi:x:Kitchen;1"]);
}

#[test]
fn models_that_others_refer_to_stay() {
    let models = house();
    let held = models.without("dtmi:x:Oven;1").expect_err("the kitchen has it");
    assert_eq!(held.by[0].as_str(), "dtmi:x:Kitchen;1");
    let smaller = models.without("dtmi:x:Kitchen;1").expect("nobody refers to it");
    assert_eq!((models.len(), smaller.len()), (3, 2));
    assert!(smaller.without("dtmi:x:Oven;1").is_ok());
    assert!(smaller.without("dtmi:x:Nothing;1").is_ok());
}

#[test]
fn annotations_name_a_property_or_telemetry() {
    let contents = json!([
        {"@type": ["Property", "Temperature"], "name": "heat", "schema": "double", "unit": "kelvin"},
        {"@type": ["Property", "ValueAnnotation", "Override"], "name": "heatUnit", "annotates": "heat",
         "overrides": "unit", "schema": "TemperatureUnit"},
        {"@type": "Relationship", "name": "near"},
    ]);
    let mut annotated = model("dtmi:x:A;1", contents);
    annotated["@context"] = json!([
        "dtmi:dtdl:context;3",
        "dtmi:dtdl:extension:quantitativeTypes;1",
        "dtmi:dtdl:extension:annotation;2",
        "dtmi:dtdl:extension:overriding;2"
    ]);
    let models = parse(&annotated).expect("the annotation is valid");
    let unit = models.properties("dtmi:x:A;1").find(|property| property.name == "heatUnit").expect("it is there");
    assert!(dtdl::check_value(&unit.schema, &json!("kelvin")).is_ok());
    assert!(dtdl::check_value(&unit.schema, &json!("metre")).is_err());
    annotated["contents"][1]["annotates"] = json!("near");
    assert!(listing(parse(&annotated)).contains("not-sibling-required-type"));
}
