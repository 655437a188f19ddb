//! Secrets, and references to them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret's value. It never prints and never serialises; [`Secret::reveal`] is the only way in.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a value into keeping.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Whether `shown` is this secret. How long it takes tells nothing: digests of one length are compared, all of them.
    #[must_use]
    pub fn admits(&self, shown: Option<&Self>) -> bool {
        let digest = |secret: &Self| Sha256::digest(secret.0.as_bytes());
        // Nobody is admitted by an empty secret: it would be one that everybody knows.
        !self.0.is_empty() && shown.is_some_and(|shown| digest(self).ct_eq(&digest(shown)).into())
    }

    /// The value. Whoever calls this answers for where it goes.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// Which secret stands in a setting: enough to derive it again with the key, nothing to guess it from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SecretRef {
    /// The connection that the token guards, for example `aws_l2_to_azure_l4`.
    pub connection: String,
    /// Counted up when the token is to change.
    pub generation: u32,
    /// The first 16 hexadecimal digits of the token's SHA-256.
    pub fingerprint: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_prints() {
        let secret = Secret::new("canary-9f3a");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)), "Secret(***) Some(\n    Secret(***),\n)");
        assert_eq!(secret.reveal(), "canary-9f3a");
    }

    #[test]
    fn a_secret_admits_itself_and_nothing_else() {
        let (secret, empty) = (Secret::new("canary-9f3a"), Secret::new(""));
        assert!(secret.admits(Some(&Secret::new("canary-9f3a"))));
        for other in ["", "canary-9f3", "canary-9f3ab", "Canary-9f3a"] {
            assert!(!secret.admits(Some(&Secret::new(other))), "{other}");
        }
        assert!(!secret.admits(None) && !empty.admits(Some(&empty)));
    }
}
