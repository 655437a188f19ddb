//! The Azure resource types that a twin is made of, one row each.

use std::time::Duration;

use azure::api;
use engine::step::Policy;

/// How a type carries our ownership mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carries {
    /// In its tags.
    Tags,
    /// In `properties.description` (role assignments).
    Description,
    /// In `properties.labels` (event subscriptions).
    Labels,
    /// In `properties.metadata` (blob containers).
    Metadata,
    /// Not at all.
    Nothing,
}

/// What a step must know of a resource type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// In words.
    pub(crate) title: &'static str,
    /// The api-version that every call uses.
    pub(crate) api_version: &'static str,
    /// Where the mark goes.
    pub(crate) carries: Carries,
    /// How long the real service usually takes (recorded), in seconds.
    pub(crate) seconds: u64,
    /// Whether an update must name the version that it replaces (`If-Match`).
    pub(crate) etag: bool,
    /// Whether deleting it would delete what others have put inside.
    pub(crate) holds_others: bool,
}

impl Kind {
    const fn new(title: &'static str, api_version: &'static str, seconds: u64) -> Self {
        Self { title, api_version, carries: Carries::Tags, seconds, etag: false, holds_others: false }
    }

    const fn carrying(mut self, carries: Carries) -> Self {
        self.carries = carries;
        self
    }

    const fn with_etag(mut self) -> Self {
        self.etag = true;
        self
    }

    const fn holding_others(mut self) -> Self {
        self.holds_others = true;
        self
    }

    /// Deadlines: thirty minutes where the service usually takes minutes, ten otherwise.
    pub(crate) fn policy(&self) -> Policy {
        let minutes = if self.seconds >= 20 { 30 } else { 10 };
        Policy {
            deadline: Duration::from_secs(minutes * 60),
            expected: Duration::from_secs(self.seconds),
            ..Policy::default()
        }
    }
}

pub(crate) const RESOURCE_GROUP: Kind = Kind::new("resource group", api::RESOURCES, 1).holding_others();
pub(crate) const IDENTITY: Kind = Kind::new("managed identity", api::MANAGED_IDENTITY, 2);
pub(crate) const STORAGE_ACCOUNT: Kind = Kind::new("storage account", api::STORAGE, 18);
pub(crate) const BLOB_CONTAINER: Kind = Kind::new("blob container", api::STORAGE, 1).carrying(Carries::Metadata);
pub(crate) const LIFECYCLE: Kind = Kind::new("storage lifecycle rules", api::STORAGE, 1).carrying(Carries::Nothing);
pub(crate) const ROLE_ASSIGNMENT: Kind =
    Kind::new("role assignment", api::AUTHORIZATION, 1).carrying(Carries::Description);
pub(crate) const IOT_HUB: Kind = Kind::new("IoT hub", api::DEVICES, 120).with_etag();
pub(crate) const SYSTEM_TOPIC: Kind = Kind::new("Event Grid system topic", api::EVENT_GRID, 4);
pub(crate) const EVENT_SUBSCRIPTION: Kind =
    Kind::new("event subscription", api::EVENT_GRID, 5).carrying(Carries::Labels);
pub(crate) const PLAN: Kind = Kind::new("hosting plan", api::WEB, 3);
pub(crate) const FUNCTION_APP: Kind = Kind::new("function app", api::WEB, 5);
pub(crate) const COSMOS_ACCOUNT: Kind = Kind::new("Cosmos DB account", api::DOCUMENT_DB, 303);
pub(crate) const COSMOS_DATABASE: Kind = Kind::new("Cosmos DB database", api::DOCUMENT_DB, 5);
pub(crate) const COSMOS_CONTAINER: Kind = Kind::new("Cosmos DB container", api::DOCUMENT_DB, 5);
pub(crate) const COSMOS_ROLE: Kind = Kind::new("Cosmos DB data role", api::DOCUMENT_DB, 5).carrying(Carries::Nothing);
pub(crate) const DIGITAL_TWINS: Kind = Kind::new("Azure Digital Twins instance", api::DIGITAL_TWINS, 28);
