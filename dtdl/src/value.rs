//! Whether a JSON value fits a schema, as Azure Digital Twins sees it.

use serde_json::Value;

use crate::schema::{Enum, Map, Object};
use crate::{Primitive, Schema, temporal};

/// The most bytes of a string.
const STRING_BYTES: usize = 4096;

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if path.is_empty() { String::new() } else { format!("{path}: ") })]
pub struct ValueProblem {
    /// The place inside the value as a JSON pointer; empty for the value itself.
    pub path: String,
    /// What is wrong, a lower-case fragment.
    pub message: String,
    /// The schema that was to be met, for example `integer`.
    pub expected: String,
}

impl ValueProblem {
    fn new(schema: &Schema, message: impl Into<String>) -> Self {
        Self { path: String::new(), message: message.into(), expected: schema.to_string() }
    }

    /// The same problem, seen from one level further out.
    fn inside(mut self, step: impl AsRef<str>) -> Self {
        let step = step.as_ref().replace('~', "~0").replace('/', "~1");
        self.path = format!("/{step}{}", self.path);
        self
    }
}

/// Checks a value against a schema; integers are accepted where floating point is asked for.
///
/// # Errors
/// The first part of the value that does not fit.
///
/// ```
/// use dtdl::{Primitive, Schema, check_value};
/// use serde_json::json;
///
/// let dates = Schema::Array(Schema::Primitive(Primitive::Date).into());
/// assert!(check_value(&dates, &json!(["2024-02-29"])).is_ok());
/// let problem = check_value(&dates, &json!(["2024-02-29", "2023-02-29"])).expect_err("there is no such day");
/// assert_eq!(problem.to_string(), r#"/1: "2023-02-29" is not a date such as "2024-05-31""#);
/// ```
pub fn check_value(schema: &Schema, value: &Value) -> Result<(), ValueProblem> {
    match schema {
        Schema::Primitive(primitive) => check_primitive(*primitive, value)
            .map_err(|what| ValueProblem::new(schema, format!("{} is not {what}", excerpt(value)))),
        Schema::Enum(definition) => check_enum(schema, definition, value),
        Schema::Object(definition) => check_object(schema, definition, value),
        Schema::Map(definition) => check_map(schema, definition, value),
        Schema::Array(element) => check_array(schema, element, value),
    }
}

/// What the value should have been, where it is not.
fn check_primitive(primitive: Primitive, value: &Value) -> Result<(), &'static str> {
    let fits_text = |check: fn(&str) -> bool| value.as_str().is_some_and(check);
    let (fits, what) = match primitive {
        Primitive::Boolean => (value.is_boolean(), "true or false"),
        Primitive::Integer => {
            (value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()), "a whole number of 32 bits")
        }
        Primitive::Long => (value.is_i64(), "a whole number of 64 bits"),
        Primitive::Double => (value.is_number(), "a number"),
        Primitive::Float => {
            (value.as_f64().is_some_and(|number| number.abs() <= f64::from(f32::MAX)), "a number of single precision")
        }
        Primitive::String => (fits_text(|text| text.len() <= STRING_BYTES), "a string of at most 4 KB"),
        Primitive::Date => (fits_text(temporal::is_date), "a date such as \"2024-05-31\""),
        Primitive::DateTime => (fits_text(temporal::is_date_time), "a time such as \"2024-05-31T09:30:00Z\""),
        Primitive::Time => (fits_text(temporal::is_time), "a time such as \"09:30:00Z\""),
        Primitive::Duration => (fits_text(temporal::is_duration), "a duration such as \"PT1H30M\""),
        Primitive::Point
        | Primitive::LineString
        | Primitive::Polygon
        | Primitive::MultiPoint
        | Primitive::MultiLineString
        | Primitive::MultiPolygon => (is_geometry(primitive, value), "a geometry of GeoJSON"),
    };
    if fits { Ok(()) } else { Err(what) }
}

/// Whether a value is an object of GeoJSON: the type's name, and coordinates nested as deep as the type asks.
fn is_geometry(primitive: Primitive, value: &Value) -> bool {
    let (name, depth) = match primitive {
        Primitive::Point => ("Point", 1),
        Primitive::LineString => ("LineString", 2),
        Primitive::MultiPoint => ("MultiPoint", 2),
        Primitive::Polygon => ("Polygon", 3),
        Primitive::MultiLineString => ("MultiLineString", 3),
        _ => ("MultiPolygon", 4),
    };
    value["type"] == name && is_nested(&value["coordinates"], depth)
}

