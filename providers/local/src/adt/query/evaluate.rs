//! Whether a row is wanted, and what it shows.
//!
//! What is not there compares to nothing: neither a comparison with it nor that comparison's negation holds.

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::{Map, Value};

use super::parser;
use super::row::Row;
use super::syntax::{Comparison, Expression, Function, Operand, Query, Select};
use crate::adt::call::Version;
use crate::adt::state::State;

/// Whether the row fits the query's `WHERE`.
pub(super) fn holds(query: &Query, row: &Row<'_>, state: &State, version: Version) -> bool {
    let place = Place { row, state, version };
    query.filter.as_ref().is_none_or(|filter| place.truth(filter) == Some(true))
}

/// What the query's `SELECT` shows of the row; a column without a value is left out.
pub(super) fn shown(query: &Query, row: &Row<'_>, version: Version) -> Value {
    let Select::Columns(columns) = &query.select else { return row.document(version) };
    let mut shown = Map::new();
    for column in columns {
        if let Some(value) = row.value(&column.path, version) {
            shown.insert(column.name.clone(), value.into_owned());
        }
    }
    shown.into()
}

struct Place<'a> {
    row: &'a Row<'a>,
    state: &'a State,
    version: Version,
}

impl<'a> Place<'a> {
    fn truth(&self, expression: &Expression) -> Option<bool> {
        match expression {
            Expression::Or(left, right) => match (self.truth(left), self.truth(right)) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            },
            Expression::And(left, right) => match (self.truth(left), self.truth(right)) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            },
            Expression::Not(inside) => self.truth(inside).map(|truth| !truth),
            Expression::Compare(left, how, right) => compare(&*self.value(left)?, *how, &*self.value(right)?),
            Expression::In { operand, list, negated } => {
                let value = self.value(operand)?;
                Some(list.iter().any(|item| equal(&value, item)) != *negated)
            }
            Expression::Call(function, arguments) => self.call(*function, arguments),
            Expression::Truth(operand) => self.value(operand)?.as_bool(),
        }
    }

    fn value<'b>(&self, operand: &'b Operand) -> Option<Cow<'b, Value>>
    where
        'a: 'b,
    {
        match operand {
            Operand::Literal(value) => Some(Cow::Borrowed(value)),
            Operand::Path(path) => self.row.value(path, self.version),
        }
    }

    fn call(&self, function: Function, arguments: &[Operand]) -> Option<bool> {
        if function == Function::IsOfModel {
            return self.is_of_model(arguments);
        }
        let first = self.value(&arguments[0]);
        let text = |test: fn(&str, &str) -> bool| {
            let (one, other) = (first.clone()?, self.value(&arguments[1])?);
            Some(test(one.as_str()?, other.as_str()?))
        };
        match function {
            Function::StartsWith => text(|text, part| text.starts_with(part)),
            Function::EndsWith => text(|text, part| text.ends_with(part)),
            Function::Contains => text(|text, part| text.contains(part)),
            Function::ArrayContains => {
                let (list, item) = (first?, self.value(&arguments[1])?);
                Some(list.as_array()?.iter().any(|one| equal(one, &item)))
            }
            Function::IsDefined => Some(first.is_some()),
            Function::IsNull => Some(first?.is_null()),
            Function::IsBool => Some(first?.is_boolean()),
            Function::IsNumber => Some(first?.is_number()),
            Function::IsString => Some(first?.is_string()),
            Function::IsObject => Some(first?.is_object()),
            Function::IsPrimitive => first.map(|value| !value.is_object() && !value.is_array()),
            Function::IsOfModel => None,
        }
    }

    /// `IS_OF_MODEL([twin,] 'id' [, exact])`
    fn is_of_model(&self, arguments: &[Operand]) -> Option<bool> {
        let wanted = arguments.iter().find_map(|argument| match argument {
            Operand::Literal(Value::String(id)) => Some(id.as_str()),
            _ => None,
        })?;
        let model = self.row.model()?;
        let exact = arguments.last() == Some(&parser::exact());
        Some(model == wanted || (!exact && self.state.models.is_a(model, wanted)))
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
        _ => left.as_f64()?.partial_cmp(&right.as_f64()?)?,
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
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        _ => left == right,
    }
}
