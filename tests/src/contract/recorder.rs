//! The policy that keeps every exchange, for validation when the work is done.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use azure::azure_core::http::{
    AsyncRawResponse, Body, Context, Request,
    headers::Headers,
    policies::{Policy, PolicyResult},
};
use bytes::Bytes;
use url::Url;

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
}

/// One request as it went out, and its answer if one came.
#[derive(Clone, PartialEq, Eq)]
pub struct Exchange {
    /// The HTTP method, in capitals.
    pub method: String,
    /// The whole URL.
    pub url: Url,
    /// The headers, names in lower case, without the authorization.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Bytes,
    /// The answer; `None` when it was lost.
    pub answer: Option<Answer>,
}

// Bodies may hold secrets (an app's settings): neither is printed.
impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = self.answer.as_ref().map(|answer| answer.status);
        write!(f, "{} {} -> {answer:?}", self.method, self.url.path())
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with {} bytes", self.status, self.body.len())
    }
}

/// Keeps every exchange of the pipelines that it is given to (`azure::Options::per_try_policies`).
#[derive(Default)]
pub struct Recorder {
    exchanges: Mutex<Vec<Exchange>>,
}

impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recorder with {} exchanges", self.lock().len())
    }
}

impl Recorder {
    /// An empty recorder, ready to be shared with a pipeline.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// What was recorded so far, in order of the answers.
    #[must_use]
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.lock().clone()
    }

    /// Takes what was recorded so far; the recorder goes on empty.
    #[must_use]
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Exchange>> {
        self.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// The trait elides the context's lifetime, and under async_trait an implementation has to as well.
#[allow(elided_lifetimes_in_paths)]
#[async_trait]
impl Policy for Recorder {
    async fn send(&self, ctx: &Context, request: &mut Request, next: &[Arc<dyn Policy>]) -> PolicyResult {
        let mut exchange = Exchange {
            method: request.method().to_string().to_ascii_uppercase(),
            url: request.url().clone(),
            headers: read(request.headers()),
            body: match request.body() {
                Body::Bytes(bytes) => bytes.clone(),
                // Ours send no streams; one would be seen as an empty body.
                Body::SeekableStream(_) => Bytes::new(),
            },
            answer: None,
        };
        exchange.headers.remove("authorization");
        let sent = next[0].send(ctx, request, &next[1..]).await;
        let kept = match sent {
            Ok(response) => {
                let (status, headers, body) = response.deconstruct();
                let body = body.collect().await;
                let answered =
                    |body: &Bytes| Answer { status: status.into(), headers: read(&headers), body: body.clone() };
                exchange.answer = body.as_ref().ok().map(answered);
                body.map(|body| AsyncRawResponse::from_bytes(status, headers, body))
            }
            Err(error) => Err(error),
        };
        self.lock().push(exchange);
        kept
    }
}

fn read(headers: &Headers) -> BTreeMap<String, String> {
    headers.iter().map(|(name, value)| (name.as_str().to_ascii_lowercase(), value.as_str().to_owned())).collect()
}
