//! A webhook: events are posted as CloudEvents in structured JSON, signed by the Standard Webhooks specification.
//!
//! One event is `application/cloudevents+json`, several are one `application/cloudevents-batch+json`. A batch that is sent
//! again has the same `webhook-id`, with a new `webhook-timestamp` and so another signature: a receiver that keeps ids for a
//! while takes each batch once, and one that refuses old timestamps is safe from replays.

use std::{fmt, time::Duration};

use async_trait::async_trait;
use chrono::Utc;
use reqwest::{StatusCode, header};
use url::{Host, Url};

use super::{Error, Secret, Sink, signature};
use crate::{Event, names};

/// How long one request may take, its answer included (Standard Webhooks recommends 15 to 30 s).
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// A receiver of webhooks.
#[derive(Clone)]
pub struct Webhook {
    url: Url,
    secret: Secret,
    client: reqwest::Client,
}

/// Why a URL is none that events are posted to. Displays fit after "failed to take the webhook's URL: ".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not encrypted, and not on this machine.
    #[error("it is neither https nor on this machine")]
    Scheme,
    /// It holds a user name or a password.
    #[error("it holds a user name or a password; the signature says who sends")]
    Credentials,
    /// No client can be made for it.
    #[error("no client can be made: {0}")]
    Client(String),
}

impl Webhook {
    /// A receiver; sends nothing yet. Redirects are not followed, and no proxy of the environment is taken.
    ///
    /// # Errors
    /// [`BadUrl`].
    pub fn new(url: Url, secret: Secret) -> Result<Self, BadUrl> {
        if url.scheme() != "https" && !(url.scheme() == "http" && is_here(&url)) {
            return Err(BadUrl::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadUrl::Credentials);
        }
        // Whoever comes first installs the provider; that another one is there already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            .user_agent("twinctl")
            .build()
            .map_err(|error| BadUrl::Client(error.to_string()))?;
        Ok(Self { url, secret, client })
    }
}

#[async_trait]
impl Sink for Webhook {
    /// A digest: receivers put keys into paths and queries.
    fn id(&self) -> String {
        format!("webhook-{}", names::digest(self.url.as_str().as_bytes(), 8))
    }

    async fn send(&self, batch: &[Event]) -> Result<(), Error> {
        let (kind, body) = body(batch);
        let (id, timestamp) = (signature::message_id(batch), Utc::now().timestamp());
        let request = self
            .client
            .post(self.url.clone())
            .header(header::CONTENT_TYPE, kind)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature::sign(&self.secret, &id, timestamp, &body))
            .header("webhook-id", id)
            .body(body);
        // Neither the URL nor the answer's body is told: both may hold secrets.
        let answer = request.send().await.map_err(|error| Error::refused(chain(&error.without_url())))?;
        if answer.status().is_success() { Ok(()) } else { Err(refusal(answer.status(), answer.headers())) }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook").field("id", &self.id()).field("host", &self.url.host_str()).finish_non_exhaustive()
    }
}

/// Whether a URL's host is this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn body(batch: &[Event]) -> (&'static str, Vec<u8>) {
    let (kind, body) = match batch {
        [event] => ("application/cloudevents+json", serde_json::to_vec(event)),
        several => ("application/cloudevents-batch+json", serde_json::to_vec(several)),
    };
    (kind, body.expect("events are plain data"))
}

fn refusal(status: StatusCode, headers: &header::HeaderMap) -> Error {
    let seconds = headers.get(header::RETRY_AFTER).and_then(|text| text.to_str().ok()?.trim().parse().ok());
    Error::Refused { reason: format!("it answered {}", status.as_u16()), retry_after: seconds.map(Duration::from_secs) }
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |link| link.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

#[cfg(test)]
mod tests;
