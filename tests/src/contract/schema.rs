//! From Swagger 2.0's schemas to JSON Schema 2020-12, with what Azure's specifications mean by them.
//!
//! - Each definition becomes one entry of `$defs`, open (its properties are not all there is, since `allOf` adds to it).
//! - Where a schema is used (a body, a property, an item), it is closed for requests by `unevaluatedProperties`, and a
//!   definition with a `discriminator` takes the subtype that the value names.
//! - In a request, a property that only the service sets is the schema `false`, and is not required.
//! - In an answer, a property that is never read is not required, and one that is not required may be null.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

use super::documents::{Documents, Place, reference_of};

/// Whose document is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    /// A request that creates or replaces, or acts.
    Request,
    /// A request that changes.
    Patch,
    /// An answer.
    Response,
}

impl Side {
    /// Whether whoever writes this side may set the property.
    fn may_set(self, property: &Value) -> bool {
        let read_only = property.get("readOnly").and_then(Value::as_bool).unwrap_or(false);
        let mutability = property.get("x-ms-mutability").and_then(Value::as_array);
        let can = |what: &str| mutability.is_none_or(|list| list.iter().any(|item| item == what));
        match self {
            Self::Request => !read_only && (can("create") || can("update")),
            Self::Patch => !read_only && can("update"),
            Self::Response => can("read"),
        }
    }

    fn is_request(self) -> bool {
        self != Self::Response
    }
}

/// Keywords that mean the same in both.
const SAME: [&str; 14] = [
    "enum",
    "pattern",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "title",
    "description",
];

/// Which definitions specialise which, by discriminator value.
#[derive(Debug, Default)]
pub(super) struct Subtypes(BTreeMap<Place, Vec<(String, Place)>>);

impl Subtypes {
    pub(super) fn read(documents: &Documents) -> Self {
        let mut children: BTreeMap<Place, Vec<(String, Place)>> = BTreeMap::new();
        for (file, document) in documents.files() {
            let definitions = document.get("definitions").and_then(Value::as_object).into_iter().flatten();
            for (name, definition) in definitions {
                let value = definition.get("x-ms-discriminator-value").and_then(Value::as_str).unwrap_or(name);
                let place = Place { file, pointer: format!("/definitions/{}", escape(name)) };
                let parents = definition.get("allOf").and_then(Value::as_array).into_iter().flatten();
                for parent in parents.filter_map(reference_of) {
                    let parent = documents.target(file, parent);
                    children.entry(parent).or_default().push((value.to_owned(), place.clone()));
                }
            }
        }
        Self(children)
    }

    /// All descendants of a definition with the values that name them.
    fn below(&self, place: &Place) -> Vec<(String, Place)> {
        let mut found: Vec<(String, Place)> = Vec::new();
        let mut left: VecDeque<&Place> = VecDeque::from([place]);
        let mut seen = BTreeSet::new();
        while let Some(parent) = left.pop_front() {
            for (value, child) in self.0.get(parent).into_iter().flatten() {
                if seen.insert(child) {
                    found.push((value.clone(), child.clone()));
                    left.push_back(child);
                }
            }
        }
        found
    }
}

/// Makes one self-contained JSON Schema.
pub(super) struct Converter<'a> {
    documents: &'a Documents,
    subtypes: &'a Subtypes,
    side: Side,
    wanted: VecDeque<Place>,
    known: BTreeSet<Place>,
}

