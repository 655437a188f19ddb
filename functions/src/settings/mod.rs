//! One typed settings struct per function.
//!
//! The deployer fills a struct with [`SecretRef`]s and calls `to_app_settings`; the result is safe to journal. At the
//! last moment before the request [`resolve`] puts the secrets' values in. The function calls `from_app_settings` on
//! its environment and gets the same struct back, now with [`Secret`]s.

mod aws;
mod functions;
mod hot;
mod objects;
mod reader;
mod secret;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use aws::AwsHost;
pub use functions::{ADT_INSTANCE_URL, AdtPusher, AdtUpdater, Dispatcher, Ingestion, Persister, Remote};
pub use hot::{CosmosContainer, DynamoTable, HotReader, HotStorage, HotWriter, Storage};
pub use objects::{ArchiveWriter, BlobContainer, ColdWriter, ObjectStore, ObjectWriter, S3Bucket};
pub use reader::{Environment, Error};
pub use secret::{Secret, SecretRef};

/// The settings of an app as the deployer writes them, by name.
pub type AppSettings = BTreeMap<String, Setting>;

/// One app setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// Text that anybody may read.
    Plain(String),
    /// A secret, by reference.
    Secret(SecretRef),
}

/// Settings that two functions of one app want differently.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("merge the settings of an app: two of its functions want different values of {name}")]
pub struct Contradiction {
    /// The setting's name.
    pub name: String,
}

/// Puts the settings of an app's functions together.
///
/// # Errors
/// [`Contradiction`] when two functions want different values under one name.
pub fn merge(parts: impl IntoIterator<Item = AppSettings>) -> Result<AppSettings, Contradiction> {
    let mut merged = AppSettings::new();
    for (name, setting) in parts.into_iter().flatten() {
        match merged.get(&name) {
            Some(earlier) if *earlier != setting => return Err(Contradiction { name }),
            _ => merged.insert(name, setting),
        };
    }
    Ok(merged)
}

/// Puts the secrets' values in: what goes to the cloud, and nowhere else.
///
/// # Errors
/// What `reveal` says about a reference that it does not know.
pub fn resolve<E>(
    settings: &AppSettings,
    reveal: impl Fn(&SecretRef) -> Result<Secret, E>,
) -> Result<BTreeMap<String, Secret>, E> {
    settings
        .iter()
        .map(|(name, setting)| {
            let value = match setting {
                Setting::Plain(text) => Secret::new(text.clone()),
                Setting::Secret(reference) => reveal(reference)?,
            };
            Ok((name.clone(), value))
        })
        .collect()
}

/// The settings that Azure's own host needs, beside those of the functions.
///
/// The storage account is reached with the app's managed identity: there is no key to leak. `FUNCTIONS_WORKER_RUNTIME`
/// is absent because Flex Consumption takes the runtime from the site and refuses the setting.
#[must_use]
pub fn azure_host(storage_account: &str, identity_client_id: &str) -> AppSettings {
    [
        ("AZURE_CLIENT_ID", identity_client_id),
        ("AzureWebJobsStorage__accountName", storage_account),
        ("AzureWebJobsStorage__clientId", identity_client_id),
        ("AzureWebJobsStorage__credential", "managedidentity"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), Setting::Plain(value.to_owned())))
    .collect()
}

#[cfg(test)]
mod tests;
