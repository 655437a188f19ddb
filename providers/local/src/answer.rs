//! An HTTP answer while it is being put together, and the error shapes that services share.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use bytes::Bytes;
use serde_json::{Value, json};

const JSON: &str = "application/json; charset=utf-8";

/// Status, headers and body of an answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Payload,
}

#[derive(Clone, Debug)]
enum Payload {
    Empty,
    Json(Value),
    JsonText(String),
    Text(String),
}

impl Answer {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Empty }
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Json(body) }
    }

    /// JSON that is text already.
    pub(crate) fn json_text(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body: Payload::JsonText(body) }
    }

    pub(crate) fn text(status: u16, body: String) -> Self {
        Self { status, headers: Vec::new(), body: Payload::Text(body) }
    }

    /// `{error: {code, message}}`, the shape of Resource Manager and most of its providers.
    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, json!({ "error": { "code": code, "message": message } }))
    }

    /// 501 that names what was asked for.
    pub(crate) fn not_implemented(what: &str, request: &Request<Bytes>) -> Self {
        let (method, path) = (request.method().as_str(), request.uri().path());
        let version = crate::query::value(request, "api-version");
        let versioned = version.as_deref().map_or(String::new(), |version| format!(" (api-version {version})"));
        let message = format!("The local cloud does not implement {what}: {method} {path}{versioned}");
        let error = json!({ "code": "NotImplemented", "message": message });
        Self::json(501, json!({ "error": error, "method": method, "path": path, "apiVersion": version }))
    }

    #[must_use]
    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let (body, kind) = match self.body {
            Payload::Empty => (Body::empty(), None),
            Payload::Json(value) => (Body::from(value.to_string()), Some(JSON)),
            Payload::JsonText(text) => (Body::from(text), Some(JSON)),
            Payload::Text(text) => (Body::from(text), Some("text/plain; charset=utf-8")),
        };
        let mut response = Response::new(body);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Some(kind) = kind {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        let request_id = uuid::Uuid::new_v4().to_string();
        for (name, value) in self.headers.into_iter().chain([("x-ms-request-id", request_id)]) {
            // A value that HTTP cannot carry is left out; all of ours are made of ids and numbers.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        response
    }
}
