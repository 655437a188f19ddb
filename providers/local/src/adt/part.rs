//! What is stored of a twin: compact, and apart from the JSON that the service shows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::call::Version;
use super::name::{Name, Names};
use super::ticks::Ticks;

/// A property of a twin or component, with the times that `$metadata` shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Property {
    pub(super) name: Name,
    pub(super) value: Value,
    pub(super) updated: Ticks,
    /// When the value was true, as the writer said it; it outlives later writes of the value alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source_time: Option<Box<str>>,
}

/// The properties of a twin or of one of its components, sorted by name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Part {
    pub(super) updated: Ticks,
    pub(super) properties: Vec<Property>,
}

/// A stored twin; its id is the key that it is stored under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Twin {
    pub(super) model: Name,
    pub(super) etag: Uuid,
    pub(super) root: Part,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) components: Vec<(Name, Part)>,
}

/// The ETag of a write, as header and body show it.
pub(super) fn etag(id: Uuid) -> String {
    format!("W/\"{id}\"")
}

impl Part {
    /// One property.
    pub(super) fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().find(|property| &*property.name == name)
    }

    fn same_values(&self, other: &Self) -> bool {
        let same = |(one, other): (&Property, &Property)| {
            one.name == other.name && one.value == other.value && one.source_time == other.source_time
        };
        self.properties.len() == other.properties.len() && self.properties.iter().zip(&other.properties).all(same)
    }

    fn share(&mut self, names: &mut Names) {
        for property in &mut self.properties {
            names.share(&mut property.name);
        }
        self.properties.shrink_to_fit();
    }

    /// Adds the values to a document and returns the entries of its `$metadata`.
    fn show(&self, document: &mut Map<String, Value>, version: Version) -> Map<String, Value> {
        let mut metadata = Map::new();
        if version.shows_last_update_time() {
            metadata.insert("$lastUpdateTime".to_owned(), self.updated.of_twin().into());
        }
        for property in &self.properties {
            document.insert(property.name.to_string(), property.value.clone());
            metadata.insert(property.name.to_string(), property.times(version));
        }
        metadata
    }

    /// The component as the service shows it.
    pub(super) fn document(&self, version: Version) -> Value {
        let mut document = Map::new();
        let metadata = self.show(&mut document, version);
        document.insert("$metadata".to_owned(), metadata.into());
        document.into()
    }
}

impl Property {
    fn times(&self, version: Version) -> Value {
        match &self.source_time {
            Some(time) if version.has_source_time() => {
                json!({"lastUpdateTime": self.updated.of_twin(), "sourceTime": time})
            }
            _ => json!({"lastUpdateTime": self.updated.of_twin()}),
        }
    }
}

impl Twin {
    /// The twin as the service shows it.
    pub(super) fn document(&self, id: &str, version: Version) -> Value {
        let mut document = Map::new();
        let mut metadata = self.root.show(&mut document, version);
        metadata.insert("$model".to_owned(), (*self.model).into());
        for (name, part) in &self.components {
            document.insert(name.to_string(), part.document(version));
        }
        document.insert("$dtId".to_owned(), id.into());
        document.insert("$etag".to_owned(), etag(self.etag).into());
        document.insert("$metadata".to_owned(), metadata.into());
        document.into()
    }

    /// One component.
    pub(super) fn component(&self, name: &str) -> Option<&Part> {
        self.components.iter().find(|(one, _)| &**one == name).map(|(_, part)| part)
    }

    /// Whether both have the same model and values, whenever they were written.
    pub(super) fn same_content(&self, other: &Self) -> bool {
        let parts = self.components.iter().zip(&other.components);
        self.model == other.model
            && self.root.same_values(&other.root)
            && self.components.len() == other.components.len()
            && parts.into_iter().all(|((name, part), (other, same))| name == other && part.same_values(same))
    }

    /// Lets the names be shared with all that use the same ones.
    pub(super) fn share(&mut self, names: &mut Names) {
        names.share(&mut self.model);
        self.root.share(names);
        for (name, part) in &mut self.components {
            names.share(name);
            part.share(names);
        }
    }
}