impl<'a> Converter<'a> {
    /// The schema of a body, or of a parameter's value.
    pub(super) fn convert(
        documents: &'a Documents,
        subtypes: &'a Subtypes,
        side: Side,
        file: usize,
        schema: &Value,
    ) -> Value {
        let mut converter = Self { documents, subtypes, side, wanted: VecDeque::new(), known: BTreeSet::new() };
        let root = converter.used(file, schema);
        let mut definitions = Map::new();
        while let Some(place) = converter.wanted.pop_front() {
            let definition = converter.open(place.file, documents.at(&place));
            definitions.insert(key(&place), definition);
        }
        json!({"$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [root], "$defs": definitions})
    }

    /// A schema where a value is held against it.
    fn used(&mut self, file: usize, schema: &Value) -> Value {
        let place = reference_of(schema).map(|reference| self.documents.target(file, reference));
        let (target_file, target) = self.documents.resolve(file, schema);
        let mut used = self.open(file, schema);
        if let (Some(place), Some(discriminator)) = (&place, target.get("discriminator").and_then(Value::as_str)) {
            let kinds = self.kinds(place, discriminator);
            used = json!({"allOf": [used, kinds]});
        }
        if self.side.is_request()
            && self.names_properties(target_file, target)
            && let Some(used) = used.as_object_mut()
        {
            used.insert("unevaluatedProperties".into(), Value::Bool(false));
        }
        let nullable = |schema: &Value| schema.get("x-nullable").and_then(Value::as_bool).unwrap_or(false);
        if nullable(schema) || nullable(target) { json!({"anyOf": [used, {"type": "null"}]}) } else { used }
    }

    /// The subtype that the discriminator's value names; one that nothing specialises is as it is.
    fn kinds(&mut self, base: &Place, discriminator: &str) -> Value {
        let below = self.subtypes.below(base);
        let branches: Vec<Value> = below
            .iter()
            .map(|(value, place)| {
                let names = json!({"properties": {discriminator: {"const": value}}, "required": [discriminator]});
                json!({"if": names, "then": self.reference(place.clone())})
            })
            .collect();
        let mut values: Vec<&str> = below.iter().map(|(value, _)| value.as_str()).collect();
        let own = base.pointer.rsplit('/').next().unwrap_or_default();
        values.push(own);
        if branches.is_empty() {
            return Value::Bool(true);
        }
        json!({"allOf": branches, "properties": {discriminator: {"enum": values}}})
    }

    fn reference(&mut self, place: Place) -> Value {
        let reference = json!({"$ref": format!("#/$defs/{}", key(&place))});
        if self.known.insert(place.clone()) {
            self.wanted.push_back(place);
        }
        reference
    }

    /// A schema without closing it.
    fn open(&mut self, file: usize, schema: &Value) -> Value {
        if let Some(reference) = reference_of(schema) {
            let place = self.documents.target(file, reference);
            return self.reference(place);
        }
        let mut out = Map::new();
        for name in SAME {
            if let Some(value) = schema.get(name) {
                out.insert(name.into(), value.clone());
            }
        }
        if !self.side.is_request() && is_extensible(schema) {
            out.remove("enum");
        }
        type_and_format(schema, &mut out);
        if let Some(items) = schema.get("items") {
            out.insert("items".into(), self.used(file, items));
        }
        if let Some(parts) = schema.get("allOf").and_then(Value::as_array) {
            let parts: Vec<Value> = parts.iter().map(|part| self.open(file, part)).collect();
            out.insert("allOf".into(), parts.into());
        }
        self.members(file, schema, &mut out);
        Value::Object(out)
    }

    fn members(&mut self, file: usize, schema: &Value, out: &mut Map<String, Value>) {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let mut needed = Vec::new();
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let mut members = Map::new();
            for (name, property) in properties {
                let settable = self.settable(file, property);
                let must = required.contains(&name.as_str()) && settable;
                let member = match self.side {
                    Side::Request | Side::Patch if !settable => Value::Bool(false),
                    Side::Response if !must => json!({"anyOf": [self.used(file, property), {"type": "null"}]}),
                    _ => self.used(file, property),
                };
                members.insert(name.clone(), member);
                if must {
                    needed.push(name.as_str());
                }
            }
            out.insert("properties".into(), members.into());
            out.entry("type").or_insert_with(|| "object".into());
            // What is required and described elsewhere (in what `allOf` adds) is required all the same.
            needed.extend(required.iter().filter(|name| !properties.contains_key(**name)));
        }
        if !needed.is_empty() {
            out.insert("required".into(), json!(needed));
        }
        match schema.get("additionalProperties") {
            // "No more than these" would not see what `allOf` adds; a request is closed where it is used.
            Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => {
                out.insert("additionalProperties".into(), json!(true));
            }
            Some(additional) => {
                out.insert("additionalProperties".into(), self.used(file, additional));
            }
            None => {}
        }
    }

    /// A property says itself who sets it, or the definition that it refers to does.
    fn settable(&self, file: usize, property: &Value) -> bool {
        self.side.may_set(property) && self.side.may_set(self.documents.resolve(file, property).1)
    }

    /// Whether a schema names properties, itself or by what it is made of: only then is any other property unknown.
    fn names_properties(&self, file: usize, schema: &Value) -> bool {
        let parts = schema.get("allOf").and_then(Value::as_array).into_iter().flatten();
        schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
            || parts
                .map(|part| self.documents.resolve(file, part))
                .any(|(file, part)| self.names_properties(file, part))
    }
}

/// An enum that may grow: the service may answer with a value that is not listed.
fn is_extensible(schema: &Value) -> bool {
    schema.pointer("/x-ms-enum/modelAsString").and_then(Value::as_bool).unwrap_or(false)
}

fn type_and_format(schema: &Value, out: &mut Map<String, Value>) {
    let format = schema.get("format").and_then(Value::as_str);
    match schema.get("type").and_then(Value::as_str) {
        // Any bytes.
        Some("file") | None => {}
        Some(kind) => {
            out.insert("type".into(), kind.into());
        }
    }
    match format {
        Some("int32") => {
            out.entry("minimum").or_insert_with(|| i32::MIN.into());
            out.entry("maximum").or_insert_with(|| i32::MAX.into());
        }
        Some(format) => {
            out.insert("format".into(), format.into());
        }
        None => {}
    }
}

fn key(place: &Place) -> String {
    let name: String = place.pointer.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{}{name}", place.file)
}

/// A name as part of a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Compiles a schema; one that does not compile is a defect of the converter.
pub(super) fn build(schema: &Value, what: &str) -> Validator {
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .with_format("arm-id", |text: &str| text.starts_with('/'))
        .with_format("byte", |text: &str| {
            text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
        })
        .should_ignore_unknown_formats(true)
        .build(schema)
        .unwrap_or_else(|error| panic!("the schema of {what} does not compile: {error}"))
}
