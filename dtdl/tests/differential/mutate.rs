//! Small changes that make valid models nearly valid.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::case::{AGAIN, pointers};
use crate::generate::PRIMITIVES;

/// Words of the language, and some that are none, to stand where others stood.
const WORDS: [&str; 72] = [
    "Interface",
    "Property",
    "Telemetry",
    "Relationship",
    "Component",
    "Command",
    "CommandPayload",
    "CommandRequest",
    "CommandResponse",
    "Array",
    "Enum",
    "EnumValue",
    "Map",
    "MapKey",
    "MapValue",
    "Object",
    "Field",
    "Entity",
    "Schema",
    "Double",
    "Uuid",
    "CommandType",
    "Reference",
    "AdjunctType",
    "Unit",
    "SemanticType",
    "QuantitativeType",
    "Temperature",
    "Concentration",
    "ValueAnnotation",
    "Override",
    "Historized",
    "TemperatureUnit",
    "degreeCelsius",
    "kilometre",
    "unit",
    "string",
    "integer",
    "double",
    "point",
    "synchronous",
    "bytes",
    "uuid",
    "vector",
    "dtmi:gen:m0;1",
    "dtmi:gen:m1;1",
    "dtmi:gen:m0:s0;1",
    "dtmi:gen:m1:s0;1",
    "dtmi:gen:none;1",
    "dtmi:gen:A",
    "dtmi:gen:A;1.2",
    "dtmi:gen:A;0",
    "dtmi:gen:A;01",
    "dtmi:gen:A;1234567890",
    "dtmi:gen:A;1.1234567",
    "dtmi:gen:a_;1",
    "dtmi:gen:_a;1",
    "dtmi:gen:1a;1",
    "dtmi:gen:a-b;1",
    "dtmi:gen::a;1",
    "dtmi:;1",
    "DTMI:gen:a;1",
    "dtmi:gen:a;1#x",
    "dtmi:dtdl:A;1",
    "dtmi:standard:A;1",
    "dtmi:dtdl:instance:Schema:double;2",
    "dtmi:dtdl:instance:Schema:double;3",
    "dtmi:standard:schema:geospatial:point;3",
    "dtmi:dtdl:class:Property;3",
    "http://example.com/x",
    "nothing",
    "",
];

const KEYS: [&str; 46] = [
    "@id",
    "@type",
    "@context",
    "@value",
    "@language",
    "@graph",
    "@list",
    "@nothing",
    "displayName",
    "description",
    "comment",
    "contents",
    "extends",
    "schemas",
    "name",
    "schema",
    "writable",
    "maxMultiplicity",
    "minMultiplicity",
    "target",
    "properties",
    "request",
    "response",
    "commandType",
    "elementSchema",
    "valueSchema",
    "enumValues",
    "enumValue",
    "mapKey",
    "mapValue",
    "fields",
    "unit",
    "annotates",
    "overrides",
    "languageMajorVersion",
    "symbol",
    "colour",
    "",
    "dtmi:dtdl:property:name;2",
    "dtmi:dtdl:property:name;3",
    "dtmi:dtdl:property:comment;3",
    "dtmi:gen:x;1",
    "dtmi:gen:a-b;1",
    "http://example.com/x",
    "xsd:string",
    "nullable",
];

const CONTEXTS: [&str; 18] = [
    "dtmi:dtdl:context;2",
    "dtmi:dtdl:context;3",
    "dtmi:dtdl:context;1",
    "dtmi:dtdl:context;5",
    "dtmi:dtdl:context;x",
    "dtmi:dtdl:context",
    "dtmi:dtdl:extension:quantitativeTypes;1",
    "dtmi:dtdl:extension:annotation;1",
    "dtmi:dtdl:extension:annotation;2",
    "dtmi:dtdl:extension:overriding;1",
    "dtmi:dtdl:extension:historization;1",
    "dtmi:dtdl:extension:historization;9",
    "dtmi:dtdl:extension:quantitativeTypes",
    "dtmi:gen:context;1",
    "dtmi:gen:context",
    "dtmi:gen:a-b;1",
    "http://example.com/context",
    "",
];

