//! Reading a request's members by name, type and rule.

use serde_json::{Map, Value};

use super::pattern::{Pattern, broken};
use super::refusal::Refusal;

/// The members of an object in a request; `null` counts as missing, what nothing asks for is ignored, as AWS does.
#[derive(Clone, Debug)]
pub(super) struct Ask<'a> {
    members: &'a Map<String, Value>,
    /// Where the object stands in the request; empty for the whole.
    at: String,
}

impl<'a> Ask<'a> {
    pub(super) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members, at: String::new() }
    }

    /// A value inside a map or list, as an object.
    pub(super) fn inside(&self, name: &str, value: &'a Value) -> Result<Self, Refusal> {
        let at = self.path(name);
        let members = value.as_object().ok_or_else(|| mistyped(&at, "a structure"))?;
        Ok(Self { members, at })
    }

    pub(super) fn path(&self, name: &str) -> String {
        if self.at.is_empty() { name.to_owned() } else { format!("{}.{name}", self.at) }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub(super) fn value(&self, name: &str) -> Option<&'a Value> {
        self.members.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn text(&self, name: &str, pattern: &Pattern) -> Result<Option<String>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| mistyped(&self.path(name), "a string"))?;
        pattern.check(&self.path(name), text)?;
        Ok(Some(text.to_owned()))
    }

    pub(super) fn required_text(&self, name: &str, pattern: &Pattern) -> Result<String, Refusal> {
        self.text(name, pattern)?.ok_or_else(|| self.absent(name))
    }

    /// One of several words.
    pub(super) fn word(&self, name: &str, words: &[&'static str]) -> Result<Option<&'static str>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| mistyped(&self.path(name), "a string"))?;
        match words.iter().find(|word| **word == text) {
            Some(word) => Ok(Some(word)),
            None => {
                let constraint = format!("Member must satisfy enum value set: [{}]", words.join(", "));
                Err(broken(&self.path(name), text, &constraint))
            }
        }
    }

    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_bool().map(Some).ok_or_else(|| mistyped(&self.path(name), "a boolean"))
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_i64().map(Some).ok_or_else(|| mistyped(&self.path(name), "an integer"))
    }

    pub(super) fn number(&self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_f64().map(Some).ok_or_else(|| mistyped(&self.path(name), "a number"))
    }

    pub(super) fn structure(&self, name: &str) -> Result<Option<Self>, Refusal> {
        self.value(name).map(|value| self.inside(name, value)).transpose()
    }

    pub(super) fn map(&self, name: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_object().map(Some).ok_or_else(|| mistyped(&self.path(name), "a map"))
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<&'a [Value]>, Refusal> {
        let Some(value) = self.value(name) else { return Ok(None) };
        value.as_array().map(|list| Some(list.as_slice())).ok_or_else(|| mistyped(&self.path(name), "a list"))
    }

    /// A list of texts, as long as the service model allows.
    pub(super) fn texts(
        &self,
        name: &str,
        pattern: &Pattern,
        length: std::ops::RangeInclusive<usize>,
    ) -> Result<Option<Vec<String>>, Refusal> {
        let Some(list) = self.list(name)? else { return Ok(None) };
        if !length.contains(&list.len()) {
            let constraint = format!("Member must have {} to {} members", length.start(), length.end());
            return Err(broken(&self.path(name), &format!("{} members", list.len()), &constraint));
        }
        let text = |value: &Value| {
            let text = value.as_str().ok_or_else(|| mistyped(&self.path(name), "a string"))?;
            pattern.check(&self.path(name), text)?;
            Ok(text.to_owned())
        };
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// The refusal of a member that must be there.
    pub(super) fn absent(&self, name: &str) -> Refusal {
        broken(&self.path(name), "null", "Member must not be null")
    }
}

fn mistyped(at: &str, wanted: &str) -> Refusal {
    Refusal::unreadable(format!("The value at '{at}' is not {wanted}."))
}
