//! The canonical snapshot of everything that a deployment needs, without secrets and without places in files.
//!
//! A run carries its definition: equal definitions have equal digests and make equal graphs.

mod aws_hierarchy;
mod diff;

use std::collections::{BTreeMap, BTreeSet};

use functions::{
    settings::SecretRef,
    twin_info::{DeviceInfo, TwinInfo},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    inter_cloud::Key,
    regions::Regions,
    topology::{Providers, Topology},
};

pub use aws_hierarchy::{AwsComponent, AwsEntity, AwsHierarchy};
pub use diff::Change;

/// The version of the snapshot's format that this program writes.
pub const VERSION: u32 = 1;

/// What is to be deployed, and where to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The format, [`VERSION`]. A newer one is refused: what it says might be lost.
    pub v: u32,
    /// `digital_twin_name`
    pub twin_name: String,
    /// `mode`, in lower case.
    pub mode: String,
    /// `hot_storage_size_in_days`
    pub hot_days: u32,
    /// `cold_storage_size_in_days`
    pub cold_days: u32,
    /// The cloud of each layer.
    pub providers: Providers,
    /// The devices, by id.
    pub devices: Vec<Device>,
    /// The models, as written, each after those that it extends or has as components.
    pub models: Vec<Value>,
    /// The twins, by id.
    pub twins: Vec<Twin>,
    /// The relationships, by source and id.
    pub relationships: Vec<Relationship>,
    /// The twin and the properties that each device feeds, by device id. Empty unless L4 is on Azure.
    pub feeds: BTreeMap<String, DeviceInfo>,
    /// The tokens that calls between apps and clouds show, by connection: references, never the tokens. Empty where nothing
    /// calls over a border.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tokens: BTreeMap<String, SecretRef>,
    /// The entities of the TwinMaker workspace; there exactly when L4 is on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_hierarchy: Option<AwsHierarchy>,
    /// Where to.
    pub target: Target,
}

/// A device that sends telemetry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// The id, in the hub and as the twin's `$dtId`.
    pub id: String,
    /// What it sends.
    pub properties: Vec<DeviceProperty>,
    /// What is known of it for good.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub const_properties: Vec<ConstProperty>,
}

/// A property that a device sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceProperty {
    /// The key in the device's messages; `component.property` reaches into a component of the twin.
    pub name: String,
    /// The type of its values.
    pub data_type: DataType,
    /// The value before the first message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init_value: Option<Value>,
}

/// A property of a device that never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConstProperty {
    /// The name; as for [`DeviceProperty`].
    pub name: String,
    /// The type of its value.
    pub data_type: DataType,
    /// The value.
    pub value: Value,
}

/// The types of a device's values; upper or lower case in project files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum DataType {
    /// Text.
    String,
    /// A number of 64 bits.
    Double,
    /// A number of 32 bits.
    Float,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// `true` or `false`.
    Boolean,
}

/// A digital twin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Twin {
    /// The `$dtId`.
    pub id: String,
    /// The model's DTMI.
    pub model: String,
    /// What is put to the service: `$metadata.$model`, properties, components each with its `$metadata`. Devices'
    /// initial and constant values are in it.
    pub body: Value,
}

/// A relationship between two twins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relationship {
    /// The `$relationshipId`, unique at its source.
    pub id: String,
    /// The `$sourceId`.
    pub source: String,
    /// The `$targetId`.
    pub target: String,
    /// The `$relationshipName`.
    pub name: String,
    /// What is put to the service: `$targetId`, `$relationshipName` and properties.
    pub body: Value,
}

/// Where a deployment goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The local cloud or the real ones.
    pub kind: TargetKind,
    /// The Azure account, when a layer is on Azure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub azure: Option<AzureAccount>,
    /// The AWS account, when a layer is on AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsAccount>,
}

/// An AWS account by number; nothing that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsAccount {
    /// The account's id, twelve digits.
    pub account: String,
    /// Where its resources live: `eu-central-1`.
    pub region: String,
}

/// The local cloud or the real ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// The cloud that runs on this machine.
    Local,
    /// The real clouds.
    Cloud,
}

/// An Azure account by name; nothing that opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AzureAccount {
    /// The tenant's id.
    pub tenant: String,
    /// The subscription's id.
    pub subscription: String,
    /// Where its resources live.
    pub regions: Regions,
}

/// A snapshot that cannot be read back.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The text is not a snapshot.
    #[error("read a definition")]
    Malformed(#[source] serde_json::Error),
    /// It was written by a newer version of this program.
    #[error("read a definition of version {found}: this program knows versions up to {VERSION}")]
    Newer {
        /// The version found.
        found: u64,
    },
}

/// The generation of tokens that are made now.
const GENERATION: u32 = 1;

impl Definition {
    /// The same with references to the tokens of all its calls, which `key` makes. Only the fingerprints depend on the key.
    #[must_use]
    pub fn with_tokens(mut self, key: &Key) -> Self {
        let reference = |connection: &str| key.reference(connection, GENERATION);
        let topology = self.topology();
        self.tokens = topology.calls().map(|call| (call.connection.clone(), reference(&call.connection))).collect();
        self
    }

    /// The snapshot as canonical JSON (RFC 8785).
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json_canonicalizer::to_string(self).expect("a definition has string keys and finite numbers only")
    }

    /// Reads a snapshot back.
    ///
    /// # Errors
    /// [`Error`] when the text is not a snapshot, or one of a newer version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let value: Value = serde_json::from_str(text).map_err(Error::Malformed)?;
        match value.get("v").and_then(Value::as_u64) {
            Some(found) if found > u64::from(VERSION) => Err(Error::Newer { found }),
            _ => serde_json::from_value(value).map_err(Error::Malformed),
        }
    }

    /// SHA-256 of the canonical JSON: the snapshot's name in the journal's store.
    #[must_use]
    pub fn digest(&self) -> journal::event::Digest {
        let digest = Sha256::digest(self.to_json().as_bytes());
        journal::event::Digest(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// What runs where.
    #[must_use]
    pub fn topology(&self) -> Topology {
        Topology::of(self.providers)
    }

    /// The map from devices to twins, as the functions get it.
    #[must_use]
    pub fn twin_info(&self) -> TwinInfo {
        TwinInfo { digital_twin_name: self.twin_name.clone(), devices: self.feeds.clone() }
    }

    /// The paths of a twin's properties that devices write (`/temperature`, `/motor/speed`): their values are the
    /// devices' after the first message, and no drift. Of an Object property it is the whole, since messages write it so.
    #[must_use]
    pub fn live_paths(&self, twin: &str) -> BTreeSet<String> {
        self.feeds
            .values()
            .filter(|feed| *feed.twin == *twin)
            .flat_map(|feed| feed.properties.values().map(functions::twin_info::PropertyInfo::path))
            .collect()
    }

    /// What changed since an earlier definition, in words, in the order of the definition's fields.
    #[must_use]
    pub fn diff(&self, old: &Self) -> Vec<Change> {
        diff::diff(old, self)
    }
}

#[cfg(test)]
mod tests;