/// The change of one case; its name says what it did.
type Mutation = fn(&mut Rng, &mut Value) -> Option<&'static str>;

const MUTATIONS: [Mutation; 20] = [
    remove_member,
    wrong_type,
    wrong_type,
    rename_member,
    repeat_member,
    another_word,
    another_word,
    another_word,
    add_member,
    add_member,
    wrap,
    repeat_element,
    swap,
    long_name,
    long_text,
    long_id,
    add_type,
    change_context,
    change_context,
    value_object,
];

/// Changes a set of models in one place; the name of what was done.
pub(crate) fn mutate(random: &mut Rng, models: &mut Value) -> &'static str {
    for _ in 0..20 {
        let mutation = MUTATIONS[random.usize(0..MUTATIONS.len())];
        if let Some(name) = mutation(random, models) {
            return name;
        }
    }
    "nothing"
}

fn one<T: Copy>(random: &mut Rng, values: &[T]) -> T {
    values[random.usize(0..values.len())]
}

/// A place in the models that holds what is wanted.
fn place<'v>(random: &mut Rng, models: &'v mut Value, wanted: fn(&str, &Value) -> bool) -> Option<&'v mut Value> {
    let places = pointers(models);
    let fitting: Vec<_> = places
        .into_iter()
        .filter(|place| {
            models.pointer(place).is_some_and(|value| wanted(place.rsplit('/').next().unwrap_or(""), value))
        })
        .collect();
    let chosen = fitting.get(random.usize(0..fitting.len().max(1)))?;
    models.pointer_mut(chosen)
}

fn is_object(_: &str, value: &Value) -> bool {
    value.as_object().is_some_and(|members| !members.is_empty())
}

fn key_of(random: &mut Rng, value: &Value) -> Option<String> {
    let keys: Vec<_> = value.as_object()?.keys().cloned().collect();
    keys.get(random.usize(0..keys.len().max(1))).cloned()
}

fn anything(random: &mut Rng) -> Value {
    match random.u8(0..16) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(one(random, &[0_i64, 1, -1, 7, 501, 2_147_483_647, 2_147_483_648])),
        3 => json!(one(random, &[1.5, 1.0, 1e300])),
        4 => json!([]),
        5 => json!({}),
        6 => json!({"@type": "Property", "name": "added", "schema": "double"}),
        7 => json!({"@type": "Object", "fields": [{"name": "f", "schema": "double"}]}),
        8 => json!({"@id": "dtmi:gen:m0;1"}),
        9 => json!([one(random, &WORDS), one(random, &WORDS)]),
        10 => json!({"en": "x", "english": "y"}),
        11 => json!(one(random, &PRIMITIVES)),
        _ => json!(one(random, &WORDS)),
    }
}

fn remove_member(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, is_object)?;
    let key = key_of(random, object)?;
    object.as_object_mut()?.remove(&key);
    Some("a member was removed")
}

fn wrong_type(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let value = place(random, models, |_, _| true)?;
    *value = anything(random);
    Some("a value was replaced")
}

fn rename_member(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, is_object)?;
    let key = key_of(random, object)?;
    let members = object.as_object_mut()?;
    let value = members.remove(&key)?;
    members.insert(one(random, &KEYS).to_owned(), value);
    Some("a member was renamed")
}

fn repeat_member(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, is_object)?;
    let key = key_of(random, object)?;
    let value = if random.bool() { object[&key].clone() } else { anything(random) };
    object.as_object_mut()?.insert(format!("{key}{AGAIN}"), value);
    Some("a member was repeated")
}

fn another_word(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let text = place(random, models, |_, value| value.is_string())?;
    *text = json!(one(random, &WORDS));
    Some("a text was replaced")
}

fn add_member(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let copied = place(random, models, |_, _| true)?.clone();
    let value = if random.bool() { copied } else { anything(random) };
    let object = place(random, models, |_, value| value.is_object())?;
    object.as_object_mut()?.insert(one(random, &KEYS).to_owned(), value);
    Some("a member was added")
}

