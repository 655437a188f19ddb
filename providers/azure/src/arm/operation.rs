//! Long-running operations, by the rules of Resource Manager's asynchronous API.
//!
//! - PUT and PATCH answer 200 or 201 with a `properties.provisioningState`; only Succeeded, Failed and Canceled are its
//!   ends, none at all means Succeeded, and anything else is still running.
//! - An `Azure-AsyncOperation` URL answers 200 with `{status, error}`; when it has succeeded, the resource is read.
//! - A `Location` URL counts with a 202 only (a 201 names the created resource by it) and answers 202 until it ends.
//! - With both, the `Azure-AsyncOperation` is polled; a POST then reads its result from the `Location`.
//! - URLs are followed verbatim, port and escapes included.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{Error, http::Answer};

/// The method that began an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Create or replace.
    Put,
    /// Change.
    Patch,
    /// Delete.
    Delete,
    /// Act.
    Post,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Post => "POST",
        }
    }
}

/// What to poll.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Follow {
    /// The operation's status document.
    AsyncOperation {
        /// Where it is, verbatim.
        url: Url,
    },
    /// The answer-to-be.
    Location {
        /// Where it will be, verbatim.
        url: Url,
    },
    /// The resource itself.
    ProvisioningState,
}

/// A running operation, complete enough to be polled by another process after a crash. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The method that began it.
    pub verb: Verb,
    /// The resource's id (for POST: the action's).
    pub resource: String,
    /// The api-version of the call.
    pub api_version: String,
    /// What to poll.
    pub follow: Follow,
    /// Where a POST's result will be, when that is not what is polled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Url>,
    /// The wait before the first poll, in milliseconds, when the service named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Operation {
    /// The wait before the first poll, when the service named one.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after_ms.map(Duration::from_millis)
    }

    /// An operation on a resource that was found under way (its provisioning state has not ended), begun by whomever.
    #[must_use]
    pub fn under_way(verb: Verb, id: &str, api_version: &str) -> Self {
        Self {
            verb,
            resource: id.to_owned(),
            api_version: api_version.to_owned(),
            follow: Follow::ProvisioningState,
            result: None,
            retry_after_ms: None,
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.verb.as_str(), self.resource)
    }
}

/// What became of a call that may take its time.
// One value per call, taken apart at once: a box would only be in the reader's way.
#[allow(clippy::large_enum_variant)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// It is done; the resource, or the result, when the service sent one.
    Done(Option<Value>),
    /// It goes on.
    Running(Operation),
}

/// What a look at an operation showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Poll {
    /// It goes on.
    Running {
        /// The wait before the next look.
        retry_after: Duration,
        /// The service's word for where it is.
        status: String,
    },
    /// It is done; for PUT and PATCH the resource as it is now.
    Done(Option<Value>),
}

/// Where an operation or a resource is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Status {
    Running(String),
    Succeeded,
    Ended { status: String, error: Value },
}

impl Status {
    fn of(status: &str, error: impl FnOnce() -> Value) -> Self {
        match status.to_ascii_lowercase().as_str() {
            "succeeded" => Self::Succeeded,
            "failed" | "canceled" | "cancelled" => Self::Ended { status: status.to_owned(), error: error() },
            _ => Self::Running(status.to_owned()),
        }
    }
}

/// What a successful answer to a call means.
pub(super) fn submitted(verb: Verb, id: &str, api_version: &str, answer: &Answer) -> Result<Submitted, Error> {
    let body = answer.json();
    let header = |name: &str| answer.header(name).filter(|url| !url.is_empty()).map(parse_url).transpose();
    let location = if answer.status == 202 { header("location")? } else { None };
    let follow = match (header("azure-asyncoperation")?, &location) {
        (Some(url), _) => Follow::AsyncOperation { url },
        (None, Some(url)) => Follow::Location { url: url.clone() },
        (None, None) if is_done(verb, answer.status, body.as_ref()) => return finished(verb, id, body),
        (None, None) => Follow::ProvisioningState,
    };
    let result = match &follow {
        Follow::AsyncOperation { .. } if verb == Verb::Post => location,
        _ => None,
    };
    let retry_after_ms = answer.retry_after().map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
    let (resource, api_version) = (id.to_owned(), api_version.to_owned());
    Ok(Submitted::Running(Operation { verb, resource, api_version, follow, result, retry_after_ms }))
}

fn is_done(verb: Verb, status: u16, body: Option<&Value>) -> bool {
    match verb {
        // A 202 with nothing to follow: an action is taken as accepted, a deletion is watched until it shows.
        Verb::Post => true,
        Verb::Delete => status != 202,
        Verb::Put | Verb::Patch => {
            let running = body.is_some_and(|body| matches!(state_of(body), Status::Running(_)));
            !running && (status != 202 || body.is_some())
        }
    }
}

fn finished(verb: Verb, id: &str, body: Option<Value>) -> Result<Submitted, Error> {
    match (verb, body) {
        (Verb::Delete, _) => Ok(Submitted::Done(None)),
        (Verb::Put | Verb::Patch, Some(body)) => match state_of(&body) {
            Status::Ended { status, error } => {
                Err(Error::from_operation(format!("{} {id}", verb.as_str()), &status, &error))
            }
            _ => Ok(Submitted::Done(Some(body))),
        },
        (_, body) => Ok(Submitted::Done(body)),
    }
}

/// The state of a resource, by its provisioning state.
pub(super) fn state_of(body: &Value) -> Status {
    match body.pointer("/properties/provisioningState").and_then(Value::as_str) {
        None | Some("") => Status::Succeeded,
        Some(state) => Status::of(state, || body.pointer("/properties/error").cloned().unwrap_or_default()),
    }
}

/// The state of an operation, by its status document.
pub(super) fn status_of(answer: &Answer) -> Status {
    let body = answer.json().unwrap_or_default();
    match body.get("status").and_then(Value::as_str) {
        Some(status) => Status::of(status, || body.get("error").cloned().unwrap_or_default()),
        // Not by the rules, but seen: 202 without a body while it runs, the resource itself at the end.
        None if answer.status == 202 => Status::Running("InProgress".into()),
        None => state_of(&body),
    }
}

/// A URL out of an answer.
pub(super) fn parse_url(text: &str) -> Result<Url, Error> {
    Url::parse(text).map_err(|error| Error::permanent(format!("the service refers to an unusable URL: {error}")))
}
