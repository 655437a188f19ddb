//! The JSON of a model, with the bytes that each part was read from.

use std::ops::Range;

use jsonc_parser::ast;

use crate::Problem;

/// One JSON document that holds a model (or an array of models), with byte ranges where it came from text.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) root: Node,
}

/// A JSON value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) span: Option<Range<usize>>,
}

/// The kinds of JSON. Numbers keep their text, since `1.0` and `1` differ where an integer is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Node>),
    Object(Vec<Member>),
}

/// A member of an object; keys may repeat, which is a problem to report rather than to hide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Option<Range<usize>>,
    pub(crate) value: Node,
}

impl PartialEq for Node {
    /// Compares the JSON, not the places.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Document {
    /// Reads strict JSON text: no comments, no trailing commas.
    pub fn from_text(text: &str) -> Result<Self, Problem> {
        let strict = jsonc_parser::ParseOptions {
            allow_comments: false,
            allow_loose_object_property_names: false,
            allow_trailing_commas: false,
        };
        match jsonc_parser::parse_to_ast(text, &jsonc_parser::CollectOptions::default(), &strict) {
            Ok(parsed) => parsed.value.map_or_else(
                || Err(not_json("there is no JSON value".to_owned(), 0..text.len())),
                |value| Ok(Self::from_ast(&value)),
            ),
            Err(error) => Err(not_json(error.kind().to_string(), error.range().start..error.range().end)),
        }
    }

    /// Takes a value that was parsed as part of a larger text; byte ranges refer to that text.
    pub fn from_ast(value: &ast::Value<'_>) -> Self {
        Self { root: node_of_ast(value) }
    }

    /// Takes a value without places.
    pub fn from_value(value: &serde_json::Value) -> Self {
        Self { root: node_of_value(value) }
    }
}

impl From<&serde_json::Value> for Document {
    fn from(value: &serde_json::Value) -> Self {
        Self::from_value(value)
    }
}

fn not_json(what: String, span: Range<usize>) -> Problem {
    Problem {
        rule: "json-syntax",
        message: format!("the text is not JSON: {what}"),
        remedy: "write strict JSON, without comments and trailing commas".to_owned(),
        model: None,
        path: String::new(),
        document: 0,
        span: Some(span),
    }
}

fn node_of_ast(value: &ast::Value<'_>) -> Node {
    let (kind, range) = match value {
        ast::Value::NullKeyword(null) => (Kind::Null, null.range),
        ast::Value::BooleanLit(boolean) => (Kind::Bool(boolean.value), boolean.range),
        ast::Value::NumberLit(number) => (Kind::Number(number.value.to_owned()), number.range),
        ast::Value::StringLit(string) => (Kind::String(string.value.to_string()), string.range),
        ast::Value::Array(array) => (Kind::Array(array.elements.iter().map(node_of_ast).collect()), array.range),
        ast::Value::Object(object) => {
            (Kind::Object(object.properties.iter().map(member_of_ast).collect()), object.range)
        }
    };
    Node { kind, span: Some(range.start..range.end) }
}

fn member_of_ast(property: &ast::ObjectProp<'_>) -> Member {
    let range = match &property.name {
        ast::ObjectPropName::String(name) => name.range,
        ast::ObjectPropName::Word(name) => name.range,
    };
    Member {
        key: property.name.as_str().to_owned(),
        key_span: Some(range.start..range.end),
        value: node_of_ast(&property.value),
    }
}

fn node_of_value(value: &serde_json::Value) -> Node {
    use serde_json::Value;
    let kind = match value {
        Value::Null => Kind::Null,
        Value::Bool(boolean) => Kind::Bool(*boolean),
        Value::Number(number) => Kind::Number(number.to_string()),
        Value::String(string) => Kind::String(string.clone()),
        Value::Array(elements) => Kind::Array(elements.iter().map(node_of_value).collect()),
        Value::Object(members) => Kind::Object(
            members
                .iter()
                .map(|(key, value)| Member { key: key.clone(), key_span: None, value: node_of_value(value) })
                .collect(),
        ),
    };
    Node { kind, span: None }
}
