//! What a function answers, whatever host it runs under.

use std::time::Duration;

use serde_json::{Map, Value, json};

/// How a call ended; one stable name each, which callers may rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The twin has the values.
    Updated,
    /// Nothing of what was sent had to be written: it is older than what is there, or the same.
    NothingToDo,
    /// The item is in storage.
    Stored,
    /// The telemetry was handed on.
    Forwarded,
    /// What was asked for is in the answer, which has a form of its own.
    Found,
    /// The answer to the handshake by which Event Grid makes sure of a subscriber.
    Validated,
    /// The body is not what the function takes; the message says where.
    Malformed,
    /// The token is wrong or missing.
    Unauthorized,
    /// There is no such function, or no such path.
    NotFound,
    /// The method is not the function's.
    MethodNotAllowed,
    /// The device has no twin.
    UnknownDevice,
    /// The body is too large.
    TooLarge,
    /// The service behind the function is at its limit; come again after the given time.
    Throttled,
    /// A setting that the function needs is missing or not readable; the message names it.
    Misconfigured,
    /// The service behind the function failed.
    Upstream,
    /// The service behind the function is not there yet.
    NotReady,
    /// The service behind the function did not answer within the function's own time.
    TimedOut,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 17] = [
        Self::Updated,
        Self::NothingToDo,
        Self::Stored,
        Self::Forwarded,
        Self::Found,
        Self::Validated,
        Self::Malformed,
        Self::Unauthorized,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::UnknownDevice,
        Self::TooLarge,
        Self::Throttled,
        Self::Misconfigured,
        Self::Upstream,
        Self::NotReady,
        Self::TimedOut,
    ];

    /// The stable name, `unknown-device`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Updated => "updated",
            Self::NothingToDo => "nothing-to-do",
            Self::Stored => "stored",
            Self::Forwarded => "forwarded",
            Self::Found => "found",
            Self::Validated => "validated",
            Self::Malformed => "malformed",
            Self::Unauthorized => "unauthorized",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::UnknownDevice => "unknown-device",
            Self::TooLarge => "too-large",
            Self::Throttled => "throttled",
            Self::Misconfigured => "misconfigured",
            Self::Upstream => "upstream",
            Self::NotReady => "not-ready",
            Self::TimedOut => "timed-out",
        }
    }

    /// The HTTP status that goes with it.
    #[must_use]
    pub const fn status(self) -> u16 {
        match self {
            Self::Updated | Self::NothingToDo | Self::Stored | Self::Forwarded | Self::Found | Self::Validated => 200,
            Self::Malformed => 400,
            Self::Unauthorized => 401,
            Self::NotFound | Self::UnknownDevice => 404,
            Self::MethodNotAllowed => 405,
            Self::TooLarge => 413,
            Self::Throttled => 429,
            Self::Misconfigured => 500,
            Self::Upstream => 502,
            Self::NotReady => 503,
            Self::TimedOut => 504,
        }
    }

    /// The code of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.name() == name)
    }

    /// Whether the call did what it was asked to do.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.status() < 300
    }
}

/// The answer of a function: a code, a sentence, and what else a caller may use.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// How it ended.
    pub code: Code,
    /// One sentence for people; holds no token, no value that was sent, nothing of what lies behind the function.
    pub message: String,
    /// When to come again, where that is known.
    pub retry_after: Option<Duration>,
    /// Further members of the body, for example the properties that were left out.
    pub details: Map<String, Value>,
    /// The whole body, where the one who asked wants a form of its own.
    pub document: Option<Box<Value>>,
    /// The device that the call was about, for the log; no part of the body.
    pub device: Option<String>,
}

impl Answer {
    /// An answer of a code and a sentence.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), retry_after: None, details: Map::new(), document: None, device: None }
    }

    /// What was asked for, as the body.
    #[must_use]
    pub fn found(document: Value) -> Self {
        Self { document: Some(Box::new(document)), ..Self::new(Code::Found, "the values are in the answer") }
    }

    /// The same with the time after which to come again.
    #[must_use]
    pub fn retry_after(mut self, after: Option<Duration>) -> Self {
        self.retry_after = after;
        self
    }

    /// The same with a further member of the body.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The same about a device.
    #[must_use]
    pub fn about(mut self, device: impl Into<String>) -> Self {
        self.device = Some(device.into());
        self
    }

    /// The JSON body: `code`, `message` and the details, unless there is a document.
    #[must_use]
    pub fn body(&self) -> Value {
        if let Some(document) = &self.document {
            return Value::clone(document);
        }
        let mut body = self.details.clone();
        body.insert("code".into(), self.code.name().into());
        body.insert("message".into(), json!(self.message));
        body.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_names_of_their_own() {
        let names: std::collections::BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| Code::from_name(code.name()) == Some(*code)));
    }

    #[test]
    fn a_body_tells_code_and_details() {
        let answer =
            Answer::new(Code::NothingToDo, "the twin has newer values").detail("ignored", vec!["colour"]).about("d");
        let body = serde_json::json!({
            "code": "nothing-to-do", "message": "the twin has newer values", "ignored": ["colour"]
        });
        assert_eq!(answer.body(), body);
    }
}
