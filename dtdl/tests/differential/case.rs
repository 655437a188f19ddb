//! One case: a set of models as text, and smaller versions of it.

use serde_json::Value;

/// Ends the key of a member that repeats another one's; it is cut off when the text is written.
pub(crate) const AGAIN: char = '\u{1}';

/// The models as the text that both parsers read.
pub(crate) fn text(models: &Value) -> String {
    let mut text = String::new();
    write(models, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                write(value, text);
            }
            text.push(']');
        }
        Value::Object(members) => {
            text.push('{');
            for (index, (key, value)) in members.iter().enumerate() {
                text.push_str(if index == 0 { "" } else { ", " });
                text.push_str(&Value::from(key.trim_end_matches(AGAIN)).to_string());
                text.push_str(": ");
                write(value, text);
            }
            text.push('}');
        }
        leaf => text.push_str(&leaf.to_string()),
    }
}

/// The places of all values, outer ones first, as JSON pointers.
pub(crate) fn pointers(value: &Value) -> Vec<String> {
    let mut all = vec![String::new()];
    collect(value, "", &mut all);
    all
}

fn collect(value: &Value, at: &str, all: &mut Vec<String>) {
    let mut visit = |step: String, value: &Value| {
        let pointer = format!("{at}/{}", step.replace('~', "~0").replace('/', "~1"));
        all.push(pointer.clone());
        collect(value, &pointer, all);
    };
    match value {
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| visit(index.to_string(), value)),
        Value::Object(members) => members.iter().for_each(|(key, value)| visit(key.clone(), value)),
        _ => {}
    }
}

/// Takes members and elements away as long as `differs` still holds, at most `attempts` times asked.
pub(crate) fn shrink(models: &Value, mut attempts: usize, mut differs: impl FnMut(&Value) -> bool) -> Value {
    let mut smallest = models.clone();
    loop {
        let mut smaller = false;
        for place in pointers(&smallest).into_iter().skip(1) {
            if attempts == 0 {
                return smallest;
            }
            if let Some(candidate) = without(&smallest, &place) {
                attempts -= 1;
                if differs(&candidate) {
                    smallest = candidate;
                    smaller = true;
                    break;
                }
            }
        }
        if !smaller {
            return smallest;
        }
    }
}

/// The same without the value at a place.
fn without(value: &Value, place: &str) -> Option<Value> {
    let (parent, step) = place.rsplit_once('/')?;
    let step = step.replace("~1", "/").replace("~0", "~");
    let mut smaller = value.clone();
    match smaller.pointer_mut(parent)? {
        Value::Array(values) => _ = values.remove(step.parse().ok()?),
        Value::Object(members) => _ = members.remove(&step)?,
        _ => return None,
    }
    Some(smaller)
}

#[test]
fn shrinking_ends_with_what_differs() {
    let models = serde_json::json!([{"a": [1, 2, {"b": 3}]}, {"c": 4}]);
    let smallest = shrink(&models, 1000, |value| value.to_string().contains("\"b\""));
    assert_eq!(smallest, serde_json::json!([{"a": [{"b": 3}]}]));
    assert_eq!(text(&serde_json::json!({"a": 1, "a\u{1}": "x"})), r#"{"a": 1, "a": "x"}"#);
}
