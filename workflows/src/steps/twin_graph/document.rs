//! What a twin graph is wanted to be: models, twins, relationships, and which properties live data writes.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The wanted graph. Bodies are in Azure Digital Twins' own shapes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct GraphDocument {
    /// The models, each after those that it extends or has as components.
    pub(crate) models: Vec<Value>,
    /// The twins by `$dtId`; a body has `$metadata.$model` and the initial values.
    pub(crate) twins: BTreeMap<String, Value>,
    /// The relationships.
    pub(crate) relationships: Vec<Relationship>,
    /// The JSON Patch paths that devices write, by twin: set once at creation, never put back to the initial value.
    pub(crate) live: BTreeMap<String, BTreeSet<String>>,
}

/// A wanted relationship.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Relationship {
    /// The source twin.
    pub(crate) source: String,
    /// Its id, unique for the source.
    pub(crate) id: String,
    /// `$targetId`, `$relationshipName` and properties.
    pub(crate) body: Value,
}

impl Relationship {
    /// What tells it apart from others.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.source, &self.id)
    }
}

impl GraphDocument {
    /// Reads a document of an earlier definition back; one of an unknown shape counts as empty, so nothing is deleted.
    pub(crate) fn earlier(document: Option<&Value>) -> Self {
        document.and_then(|document| serde_json::from_value(document.clone()).ok()).unwrap_or_default()
    }

    /// The ids of the models, in order.
    pub(crate) fn model_ids(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.models.iter().filter_map(|model| model["@id"].as_str())
    }

    /// Whether a device writes to the path.
    pub(crate) fn is_live(&self, twin: &str, path: &str) -> bool {
        self.live.get(twin).is_some_and(|paths| paths.contains(path))
    }

    /// The models of `self` that `other` does not have, most dependent first: the order in which they can be deleted.
    pub(crate) fn models_not_in(&self, other: &Self) -> Vec<String> {
        let kept: BTreeSet<&str> = other.model_ids().collect();
        self.model_ids().rev().filter(|id| !kept.contains(id)).map(String::from).collect()
    }

    /// The twins of `self` that `other` does not have.
    pub(crate) fn twins_not_in(&self, other: &Self) -> Vec<String> {
        self.twins.keys().filter(|id| !other.twins.contains_key(*id)).cloned().collect()
    }

    /// The relationships of `self` that `other` does not have.
    pub(crate) fn relationships_not_in(&self, other: &Self) -> Vec<Relationship> {
        let kept: BTreeSet<(&str, &str)> = other.relationships.iter().map(Relationship::key).collect();
        self.relationships.iter().filter(|one| !kept.contains(&one.key())).cloned().collect()
    }
}
