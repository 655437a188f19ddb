//! The validator's errors in the words of a person: what is wrong, where, once, without the value.

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

/// One thing that is wrong.
#[derive(Debug)]
struct Complaint {
    place: String,
    words: String,
    /// Of a property that nothing describes; also raised for all properties of an object when one of them is wrong.
    unknown: bool,
}

/// What is wrong with a value, each line beginning with `what` and the place in it.
pub(super) fn complaints(validator: &Validator, value: &Value, what: &str) -> Vec<String> {
    let mut all = Vec::new();
    validator.iter_errors(value).for_each(|error| gather(&error, &mut all));
    let causes = all.iter().filter(|complaint| !is_consequence(complaint, &all));
    let mut lines: Vec<String> = causes.map(|cause| format!("{what}{}: {}", cause.place, cause.words)).collect();
    lines.sort();
    lines.dedup();
    lines
}

/// A choice that the converter made (value or null) says nothing; what is wrong with the value itself does.
fn gather(error: &ValidationError<'_>, all: &mut Vec<Complaint>) {
    if let ValidationErrorKind::AnyOf { context } = &error.kind
        && let Some(value) = context.first()
    {
        value.iter().for_each(|error| gather(error, all));
        return;
    }
    let words = match error.kind {
        ValidationErrorKind::FalseSchema => "is for the service to set".to_owned(),
        // Masked: the values may be secrets.
        _ => error.masked_with("the value").to_string(),
    };
    let unknown = matches!(error.kind, ValidationErrorKind::UnevaluatedProperties { .. });
    all.push(Complaint { place: error.instance_path.to_string(), words, unknown });
}

/// An object with something wrong in it counts as not evaluated, and so does what holds it.
fn is_consequence(complaint: &Complaint, all: &[Complaint]) -> bool {
    let within = |other: &&Complaint| {
        let rest = other.place.strip_prefix(&complaint.place);
        rest.is_some_and(|rest| rest.starts_with('/') || (rest.is_empty() && !other.unknown))
    };
    complaint.unknown && all.iter().any(|other| within(&other))
}
