//! Sets of models at the limits of the language, and one step beyond.

use fastrand::Rng;
use serde_json::{Value, json};

/// A set of models at one of the limits.
pub(crate) fn models(random: &mut Rng) -> Vec<Value> {
    let version = random.u8(2..=3);
    let limits: [fn(&mut Rng, u8) -> Vec<Value>; 13] = [
        chain,
        ring,
        wide,
        diamond,
        clash,
        many_contents,
        inherited_contents,
        many_values,
        many_fields,
        many_properties,
        nested_schema,
        recursive_schema,
        components,
    ];
    limits[random.usize(0..limits.len())](random, version)
}

/// One more or less than a limit, or the limit.
fn about(random: &mut Rng, limit: usize) -> usize {
    limit - 1 + random.usize(0..=2)
}

fn id(number: usize) -> String {
    format!("dtmi:gen:l{number};1")
}

fn interface(version: u8, number: usize, members: Value) -> Value {
    let mut model =
        json!({"@context": format!("dtmi:dtdl:context;{version}"), "@id": id(number), "@type": "Interface"});
    if let (Value::Object(model), Value::Object(members)) = (&mut model, members) {
        model.extend(members);
    }
    model
}

/// Interfaces of which each extends the next.
fn chain(random: &mut Rng, version: u8) -> Vec<Value> {
    let length = about(random, 11);
    let link = |number| match number + 1 == length {
        true => interface(version, number, json!({})),
        false => interface(version, number, json!({"extends": id(number + 1)})),
    };
    (0..length).map(link).collect()
}

/// Interfaces that extend themselves at last.
fn ring(random: &mut Rng, version: u8) -> Vec<Value> {
    let length = random.usize(1..=12);
    (0..length).map(|number| interface(version, number, json!({"extends": [id((number + 1) % length)]}))).collect()
}

/// An interface that extends many at once.
fn wide(random: &mut Rng, version: u8) -> Vec<Value> {
    let limit = if version == 2 || random.bool() { 2 } else { 1024 };
    let count = about(random, limit);
    let parents: Vec<_> = (1..=count).map(id).collect();
    let mut models = vec![interface(version, 0, json!({"extends": parents}))];
    models.extend((1..=count).map(|number| interface(version, number, json!({}))));
    models
}

/// An interface that inherits the same content on two ways, and perhaps twice from one interface.
fn diamond(random: &mut Rng, version: u8) -> Vec<Value> {
    let top = json!({"contents": [{"@type": "Property", "name": "x", "schema": "double"}]});
    let parents = [[id(1), id(2)], [id(1), id(3)], [id(3), id(3)]][random.usize(0..3)].clone();
    vec![
        interface(version, 0, json!({"extends": parents})),
        interface(version, 1, json!({"extends": id(3)})),
        interface(version, 2, json!({"extends": id(3)})),
        interface(version.min(random.u8(2..=3)), 3, top),
    ]
}

/// Two interfaces with a content of the same name, of which one extends the other, or a third one both.
fn clash(random: &mut Rng, version: u8) -> Vec<Value> {
    let classes = ["Property", "Telemetry"];
    let content = |class: &str| json!([{"@type": class, "name": "x", "schema": "double"}]);
    let [first, second] = [classes[random.usize(0..2)], classes[random.usize(0..2)]];
    let mut models = vec![
        interface(version, 1, json!({"contents": content(first)})),
        interface(version, 2, json!({"contents": content(second)})),
    ];
    if random.bool() {
        models.push(interface(version, 0, json!({"extends": [id(1), id(2)]})));
    } else {
        models[0]["extends"] = json!(id(2));
    }
    models
}

fn telemetries(count: usize, prefix: &str) -> Value {
    (0..count)
        .map(|number| json!({"@type": "Telemetry", "name": format!("{prefix}{number}"), "schema": "double"}))
        .collect()
}

fn many_contents(random: &mut Rng, version: u8) -> Vec<Value> {
    let count = about(random, 300);
    vec![interface(version, 0, json!({"contents": telemetries(count, "t")}))]
}

fn inherited_contents(random: &mut Rng, version: u8) -> Vec<Value> {
    let own = random.usize(1..150);
    let inherited = about(random, 300) - own;
    vec![
        interface(version, 0, json!({"extends": id(1), "contents": telemetries(own, "t")})),
        interface(version, 1, json!({"contents": telemetries(inherited, "u")})),
    ]
}

