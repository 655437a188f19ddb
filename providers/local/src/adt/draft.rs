//! A twin being written: changed freely, then checked as a whole against its model, then stored.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use dtdl::{Content, Models};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::answer::Refusal;
use super::call::Version;
use super::limits;
use super::name::Name;
use super::part::{Part, Property, Twin};
use super::patch::{self, Edit, Operation};
use super::ticks::Ticks;

/// A twin being written.
#[derive(Debug)]
pub(super) struct Draft {
    model: String,
    root: Sheet,
    components: BTreeMap<String, Sheet>,
}

/// The properties of the twin, or of one of its components, being written.
#[derive(Debug, Default)]
struct Sheet {
    values: Map<String, Value>,
    source_times: BTreeMap<String, String>,
    /// Properties written by this request, whatever the value was before.
    written: BTreeSet<String>,
    is_written: bool,
}

impl Draft {
    /// Takes the body of a `PUT`.
    pub(super) fn of_body(body: Map<String, Value>, models: &Models, version: Version) -> Result<Self, Refusal> {
        let model = body.get("$metadata").and_then(|metadata| metadata.get("$model")).and_then(Value::as_str);
        let model = model.ok_or_else(|| invalid(vec!["The $metadata.$model of the Twin is missing.".to_owned()]))?;
        let mut draft = Self { model: model.to_owned(), root: Sheet::default(), components: BTreeMap::new() };
        let mut root = body;
        let names: Vec<_> = models.components(&draft.model).map(|component| component.name.clone()).collect();
        for name in names {
            if let Some(component) = root.remove(&name) {
                let sheet = Sheet::of_component(&name, component, version)?;
                draft.components.insert(name, sheet);
            }
        }
        root.remove("$dtId");
        root.remove("$etag");
        draft.root = Sheet::of_body(root, version);
        Ok(draft)
    }

    /// Takes a stored twin.
    pub(super) fn of_twin(twin: &Twin) -> Self {
        Self {
            model: twin.model.to_string(),
            root: Sheet::of_part(&twin.root),
            components: twin.components.iter().map(|(name, part)| (name.to_string(), Sheet::of_part(part))).collect(),
        }
    }

    /// The id of the model that it is to have.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// Applies one operation of a patch.
    pub(super) fn patch(&mut self, operation: &Operation, models: &Models, version: Version) -> Result<(), Refusal> {
        let edit = &operation.value;
        let segments: Vec<&str> = operation.path.iter().map(String::as_str).collect();
        match segments[..] {
            ["$metadata", "$model"] => self.change_model(edit),
            [name, ..] if !name.starts_with('$') && self.has_component(name, models) => {
                self.patch_component(name, &operation.path[1..], edit, version)
            }
            _ => self.root.patch(&operation.path, edit, version),
        }
    }

    fn change_model(&mut self, edit: &Edit) -> Result<(), Refusal> {
        match edit {
            Edit::Add(Value::String(model)) | Edit::Replace(Value::String(model)) => self.model.clone_from(model),
            _ => return Err(Refusal::patch("The $model of a twin can only be replaced by the id of a model.")),
        }
        self.root.is_written = true;
        Ok(())
    }

    fn has_component(&self, name: &str, models: &Models) -> bool {
        self.components.contains_key(name) || matches!(models.content(&self.model, name), Some(Content::Component(_)))
    }

    fn patch_component(&mut self, name: &str, path: &[String], edit: &Edit, version: Version) -> Result<(), Refusal> {
        if !path.is_empty() {
            let sheet = self.components.get_mut(name);
            let whole = || format!("/{name}/{}", path.join("/"));
            return sheet.ok_or_else(|| patch::unresolved(&whole()))?.patch(path, edit, version);
        }
        let present = self.components.contains_key(name);
        match edit {
            Edit::Add(value) | Edit::Replace(value) if present || matches!(edit, Edit::Add(_)) => {
                let sheet = Sheet::of_component(name, value.clone(), version)?;
                self.components.insert(name.to_owned(), sheet);
            }
            Edit::Remove if present => drop(self.components.remove(name)),
            _ => return Err(patch::absent(name)),
        }
        Ok(())
    }

    /// Checks the whole against its model; every difference is named.
    pub(super) fn check(&self, models: &Models) -> Result<(), Refusal> {
        if models.get(&self.model).is_none() {
            return Err(invalid(vec![format!("{} or one of its dependencies does not exist.", self.model)]));
        }
        let mut wrong = Vec::new();
        self.root.check(models, &self.model, "Twin", &mut wrong);
        for component in models.components(&self.model) {
            match self.components.get(&component.name) {
                Some(sheet) => sheet.check(models, component.schema.as_str(), &component.name, &mut wrong),
                None => wrong.push(format!("The component {} of the DTDL is missing from the Twin.", component.name)),
            }
        }
        let known = |name: &str| matches!(models.content(&self.model, name), Some(Content::Component(_)));
        let unknown = self.components.keys().filter(|name| !known(name));
        wrong.extend(unknown.map(|name| format!("{name} does not appear on the DTDL for Twin.")));
        if wrong.is_empty() { self.check_size() } else { Err(invalid(wrong)) }
    }

    fn check_size(&self) -> Result<(), Refusal> {
        let sheets = self.components.values().chain([&self.root]);
        let bytes: usize = sheets.map(|sheet| size_of(&sheet.values)).sum();
        if bytes <= limits::BODY_BYTES {
            return Ok(());
        }
        Err(invalid(vec![format!("The Twin is larger than {} bytes.", limits::BODY_BYTES)]))
    }

