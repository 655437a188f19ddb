//! What steps act through: the clouds' clients, and the secrets that settings refer to.

use azure::Azure;
use engine::step::{Error, FailureKind};
use functions::settings::{Secret, SecretRef};

/// The clouds that a deployment uses.
pub struct Clouds {
    /// Azure, the real one or the local one.
    pub azure: Azure,
    secrets: Box<Reveal>,
}

/// Derives a secret from a reference; `None` for a reference that the key file at hand does not fit.
pub type Reveal = dyn Fn(&SecretRef) -> Option<Secret> + Send + Sync;

impl Clouds {
    /// The clouds behind these clients.
    pub fn new(azure: Azure, secrets: Box<Reveal>) -> Self {
        Self { azure, secrets }
    }

    pub(crate) fn reveal(&self, reference: &SecretRef) -> Result<Secret, Error> {
        (self.secrets)(reference).ok_or_else(|| {
            let message = format!(
                "derive the token of {} (generation {}): the key file is not the one that it was derived from",
                reference.connection, reference.generation
            );
            Error::failed(FailureKind::Permanent, message).with_code("wrong-key")
        })
    }
}
