//! The entities of a TwinMaker workspace, as a snapshot holds them.

use serde::{Deserialize, Serialize};

/// What `twin_hierarchy/aws_hierarchy.json` says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsHierarchy {
    /// The entities: each after its parent, those of one parent by id, so that equal trees make equal snapshots.
    pub entities: Vec<AwsEntity>,
}

/// An entity of TwinMaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsEntity {
    /// The `entityId`, unique in the workspace.
    pub id: String,
    /// The `entityName`; the id where the file has none.
    pub name: String,
    /// The `parentEntityId`; none right below the workspace's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its components, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<AwsComponent>,
}

/// A component of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsComponent {
    /// Its name, unique in the entity.
    pub name: String,
    /// The id of the device whose values it shows.
    pub device: String,
}
