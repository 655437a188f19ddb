//! Partition keys: what a container's definition asks for, what items hold, what requests name.

use serde_json::{Value, json};

use super::container::Partition;
use super::refusal::Refusal;

/// The paths of a container's partition key, each as names from the item down.
pub(super) type Paths = Vec<Vec<String>>;

/// The paths that a container's definition names.
pub(super) fn paths(definition: &Value) -> Paths {
    let paths = definition["partitionKey"]["paths"].as_array().into_iter().flatten().filter_map(Value::as_str);
    paths.map(|path| path.split('/').skip(1).map(|name| name.trim_matches('"').to_owned()).collect()).collect()
}

/// The partition that an item belongs to.
pub(super) fn of_item(item: &Value, paths: &Paths) -> Partition {
    let value = |path: &Vec<String>| path.iter().try_fold(item, |at, name| at.get(name)).cloned();
    canonical(paths.iter().map(value))
}

/// The partition that values name, one per path.
pub(super) fn of_values(values: Vec<Value>) -> Partition {
    canonical(values.into_iter().map(Some))
}

/// The partition that a request's header names; `[{}]` stands for items without a key.
pub(super) fn of_header(header: &str, paths: &Paths) -> Result<Partition, Refusal> {
    match serde_json::from_str(header) {
        Ok(Value::Array(values)) if values.len() == paths.len() => Ok(of_values(values)),
        Ok(Value::Array(_)) => {
            let message = "Partition key provided either doesn't correspond to definition in the collection or doesn't match partition key field values specified in the document.";
            Err(Refusal::bad_request(message).sub(1001))
        }
        _ => Err(Refusal::bad_request(format!("Partition key {header} is invalid."))),
    }
}

/// Numbers are equal whatever they are written like; what is no plain value is as if it were not there.
fn canonical(values: impl Iterator<Item = Option<Value>>) -> Partition {
    let plain = |value: Option<Value>| match value {
        Some(Value::Number(number)) => json!(number.as_f64()),
        Some(value @ (Value::Null | Value::Bool(_) | Value::String(_))) => value,
        _ => json!({}),
    };
    Value::Array(values.map(plain).collect()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_and_headers_name_the_same_partitions() {
        let plain = paths(&json!({ "partitionKey": { "paths": ["/device/\"the id\""] } }));
        let cases = [
            (json!({ "device": { "the id": "m" } }), "[\"m\"]"),
            (json!({ "device": { "the id": 1 } }), "[1.0]"),
            (json!({ "device": { "the id": null } }), "[null]"),
            (json!({ "device": 7 }), "[{}]"),
            (json!({}), "[{}]"),
        ];
        for (item, header) in cases {
            assert_eq!(of_header(header, &plain).expect("a key"), of_item(&item, &plain), "{header}");
        }
        assert_ne!(of_header("[null]", &plain).expect("a key"), of_header("[{}]", &plain).expect("a key"));
        for wrong in ["[]", "[1,2]", "1", "nonsense"] {
            assert_eq!(of_header(wrong, &plain).expect_err(wrong).status, 400);
        }
    }
}
