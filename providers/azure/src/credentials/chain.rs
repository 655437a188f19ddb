//! The chain for the real clouds: what was given, then the platform's own login, then the person's.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential, TokenRequestOptions},
    error::ErrorKind,
};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, WorkloadIdentityCredential, WorkloadIdentityCredentialOptions,
};

use super::{ClientSecret, client_options, client_secret};
use crate::{Error, error::redact};

/// The longest that an unproven link may take: a laptop has no metadata service, and asking for it can hang.
const PROBE: Duration = Duration::from_secs(10);

/// What the operator gave.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// An application's secret, from the project's credentials or the environment. Given, it is the only one tried.
    pub client_secret: Option<ClientSecret>,
    /// The tenant to log in to with the Azure CLI, when it is not the home tenant.
    pub tenant: Option<String>,
}

/// A credential for the real cloud: the given client secret alone, else workload identity, managed identity and the
/// Azure CLI's login in this order; the first that gives a token is kept.
///
/// # Errors
/// When what was given is unusable.
pub fn chain(login: &Login, transport: &reqwest::Client) -> Result<Arc<dyn TokenCredential>, Error> {
    if let Some(given) = &login.client_secret {
        return client_secret(given, None, transport);
    }
    let cli = AzureCliCredentialOptions { tenant_id: login.tenant.clone(), ..Default::default() };
    let workload = WorkloadIdentityCredentialOptions {
        credential_options: ClientAssertionCredentialOptions { client_options: client_options(transport) },
        ..Default::default()
    };
    let managed = ManagedIdentityCredentialOptions { client_options: client_options(transport), ..Default::default() };
    Ok(Arc::new(Chain::new(vec![
        Link::new("workload identity", WorkloadIdentityCredential::new(Some(workload)).map(erase)),
        Link::new("managed identity", ManagedIdentityCredential::new(Some(managed)).map(erase)),
        Link::new("Azure CLI", AzureCliCredential::new(Some(cli)).map(erase)),
    ])))
}

fn erase<T: TokenCredential + 'static>(credential: Arc<T>) -> Arc<dyn TokenCredential> {
    credential
}

/// One way to log in: usable, or the reason why it is not.
#[derive(Debug)]
struct Link {
    name: &'static str,
    credential: Result<Arc<dyn TokenCredential>, String>,
}

impl Link {
    fn new(name: &'static str, credential: azure_core::Result<Arc<dyn TokenCredential>>) -> Self {
        Self { name, credential: credential.map_err(|error| first_line(&error)) }
    }

    async fn try_token(&self, scopes: &[&str]) -> Result<AccessToken, String> {
        let credential = self.credential.as_ref().map_err(Clone::clone)?;
        match tokio::time::timeout(PROBE, credential.get_token(scopes, None)).await {
            Ok(token) => token.map_err(|error| first_line(&error)),
            Err(_) => Err(format!("no answer within {} s", PROBE.as_secs())),
        }
    }
}

/// The credentials' messages carry pages of advice; the first line says what is wrong.
fn first_line(error: &azure_core::Error) -> String {
    let text = error.to_string();
    redact(text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim())
}

/// Tries its links in order once, then stays with the one that worked.
#[derive(Debug)]
struct Chain {
    links: Vec<Link>,
    proven: OnceLock<usize>,
}

impl Chain {
    fn new(links: Vec<Link>) -> Self {
        Self { links, proven: OnceLock::new() }
    }
}

#[async_trait]
impl TokenCredential for Chain {
    async fn get_token(
        &self,
        scopes: &[&str],
        options: Option<TokenRequestOptions<'_>>,
    ) -> azure_core::Result<AccessToken> {
        if let Some(Link { credential: Ok(credential), .. }) = self.proven.get().map(|index| &self.links[*index]) {
            return credential.get_token(scopes, options).await;
        }
        let mut reasons = Vec::new();
        for (index, link) in self.links.iter().enumerate() {
            match link.try_token(scopes).await {
                Ok(token) => {
                    // A concurrent caller may have proven one already; either will do.
                    let _ = self.proven.set(index);
                    return Ok(token);
                }
                Err(reason) => reasons.push(format!("{}: {reason}", link.name)),
            }
        }
        let reasons = reasons.join("; ");
        Err(azure_core::Error::with_message(ErrorKind::Credential, format!("no login works ({reasons})")))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use azure_core::time::OffsetDateTime;

    use super::*;

    #[derive(Debug, Default)]
    struct Scripted {
        token: Option<&'static str>,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl TokenCredential for Scripted {
        async fn get_token(&self, _: &[&str], _: Option<TokenRequestOptions<'_>>) -> azure_core::Result<AccessToken> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match self.token {
                Some(token) => Ok(AccessToken::new(token, OffsetDateTime::now_utc())),
                None => Err(azure_core::Error::with_message(ErrorKind::Credential, "\nnot here\nadvice")),
            }
        }
    }

    fn scripted(token: Option<&'static str>) -> Arc<Scripted> {
        Arc::new(Scripted { token, ..Scripted::default() })
    }

    #[tokio::test]
    async fn the_first_that_works_is_kept() {
        let (no, yes) = (scripted(None), scripted(Some("t")));
        let chain =
            Chain::new(vec![Link::new("first", Ok(erase(no.clone()))), Link::new("second", Ok(erase(yes.clone())))]);
        for _ in 0..3 {
            assert_eq!(chain.get_token(&["s"], None).await.expect("a token").token.secret(), "t");
        }
        assert_eq!((no.asked.load(Ordering::SeqCst), yes.asked.load(Ordering::SeqCst)), (1, 3));
    }

    #[tokio::test]
    async fn when_none_works_each_says_why() {
        let unusable = azure_core::Error::with_message(ErrorKind::Credential, "no token file");
        let chain = Chain::new(vec![
            Link::new("workload identity", Err(unusable)),
            Link::new("cli", Ok(erase(scripted(None)))),
        ]);
        let error = chain.get_token(&["s"], None).await.expect_err("none");
        assert_eq!(error.to_string(), "no login works (workload identity: no token file; cli: not here)");
    }
}
