//! What the service answers with: documents, nothing, or a refusal in its own words.

use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER};
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};
use uuid::Uuid;

use super::call::Version;
use super::part::etag;

const JSON: &str = "application/json; charset=utf-8";
const PROBLEM: &str = "application/problem+json; charset=utf-8";
const SEE_TWINS: &str = "See section on update apis in the documentation https://aka.ms/adtv2twins.";

/// A good answer.
#[derive(Debug)]
pub(super) struct Reply {
    status: StatusCode,
    body: Option<Value>,
    headers: Vec<(HeaderName, String)>,
}

impl Reply {
    /// 200 with a document.
    pub(super) fn document(body: Value) -> Self {
        Self { status: StatusCode::OK, body: Some(body), headers: Vec::new() }
    }

    /// 201 with a document.
    pub(super) fn created(body: Value) -> Self {
        Self { status: StatusCode::CREATED, ..Self::document(body) }
    }

    /// 202 with a document.
    pub(super) fn accepted(body: Value) -> Self {
        Self { status: StatusCode::ACCEPTED, ..Self::document(body) }
    }

    /// 204.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: None, headers: Vec::new() }
    }

    /// The same with an `ETag` header.
    pub(super) fn tagged(self, id: Uuid) -> Self {
        self.with(ETAG, etag(id))
    }

    /// The same with one more header.
    pub(super) fn with(mut self, name: HeaderName, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP response.
    pub(super) fn into_response(self) -> Response<Bytes> {
        let mut response = response(self.status, self.body.map(|body| (JSON, body)));
        for (name, value) in self.headers {
            if let Ok(value) = HeaderValue::from_str(&value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }
}

/// An error answer. Codes and words are those recorded from the service, where there is a recording.
#[derive(Debug, PartialEq)]
pub(super) struct Refusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Vec<String>,
    /// Whether the code is never repeated in a header.
    is_bare: bool,
    /// The members of an ASP.NET problem document, which stands in for the usual body when not empty.
    problem: Vec<(String, String)>,
    /// Seconds after which to come again.
    retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal of any kind.
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let (details, problem, retry_after) = Default::default();
        Self { status, code, message: message.into(), details, is_bare: false, problem, retry_after }
    }

    /// The same without `x-ms-error-code`, whatever the version.
    pub(super) fn without_code_header(self) -> Self {
        Self { is_bare: true, ..self }
    }

    /// 400 with a code.
    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 `InvalidArgument`.
    pub(super) fn argument(message: impl Into<String>) -> Self {
        Self::bad("InvalidArgument", message)
    }

    /// 400 `ValidationFailed`: the content does not fit its model; one detail for each thing that is wrong.
    pub(super) fn invalid(message: &str, details: Vec<String>) -> Self {
        Self { details, ..Self::bad("ValidationFailed", message) }
    }

    /// 400 `JsonPatchInvalid`.
    pub(super) fn patch(what: impl std::fmt::Display) -> Self {
        Self::bad("JsonPatchInvalid", format!("{what} Please provide a valid patch document. {SEE_TWINS}"))
    }

    /// 400 as ASP.NET answers when a body cannot be bound to its type: a field and what is wrong with it, each.
    pub(super) fn unbindable(problem: Vec<(String, String)>) -> Self {
        Self { problem, ..Self::bad("", "") }
    }

    /// 429: a rate limit is reached. Recorded: it has no code.
    pub(super) fn throttled(seconds: u64) -> Self {
        let message = "Maximum request rate limit reached. Please retry later.";
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "", message) }
    }

    /// 429 for a query.
    pub(super) fn quota_reached(seconds: u64) -> Self {
        let message = "The maximum query rate limit has been reached.";
        Self { retry_after: Some(seconds), ..Self::new(StatusCode::TOO_MANY_REQUESTS, "QuotaReachedError", message) }
    }

    /// 501: the local cloud does not do this.
    pub(super) fn not_implemented(what: impl std::fmt::Display) -> Self {
        let message = format!("The local cloud does not implement {what}.");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", message)
    }

    /// 500: a file could not be written; nothing was changed.
    pub(super) fn internal(error: &std::io::Error) -> Self {
        tracing::error!(%error, "cannot write a change");
        let message = "The local cloud could not write its state.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", message)
    }

    /// 404 for a twin.
    pub(super) fn no_twin(id: &str) -> Self {
        let message = format!(
            "There is no digital twin instance that exists with the ID {id}. Please verify that the twin id is valid and \
             ensure that the twin is not deleted. See section on querying the twins https://aka.ms/adtv2query."
        );
        Self::new(StatusCode::NOT_FOUND, "DigitalTwinNotFound", message)
    }

    /// The code, as the body and `x-ms-error-code` carry it.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// The message and its details in one text.
    pub(super) fn words(self) -> String {
        let mut words = self.message;
        for (at, detail) in self.details.iter().enumerate() {
            words.push_str(if at == 0 { ": " } else { " " });
            words.push_str(detail);
        }
        words
    }

    /// The HTTP response in the manner of a version.
    pub(super) fn into_response(self, version: Version) -> Response<Bytes> {
        if !self.problem.is_empty() {
            return response(self.status, Some((PROBLEM, self.problem_document())));
        }
        let mut error = match self.code {
            "" => json!({"statusCode": self.status.as_u16(), "message": self.message}),
            code => json!({"code": code, "message": self.message}),
        };
        if !self.details.is_empty() {
            let detail = |message: &String| json!({"code": self.code, "message": message});
            error["details"] = self.details.iter().map(detail).collect();
        }
        let mut response = response(self.status, Some((JSON, json!({"error": error}))));
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if version.repeats_error_code() && !self.is_bare && !self.code.is_empty() {
            response.headers_mut().insert("x-ms-error-code", HeaderValue::from_static(self.code));
        }
        response
    }

    fn problem_document(&self) -> Value {
        let errors: Value = self.problem.iter().map(|(field, what)| (field.clone(), json!([what]))).collect();
        json!({
            "errors": errors,
            "type": "https://tools.ietf.org/html/rfc7231#section-6.5.1",
            "title": "One or more validation errors occurred.",
            "status": self.status.as_u16(),
            "detail": null,
            "instance": null,
            "extensions": {"traceId": format!("|{}.", Uuid::new_v4().simple())},
        })
    }
}

/// 401, which has a shape of its own.
pub(super) fn unauthorized() -> Response<Bytes> {
    response(StatusCode::UNAUTHORIZED, Some((JSON, json!({"statusCode": 401, "message": "Unauthorized"}))))
}

/// What a host answers that names no instance; the real one has no such host.
pub(super) fn no_such_instance(name: &str) -> Response<Bytes> {
    let message = format!("There is no Azure Digital Twins instance {name} in the local cloud.");
    Refusal::new(StatusCode::NOT_FOUND, "InstanceNotFound", message).into_response(Version::V2023_10_31)
}

fn response(status: StatusCode, body: Option<(&'static str, Value)>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = status;
    if let Some((kind, body)) = body {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        *response.body_mut() = Bytes::from(body.to_string());
    }
    response
}
