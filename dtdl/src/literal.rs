//! Literal values: text, localized text, booleans, integers, in every form that the language allows.

use crate::Localized;
use crate::document::{Kind, Member, Node};
use crate::report::Report;

/// The single value of a member that takes one: arrays of one are unwrapped, an empty array is no value.
pub(crate) fn single<'n>(name: &str, node: &'n Node, report: &mut Report) -> Option<&'n Node> {
    let Kind::Array(values) = &node.kind else { return Some(node) };
    match values.as_slice() {
        [] => None,
        [value] => Some(value),
        _ => {
            let message = format!("{name} has several values");
            report.add(node.span.as_ref(), "multiple-values", message, "keep one of them");
            None
        }
    }
}

/// Reads text, plain or as a value object.
pub(crate) fn text(name: &str, node: &Node, most: usize, report: &mut Report) -> Option<String> {
    let value = single(name, node, report)?;
    let Some(Kind::String(text)) = unwrap(name, value, "xsd:string", report) else {
        not_a(name, value, "a string", report);
        return None;
    };
    too_long(name, text, most, value, report);
    Some(text.clone())
}

/// Reads a boolean, plain or as a value object.
pub(crate) fn boolean(name: &str, node: &Node, report: &mut Report) -> Option<bool> {
    let value = single(name, node, report)?;
    if let Some(Kind::Bool(boolean)) = unwrap(name, value, "xsd:boolean", report) {
        return Some(*boolean);
    }
    not_a(name, value, "true or false", report);
    None
}

/// Reads an integer, plain or as a value object.
pub(crate) fn integer(name: &str, node: &Node, report: &mut Report) -> Option<i64> {
    let value = single(name, node, report)?;
    let number = match unwrap(name, value, "xsd:integer", report) {
        Some(Kind::Number(number)) => number.parse().ok(),
        _ => None,
    };
    if number.is_none() {
        not_a(name, value, "an integer", report);
    }
    number
}

/// The value itself, or the `@value` of a value object of the wanted type.
pub(crate) fn unwrap<'n>(name: &str, node: &'n Node, datatype: &str, report: &mut Report) -> Option<&'n Kind> {
    let Kind::Object(members) = &node.kind else { return Some(&node.kind) };
    let mut value = None;
    for member in members {
        match (member.key.as_str(), &member.value.kind) {
            ("@value", kind) => value = Some(kind),
            ("@type", Kind::String(text)) if text == datatype => {}
            (key, _) => {
                let message = format!("\"{key}\" does not fit into the value of {name}");
                let remedy = format!("write the plain value, or \"@value\" with \"@type\": \"{datatype}\"");
                report.add(member.key_span.as_ref(), "value-object-invalid-property", message, remedy);
            }
        }
    }
    value
}

fn not_a(name: &str, node: &Node, what: &str, report: &mut Report) {
    report.add(node.span.as_ref(), "literal-not-valid", format!("{name} is not {what}"), format!("make it {what}"));
}

fn too_long(name: &str, text: &str, most: usize, node: &Node, report: &mut Report) {
    let length = text.chars().count();
    if length > most {
        let message = format!("{name} has {length} characters");
        report.add(node.span.as_ref(), "string-too-long", message, format!("keep it within {most}"));
    }
}

/// Reads text by language: a string, a map of languages, or an array of value objects.
pub(crate) fn localized(name: &str, node: &Node, most: usize, report: &mut Report) -> Localized {
    let mut texts = Localized::new();
    match &node.kind {
        Kind::String(text) => {
            too_long(name, text, most, node, report);
            texts.insert("en".to_owned(), text.clone());
        }
        Kind::Object(members) if members.iter().any(|member| member.key == "@value") => {
            tagged(name, node, members, most, &mut texts, report);
        }
        Kind::Object(members) => {
            for member in members {
                language(name, &member.key, &member.value, most, &mut texts, report);
            }
        }
        Kind::Array(values) => {
            for value in values {
                match &value.kind {
                    Kind::String(_) => language(name, "en", value, most, &mut texts, report),
                    Kind::Object(members) => tagged(name, value, members, most, &mut texts, report),
                    _ => not_a(name, value, "text", report),
                }
            }
        }
        _ => not_a(name, node, "text, or text by language", report),
    }
    texts
}

/// One entry of a language map.
fn language(name: &str, tag: &str, value: &Node, most: usize, texts: &mut Localized, report: &mut Report) {
    if !is_language(tag) {
        let message = format!("\"{tag}\" is not a language tag");
        report.add(value.span.as_ref(), "lang-string-invalid-code", message, "use a tag such as \"en\" or \"de-AT\"");
        return;
    }
    let Kind::String(text) = &value.kind else { return not_a(name, value, "text", report) };
    too_long(name, text, most, value, report);
    if texts.insert(tag.to_owned(), text.clone()).is_some() {
        let message = format!("{name} has several texts for \"{tag}\"");
        report.add(value.span.as_ref(), "lang-string-code-not-unique", message, "keep one of them");
    }
}

/// An object with `@value` and perhaps `@language`.
fn tagged(name: &str, node: &Node, members: &[Member], most: usize, texts: &mut Localized, report: &mut Report) {
    let find = |key: &str| members.iter().find(|member| member.key == key).map(|member| &member.value);
    let odd = members.iter().find(|member| !matches!(member.key.as_str(), "@value" | "@language"));
    if let Some(odd) = odd {
        let message = format!("\"{}\" does not fit into the text of {name}", odd.key);
        report.add(odd.key_span.as_ref(), "lang-string-invalid-property", message, "keep \"@value\" and \"@language\"");
    }
    let tag = match find("@language").map(|node| &node.kind) {
        None => "en",
        Some(Kind::String(tag)) => tag,
        Some(_) => return not_a("@language", node, "a language tag", report),
    };
    match find("@value") {
        Some(value) => language(name, tag, value, most, texts, report),
        None => not_a(name, node, "text: there is no \"@value\"", report),
    }
}

/// Letters, then groups of letters and digits behind hyphens, each of 1 to 8 characters.
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let letters = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphabetic());
    let mixed = |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
    parts.next().is_some_and(letters) && parts.all(mixed)
}
