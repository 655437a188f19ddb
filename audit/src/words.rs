//! The journal's words as people read them.

use serde::Serialize;
use serde_json::Value;

/// The word that the journal writes for a value of an enum.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        _ => String::new(),
    }
}