fn wrap(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let value = place(random, models, |key, _| !key.is_empty())?;
    match value {
        Value::Array(values) if values.len() == 1 => *value = values.remove(0),
        _ => *value = json!([value.take()]),
    }
    Some("a value was wrapped in an array, or taken out of one")
}

fn repeat_element(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let array = place(random, models, |_, value| value.as_array().is_some_and(|values| !values.is_empty()))?;
    let values = array.as_array_mut()?;
    values.push(values[random.usize(0..values.len())].clone());
    Some("an element was repeated")
}

fn swap(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let copied = place(random, models, |key, _| !key.is_empty())?.clone();
    *place(random, models, |key, _| !key.is_empty())? = copied;
    Some("a value was put in another's place")
}

fn long_name(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let name = place(random, models, |key, value| key == "name" && value.is_string())?;
    let odd = one(random, &["_a", "a_", "a__b", "1a", "a-b", "ä", "a b", "A", "", "a\n"]);
    *name = match random.u8(0..6) {
        0 => json!("n".repeat(64)),
        1 => json!("n".repeat(65)),
        2 => json!("n".repeat(512)),
        3 => json!("n".repeat(513)),
        _ => json!(odd),
    };
    Some("a name was put to its limits")
}

fn long_text(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, |_, value| value.get("@type").is_some())?;
    let key = one(random, &["displayName", "description", "comment"]);
    let long = one(random, &["a", "ä", "𝄞"]).repeat(one(random, &[1, 32, 33, 64, 65, 256, 257, 512, 513]));
    let tag = one(random, &["en", "EN", "e", "english", "en-US", "en-us", "zh-Hant-TW", "es-419", "", "en-", "@value"]);
    let value = match random.u8(0..5) {
        0 | 1 => json!(long),
        2 => json!({"en": long, tag: "x"}),
        3 => json!([{"@value": long, "@language": tag}]),
        _ => json!({"@value": long, "@language": tag}),
    };
    object.as_object_mut()?.insert(key.to_owned(), value);
    Some("a text for people was put to its limits")
}

fn long_id(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, |_, value| value.get("@type").is_some())?;
    let length = one(random, &[100, 128, 129, 2048, 2049]);
    let id = match random.u8(0..3) {
        0 => one(random, &WORDS[44..]).to_owned(),
        _ => format!("dtmi:gen:{};1", "a".repeat(length - 11)),
    };
    object.as_object_mut()?.insert("@id".to_owned(), json!(id));
    Some("an identifier was put to its limits")
}

fn add_type(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let types = place(random, models, |key, value| key == "@type" && !value.is_object())?;
    let mut all = match types.take() {
        Value::Array(types) => types,
        other => vec![other],
    };
    all.push(json!(one(random, &WORDS)));
    *types = json!(all);
    Some("a type was added")
}

fn change_context(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let object = place(random, models, |_, value| value.get("@type").is_some())?;
    let members = object.as_object_mut()?;
    let mut contexts = match members.get("@context") {
        Some(Value::Array(contexts)) => contexts.clone(),
        Some(other) => vec![other.clone()],
        None => vec![],
    };
    let added = json!(one(random, &CONTEXTS));
    match random.u8(0..6) {
        0 => contexts.insert(0, added),
        1 => contexts = vec![added],
        2 if contexts.len() > 1 => contexts.reverse(),
        3 => contexts
            .push(one(random, &[json!({"x": "dtmi:gen:x;1"}), json!({}), json!(3), json!(null)].each_ref()).clone()),
        _ => contexts.push(added),
    }
    let context = if contexts.len() == 1 { contexts.remove(0) } else { json!(contexts) };
    members.insert("@context".to_owned(), context);
    Some("the context was changed")
}

fn value_object(random: &mut Rng, models: &mut Value) -> Option<&'static str> {
    let value = place(random, models, |key, value| !key.is_empty() && !value.is_object() && !value.is_array())?;
    let mut object = json!({"@value": value.take()});
    if random.bool() {
        let datatype = one(
            random,
            &["xsd:string", "xsd:integer", "xsd:boolean", "http://www.w3.org/2001/XMLSchema#string", "string"],
        );
        object["@type"] = json!(datatype);
    }
    *value = object;
    Some("a literal was written as a value object")
}
