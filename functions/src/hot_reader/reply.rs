//! The answer of a data connector, value by value.

use serde_json::{Map, Value, json};

use super::query::{Kind, Query};
use crate::history::Stored;

/// The most text that an answer holds, in bytes: Lambda answers at most 6 MB.
const TEXT_LIMIT: usize = 3 * 1024 * 1024;

/// Whether an item found a place in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// It has one, or needs none.
    Enough,
    /// It belongs into the next answer.
    None,
}

/// An answer that grows.
pub(super) struct Reply<'a> {
    query: &'a Query,
    /// The values of each selected property, in the query's order.
    series: Vec<Vec<Value>>,
    taken: usize,
    text: usize,
}

impl<'a> Reply<'a> {
    pub(super) fn new(query: &'a Query) -> Self {
        Self { query, series: vec![Vec::new(); query.properties.len()], taken: 0, text: 0 }
    }

    /// Takes what an item holds of the selected properties: all of it, or nothing.
    pub(super) fn take(&mut self, item: &Stored) -> Room {
        let component = self.query.component.as_deref();
        let value = |(index, selected): (usize, &super::query::Selected)| {
            let value = data_value(selected.kind, find(&item.values, component, &selected.name)?)?;
            Some((index, json!({"time": item.time, "value": value})))
        };
        let found: Vec<_> = self.query.properties.iter().enumerate().filter_map(value).collect();
        let text: usize = found.iter().map(|(_, value)| value.to_string().len()).sum();
        let full = self.taken + found.len() > self.query.results || self.text + text > TEXT_LIMIT;
        if full && self.taken > 0 && !found.is_empty() {
            return Room::None;
        }
        (self.taken, self.text) = (self.taken + found.len(), self.text + text);
        for (index, value) in found {
            self.series[index].push(value);
        }
        Room::Enough
    }

    /// The answer; `next` is the item after which there may be more.
    pub(super) fn finish(self, next: Option<String>) -> Value {
        let query = self.query;
        let series = query.properties.iter().zip(self.series).filter(|(_, values)| !values.is_empty());
        let series: Vec<Value> = series
            .map(|(selected, values)| {
                let mut reference = json!({"entityId": query.entity, "propertyName": selected.name});
                if let Some(component) = &query.component {
                    reference["componentName"] = component.as_str().into();
                }
                json!({"entityPropertyReference": reference, "values": values})
            })
            .collect();
        let mut answer = json!({"propertyValues": series});
        if let Some(next) = next {
            answer["nextToken"] = next.into();
        }
        answer
    }
}

/// The value of a property: the component's own, or else the device's.
fn find<'a>(values: &'a Map<String, Value>, component: Option<&str>, name: &str) -> Option<&'a Value> {
    let own = component.and_then(|component| match values.get(component) {
        Some(Value::Object(inner)) => at(inner, name),
        _ => values.get(&format!("{component}.{name}")),
    });
    own.or_else(|| at(values, name))
}

/// A value by its name, or by the names on the way to it, with dots between.
fn at<'a>(values: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    values.get(name).or_else(|| {
        let (outer, inner) = name.split_once('.')?;
        at(values.get(outer)?.as_object()?, inner)
    })
}

/// A value in TwinMaker's form: of the type that is asked for, or else of its own. `None` for one that has no such form.
fn data_value(kind: Option<Kind>, value: &Value) -> Option<Value> {
    let whole = |value: &Value| value.as_i64().or_else(|| value.as_f64().and_then(exact));
    Some(match kind.unwrap_or_else(|| own_kind(value)) {
        Kind::Boolean => json!({"booleanValue": value.as_bool()?}),
        Kind::Double => json!({"doubleValue": value.as_f64()?}),
        Kind::Integer => json!({"integerValue": i32::try_from(whole(value)?).ok()?}),
        Kind::Long => json!({"longValue": whole(value)?}),
        Kind::String => json!({"stringValue": value.as_str()?}),
        Kind::Other => return None,
    })
}

fn own_kind(value: &Value) -> Kind {
    match value {
        Value::Bool(_) => Kind::Boolean,
        Value::String(_) => Kind::String,
        Value::Number(number) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => Kind::Integer,
            Some(_) => Kind::Long,
            None => Kind::Double,
        },
        _ => Kind::Other,
    }
}

/// A whole number that is written as a decimal, `21.0`.
#[allow(clippy::cast_possible_truncation, reason = "within the doubles that hold every whole number it is exact")]
fn exact(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_the_type_that_is_asked_for_or_its_own() {
        for (kind, value, wanted) in [
            (None, json!(21.5), Some(json!({"doubleValue": 21.5}))),
            (None, json!(21), Some(json!({"integerValue": 21}))),
            (None, json!(3_000_000_000_u32), Some(json!({"longValue": 3_000_000_000_u32}))),
            (None, json!(u64::MAX), Some(json!({"doubleValue": 1.844_674_407_370_955_2e19}))),
            (None, json!(true), Some(json!({"booleanValue": true}))),
            (None, json!("on"), Some(json!({"stringValue": "on"}))),
            (None, json!({"a": 1}), None),
            (Some(Kind::Double), json!(21), Some(json!({"doubleValue": 21.0}))),
            (Some(Kind::Integer), json!(21.0), Some(json!({"integerValue": 21}))),
            (Some(Kind::Integer), json!(21.5), None),
            (Some(Kind::Integer), json!(3_000_000_000_u32), None),
            (Some(Kind::Long), json!(7), Some(json!({"longValue": 7}))),
            (Some(Kind::String), json!(7), None),
            (Some(Kind::Other), json!([1]), None),
        ] {
            assert_eq!(data_value(kind, &value), wanted, "{kind:?} {value}");
        }
    }

    #[test]
    fn a_property_is_the_components_or_the_devices() {
        let Value::Object(values) = json!({
            "level": 1, "battery": {"level": 2, "cell": {"volt": 3}}, "tank.level": 4, "a": {"b": 5}
        }) else {
            panic!("it is an object")
        };
        let found = |component, name| find(&values, component, name).and_then(Value::as_i64);
        assert_eq!(found(None, "level"), Some(1));
        assert_eq!(found(Some("battery"), "level"), Some(2));
        assert_eq!(found(Some("battery"), "cell.volt"), Some(3));
        assert_eq!(found(Some("tank"), "level"), Some(4));
        assert_eq!(found(Some("sensor"), "level"), Some(1), "a component that the device knows nothing of");
        assert_eq!(found(None, "a.b"), Some(5));
        assert_eq!(found(None, "a.c"), None);
    }
}
