//! The order of values.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The place of a value in the order of all values of one property: by its time, and at the same time by the digest of
/// the value, which is arbitrary and the same everywhere. The greater one stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stamp {
    /// Microseconds since 1970.
    at: i64,
    digest: u64,
}

impl Stamp {
    pub(super) fn new(at: DateTime<Utc>, value: &Value) -> Self {
        let mut text = Vec::with_capacity(24);
        canonical(value, &mut text);
        let digest = Sha256::digest(&text);
        let first = digest.first_chunk().expect("SHA-256 has 32 bytes");
        Self { at: at.timestamp_micros(), digest: u64::from_be_bytes(*first) }
    }
}

/// One text for all ways to write a value: 5 and 5.0 are the same, and so are members in any order.
fn canonical(value: &Value, text: &mut Vec<u8>) {
    match value {
        Value::Number(number) => canonical_number(number, text),
        Value::Array(elements) => {
            text.push(b'[');
            for element in elements {
                canonical(element, text);
                text.push(b',');
            }
            text.push(b']');
        }
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_unstable_by_key(|(name, _)| *name);
            text.push(b'{');
            for (name, member) in sorted {
                write(name, text);
                text.push(b':');
                canonical(member, text);
                text.push(b',');
            }
            text.push(b'}');
        }
        Value::Null | Value::Bool(_) | Value::String(_) => write(value, text),
    }
}

fn canonical_number(number: &serde_json::Number, text: &mut Vec<u8>) {
    const WHOLE: f64 = 9_007_199_254_740_992.0;
    match number.as_f64() {
        // Within these bounds every whole number has its own f64, so nothing is lost; -0 becomes 0.
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() <= WHOLE => write(&(float as i64), text),
        _ => write(number, text),
    }
}

fn write(value: &(impl serde::Serialize + ?Sized), text: &mut Vec<u8>) {
    serde_json::to_writer(text, value).expect("scalars are written to memory without fail");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn stamp(at: i64, value: Value) -> Stamp {
        Stamp::new(DateTime::from_timestamp_micros(at).unwrap(), &value)
    }

    #[test]
    fn time_comes_first_and_the_value_decides_a_tie() {
        assert!(stamp(2, json!(1)) > stamp(1, json!(2)));
        assert_ne!(stamp(1, json!(1)), stamp(1, json!(2)));
        assert_ne!(stamp(1, json!(i64::MAX)), stamp(1, json!(i64::MAX - 1)));
        assert_ne!(stamp(1, json!("1")), stamp(1, json!(1)));
        assert_ne!(stamp(1, json!(["a", "b"])), stamp(1, json!(["a,b"])));
    }

    #[test]
    fn the_same_value_is_the_same_however_it_is_written() {
        assert_eq!(stamp(1, json!(5)), stamp(1, json!(5.0)));
        assert_eq!(stamp(1, json!(0)), stamp(1, json!(-0.0)));
        assert_eq!(stamp(1, json!({"x": [1], "y": 2})), stamp(1, json!({"y": 2.0, "x": [1.0]})));
    }

    #[test]
    fn the_order_is_the_same_in_every_version_of_this_program() {
        // Instances of two versions may work on one twin while an update rolls out.
        assert_eq!(stamp(0, json!(21.5)).digest, 0xa20fa123d4d89777);
    }

    proptest! {
        #[test]
        fn what_is_read_back_has_the_same_stamp(float in any::<f64>().prop_filter("JSON", |f| f.is_finite())) {
            let read: Value = serde_json::from_str(&json!(float).to_string()).unwrap();
            let again: Value = serde_json::from_str(&read.to_string()).unwrap();
            prop_assert_eq!(stamp(1, read), stamp(1, again));
        }
    }
}
