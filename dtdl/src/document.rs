//! The JSON of a model, with the bytes that each part was read from.

use std::ops::Range;

use jsonc_parser::{CollectOptions, ParseOptions, ast};

use crate::Problem;

/// One JSON document that holds a model (or an array of models), with byte ranges where it came from text.
#[derive(Debug, Clone)]
pub struct Document {
    pub(crate) root: Node,
    /// The place of a value that is nested too deep, and was left out for it.
    pub(crate) too_deep: Option<Option<Range<usize>>>,
}

/// How deep arrays and objects may stand inside one another. What is read is followed by functions that call themselves, so there
/// has to be a limit; `serde_json` has the same one for text.
pub(crate) const DEPTH: usize = 127;

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
#[derive(Debug, Clone)]
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

impl PartialEq for Member {
    /// Compares the JSON, not the places.
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl Node {
    /// The values that stand here: those of an array, and of arrays in it, or the node itself.
    pub(crate) fn values(&self) -> Vec<&Self> {
        match &self.kind {
            Kind::Array(values) => values.iter().flat_map(Self::values).collect(),
            _ => vec![self],
        }
    }

    /// The bytes of its text; of its shortest text where it was not read from any.
    pub(crate) fn size(&self) -> usize {
        if let Some(span) = &self.span {
            return span.len();
        }
        match &self.kind {
            Kind::Null => 4,
            Kind::Bool(boolean) => 5 - usize::from(*boolean),
            Kind::Number(text) => text.len(),
            Kind::String(text) => quoted(text),
            Kind::Array(values) => 2 + commas(values.len()) + values.iter().map(Self::size).sum::<usize>(),
            Kind::Object(members) => {
                let sizes = members.iter().map(|member| quoted(&member.key) + 1 + member.value.size());
                2 + commas(members.len()) + sizes.sum::<usize>()
            }
        }
    }
}

/// The bytes of a text in quotes, with what must be escaped.
fn quoted(text: &str) -> usize {
    let escaped = |byte| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0..0x20 => 6,
        _ => 1,
    };
    2 + text.bytes().map(escaped).sum::<usize>()
}

fn commas(values: usize) -> usize {
    values.saturating_sub(1)
}

impl Document {
    /// Reads strict JSON text: no comments, no trailing commas, nested at most 127 deep.
    ///
    /// # Errors
    /// The one place where the text stops being JSON.
    ///
    /// ```
    /// let text = "[{ \"@id\": 'dtmi:example:Room;1' }]";
    /// let problems = dtdl::Document::from_text(text).expect_err("JSON has double quotes");
    /// assert_eq!(problems[0].rule, "json-syntax");
    /// assert_eq!(problems[0].span, Some(10..11));
    /// ```
    pub fn from_text(text: &str) -> Result<Self, Vec<Problem>> {
        // jsonc-parser gives places, but takes single quotes, hexadecimal numbers and missing commas for JSON.
        let strict = serde_json::from_str::<serde_json::Value>(text).map(drop);
        strict.map_err(|error| {
            let at = offset(text, error.line(), error.column());
            vec![not_json(&error, at..at + text[at..].chars().next().map_or(0, char::len_utf8))]
        })?;
        let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default());
        match parsed.map(|parsed| parsed.value) {
            Ok(Some(value)) => Ok(Self::from_ast(&value)),
            Ok(None) => Err(vec![not_json(&"there is no value", 0..text.len())]),
            Err(error) => Err(vec![not_json(error.kind(), error.range().start..error.range().end)]),
        }
    }

    /// Takes a value that was parsed as part of a larger text; byte ranges refer to that text.
    ///
    /// What is nested more than 127 deep is a problem (`json-too-deep`) of the models that the document is for.
    ///
    /// ```
    /// use dtdl::{Document, Models, Rules};
    /// use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
    ///
    /// let file = r#"{ "models": [{ "@context": "dtmi:dtdl:context;3", "@id": "dtmi:example:Room;1", "@type": "Room" }] }"#;
    /// let parsed = parse_to_ast(file, &CollectOptions::default(), &ParseOptions::default())?;
    /// let models = parsed.value.as_ref().and_then(|value| value.as_object()).and_then(|file| file.get("models"));
    /// let document = Document::from_ast(&models.expect("the file has models").value);
    /// let problems = Models::parse(Rules::Adt, &[document]).expect_err("there is no such class");
    /// assert_eq!(&file[problems[0].span.clone().expect("it was read from text")], "\"Room\"");
    /// # Ok::<(), jsonc_parser::errors::ParseError>(())
    /// ```
    pub fn from_ast(value: &ast::Value<'_>) -> Self {
        let mut cut = Cut::default();
        let root = cut.node_of_ast(value, DEPTH);
        Self { root, too_deep: cut.too_deep }
    }

    /// Takes a value without places; nested as deep as with [`from_ast`](Self::from_ast).
    ///
    /// ```
    /// use dtdl::{Document, Models, Rules};
    ///
    /// let model = serde_json::json!({ "@context": "dtmi:dtdl:context;3", "@type": "Interface" });
    /// let problems = Models::parse(Rules::Adt, &[Document::from_value(&model)]).expect_err("a model has an @id");
    /// assert_eq!((problems[0].rule, problems[0].span.as_ref()), ("missing-required-id", None));
    /// ```
    pub fn from_value(value: &serde_json::Value) -> Self {
        let mut cut = Cut::default();
        let root = cut.node_of_value(value, DEPTH);
        Self { root, too_deep: cut.too_deep }
    }
}

