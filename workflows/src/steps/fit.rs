//! How a document that we want compares with what a cloud answers.
//!
//! Clouds fill in defaults and read-only members, so the comparison is one-sided: every member that we want must be
//! there with our value; what we say nothing about is not ours to judge.

use serde_json::{Map, Value};

/// The paths (JSON Pointer) at which `found` is not what `wanted` says; empty when it fits.
pub(crate) fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare(wanted, found, &mut String::new(), &mut paths);
    paths
}

fn compare(wanted: &Value, found: &Value, path: &mut String, paths: &mut Vec<String>) {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => compare_objects(wanted, found, path, paths),
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                descend(path, &index.to_string(), |path| compare(wanted, found, path, paths));
            }
        }
        _ if same_scalar(wanted, found, path) => {}
        _ => paths.push(path.clone()),
    }
}

fn compare_objects(
    wanted: &Map<String, Value>,
    found: &Map<String, Value>,
    path: &mut String,
    paths: &mut Vec<String>,
) {
    for (key, wanted) in wanted {
        let found = member(found, key).unwrap_or(&Value::Null);
        descend(path, key, |path| compare(wanted, found, path, paths));
    }
}

/// Resource ids are keys too (user-assigned identities), and Azure changes their case at will.
fn member<'a>(object: &'a Map<String, Value>, key: &str) -> Option<&'a Value> {
    object.get(key).or_else(|| {
        let is_id = key.starts_with('/');
        object.iter().find(|(name, _)| is_id && name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    })
}

fn descend(path: &mut String, key: &str, then: impl FnOnce(&mut String)) {
    let length = path.len();
    path.push('/');
    path.push_str(&key.replace('~', "~0").replace('/', "~1"));
    then(path);
    path.truncate(length);
}

fn same_scalar(wanted: &Value, found: &Value, path: &str) -> bool {
    match (wanted, found) {
        (Value::String(wanted), Value::String(found))
            if path.ends_with("/location") || path.ends_with("/locationName") =>
        {
            same_region(wanted, found)
        }
        (Value::String(wanted), Value::String(found)) if wanted.starts_with('/') => wanted.eq_ignore_ascii_case(found),
        // Services leave out what is empty.
        (Value::String(wanted), Value::Null) => wanted.is_empty(),
        (Value::Array(wanted), Value::Null) => wanted.is_empty(),
        (Value::Number(wanted), Value::Number(found)) => wanted.as_f64() == found.as_f64(),
        _ => wanted == found,
    }
}

/// "West Europe" and "westeurope" are the same place.
fn same_region(left: &str, right: &str) -> bool {
    let plain = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_lowercase();
    plain(left) == plain(right)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_cloud_adds_does_not_count() {
        let wanted = json!({"location": "westeurope", "properties": {"a": 1}});
        let found =
            json!({"location": "West Europe", "id": "/x", "properties": {"a": 1.0, "provisioningState": "Succeeded"}});
        assert_eq!(differences(&wanted, &found), Vec::<String>::new());
    }

    #[test]
    fn each_difference_is_named_by_its_path() {
        let wanted = json!({"properties": {"a": 1, "list": [{"x": 1}], "gone": true}});
        let found = json!({"properties": {"a": 2, "list": [{"x": 2}]}});
        assert_eq!(differences(&wanted, &found), ["/properties/a", "/properties/gone", "/properties/list/0/x"]);
    }

    #[test]
    fn what_is_wanted_empty_may_be_left_out_and_may_not_be_filled() {
        let wanted = json!({"filter": {"subjectBeginsWith": "", "advancedFilters": []}});
        assert_eq!(differences(&wanted, &json!({"filter": {"advancedFilters": null}})), Vec::<String>::new());
        let filled = json!({"filter": {"subjectBeginsWith": "x", "advancedFilters": [{}]}});
        assert_eq!(differences(&wanted, &filled), ["/filter/advancedFilters", "/filter/subjectBeginsWith"]);
    }

    #[test]
    fn resource_ids_are_compared_without_case_also_as_keys() {
        let wanted = json!({"ids": {"/subscriptions/s/resourceGroups/G": {}}, "plan": "/subscriptions/s/Plan"});
        let found = json!({"ids": {"/subscriptions/s/resourcegroups/g": {"principalId": "p"}}, "plan": "/SUBSCRIPTIONS/s/plan"});
        assert_eq!(differences(&wanted, &found), Vec::<String>::new());
    }
}
