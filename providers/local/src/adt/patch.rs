//! JSON Patch as the service has it: add, replace, remove, with its own words for what cannot be done.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::call::Call;

/// One operation of a patch.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Operation {
    /// The path's segments, unescaped; never empty.
    pub(super) path: Vec<String>,
    pub(super) value: Edit,
}

/// What is done at the end of the path.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    Add(Value),
    Replace(Value),
    Remove,
}

/// Reads a patch; an empty one is fine.
pub(super) fn read(call: &Call<'_>) -> Result<Vec<Operation>, Refusal> {
    let elements = match call.json()? {
        Some(Value::Array(elements)) => elements,
        _ if call.is_empty() => {
            return Err(Refusal::unbindable(vec![(String::new(), "A non-empty request body is required.".to_owned())]));
        }
        _ => return Err(unbindable("", "the body")),
    };
    if let Some((at, element)) = elements.iter().enumerate().find(|(_, element)| !element.is_object()) {
        return Err(unbindable(&format!("[{at}]"), &element.to_string()));
    }
    elements.into_iter().map(operation).collect()
}

fn unbindable(field: &str, what: &str) -> Refusal {
    let cannot = format!(
        "Error converting value {what} to type 'Microsoft.AspNetCore.JsonPatch.Operations.Operation'. Path '{field}'."
    );
    let required = "The jsonPatchDocument field is required.".to_owned();
    Refusal::unbindable(vec![(field.to_owned(), cannot), ("jsonPatchDocument".to_owned(), required)])
}

fn operation(mut element: Value) -> Result<Operation, Refusal> {
    let value = element.get_mut("value").map(Value::take);
    let value = || value.ok_or_else(|| Refusal::patch("Parameter value must not be empty."));
    let kind = element.get("op").and_then(Value::as_str).unwrap_or_default();
    let value = match kind {
        "" => return Err(Refusal::patch("Parameter op must not be empty.")),
        "add" => Edit::Add(value()?),
        "replace" => Edit::Replace(value()?),
        "remove" => Edit::Remove,
        other => return Err(Refusal::patch(format_args!("Unsupported operation type {other}."))),
    };
    match element.get("path").and_then(Value::as_str) {
        None | Some("") => Err(Refusal::patch("Parameter path must not be empty.")),
        Some(path) => Ok(Operation { path: segments(path)?, value }),
    }
}

fn segments(path: &str) -> Result<Vec<String>, Refusal> {
    let rest = path.strip_prefix('/').ok_or_else(|| unresolved(path))?;
    Ok(rest.split('/').map(unescaped).collect())
}

fn unescaped(segment: &str) -> String {
    match segment.contains('~') {
        true => segment.replace("~1", "/").replace("~0", "~"),
        false => segment.to_owned(),
    }
}

/// Refuses a path whose parent is not there.
pub(super) fn unresolved(path: &str) -> Refusal {
    Refusal::patch(format_args!("Could not resolve path {path}."))
}

/// Refuses to remove or replace what is not there.
pub(super) fn absent(segment: &str) -> Refusal {
    Refusal::patch(format_args!("The target location specified by path segment '{segment}' was not found."))
}

/// Edits the properties of a twin, component or relationship; `path` starts with the property's name.
pub(super) fn edit(properties: &mut Map<String, Value>, path: &[String], edit: &Edit) -> Result<(), Refusal> {
    let whole = || format!("/{}", path.join("/"));
    let (name, rest) = path.split_first().ok_or_else(|| unresolved("/"))?;
    let Some((leaf, between)) = rest.split_last() else { return edit_property(properties, name, edit) };
    let mut parent = properties.get_mut(name).ok_or_else(|| unresolved(&whole()))?;
    for segment in between {
        parent = child(parent, segment).ok_or_else(|| unresolved(&whole()))?;
    }
    match parent {
        Value::Object(members) => edit_member(members, leaf, edit),
        Value::Array(elements) => edit_element(elements, leaf, edit),
        _ => Err(unresolved(&whole())),
    }
}

