//! Who we are: credentials for the clouds, and the principal that a token names.

mod chain;
mod claims;
mod managed;
mod secret;

use std::sync::Arc;

use azure_core::{
    cloud::CustomConfiguration,
    credentials::TokenCredential,
    http::{ClientOptions, RetryOptions, Transport},
};
use azure_identity::{ClientSecretCredential, ClientSecretCredentialOptions};
use url::Url;

pub use chain::{Login, chain};
pub use claims::{Principal, PrincipalKind};
pub use managed::managed_identity;
pub use secret::Secret;

use crate::Error;

/// An application's own credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// The directory.
    pub tenant: String,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub secret: Secret,
}

impl ClientSecret {
    /// Reads `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and `AZURE_CLIENT_SECRET` through `variable`; all or nothing.
    pub fn from_environment(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        Some(Self {
            tenant: set("AZURE_TENANT_ID")?,
            client_id: set("AZURE_CLIENT_ID")?,
            secret: Secret::new(set("AZURE_CLIENT_SECRET")?),
        })
    }
}

/// A credential that asks an OAuth authority (the public cloud's, or the given one: the local cloud's) with a secret.
///
/// # Errors
/// When tenant, client or secret is empty, or the authority is not https.
pub fn client_secret(
    given: &ClientSecret,
    authority: Option<&Url>,
    transport: &reqwest::Client,
) -> Result<Arc<dyn TokenCredential>, Error> {
    let mut client_options = client_options(transport);
    if let Some(authority) = authority {
        let mut cloud = CustomConfiguration::default();
        cloud.authority_host = authority.to_string();
        client_options.cloud = Some(Arc::new(cloud.into()));
    }
    let credential: Arc<dyn TokenCredential> = ClientSecretCredential::new(
        &given.tenant,
        given.client_id.clone(),
        azure_core::credentials::Secret::new(given.secret.expose().to_owned()),
        Some(ClientSecretCredentialOptions { client_options }),
    )
    .map_err(|error| Error::from_pipeline("use the client secret".into(), &error))?;
    Ok(credential)
}

/// Our transport, and no hidden retries: whoever asked records each attempt.
fn client_options(transport: &reqwest::Client) -> ClientOptions {
    ClientOptions {
        retry: RetryOptions::none(),
        transport: Some(Transport::new(Arc::new(transport.clone()))),
        ..ClientOptions::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_counts_only_when_it_is_complete() {
        let all = |name: &str| Some(format!("{name}-value"));
        let given = ClientSecret::from_environment(all).expect("complete");
        assert_eq!(given.client_id, "AZURE_CLIENT_ID-value");
        assert!(!format!("{given:?}").contains("SECRET-value"));
        let some = |name: &str| (name != "AZURE_CLIENT_SECRET").then(|| "x".to_owned());
        assert_eq!(ClientSecret::from_environment(some), None);
        let empty = |name: &str| Some(if name == "AZURE_TENANT_ID" { String::new() } else { "x".into() });
        assert_eq!(ClientSecret::from_environment(empty), None);
    }

    #[test]
    fn an_authority_without_tls_is_refused() {
        let transport = crate::transport::client(&[]).expect("a client");
        let given = ClientSecret { tenant: "t".into(), client_id: "c".into(), secret: Secret::new("s".into()) };
        let plain = Url::parse("http://localhost:1/").expect("a URL");
        assert!(client_secret(&given, Some(&plain), &transport).is_err());
        let tls = Url::parse("https://localhost:1/").expect("a URL");
        assert!(client_secret(&given, Some(&tls), &transport).is_ok());
    }
}
