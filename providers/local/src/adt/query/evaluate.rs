//! Whether a row is wanted, and what it shows.
//!
//! What is not there compares to nothing: neither a comparison with it nor that comparison's negation holds. Functions
//! that ask for a type answer `false` for it.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::row::{self, Row};
use super::syntax::{Comparison, Expression, Function, Operand, Query, Select};
use crate::adt::call::Version;
use crate::adt::state::State;

/// What conditions are decided by, besides the row.
#[derive(Clone, Copy, Debug)]
pub(super) struct World<'a> {
    pub(super) state: &'a State,
    pub(super) version: Version,
}

/// What the query's `SELECT` shows of the row; a column without a value is left out.
pub(super) fn shown(query: &Query, row: &Row<'_>, version: Version) -> Value {
    let Select::Columns(columns) = &query.select else {
        return row.first().copied().flatten().map_or(Value::Null, |item| item.document(version));
    };
    let mut shown = Map::new();
    for column in columns {
        if let Some(value) = row::value(row, &column.path, version) {
            shown.insert(column.name.clone(), value.into_owned());
        }
    }
    shown.into()
}

impl<'a> World<'a> {
    /// Whether the condition holds for the row.
    pub(super) fn holds(&self, condition: &Expression, row: &Row<'a>) -> bool {
        self.truth(condition, row) == Some(true)
    }

    fn truth(&self, expression: &Expression, row: &Row<'a>) -> Option<bool> {
        match expression {
            Expression::Or(left, right) => match self.truth(left, row) {
                Some(true) => Some(true),
                left => match (left, self.truth(right, row)) {
                    (_, Some(true)) => Some(true),
                    (Some(false), Some(false)) => Some(false),
                    _ => None,
                },
            },
            Expression::And(left, right) => match self.truth(left, row) {
                Some(false) => Some(false),
                left => match (left, self.truth(right, row)) {
                    (_, Some(false)) => Some(false),
                    (Some(true), Some(true)) => Some(true),
                    _ => None,
                },
            },
            Expression::Not(inside) => self.truth(inside, row).map(|truth| !truth),
            Expression::Compare(left, how, right) => compare(&*self.value(left, row)?, *how, &*self.value(right, row)?),
            Expression::In { operand, list, negated } => {
                let value = self.value(operand, row)?;
                Some(list.iter().any(|item| equal(&value, item)) != *negated)
            }
            Expression::Call(function, arguments) => self.call(*function, arguments, row),
            Expression::IsOfModel { of, model: wanted, exact } => {
                let model = row::item(row, of).filter(|_| of.names.is_empty())?.model()?;
                Some(model == wanted || (!exact && self.state.models.is_a(model, wanted)))
            }
            Expression::Truth(operand) => self.value(operand, row)?.as_bool(),
        }
    }

    fn value<'b>(&self, operand: &'b Operand, row: &Row<'a>) -> Option<Cow<'b, Value>>
    where
        'a: 'b,
    {
        match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Path(path) => row::value(row, path, self.version),
        }
    }

    fn call(&self, function: Function, arguments: &[Operand], row: &Row<'a>) -> Option<bool> {
        let first = self.value(arguments.first()?, row);
        let text = |test: fn(&str, &str) -> bool| {
            let (one, other) = (first.clone()?, self.value(arguments.get(1)?, row)?);
            Some(test(one.as_str()?, other.as_str()?))
        };
        let is = |test: fn(&Value) -> bool| Some(first.as_deref().is_some_and(test));
        match function {
            Function::StartsWith => text(|text, part| text.starts_with(part)),
            Function::EndsWith => text(|text, part| text.ends_with(part)),
            Function::Contains => text(|text, part| text.contains(part)),
            Function::ArrayContains => {
                let (list, item) = (first?, self.value(arguments.get(1)?, row)?);
                Some(list.as_array()?.iter().any(|one| equal(one, &item)))
            }
            Function::IsDefined => Some(first.is_some()),
            Function::IsNull => is(Value::is_null),
            Function::IsBool => is(Value::is_boolean),
            Function::IsNumber => is(Value::is_number),
            Function::IsString => is(Value::is_string),
            Function::IsObject => is(Value::is_object),
            Function::IsPrimitive => is(|value| !value.is_object() && !value.is_array()),
        }
    }
}

