//! What an expression is for one row. `None` is undefined: what is not there, or cannot be compared.

use std::cmp::Ordering;

use serde_json::{Map, Number, Value};

use super::syntax::{Expression, Function, Operator, Step};

/// The value of an expression for a row.
pub(super) fn value(expression: &Expression, row: &Value) -> Option<Value> {
    match expression {
        Expression::Undefined => None,
        Expression::Literal(value) | Expression::Parameter(_, value) => Some(value.clone()),
        Expression::Path(_, steps) => walk(row, steps).cloned(),
        Expression::Array(items) => Some(items.iter().filter_map(|item| value(item, row)).collect()),
        Expression::Object(members) => Some(object(members, row)),
        Expression::Not(inner) => value(inner, row)?.as_bool().map(|truth| (!truth).into()),
        Expression::Minus(inner) => number(-value(inner, row)?.as_f64()?),
        Expression::Binary(left, operator, right) => binary(left, *operator, right, row),
        Expression::In(inner, items, negated) => is_in(inner, items, row).map(|found| (found != *negated).into()),
        Expression::Between(inner, low, high) => between(inner, low, high, row).map(Value::from),
        Expression::Call(function, arguments) => call(*function, arguments, row),
        // Aggregates are replaced by their values before any row is looked at.
        Expression::Aggregate(..) => None,
    }
}

/// An object without those members that are undefined.
pub(super) fn object(members: &[(String, Expression)], row: &Value) -> Value {
    let defined = members.iter().filter_map(|(name, member)| Some((name.clone(), value(member, row)?)));
    Value::Object(defined.collect::<Map<_, _>>())
}

/// Whether a filter lets a row pass: only `true` does.
pub(super) fn passes(filter: Option<&Expression>, row: &Value) -> bool {
    filter.is_none_or(|filter| value(filter, row) == Some(Value::Bool(true)))
}

fn walk<'a>(row: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(row, |at, step| match step {
        Step::Member(name) => at.as_object()?.get(name),
        Step::Element(index) => at.as_array()?.get(*index),
    })
}

/// A number, without a fraction when it has none.
pub(super) fn number(value: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() <= EXACT {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole and small enough")]
        return Some(Value::from(value as i64));
    }
    Number::from_f64(value).map(Value::Number)
}

fn binary(left: &Expression, operator: Operator, right: &Expression, row: &Value) -> Option<Value> {
    let (left, right) = (value(left, row), value(right, row));
    match operator {
        Operator::And => logic(left, right, false),
        Operator::Or => logic(left, right, true),
        Operator::Concat => Some(format!("{}{}", left?.as_str()?, right?.as_str()?).into()),
        Operator::Add => number(left?.as_f64()? + right?.as_f64()?),
        Operator::Subtract => number(left?.as_f64()? - right?.as_f64()?),
        Operator::Multiply => number(left?.as_f64()? * right?.as_f64()?),
        Operator::Divide => number(left?.as_f64()? / right?.as_f64()?),
        Operator::Modulo => number(left?.as_f64()? % right?.as_f64()?),
        Operator::Equal => equal(&left?, &right?).map(Value::from),
        Operator::NotEqual => equal(&left?, &right?).map(|same| (!same).into()),
        Operator::Less => compare(&left?, &right?).map(|order| order.is_lt().into()),
        Operator::LessOrEqual => compare(&left?, &right?).map(|order| order.is_le().into()),
        Operator::Greater => compare(&left?, &right?).map(|order| order.is_gt().into()),
        Operator::GreaterOrEqual => compare(&left?, &right?).map(|order| order.is_ge().into()),
    }
}

/// AND (`decides` is false) and OR (`decides` is true): one side may decide whatever the other is.
fn logic(left: Option<Value>, right: Option<Value>, decides: bool) -> Option<Value> {
    let truth = |side: Option<Value>| side.and_then(|side| side.as_bool());
    match (truth(left), truth(right)) {
        (Some(side), _) | (_, Some(side)) if side == decides => Some(decides.into()),
        (Some(_), Some(_)) => Some((!decides).into()),
        _ => None,
    }
}

