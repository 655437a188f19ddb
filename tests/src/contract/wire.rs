//! Values as they stand on the wire.

use serde_json::{Value, json};
use url::{Position, Url};

use super::operation::Parameter;

/// Path and query: what an answer hands out is told by it, whatever host it names.
pub(super) fn target(url: &Url) -> String {
    url[Position::BeforePath..].to_owned()
}

/// The query's pairs, without escapes.
pub(super) fn query(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A path segment without its escapes.
pub(super) fn decode(segment: &str) -> String {
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(format!("x={escaped}").as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// The value of a parameter as its type; what cannot be read as one stays text, for the schema to refuse.
pub(super) fn typed(parameter: &Parameter, text: &str) -> Value {
    let of = |kind: &str, text: &str| match kind {
        "integer" => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        "number" => text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number)),
        "boolean" => text.parse::<bool>().map_or_else(|_| json!(text), |flag| json!(flag)),
        _ => json!(text),
    };
    let kind = |pointer: &str| parameter.schema.pointer(pointer).and_then(Value::as_str).unwrap_or("string");
    match (kind("/type"), parameter.separator) {
        ("array", Some(separator)) => text.split(separator).map(|item| of(kind("/items/type"), item)).collect(),
        ("array", None) => json!([of(kind("/items/type"), text)]),
        (kind, _) => of(kind, text),
    }
}
