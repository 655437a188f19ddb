//! How a wanted document and a found one differ.

use serde_json::Value;

use crate::policy;

/// Maps whose keys are what was wanted and nothing else; elsewhere a key that nobody asked for is the service's own.
const EXACT: [&str; 4] = ["Attributes", "Components", "Functions", "PropertyDefinitions"];

/// Lists where `found` is not as `wanted`, as paths: `Policies[0].PolicyDocument`.
pub(crate) fn differences(wanted: &Value, found: &Value) -> Vec<String> {
    let mut paths = Vec::new();
    compare("", "", wanted, found, &mut paths);
    paths
}

fn compare(path: &str, key: &str, wanted: &Value, found: &Value, into: &mut Vec<String>) {
    match (wanted, found) {
        _ if key.ends_with("PolicyDocument") => {
            into.extend((!policy::same(wanted, found)).then(|| path.to_owned()));
        }
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                compare(&member(path, key), key, value, found.get(key).unwrap_or(&Value::Null), into);
            }
            if EXACT.contains(&key) {
                let foreign = found.keys().filter(|key| !wanted.contains_key(*key));
                into.extend(foreign.map(|key| member(path, key)));
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                compare(&format!("{path}[{index}]"), "", wanted, found, into);
            }
        }
        _ if wanted != found => into.push(path.to_owned()),
        _ => {}
    }
}

fn member(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_was_not_wanted_is_no_difference_but_in_exact_maps() {
        let wanted = json!({ "MemorySize": 256, "Attributes": { "floor": "2" } });
        assert!(
            differences(&wanted, &json!({ "MemorySize": 256, "Timeout": 3, "Attributes": { "floor": "2" } }))
                .is_empty()
        );
        let found = json!({ "MemorySize": 128, "Attributes": { "floor": "2", "hall": "a" } });
        assert_eq!(differences(&wanted, &found), ["Attributes.hall", "MemorySize"]);
    }

    #[test]
    fn paths_lead_into_lists() {
        let policy =
            |action: Value| json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": action }] });
        let wanted = json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": policy(json!("a:B")) }] });
        let same = json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": policy(json!(["a:B"])) }] });
        assert!(differences(&wanted, &same).is_empty());
        let other = json!({ "Policies": [{ "PolicyName": "p", "PolicyDocument": policy(json!("a:C")) }] });
        assert_eq!(differences(&wanted, &other), ["Policies[0].PolicyDocument"]);
        assert_eq!(differences(&wanted, &json!({ "Policies": [] })), ["Policies"]);
        assert_eq!(differences(&wanted, &json!({})), ["Policies"]);
    }
}
