//! Authorisation: the bearer token of a request.

use std::sync::Arc;

use async_trait::async_trait;
use azure_core::{
    credentials::{AccessToken, TokenCredential},
    error::ErrorKind,
    http::{
        Context, Request, StatusCode,
        policies::{Policy, PolicyResult},
    },
    time::{Duration, OffsetDateTime},
};
use reqwest::header::HeaderValue;
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::transport::is_localhost;

/// How long before its end a token is replaced.
const MARGIN: Duration = Duration::minutes(5);

/// The tokens of one scope, shared by all services that take it.
#[derive(Debug)]
pub(crate) struct Tokens {
    credential: Arc<dyn TokenCredential>,
    scope: &'static str,
    cached: Mutex<Option<Cached>>,
}

#[derive(Debug)]
struct Cached {
    token: AccessToken,
    /// It as requests with [`Scheme::Bearer`] carry it, put together once; clones share the text.
    header: HeaderValue,
}

impl Cached {
    fn new(token: AccessToken) -> azure_core::Result<Self> {
        let header = HeaderValue::try_from(format!("Bearer {}", token.token.secret()));
        let mut header = header.map_err(|_| refuse("the token cannot be put into a header"))?;
        header.set_sensitive(true);
        Ok(Self { token, header })
    }

    fn holds_at(&self, moment: OffsetDateTime) -> bool {
        self.token.expires_on > moment
    }
}

impl Tokens {
    pub(crate) fn new(credential: Arc<dyn TokenCredential>, scope: &'static str) -> Arc<Self> {
        Arc::new(Self { credential, scope, cached: Mutex::new(None) })
    }

    /// The cached token, or a new one when there is none or it ends soon. Concurrent requests wait for one fetch.
    pub(crate) async fn token(&self) -> azure_core::Result<String> {
        self.take(|cached| cached.token.token.secret().to_owned()).await
    }

    async fn take<T>(&self, what: impl FnOnce(&Cached) -> T) -> azure_core::Result<T> {
        let mut cached = self.cached.lock().await;
        let now = OffsetDateTime::now_utc();
        if let Some(token) = cached.as_ref().filter(|token| token.holds_at(now + MARGIN)) {
            return Ok(what(token));
        }
        let fetched = self.credential.get_token(&[self.scope], None).await;
        match (fetched, cached.as_ref()) {
            (Ok(token), _) => Ok(what(cached.insert(Cached::new(token)?))),
            // The old one still holds: better than to fail now.
            (Err(_), Some(old)) if old.holds_at(now) => Ok(what(old)),
            (Err(error), _) => Err(error),
        }
    }

    async fn forget(&self) {
        *self.cached.lock().await = None;
    }
}

/// How a token is written into the `authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    /// As everybody does.
    Bearer,
    /// As Cosmos DB does: a form of its own, which is then URL-encoded.
    Cosmos,
}

impl Scheme {
    fn header(self, token: &str) -> String {
        match self {
            Self::Bearer => format!("Bearer {token}"),
            Self::Cosmos => {
                url::form_urlencoded::byte_serialize(format!("type=aad&ver=1.0&sig={token}").as_bytes()).collect()
            }
        }
    }
}

/// Puts a token on requests to one host.
///
/// Unlike azure_core's own policy it lets plain HTTP pass to this machine, and refuses a request to any other host:
/// the URLs that are followed (poll URLs, next pages) come from answers, and a token must not follow them anywhere.
#[derive(Debug, Clone)]
pub(crate) struct Bearer {
    tokens: Arc<Tokens>,
    home: Url,
    scheme: Scheme,
}

impl Bearer {
    pub(crate) fn new(tokens: Arc<Tokens>, home: Url, scheme: Scheme) -> Self {
        Self { tokens, home, scheme }
    }

    /// The value of `Authorization` for a request to `url`, as everybody but Cosmos DB has it.
    pub(crate) async fn header(&self, url: &Url) -> azure_core::Result<HeaderValue> {
        check(&self.home, url)?;
        self.tokens.take(|cached| cached.header.clone()).await
    }

    /// Takes note that the service did not take the token: the next request fetches another one.
    pub(crate) async fn refused(&self) {
        self.tokens.forget().await;
    }
}

/// Whether a token for `home` may go to a URL.
pub(crate) fn check(home: &Url, url: &Url) -> azure_core::Result<()> {
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(url));
    if !safe {
        return Err(refuse("a token is not sent over plain HTTP"));
    }
    if !belongs(home, url) {
        let host = url.host_str().unwrap_or("?").to_owned();
        return Err(refuse(format!("the service refers to another host, {host}: no token is sent there")));
    }
    Ok(())
}

fn refuse(message: impl Into<std::borrow::Cow<'static, str>>) -> azure_core::Error {
    azure_core::Error::with_message(ErrorKind::Other, message)
}

/// Whether a URL lies on the home host (an explicit default port is the same place) or below it.
fn belongs(home: &Url, url: &Url) -> bool {
    let (Some(home_host), Some(host)) = (home.host_str(), url.host_str()) else { return false };
    let below = host.strip_suffix(home_host).is_some_and(|rest| rest.ends_with('.'));
    (host == home_host || below)
        && home.scheme() == url.scheme()
        && home.port_or_known_default() == url.port_or_known_default()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => is_localhost(name),
        None => false,
    }
}

// The trait elides the context's lifetime, and under async_trait an implementation has to as well.
#[allow(elided_lifetimes_in_paths)]
#[async_trait]
impl Policy for Bearer {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        check(&self.home, request.url())?;
        let token = self.tokens.token().await?;
        request.insert_header("authorization", self.scheme.header(&token));
        let response = next[0].send(ctx, request, &next[1..]).await?;
        if response.status() == StatusCode::Unauthorized {
            // It may have been revoked.
            self.refused().await;
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn tokens_stay_with_their_host() {
        let home = url("https://management.azure.com/");
        assert!(belongs(&home, &url("https://management.azure.com:443/subscriptions/x?y=%3d")));
        assert!(belongs(&home, &url("https://westeurope.management.azure.com/x")));
        assert!(!belongs(&home, &url("https://evilmanagement.azure.com/x")));
        assert!(!belongs(&home, &url("https://management.azure.com.evil.example/x")));
        assert!(!belongs(&home, &url("http://management.azure.com/x")));
        assert!(!belongs(&url("http://127.0.0.1:1/"), &url("http://127.0.0.1:2/")));
    }

    #[test]
    fn plain_http_is_for_this_machine() {
        assert!(is_this_machine(&url("http://127.0.0.1:8080")));
        assert!(is_this_machine(&url("http://[::1]:8080")));
        assert!(is_this_machine(&url("http://a.adt.localhost")));
        assert!(!is_this_machine(&url("http://192.168.0.1")));
    }
}
