//! Operations: what a document offers, and which of them a request means.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use super::documents::Documents;

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    Path,
    Query,
    Header,
    Body,
}

/// One parameter; its schema is the parameter itself (or, for the body, below `schema`).
#[derive(Debug)]
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) location: Location,
    pub(super) required: bool,
    /// The separator of a list that stands in one value.
    pub(super) separator: Option<char>,
    pub(super) schema: Value,
    pub(super) file: usize,
}

/// What an answer of one status may hold.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) schema: Option<Value>,
    pub(super) file: usize,
}

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) file: usize,
    pub(super) version: String,
    pub(super) method: String,
    pub(super) template: String,
    segments: Vec<Segment>,
    pub(super) parameters: Vec<Parameter>,
    pub(super) responses: BTreeMap<String, Response>,
    pub(super) consumes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Segment {
    Word(String),
    One(String),
    /// A parameter that may hold slashes (a scope, a resource id).
    Many(String),
}

/// Generic operations on resources of any provider would match every mistake, as `/{resourceId}` does.
fn matches_anything(template: &str) -> bool {
    let has_words = template.trim_matches('/').split('/').any(|segment| !segment.starts_with('{'));
    !has_words || template.contains("/{resourceType}/{resourceName}")
}

/// Reads the operations of one file.
pub(super) fn read(documents: &Documents, file: usize, document: &Value) -> Vec<Operation> {
    let version = document.pointer("/info/version").and_then(Value::as_str).unwrap_or_default();
    let mut operations = Vec::new();
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    for (template, methods) in paths.filter(|(template, _)| !matches_anything(template)) {
        let shared = methods.get("parameters");
        let methods = methods.as_object().into_iter().flatten();
        for (method, operation) in methods.filter(|(method, _)| *method != "parameters") {
            let parameters = parameters(documents, file, [shared, operation.get("parameters")]);
            let consumes = [operation.get("consumes"), document.get("consumes")].into_iter().flatten().next();
            operations.push(Operation {
                id: operation.get("operationId").and_then(Value::as_str).unwrap_or(template).to_owned(),
                file,
                version: version.to_owned(),
                method: method.to_ascii_uppercase(),
                template: template.clone(),
                segments: segments(template, &parameters),
                parameters,
                responses: responses(documents, file, operation),
                consumes: texts(consumes),
            });
        }
    }
    operations
}

fn parameters(documents: &Documents, file: usize, lists: [Option<&Value>; 2]) -> Vec<Parameter> {
    let listed = lists.into_iter().flatten().filter_map(Value::as_array).flatten();
    listed.filter_map(|parameter| read_parameter(documents, file, parameter)).collect()
}

fn read_parameter(documents: &Documents, file: usize, parameter: &Value) -> Option<Parameter> {
    let (file, parameter) = documents.resolve(file, parameter);
    let text = |name: &str| parameter.get(name).and_then(Value::as_str);
    let location = match text("in")? {
        "path" => Location::Path,
        "query" => Location::Query,
        "header" => Location::Header,
        "body" => Location::Body,
        other => panic!("parameters in {other} are not known here"),
    };
    let separator = match (text("type"), text("collectionFormat")) {
        (Some("array"), None | Some("csv")) => Some(','),
        (Some("array"), Some("ssv")) => Some(' '),
        (Some("array"), Some("pipes")) => Some('|'),
        _ => None,
    };
    let schema = if location == Location::Body { parameter.get("schema")?.clone() } else { parameter.clone() };
    let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
    Some(Parameter { name: text("name")?.to_owned(), location, required, separator, schema, file })
}

fn responses(documents: &Documents, file: usize, operation: &Value) -> BTreeMap<String, Response> {
    let listed = operation.get("responses").and_then(Value::as_object).into_iter().flatten();
    let read = listed.map(|(status, response)| {
        let (file, response) = documents.resolve(file, response);
        (status.clone(), Response { schema: response.get("schema").cloned(), file })
    });
    read.collect()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn segments(template: &str, parameters: &[Parameter]) -> Vec<Segment> {
    let holds_slashes: HashSet<&str> = parameters
        .iter()
        .filter(|parameter| parameter.schema.get("x-ms-skip-url-encoding") == Some(&Value::Bool(true)))
        .map(|parameter| parameter.name.as_str())
        .collect();
    let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        Some(name) if holds_slashes.contains(name) => Segment::Many(name.to_owned()),
        Some(name) => Segment::One(name.to_owned()),
        None => Segment::Word(text.to_owned()),
    };
    template.trim_matches('/').split('/').map(segment).collect()
}

impl Operation {
    /// The path's parameters by name, when the path is of this operation. Words match in any case, as Azure's do.
    pub(super) fn captures(&self, path: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut captures = BTreeMap::new();
        capture(&self.segments, path, &mut captures).then_some(captures)
    }

    /// How particular the template is: the more words, the more so.
    pub(super) fn words(&self) -> usize {
        self.segments.iter().filter(|segment| matches!(segment, Segment::Word(_))).count()
    }
}

fn capture(template: &[Segment], path: &[&str], captures: &mut BTreeMap<String, String>) -> bool {
    let Some((first, rest)) = template.split_first() else { return path.is_empty() };
    match first {
        Segment::Word(word) => {
            path.first().is_some_and(|segment| segment.eq_ignore_ascii_case(word))
                && capture(rest, &path[1..], captures)
        }
        Segment::One(name) => {
            let Some(segment) = path.first() else { return false };
            captures.insert(name.clone(), (*segment).to_owned());
            capture(rest, &path[1..], captures)
        }
        Segment::Many(name) => (1..=path.len()).any(|length| {
            captures.insert(name.clone(), path[..length].join("/"));
            capture(rest, &path[length..], captures)
        }),
    }
}
