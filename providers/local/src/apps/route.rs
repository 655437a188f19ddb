//! Route templates of HTTP functions: `orders/{id}`, `orders/{id?}`, `files/{*path}`.

use serde_json::{Map, Value};

/// A route template, without the host's prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// In lower case: routes do not heed case.
    Text(String),
    One(String),
    Optional(String),
    Rest(String),
}

impl Template {
    /// Reads a template; a parameter's constraint (`{id:int}`) is not enforced.
    pub(super) fn read(text: &str) -> Self {
        Self(text.split('/').filter(|part| !part.is_empty()).map(part).collect())
    }

    /// The parameters with which the path's segments fit; `None` when they do not.
    pub(super) fn fit(&self, segments: &[String]) -> Option<Map<String, Value>> {
        let mut found = Map::new();
        let mut rest = segments;
        for part in &self.0 {
            match (part, rest.split_first()) {
                (Part::Rest(name), _) => {
                    found.insert(name.clone(), rest.join("/").into());
                    return Some(found);
                }
                (Part::Text(text), Some((first, tail))) if first.to_lowercase() == *text => rest = tail,
                (Part::One(name) | Part::Optional(name), Some((first, tail))) => {
                    found.insert(name.clone(), first.clone().into());
                    rest = tail;
                }
                (Part::Optional(_), None) => {}
                _ => return None,
            }
        }
        rest.is_empty().then_some(found)
    }
}

fn part(text: &str) -> Part {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else {
        return Part::Text(text.to_lowercase());
    };
    let optional = inner.ends_with('?');
    let name = inner.trim_end_matches('?').split([':', '=']).next().unwrap_or_default();
    match name.strip_prefix('*') {
        Some(name) => Part::Rest(name.to_owned()),
        None if optional => Part::Optional(name.to_owned()),
        None => Part::One(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fit(template: &str, path: &str) -> Option<Value> {
        let segments: Vec<String> = path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
        Template::read(template).fit(&segments).map(Value::Object)
    }

    #[test]
    fn segments_fit_text_parameters_and_rest() {
        assert_eq!(fit("adt-pusher", "ADT-Pusher"), Some(json!({})));
        assert_eq!(fit("adt-pusher", "adt-pusher/x"), None);
        assert_eq!(fit("orders/{id:int}/lines", "orders/7/lines"), Some(json!({ "id": "7" })));
        assert_eq!(fit("orders/{id}", "orders"), None);
        assert_eq!(fit("orders/{id?}", "orders"), Some(json!({})));
        assert_eq!(fit("files/{*path}", "files/a/b"), Some(json!({ "path": "a/b" })));
        assert_eq!(fit("", ""), Some(json!({})));
    }
}
