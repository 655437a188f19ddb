//! What must change in Azure Digital Twins: pure comparisons of what we want with what it answers.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::document::GraphDocument;

/// The values of a twin by JSON Patch path: `/temperature`, `/motor/speed`; components by their own path too.
fn leaves(twin: &Value) -> BTreeMap<String, &Value> {
    let mut found = BTreeMap::new();
    for (name, value) in properties(twin) {
        match value.as_object().filter(|object| object.contains_key("$metadata")) {
            Some(component) => {
                let inner = component.iter().filter(|(name, _)| !name.starts_with('$'));
                found.extend(inner.map(|(inner, value)| (format!("/{name}/{inner}"), value)));
            }
            None => drop(found.insert(format!("/{name}"), value)),
        }
    }
    found
}

fn properties(twin: &Value) -> impl Iterator<Item = (&String, &Value)> {
    twin.as_object().into_iter().flatten().filter(|(name, _)| !name.starts_with('$'))
}

fn components(twin: &Value) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    properties(twin)
        .filter_map(|(name, value)| Some((name, value.as_object()?)))
        .filter(|(_, value)| value.contains_key("$metadata"))
}

fn model(twin: &Value) -> &Value {
    &twin["$metadata"]["$model"]
}

fn same(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Number(wanted), Value::Number(found)) => wanted.as_f64() == found.as_f64(),
        (Value::Object(wanted), Value::Object(found)) => {
            wanted.len() == found.len()
                && wanted.iter().all(|(key, value)| found.get(key).is_some_and(|f| same(value, f)))
        }
        (Value::Array(wanted), Value::Array(found)) => {
            wanted.len() == found.len() && wanted.iter().zip(found).all(|(wanted, found)| same(wanted, found))
        }
        _ => wanted == found,
    }
}

/// The JSON Patch that brings a found twin to the wanted document; empty when nothing is to be done.
///
/// What devices write is left alone once it is set, unless it has become another type of value. What an earlier document had, and this one has not, is removed.
pub(crate) fn patch(id: &str, wanted: &GraphDocument, earlier: &GraphDocument, found: &Value) -> Vec<Value> {
    let Some(twin) = wanted.twins.get(id) else { return Vec::new() };
    let mut operations = Vec::new();
    if model(twin) != model(found) {
        operations.push(json!({"op": "replace", "path": "/$metadata/$model", "value": model(twin)}));
    }
    let there = leaves(found);
    let left = components_that_left(id, twin, earlier, found);
    operations.extend(left.iter().map(|name| json!({"op": "remove", "path": format!("/{name}")})));
    let whole = missing_components(twin, found, &mut operations);
    for (path, value) in leaves(twin) {
        let in_new_component = whole.iter().any(|component| path.starts_with(component));
        let keeps =
            |found: &Value| wanted.is_live(id, &path) && std::mem::discriminant(found) == std::mem::discriminant(value);
        let settled = there.get(&path).is_some_and(|found| keeps(found) || same(value, found));
        if !in_new_component && !settled {
            operations.push(json!({"op": "add", "path": path, "value": value}));
        }
    }
    let taken = |path: &String| left.iter().any(|name| path.starts_with(&format!("/{name}/")));
    for path in gone(id, wanted, earlier).into_iter().filter(|path| there.contains_key(path) && !taken(path)) {
        operations.push(json!({"op": "remove", "path": path}));
    }
    operations
}

/// The components that the earlier document's twin had and this one has not: the model that it moves to has none.
fn components_that_left(id: &str, twin: &Value, earlier: &GraphDocument, found: &Value) -> Vec<String> {
    let before = earlier.twins.get(id).into_iter().flat_map(components);
    let left = before.filter(|(name, _)| twin.get(name.as_str()).is_none() && found.get(name.as_str()).is_some());
    left.map(|(name, _)| name.clone()).collect()
}

/// A sub-property of a component that is not there cannot be set: the component is added whole.
fn missing_components(twin: &Value, found: &Value, operations: &mut Vec<Value>) -> Vec<String> {
    let mut added = Vec::new();
    for (name, component) in components(twin).filter(|(name, _)| found.get(name.as_str()).is_none()) {
        operations.push(json!({"op": "add", "path": format!("/{name}"), "value": component}));
        added.push(format!("/{name}/"));
    }
    added
}

/// The paths that the earlier document had values for, or devices wrote to, and this one knows nothing of.
fn gone(id: &str, wanted: &GraphDocument, earlier: &GraphDocument) -> BTreeSet<String> {
    let known = |document: &GraphDocument| -> BTreeSet<String> {
        let own = document.twins.get(id).map(|twin| leaves(twin).into_keys().collect::<BTreeSet<_>>());
        let live = document.live.get(id).cloned();
        own.into_iter().chain(live).flatten().collect()
    };
    let kept = known(wanted);
    known(earlier).into_iter().filter(|path| !kept.contains(path)).collect()
}