/// How two values compare; `None` when they do not.
pub(super) fn compare(left: &Value, how: Comparison, right: &Value) -> Option<bool> {
    match how {
        Comparison::Equal => return Some(equal(left, right)),
        Comparison::NotEqual => return Some(!equal(left, right)),
        _ => {}
    }
    let order = match (left, right) {
        (Value::String(left), Value::String(right)) => left.cmp(right),
        (Value::Number(left), Value::Number(right)) => order(left, right)?,
        _ => return None,
    };
    Some(match how {
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

/// Equality of JSON, where `68` equals `68.0`.
pub(super) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(one), Value::Number(other)) => order(one, other) == Some(Ordering::Equal),
        _ => left == right,
    }
}

/// Whole numbers are compared as such, since not every one of them is a double.
fn order(left: &Number, right: &Number) -> Option<Ordering> {
    match (left.as_i64(), right.as_i64()) {
        (Some(left), Some(right)) => Some(left.cmp(&right)),
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::parser::parse_filter;
    use super::*;
    use crate::adt::change::Relationship;
    use crate::adt::name::Name;
    use crate::adt::query::row::Item;

    /// What a condition says of a relationship with these properties; filters ask without naming a collection.
    fn truth(condition: &str, properties: Value) -> Option<bool> {
        let Value::Object(properties) = properties else { panic!("an object") };
        let (source, id, name) = (Name::from("s"), Name::from("i"), Name::from("n"));
        let one = Relationship { name, target: Name::from("t"), etag: uuid::Uuid::nil(), properties };
        let mut condition = parse_filter(condition).unwrap();
        condition.paths_mut(&mut |path| path.of = Some(0));
        let world = World { state: &State::new(), version: Version::V2023_10_31 };
        world.truth(&condition, &[Some(Item::Relationship(&source, &id, &one))])
    }

    #[test]
    fn what_is_not_there_decides_nothing_but_what_needs_no_deciding() {
        let of = |condition: &str| truth(condition, json!({"yes": true, "no": false}));
        for (condition, expected) in [
            ("none = 1", None),
            ("none != 1", None),
            ("NOT none = 1", None),
            ("none IN [1]", None),
            ("none NIN [1]", None),
            ("STARTSWITH(none, 'a')", None),
            ("none", None),
            ("none AND no", Some(false)),
            ("no AND none", Some(false)),
            ("none AND yes", None),
            ("none OR yes", Some(true)),
            ("yes OR none", Some(true)),
            ("none OR no", None),
            ("IS_DEFINED(none)", Some(false)),
            ("NOT IS_NULL(none)", Some(true)),
            ("NOT IS_NUMBER(none)", Some(true)),
            ("IS_PRIMITIVE(none)", Some(false)),
        ] {
            assert_eq!(of(condition), expected, "{condition}");
        }
    }

    #[test]
    fn values_are_compared_within_their_type() {
        let of = |condition: &str| {
            truth(
                condition,
                json!({"n": 68, "big": 9007199254740993_i64, "s": "b", "b": true, "l": [1, [2]], "o": {"x": {"y": 1}}}),
            )
        };
        for (condition, expected) in [
            ("n = 68.0", Some(true)),
            ("n < 68.5", Some(true)),
            ("n >= -1", Some(true)),
            ("big = 9007199254740993", Some(true)),
            ("big = 9007199254740992", Some(false)),
            ("big > 9007199254740992", Some(true)),
            ("s > 'B'", Some(true)),
            ("s >= 'b' AND s <= 'b'", Some(true)),
            ("n = '68'", Some(false)),
            ("n != '68'", Some(true)),
            ("n < '69'", None),
            ("b > false", None),
            ("n", None),
            ("o.x.y = 1", Some(true)),
            ("o.x.z = 1", None),
            ("o.x.y.z = 1", None),
            ("l.[[0]] = 1", None),
            ("ARRAY_CONTAINS(l, 1)", Some(true)),
            ("ARRAY_CONTAINS(l, 2)", Some(false)),
            ("ARRAY_CONTAINS(n, 68)", None),
            ("IS_OBJECT(o) AND NOT IS_OBJECT(l) AND NOT IS_PRIMITIVE(l)", Some(true)),
        ] {
            assert_eq!(of(condition), expected, "{condition}");
        }
    }
}
