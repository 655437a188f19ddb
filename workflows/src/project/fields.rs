//! Reading an object's fields: each once, by name and type; what is left over is reported.

use jsonc_parser::ast::{Array, Object, ObjectProp, Value};

use super::{nearest::did_you_mean, source::Place};
use crate::problem::{Code, Problem, Span};

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Located<T> {
    pub(super) value: T,
    pub(super) span: Span,
}

/// An object that is being read.
pub(super) struct Fields<'r, 'a> {
    pub(super) place: Place<'a>,
    object: &'r Object<'a>,
    /// What the object is, with its article, for messages.
    what: &'static str,
    known: Vec<&'static str>,
}

/// The JSON type of a value, with its article.
pub(super) fn type_of(value: &Value<'_>) -> &'static str {
    match value {
        Value::StringLit(_) => "a string",
        Value::NumberLit(_) => "a number",
        Value::BooleanLit(_) => "a truth value",
        Value::Object(_) => "an object",
        Value::Array(_) => "an array",
        Value::NullKeyword(_) => "null",
    }
}

/// The problem of a value of another type.
pub(super) fn wrong_type(place: Place<'_>, value: &Value<'_>, what: &str, expected: &str) -> Problem {
    place
        .problem(value, Code::WrongType, format!("{what} is {}, not {expected}", type_of(value)))
        .why("it cannot be read as anything else")
        .fix(format!("write {expected}"))
}

/// Takes a value as an object.
pub(super) fn object<'r, 'a>(
    place: Place<'a>,
    value: &'r Value<'a>,
    what: &'static str,
    problems: &mut Vec<Problem>,
) -> Option<Fields<'r, 'a>> {
    match value {
        Value::Object(object) => Some(Fields { place, object, what, known: Vec::new() }),
        other => {
            problems.push(wrong_type(place, other, what, "an object"));
            None
        }
    }
}

/// Takes a value as an array.
pub(super) fn array<'r, 'a>(
    place: Place<'a>,
    value: &'r Value<'a>,
    what: &str,
    problems: &mut Vec<Problem>,
) -> &'r [Value<'a>] {
    match value {
        Value::Array(Array { elements, .. }) => elements,
        other => {
            problems.push(wrong_type(place, other, what, "an array"));
            &[]
        }
    }
}

impl<'r, 'a> Fields<'r, 'a> {
    /// A field that may be missing; `null` counts as missing.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<&'r Value<'a>> {
        self.known.push(key);
        let property = self.object.properties.iter().find(|property| property.name.as_str() == key)?;
        (!matches!(property.value, Value::NullKeyword(_))).then_some(&property.value)
    }

    /// A field that must be there.
    pub(super) fn required(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<&'r Value<'a>> {
        let value = self.optional(key);
        if value.is_none() {
            // The brace alone: marking a whole object, perhaps of many lines, shows nothing.
            let message = format!("{} has no \"{key}\"", self.what);
            let problem = self.place.problem_at(self.start(), Code::KeyMissing, message);
            problems.push(problem.why("nothing can stand in for it").fix(format!("add \"{key}\"")));
        }
        value
    }

    /// A string that must be there.
    pub(super) fn text(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Located<String>> {
        let value = self.required(key, problems)?;
        self.as_text(key, value, problems)
    }

    /// A string that may be missing.
    pub(super) fn optional_text(&mut self, key: &'static str, problems: &mut Vec<Problem>) -> Option<Located<String>> {
        let value = self.optional(key)?;
        self.as_text(key, value, problems)
    }

    fn as_text(&self, key: &str, value: &Value<'_>, problems: &mut Vec<Problem>) -> Option<Located<String>> {
        match value {
            Value::StringLit(text) => Some(Located { value: text.value.to_string(), span: self.place.span(text) }),
            other => {
                problems.push(wrong_type(self.place, other, &format!("\"{key}\""), "a string"));
                None
            }
        }
    }

    /// The span of the object's opening brace.
    pub(super) fn start(&self) -> Span {
        let start = self.place.span(self.object).start;
        Span { start, end: start + 1 }
    }

    /// Reports the keys that nothing has asked for.
    pub(super) fn finish(self, problems: &mut Vec<Problem>) {
        for property in &self.object.properties {
            let key = property.name.as_str();
            if !self.known.contains(&key) {
                problems.push(
                    self.place
                        .problem(&property.name, Code::UnknownKey, format!("{} has no use for \"{key}\"", self.what))
                        .why("nothing reads it, so it has no effect")
                        .fix(did_you_mean(key, self.known.iter().copied(), "remove it")),
                );
            }
        }
    }

    /// The properties whose keys nothing has asked for.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'r ObjectProp<'a>> {
        let (object, known) = (self.object, self.known.clone());
        object.properties.iter().filter(move |property| !known.contains(&property.name.as_str()))
    }
}
