//! Refusals in Cosmos DB's shape.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::answer::Answer;

/// An error answer that the service gives.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    sub_status: u32,
    code: &'static str,
    message: String,
}

impl Refusal {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, sub_status: 0, code, message: message.into() }
    }

    /// The same with `x-ms-substatus`, by which clients tell refusals of one status apart.
    pub(super) fn sub(mut self, sub_status: u32) -> Self {
        self.sub_status = sub_status;
        self
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// An item, a container or a database that is not there.
    pub(super) fn not_found() -> Self {
        Self::new(404, "NotFound", "Resource Not Found. Learn more: https://aka.ms/cosmosdb-tsg-not-found")
    }

    /// What should hold the thing that was asked for is not there.
    pub(super) fn no_owner() -> Self {
        Self::new(404, "NotFound", "Owner resource does not exist").sub(1003)
    }

    pub(super) fn conflict() -> Self {
        Self::new(409, "Conflict", "Entity with the specified id already exists in the system.")
    }

    pub(super) fn precondition() -> Self {
        let message = "Operation cannot be performed because one of the specified precondition is not met.";
        Self::new(412, "PreconditionFailed", message)
    }

    pub(super) fn too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "Request size is too large")
    }

    /// What this cloud does not do, by name.
    pub(super) fn not_implemented(what: &str) -> Self {
        Self::new(501, "NotImplemented", format!("The local cloud does not implement {what}"))
    }

    /// The state could not be written; the cause goes to the log.
    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "items could not be kept");
        Self::new(500, "InternalServerError", "The local cloud could not keep its items.")
    }

    pub(super) fn answer(self) -> Answer {
        let activity = Uuid::new_v4().to_string();
        let lines = json!({ "Errors": [self.message] });
        // Syntax errors come as they are; all others wrapped, as the service's replicas report them.
        let message = match self.message.starts_with('{') || self.status == 501 {
            true => self.message.clone(),
            false => format!("Message: {lines}\r\nActivityId: {activity}"),
        };
        let body: Value = json!({ "code": self.code, "message": message });
        Answer::json(self.status, body)
            .header("x-ms-activity-id", &activity)
            .header("x-ms-substatus", &self.sub_status.to_string())
            .header("x-ms-request-charge", "1")
    }
}

/// Throttling on demand.
pub(crate) fn throttled(retry_after: u32) -> Answer {
    let message =
        "The request rate is too large. Please retry after sometime. Learn more: http://aka.ms/cosmosdb-error-429";
    let wait = (u64::from(retry_after) * 1000).to_string();
    Refusal::new(429, "TooManyRequests", message).sub(3200).answer().header("x-ms-retry-after-ms", &wait)
}

/// A failure on demand, with the code that it was asked to have.
pub(crate) fn failed(status: u16, code: &str) -> Answer {
    Answer::json(
        status,
        json!({ "code": code, "message": "Message: {\"Errors\":[\"The request failed on demand.\"]}" }),
    )
    .header("x-ms-activity-id", &Uuid::new_v4().to_string())
    .header("x-ms-substatus", "0")
}
