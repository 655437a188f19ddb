//! Answers of blob storage: headers that all share, errors and lists in XML.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use chrono::{DateTime, Utc};

use super::store::Blob;

/// The version that is answered when the request names none.
const VERSION: &str = "2023-11-03";

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

/// An answer while it is put together.
#[derive(Debug)]
pub(super) struct Reply {
    response: Response<Body>,
}

impl Reply {
    pub(super) fn new(status: u16, body: impl Into<Body>) -> Self {
        let mut response = Response::new(body.into());
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { response }
    }

    pub(super) fn xml(status: u16, content: &str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{content}");
        Self::new(status, text).header("content-type", "application/xml")
    }

    /// A refusal; a HEAD gets it without a body.
    pub(super) fn refused(refusal: &Refusal, is_head: bool) -> Self {
        let Refusal { status, code, message } = refusal;
        let text = format!("<Error><Code>{code}</Code><Message>{}</Message></Error>", escaped(message));
        let reply =
            if is_head || *status == 304 { Self::new(*status, Body::empty()) } else { Self::xml(*status, &text) };
        reply.header("x-ms-error-code", code)
    }

    /// Adds a header; a value that HTTP cannot carry is left out.
    #[must_use]
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            self.response.headers_mut().insert(name, value);
        }
        self
    }

    /// Adds what is known of a blob, without its length.
    #[must_use]
    pub(super) fn properties(mut self, blob: &Blob) -> Self {
        for (name, value) in &blob.headers {
            self = self.header(name, value);
        }
        self.stamps(blob)
            .header("content-type", &blob.content_type)
            .header("x-ms-creation-time", &http_date(blob.created))
            .header("x-ms-blob-type", if blob.is_append { "AppendBlob" } else { "BlockBlob" })
            .header("x-ms-lease-status", "unlocked")
            .header("x-ms-lease-state", "available")
            .header("x-ms-server-encrypted", "true")
            .header("accept-ranges", "bytes")
    }

    /// Adds what identifies this state of a blob.
    #[must_use]
    pub(super) fn stamps(self, blob: &Blob) -> Self {
        self.header("etag", &blob.etag).header("last-modified", &http_date(blob.modified))
    }

    pub(super) fn finish(self, version: Option<&str>, request_id: Option<&str>) -> Response<Body> {
        let reply = self
            .header("x-ms-version", version.unwrap_or(VERSION))
            .header("x-ms-request-id", &uuid::Uuid::new_v4().to_string())
            .header("server", "Windows-Azure-Blob/1.0");
        match request_id {
            Some(id) => reply.header("x-ms-client-request-id", id).response,
            None => reply.response,
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(at: DateTime<Utc>) -> String {
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// A text as XML content; characters that XML cannot hold are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            character if character < ' ' && !matches!(character, '\t' | '\n' | '\r') => {}
            character => escaped.push(character),
        }
    }
    escaped
}
