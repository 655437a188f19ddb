//! The rows: workspaces, component types and entities, by ARN.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::life::Life;
use crate::state::Row;

/// Tags, by key.
pub(super) type Tags = BTreeMap<String, String>;

/// A workspace; what it holds is kept under ARNs that begin with its own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Workspace {
    pub(super) id: String,
    /// `description`, `role` and `s3Location`, as asked.
    pub(super) said: Map<String, Value>,
    pub(super) tags: Tags,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

/// A component type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ComponentType {
    pub(super) id: String,
    /// `description`, `componentTypeName` and `isSingleton`, as asked.
    pub(super) said: Map<String, Value>,
    /// The types that it inherits from, nearest first.
    pub(super) extends: Vec<String>,
    /// Its own property definitions, without what is inherited.
    pub(super) properties: BTreeMap<String, Map<String, Value>>,
    /// Its own functions, without what is inherited.
    pub(super) functions: BTreeMap<String, Map<String, Value>>,
    pub(super) tags: Tags,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) life: Life,
}

/// An entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entity {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: Option<String>,
    /// The parent's id, or [`super::tree::ROOT`].
    pub(super) parent: String,
    pub(super) components: BTreeMap<String, Component>,
    pub(super) tags: Tags,
    pub(super) created: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
    pub(super) life: Life,
}

/// A component of an entity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Component {
    pub(super) component_type: String,
    pub(super) description: Option<String>,
    /// What the component says of its properties beyond its type.
    pub(super) properties: BTreeMap<String, Property>,
}

/// What a component says of a property.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Property {
    /// The definition, where the property is the component's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) definition: Option<Map<String, Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
}

/// A row with tags.
pub(super) trait Tagged: Row {
    fn tags(&mut self) -> &mut Tags;
}

/// A row that comes into being and goes in time.
pub(super) trait Living: Row {
    fn life_mut(&mut self) -> &mut Life;
}

macro_rules! tagged {
    ($($row:ty),*) => { $(impl Tagged for $row { fn tags(&mut self) -> &mut Tags { &mut self.tags } })* };
}
tagged!(Workspace, ComponentType, Entity);

macro_rules! living {
    ($($row:ty),*) => { $(impl Living for $row {
        fn life_mut(&mut self) -> &mut Life { &mut self.life }
    })* };
}
living!(ComponentType, Entity);
