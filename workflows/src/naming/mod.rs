//! The names of everything that a deployment makes, in one place: [`Names`] on Azure, [`AwsNames`] on AWS.
//!
//! A name is the plan's (`{twin}-adt`, `{twin}-l4-functions`); where it must be unique in the world it is followed by a
//! suffix that depends on subscription and twin name alone, so that every run finds the same resource again.

mod aws;
mod rules;

use functions::function::Function;
use sha2::{Digest, Sha256};

use crate::topology::Layer;

pub use aws::{AwsNames, Bucket};
pub use rules::{Misfit, TwinMakerName, device_id, twin_id, twin_maker};

/// The characters of RFC 4648's base 32, in lower case: all are allowed in every kind of name.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// 30 bits: two deployments of one name share a suffix once in a billion.
const SUFFIX_LENGTH: usize = 6;

/// The names of one deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    twin: String,
    suffix: String,
}

/// What the blob containers are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobContainer {
    /// Cold storage.
    Cold,
    /// The archive.
    Archive,
    /// The packages that an app is deployed from.
    Packages(Layer),
    /// Events that could not be delivered.
    DeadLetters,
}

impl Names {
    /// The names of a twin in a subscription.
    #[must_use]
    pub fn new(twin: &str, subscription: &str) -> Self {
        Self { twin: twin.to_owned(), suffix: suffix(twin, subscription) }
    }

    /// The suffix of names that are unique in the world: six letters and digits.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    fn own(&self, rest: &str) -> String {
        format!("{}-{rest}", self.twin)
    }

    fn global(&self, rest: &str) -> String {
        format!("{}-{rest}-{}", self.twin, self.suffix)
    }

    /// The resource group.
    #[must_use]
    pub fn resource_group(&self) -> String {
        self.own("rg")
    }

    /// The user-assigned identity that the apps act as.
    #[must_use]
    pub fn identity(&self) -> String {
        self.own("identity")
    }

    /// The storage account. It takes neither hyphens nor more than 24 characters, so the twin's hyphens are left out.
    #[must_use]
    pub fn storage_account(&self) -> String {
        format!("{}{}", self.twin.replace('-', ""), self.suffix)
    }

    /// A blob container in the storage account.
    #[must_use]
    pub fn blob_container(&self, container: BlobContainer) -> String {
        match container {
            BlobContainer::Cold => "cold-storage".into(),
            BlobContainer::Archive => "archive-storage".into(),
            BlobContainer::Packages(layer) => format!("{}-packages", layer.name()),
            BlobContainer::DeadLetters => "dead-letters".into(),
        }
    }

    /// The IoT Hub.
    #[must_use]
    pub fn iot_hub(&self) -> String {
        self.global("hub")
    }

    /// The Event Grid system topic of the hub.
    #[must_use]
    pub fn system_topic(&self) -> String {
        self.own("hub-events")
    }

    /// The Event Grid subscription that calls a function.
    #[must_use]
    pub fn event_subscription(&self, function: Function) -> String {
        self.own(function.name())
    }

    /// The Cosmos DB account.
    #[must_use]
    pub fn cosmos_account(&self) -> String {
        self.global("cosmos")
    }

    /// The database in the Cosmos DB account.
    #[must_use]
    pub fn cosmos_database(&self) -> String {
        "iot-data".into()
    }

    /// The container of hot storage in the database.
    #[must_use]
    pub fn cosmos_container(&self) -> String {
        self.own("hot-storage")
    }

    /// The Azure Digital Twins instance.
    #[must_use]
    pub fn adt_instance(&self) -> String {
        self.global("adt")
    }

    /// The function app of a layer.
    #[must_use]
    pub fn function_app(&self, layer: Layer) -> String {
        self.global(&format!("{}-functions", layer.name()))
    }

    /// The plan of a layer's function app: Flex Consumption takes one app per plan.
    #[must_use]
    pub fn plan(&self, layer: Layer) -> String {
        self.own(&format!("{}-plan", layer.name()))
    }

    /// Every name that its resource type cannot carry. Empty for a twin name that will do.
    #[must_use]
    pub fn misfits(&self) -> Vec<Misfit> {
        rules::misfits(self)
    }
}

/// A twin name near the given one that every resource type can carry.
#[must_use]
pub fn suggestion(twin: &str) -> String {
    let mut name = String::new();
    for c in twin.chars().map(|c| c.to_ascii_lowercase()) {
        match c {
            'a'..='z' => name.push(c),
            // A name begins with a letter.
            '0'..='9' if !name.is_empty() => name.push(c),
            _ if name.is_empty() || name.ends_with('-') => {}
            _ => name.push('-'),
        }
    }
    let mut plain = 0;
    let cut = name.char_indices().find(|(_, c)| {
        plain += usize::from(*c != '-');
        plain > rules::TWIN_NAME_MAX
    });
    name.truncate(cut.map_or(name.len(), |(at, _)| at));
    let name = name.trim_matches('-');
    if name.is_empty() { "twin".into() } else { name.into() }
}

/// 30 bits of SHA-256 in base 32. Subscription ids are GUIDs, whose case means nothing.
fn suffix(twin: &str, subscription: &str) -> String {
    let text = format!("twinctl.names.v1\n{}\n{twin}", subscription.to_ascii_lowercase());
    let digest = Sha256::digest(text.as_bytes());
    let bits = u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) >> 2;
    (0..SUFFIX_LENGTH).rev().map(|place| char::from(BASE32[(bits >> (5 * place)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests;
