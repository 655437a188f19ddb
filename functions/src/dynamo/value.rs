//! JSON as DynamoDB's attributes, and back.
//!
//! A number keeps its digits as the JSON has them after reading: 64-bit integers exactly, others as the shortest decimal of
//! their double. DynamoDB takes magnitudes from 1E-130 to below 1E+126 (and zero), and nothing beyond.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Number, Value};

use super::SORT_KEY;
use crate::{
    answer::{Answer, Code},
    history::Stored,
};

/// An item as DynamoDB's client has it.
pub(super) type Attributes = HashMap<String, AttributeValue>;

const LARGEST: f64 = 1e126;
const SMALLEST: f64 = 1e-130;

/// A document as an item.
pub(super) fn attributes(document: Value) -> Result<Attributes, Answer> {
    let Value::Object(members) = document else { return Ok(Attributes::new()) };
    members.into_iter().map(|(name, value)| Ok((name, attribute(value)?))).collect()
}

fn attribute(value: Value) -> Result<AttributeValue, Answer> {
    Ok(match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(value),
        Value::Number(number) => AttributeValue::N(digits(&number)?),
        Value::String(text) => AttributeValue::S(text),
        Value::Array(values) => AttributeValue::L(values.into_iter().map(attribute).collect::<Result<_, _>>()?),
        members @ Value::Object(_) => AttributeValue::M(attributes(members)?),
    })
}

fn digits(number: &Number) -> Result<String, Answer> {
    let size = number.as_f64().map_or(0.0, f64::abs);
    if size >= LARGEST || (size > 0.0 && size < SMALLEST) {
        return Err(Answer::new(Code::Malformed, "a number is beyond what the storage holds"));
    }
    Ok(number.to_string())
}

/// An item as it was stored; `None` for one that is not ours.
pub(super) fn stored(mut item: Attributes) -> Option<Stored> {
    let AttributeValue::S(id) = item.remove(SORT_KEY)? else { return None };
    let AttributeValue::S(time) = item.remove("time")? else { return None };
    let AttributeValue::M(values) = item.remove("telemetry")? else { return None };
    Some(Stored { id, time, values: members(values) })
}

fn members(attributes: Attributes) -> Map<String, Value> {
    attributes.into_iter().map(|(name, attribute)| (name, value(attribute))).collect()
}

fn value(attribute: AttributeValue) -> Value {
    match attribute {
        AttributeValue::Bool(value) => value.into(),
        AttributeValue::N(digits) => serde_json::from_str(&digits).map_or(Value::Null, Value::Number),
        AttributeValue::S(text) => text.into(),
        AttributeValue::L(values) => values.into_iter().map(value).collect(),
        AttributeValue::M(values) => members(values).into(),
        // Neither sets nor bytes are ever written.
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn digits_of(text: &str) -> Result<String, Code> {
        match attribute(serde_json::from_str(text).unwrap()).map_err(|answer| answer.code)? {
            AttributeValue::N(digits) => Ok(digits),
            other => panic!("a number, not {other:?}"),
        }
    }

    #[test]
    fn numbers_are_numbers_with_all_their_digits() {
        for text in
            ["0", "-1", "21.5", "9007199254740993", "18446744073709551615", "-9223372036854775808", "0.1", "1e-10"]
        {
            assert_eq!(digits_of(text).unwrap(), text);
        }
        assert_eq!(digits_of("1E2").unwrap(), "100.0");
        for beyond in ["1e126", "-1e200", "1e-131"] {
            assert_eq!(digits_of(beyond), Err(Code::Malformed), "{beyond}");
        }
    }

    #[test]
    fn every_kind_of_value_comes_back() {
        let values = json!({"n": 1.5, "t": true, "s": "", "l": [1, "a", null], "m": {"x": {"y": -3}}});
        let document = json!({"id": "i", "time": "2026-11-23T10:15:30Z", "telemetry": values, "iotDeviceId": "d"});
        let item = attributes(document).unwrap();
        assert_eq!(item["iotDeviceId"], AttributeValue::S("d".into()));
        let read = stored(item).unwrap();
        assert_eq!((read.id.as_str(), read.time.as_str()), ("i", "2026-11-23T10:15:30Z"));
        assert_eq!(Value::Object(read.values), values);
    }

    #[test]
    fn an_item_that_is_not_ours_is_none() {
        assert_eq!(stored(attributes(json!({"id": 1, "time": "t", "telemetry": {}})).unwrap()), None);
        assert_eq!(stored(attributes(json!({"id": "i"})).unwrap()), None);
    }
}
