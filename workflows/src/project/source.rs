//! One file's text, places in it, and JSON read from it with byte ranges.

use jsonc_parser::{
    CollectOptions, ParseOptions,
    ast::{Object, Value},
    common::Ranged,
};

use crate::problem::{Code, Problem, Span};

/// The largest whole number that every JSON reader reads alike (RFC 7493).
const SAFE_INTEGER: f64 = 9_007_199_254_740_991.0;

/// A file's name, text and line starts.
pub(super) struct Source<'a> {
    name: &'a str,
    text: &'a str,
    lines: Vec<usize>,
}

impl<'a> Source<'a> {
    pub(super) fn new(name: &'a str, text: &'a str) -> Self {
        let after_breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self { name, text, lines: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// A problem at a span, still without why and remedy.
    pub(super) fn problem(&self, span: Span, code: Code, message: impl Into<String>) -> Problem {
        let line = self.lines.partition_point(|start| *start <= span.start);
        let line_start = self.lines[line - 1];
        let column = self.text[line_start..].char_indices().take_while(|(at, _)| line_start + at < span.start).count();
        Problem::new(self.name, code, message).at(line, column + 1, span)
    }

    /// The byte offset of serde_json's line and column, both counted from 1, the column in bytes.
    fn offset(&self, line: usize, column: usize) -> usize {
        let start = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(self.text.len());
        let mut at = (start + column.saturating_sub(1)).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}

/// A part of a file that was parsed by itself: the whole file, or a line of NDJSON.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    source: &'a Source<'a>,
    text: &'a str,
    base: usize,
}

impl<'a> Place<'a> {
    pub(super) fn whole(source: &'a Source<'a>) -> Self {
        Self { source, text: source.text, base: 0 }
    }

    /// A line with what comes after it cut off.
    fn line(source: &'a Source<'a>, base: usize, text: &'a str) -> Self {
        Self { source, text, base }
    }

    pub(super) fn span(&self, node: &impl Ranged) -> Span {
        self.in_file(node.start()..node.end())
    }

    /// A problem at a node.
    pub(super) fn problem(&self, node: &impl Ranged, code: Code, message: impl Into<String>) -> Problem {
        self.source.problem(self.span(node), code, message)
    }

    /// A problem at bytes of the file.
    pub(super) fn problem_at(&self, span: Span, code: Code, message: impl Into<String>) -> Problem {
        self.source.problem(span, code, message)
    }

    /// The bytes of the file that bytes of this part are.
    pub(super) fn in_file(&self, part: std::ops::Range<usize>) -> Span {
        Span { start: self.base + part.start, end: self.base + part.end }
    }

    /// The text of a span of this part.
    pub(super) fn text_at(&self, span: Span) -> &'a str {
        self.source.text.get(span.start..span.end).unwrap_or_default()
    }

    /// A node as plain JSON.
    pub(super) fn to_value(self, node: &Value<'_>) -> serde_json::Value {
        let range = node.range();
        serde_json::from_str(&self.text[range.start..range.end]).expect("the whole text was read as JSON before")
    }
}

/// Reads a part of a file as strict JSON. What is wrong with it as JSON is reported.
pub(super) fn parse<'a>(place: Place<'a>, problems: &mut Vec<Problem>) -> Option<Value<'a>> {
    // serde_json decides what JSON is, since jsonc-parser forgives missing commas and single quotes, and because it
    // bounds the depth; jsonc-parser then gives the byte ranges.
    if let Err(error) = serde_json::from_str::<serde_json::Value>(place.text) {
        problems.push(not_json(place, &error));
        return None;
    }
    let strict =
        ParseOptions { allow_comments: false, allow_loose_object_property_names: false, allow_trailing_commas: false };
    match jsonc_parser::parse_to_ast(place.text, &CollectOptions::default(), &strict) {
        Ok(parsed) => {
            let value = parsed.value?;
            check_values(place, &value, problems);
            Some(value)
        }
        Err(error) => {
            let problem =
                place.problem(&error.range(), Code::JsonSyntax, format!("this is not JSON: {}", error.kind()));
            problems.push(problem.why(NOT_JSON).fix("write strict JSON, without comments and trailing commas"));
            None
        }
    }
}

const NOT_JSON: &str = "nothing of it can be read until it is";

fn not_json(place: Place<'_>, error: &serde_json::Error) -> Problem {
    let local = Source::new(place.source.name, place.text);
    let at = local.offset(error.line(), error.column());
    let text = error.to_string();
    let reason = text.rsplit_once(" at line ").map_or(text.as_str(), |(reason, _)| reason);
    let end = place.text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
    let fix = if place.text.starts_with('\u{feff}') {
        "save the file as UTF-8 without a byte order mark"
    } else {
        "write strict JSON, without comments and trailing commas"
    };
    place
        .problem_at(place.in_file(at..end), Code::JsonSyntax, format!("this is not JSON: {reason}"))
        .why(NOT_JSON)
        .fix(fix)
}

/// Reports what JSON allows and readers disagree about: keys that stand twice, whole numbers beyond 2^53.
fn check_values(place: Place<'_>, value: &Value<'_>, problems: &mut Vec<Problem>) {
    match value {
        Value::Object(object) => {
            check_keys(place, object, problems);
            object.properties.iter().for_each(|property| check_values(place, &property.value, problems));
        }
        Value::Array(array) => array.elements.iter().for_each(|element| check_values(place, element, problems)),
        Value::NumberLit(number) => {
            let whole = !number.value.contains(['.', 'e', 'E']);
            if whole && number.value.parse::<f64>().is_ok_and(|n| n.abs() > SAFE_INTEGER) {
                problems.push(
                    place
                        .problem(number, Code::BadValue, format!("{} is too large a whole number", number.value))
                        .why("JSON readers round whole numbers beyond 2^53, so it would arrive as another one")
                        .fix("use a smaller number, or a string"),
                );
            }
        }
        Value::StringLit(_) | Value::BooleanLit(_) | Value::NullKeyword(_) => {}
    }
}

fn check_keys(place: Place<'_>, object: &Object<'_>, problems: &mut Vec<Problem>) {
    let mut seen = std::collections::BTreeSet::new();
    for property in &object.properties {
        let key = property.name.as_str();
        if !seen.insert(key) {
            problems.push(
                place
                    .problem(&property.name, Code::DuplicateKey, format!("\"{key}\" stands twice in one object"))
                    .why("one of the two values would be lost")
                    .fix("remove one of them"),
            );
        }
    }
}

/// The lines of a text that hold something, each as a place of its own.
pub(super) fn lines<'a>(source: &'a Source<'a>) -> impl Iterator<Item = Place<'a>> {
    let mut base = 0;
    source.text.split_inclusive('\n').filter_map(move |line| {
        let start = base;
        base += line.len();
        let text = line.trim_end();
        (!text.is_empty()).then(|| Place::line(source, start, text))
    })
}
