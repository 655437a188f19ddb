//! The functions by name.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A unit of the live path; its name is public (URLs, app settings and documents carry it).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Function {
    /// Takes telemetry from a remote L1 and hands it to L2's persister.
    Ingestion,
    /// Takes items from a remote L2 and writes them to hot storage.
    HotWriter,
    /// Takes items from a remote hot storage and writes them to cold storage.
    ColdWriter,
    /// Takes items from a remote cold storage and writes them to the archive.
    ArchiveWriter,
    /// Answers TwinMaker's queries from hot storage on another cloud.
    HotReader,
    /// Takes telemetry from a persister and writes it into Azure Digital Twins.
    AdtPusher,
    /// Takes IoT Hub telemetry from Event Grid and writes it into Azure Digital Twins.
    AdtUpdater,
    /// Takes telemetry from Event Grid (IoT Hub's) or from a rule of IoT Core and hands it to the persister or to a remote
    /// ingestion.
    Dispatcher,
    /// Stores telemetry, then pushes it to a twin where that is asked for.
    Persister,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 9] = [
        Self::Ingestion,
        Self::HotWriter,
        Self::ColdWriter,
        Self::ArchiveWriter,
        Self::HotReader,
        Self::AdtPusher,
        Self::AdtUpdater,
        Self::Dispatcher,
        Self::Persister,
    ];

    /// The public name, for example `adt-pusher`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingestion => "ingestion",
            Self::HotWriter => "hot-writer",
            Self::ColdWriter => "cold-writer",
            Self::ArchiveWriter => "archive-writer",
            Self::HotReader => "hot-reader",
            Self::AdtPusher => "adt-pusher",
            Self::AdtUpdater => "adt-updater",
            Self::Dispatcher => "dispatcher",
            Self::Persister => "persister",
        }
    }

    /// The function of a public name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Whether the function asks which twin a device feeds.
    #[must_use]
    pub const fn needs_twin_info(self) -> bool {
        matches!(self, Self::AdtPusher | Self::AdtUpdater)
    }

    /// What calls the function on Azure.
    ///
    /// On AWS every function is a Lambda of its own, called by its URL with the token of its connection; the
    /// [`Self::rule_target`]s are also called by the topic rule of IoT Core, and the hot-reader by TwinMaker.
    #[must_use]
    pub const fn trigger(self) -> Trigger {
        match self {
            Self::AdtUpdater | Self::Dispatcher => Trigger::EventGrid,
            _ => Trigger::Http,
        }
    }

    /// Whether the topic rule of IoT Core may call the function: the dispatcher where L2 is on another cloud or the
    /// persister is to run in the same process, the persister itself otherwise.
    #[must_use]
    pub const fn rule_target(self) -> bool {
        matches!(self, Self::Dispatcher | Self::Persister)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What calls a function on Azure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// `POST /api/{function}` with the token of its connection.
    Http,
    /// A subscription of Event Grid.
    EventGrid,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_serde_writes() {
        for function in Function::ALL {
            assert_eq!(serde_json::to_value(function).unwrap(), function.name());
            assert_eq!(Function::from_name(function.name()), Some(function));
        }
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Function::ALL.iter().map(|function| function.name()).collect();
        assert_eq!(names.len(), Function::ALL.len());
    }
}