/// A property that was never set can be added but not replaced, although the model has it.
fn edit_property(properties: &mut Map<String, Value>, name: &str, edit: &Edit) -> Result<(), Refusal> {
    if matches!(edit, Edit::Replace(_)) && !properties.contains_key(name) {
        return Err(Refusal::patch(format_args!("{name} does not exist on component.")));
    }
    edit_member(properties, name, edit)
}

fn edit_member(members: &mut Map<String, Value>, name: &str, edit: &Edit) -> Result<(), Refusal> {
    match edit {
        Edit::Add(value) => drop(members.insert(name.to_owned(), value.clone())),
        Edit::Replace(value) => *members.get_mut(name).ok_or_else(|| absent(name))? = value.clone(),
        Edit::Remove => drop(members.remove(name).ok_or_else(|| absent(name))?),
    }
    Ok(())
}

fn edit_element(elements: &mut Vec<Value>, segment: &str, edit: &Edit) -> Result<(), Refusal> {
    let at = if segment == "-" { Some(elements.len()) } else { segment.parse::<usize>().ok() };
    let at = at.ok_or_else(|| absent(segment))?;
    match edit {
        Edit::Add(value) if at <= elements.len() => elements.insert(at, value.clone()),
        Edit::Replace(value) if at < elements.len() => elements[at] = value.clone(),
        Edit::Remove if at < elements.len() => drop(elements.remove(at)),
        _ => return Err(absent(segment)),
    }
    Ok(())
}

fn child<'a>(parent: &'a mut Value, segment: &str) -> Option<&'a mut Value> {
    match parent {
        Value::Object(members) => members.get_mut(segment),
        Value::Array(elements) => elements.get_mut(segment.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn edited(before: Value, element: Value) -> Result<Value, &'static str> {
        let Value::Object(mut properties) = before else { panic!("an object") };
        let operation = operation(element).map_err(|refusal| refusal.code())?;
        edit(&mut properties, &operation.path, &operation.value).map_err(|refusal| refusal.code())?;
        Ok(Value::Object(properties))
    }

    #[test]
    fn add_sets_and_overwrites_while_replace_needs_a_value() {
        let add = json!({"op": "add", "path": "/a", "value": 2});
        assert_eq!(edited(json!({}), add.clone()), Ok(json!({"a": 2})));
        assert_eq!(edited(json!({"a": 1}), add), Ok(json!({"a": 2})));
        let replace = json!({"op": "replace", "path": "/a", "value": 2});
        assert_eq!(edited(json!({"a": 1}), replace.clone()), Ok(json!({"a": 2})));
        assert_eq!(edited(json!({}), replace), Err("JsonPatchInvalid"));
    }

    #[test]
    fn parts_of_an_unset_object_cannot_be_added() {
        let add = json!({"op": "add", "path": "/o/x", "value": 1});
        assert_eq!(edited(json!({}), add.clone()), Err("JsonPatchInvalid"));
        assert_eq!(edited(json!({"o": {}}), add), Ok(json!({"o": {"x": 1}})));
        let remove = json!({"op": "remove", "path": "/o/~1"});
        assert_eq!(edited(json!({"o": {"/": 1}}), remove), Ok(json!({"o": {}})));
    }

    #[test]
    fn arrays_are_edited_by_place() {
        let at = |path: &str| json!({"op": "add", "path": path, "value": 9});
        assert_eq!(edited(json!({"l": [1, 2]}), at("/l/1")), Ok(json!({"l": [1, 9, 2]})));
        assert_eq!(edited(json!({"l": [1, 2]}), at("/l/-")), Ok(json!({"l": [1, 2, 9]})));
        assert_eq!(edited(json!({"l": [1, 2]}), at("/l/3")), Err("JsonPatchInvalid"));
    }

    #[test]
    fn other_operations_are_refused() {
        for element in [json!({}), json!({"op": "move", "path": "/a"}), json!({"op": "add", "path": "/a"})] {
            assert_eq!(edited(json!({"a": 1}), element), Err("JsonPatchInvalid"));
        }
    }
}