    /// The twin to store; what this request did not write keeps its times.
    pub(super) fn into_twin(self, before: Option<&Twin>, now: Ticks, etag: Uuid) -> Twin {
        let component = |(name, sheet): (String, Sheet)| {
            let part = sheet.into_part(before.and_then(|twin| twin.component(&name)), now);
            (Name::from(name.as_str()), part)
        };
        let components = self.components.into_iter().map(component).collect();
        let mut root = self.root.into_part(before.map(|twin| &twin.root), now);
        root.updated = now;
        Twin { model: Name::from(self.model.as_str()), etag, root, components }
    }
}

impl Sheet {
    /// Takes the members of a body, all of them written by this request.
    fn of_body(mut body: Map<String, Value>, version: Version) -> Self {
        let metadata = body.remove("$metadata").unwrap_or_default();
        let time =
            |(name, entry): (&String, &Value)| Some((name.clone(), entry.get("sourceTime")?.as_str()?.to_owned()));
        let times = metadata.as_object().into_iter().flatten().filter_map(time);
        let source_times = if version.has_source_time() { times.collect() } else { BTreeMap::new() };
        let written = body.keys().cloned().collect();
        Self { values: body, source_times, written, is_written: true }
    }

    /// Takes a component of a body; `$metadata` is what makes an object a component.
    fn of_component(name: &str, component: Value, version: Version) -> Result<Self, Refusal> {
        match component {
            Value::Object(members) if members.get("$metadata").is_some_and(Value::is_object) => {
                Ok(Self::of_body(members, version))
            }
            _ => Err(invalid(vec![format!("The component {name} must be an object with $metadata.")])),
        }
    }

    fn of_part(part: &Part) -> Self {
        let times = part
            .properties
            .iter()
            .filter_map(|one| Some((one.name.to_string(), one.source_time.as_ref()?.to_string())));
        Self {
            values: part.properties.iter().map(|one| (one.name.to_string(), one.value.clone())).collect(),
            source_times: times.collect(),
            ..Self::default()
        }
    }

    fn patch(&mut self, path: &[String], edit: &Edit, version: Version) -> Result<(), Refusal> {
        self.is_written = true;
        match path {
            [metadata, name, time] if metadata == "$metadata" && time == "sourceTime" && version.has_source_time() => {
                self.patch_source_time(name, edit)
            }
            [name, ..] if name.starts_with('$') => {
                Err(Refusal::patch(format_args!("The path /{} cannot be patched.", path.join("/"))))
            }
            [name, ..] => {
                patch::edit(&mut self.values, path, edit)?;
                self.written.insert(name.clone());
                if !self.values.contains_key(name) {
                    self.source_times.remove(name);
                }
                Ok(())
            }
            [] => Err(patch::unresolved("/")),
        }
    }

    /// A source time can be replaced before it was ever set, unlike a property.
    fn patch_source_time(&mut self, name: &str, edit: &Edit) -> Result<(), Refusal> {
        match edit {
            Edit::Add(Value::String(time)) | Edit::Replace(Value::String(time)) => {
                self.source_times.insert(name.to_owned(), time.clone());
            }
            Edit::Remove if self.source_times.contains_key(name) => drop(self.source_times.remove(name)),
            Edit::Remove => return Err(patch::absent("sourceTime")),
            _ => return Err(invalid(vec![format!("The sourceTime of {name} is not a dateTime.")])),
        }
        Ok(())
    }

    fn check(&self, models: &Models, model: &str, owner: &str, wrong: &mut Vec<String>) {
        for (name, value) in &self.values {
            match models.content(model, name) {
                Some(Content::Property(property)) => {
                    if let Some(problem) = misfit(&property.schema, value) {
                        wrong.push(format!("The value of {name} is not valid for {owner}: {problem}."));
                    }
                }
                _ => wrong.push(format!("{name} does not appear on the DTDL for {owner}.")),
            }
        }
        for (name, time) in &self.source_times {
            if !self.values.contains_key(name) {
                wrong.push(format!("The sourceTime of {name} has no value to belong to."));
            } else if DateTime::parse_from_rfc3339(time).is_err() {
                wrong.push(format!("The sourceTime of {name} is not a dateTime."));
            }
        }
    }

    fn into_part(mut self, before: Option<&Part>, now: Ticks) -> Part {
        let updated = match before {
            Some(before) if !self.is_written => before.updated,
            _ => now,
        };
        let property = |(name, value): (String, Value)| {
            let kept = before.and_then(|before| before.property(&name)).filter(|_| !self.written.contains(&name));
            Property {
                updated: kept.map_or(now, |kept| kept.updated),
                source_time: self.source_times.remove(&name).map(String::into_boxed_str),
                name: Name::from(name.as_str()),
                value,
            }
        };
        Part { updated, properties: std::mem::take(&mut self.values).into_iter().map(property).collect() }
    }
}

fn invalid(details: Vec<String>) -> Refusal {
    Refusal::invalid("Invalid twin specified", details)
}

/// Why a property cannot have a value, if it cannot.
pub(super) fn misfit(schema: &dtdl::Schema, value: &Value) -> Option<String> {
    match dtdl::check_value(schema, value) {
        Err(problem) => Some(problem.to_string()),
        Ok(()) if longest_string(value) > limits::STRING_BYTES => {
            Some(format!("a string is longer than {} bytes", limits::STRING_BYTES))
        }
        Ok(()) => None,
    }
}

/// The bytes of the longest string in a value.
fn longest_string(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(longest_string).max().unwrap_or(0),
        Value::Object(members) => members.values().map(longest_string).max().unwrap_or(0),
        _ => 0,
    }
}

/// About as many bytes as properties have as JSON.
pub(super) fn size_of(properties: &Map<String, Value>) -> usize {
    properties.iter().map(|(name, value)| name.len() + size(value)).sum()
}

/// About as many bytes as the value has as JSON.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(elements) => elements.iter().map(size).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + size(value)).sum(),
        _ => 8,
    }
}