fn is_nested(value: &Value, depth: usize) -> bool {
    match value {
        Value::Array(values) => depth > 0 && values.iter().all(|value| is_nested(value, depth - 1)),
        Value::Number(_) => depth == 0,
        _ => false,
    }
}

fn check_enum(schema: &Schema, definition: &Enum, value: &Value) -> Result<(), ValueProblem> {
    if definition.values.values().any(|known| known == value) {
        return Ok(());
    }
    let known: Vec<_> = definition.values.values().map(ToString::to_string).collect();
    Err(ValueProblem::new(schema, format!("{} is not one of {}", excerpt(value), known.join(", "))))
}

fn check_object(schema: &Schema, definition: &Object, value: &Value) -> Result<(), ValueProblem> {
    let Value::Object(members) = value else {
        return Err(ValueProblem::new(schema, format!("{} is not an object", excerpt(value))));
    };
    for (name, value) in members {
        let Some(field) = definition.fields.get(name) else {
            return Err(ValueProblem::new(schema, "the object has no such field").inside(name));
        };
        check_value(field, value).map_err(|problem| problem.inside(name))?;
    }
    Ok(())
}

fn check_map(schema: &Schema, definition: &Map, value: &Value) -> Result<(), ValueProblem> {
    let Value::Object(members) = value else {
        return Err(ValueProblem::new(schema, format!("{} is not a map", excerpt(value))));
    };
    members
        .iter()
        .try_for_each(|(name, value)| check_value(&definition.value, value).map_err(|problem| problem.inside(name)))
}

fn check_array(schema: &Schema, element: &Schema, value: &Value) -> Result<(), ValueProblem> {
    let Value::Array(values) = value else {
        return Err(ValueProblem::new(schema, format!("{} is not an array", excerpt(value))));
    };
    values
        .iter()
        .enumerate()
        .try_for_each(|(index, value)| check_value(element, value).map_err(|problem| problem.inside(index.to_string())))
}

/// The value in a message, cut where it is long.
fn excerpt(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn fits(primitive: Primitive, value: Value) -> bool {
        check_value(&Schema::Primitive(primitive), &value).is_ok()
    }

    #[test]
    fn numbers_keep_their_range() {
        assert!(fits(Primitive::Integer, json!(i32::MAX)));
        assert!(!fits(Primitive::Integer, json!(i64::from(i32::MAX) + 1)));
        assert!(!fits(Primitive::Integer, json!(1.5)));
        assert!(!fits(Primitive::Integer, json!("1")));
        assert!(fits(Primitive::Long, json!(i64::MIN)));
        assert!(!fits(Primitive::Long, json!(u64::MAX)));
        assert!(fits(Primitive::Double, json!(3)));
        assert!(fits(Primitive::Float, json!(3.25)));
        assert!(!fits(Primitive::Float, json!(1e300)));
        assert!(!fits(Primitive::Boolean, json!(0)));
        assert!(!fits(Primitive::Double, Value::Null));
    }

    #[test]
    fn strings_are_at_most_four_kilobytes() {
        assert!(fits(Primitive::String, json!("x".repeat(4096))));
        assert!(!fits(Primitive::String, json!("x".repeat(4097))));
    }

    #[test]
    fn geometries_nest_as_their_type_asks() {
        assert!(fits(Primitive::Point, json!({"type": "Point", "coordinates": [1.5, 2]})));
        assert!(!fits(Primitive::Polygon, json!({"type": "Polygon", "coordinates": [1.5, 2]})));
        assert!(!fits(Primitive::Point, json!("Point")));
    }

    #[test]
    fn problems_point_into_complex_values() {
        let color = Schema::Enum(Arc::new(Enum {
            value_schema: Primitive::String,
            values: BTreeMap::from([("red".to_owned(), json!("r"))]),
        }));
        let fields = BTreeMap::from([("colors".to_owned(), Schema::Array(Arc::new(color)))]);
        let object = Schema::Object(Arc::new(Object { fields }));
        let map = Schema::Map(Arc::new(Map { key_name: "k".to_owned(), value_name: "v".to_owned(), value: object }));

        assert_eq!(check_value(&map, &json!({"a": {"colors": ["r"]}})), Ok(()));
        let problem = check_value(&map, &json!({"a": {"colors": ["r", "g"]}})).unwrap_err();
        insta::assert_snapshot!(problem, @r#"/a/colors/1: "g" is not one of "r""#);
        let problem = check_value(&map, &json!({"a": {"size": 1}})).unwrap_err();
        insta::assert_snapshot!(problem, @"/a/size: the object has no such field");
        let problem = check_value(&map, &json!([])).unwrap_err();
        insta::assert_snapshot!(problem, @"[] is not a map");
    }
}
