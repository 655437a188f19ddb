//! What an instance's file holds: one change a line.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::egress::Outgoing;
use super::job::{Family, Job};
use super::name::Name;
use super::part::Twin;
use super::ticks::Ticks;

/// A model as it was uploaded.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Model {
    pub(super) id: Name,
    pub(super) uploaded: Ticks,
    pub(super) decommissioned: bool,
    pub(super) definition: Value,
}

/// A relationship; its source and id are the key that it is stored under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Relationship {
    pub(super) name: Name,
    pub(super) target: Name,
    pub(super) etag: Uuid,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub(super) properties: Map<String, Value>,
}

/// A route; its id is the key that it is stored under.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Route {
    pub(super) endpoint: String,
    pub(super) filter: String,
}

/// One change of an instance's state. Writing a thing replaces what was there under its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Change {
    /// A batch of models, all or none.
    AddModels(Vec<Model>),
    SetDecommissioned(Name, bool),
    DeleteModel(Name),
    /// All models, whatever refers to them.
    DeleteModels,
    PutTwin(Name, Twin),
    DeleteTwin(Name),
    PutRelationship(Name, Name, Relationship),
    DeleteRelationship(Name, Name),
    PutRoute(String, Route),
    DeleteRoute(String),
    PutEndpoint(String),
    DeleteEndpoint(String),
    /// Another change, if any, and what is to be sent of it: it may not be on its way before the next of these is written.
    Tell(Option<Box<Change>>, Option<Outgoing>),
    PutJob(Family, String, Box<Job>),
    DeleteJob(Family, String),
    /// Several changes as one, in this order.
    Turn(Vec<Change>),
}

impl Change {
    /// How many changes it is made of.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Turn(changes) => changes.iter().map(Self::size).sum(),
            _ => 1,
        }
    }
}