/// Whether a found relationship is as wanted: target, name and every property, no more and no less.
pub(crate) fn same_relationship(wanted: &Value, found: &Value) -> bool {
    let system = |key: &str| matches!(key, "$relationshipId" | "$sourceId" | "$etag");
    let own = |value: &Value| -> BTreeMap<String, Value> {
        let members = value.as_object().into_iter().flatten().filter(|(key, _)| !system(key));
        members.map(|(key, value)| (key.clone(), value.clone())).collect()
    };
    let (wanted, found) = (own(wanted), own(found));
    wanted.len() == found.len() && wanted.iter().all(|(key, value)| found.get(key).is_some_and(|f| same(value, f)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(twin: Value, live: &[&str]) -> GraphDocument {
        GraphDocument {
            twins: [("t".to_owned(), twin)].into(),
            live: [("t".to_owned(), live.iter().map(|path| (*path).to_owned()).collect())].into(),
            ..GraphDocument::default()
        }
    }

    #[test]
    fn live_values_are_left_alone_and_static_ones_are_put_right() {
        let wanted = graph(json!({"$metadata": {"$model": "m"}, "temperature": 20, "name": "A"}), &["/temperature"]);
        let found = json!({"$metadata": {"$model": "m"}, "temperature": 31.5, "name": "B"});
        let patch = patch("t", &wanted, &GraphDocument::default(), &found);
        assert_eq!(patch, [json!({"op": "add", "path": "/name", "value": "A"})]);
    }

    #[test]
    fn a_live_value_that_was_never_set_gets_its_initial_value() {
        let wanted = graph(json!({"$metadata": {"$model": "m"}, "temperature": 20}), &["/temperature"]);
        let patch = patch("t", &wanted, &GraphDocument::default(), &json!({"$metadata": {"$model": "m"}}));
        assert_eq!(patch, [json!({"op": "add", "path": "/temperature", "value": 20})]);
    }

    #[test]
    fn what_left_the_document_is_removed_and_what_others_set_is_not() {
        let earlier = graph(json!({"$metadata": {"$model": "m"}, "old": 1}), &["/speed"]);
        let wanted = graph(json!({"$metadata": {"$model": "m"}}), &[]);
        let found = json!({"$metadata": {"$model": "m"}, "old": 1, "speed": 3, "foreign": true});
        let paths: Vec<Value> = patch("t", &wanted, &earlier, &found).iter().map(|op| op["path"].clone()).collect();
        assert_eq!(paths, [json!("/old"), json!("/speed")]);
    }

    #[test]
    fn a_model_change_comes_first_and_brings_its_components() {
        let wanted = graph(json!({"$metadata": {"$model": "m2"}, "motor": {"$metadata": {}, "speed": 1}}), &[]);
        let operations = patch("t", &wanted, &GraphDocument::default(), &json!({"$metadata": {"$model": "m1"}}));
        assert_eq!(operations[0]["path"], "/$metadata/$model");
        assert_eq!(operations[1], json!({"op": "add", "path": "/motor", "value": {"$metadata": {}, "speed": 1}}));
        assert_eq!(operations.len(), 2);
    }

    #[test]
    fn a_component_that_the_new_model_has_not_goes_whole() {
        let earlier =
            graph(json!({"$metadata": {"$model": "m1"}, "motor": {"$metadata": {}, "speed": 1}}), &["/motor/speed"]);
        let wanted = graph(json!({"$metadata": {"$model": "m2"}}), &[]);
        let found = json!({"$metadata": {"$model": "m1"}, "motor": {"$metadata": {}, "speed": 7}});
        let operations = patch("t", &wanted, &earlier, &found);
        assert_eq!(operations[1..], [json!({"op": "remove", "path": "/motor"})]);
    }

    #[test]
    fn a_live_value_of_another_type_starts_anew() {
        let wanted = graph(json!({"$metadata": {"$model": "m2"}, "state": "idle"}), &["/state"]);
        let found = json!({"$metadata": {"$model": "m1"}, "state": 3});
        let operations = patch("t", &wanted, &GraphDocument::default(), &found);
        assert_eq!(operations[1..], [json!({"op": "add", "path": "/state", "value": "idle"})]);
    }

    #[test]
    fn relationships_differ_in_target_name_and_properties() {
        let wanted = json!({"$targetId": "a", "$relationshipName": "has", "since": 2});
        let found = json!({"$targetId": "a", "$relationshipName": "has", "since": 2.0, "$etag": "x", "$sourceId": "s", "$relationshipId": "r"});
        assert!(same_relationship(&wanted, &found));
        assert!(!same_relationship(&json!({"$targetId": "b", "$relationshipName": "has", "since": 2}), &found));
        assert!(!same_relationship(&json!({"$targetId": "a", "$relationshipName": "has"}), &found));
    }
}
