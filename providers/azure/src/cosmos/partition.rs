//! The value of an item's partition key.

use std::fmt::Write as _;

use serde_json::Value;

/// The value of an item's partition key: which logical partition it lies in.
#[derive(Debug, Clone, PartialEq)]
pub struct PartitionKey(Value);

impl PartitionKey {
    /// The key's value: text, a number, a boolean or null.
    #[must_use]
    pub fn new(value: impl Into<Value>) -> Self {
        Self(value.into())
    }

    /// As the header wants it: a JSON array, in ASCII.
    pub(super) fn header(&self) -> String {
        let json = Value::Array(vec![self.0.clone()]).to_string();
        let mut ascii = String::with_capacity(json.len());
        for char in json.chars() {
            if char.is_ascii() && char != '\u{7f}' {
                ascii.push(char);
            } else {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(ascii, "\\u{unit:04x}").expect("a text takes every write");
                }
            }
        }
        ascii
    }
}

impl From<&str> for PartitionKey {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_becomes_a_header_that_http_can_carry() {
        assert_eq!(PartitionKey::from("machine-1").header(), r#"["machine-1"]"#);
        assert_eq!(PartitionKey::from("Zürich \"😀\"").header(), r#"["Z\u00fcrich \"\ud83d\ude00\""]"#);
        assert_eq!(PartitionKey::new(7).header(), "[7]");
        assert_eq!(PartitionKey::new(Value::Null).header(), "[null]");
    }
}