impl From<&serde_json::Value> for Document {
    fn from(value: &serde_json::Value) -> Self {
        Self::from_value(value)
    }
}

/// Where the character starts that has the byte at a line and a column, both from 1, the column in bytes.
fn offset(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let byte = (before + column.saturating_sub(1)).min(text.len());
    (0..=byte).rev().find(|byte| text.is_char_boundary(*byte)).unwrap_or(0)
}

fn not_json(what: &dyn std::fmt::Display, span: Range<usize>) -> Problem {
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

/// The conversion, which leaves out what is nested too deep.
#[derive(Default)]
struct Cut {
    too_deep: Option<Option<Range<usize>>>,
}

impl Cut {
    /// Whether arrays and objects may stand here; the place is kept where they may not.
    fn reaches(&mut self, left: usize, span: Option<Range<usize>>) -> bool {
        if left == 0 {
            self.too_deep.get_or_insert(span);
        }
        left > 0
    }

    fn node_of_ast(&mut self, value: &ast::Value<'_>, left: usize) -> Node {
        let (kind, range) = match value {
            ast::Value::NullKeyword(null) => (Kind::Null, null.range),
            ast::Value::BooleanLit(boolean) => (Kind::Bool(boolean.value), boolean.range),
            ast::Value::NumberLit(number) => (Kind::Number(number.value.to_owned()), number.range),
            ast::Value::StringLit(string) => (Kind::String(string.value.to_string()), string.range),
            ast::Value::Array(array) => {
                let reaches = self.reaches(left, Some(array.range.start..array.range.end));
                let elements = array.elements.iter().filter(|_| reaches);
                (Kind::Array(elements.map(|element| self.node_of_ast(element, left - 1)).collect()), array.range)
            }
            ast::Value::Object(object) => {
                let reaches = self.reaches(left, Some(object.range.start..object.range.end));
                let members = object.properties.iter().filter(|_| reaches);
                (Kind::Object(members.map(|member| self.member_of_ast(member, left - 1)).collect()), object.range)
            }
        };
        Node { kind, span: Some(range.start..range.end) }
    }

    fn member_of_ast(&mut self, property: &ast::ObjectProp<'_>, left: usize) -> Member {
        let range = match &property.name {
            ast::ObjectPropName::String(name) => name.range,
            ast::ObjectPropName::Word(name) => name.range,
        };
        Member {
            key: property.name.as_str().to_owned(),
            key_span: Some(range.start..range.end),
            value: self.node_of_ast(&property.value, left),
        }
    }

    fn node_of_value(&mut self, value: &serde_json::Value, left: usize) -> Node {
        use serde_json::Value;
        let kind = match value {
            Value::Null => Kind::Null,
            Value::Bool(boolean) => Kind::Bool(*boolean),
            Value::Number(number) => Kind::Number(number.to_string()),
            Value::String(string) => Kind::String(string.clone()),
            Value::Array(elements) => {
                let reaches = self.reaches(left, None);
                let elements = elements.iter().filter(|_| reaches);
                Kind::Array(elements.map(|element| self.node_of_value(element, left - 1)).collect())
            }
            Value::Object(members) => {
                let reaches = self.reaches(left, None);
                let members = members.iter().filter(|_| reaches);
                let member = |(key, value): (&String, &Value)| Member {
                    key: key.clone(),
                    key_span: None,
                    value: self.node_of_value(value, left - 1),
                };
                Kind::Object(members.map(member).collect())
            }
        };
        Node { kind, span: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strict_json_is_read() {
        let bad = ["", "{'a': 1}", "[0x1]", "[+1]", "[1,]", "[1 2]", "// c\n1", "[1] 2", "[\"a\nb\"]", "[01]"];
        for text in bad {
            assert!(Document::from_text(text).is_err(), "{text:?}");
        }
        assert!(Document::from_text(&"[".repeat(100_000)).is_err());
        assert!(Document::from_text(" [1, {\"a\": \"\\u00e4\"}] ").is_ok());
    }

    #[test]
    fn the_place_of_a_syntax_error_is_given() {
        let text = "{\n  \"a\": 1,\n  b\n}";
        let problems = Document::from_text(text).unwrap_err();
        assert_eq!(problems[0].span.clone().map(|span| &text[span]), Some("b"));
        let text = "[1, \u{71c}]";
        let problems = Document::from_text(text).unwrap_err();
        assert_eq!(problems[0].span.clone().map(|span| &text[span]), Some("\u{71c}"));
    }

    #[test]
    fn text_and_value_give_the_same_document() {
        let text = r#"[{"a": [1, 2.5, null, true, "x"]}]"#;
        let value = serde_json::from_str(text).unwrap();
        assert_eq!(Document::from_text(text).unwrap().root, Document::from_value(&value).root);
    }

    #[test]
    fn a_value_is_as_large_as_its_shortest_text() {
        let value =
            serde_json::json!([{"a\"": "\u{1}\n\u{8}\\/\u{7f}\u{e4}", "b": [1, 2.5, null]}, [], {}, true, false]);
        assert_eq!(Document::from_value(&value).root.size(), value.to_string().len());
    }
}
