//! The identity that the platform gives to what runs on it.

use std::sync::Arc;

use azure_core::credentials::TokenCredential;
use azure_identity::{ManagedIdentityCredential, ManagedIdentityCredentialOptions, UserAssignedId};

use super::client_options;
use crate::Error;

/// A user-assigned identity, by its client id: asked for over App Service's protocol where the environment names it
/// (`IDENTITY_ENDPOINT`), else at the machine's metadata service.
///
/// # Errors
/// When the environment names a protocol that is not known here.
pub fn managed_identity(client_id: &str, transport: &reqwest::Client) -> Result<Arc<dyn TokenCredential>, Error> {
    let credential: Arc<dyn TokenCredential> = ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
        user_assigned_id: Some(UserAssignedId::ClientId(client_id.to_owned())),
        client_options: client_options(transport),
    }))
    .map_err(|error| Error::from_pipeline("use the managed identity".into(), &error))?;
    Ok(credential)
}
