//! Partial updates of one item.

use std::sync::PoisonError;

use serde_json::{Map, Value, json};

use super::items::{Target, check_etag};
use super::refusal::Refusal;
use super::{Call, partition, sql, write};
use crate::answer::Answer;
use crate::query;

/// Most operations in one request.
const MOST: usize = 10;

/// `PATCH docs/{id}`.
pub(super) fn serve(call: &Call<'_>, target: &Target, id: &str) -> Result<Answer, Refusal> {
    let request = query::json(call.request).unwrap_or_default();
    let operations = request["operations"].as_array().or(request.as_array()).cloned().unwrap_or_default();
    if operations.is_empty() || operations.len() > MOST {
        return Err(Refusal::bad_request(format!("A patch needs 1 to {MOST} operations.")));
    }
    let partition = target.partition(call)?;
    let container = target.container(call)?;
    let mut container = container.write().unwrap_or_else(PoisonError::into_inner);
    let (number, found) = container.find(&partition, id, target.age(call)).ok_or_else(Refusal::not_found)?;
    check_etag(call, found)?;
    let mut item = found.document();
    if let Some(condition) = request["condition"].as_str() {
        let condition = sql::parse(&format!("SELECT * {condition}"), &Map::new())?;
        condition.row(item.clone()).ok_or_else(Refusal::precondition)?;
    }
    for operation in &operations {
        apply(&mut item, operation)?;
    }
    if write::check(&item)? != id || partition::of_item(&item, &target.paths) != partition {
        return Err(Refusal::bad_request("The id and the partition key of an item cannot be patched."));
    }
    write::store(call, target, &mut container, (partition, number), item, (200, "PatchItem"))
}

fn apply(item: &mut Value, operation: &Value) -> Result<(), Refusal> {
    let kind = operation["op"].as_str().unwrap_or_default();
    let path = operation["path"].as_str().unwrap_or_default();
    if path.starts_with("/_") {
        return Err(wrong(path, "is a system property"));
    }
    let value = || operation.get("value").cloned().ok_or_else(|| wrong(path, "is given no value"));
    match kind {
        "add" | "set" => put(item, path, value()?, kind == "add"),
        "replace" => {
            *item.pointer_mut(path).ok_or_else(|| wrong(path, "is not there"))? = value()?;
            Ok(())
        }
        "remove" => take(item, path).map(|_| ()),
        "incr" | "increment" => increment(item, path, &value()?),
        "move" => {
            let from = operation["from"].as_str().unwrap_or_default();
            let moved = take(item, from)?;
            put(item, path, moved, true)
        }
        other => Err(Refusal::bad_request(format!("The patch operation '{other}' is not known."))),
    }
}

fn wrong(path: &str, why: &str) -> Refusal {
    Refusal::bad_request(format!("For the patch's path '{path}': it {why}."))
}

/// What holds the last part of a path, and that part.
fn parent<'a>(item: &'a mut Value, path: &str) -> Result<(&'a mut Value, String), Refusal> {
    let (above, name) = path.rsplit_once('/').ok_or_else(|| wrong(path, "does not begin with '/'"))?;
    let holder = item.pointer_mut(above).ok_or_else(|| wrong(path, "lies in something that is not there"))?;
    Ok((holder, name.replace("~1", "/").replace("~0", "~")))
}

/// Puts a value at a path; into an array it is inserted or, when it is set, laid over what is there.
fn put(item: &mut Value, path: &str, value: Value, inserts: bool) -> Result<(), Refusal> {
    let (holder, name) = parent(item, path)?;
    match holder {
        Value::Object(members) => {
            members.insert(name, value);
        }
        Value::Array(items) if name == "-" => items.push(value),
        Value::Array(items) => match name.parse::<usize>() {
            Ok(at) if inserts && at <= items.len() => items.insert(at, value),
            Ok(at) if !inserts && at < items.len() => items[at] = value,
            _ => return Err(wrong(path, "is no place in the array")),
        },
        _ => return Err(wrong(path, "lies in something that holds nothing")),
    }
    Ok(())
}

fn take(item: &mut Value, path: &str) -> Result<Value, Refusal> {
    let (holder, name) = parent(item, path)?;
    let taken = match holder {
        Value::Object(members) => members.remove(&name),
        Value::Array(items) => name.parse::<usize>().ok().filter(|at| *at < items.len()).map(|at| items.remove(at)),
        _ => None,
    };
    taken.ok_or_else(|| wrong(path, "is not there"))
}

fn increment(item: &mut Value, path: &str, by: &Value) -> Result<(), Refusal> {
    let Some(here) = item.pointer_mut(path) else { return put(item, path, by.clone(), false) };
    let sum = match (here.as_i64(), by.as_i64(), here.as_f64(), by.as_f64()) {
        (Some(here), Some(by), ..) if here.checked_add(by).is_some() => json!(here + by),
        (.., Some(here), Some(by)) => json!(here + by),
        _ => return Err(wrong(path, "is no number")),
    };
    *here = sum;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_change_an_item_in_order() {
        let mut item = json!({ "id": "1", "a": { "n": 1 }, "list": [1, 3] });
        for operation in [
            json!({ "op": "add", "path": "/list/1", "value": 2 }),
            json!({ "op": "add", "path": "/list/-", "value": 4 }),
            json!({ "op": "set", "path": "/a/new", "value": null }),
            json!({ "op": "replace", "path": "/list/0", "value": 0 }),
            json!({ "op": "incr", "path": "/a/n", "value": 2 }),
            json!({ "op": "incr", "path": "/a/fresh", "value": 0.5 }),
            json!({ "op": "remove", "path": "/list/3" }),
            json!({ "op": "move", "from": "/a/n", "path": "/m" }),
        ] {
            apply(&mut item, &operation).unwrap_or_else(|error| panic!("{operation}: {error:?}"));
        }
        assert_eq!(item, json!({ "id": "1", "a": { "new": null, "fresh": 0.5 }, "list": [0, 2, 3], "m": 3 }));
    }

    #[test]
    fn operations_that_make_no_sense_are_refused() {
        for operation in [
            json!({ "op": "replace", "path": "/missing", "value": 1 }),
            json!({ "op": "remove", "path": "/missing" }),
            json!({ "op": "add", "path": "/missing/deep", "value": 1 }),
            json!({ "op": "add", "path": "/list/9", "value": 1 }),
            json!({ "op": "incr", "path": "/id", "value": 1 }),
            json!({ "op": "set", "path": "/_ts", "value": 1 }),
            json!({ "op": "set", "path": "/a" }),
            json!({ "op": "twist", "path": "/a", "value": 1 }),
        ] {
            let mut item = json!({ "id": "1", "list": [] });
            assert_eq!(apply(&mut item, &operation).expect_err("refused").status, 400, "{operation}");
        }
    }
}
