//! Who we are: given keys, or the SDK's usual chain.

use std::fmt;

use aws_config::{
    Region, default_provider::credentials::DefaultCredentialsChain, profile::ProfileFileCredentialsProvider,
    provider_config::ProviderConfig,
};
use aws_credential_types::provider::{
    self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError, future,
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_types::retry::RetryConfig;
use serde::Deserialize;
use tokio::sync::OnceCell;

/// A secret text. It can be read from configuration and handed to a request; it cannot be printed or serialised.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, for the request that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// How to log in.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// Keys that were given. Given, they are the only ones tried.
    Static {
        /// The id of the key; not a secret.
        access_key: String,
        /// The key.
        secret_key: Secret,
    },
    /// The SDK's chain: environment, profiles (single sign-on and roles included), web identity, container, instance.
    ///
    /// Nothing is read or asked before the first request that needs a signature.
    Chain {
        /// A profile of the shared configuration files; named, it is the only one tried, as with AWS's own tools.
        profile: Option<String>,
    },
}

pub(crate) fn provider(
    credentials: &Credentials,
    region: &Region,
    http_client: &SharedHttpClient,
) -> SharedCredentialsProvider {
    match credentials {
        Credentials::Static { access_key, secret_key } => {
            let keys = aws_credential_types::Credentials::new(access_key, secret_key.expose(), None, None, "twinctl");
            SharedCredentialsProvider::new(keys)
        }
        Credentials::Chain { profile } => SharedCredentialsProvider::new(Chain {
            profile: profile.clone(),
            region: region.clone(),
            http_client: http_client.clone(),
            built: OnceCell::new(),
        }),
    }
}

/// The SDK's chain, built when first asked.
#[derive(Debug)]
struct Chain {
    profile: Option<String>,
    region: Region,
    http_client: SharedHttpClient,
    built: OnceCell<SharedCredentialsProvider>,
}

impl Chain {
    async fn build(&self) -> SharedCredentialsProvider {
        let config = ProviderConfig::without_region()
            .with_region(Some(self.region.clone()))
            .with_http_client(self.http_client.clone())
            .with_retry_config(RetryConfig::disabled());
        match &self.profile {
            Some(profile) => {
                let provider = ProfileFileCredentialsProvider::builder().profile_name(profile);
                SharedCredentialsProvider::new(provider.configure(&config).build())
            }
            None => {
                let chain = DefaultCredentialsChain::builder().region(self.region.clone()).configure(config);
                SharedCredentialsProvider::new(chain.build().await)
            }
        }
    }

    async fn credentials(&self) -> provider::Result {
        let answer = self.built.get_or_init(|| self.build()).await.provide_credentials().await;
        answer.map_err(|error| match (&self.profile, error) {
            (Some(profile), CredentialsError::CredentialsNotLoaded(_)) => {
                CredentialsError::not_loaded(format!("profile {profile} gives no credentials"))
            }
            (None, CredentialsError::CredentialsNotLoaded(_)) => {
                CredentialsError::not_loaded("neither environment nor profile, container or instance gives credentials")
            }
            (_, error) => error,
        })
    }
}

impl ProvideCredentials for Chain {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.credentials())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_printed() {
        let given = Credentials::Static { access_key: "AKIA1".into(), secret_key: "hunter2".into() };
        let printed = format!("{given:?}");
        assert!(printed.contains("AKIA1") && !printed.contains("hunter2"), "{printed}");
    }
}