fn with_schema(version: u8, schema: &Value) -> Vec<Value> {
    vec![interface(version, 0, json!({"contents": [{"@type": "Telemetry", "name": "t", "schema": schema}]}))]
}

fn many_values(random: &mut Rng, version: u8) -> Vec<Value> {
    let limit = if random.bool() { 1 } else { 100 };
    let count = about(random, limit);
    let values: Vec<_> = (0..count).map(|number| json!({"name": format!("v{number}"), "enumValue": number})).collect();
    with_schema(version, &json!({"@type": "Enum", "valueSchema": "integer", "enumValues": values}))
}

fn many_fields(random: &mut Rng, version: u8) -> Vec<Value> {
    let limit = if random.bool() { 1 } else { 30 };
    let count = about(random, limit);
    let fields: Vec<_> = (0..count).map(|number| json!({"name": format!("f{number}"), "schema": "double"})).collect();
    with_schema(version, &json!({"@type": "Object", "fields": fields}))
}

fn many_properties(random: &mut Rng, version: u8) -> Vec<Value> {
    let count = about(random, 300);
    let property = |number| json!({"@type": "Property", "name": format!("p{number}"), "schema": "double"});
    let properties: Vec<_> = (0..count).map(property).collect();
    let relationship = json!({"@type": "Relationship", "name": "r", "properties": properties});
    vec![interface(version, 0, json!({"contents": [relationship]}))]
}

/// A schema inside others, about as deep as it may be.
fn nested_schema(random: &mut Rng, version: u8) -> Vec<Value> {
    let (primitive, levels) = [("double", 5), ("point", 3), ("polygon", 1), ("multiPoint", 2)][random.usize(0..4)];
    let mut schema = json!(primitive);
    for _ in 0..about(random, levels) {
        schema = match random.u8(0..3) {
            0 => json!({"@type": "Array", "elementSchema": schema}),
            1 => json!({"@type": "Object", "fields": [{"name": "f", "schema": schema}]}),
            _ => json!({"@type": "Map", "mapKey": {"name": "k", "schema": "string"},
                "mapValue": {"name": "v", "schema": schema}}),
        };
    }
    match random.u8(0..3) {
        0 => with_schema(version, &schema),
        1 => vec![interface(
            version,
            0,
            json!({"contents": [
            {"@type": "Command", "name": "c", "request": {"name": "r", "schema": schema}}]}),
        )],
        _ => vec![interface(
            version,
            0,
            json!({"contents": [{"@type": "Relationship", "name": "r", "properties": [
            {"@type": "Property", "name": "p", "schema": schema}]}]}),
        )],
    }
}

/// Schemas that refer to one another, perhaps in a circle.
fn recursive_schema(random: &mut Rng, version: u8) -> Vec<Value> {
    let count = random.usize(1..=4);
    let schema = |number: usize| {
        let next = if number + 1 < count { number + 1 } else { random.usize(0..=count) };
        let next = if next == count { json!("double") } else { json!(format!("dtmi:gen:l0:s{next};1")) };
        json!({"@id": format!("dtmi:gen:l0:s{number};1"), "@type": "Array", "elementSchema": next})
    };
    let schemas: Vec<_> = (0..count).map(schema).collect();
    vec![interface(version, 0, json!({"schemas": schemas}))]
}

/// Components of components, of what has them by inheritance, and in circles.
fn components(random: &mut Rng, version: u8) -> Vec<Value> {
    let count = random.usize(1..=4);
    (0..count)
        .map(|number| {
            let other = id(random.usize(0..=count));
            match random.u8(0..4) {
                0 => interface(version, number, json!({"extends": other})),
                1 => interface(version, number, json!({})),
                2 => interface(
                    version,
                    number,
                    json!({"contents": [
                    {"@type": "Component", "name": format!("c{number}"), "schema": {
                        "@id": format!("dtmi:gen:i{number};1"), "@type": "Interface"}}]}),
                ),
                _ => interface(
                    version,
                    number,
                    json!({"contents": [
                    {"@type": "Component", "name": format!("c{number}"), "schema": other}]}),
                ),
            }
        })
        .chain([interface(version, count, json!({}))])
        .collect()
}
