//! The way to the collector: an HTTP client that remembers why it failed.
//!
//! The exporter keeps the cause of a failure to itself, because it may name the whole URL. Here the cause is kept without
//! the URL.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use opentelemetry_http::{HttpClient, HttpError, Request, Response};

use super::Error;

/// How long a connection may take. The deadline of the whole is the caller's.
const CONNECT: Duration = Duration::from_secs(5);

#[derive(Debug, Clone)]
pub(super) struct Collector {
    client: reqwest::Client,
    reason: Arc<Mutex<Option<String>>>,
}

impl Collector {
    /// A client that follows no redirects: one would carry the headers elsewhere.
    pub(super) fn new() -> Result<Self, Error> {
        // Whoever comes first installs the provider; that another one is there already is fine.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| Error::Setup { reason: chain(&error) })?;
        Ok(Self { client, reason: Arc::default() })
    }

    /// Why the last request failed, if it did.
    pub(super) fn reason(&self) -> Option<String> {
        self.reason.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, reason: Option<String>) {
        *self.reason.lock().unwrap_or_else(PoisonError::into_inner) = reason;
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        match self.client.send_bytes(request).await {
            Ok(response) => {
                let status = response.status();
                self.remember((!status.is_success()).then(|| format!("it answered {status}")));
                Ok(response)
            }
            Err(error) => {
                let error: HttpError = match error.downcast::<reqwest::Error>() {
                    Ok(error) => Box::new(error.without_url()),
                    Err(error) => error,
                };
                self.remember(Some(chain(error.as_ref())));
                Err(error)
            }
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
