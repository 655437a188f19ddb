//! Filters of event routes: the expressions of queries, asked of a notification instead of a row.
//!
//! `$body` is the notification's data, any other name one of its attributes as CloudEvents call them. What is not there
//! compares to nothing, except that it equals `null`. Nothing within an array can be named [D].

use serde_json::Value;

use super::evaluate::{compare, equal};
use super::lexer::Misread;
use super::parser;
use super::syntax::{Expression, Function, Operand};

/// A filter, ready to be asked.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::adt) struct Filter(Expression);

impl Filter {
    /// Reads a filter, or says what is wrong with it in the service's words.
    pub(in crate::adt) fn read(text: &str) -> Result<Self, String> {
        parser::parse_filter(text).map(Self).map_err(|Misread { line, position, message }| {
            format!("Parsing error, Line={line}, Position={}, Message={message}.", position + 1)
        })
    }

    /// Whether a notification passes, which is given in the schema of CloudEvents.
    pub(in crate::adt) fn holds(&self, event: &Value) -> bool {
        truth(&self.0, event) == Some(true)
    }
}

fn truth(expression: &Expression, event: &Value) -> Option<bool> {
    match expression {
        Expression::Or(left, right) => match (truth(left, event), truth(right, event)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Expression::And(left, right) => match (truth(left, event), truth(right, event)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Expression::Not(inside) => truth(inside, event).map(|truth| !truth),
        Expression::Compare(left, how, right) => {
            let (one, other) = (value(left, event), value(right, event));
            let is_null = |side: Option<&Value>| side.is_some_and(Value::is_null);
            let absent = (is_null(one) || is_null(other)).then_some(&Value::Null);
            compare(one.or(absent)?, *how, other.or(absent)?)
        }
        Expression::In { operand, list, negated } => {
            let value = value(operand, event)?;
            Some(list.iter().any(|item| equal(value, item)) != *negated)
        }
        Expression::Call(function, arguments) => call(*function, arguments, event),
        // A notification has no model to be of.
        Expression::IsOfModel { .. } => None,
        Expression::Truth(operand) => value(operand, event)?.as_bool(),
    }
}

fn value<'a>(operand: &'a Operand, event: &'a Value) -> Option<&'a Value> {
    match operand {
        Operand::Literal(value) => Some(value),
        Operand::Path(path) => match path.names.split_first()? {
            (first, rest) if first == "$body" => rest.iter().try_fold(&event["data"], |value, name| value.get(name)),
            (first, []) if first != "data" => event.get(first),
            _ => None,
        },
    }
}

fn call(function: Function, arguments: &[Operand], event: &Value) -> Option<bool> {
    let first = value(&arguments[0], event);
    let text = |test: fn(&str, &str) -> bool| Some(test(first?.as_str()?, value(&arguments[1], event)?.as_str()?));
    match function {
        Function::StartsWith => text(|text, part| text.starts_with(part)),
        Function::EndsWith => text(|text, part| text.ends_with(part)),
        Function::Contains => text(|text, part| text.contains(part)),
        Function::IsDefined => Some(first.is_some()),
        Function::IsNull => Some(first.is_none_or(Value::is_null)),
        Function::IsBool => Some(first?.is_boolean()),
        Function::IsNumber => Some(first?.is_number()),
        Function::IsString => Some(first?.is_string()),
        Function::IsObject => Some(first?.is_object()),
        Function::IsPrimitive => first.map(|value| !value.is_object() && !value.is_array()),
        // Arrays are not looked into.
        Function::ArrayContains => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(filter: &str) -> bool {
        let event = json!({
            "specversion": "1.0", "id": "1", "type": "Microsoft.DigitalTwins.Twin.Create", "source": "f.adt.localhost:1",
            "subject": "room-1", "time": "2026-01-01T00:00:00.0000000Z", "datacontenttype": "application/json",
            "data": { "$metadata": { "$model": "dtmi:example:com:floor4;2" }, "area": 7.5, "on": true, "nothing": null,
                "tags": ["a"] },
        });
        Filter::read(filter).unwrap().holds(&event)
    }

    #[test]
    fn the_documented_filters_hold_and_their_opposites_do_not() {
        for filter in [
            "true",
            "type = 'Microsoft.DigitalTwins.Twin.Create'",
            "source = 'f.adt.localhost:1' AND specversion = '1.0' AND datacontenttype = 'application/json'",
            "STARTS_WITH($body.$metadata.$model, 'dtmi:example:com:floor')",
            "ENDS_WITH($body.$metadata.$model, ';2')",
            "CONTAINS(subject, 'room')",
            "$body.area <= 7.5 AND $body.on = true",
            "$body.area != null AND $body.nothing = null AND dataschema = null",
            "(type != 'microsoft.iot.telemetry' OR datacontenttype = 'text/plain') AND NOT subject = 'room-2'",
            "subject IN ['room-1', 'room-2'] AND id = '1' AND time > '2025'",
        ] {
            assert!(holds(filter), "{filter}");
            assert!(!holds(&format!("NOT ({filter})")), "NOT ({filter})");
        }
    }

    #[test]
    fn what_is_not_there_compares_to_nothing_but_null() {
        for filter in
            ["dataschema = 'x'", "dataschema != 'x'", "$body.nope > 1", "nope", "data = 1", "$body.tags.a = 'a'"]
        {
            assert!(!holds(filter), "{filter}");
        }
        assert!(!holds("$body.nope != null") && holds("$body.nope = null"));
        assert!(!holds("Type = 'Microsoft.DigitalTwins.Twin.Create'"), "case counts");
        assert!(!holds("false"));
    }
}