/// Undefined for values of different types.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Array(_), Value::Array(_)) | (Value::Object(_), Value::Object(_)) => Some(left == right),
        _ => compare(left, right).map(Ordering::is_eq),
    }
}

/// Undefined for values of different types, and for those that have no order.
fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Null, Value::Null) => Some(Ordering::Equal),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The order in which results are sorted: by type first, undefined before everything.
pub(super) fn sorts(left: Option<&Value>, right: Option<&Value>) -> Ordering {
    let rank = |value: Option<&Value>| match value {
        None => 0,
        Some(Value::Null) => 1,
        Some(Value::Bool(_)) => 2,
        Some(Value::Number(_)) => 3,
        Some(Value::String(_)) => 4,
        Some(Value::Array(_)) => 5,
        Some(Value::Object(_)) => 6,
    };
    let within = || left.zip(right).and_then(|(left, right)| compare(left, right)).unwrap_or(Ordering::Equal);
    rank(left).cmp(&rank(right)).then_with(within)
}

fn is_in(inner: &Expression, items: &[Expression], row: &Value) -> Option<bool> {
    let wanted = value(inner, row)?;
    let mut found = items.iter().filter_map(|item| value(item, row));
    Some(found.any(|item| equal(&item, &wanted) == Some(true)))
}

fn between(inner: &Expression, low: &Expression, high: &Expression, row: &Value) -> Option<bool> {
    let found = value(inner, row)?;
    let above = compare(&value(low, row)?, &found)?.is_le();
    Some(above && compare(&found, &value(high, row)?)?.is_le())
}

fn call(function: Function, arguments: &[Expression], row: &Value) -> Option<Value> {
    let arguments: Vec<Option<Value>> = arguments.iter().map(|argument| value(argument, row)).collect();
    let first = arguments.first().cloned().flatten();
    let is = |fits: fn(&Value) -> bool| Some(first.as_ref().is_some_and(fits).into());
    let math = |apply: fn(f64) -> f64| number(apply(first.as_ref()?.as_f64()?));
    match function {
        Function::IsDefined => Some(first.is_some().into()),
        Function::IsNull => is(Value::is_null),
        Function::IsBool => is(Value::is_boolean),
        Function::IsNumber => is(Value::is_number),
        Function::IsString => is(Value::is_string),
        Function::IsArray => is(Value::is_array),
        Function::IsObject => is(Value::is_object),
        Function::IsPrimitive => is(|value| !value.is_array() && !value.is_object()),
        Function::Abs => math(f64::abs),
        Function::Ceiling => math(f64::ceil),
        Function::Floor => math(f64::floor),
        Function::Round => math(f64::round),
        Function::ArrayLength => Some(first?.as_array()?.len().into()),
        Function::ArrayContains => {
            let wanted = arguments.get(1)?.as_ref()?;
            Some(first?.as_array()?.iter().any(|item| equal(item, wanted) == Some(true)).into())
        }
        Function::ToString => Some(match first? {
            Value::String(text) => text.into(),
            other => other.to_string().into(),
        }),
        _ => text(function, &arguments),
    }
}

/// Functions of texts; with a third argument `true` case does not count.
fn text(function: Function, arguments: &[Option<Value>]) -> Option<Value> {
    let text = |at: usize| arguments.get(at)?.as_ref()?.as_str();
    let first = text(0)?;
    let anyhow = arguments.get(2).and_then(Option::as_ref).and_then(Value::as_bool) == Some(true);
    let both = || -> Option<(String, String)> {
        let second = text(1)?;
        Some(match anyhow {
            true => (first.to_lowercase(), second.to_lowercase()),
            false => (first.to_owned(), second.to_owned()),
        })
    };
    match function {
        Function::Contains => both().map(|(text, part)| text.contains(&part).into()),
        Function::StartsWith => both().map(|(text, part)| text.starts_with(&part).into()),
        Function::EndsWith => both().map(|(text, part)| text.ends_with(&part).into()),
        Function::Lower => Some(first.to_lowercase().into()),
        Function::Upper => Some(first.to_uppercase().into()),
        Function::Length => Some(first.chars().count().into()),
        Function::Concat => (0..arguments.len()).map(text).collect::<Option<String>>().map(Value::from),
        _ => None,
    }
}
