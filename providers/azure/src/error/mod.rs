//! What went wrong, typed, from any of Azure's error bodies.

mod body;
mod classify;
mod redact;

use std::{fmt, time::Duration};

pub(crate) use classify::Plane;
pub(crate) use redact::redact;

use crate::http::Answer;

/// The headers in which Azure's services state the id of a request, best first.
pub(crate) const REQUEST_IDS: [&str; 4] =
    ["x-ms-request-id", "x-ms-correlation-request-id", "request-id", "x-ms-activity-id"];

/// What a failure means for whoever asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// It passes by itself: connection lost, time-out, 5xx.
    Transient,
    /// The service asks for patience (429).
    Throttled,
    /// The cloud is not there yet: a role that has not propagated, a principal not yet known, a hub not yet active,
    /// another operation on the same resource.
    NotYet,
    /// The resource is not as the request assumed (409, 412).
    Conflict,
    /// Nothing is there (404, 410).
    NotFound,
    /// Trying again would not help.
    Permanent,
}

/// A failed request or a failed operation.
///
/// Displays as a lower-case fragment fit for "failed to ...", with the service's message and code. Never holds a
/// request's body, a header or a query string.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Details>);

#[derive(Clone, PartialEq, Eq)]
struct Details {
    kind: Kind,
    request: Option<String>,
    status: Option<u16>,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// What the failure means.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The HTTP status, when the service answered.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's error code; not every error has one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The service's message, redacted and cut to a readable length.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The service's id of the request: what its support asks for.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What the service asked us to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// An error answer of a service.
    pub(crate) fn from_answer(plane: Plane, request: String, answer: &Answer) -> Self {
        let body = body::parse(&answer.body);
        let code = body.code.or_else(|| answer.header("x-ms-error-code").map(str::to_owned));
        let kind = classify::status(plane, answer.status, code.as_deref(), &body.message);
        let message = if body.message.is_empty() {
            format!("the service answered {}", answer.status)
        } else {
            redact(&body.message)
        };
        Self(Box::new(Details {
            kind,
            request: Some(request),
            status: Some(answer.status),
            code,
            message,
            request_id: REQUEST_IDS.iter().find_map(|name| answer.header(name)).map(str::to_owned),
            retry_after: answer.retry_after(),
        }))
    }

    /// A long-running operation that ended as failed or cancelled.
    pub(crate) fn from_operation(request: String, status: &str, error: &serde_json::Value) -> Self {
        let body = body::from_value(error);
        let message = match body.message.as_str() {
            "" => format!("the operation ended as {status}"),
            message => redact(message),
        };
        let kind = classify::operation(body.code.as_deref(), &message);
        Self(Box::new(Details {
            kind,
            request: Some(request),
            status: None,
            code: body.code.or_else(|| Some(format!("Operation{status}"))),
            message,
            request_id: None,
            retry_after: None,
        }))
    }

    /// No usable answer: the connection, the time-out or the credential failed.
    pub(crate) fn from_pipeline(request: String, error: &azure_core::Error) -> Self {
        let mut failure = Self::of(classify::pipeline(error), redact(&chain(error)));
        failure.0.request = Some(request);
        failure
    }

    /// The service took longer than a request may.
    pub(crate) fn timed_out(request: String, after: Duration) -> Self {
        let mut error = Self::of(Kind::Transient, format!("no answer within {} s", after.as_secs_f32()));
        error.0.request = Some(request);
        error
    }

    /// A failure that has nothing to do with an answer.
    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self::of(Kind::Permanent, message.into())
    }

    /// The same failure under another kind, where the caller knows better than the table.
    pub(crate) fn with_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    fn of(kind: Kind, message: String) -> Self {
        Self(Box::new(Details {
            kind,
            request: None,
            status: None,
            code: None,
            message,
            request_id: None,
            retry_after: None,
        }))
    }

    #[cfg(test)]
    pub(crate) fn for_test(status: u16, body: &str) -> Self {
        let answer = Answer::for_test(status, &[], body);
        Self::from_answer(Plane::Arm, "PUT https://test/".into(), &answer)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let details = &self.0;
        if let Some(request) = &details.request {
            write!(f, "{request}: ")?;
        }
        f.write_str(&details.message)?;
        match (details.status, &details.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})")?,
            (Some(status), None) => write!(f, " ({status})")?,
            (None, Some(code)) => write!(f, " ({code})")?,
            (None, None) => {}
        }
        match &details.request_id {
            Some(id) => write!(f, " [request {id}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// The cause chain as text, without repeating what a link already says of its cause.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_a_sentence_and_keeps_its_parts() {
        let answer = Answer::for_test(
            429,
            &[("retry-after", "11"), ("x-ms-request-id", "r-1")],
            r#"{ "error": { "statusCode": 429, "message": "Maximum request rate limit reached." } }"#,
        );
        let error = Error::from_answer(Plane::DigitalTwins, "PUT https://h/jobs/imports/a".into(), &answer);
        assert_eq!(error.kind(), Kind::Throttled);
        assert_eq!(error.code(), None);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(11)));
        assert_eq!(
            error.to_string(),
            "PUT https://h/jobs/imports/a: Maximum request rate limit reached. (429) [request r-1]"
        );
    }

    /// What the real service of digital twins answered, all of it.
    #[test]
    fn every_recorded_refusal_of_the_twins_has_its_kind_code_and_words() {
        let shared = std::env::var_os("TWINCTL_SHARED").map_or_else(
            || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
            std::path::PathBuf::from,
        );
        let Ok(corpus) = std::fs::read_to_string(shared.join("data/adt-recordings/corpus.jsonl")) else {
            eprintln!("skipped: no recordings beside the repository (TWINCTL_SHARED)");
            return;
        };
        let mut refusals = 0;
        for line in corpus.lines() {
            let recording: serde_json::Value = serde_json::from_str(line).expect("a recording");
            for expected in recording["steps"].as_array().expect("steps").iter().map(|step| &step["expect"]) {
                let status = u16::try_from(expected["status"].as_u64().expect("a status")).expect("a status");
                if status < 400 {
                    continue;
                }
                let answer = Answer::for_test(status, &[], &expected["body"].to_string());
                let error = Error::from_answer(Plane::DigitalTwins, "GET https://h/".into(), &answer);
                let kind = match status {
                    401 | 403 => Kind::NotYet,
                    404 => Kind::NotFound,
                    409 | 412 => Kind::Conflict,
                    429 => Kind::Throttled,
                    500.. => Kind::Transient,
                    _ => Kind::Permanent,
                };
                assert_eq!(error.kind(), kind, "{expected}");
                assert_eq!(error.code(), expected["body"]["error"]["code"].as_str(), "{expected}");
                assert!(!error.message().starts_with("the service answered"), "{expected}");
                refusals += 1;
            }
        }
        eprintln!("{refusals} recorded refusals read");
        assert!(refusals > 100, "the recordings were found");
    }

    #[test]
    fn an_empty_body_still_says_something() {
        let error = Error::for_test(503, "");
        assert_eq!(error.to_string(), "PUT https://test/: the service answered 503 (503)");
    }
}
