//! What is said to this cloud and what it answers, written down on request: one exchange a line.
//!
//! Headers that hold credentials are left out. Bodies are not looked into: an app's settings, say, hold secrets. The file
//! is therefore its owner's alone (mode 0600), and nothing is written unless somebody asks for it.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, SET_COOKIE};
use axum::http::{HeaderMap, Request, Response};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::listen::Service;

/// Bodies larger than this many bytes are left out.
const LARGEST: usize = 4 * 1024 * 1024;
/// Headers that hold keys, besides those that HTTP itself knows.
const KEYS: [&str; 3] = ["x-functions-key", "x-identity-header", "aeg-sas-key"];

/// One request with its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// The service that was asked, one of [`crate::endpoints::NAMES`].
    pub service: String,
    /// The HTTP method.
    pub method: String,
    /// The whole URL as the client meant it.
    pub url: String,
    /// The request's headers, without those that hold credentials.
    pub headers: BTreeMap<String, String>,
    /// The request's body; `None` when it is no text or too large.
    pub body: Option<String>,
    /// What came back; `None` when the reply was lost on demand.
    pub answer: Option<Answered>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// The HTTP status.
    pub status: u16,
    /// The headers, without those that hold credentials.
    pub headers: BTreeMap<String, String>,
    /// The body; `None` when it is no text or too large.
    pub body: Option<String>,
}

/// Where exchanges go, when somebody asked for them.
#[derive(Debug, Default)]
pub(crate) struct Recording(Mutex<Option<(PathBuf, File)>>);

impl Recording {
    /// Appends what is said from now on to a file, instead of any other.
    pub(crate) fn start(&self, path: &Path) -> io::Result<()> {
        let file = File::options().create(true).append(true).mode(0o600).open(path)?;
        // One that was there before may be open to others.
        file.set_permissions(Permissions::from_mode(0o600))?;
        *self.lock() = Some((path.to_owned(), file));
        Ok(())
    }

    /// Stops; whatever is under way is left out.
    pub(crate) fn stop(&self) {
        *self.lock() = None;
    }

    /// The file that exchanges go to.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        self.lock().as_ref().map(|(path, _)| path.clone())
    }

    /// Takes a request down; nothing when nobody asked.
    pub(crate) fn hear(&self, service: Service, request: &Request<Bytes>) -> Option<Exchange> {
        self.lock().as_ref()?;
        Some(Exchange {
            service: service.name().to_owned(),
            method: request.method().to_string(),
            url: url(service, request),
            headers: headers(request.headers()),
            body: text(request.body()),
            answer: None,
        })
    }

    /// Adds the answer and writes both.
    pub(crate) async fn note(&self, mut exchange: Exchange, response: Response<Body>) -> Response<Body> {
        let (parts, body) = response.into_parts();
        // Answers are whole in memory when they get here, or streamed from a function process that may fail.
        let body = match axum::body::to_bytes(body, usize::MAX).await {
            Ok(body) => body,
            Err(error) => {
                tracing::debug!(%error, "an answer ended early while it was recorded");
                Bytes::new()
            }
        };
        exchange.answer =
            Some(Answered { status: parts.status.as_u16(), headers: headers(&parts.headers), body: text(&body) });
        self.write(&exchange);
        Response::from_parts(parts, Body::from(body))
    }

    /// Writes an exchange whose reply is lost on demand.
    pub(crate) fn lose(&self, exchange: &Exchange) {
        self.write(exchange);
    }

    fn write(&self, exchange: &Exchange) {
        let mut recording = self.lock();
        let Some((path, file)) = recording.as_mut() else { return };
        let mut line = match serde_json::to_vec(exchange) {
            Ok(line) => line,
            Err(error) => return tracing::warn!(%error, "an exchange could not be recorded"),
        };
        line.push(b'\n');
        if let Err(error) = file.write_all(&line) {
            tracing::warn!(%error, path = %path.display(), "exchanges are not recorded any more");
            *recording = None;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(PathBuf, File)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn url(service: Service, request: &Request<Bytes>) -> String {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if service.is_tls() { "https" } else { "http" };
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    format!("{scheme}://{host}{target}")
}

fn headers(all: &HeaderMap) -> BTreeMap<String, String> {
    let shown = all
        .iter()
        .filter(|(name, _)| ![AUTHORIZATION, COOKIE, SET_COOKIE].contains(name) && !KEYS.contains(&name.as_str()));
    shown.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned()))).collect()
}

fn text(body: &Bytes) -> Option<String> {
    if body.len() > LARGEST {
        return None;
    }
    std::str::from_utf8(body).ok().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> Request<Bytes> {
        let builder = Request::put("/models?api-version=1").header("host", "a.adt.localhost:1");
        let builder = builder.header("authorization", "Bearer secret").header("x-functions-key", "secret");
        builder.header("if-match", "*").body(Bytes::from("[1]")).unwrap()
    }

    #[tokio::test]
    async fn an_exchange_is_written_without_its_credentials_and_only_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("said.jsonl");
        std::fs::write(&path, "").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let recording = Recording::default();
        assert!(recording.hear(Service::Adt, &request()).is_none());
        recording.start(&path).unwrap();
        let heard = recording.hear(Service::Adt, &request()).unwrap();
        let response = Response::builder().status(201).body(Body::from("[2]")).unwrap();
        let response = recording.note(heard, response).await;
        assert_eq!(axum::body::to_bytes(response.into_body(), 10).await.unwrap(), "[2]");
        let written = std::fs::read_to_string(&path).unwrap();
        assert!(!written.contains("secret"), "{written}");
        let exchange: Exchange = serde_json::from_str(&written).unwrap();
        assert_eq!(exchange.url, "https://a.adt.localhost:1/models?api-version=1");
        assert_eq!(exchange.headers.get("if-match").map(String::as_str), Some("*"));
        assert_eq!(exchange.answer.map(|answer| (answer.status, answer.body)), Some((201, Some("[2]".to_owned()))));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        recording.stop();
        assert!(recording.hear(Service::Adt, &request()).is_none());
    }
}
