//! The sections of an import's input, in their order.

use serde::{Deserialize, Serialize};

/// A section behind the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Section {
    Models,
    Twins,
    Relationships,
}

impl Section {
    /// As the input and the log name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Models => "Models",
            Self::Twins => "Twins",
            Self::Relationships => "Relationships",
        }
    }
}
