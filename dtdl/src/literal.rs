//! Literal values: text, localized text, booleans, integers, in every form that the language allows.

use std::collections::BTreeSet;

use crate::document::{Kind, Member, Node};
use crate::report::Report;
use crate::{Localized, Version};

/// The single value of a member that takes one: arrays of one are unwrapped, an empty array is no value. Arrays in an array are
/// no more than their values.
pub(crate) fn single<'n>(name: &str, node: &'n Node, report: &mut Report) -> Option<&'n Node> {
    match node.values().as_slice() {
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
pub(crate) fn text(name: &str, node: &Node, most: usize, version: Version, report: &mut Report) -> Option<String> {
    let value = single(name, node, report)?;
    let Some(Kind::String(text)) = unwrap(name, value, "string", version, report) else {
        not_a(name, value, "a string", report);
        return None;
    };
    too_long(name, text, most, value, report);
    Some(text.clone())
}

/// Reads a boolean, plain or as a value object.
pub(crate) fn boolean(name: &str, node: &Node, version: Version, report: &mut Report) -> Option<bool> {
    let value = single(name, node, report)?;
    if let Some(Kind::Bool(boolean)) = unwrap(name, value, "boolean", version, report) {
        return Some(*boolean);
    }
    not_a(name, value, "true or false", report);
    None
}

/// Reads an integer of 32 bits, plain or as a value object.
pub(crate) fn integer(name: &str, node: &Node, version: Version, report: &mut Report) -> Option<i64> {
    let value = single(name, node, report)?;
    let number = match unwrap(name, value, "integer", version, report) {
        Some(Kind::Number(number)) => whole(number).filter(|number| i32::try_from(*number).is_ok()),
        _ => None,
    };
    if number.is_none() {
        not_a(name, value, "an integer of 32 bits", report);
    }
    number
}

/// The whole number that a number is, however it is written (`1`, `1.0`, `1e0`).
pub(crate) fn whole(number: &str) -> Option<i64> {
    // Whole numbers of 64-bit floating point are exact up to this.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let of_float = |number: f64| (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64);
    number.parse().ok().or_else(|| number.parse().ok().and_then(of_float))
}

/// The value itself, or the `@value` of a value object of the wanted XML Schema type.
pub(crate) fn unwrap<'n>(
    name: &str,
    node: &'n Node,
    datatype: &str,
    version: Version,
    report: &mut Report,
) -> Option<&'n Kind> {
    let Kind::Object(members) = &node.kind else { return Some(&node.kind) };
    repeated(members, report);
    let mut value = None;
    for member in members {
        match member.key.as_str() {
            "@value" => value = Some(&member.value.kind),
            "@type" if is_datatype(&member.value, datatype) => {}
            "@type" => invalid_member(name, member, report),
            key if tolerated(key, version) => {}
            _ => invalid_member(name, member, report),
        }
    }
    value
}

/// Reports members that are given more than once.
pub(crate) fn repeated(members: &[Member], report: &mut Report) {
    let mut seen = BTreeSet::new();
    for member in members {
        if !seen.insert(&member.key) {
            let message = format!("\"{}\" is given twice", member.key);
            report.add(member.key_span.as_ref(), "duplicate-property-name", message, "keep one of them");
        }
    }
}

fn invalid_member(name: &str, member: &Member, report: &mut Report) {
    let message = format!("\"{}\" does not fit into the value of {name}", member.key);
    let remedy = "write the plain value";
    report.add(member.key_span.as_ref(), "value-object-invalid-property", message, remedy);
}

/// Whether a type is the wanted one of XML Schema, prefixed or in full, alone or in an array of one.
fn is_datatype(node: &Node, datatype: &str) -> bool {
    match &node.kind {
        Kind::String(text) => {
            text.strip_prefix("xsd:").or_else(|| text.strip_prefix("http://www.w3.org/2001/XMLSchema#"))
                == Some(datatype)
        }
        Kind::Array(types) => matches!(types.as_slice(), [only] if is_datatype(only, datatype)),
        _ => false,
    }
}

/// Whether version 2 passes over a keyword in a value object; version 3 does not.
fn tolerated(key: &str, version: Version) -> bool {
    version == Version::V2 && key.starts_with('@') && !matches!(key, "@id" | "@graph" | "@context")
}

fn not_a(name: &str, node: &Node, what: &str, report: &mut Report) {
    report.add(node.span.as_ref(), "literal-not-valid", format!("{name} is not {what}"), format!("make it {what}"));
}

fn too_long(name: &str, text: &str, most: usize, node: &Node, report: &mut Report) {
    // The official parser counts the units of UTF-16.
    let length = text.encode_utf16().count();
    if length > most {
        let message = format!("{name} has {length} characters");
        report.add(node.span.as_ref(), "string-too-long", message, format!("keep it within {most}"));
    }
}

/// Reads text by language: a string, a map of languages, or an array of value objects.
pub(crate) fn localized(name: &str, node: &Node, most: usize, version: Version, report: &mut Report) -> Localized {
    let mut texts = Localized::new();
    match &node.kind {
        Kind::String(text) => {
            too_long(name, text, most, node, report);
            texts.insert("en".to_owned(), text.clone());
        }
        Kind::Object(members) => {
            for member in members {
                language(name, &member.key, &member.value, most, &mut texts, report);
            }
        }
        Kind::Array(values) => {
            for value in values.iter().flat_map(Node::values) {
                match &value.kind {
                    Kind::String(_) => language(name, "en", value, most, &mut texts, report),
                    Kind::Object(_) => tagged(name, value, version, most, &mut texts, report),
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
fn tagged(name: &str, node: &Node, version: Version, most: usize, texts: &mut Localized, report: &mut Report) {
    let Kind::Object(members) = &node.kind else { return };
    repeated(members, report);
    let find = |key: &str| members.iter().find(|member| member.key == key).map(|member| &member.value);
    let known = |key: &str| matches!(key, "@value" | "@language") || tolerated(key, version);
    let odd = members.iter().find(|member| !known(&member.key));
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

/// A language of two to four small letters, then perhaps a script (`Hant`) and a region (`AT`, `155`).
fn is_language(tag: &str) -> bool {
    let mut parts = tag.split('-').peekable();
    let small = |part: &str| part.bytes().all(|byte| byte.is_ascii_lowercase());
    let large = |part: &str| part.bytes().all(|byte| byte.is_ascii_uppercase());
    let script = |part: &&str| part.len() == 4 && part.is_ascii() && large(&part[..1]) && small(&part[1..]);
    let region = |part: &&str| match part.len() {
        2 => large(part),
        3 => part.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    let language = parts.next().is_some_and(|part| (2..=4).contains(&part.len()) && small(part));
    parts.next_if(script);
    parts.next_if(region);
    language && parts.next().is_none()
}
