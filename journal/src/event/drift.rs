//! What the events of drift carry.

use serde::{Deserialize, Serialize};

use super::StepId;

/// A step whose resource is not as it was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drift {
    /// The step.
    pub step: StepId,
    /// What was seen.
    pub seen: DriftKind,
    /// The paths that differ, or what is missing, in words; never values, which may be secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<String>,
}

/// How a resource is not as it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriftKind {
    /// It is there and differs.
    Differs,
    /// Some of it is there.
    Partial,
    /// It is gone.
    Absent,
    /// Something of somebody else stands in its place.
    NotOurs,
}
