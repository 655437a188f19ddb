//! Refusals in AWS's form for REST and JSON: the code in a header, the message in the body.

use serde_json::json;

use crate::answer::Answer;

/// Why a request is not served.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    /// The request contradicts the service model or the state.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "ResourceNotFoundException", message)
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(409, "ConflictException", message)
    }

    pub(super) fn over_quota(message: impl Into<String>) -> Self {
        Self::new(402, "ServiceQuotaExceededException", message)
    }

    pub(super) fn too_many_tags(message: impl Into<String>) -> Self {
        Self::new(400, "TooManyTagsException", message)
    }

    pub(super) fn connector_failed(message: impl Into<String>) -> Self {
        Self::new(424, "ConnectorFailureException", message)
    }

    pub(super) fn connector_timed_out(message: impl Into<String>) -> Self {
        Self::new(424, "ConnectorTimeoutException", message)
    }

    /// The caller's credentials are missing or not for this service.
    pub(super) fn unsigned(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(403, code, message)
    }

    /// There is no such operation.
    pub(super) fn unknown() -> Self {
        Self::new(404, "UnknownOperationException", "There is no operation of this method and path.")
    }

    /// The body cannot be read as what the model says.
    pub(super) fn unreadable(message: impl Into<String>) -> Self {
        Self::new(400, "SerializationException", message)
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        let message = format!("The local cloud does not implement {what} of AWS IoT TwinMaker.");
        Self::new(501, "NotImplemented", message)
    }

    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request to TwinMaker failed");
        Self::new(500, "InternalServerException", error.to_string())
    }

    pub(super) fn answer(self) -> Answer {
        shape(self.status, self.code, &self.message)
    }
}

/// The answer to a request that is throttled on demand.
pub(crate) fn throttled(retry_after: u32) -> Answer {
    shape(429, "ThrottlingException", "Rate exceeded").header("retry-after", &retry_after.to_string())
}

/// The answer to a request that fails on demand.
pub(crate) fn failed(status: u16, code: &str) -> Answer {
    shape(status, code, "The request failed on demand.")
}

fn shape(status: u16, code: &str, message: &str) -> Answer {
    stamped(Answer::json(status, json!({ "message": message })).header("x-amzn-errortype", code))
}

/// An answer with an id of its own, as every answer of AWS has one.
pub(super) fn stamped(answer: Answer) -> Answer {
    answer.header("x-amzn-requestid", &uuid::Uuid::new_v4().to_string())
}
